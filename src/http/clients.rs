//! The HTTP clients: one way of speaking per kind of reach, with time-outs, a size limit on every body and no
//! redirects. It knows nothing of what is asked, of tokens or of pages.

use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Response, redirect};

use super::origin::Origin;

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
    ///
    /// # Errors
    /// When none can be made on this machine.
    pub fn client(&self, origin: &Origin) -> Result<Client, reqwest::Error> {
        let mut slot = self.slot(origin);
        if let Some(client) = &*slot {
            return Ok(client.clone());
        }
        let client = build(Reach::to(origin))?;
        Ok(slot.insert(client).clone())
    }

    /// Lets the connections go, so that the next request makes a new one.
    pub fn reconnect(&self, origin: &Origin) {
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

/// Why a body is not there.
#[derive(Debug)]
pub enum BadBody {
    /// It is larger than the limit.
    TooLarge,
    /// It broke off or stalled.
    Broken(reqwest::Error),
}

/// Nearly every body is smaller. A buffer for one that is not gets all its room at once: the system gives memory as it is
/// filled, and takes it back as a whole; grown step by step, the allocator would keep what it outgrew.
const USUAL_BODY: usize = 1 << 20;

/// Reads a body into the buffer, up to a limit.
///
/// # Errors
/// When it does not come whole.
pub async fn read_body(mut response: Response, limit: usize, buffer: &mut Vec<u8>) -> Result<(), BadBody> {
    buffer.clear();
    while let Some(chunk) = response.chunk().await.map_err(BadBody::Broken)? {
        if buffer.len() + chunk.len() > limit {
            return Err(BadBody::TooLarge);
        }
        if buffer.len() + chunk.len() > USUAL_BODY {
            buffer.reserve_exact(limit - buffer.len());
        }
        buffer.extend_from_slice(&chunk);
    }
    Ok(())
}

/// The certificate error at the bottom of a failed connection, if there is one.
#[must_use]
pub fn certificate_trouble<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let found = chain(error).find_map(|error| error.downcast_ref::<rustls::Error>())?;
    matches!(found, rustls::Error::InvalidCertificate(_)).then_some(found)
}

/// What is at the bottom of an error, in words.
#[must_use]
pub fn root_cause(error: &(dyn Error + 'static)) -> String {
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
        let reach = |root| Reach::to(&Origin::new(root).unwrap());
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
