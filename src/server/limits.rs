//! How much of a stranger's patience and bytes the server takes. Values only.

use std::time::Duration;

/// Bounds on what a connection and a request may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more wait to be accepted.
    pub connections: usize,
    /// Bytes of a request's line and headers; more gets 431.
    pub header_bytes: usize,
    /// From the first moment of a connection, or the end of an answer, to the end of the next request's headers.
    pub header_timeout: Duration,
    /// For a TLS handshake.
    pub handshake_timeout: Duration,
    /// From the end of the headers to the end of the body; later gets 408.
    pub body_timeout: Duration,
    /// For making an answer; later gets 503.
    pub answer_timeout: Duration,
    /// How long a client may take none of the bytes of its answer.
    pub write_timeout: Duration,
    /// Bytes of a body; more gets 413.
    pub body_bytes: usize,
    /// Bytes of a notification; more gets 413.
    pub webhook_bytes: usize,
    /// Expensive requests (plans, applies, exports, explanations) at a time.
    pub expensive: usize,
    /// Notifications being read at a time.
    pub notifications: usize,
    /// How long a request waits for its turn; later gets 503.
    pub turn_timeout: Duration,
    /// How long requests under way may still take after the shutdown began.
    pub farewell: Duration,
    /// Between looks at the files of tokens and certificate.
    pub file_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            header_bytes: 32 * 1024,
            header_timeout: Duration::from_secs(15),
            handshake_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_mins(5),
            write_timeout: Duration::from_mins(1),
            body_bytes: 16 * 1024 * 1024,
            webhook_bytes: 1024 * 1024,
            expensive: 2,
            notifications: 64,
            turn_timeout: Duration::from_secs(10),
            farewell: Duration::from_secs(8),
            file_interval: Duration::from_secs(10),
        }
    }
}
