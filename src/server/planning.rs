//! Questions about everybody: the plan of candidate manifests, one user explained, the whole state.

use axum::body::Bytes;

use super::candidate::candidate;
use super::lists::Page;
use super::problem::Problem;
use super::query::Parameter;
use super::route::{Answer, Call, bytes_of, internal, json};
use crate::controller::{Cause, ServedPlan};
use crate::manifest::config::Config;
use crate::report;

/// `POST /v1/plan`.
pub async fn plan(call: Call) -> Answer {
    let Call { operations, body, query, .. } = call;
    let wanted = if body.trim_ascii().is_empty() { None } else { Some(loaded(body, operations.config()).await?) };
    let served = operations.plan(wanted, query.get(Parameter::Tenant)).await?;
    let bytes = aside(move || written(&served)).await??;
    Ok(bytes_of("application/json", bytes))
}

async fn loaded(body: Bytes, declared: std::sync::Arc<Config>) -> Result<Config, Problem> {
    aside(move || candidate(body, &declared)).await?.map_err(|diagnostics| Problem::invalid_manifests(&diagnostics))
}

fn written(served: &ServedPlan) -> Result<Vec<u8>, Problem> {
    let ServedPlan { plan, created_at, causes } = served;
    let causes: Vec<Option<&'static str>> = causes.iter().map(|cause| cause.map(Cause::word)).collect();
    let mut bytes = Vec::new();
    report::json::write_with_causes(plan, *created_at, &causes, &mut bytes).map_err(|_| internal())?;
    Ok(bytes)
}

/// Runs what takes long beside the threads that answer requests.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a request broke off");
        internal()
    })
}

/// `GET /v1/explain`.
pub async fn explain(call: Call) -> Answer {
    let user = call.query.get(Parameter::User).and_then(crate::model::filled);
    let user =
        user.ok_or_else(|| Problem::parameter("user", "give `user`: a user principal name, an email or an object ID"))?;
    let found = call.operations.explain(user).await?;
    let items: Result<Vec<_>, _> = found.iter().map(report::explanation::value).collect();
    json(&Page { items: items.map_err(|_| internal())?, next: None })
}

/// `GET /v1/export`.
pub async fn export(call: Call) -> Answer {
    Ok(bytes_of("application/x-ndjson", call.operations.export().await?))
}
