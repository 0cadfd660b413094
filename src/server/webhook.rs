//! What Microsoft Graph tells us, or whoever says to be it. Everything is a claim: it is bounded, taken apart item by
//! item and handed on, and the answer never tells what became of it.
//!
//! A validation handshake is answered as [documented](https://learn.microsoft.com/graph/change-notifications-delivery-webhooks):
//! 200, `text/plain`, the decoded token and nothing else.

use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use secrecy::SecretString;
use serde_json::Value;

use super::problem::Problem;
use super::query::Parameter;
use super::route::{Answer, Call, bytes_of};
use crate::controller::{Lifecycle, Notification};

/// Longer tokens are not sent back.
const MAX_TOKEN_BYTES: usize = 2048;

/// Items of one request that are looked at: each only says "look again".
const MAX_ITEMS: usize = 1000;

/// Longer subscription IDs and client states are nobody's.
const MAX_CLAIM_BYTES: usize = 512;

/// `POST /webhooks/graph`.
pub fn receive(call: &Call) -> Answer {
    if let Some(token) = call.query.get(Parameter::ValidationToken) {
        return handshake(token);
    }
    for notification in notifications(&call.body) {
        call.operations.notified(notification);
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Sends the token back: as plain text, which the headers of every answer forbid to take for anything else.
fn handshake(token: &str) -> Answer {
    let word = Parameter::ValidationToken.word();
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Problem::parameter(word, format!("a token has at most {MAX_TOKEN_BYTES} bytes")));
    }
    if token.chars().any(char::is_control) {
        return Err(Problem::parameter(word, "a token has no control characters"));
    }
    Ok(bytes_of("text/plain; charset=utf-8", token.to_owned()))
}

/// The items that can be read; what cannot is left out.
fn notifications(body: &[u8]) -> Vec<Notification> {
    let Ok(Value::Object(mut body)) = serde_json::from_slice(body) else { return Vec::new() };
    let Some(Value::Array(items)) = body.remove("value") else { return Vec::new() };
    items.into_iter().take(MAX_ITEMS).filter_map(notification).collect()
}

fn notification(item: Value) -> Option<Notification> {
    let Value::Object(mut item) = item else { return None };
    let subscription = claim(item.remove("subscriptionId"))?;
    let client_state = claim(item.remove("clientState")).unwrap_or_default();
    let lifecycle = item.get("lifecycleEvent").and_then(Value::as_str).and_then(lifecycle);
    Some(Notification { subscription, client_state: SecretString::from(client_state), lifecycle })
}

fn claim(value: Option<Value>) -> Option<String> {
    match value? {
        Value::String(text) if text.len() <= MAX_CLAIM_BYTES => Some(text),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// An event that is not known is a reason to look again, like a change.
fn lifecycle(word: &str) -> Option<Lifecycle> {
    match word {
        "reauthorizationRequired" => Some(Lifecycle::ReauthorizationRequired),
        "subscriptionRemoved" => Some(Lifecycle::SubscriptionRemoved),
        "missed" => Some(Lifecycle::Missed),
        _ => None,
    }
}
