//! Asking IT Glue: the key, the turns, and what each answer means. It never tries twice: whoever leads the outbox decides
//! when to try again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{SecretSlice, SecretString};
use serde_json::Value;

use super::document::{Document, Resource, detail, document};
use super::limit::Limiter;
use crate::http::retry_after::retry_after;
use crate::http::{Content, Fate, Lost, Method, Reply, Request, Wire};
use crate::manifest::config::SecretRef;
use crate::outbox::{SinkError, SinkErrorClass};
use crate::source::graph::api_key;
use crate::source::{Meter, SourceErrorClass};

/// The media type of JSON:API.
const JSON_API: &str = "application/vnd.api+json";

/// On a page, at the most that IT Glue gives.
const PAGE: u64 = 1_000;

/// A list of more pages than this is no list.
const MOST_PAGES: u64 = 2_000;

/// The wait after a 429 that does not say how long.
const THROTTLED: Duration = Duration::from_mins(1);

/// IT Glue, asked with one key.
pub(super) struct Client {
    wire: Arc<dyn Wire>,
    place: SecretRef,
    key: Mutex<Option<SecretString>>,
    limiter: Limiter,
    meter: Arc<dyn Meter>,
}

/// What a request came to.
#[derive(Debug)]
pub(super) enum Said {
    /// It is done.
    Done(Document),
    /// This one thing is refused; others may not be.
    Refused { status: u16, detail: String },
}

pub(super) type Query = Vec<(String, String)>;

/// A filter of a list.
pub(super) fn filter(name: &str, value: &(impl ToString + ?Sized)) -> (String, String) {
    (format!("filter[{name}]"), value.to_string())
}

impl Client {
    pub fn new(wire: Arc<dyn Wire>, place: SecretRef, requests: u32, meter: Arc<dyn Meter>) -> Self {
        Self { wire, place, key: Mutex::new(None), limiter: Limiter::new(requests), meter }
    }

    /// Everything on all pages of a list.
    ///
    /// # Errors
    /// When it cannot be read to its end: a part is not taken for the whole.
    pub async fn list(&self, path: &[&str], query: &[(String, String)]) -> Result<Vec<Resource>, SinkError> {
        let (mut all, mut page) = (Vec::new(), 1);
        loop {
            let pages = [("page[size]".to_owned(), PAGE.to_string()), ("page[number]".to_owned(), page.to_string())];
            let asked = query.iter().cloned().chain(pages).collect();
            let Document { data, total, next } = match self.ask(Method::Get, path, asked, None).await? {
                Said::Done(document) => document,
                Said::Refused { status, detail } => {
                    return Err(odd(format!("a list was refused ({status}): {detail}")));
                }
            };
            all.extend(data);
            match next {
                Some(next) if next == page + 1 && next <= MOST_PAGES => page = next,
                Some(_) => return Err(odd("the pages of a list do not follow each other")),
                None if total.is_none_or(|total| total > all.len() as u64) => {
                    return Err(SinkError {
                        class: SinkErrorClass::Transient,
                        ..odd("a list ended before it was complete")
                    });
                }
                None => return Ok(all),
            }
        }
    }

    /// The first of a list, if there is any.
    pub async fn first(&self, path: &[&str], mut query: Query) -> Result<Option<Resource>, SinkError> {
        query.push(("page[size]".to_owned(), "1".to_owned()));
        match self.ask(Method::Get, path, query, None).await? {
            Said::Done(document) => Ok(document.data.into_iter().next()),
            Said::Refused { status, detail } => Err(odd(format!("a list was refused ({status}): {detail}"))),
        }
    }

    /// One thing, if it is there.
    pub async fn one(&self, path: &[&str]) -> Result<Option<Resource>, SinkError> {
        match self.ask(Method::Get, path, Query::new(), None).await? {
            Said::Done(document) => Ok(document.data.into_iter().next()),
            Said::Refused { status: 404, detail: _ } => Ok(None),
            Said::Refused { status, detail } => Err(odd(format!("a read was refused ({status}): {detail}"))),
        }
    }

    /// One request.
    ///
    /// # Errors
    /// When IT Glue cannot be used at present, for whatever is asked.
    pub async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: Query,
        body: Option<&Value>,
    ) -> Result<Said, SinkError> {
        self.limiter.turn().await;
        let request = Request {
            method,
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            query,
            credentials: Some(("x-api-key", self.key()?)),
            content: body
                .map(|body| Content { kind: JSON_API, bytes: SecretSlice::from(body.to_string().into_bytes()) }),
        };
        match self.wire.exchange(request).await {
            Ok(reply) => {
                self.meter.request(Some(reply.status));
                self.judge(&reply)
            }
            Err(lost) => {
                self.meter.request(None);
                Err(unanswered(lost))
            }
        }
    }

    fn key(&self) -> Result<SecretString, SinkError> {
        let mut held = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = &*held {
            return Ok(key.clone());
        }
        let key = api_key(&self.place).map_err(|error| SinkError {
            class: match error.class {
                SourceErrorClass::Transient => SinkErrorClass::Transient,
                SourceErrorClass::Person => SinkErrorClass::Person,
                SourceErrorClass::Protocol => SinkErrorClass::Protocol,
            },
            message: error.message,
            hint: error.hint,
            wait: None,
            fate: Fate::Unsent,
            source: error.source,
        })?;
        Ok(held.insert(key).clone())
    }

    fn judge(&self, reply: &Reply) -> Result<Said, SinkError> {
        let Reply { status, retry_after: asked, body } = reply;
        match status {
            200..=299 => document(body).map(Said::Done).map_err(|_| SinkError {
                fate: Fate::Unknown,
                hint: Some("check `region`: is that IT Glue, and no proxy's page?".to_owned()),
                ..odd("IT Glue answered with something that is no JSON:API document")
            }),
            401 | 403 => {
                // Another key may stand there by the next time.
                *self.key.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Err(SinkError {
                    class: SinkErrorClass::Person,
                    hint: Some(
                        "make a key in IT Glue under Account > Settings > API Keys and put it where `apiKey` points; \
                         keys that are not used for 90 days are revoked, and each is of one region"
                            .to_owned(),
                    ),
                    ..odd(format!("IT Glue refuses the API key (HTTP {status})"))
                })
            }
            429 => {
                let wait = asked.as_deref().and_then(|asked| retry_after(asked, Timestamp::now()));
                let wait = wait.unwrap_or(THROTTLED).min(Duration::from_hours(1));
                self.limiter.close(wait);
                self.meter.throttled(wait);
                Err(SinkError {
                    class: SinkErrorClass::Transient,
                    wait: Some(wait),
                    hint: Some("another program may use the same key: lower `requests`".to_owned()),
                    ..odd("IT Glue has had too many requests (HTTP 429)")
                })
            }
            408 | 500.. => Err(SinkError {
                class: SinkErrorClass::Transient,
                fate: Fate::Unknown,
                ..odd(format!("IT Glue is out of order (HTTP {status})"))
            }),
            _ => {
                Ok(Said::Refused { status: *status, detail: detail(body).unwrap_or_else(|| format!("HTTP {status}")) })
            }
        }
    }
}

/// An answer that must not be.
fn odd(message: impl Into<String>) -> SinkError {
    SinkError {
        class: SinkErrorClass::Protocol,
        message: message.into(),
        hint: None,
        wait: None,
        fate: Fate::Unsent,
        source: None,
    }
}

fn unanswered(lost: Lost) -> SinkError {
    let Lost { fate, what, cause } = lost;
    let (class, hint) = match fate {
        Fate::Unsent | Fate::Unknown => (SinkErrorClass::Transient, "check the network, the proxy and `region`"),
        Fate::TooLarge | Fate::Redirected => (SinkErrorClass::Protocol, "check `region`, and any proxy in between"),
    };
    SinkError { class, message: what, hint: Some(hint.to_owned()), wait: None, fate, source: cause }
}
