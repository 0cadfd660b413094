//! Lists in pages, and single things out of them.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::problem::{Problem, ProblemKind};
use super::query::Parameter;
use super::route::{Answer, Call, json};
use crate::controller::{Operations, RuleStatus, TenantStatus};
use crate::interchange::event::event as event_json;
use crate::interchange::record::record as record_json;
use crate::model::{Id, Kind, RecordKey};

/// A page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The `after` of the page that follows.
    pub next: Option<String>,
}

/// A page of what was asked for with one more than its limit: whether there was one more tells whether there is a next.
fn page_by_number<T>(mut found: Vec<T>, limit: usize, id: fn(&T) -> u64, show: fn(&T) -> Value) -> Answer {
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| id(last).to_string());
    json(&Page { items: found.iter().map(show).collect(), next })
}

/// `GET /v1/employees`.
pub async fn employees(call: Call) -> Answer {
    records(Kind::Employee, call).await
}

/// `GET /v1/contacts`.
pub async fn contacts(call: Call) -> Answer {
    records(Kind::Contact, call).await
}

async fn records(kind: Kind, call: Call) -> Answer {
    let (limit, after) = (call.query.limit()?, call.query.after_number()?);
    let found = call.operations.records(kind, after, limit + 1).await?;
    page_by_number(found, limit, |record| record.key.id, record_json)
}

/// `GET /v1/employees/{id}`.
pub async fn employee(call: Call) -> Answer {
    record(Kind::Employee, call).await
}

/// `GET /v1/contacts/{id}`.
pub async fn contact(call: Call) -> Answer {
    record(Kind::Contact, call).await
}

async fn record(kind: Kind, call: Call) -> Answer {
    let key = RecordKey { kind, id: number(&call.item)? };
    json(&record_json(&call.operations.record(key).await?))
}

/// `GET /v1/events`.
pub async fn events(call: Call) -> Answer {
    let (limit, after) = (call.query.limit()?, call.query.after_number()?);
    let found = call.operations.events(after, limit + 1).await?;
    page_by_number(found, limit, |event| event.id, event_json)
}

/// `GET /v1/events/{id}`.
pub async fn event(call: Call) -> Answer {
    let id = number(&call.item)?;
    let found = call.operations.events(id - 1, 1).await?;
    match found.first().filter(|event| event.id == id) {
        Some(event) => json(&event_json(event)),
        None => Err(missing(format!("there is no event {id}"))),
    }
}

fn number(text: &str) -> Result<u64, Problem> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|number| digits && *number > 0)
        .ok_or_else(|| Problem::parameter("id", "an ID is a whole number from 1"))
}

fn missing(detail: String) -> Problem {
    Problem::new(ProblemKind::NotFound, detail)
}

/// `GET /v1/tenants`.
pub async fn tenants(call: Call) -> Answer {
    let limit = call.query.limit()?;
    let after = call.query.get(Parameter::After).map(Id::new);
    let mut found = call.operations.tenants().await;
    found.retain(|tenant| after.as_ref().is_none_or(|after| tenant.tenant_id > *after));
    let next = found.get(limit).and_then(|_| found.get(limit - 1)).map(|last| last.tenant_id.to_string());
    found.truncate(limit);
    json(&Page { items: found, next })
}

/// `GET /v1/tenants/{tenant}`.
pub async fn tenant(call: Call) -> Answer {
    json(&find_tenant(&call.operations, &call.item).await?)
}

async fn find_tenant(operations: &Arc<dyn Operations>, named: &str) -> Result<TenantStatus, Problem> {
    let mut found = operations.tenants().await;
    let id = Id::new(named);
    let at = found.iter().position(|tenant| tenant.name == named || tenant.tenant_id == id);
    at.map(|at| found.swap_remove(at)).ok_or_else(|| missing(format!("there is no tenant {}", shown(named))))
}

/// `GET /v1/rules`.
pub async fn rules(call: Call) -> Answer {
    let limit = call.query.limit()?;
    let mut found = call.operations.rules().await;
    if let Some(after) = call.query.get(Parameter::After) {
        let at = found.iter().position(|rule| rule.name == after);
        let at = at.ok_or_else(|| Problem::parameter("after", "there is no such rule any more: start again"))?;
        found.drain(..=at);
    }
    let next = found.get(limit).and_then(|_| found.get(limit - 1)).map(|last| last.name.to_string());
    found.truncate(limit);
    json(&Page { items: found, next })
}

/// `GET /v1/worklist`.
pub async fn worklist(call: Call) -> Answer {
    let (limit, after) = (call.query.limit()?, call.query.after_number()?);
    let found = call.operations.worklist().await?;
    let page: Vec<_> = (1_u64..).zip(found).filter(|(number, _)| *number > after).take(limit + 1).collect();
    page_by_number(page, limit, |(number, _)| *number, |(_, to_do)| serde_json::to_value(to_do).unwrap_or_default())
}

/// `GET /v1/rules/{rule}`.
pub async fn rule(call: Call) -> Answer {
    let found = call.operations.rules().await;
    let found: Option<&RuleStatus> = found.iter().find(|rule| rule.name == call.item);
    json(&found.ok_or_else(|| missing(format!("there is no rule {}", shown(&call.item))))?)
}

/// `GET /v1/itglue`.
pub async fn it_glue_findings(call: Call) -> Answer {
    let (limit, after) = (call.query.limit()?, call.query.after_number()?);
    let mut found = call.operations.it_glue_findings(after, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).and_then(|last| last["contact"].as_u64()).map(|last| last.to_string());
    json(&Page { items: found, next })
}

/// `GET /v1/itglue/status`.
pub async fn it_glue_status(call: Call) -> Answer {
    json(&call.operations.it_glue().await?)
}

/// A name out of a request, as an answer may repeat it.
fn shown(name: &str) -> String {
    format!("`{}`", crate::display::safe(name))
}
