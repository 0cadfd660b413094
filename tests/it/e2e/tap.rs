//! Listening in on the wire, and looking through everything that a run has left: for tests that secrets are on the one
//! and nowhere in the other.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What stands before a value that must stay secret: in JSON, in forms, in addresses, in headers.
const MARKS: [&str; 16] = [
    "\"access_token\":\"",
    "\"refresh_token\":\"",
    "\"id_token\":\"",
    "\"device_code\":\"",
    "Bearer ",
    "bearer ",
    "&refresh_token=",
    "&client_assertion=",
    "&client_secret=",
    "&code=",
    "?code=",
    "&code_verifier=",
    "&device_code=",
    "&state=",
    "&nonce=",
    "&code_challenge=",
];

/// What stands before the state of a link: worth nothing without a token, and kept by a running bmsync.
const LINKS: [&str; 2] = ["$skiptoken=", "$deltatoken="];

/// Passes bytes on, and keeps what went by.
pub struct Tap {
    /// Where it listens.
    pub url: String,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    /// In front of that address.
    pub fn on(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&heard);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&target) else { continue };
                let (Ok(from_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else { continue };
                let (up, down) = (Arc::clone(&keep), Arc::clone(&keep));
                std::thread::spawn(move || pass(from_client, server, &up));
                std::thread::spawn(move || pass(from_server, client, &down));
            }
        });
        Self { url, heard }
    }

    /// The values that open something: tokens, codes, assertions and what belongs to them.
    pub fn secrets(&self) -> BTreeSet<String> {
        self.after(&MARKS)
    }

    /// The state of links.
    pub fn links(&self) -> BTreeSet<String> {
        self.after(&LINKS)
    }

    fn after(&self, marks: &[&str]) -> BTreeSet<String> {
        let heard = String::from_utf8_lossy(&self.heard.lock().expect("not poisoned")).into_owned();
        let ends = |sign: char| !sign.is_ascii_graphic() || "\"&\\".contains(sign);
        let mut secrets = BTreeSet::new();
        for mark in marks {
            for rest in heard.split(*mark).skip(1) {
                let value = &rest[..rest.find(ends).unwrap_or(0)];
                // A form escapes what a JWT and a redirect may hold.
                let pair = format!("x={value}");
                let plain = url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned());
                secrets.extend([Some(value.to_owned()), plain].into_iter().flatten().filter(|value| value.len() >= 8));
            }
        }
        secrets
    }

    /// How often something went by.
    pub fn counts(&self, part: &str) -> usize {
        String::from_utf8_lossy(&self.heard.lock().expect("not poisoned")).matches(part).count()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, heard: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 1 << 14];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
        heard.lock().expect("not poisoned").extend_from_slice(&buffer[..count]);
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Every file below a folder, with what is in it.
pub fn every_file(path: &Path, look: &mut dyn FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(path).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            every_file(&path, look);
        } else {
            look(&path, &std::fs::read(&path).expect("a file"));
        }
    }
}

/// What the compressed parts of a file hold.
pub fn unpacked(bytes: &[u8]) -> Vec<u8> {
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let mut all = Vec::new();
    for at in (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&MAGIC)) {
        let mut content = Vec::new();
        if let Ok(frame) = zstd::stream::Decoder::new(&bytes[at..]) {
            // What was read before a frame turned out to be none counts too.
            let _ = frame.single_frame().read_to_end(&mut content);
        }
        all.extend(content);
    }
    all
}

/// Bytes as text of as many characters, so that they can be searched like text.
pub fn latin(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
