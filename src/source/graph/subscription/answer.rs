//! What Microsoft Graph answers about subscriptions, and what each answer means for a person. Its own text is never
//! shown: it may quote what was sent, and that has a secret in it.

use jiff::Timestamp;
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::super::ask::Heard;
use super::super::auth::Auth;
use super::super::client::{codes, shown};
use super::super::error::{Setback, Trouble, person, plain, protocol};
use super::super::permission::Permission;
use super::CHANGE_TYPE;
use crate::source::subscription::{SubscriptionWish, Watched};
use crate::source::{Job, SourceError, SourceErrorClass};

/// Longest ID that is taken; real ones are GUIDs.
const MAX_ID: usize = 128;

const PUBLIC_URL: &str = "let --public-url be an https address with a certificate that everybody trusts, under which \
     Microsoft Graph reaches this bmsync from the internet; until then it polls";

/// What is read of a subscription that was created or renewed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entity {
    pub id: String,
    pub expiration_date_time: Timestamp,
}

#[derive(Deserialize)]
pub(super) struct Listed {
    pub value: Vec<Value>,
    #[serde(rename = "@odata.nextLink", default)]
    pub next: Option<String>,
}

/// A subscription in a list. What cannot be read as one is none of ours.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Known {
    pub id: String,
    resource: String,
    change_type: String,
    #[serde(default)]
    notification_url: Option<String>,
}

impl Known {
    /// Whether there cannot be both; one without a sensible ID is none of ours.
    pub fn is_like(&self, wish: &SubscriptionWish) -> bool {
        let words = |text: &str| {
            let mut words: Vec<_> = text.split(',').map(|word| word.trim().to_lowercase()).collect();
            words.sort();
            words
        };
        is_id(&self.id)
            && self.resource.trim_start_matches('/').eq_ignore_ascii_case(wish.watched.word())
            && words(&self.change_type) == words(CHANGE_TYPE)
    }

    /// Whether it tells the webhook of the wish.
    pub fn tells(&self, wish: &SubscriptionWish) -> bool {
        let theirs = self.notification_url.as_deref().and_then(|url| Url::parse(url).ok());
        theirs.is_some() && theirs == Url::parse(&wish.notification_url).ok()
    }

    /// Scheme, host and port of its webhook.
    fn place(&self) -> String {
        let url = self.notification_url.as_deref().and_then(|url| Url::parse(url).ok());
        url.map_or_else(|| "an unknown address".to_owned(), |url| plain(&url.origin().ascii_serialization(), 100))
    }
}

/// Whether text can stand for a subscription in an address and in a log.
fn is_id(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_plain && !text.is_empty() && text.len() <= MAX_ID
}

pub(super) fn entity(heard: &Heard) -> Result<Entity, Trouble> {
    let entity: Entity = parsed(heard)?;
    if is_id(&entity.id) {
        return Ok(entity);
    }
    Err(Trouble::Again(Setback::garbled("the answer has an ID that none can be")))
}

pub(super) fn page(heard: &Heard) -> Result<Listed, Trouble> {
    if heard.status.is_success() { parsed(heard) } else { Err(refused(heard)) }
}

fn parsed<T: DeserializeOwned>(heard: &Heard) -> Result<T, Trouble> {
    // The text of the error could quote the answer, which may hold the secret.
    serde_json::from_slice(&heard.body)
        .map_err(|_| Trouble::Again(Setback::garbled("the answer is not what a subscription must be")))
}

/// What came of asking for a new subscription; nothing when there is one already.
pub(super) fn created(heard: &Heard, wish: &SubscriptionWish, auth: &Auth) -> Result<Option<Entity>, Trouble> {
    match heard.status {
        StatusCode::CONFLICT => Ok(None),
        StatusCode::BAD_REQUEST => Err(Trouble::Over(unconfirmed(heard))),
        StatusCode::FORBIDDEN => Err(Trouble::Over(forbidden(heard, wish.watched, auth))),
        status if status.is_success() => entity(heard).map(Some),
        _ => Err(refused(heard)),
    }
}

/// What came of asking for something of a subscription; nothing when it is gone.
pub(super) fn living<T>(
    heard: &Heard,
    auth: &Auth,
    read: impl Fn(&Heard) -> Result<T, Trouble>,
) -> Result<Option<T>, Trouble> {
    match heard.status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
        // The webhook may be asked again, and time out for no reason of ours.
        StatusCode::BAD_REQUEST => {
            Err(Trouble::Over(SourceError { class: SourceErrorClass::Transient, ..unconfirmed(heard) }))
        }
        StatusCode::FORBIDDEN => {
            Err(Trouble::Over(auth.denied(&code(heard), &[Permission::USERS, Permission::GROUPS])))
        }
        status if status.is_success() => read(heard).map(Some),
        _ => Err(refused(heard)),
    }
}

fn code(heard: &Heard) -> String {
    shown(&codes(&heard.body))
}

/// Whether the service's own text has one of these words. The text is never shown: it may quote what was sent.
fn speaks_of(heard: &Heard, words: &[&str]) -> bool {
    let text = String::from_utf8_lossy(&heard.body).to_lowercase();
    words.iter().any(|word| text.contains(word))
}

fn refused(heard: &Heard) -> Trouble {
    Trouble::Over(protocol(format!("the service answered {}{}", heard.status, code(heard))))
}

/// A 400: most often the webhook was not reached, or not in time.
fn unconfirmed(heard: &Heard) -> SourceError {
    let code = code(heard);
    if speaks_of(heard, &["timed out", "timeout"]) {
        return transient(format!("the webhook did not answer Microsoft Graph in time{code}"), PUBLIC_URL);
    }
    if speaks_of(heard, &["validat"]) {
        return person(format!("Microsoft Graph could not confirm the webhook{code}"), PUBLIC_URL);
    }
    protocol(format!("the service answered {}{code}", heard.status))
}

fn forbidden(heard: &Heard, watched: Watched, auth: &Auth) -> SourceError {
    let code = code(heard);
    if speaks_of(heard, &["limit", "quota"]) {
        return person(
            format!("Microsoft Graph has no room for another subscription{code}"),
            "an application has at most 100 subscriptions in a tenant, and a tenant 1000: delete those that nobody \
             needs, or wait until they expire; until then bmsync polls",
        );
    }
    let (wanted, more) = match watched {
        Watched::Users => (Permission::USERS, ""),
        Watched::Groups => (Permission::GROUPS, ": GroupMember.Read.All reads groups, but does not subscribe to them"),
    };
    let denied = auth.denied(&code, &[wanted]);
    SourceError { hint: denied.hint.map(|hint| format!("{hint}{more}; until then bmsync polls")), ..denied }
}

pub(super) const IN_THE_WAY: &str =
    "let one program only subscribe with this application, or give bmsync an application of its own";

/// Another webhook has the only subscription that there may be.
pub(super) fn taken(wish: &SubscriptionWish, others: &[Known]) -> SourceError {
    let what = format!("subscription to {}", wish.watched);
    match others.first() {
        Some(other) => person(
            format!("{what}: the application has one already, which tells {}", other.place()),
            "let one program only subscribe with this application, or give bmsync an application of its own; after a \
             change of --public-url the earlier subscription ends by itself within two weeks",
        ),
        None => transient(format!("{what}: there is one already, but it is not listed"), IN_THE_WAY),
    }
}

pub(super) fn transient(message: String, hint: &str) -> SourceError {
    let hint = Some(hint.to_owned()).filter(|hint| !hint.is_empty());
    SourceError { class: SourceErrorClass::Transient, job: Job::Wait, code: None, message, hint, source: None }
}
