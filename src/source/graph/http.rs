//! The HTTP clients: one way of speaking per kind of reach, with time-outs, a size limit on every body and no
//! redirects. It knows nothing of tokens, pages or users.

use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{LOCATION, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Response, StatusCode, redirect};

use super::error::{Pressure, Setback, Trouble, person, plain, protocol};
use super::link::{Foreign, Origin};
use super::retry::retry_after;
use crate::source::SourceError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(25);

/// The connections of a process to its directory services; a clone shares them. Made cheaply: what reaching an origin
/// needs (trusted certificates, proxies) is looked for when it is first asked for.
#[derive(Clone, Debug, Default)]
pub struct Http(Arc<[Mutex<Option<Client>>; 3]>);

/// How an origin is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// On this machine, in plain text: no proxy, no certificates.
    Plain,
    /// On this machine, over TLS: no proxy.
    Near,
    /// Anywhere, over TLS, through the proxy of the environment if there is one.
    Far,
}

impl Reach {
    fn to(origin: &Origin) -> Self {
        match (origin.is_secure(), origin.is_loopback()) {
            (true, false) => Self::Far,
            (true, true) => Self::Near,
            (false, _) => Self::Plain,
        }
    }
}

impl Http {
    /// No connection yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The client for an origin.
    pub(super) fn client(&self, origin: &Origin) -> Result<Client, SourceError> {
        let mut slot = self.slot(origin);
        if let Some(client) = &*slot {
            return Ok(client.clone());
        }
        let client = build(Reach::to(origin)).map_err(|error| unbuilt(&error))?;
        Ok(slot.insert(client).clone())
    }

    /// Lets the connections go, so that the next request makes a new one.
    fn reconnect(&self, origin: &Origin) {
        *self.slot(origin) = None;
    }

    fn slot(&self, origin: &Origin) -> std::sync::MutexGuard<'_, Option<Client>> {
        self.0[Reach::to(origin) as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn build(reach: Reach) -> Result<Client, reqwest::Error> {
    // An error only says that a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = ClientBuilder::new()
        .user_agent(concat!("bmsync/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT);
    match reach {
        // Without TLS no root certificate is needed, so none is looked for: a bare machine has none.
        Reach::Plain => builder.no_proxy().http1_only().tls_certs_only([]).build(),
        Reach::Near => builder.no_proxy().build(),
        Reach::Far => builder.https_only(true).build(),
    }
}

fn unbuilt(error: &reqwest::Error) -> SourceError {
    person(
        format!("no secure connection can be made from this machine: {}", plain(&root_cause(error), 200)),
        "install the system's root certificates (package ca-certificates), or let SSL_CERT_FILE name a PEM file of them",
    )
}

/// Nearly every page is smaller. A buffer for one that is not gets all its room at once: the system gives memory as it is
/// filled, and takes it back as a whole; grown step by step, the allocator would keep what it outgrew.
const USUAL_BODY: usize = 1 << 20;

/// Reads a body into the buffer, up to a limit.
pub(super) async fn read_body(mut response: Response, limit: usize, buffer: &mut Vec<u8>) -> Result<(), Trouble> {
    buffer.clear();
    while let Some(chunk) = response.chunk().await.map_err(broken_body)? {
        if buffer.len() + chunk.len() > limit {
            return Err(Trouble::Over(protocol(format!("the answer is larger than {} MiB", limit >> 20))));
        }
        if buffer.len() + chunk.len() > USUAL_BODY {
            buffer.reserve_exact(limit - buffer.len());
        }
        buffer.extend_from_slice(&chunk);
    }
    Ok(())
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

/// The certificate error at the bottom of a failed connection, if there is one.
fn certificate_trouble<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let found = chain(error).find_map(|error| error.downcast_ref::<rustls::Error>())?;
    matches!(found, rustls::Error::InvalidCertificate(_)).then_some(found)
}

fn root_cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}

/// An error and its causes; what an IO error wraps counts as its cause.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), cause)
}

fn cause<'a>(error: &&'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let error: &'a (dyn Error + 'static) = *error;
    match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_loopback_needs_no_root_certificates() {
        assert!(build(Reach::Plain).is_ok());
    }

    #[test]
    fn the_reach_is_chosen_by_scheme_and_host() {
        let reach = |root| Reach::to(&Origin::new(root, "endpoints.graph").unwrap());
        assert_eq!(reach("http://localhost:1"), Reach::Plain);
        assert_eq!(reach("https://[::1]:1"), Reach::Near);
        assert_eq!(reach("https://graph.microsoft.com"), Reach::Far);
    }

    #[test]
    fn a_certificate_error_is_found_inside_io_errors() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls.clone()));
        assert_eq!(certificate_trouble(&wrapped), Some(&tls));
        assert_eq!(certificate_trouble(&io::Error::other("reset")), None);
    }
}
