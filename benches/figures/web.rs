//! Asking over HTTP, one connection a request, with nothing but the standard library.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::Failure;

/// Asks `address` (host and port) and gives the body of a 2xx answer.
pub fn ask(method: &str, address: &str, path: &str, body: &str) -> Result<String, Failure> {
    let mut stream = TcpStream::connect(address)?;
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    write!(stream, "{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer has no head")?;
    if head.starts_with("HTTP/1.1 2") { Ok(body.to_owned()) } else { Err(format!("{method} {path}: {answer}").into()) }
}
