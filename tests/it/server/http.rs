//! A server for a test, and a client that can say anything: it writes bytes and reads what comes back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bmsync::controller::Operations;
use bmsync::server::{Access, Limits, Options, ServeError, Server};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Nothing in a test takes longer.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server that ends with the test.
pub struct Served {
    pub address: SocketAddr,
    pub url: String,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), ServeError>>,
}

/// With a viewer `look` and an operator `act`.
pub fn tokens() -> Access {
    Access::parse("tokens", "viewer look\noperator act\n").unwrap()
}

pub async fn serve(operations: Arc<dyn Operations>, options: Options) -> Served {
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let (address, url) = (server.address(), server.url());
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(server.serve(operations, async {
        let _ = stopped.await;
    }));
    Served { address, url, stop: Some(stop), task }
}

/// A server without tokens, as loopback sees it.
pub async fn local(operations: Arc<dyn Operations>) -> Served {
    serve(operations, Options::default()).await
}

pub async fn guarded(operations: Arc<dyn Operations>) -> Served {
    serve(operations, Options { access: tokens(), ..Options::default() }).await
}

pub async fn limited(operations: Arc<dyn Operations>, limits: Limits) -> Served {
    serve(operations, Options { limits, ..Options::default() }).await
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} twice in {self:?}");
        first
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The problem that it is.
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(problem["type"].as_str().unwrap().starts_with("urn:bmsync:problem:"));
        assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
        problem
    }

    pub fn parse(bytes: &[u8]) -> Self {
        let end =
            bytes.windows(4).position(|part| part == b"\r\n\r\n").unwrap_or_else(|| panic!("no answer: {bytes:?}"));
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (key, value) = line.split_once(": ").unwrap();
            (key.to_owned(), value.to_owned())
        };
        Self { status, headers: lines.map(header).collect(), body: bytes[end + 4..].to_vec() }
    }
}

impl Served {
    /// Connects.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends these bytes, and reads until the server closes.
    pub async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        read_all(&mut stream).await
    }

    /// A request with `Host`, `Connection: close` and these header lines.
    pub async fn ask(&self, method: &str, target: &str, headers: &[&str], body: &[u8]) -> Reply {
        let lines: String = headers.iter().flat_map(|line| [line, "\r\n"]).collect();
        let host =
            if lines.to_lowercase().contains("host:") { String::new() } else { format!("Host: {}\r\n", self.address) };
        let length = body.len();
        let head =
            format!("{method} {target} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {length}\r\n{lines}\r\n");
        Reply::parse(&self.raw(&[head.as_bytes(), body].concat()).await)
    }

    pub async fn get(&self, target: &str) -> Reply {
        self.ask("GET", target, &[], b"").await
    }

    pub async fn post(&self, target: &str, body: impl AsRef<[u8]>) -> Reply {
        self.ask("POST", target, &[], body.as_ref()).await
    }

    /// Begins the shutdown.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits for the end.
    pub async fn ended(self) {
        let Self { stop, task, .. } = self;
        drop(stop);
        tokio::time::timeout(PATIENCE, task).await.expect("the server ends").unwrap().unwrap();
    }
}

/// Everything until the other end closes; a reset counts as the end.
pub async fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let _ = tokio::time::timeout(PATIENCE, read).await.expect("the server answers or closes in time");
    bytes
}
