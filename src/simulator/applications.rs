//! The part of the directory file that is about applications: registrations, what a tenant let in, and who consented.
//! Its shape is in `docs/simulator.md`. Knows nothing of HTTP.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::file::{FileError, each, nothing_left, object, text, texts, wrong};
use super::registration::{Audience, Certificate, ClientKind, Federated, Registration, Secret};
use super::world::{Application, Consent, Standing};

/// One of the top-level `applications`.
pub(super) fn registration(at: &str, value: Value) -> Result<Registration, FileError> {
    let mut map = object(at, value)?;
    let id = text(at, &mut map, "id")?;
    let name = optional_text(at, &mut map, "name")?.unwrap_or_else(|| id.clone());
    let (delegated, application) = permissions(at, &mut map)?;
    let registration = Registration {
        id,
        name,
        audience: audience(at, &mut map)?,
        client: if flag(at, &mut map, "publicClient")? { ClientKind::Public } else { ClientKind::Confidential },
        secrets: each(&format!("{at}.secrets"), map.remove("secrets"), secret)?,
        certificates: each(&format!("{at}.certificates"), map.remove("certificates"), certificate)?,
        federated: each(&format!("{at}.federated"), map.remove("federated"), federated)?,
        redirect_uris: optional_texts(at, &mut map, "redirectUris")?,
        delegated,
        application,
    };
    nothing_left(at, &map)?;
    Ok(registration)
}

type Names = Option<Vec<String>>;

fn permissions(at: &str, map: &mut Map<String, Value>) -> Result<(Names, Names), FileError> {
    let Some(value) = map.remove("permissions") else { return Ok((None, None)) };
    let at = format!("{at}.permissions");
    let mut map = object(&at, value)?;
    let both = (optional_texts(&at, &mut map, "delegated")?, optional_texts(&at, &mut map, "application")?);
    nothing_left(&at, &map)?;
    Ok(both)
}

fn audience(at: &str, map: &mut Map<String, Value>) -> Result<Audience, FileError> {
    let Some(written) = optional_text(at, map, "signInAudience")? else { return Ok(Audience::ManyTenants) };
    let known = Audience::ALL.into_iter().find(|audience| audience.name() == written);
    let names = Audience::ALL.map(Audience::name).join(", ");
    known.map_or_else(|| wrong(&format!("{at}.signInAudience"), format!("wants one of {names}")), Ok)
}

fn secret(at: &str, value: Value) -> Result<Secret, FileError> {
    if let Some(value) = value.as_str() {
        return Ok(Secret { value: value.to_owned(), expires: None });
    }
    let mut map = object(at, value)?;
    let secret = Secret { value: text(at, &mut map, "value")?, expires: expiry(at, &mut map)? };
    nothing_left(at, &map)?;
    Ok(secret)
}

fn certificate(at: &str, value: Value) -> Result<Certificate, FileError> {
    let (pem, expires) = if let Some(pem) = value.as_str() {
        (pem.to_owned(), None)
    } else {
        let mut map = object(at, value)?;
        let both = (text(at, &mut map, "pem")?, expiry(at, &mut map)?);
        nothing_left(at, &map)?;
        both
    };
    Certificate::parse(&pem, expires).map_or_else(|| wrong(at, "wants an X.509 certificate as PEM"), Ok)
}

fn federated(at: &str, value: Value) -> Result<Federated, FileError> {
    let mut map = object(at, value)?;
    let keys = match map.remove("keys") {
        None => None,
        some => Some(each(&format!("{at}.keys"), some, |at, key| object(at, key).map(Value::Object))?),
    };
    let federated = Federated {
        issuer: text(at, &mut map, "issuer")?,
        subject: text(at, &mut map, "subject")?,
        audience: optional_text(at, &mut map, "audience")?.unwrap_or_else(|| "api://AzureADTokenExchange".to_owned()),
        keys,
    };
    nothing_left(at, &map)?;
    Ok(federated)
}

fn expiry(at: &str, map: &mut Map<String, Value>) -> Result<Option<Timestamp>, FileError> {
    let Some(written) = optional_text(at, map, "expires")? else { return Ok(None) };
    let wrong = |_| FileError::Content { at: format!("{at}.expires"), message: "wants a date and time".to_owned() };
    written.parse().map(Some).map_err(wrong)
}

/// One of a tenant's `applications`: what it let in, and to what.
pub(super) fn application(at: &str, value: Value) -> Result<Application, FileError> {
    let mut map = object(at, value)?;
    let id = text(at, &mut map, "id")?;
    permitted(at, id, map)
}

/// The same where the ID is known already.
pub(super) fn permitted(at: &str, id: String, mut map: Map<String, Value>) -> Result<Application, FileError> {
    let application = Application {
        id,
        key: optional_text(at, &mut map, "key")?,
        roles: optional_texts(at, &mut map, "roles")?,
        scopes: optional_texts(at, &mut map, "scopes")?,
        standing: if flag(at, &mut map, "disabled")? { Standing::Disabled } else { Standing::Enabled },
    };
    nothing_left(at, &map)?;
    Ok(application)
}

/// One of a tenant's `consents`: what one person allowed an application to do in their name.
pub(super) fn consent(at: &str, value: Value) -> Result<Consent, FileError> {
    let mut map = object(at, value)?;
    let consent = Consent {
        application: text(at, &mut map, "application")?,
        user: text(at, &mut map, "user")?,
        scopes: texts(&format!("{at}.scopes"), map.remove("scopes"))?,
    };
    nothing_left(at, &map)?;
    Ok(consent)
}

fn optional_text(at: &str, map: &mut Map<String, Value>, key: &str) -> Result<Option<String>, FileError> {
    map.contains_key(key).then(|| text(at, map, key)).transpose()
}

pub(super) fn optional_texts(at: &str, map: &mut Map<String, Value>, key: &str) -> Result<Names, FileError> {
    match map.remove(key) {
        None => Ok(None),
        some => texts(&format!("{at}.{key}"), some).map(Some),
    }
}

fn flag(at: &str, map: &mut Map<String, Value>, key: &str) -> Result<bool, FileError> {
    match map.remove(key) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(other) => wrong(&format!("{at}.{key}"), format!("wants true or false, not {other}")),
    }
}
