//! An event as JSON: what happened to one record, with the record before and after.

use serde_json::{Value, json};

use super::record::record;
use crate::applied::Event;

/// The event with all its keys, in their order.
#[must_use]
pub fn event(event: &Event) -> Value {
    let Event { id, at, revision, action, user, user_principal_name, rule, reason, config_digest, before, after } =
        event;
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
        "before": before.as_ref().map(record),
        "after": record(after),
    })
}
