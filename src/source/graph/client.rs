//! Asking Microsoft Graph for a page: the token, the tries, and what each answer means. The only place that sends a
//! token, and only along a link of the configured origin.

use std::fmt;
use std::sync::Arc;

use reqwest::header::{ACCEPT, AUTHORIZATION, LOCATION};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout_at;
use tracing::debug;

use super::auth::Auth;
use super::error::{Setback, Stop, Trouble, person, plain, protocol};
use super::http::{Http, busy, client, read_body, redirected, unanswered};
use super::permission::Permission;
use super::retry::{Patience, Tries};
use super::token::Token;
use super::wire::{self, Garbled, Page};
use crate::http::origin::{Foreign, Link, Origin};
use crate::source::{Meter, SourceError};

/// Largest page, unpacked.
const MAX_PAGE: usize = 64 << 20;
/// Largest error body that is looked at.
const MAX_ERROR: usize = 64 << 10;
/// How deep codes are looked for inside inner errors.
const MAX_INNER: usize = 32;

/// Microsoft Graph, for one tenant.
#[derive(Debug)]
pub(super) struct Graph {
    /// Where it lives.
    pub origin: Origin,
    /// The connections to it.
    pub http: Http,
    /// Who asks.
    pub auth: Auth,
    /// How often.
    pub patience: Patience,
    /// Who counts what is asked.
    pub meter: Arc<dyn Meter>,
}

/// What a page is of, for people to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// `users` or `groups`.
    pub collection: &'static str,
    /// The permission that reading it needs.
    pub permission: Permission,
    /// From 1.
    pub page: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} page {}", self.collection, self.page)
    }
}

/// What came of a try.
enum Answer {
    /// The body is in the buffer.
    Body,
    /// The token is not taken.
    Unauthorized,
    /// The delta state is not known any more.
    Resync,
}

impl Graph {
    /// Graph at `origin`, asked with what `auth` signs in.
    pub fn new(origin: Origin, http: Http, auth: Auth, patience: Patience) -> Self {
        Self { origin, http, auth, patience, meter: Arc::new(()) }
    }

    /// The same, counting its requests and pauses.
    pub fn with_meter(self, meter: Arc<dyn Meter>) -> Self {
        Self {
            auth: self.auth.with_meter(Arc::clone(&meter)),
            patience: self.patience.with_meter(Arc::clone(&meter)),
            meter,
            ..self
        }
    }

    /// Fetches the page that a link leads to; the buffer is for reuse.
    pub async fn fetch<T: DeserializeOwned>(
        &self,
        link: &Link,
        place: Place,
        buffer: &mut Vec<u8>,
    ) -> Result<Page<T>, Stop> {
        let mut token = self.auth.token().await?;
        let mut tries = self.patience.start();
        let mut spurned = None;
        loop {
            match self.attempt(link, place, &token, &mut tries, buffer).await {
                Ok(Answer::Body) => match wire::page(buffer) {
                    Ok(page) => return Ok(page),
                    Err(garbled) => tries.pause(&place, not_a_page(&garbled)).await?,
                },
                Ok(Answer::Resync) => return Err(Stop::Resync),
                Ok(Answer::Unauthorized) if spurned.is_some() => return Err(about(place, unauthorized()).into()),
                Ok(Answer::Unauthorized) => self.auth.spurn(spurned.insert(token)).await,
                Err(Trouble::Over(error)) => return Err(about(place, error).into()),
                Err(Trouble::Again(setback)) => tries.pause(&place, setback).await?,
            }
            token = self.auth.token().await?;
        }
    }

    async fn attempt(
        &self,
        link: &Link,
        place: Place,
        token: &Token,
        tries: &mut Tries,
        buffer: &mut Vec<u8>,
    ) -> Result<Answer, Trouble> {
        let name = tries.name();
        let exchange = async {
            let response = self.send(link, token, &name, tries.made()).await?;
            self.judge(response, place, buffer).await
        };
        match timeout_at(tries.deadline(), exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Trouble::Again(Setback::transient(format!("{} did not answer in time", self.origin)))),
        }
    }

    async fn send(&self, link: &Link, token: &Token, name: &str, failed: u32) -> Result<Response, Trouble> {
        let client = client(&self.http, &self.origin).map_err(Trouble::Over)?;
        let mut request = client
            .get(link.url().clone())
            .header(AUTHORIZATION, token.header())
            .header(ACCEPT, "application/json")
            .header("client-request-id", name);
        if failed > 0 {
            request = request.header("retry-attempt", failed);
        }
        let mut sent = Sent { meter: &*self.meter, status: None };
        let response = request.send().await.map_err(|error| unanswered(error, &self.origin))?;
        sent.status = Some(response.status().as_u16());
        log(&response, name);
        Ok(response)
    }

    async fn judge(&self, response: Response, place: Place, buffer: &mut Vec<u8>) -> Result<Answer, Trouble> {
        if let Some(error) = redirected(&response, &self.origin) {
            return Err(Trouble::Over(error));
        }
        if let Some(setback) = busy(&response, &self.http, &self.origin) {
            return Err(Trouble::Again(setback));
        }
        match response.status() {
            StatusCode::OK => read_body(response, MAX_PAGE, buffer).await.map(|()| Answer::Body),
            StatusCode::UNAUTHORIZED => Ok(Answer::Unauthorized),
            StatusCode::GONE => self.gone(&response).map(|()| Answer::Resync),
            status if status.is_success() => {
                Err(Trouble::Again(Setback::garbled(format!("the service answered {status}, which is no page"))))
            }
            _ => self.refusal(response, place, buffer).await,
        }
    }

    /// What an answer means that no other try will change.
    async fn refusal(&self, response: Response, place: Place, buffer: &mut Vec<u8>) -> Result<Answer, Trouble> {
        let status = response.status();
        // A body that cannot be read says nothing; the status still does.
        let codes = match read_body(response, MAX_ERROR, buffer).await {
            Ok(()) => codes(buffer),
            Err(_) => Vec::new(),
        };
        if status.is_client_error() && codes.iter().any(|code| is_resync(code)) {
            return Ok(Answer::Resync);
        }
        let code = shown(&codes);
        Err(Trouble::Over(match status {
            StatusCode::FORBIDDEN => {
                let denied = self.auth.denied(&code, &[place.permission]);
                let hint = denied.hint.map(|hint| format!("{hint}; Directory.Read.All covers users and groups"));
                SourceError { hint, ..denied }
            }
            StatusCode::NOT_FOUND => {
                person(format!("not found{code}"), "check the tenant's `cloud` or `endpoints.graph`")
            }
            _ => protocol(format!("the service answered {status}{code}")),
        }))
    }

    /// A 410 may say where to start again. We start from our own address, but one that points elsewhere is a warning
    /// that should not be missed.
    fn gone(&self, response: &Response) -> Result<(), Trouble> {
        let location = response.headers().get(LOCATION).map(|value| value.to_str().unwrap_or_default());
        match location.map(|location| self.origin.admit_location(location)) {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(Foreign(to))) => Err(Trouble::Over(protocol(format!(
                "{} sends to another origin ({to}), which is not followed",
                self.origin
            )))),
        }
    }
}

/// A request on its way: counted when it is over, also when nobody waits for its answer any more.
struct Sent<'a> {
    meter: &'a dyn Meter,
    status: Option<u16>,
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        self.meter.request(self.status);
    }
}

/// What the service tells about an answer, for whoever looks into a trouble with it.
pub(super) fn log(response: &Response, name: &str) {
    let header = |key| response.headers().get(key).and_then(|value| value.to_str().ok()).map(|value| plain(value, 80));
    debug!(
        status = response.status().as_u16(),
        client_request_id = name,
        request_id = header("request-id"),
        units = header("x-ms-resource-unit"),
        load = header("x-ms-throttle-limit-percentage"),
        throttled_by = header("x-ms-throttle-information"),
        "answered"
    );
}

fn about(place: Place, error: SourceError) -> SourceError {
    SourceError { message: format!("{place}: {}", error.message), ..error }
}

fn not_a_page(Garbled(why): &Garbled) -> Setback {
    Setback::garbled(format!("the answer is not what a page must be: {why}"))
}

/// A new token is not taken either.
pub(super) fn unauthorized() -> SourceError {
    person(
        "Microsoft Graph does not take the token that the login service has just issued (401)",
        "check that the tenant's `cloud` or `endpoints` name a login service and a Graph of the same cloud, and that the \
         application is not disabled",
    )
}

/// The outermost code in brackets, fit to be shown; nothing where there is none.
pub(super) fn shown(codes: &[String]) -> String {
    codes.first().map_or_else(String::new, |code| format!(" ({})", plain(code, 60)))
}

fn is_resync(code: &str) -> bool {
    ["syncStateNotFound", "resyncRequired", "Directory_ExpiredPageToken"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(code))
}

/// The codes of an error body, the outermost first; letter case of the keys does not count.
pub(super) fn codes(body: &[u8]) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let first = member(&body, &["error"]);
    let errors = std::iter::successors(first, |error| member(error, &["innererror", "innererrors"])).take(MAX_INNER);
    errors.filter_map(|error| member(error, &["code"])?.as_str().map(str::to_owned)).collect()
}

fn member<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    let found = value.as_object()?.iter().find(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name)));
    let (_, value) = found?;
    value.as_array().map_or(Some(value), |several| several.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_nested_inner_errors_of_any_spelling() {
        let body = br#"{"error":{"message":"m","code":"a","innerError":{"code":"b","innererror":{"code":"SYNCSTATENOTFOUND"}}}}"#;
        assert_eq!(codes(body), ["a", "b", "SYNCSTATENOTFOUND"]);
        let body = br#"{"Error":{"innerErrors":[{"Code":"ResyncRequired"}]}}"#;
        assert_eq!(codes(body), ["ResyncRequired"]);
        assert!(codes(body).iter().any(|code| is_resync(code)));
    }

    #[test]
    fn odd_error_bodies_have_no_codes() {
        let deep = format!("{}1{}", r#"{"error":"#.repeat(5000), "}".repeat(5000));
        for body in ["", "<html>", "null", "[]", r#"{"error":"x"}"#, r#"{"error":{"code":5}}"#, &deep] {
            assert_eq!(codes(body.as_bytes()), Vec::<String>::new());
        }
    }
}
