//! A scripted HTTP server. It speaks bytes and shares nothing with the source.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::world::status;

/// What the server does with a request.
#[derive(Clone)]
pub(super) enum Reply {
    /// Answers.
    Full { status: u16, headers: String, body: Vec<u8> },
    /// Promises a body and breaks off in it.
    Cut(String),
    /// Closes without a word.
    Close,
    /// Says nothing more.
    Hang,
    /// Sends so many MiB of blanks.
    Blanks(usize),
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) line: String,
    head: String,
    pub(super) body: String,
}

impl Request {
    pub(super) fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

pub(super) type Script = BTreeMap<String, Vec<Reply>>;

/// A server that answers the nth request for a target with the nth reply of its script; the last one repeats.
pub(super) struct Server {
    pub(super) base: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let server = Self { base: base.clone(), seen: Arc::clone(&seen) };
        let script = Arc::new(script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&seen), base.clone()));
            }
        });
        server
    }

    pub(super) fn seen(&self, pattern: &str) -> Vec<Request> {
        self.seen.lock().unwrap().iter().filter(|request| matches(pattern, request.target())).cloned().collect()
    }

    pub(super) fn count(&self, pattern: &str) -> usize {
        self.seen(pattern).len()
    }
}

fn matches(pattern: &str, target: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == target, |start| target.starts_with(start))
}

async fn serve(mut stream: TcpStream, script: Arc<Script>, seen: Arc<Mutex<Vec<Request>>>, base: String) {
    while let Some(request) = read_request(&mut stream).await {
        let reply = {
            let mut seen = seen.lock().unwrap();
            let found = script.iter().find(|(pattern, _)| matches(pattern, request.target()));
            let before = found
                .map_or(0, |(pattern, _)| seen.iter().filter(|request| matches(pattern, request.target())).count());
            seen.push(request);
            found.map_or_else(|| status(404, "{}"), |(_, replies)| replies[before.min(replies.len() - 1)].clone())
        };
        match reply {
            Reply::Full { status, headers, body } => {
                let body = match String::from_utf8(body) {
                    Ok(text) => text.replace("{base}", &base).into_bytes(),
                    Err(bytes) => bytes.into_bytes(),
                };
                let head = format!(
                    "HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n{}\r\n",
                    body.len(),
                    headers.replace("{base}", &base)
                );
                if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() {
                    return;
                }
            }
            Reply::Cut(start) => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{start}");
                let _ = stream.write_all(head.as_bytes()).await;
                return;
            }
            Reply::Close => return,
            Reply::Hang => std::future::pending().await,
            Reply::Blanks(mib) => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
                let blanks = vec![b' '; 1 << 20];
                for _ in 0..mib {
                    if stream.write_all(&blanks).await.is_err() {
                        return;
                    }
                }
                return;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let (line, head) = text.split_once("\r\n").unwrap();
    let mut request = Request { line: line.to_owned(), head: head.to_owned(), body: String::new() };
    let length: usize = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    request.body = String::from_utf8(bytes[end..].to_vec()).unwrap();
    Some(request)
}
