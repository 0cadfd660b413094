//! HTTP to other services: requests and replies as values, and the seam between those who ask and the network. It knows
//! nothing of what is asked, of tokens or of pages.

mod clients;
pub mod origin;
pub mod plain;
pub mod retry_after;
mod web;

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use secrecy::{SecretSlice, SecretString};

pub use clients::{BadBody, Http, certificate_trouble, read_body, root_cause};
pub use web::Web;

/// Takes one request to a service and brings its reply back. It never tries twice and follows no redirect.
#[async_trait]
pub trait Wire: fmt::Debug + Send + Sync {
    /// One request, one reply.
    ///
    /// # Errors
    /// When there is no whole reply; the error says whether the service may have acted all the same.
    async fn exchange(&self, request: Request) -> Result<Reply, Lost>;
}

/// What is asked. Its `Debug` shows neither body nor credentials.
#[derive(Debug)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Below the root of the service; each segment is escaped on the way.
    pub path: Vec<String>,
    /// Names and values, escaped on the way.
    pub query: Vec<(String, String)>,
    /// A header that says who asks, with its value.
    pub credentials: Option<(&'static str, SecretString)>,
    /// The body with its media type.
    pub content: Option<Content>,
}

/// The body of a request. It is wiped, for it may hold a password.
#[derive(Debug)]
pub struct Content {
    /// The media type.
    pub kind: &'static str,
    /// As it is sent.
    pub bytes: SecretSlice<u8>,
}

/// The methods that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// As it stands in a request.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Never a redirect.
    pub status: u16,
    /// `Retry-After`, as it was sent.
    pub retry_after: Option<String>,
    /// Whole, and within the limit.
    pub body: Vec<u8>,
}

/// Why there is no reply.
#[derive(Debug)]
pub struct Lost {
    /// What may have come of the request.
    pub fate: Fate,
    /// What happened: a lower-case fragment without anything secret.
    pub what: String,
    /// The cause.
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

/// What may have come of a request without a whole reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never reached the service.
    Unsent,
    /// It may have been carried out.
    Unknown,
    /// There was a reply, and it is more than anybody wants to read.
    TooLarge,
    /// There was a reply that sends elsewhere.
    Redirected,
}
