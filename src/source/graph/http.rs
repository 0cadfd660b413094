//! HTTP as the source of Microsoft Graph needs it: what an answer without a body, a busy service or a redirect means for a
//! tenant. It knows nothing of tokens, pages or users.

use jiff::Timestamp;
use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};

use super::error::{Pressure, Setback, Trouble, person, plain, protocol};
pub use crate::http::Http;
use crate::http::origin::{Foreign, Origin, Unsafe};
use crate::http::retry_after::retry_after;
use crate::http::{BadBody, certificate_trouble, root_cause};
use crate::source::SourceError;

/// Reads a root; `key` is how the manifest calls it.
pub(super) fn origin(root: &str, key: &str) -> Result<Origin, SourceError> {
    Origin::new(root).map_err(|Unsafe { shown }| {
        person(
            format!("{key} `{shown}` is not an address that bmsync may send secrets to"),
            format!("let {key} be an https address, or http on loopback, or leave it out"),
        )
    })
}

/// The client for an origin.
pub(super) fn client(http: &Http, origin: &Origin) -> Result<Client, SourceError> {
    http.client(origin).map_err(|error| unbuilt(&error))
}

fn unbuilt(error: &reqwest::Error) -> SourceError {
    person(
        format!("no secure connection can be made from this machine: {}", plain(&root_cause(error), 200)),
        "install the system's root certificates (package ca-certificates), or let SSL_CERT_FILE name a PEM file of them",
    )
}

/// Reads a body into the buffer, up to a limit.
pub(super) async fn read_body(response: Response, limit: usize, buffer: &mut Vec<u8>) -> Result<(), Trouble> {
    crate::http::read_body(response, limit, buffer).await.map_err(|error| match error {
        BadBody::TooLarge => Trouble::Over(protocol(format!("the answer is larger than {} MiB", limit >> 20))),
        BadBody::Broken(error) => broken_body(error),
    })
}

fn broken_body(error: reqwest::Error) -> Trouble {
    let what = if error.is_timeout() { "the answer stalled" } else { "the answer broke off" };
    Trouble::Again(Setback::transient(what).because(error.without_url()))
}

/// What a request that got no answer means.
pub(super) fn unanswered(error: reqwest::Error, origin: &Origin) -> Trouble {
    if let Some(tls) = certificate_trouble(&error) {
        return Trouble::Over(person(
            format!("{origin} could not be trusted: {}", plain(&tls.to_string(), 200)),
            "check the clock of this machine, its root certificates, and any proxy that opens TLS connections",
        ));
    }
    let what = if error.is_timeout() {
        format!("{origin} did not answer in time")
    } else if error.is_connect() {
        format!("{origin} cannot be reached")
    } else {
        format!("the connection to {origin} broke")
    };
    let setback = Setback::transient(what).hint("check the network, the proxy and the tenant's `cloud` or `endpoints`");
    Trouble::Again(setback.because(error.without_url()))
}

/// Whether the service is out of order or asks for patience, and for how long. After a 503 the connections are let go:
/// the next try shall reach another machine.
pub(super) fn busy(response: &Response, http: &Http, origin: &Origin) -> Option<Setback> {
    let status = response.status();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        http.reconnect(origin);
    }
    if !matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504 | 509) {
        return None;
    }
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let wait = asked.and_then(|value| retry_after(value, Timestamp::now()));
    let pressure = match (status.as_u16(), wait) {
        (429 | 509, _) | (_, Some(_)) => Pressure::Throttled,
        (_, None) => Pressure::Free,
    };
    Some(Setback { wait, pressure, ..Setback::transient(format!("the service answered {status}")) })
}

/// Why an answer that sends elsewhere is not followed: neither a token nor a secret goes where the manifest names not.
pub(super) fn redirected(response: &Response, origin: &Origin) -> Option<SourceError> {
    if !response.status().is_redirection() {
        return None;
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let to = match origin.admit_location(location) {
        Ok(_) => "another address".to_owned(),
        Err(Foreign(to)) => format!("another origin ({to})"),
    };
    let error = protocol(format!("{origin} redirects to {to}, which is not followed"));
    Some(SourceError { hint: Some("check the tenant's `endpoints`, and any proxy in between".to_owned()), ..error })
}
