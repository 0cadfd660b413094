//! Requests that go over the network: one service, with time-outs and a limit on every body. Redirects are told of and
//! never followed, so no credentials leave the origin.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{RequestBuilder, Response};
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

use super::origin::{Foreign, Origin};
use super::plain::plain;
use super::{BadBody, Fate, Http, Lost, Method, Reply, Request, Wire, certificate_trouble, read_body, root_cause};

/// How long a request may take, its answer included.
const PATIENCE: Duration = Duration::from_mins(1);

/// A service at an origin.
#[derive(Debug)]
pub struct Web {
    origin: Origin,
    http: Http,
    limit: usize,
    patience: Duration,
}

impl Web {
    /// The service at an origin; bodies are read up to so many bytes.
    #[must_use]
    pub const fn new(origin: Origin, http: Http, limit: usize) -> Self {
        Self { origin, http, limit, patience: PATIENCE }
    }

    /// The same with another time in which an answer must have come.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Where it is.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    fn prepared(&self, request: Request) -> Result<RequestBuilder, Lost> {
        let Request { method, path, query, credentials, content } = request;
        let client = self.http.client(&self.origin).map_err(|error| unbuilt(&error))?;
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        let mut url = self.origin.path(&segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(&query);
        }
        let mut prepared = client.request(verb(method), url).header(ACCEPT, "application/json");
        if let Some((name, secret)) = credentials {
            let value = HeaderValue::from_str(secret.expose_secret());
            let mut value = value.map_err(|_| lost(Fate::Unsent, "the credentials cannot stand in a header"))?;
            value.set_sensitive(true);
            prepared = prepared.header(name, value);
        }
        Ok(match content {
            Some(content) => prepared.header(CONTENT_TYPE, content.kind).body(content.bytes.expose_secret().to_vec()),
            None => prepared,
        })
    }

    async fn answered(&self, prepared: RequestBuilder) -> Result<Reply, Lost> {
        let response = prepared.send().await.map_err(|error| self.unanswered(error))?;
        if response.status().is_redirection() {
            return Err(self.redirected(&response));
        }
        let header = response.headers().get(RETRY_AFTER);
        let retry_after = header.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (status, mut body) = (response.status().as_u16(), Vec::new());
        match read_body(response, self.limit, &mut body).await {
            Ok(()) => Ok(Reply { status, retry_after, body }),
            Err(BadBody::TooLarge) => Err(lost(Fate::TooLarge, format!("the answer of {} is too large", self.origin))),
            Err(BadBody::Broken(error)) => {
                let what = if error.is_timeout() { "stalled" } else { "broke off" };
                let what = format!("the answer of {} {what}", self.origin);
                Err(Lost { cause: Some(error.without_url().into()), ..lost(Fate::Unknown, what) })
            }
        }
    }

    /// Only what failed before there was a connection is certain not to have been heard.
    fn unanswered(&self, error: reqwest::Error) -> Lost {
        let origin = &self.origin;
        if let Some(tls) = certificate_trouble(&error) {
            return lost(Fate::Unsent, format!("{origin} could not be trusted: {}", plain(&tls.to_string(), 200)));
        }
        let (fate, what) = if error.is_connect() {
            (Fate::Unsent, format!("{origin} cannot be reached"))
        } else if error.is_timeout() {
            (Fate::Unknown, format!("{origin} did not answer in time"))
        } else {
            (Fate::Unknown, format!("the connection to {origin} broke"))
        };
        Lost { cause: Some(error.without_url().into()), ..lost(fate, what) }
    }

    fn redirected(&self, response: &Response) -> Lost {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let to = match self.origin.admit_location(location) {
            Ok(_) => "another address".to_owned(),
            Err(Foreign(to)) => format!("another origin ({to})"),
        };
        lost(Fate::Redirected, format!("{} redirects to {to}, which is not followed", self.origin))
    }
}

#[async_trait]
impl Wire for Web {
    async fn exchange(&self, request: Request) -> Result<Reply, Lost> {
        let prepared = self.prepared(request)?;
        match timeout(self.patience, self.answered(prepared)).await {
            Ok(answered) => answered,
            Err(_) => Err(lost(Fate::Unknown, format!("{} did not answer in time", self.origin))),
        }
    }
}

const fn verb(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

fn lost(fate: Fate, what: impl Into<String>) -> Lost {
    Lost { fate, what: what.into(), cause: None }
}

fn unbuilt(error: &reqwest::Error) -> Lost {
    let why = plain(&root_cause(error), 200);
    lost(Fate::Unsent, format!("no secure connection can be made from this machine: {why}"))
}
