//! An event as JSON: what happened to one record, with the record before and after.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::record::{self, record};
use crate::applied::Event;
use crate::model::{Id, Revision, Text, UserKey};

/// The event with all its keys, in their order.
#[must_use]
pub fn event(event: &Event) -> Value {
    let Event {
        id,
        at,
        revision,
        action,
        user,
        user_principal_name,
        rule,
        reason,
        config_digest,
        config_commit,
        before,
        after,
    } = event;
    let user = user.as_ref().map(|key| {
        json!({
            "tenantId": key.tenant.to_string(),
            "id": key.user.to_string(),
            "userPrincipalName": user_principal_name.as_deref(),
        })
    });
    json!({
        "id": id,
        "at": at.to_string(),
        "revision": revision.0,
        "action": action.as_str(),
        "kind": after.key.kind.word(),
        "recordId": after.key.id,
        "user": user,
        "rule": rule.as_deref(),
        "reason": reason.as_str(),
        "configDigest": config_digest.as_deref(),
        "configCommit": config_commit.as_deref(),
        "before": before.as_ref().map(record),
        "after": record(after),
    })
}

/// An event out of the JSON that [`event`] gives; `None` when it is none.
#[must_use]
pub fn read(value: &Value) -> Option<Event> {
    let Told { id, at, revision, action, user, rule, reason, config_digest, config_commit, before, after } =
        Told::deserialize(value).ok()?;
    let before = match before {
        Some(before) => Some(record::read(&before)?),
        None => None,
    };
    let (user, user_principal_name) = user.map_or((None, None), |Owner { tenant_id, id, user_principal_name }| {
        (Some(UserKey { tenant: tenant_id, user: id }), user_principal_name)
    });
    let (revision, after) = (Revision(revision), record::read(&after)?);
    Some(Event {
        id,
        at,
        revision,
        action,
        user,
        user_principal_name,
        rule,
        reason,
        config_digest,
        config_commit,
        before,
        after,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    id: u64,
    at: Timestamp,
    revision: u64,
    action: Text,
    user: Option<Owner>,
    rule: Option<Text>,
    reason: Text,
    config_digest: Option<Text>,
    config_commit: Option<Text>,
    before: Option<Value>,
    after: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    tenant_id: Id,
    id: Id,
    user_principal_name: Option<Text>,
}
