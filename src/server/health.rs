//! What monitoring asks: alive, ready, metrics, and what can be asked at all.

use axum::response::Response;
use serde_json::json;

use super::openapi::openapi as document;
use super::problem::{Problem, ProblemKind};
use super::route::{Answer, Call, bytes_of, json};

/// Liveness: an answer is the answer.
pub fn alive() -> Response {
    bytes_of("text/plain; charset=utf-8", "ok\n")
}

/// Readiness, with what is missing.
pub fn ready(call: &Call) -> Answer {
    let readiness = call.operations.readiness();
    if readiness.ready {
        return json(&readiness);
    }
    let detail = match readiness.waiting_for.as_slice() {
        [] => "bmsync is not ready".to_owned(),
        missing => format!("bmsync is not ready: {}", missing.join("; ")),
    };
    let problem = Problem::new(ProblemKind::Unavailable, detail);
    Err(problem.with("ready", json!(false)).with("waitingFor", json!(readiness.waiting_for)))
}

/// Metrics for Prometheus.
pub fn metrics(call: &Call) -> Response {
    bytes_of("text/plain; version=0.0.4; charset=utf-8", call.operations.metrics())
}

/// The `OpenAPI` document.
pub fn openapi() -> Response {
    bytes_of("application/json", document())
}
