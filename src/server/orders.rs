//! What an operator tells a running bmsync to do: look again, approve, apply.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::problem::{Problem, ProblemKind};
use super::query::Parameter;
use super::route::{Answer, Call, json, json_as};
use crate::approved::Consent;
use crate::controller::Held;
use crate::report;

/// `POST /v1/sync`.
pub fn sync_all(call: &Call) -> Answer {
    call.operations.sync(None)?;
    json_as(StatusCode::ACCEPTED, &json!({ "tenant": null }))
}

/// `POST /v1/sync/{tenant}`.
pub fn sync_one(call: &Call) -> Answer {
    call.operations.sync(Some(&call.item))?;
    json_as(StatusCode::ACCEPTED, &json!({ "tenant": call.item }))
}

/// `GET /v1/approve/{tenant}`.
pub async fn held(call: Call) -> Answer {
    json(&HeldJson::of(&call.operations.held(&call.item).await?))
}

/// What is approved: nothing else is, whatever has come up since it was shown.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    digest: Option<String>,
}

/// `POST /v1/approve/{tenant}`.
pub async fn approve(call: Call) -> Answer {
    let approval = if call.body.trim_ascii().is_empty() { Approval::default() } else { parse(&call.body)? };
    let digest = if let Some(digest) = approval.digest {
        digest
    } else {
        let held = call.operations.held(&call.item).await?;
        if held.changes.is_empty() {
            return json(&HeldJson::of(&held));
        }
        held.digest
    };
    json(&HeldJson::of(&call.operations.approve(&call.item, &digest).await?))
}

/// `POST /v1/apply`.
pub async fn apply(call: Call) -> Answer {
    let consent = if call.query.flag(Parameter::ApproveHeld)? { Consent::Given } else { Consent::Withheld };
    let saved: serde_json::Value = parse(&call.body)?;
    json(&call.operations.apply(saved, consent).await?)
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let detail = match error.classify() {
            serde_json::error::Category::Data => format!("the body is not what is expected here ({place})"),
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => format!("the body is not JSON ({place})"),
        };
        Problem::new(ProblemKind::BadRequest, detail)
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeldJson<'a, Changes> {
    tenant_id: &'a crate::model::Id,
    digest: &'a str,
    approved_until: Option<jiff::Timestamp>,
    changes: Changes,
}

impl<'a> HeldJson<'a, ()> {
    fn of(held: &'a Held) -> impl Serialize + 'a {
        let Held { tenant, digest, changes, approved_until } = held;
        let changes = report::json::changes(changes);
        HeldJson { tenant_id: tenant, digest, approved_until: *approved_until, changes }
    }
}
