//! What the registration of an application tells of the client secret that is in use: when it ends. Looked up where Graph
//! lets bmsync read it, with the token that there is, and in vain without harm. It knows nothing of who is warned.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::GraphSource;
use super::ask::Ask;
use super::error::{Setback, Trouble, protocol};
use crate::model::Id;
use crate::source::SourceError;

/// How long what was found counts, and that nothing was.
const INTERVAL: Duration = Duration::from_hours(24);
/// How long it counts that nobody answered.
const SILENCE: Duration = Duration::from_hours(1);
/// How long the question may take: it is nobody's business that waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// The end of a secret, as it was last looked up.
#[derive(Debug, Default)]
pub(super) struct SecretEnd(Mutex<Option<Known>>);

#[derive(Debug)]
struct Known {
    /// Of which secret.
    of: [u8; 32],
    until: Instant,
    looked: Looked,
}

/// What came of looking.
#[derive(Clone, Copy, Debug)]
enum Looked {
    Ends(Timestamp),
    InVain,
}

impl Looked {
    const fn end(self) -> Option<Timestamp> {
        match self {
            Self::Ends(at) => Some(at),
            Self::InVain => None,
        }
    }
}

impl SecretEnd {
    /// What is known of that secret; nothing where it is time to look.
    fn of(&self, secret: [u8; 32]) -> Option<Looked> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|known| known.of == secret && Instant::now() < known.until).map(|known| known.looked)
    }

    fn keep(&self, known: Known) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }
}

impl GraphSource {
    /// When the client secret ends that the application proves itself with; nothing where it has none, where that cannot
    /// be read, or where it cannot be told which of several it is. Signs nobody in for it.
    pub async fn secret_end(&self) -> Option<Timestamp> {
        let secret = self.graph.auth.client_secret()?;
        let of = Sha256::digest(secret.expose_secret()).into();
        if let Some(known) = self.secret_end.of(of) {
            return known.end();
        }
        if !self.graph.auth.is_signed_in().await {
            return None;
        }
        let asked = timeout(PATIENCE, self.registered()).await;
        let (looked, lasts) = match asked {
            Ok(Ok(registered)) => {
                let end = registered.and_then(|one| one.end_of(&secret, Timestamp::now()));
                (end.map_or(Looked::InVain, Looked::Ends), INTERVAL)
            }
            Ok(Err(error)) => {
                debug!(tenant = %self.tenant, %error, "the registration tells nothing");
                (Looked::InVain, SILENCE)
            }
            Err(_) => (Looked::InVain, SILENCE),
        };
        self.secret_end.keep(Known { of, until: Instant::now() + lasts, looked });
        looked.end()
    }

    /// The registration, where it is in this tenant and may be read.
    async fn registered(&self) -> Result<Option<Registered>, SourceError> {
        let application = Id::new(self.graph.auth.application_id());
        if !application.is_guid() {
            return Ok(None);
        }
        let mut url = self.graph.origin.path(&["v1.0", &format!("applications(appId='{application}')")]);
        url.set_query(Some("$select=passwordCredentials"));
        let ask = Ask { method: Method::GET, url, body: None, what: "registration of the application".to_owned() };
        let judge = |heard: &super::ask::Heard| match heard.status {
            StatusCode::OK => serde_json::from_slice(&heard.body)
                .map(Some)
                .map_err(|_| Trouble::Again(Setback::garbled("the answer makes no sense"))),
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Ok(None),
            status => Err(Trouble::Over(protocol(format!("the service answered {status}")))),
        };
        self.graph.ask(&ask, judge).await
    }
}

/// What is read of a registration.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registered {
    #[serde(default)]
    password_credentials: Vec<Password>,
}

/// A client secret, as a registration tells of it: never the secret itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Password {
    #[serde(default)]
    end_date_time: Option<Timestamp>,
    /// Its first characters.
    #[serde(default)]
    hint: Option<String>,
}

impl Registered {
    /// The end of that secret, if only one can be meant. Those that are over are not: it was just accepted.
    fn end_of(&self, secret: &SecretString, now: Timestamp) -> Option<Timestamp> {
        let fits = |one: &&Password| {
            let hint = one.hint.as_deref().unwrap_or_default();
            secret.expose_secret().starts_with(hint) && one.end_date_time.is_some_and(|end| end > now)
        };
        match self.password_credentials.iter().filter(fits).collect::<Vec<_>>().as_slice() {
            [only] => only.end_date_time,
            [] | [_, ..] => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_in_use_is_known_by_its_first_characters_and_only_if_no_other_is_like_it() {
        let now: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        let end = |json: &str| {
            let registered: Registered = serde_json::from_str(json).unwrap();
            registered.end_of(&SecretString::from("aB3~secret"), now).map(|end| end.to_string())
        };
        let one = r#"{"hint":"aB3","endDateTime":"2027-01-01T00:00:00Z"}"#;
        let other = r#"{"hint":"zz9","endDateTime":"2026-12-01T00:00:00Z"}"#;
        let over = r#"{"hint":"aB3","endDateTime":"2026-01-01T00:00:00Z"}"#;
        let bare = r#"{"hint":null,"endDateTime":"2028-01-01T00:00:00Z"}"#;
        let of = |list: &str| end(&format!(r#"{{"passwordCredentials":[{list}]}}"#));
        let expected = Some("2027-01-01T00:00:00Z".to_owned());
        assert_eq!(of(&format!("{other},{over},{one}")), expected);
        assert_eq!(of(&format!("{one},{bare}")), None, "either may be meant");
        assert_eq!(of(bare), Some("2028-01-01T00:00:00Z".to_owned()));
        assert_eq!(of(&format!("{other},{over}")), None);
        assert_eq!((end("{}"), of("{}")), (None, None));
    }
}
