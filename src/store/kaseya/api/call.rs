//! A call of BMS: its token, its place in the budget, how often it is tried, what is learned from it. It knows nothing of
//! what is asked.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde_json::Value;
use tracing::debug;

use super::Bms;
use super::endpoint::{Effect, Endpoint};
use super::envelope::{Answer, Garbled};
use super::error::BmsError;
use super::verdict::{Verdict, verdict};
use crate::http::{Content, Method, Request};

/// Waits before a read is tried again.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// What is asked of BMS.
#[derive(Clone, Debug)]
pub(super) struct Call {
    endpoint: Endpoint,
    method: Method,
    path: Vec<String>,
    query: Vec<(String, String)>,
    body: Option<(&'static str, Vec<u8>)>,
}

impl Call {
    /// Below `/v2`; slashes part segments, each of which is escaped on the way.
    pub fn new(endpoint: Endpoint, method: Method, path: &str) -> Self {
        let path = ["v2"].into_iter().chain(path.split('/')).map(str::to_owned).collect();
        Self { endpoint, method, path, query: Vec::new(), body: None }
    }

    pub fn get(endpoint: Endpoint, path: &str) -> Self {
        Self::new(endpoint, Method::Get, path)
    }

    /// With one more segment, whatever is in it.
    pub fn below(mut self, segment: &str) -> Self {
        self.path.push(segment.to_owned());
        self
    }

    pub fn with(mut self, name: &str, value: &(impl ToString + ?Sized)) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn json(self, body: &Value) -> Self {
        Self { body: Some(("application/json", body.to_string().into_bytes())), ..self }
    }

    /// The body of a JSON Patch.
    pub fn json_patch(self, body: &Value) -> Self {
        Self { body: Some(("application/json-patch+json", body.to_string().into_bytes())), ..self }
    }

    fn request(&self, bearer: SecretString) -> Request {
        let content =
            |(kind, bytes): &(&'static str, Vec<u8>)| Content { kind, bytes: SecretSlice::from(bytes.clone()) };
        Request {
            method: self.method,
            path: self.path.clone(),
            query: self.query.clone(),
            credentials: Some(("authorization", bearer)),
            content: self.body.as_ref().map(content),
        }
    }
}

impl Bms {
    /// Makes a call: signs in where that is needed, and once more when the token is not taken. A read that finds no
    /// answer is tried again; a write never is, unless it is certain that nothing was done.
    pub(super) async fn call(&self, call: &Call) -> Result<Answer, BmsError> {
        let (endpoint, mut waits) = (call.endpoint, WAITS.iter());
        self.check_offered(endpoint)?;
        let mut spurned = false;
        loop {
            let token = self.token().await?;
            match self.attempt(endpoint, call.request(token.header()), &[token.access()]).await? {
                Verdict::Done(answer) => return Ok(answer),
                Verdict::Unauthorized(message) if spurned => return Err(BmsError::Unauthorized { message }),
                Verdict::Unauthorized(_) => {
                    spurned = true;
                    self.session.spurn(&token).await;
                }
                Verdict::Again(error) => match (endpoint.effect(), waits.next()) {
                    (Effect::Read, Some(wait)) => {
                        debug!(%endpoint, reason = %error, "trying again");
                        tokio::time::sleep(*wait).await;
                    }
                    (Effect::Read, None) | (Effect::Write, _) => return Err(error),
                },
                Verdict::Over(error) => return Err(error),
                Verdict::Throttled(asked) => return Err(self.throttled(endpoint, asked)),
                Verdict::Missing => return Err(self.missing(endpoint)),
            }
        }
    }

    /// One exchange without a token, for signing in.
    pub(super) async fn exchange(
        &self,
        endpoint: Endpoint,
        request: Request,
        hidden: &[&SecretString],
    ) -> Result<Answer, BmsError> {
        match self.attempt(endpoint, request, hidden).await? {
            Verdict::Done(answer) => Ok(answer),
            Verdict::Unauthorized(message) => Err(BmsError::Unauthorized { message }),
            Verdict::Throttled(asked) => Err(self.throttled(endpoint, asked)),
            Verdict::Missing => Err(self.missing(endpoint)),
            Verdict::Again(error) | Verdict::Over(error) => Err(error),
        }
    }

    /// One try, paid for out of the budget.
    async fn attempt(
        &self,
        endpoint: Endpoint,
        request: Request,
        hidden: &[&SecretString],
    ) -> Result<Verdict, BmsError> {
        let now = self.now();
        let spent = self.learned(|learned| learned.budget.spend(endpoint, now));
        spent.map_err(|until| BmsError::Throttled { endpoint, until })?;
        let came = self.wire.exchange(request).await;
        let known = self.learned(|learned| learned.offers.of(endpoint));
        let verdict = hushed(verdict(endpoint, known, came, self.now()), hidden);
        match &verdict {
            Verdict::Done(_) => self.learned(|learned| {
                learned.budget.taken(endpoint);
                learned.offers.found(endpoint);
            }),
            // Who refuses something is there.
            Verdict::Over(BmsError::Refused { .. } | BmsError::Clash { .. } | BmsError::NotFound { .. }) => {
                self.learned(|learned| learned.offers.found(endpoint));
            }
            Verdict::Unauthorized(_)
            | Verdict::Throttled(_)
            | Verdict::Missing
            | Verdict::Again(_)
            | Verdict::Over(_) => {}
        }
        Ok(verdict)
    }

    /// Only writes are not asked for again: a question is cheap, and an outage may look like a missing operation.
    fn check_offered(&self, endpoint: Endpoint) -> Result<(), BmsError> {
        if endpoint.effect() == Effect::Read {
            return Ok(());
        }
        let (now, after) = (self.now(), self.settings.ask_again_after);
        if self.learned(|learned| learned.offers.is_missing(endpoint, now, after)) {
            return Err(BmsError::NotOffered { endpoint });
        }
        Ok(())
    }

    fn throttled(&self, endpoint: Endpoint, asked: Option<Duration>) -> BmsError {
        let now = self.now();
        let until = self.learned(|learned| learned.budget.throttled(endpoint, asked, now));
        BmsError::Throttled { endpoint, until }
    }

    fn missing(&self, endpoint: Endpoint) -> BmsError {
        let now = self.now();
        self.learned(|learned| learned.offers.missed(endpoint, now));
        BmsError::NotOffered { endpoint }
    }
}

/// A garbled answer of an endpoint: nothing is known after a read, and after a write not even whether it happened.
pub(super) fn unexpected(endpoint: Endpoint, garbled: Garbled) -> BmsError {
    let Garbled(what) = garbled;
    match endpoint.effect() {
        Effect::Read => BmsError::Unexpected { what },
        Effect::Write => BmsError::Unknown { what: format!("its answer cannot be read, {what}"), cause: None },
    }
}

/// The same without secrets in what BMS says: a service that repeats what it was sent must not bring it into a log.
fn hushed(verdict: Verdict, hidden: &[&SecretString]) -> Verdict {
    let hush = |text: String| {
        let secrets = hidden.iter().map(|secret| secret.expose_secret()).filter(|secret| !secret.is_empty());
        secrets.fold(text, |text, secret| text.replace(secret, "[hidden]"))
    };
    match verdict {
        Verdict::Unauthorized(message) => Verdict::Unauthorized(hush(message)),
        Verdict::Again(error) => Verdict::Again(error.with_words(hush)),
        Verdict::Over(error) => Verdict::Over(error.with_words(hush)),
        verdict @ (Verdict::Done(_) | Verdict::Throttled(_) | Verdict::Missing) => verdict,
    }
}
