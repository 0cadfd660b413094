//! What a route is: everything that the router, the checks before a handler and the `OpenAPI` document need to know of it,
//! in one value, so that none of them can say something else than the others.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::auth::Role;
use super::problem::{Problem, ProblemKind};
use super::query::{Asked, Query};
use crate::controller::Operations;

/// A handler's answer.
pub type Answer = Result<Response, Problem>;

/// A handler at work.
pub type Running = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// How it is asked.
    pub verb: Verb,
    /// Where; at most one part is a `{parameter}`.
    pub path: &'static str,
    /// Who may ask.
    pub need: Need,
    /// How many at a time.
    pub lane: Lane,
    /// Parameters of the query.
    pub query: Asked,
    /// What is in the body.
    pub takes: Takes,
    /// What it answers when all is well.
    pub gives: Gives,
    /// What else it may answer, beside what every route of its kind may.
    pub fails: &'static [ProblemKind],
    /// One sentence for the `OpenAPI` document.
    pub about: &'static str,
    /// The handler.
    pub run: fn(Call) -> Running,
}

/// Method of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads; also answers HEAD.
    Get,
    /// Does, or asks with a body.
    Post,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Anybody.
    Nobody,
    /// Whoever has at least this role.
    Role(Role),
}

/// How many requests at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// As many as there are connections.
    Open,
    /// Few: it costs memory or time with every user.
    Expensive,
    /// Some: anybody may send them.
    Notification,
}

/// What a route takes in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing that it reads.
    Nothing,
    /// A stream of YAML manifests, or nothing.
    Manifests,
    /// A saved plan.
    Plan,
    /// Names what is approved, or nothing.
    Approval,
    /// Notifications of Microsoft Graph.
    Notifications,
}

/// What a route gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// 200 with JSON of a schema of that name.
    Json(&'static str),
    /// 200 with a page of items of a schema of that name.
    Page(&'static str),
    /// 202 with JSON of a schema of that name.
    Accepted(&'static str),
    /// 200 with text of a media type.
    Text(&'static str),
    /// 200 or 400 with a page for a person, or 303 to the next.
    Person,
    /// 202, or 200 with the token of a handshake.
    Handshake,
}

/// A request, as a handler gets it: allowed, bounded and read.
pub struct Call {
    /// What can be asked.
    pub operations: Arc<dyn Operations>,
    /// The path's parameter.
    pub item: String,
    /// The query.
    pub query: Query,
    /// The query as it came; for what is not ours to name.
    pub raw_query: String,
    /// Whether only the headers of the answer are wanted.
    pub head: bool,
    /// The body.
    pub body: Bytes,
}

/// A handler that waits for nothing.
pub fn now(answer: Answer) -> Running {
    Box::pin(std::future::ready(answer))
}

/// JSON, with 200.
pub fn json(value: &impl serde::Serialize) -> Answer {
    json_as(StatusCode::OK, value)
}

/// JSON, with a status.
pub fn json_as(status: StatusCode, value: &impl serde::Serialize) -> Answer {
    let mut bytes = serde_json::to_vec(value).map_err(|_| internal())?;
    bytes.push(b'\n');
    let mut response = bytes_of("application/json", bytes);
    *response.status_mut() = status;
    Ok(response)
}

/// Bytes of a media type, with 200.
pub fn bytes_of(media: &'static str, bytes: impl Into<Body>) -> Response {
    let mut response = Response::new(bytes.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

/// A mistake of our own; the log has more.
pub fn internal() -> Problem {
    Problem::new(ProblemKind::Internal, "this is a mistake of bmsync; its log has more")
}
