//! From the table of routes to something that answers requests: the checks that come before a handler, in one place and
//! one order, and what is answered where there is no route.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter};
use axum::{RequestExt as _, body};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::auth::Role;
use super::gate::{Gate, guard};
use super::limits::Limits;
use super::problem::{Problem, ProblemKind};
use super::query::Query;
use super::route::{Answer, Call, Lane, Need, Route, Takes, Verb, internal};
use super::routes::ROUTES;
use crate::controller::Operations;

/// What the requests share.
struct Shared {
    operations: Arc<dyn Operations>,
    limits: Limits,
    expensive: Arc<Semaphore>,
    notifications: Arc<Semaphore>,
}

/// The router of every route.
pub fn router(operations: Arc<dyn Operations>, gate: Gate, limits: &Limits) -> Router {
    let shared = Arc::new(Shared {
        operations,
        limits: limits.clone(),
        expensive: Arc::new(Semaphore::new(limits.expensive)),
        notifications: Arc::new(Semaphore::new(limits.notifications)),
    });
    let mut paths: Vec<&'static str> = ROUTES.iter().map(|route| route.path).collect();
    paths.dedup();
    paths
        .into_iter()
        .fold(Router::new(), |router, path| router.route(path, methods(path, &shared)))
        .fallback(nowhere)
        .layer(from_fn_with_state(gate, guard))
}

/// The methods of one path.
fn methods(path: &'static str, shared: &Arc<Shared>) -> MethodRouter {
    let routes = || ROUTES.iter().filter(move |route| route.path == path);
    let words: Vec<&str> = routes().map(|route| route.verb.allowed()).collect();
    let allowed = words.join(", ");
    let refuse = move || async move { not_allowed(&allowed) };
    routes().fold(MethodRouter::new().fallback(refuse), |router, route| {
        let shared = Arc::clone(shared);
        router.on(route.verb.filter(), move |request: Request| async move {
            answer(route, &shared, request).await.unwrap_or_else(Problem::into_response)
        })
    })
}

impl Verb {
    const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
        }
    }

    const fn allowed(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
        }
    }
}

async fn nowhere(request: Request) -> Problem {
    let path = request.uri().path().to_owned();
    Problem::new(ProblemKind::NotFound, format!("there is nothing at {}", crate::display::safe(&path)))
}

fn not_allowed(allowed: &str) -> Response {
    let problem = Problem::new(ProblemKind::MethodNotAllowed, format!("here is allowed: {allowed}"));
    match HeaderValue::from_str(allowed) {
        Ok(value) => problem.with_header(header::ALLOW, value).into_response(),
        Err(_) => problem.into_response(),
    }
}

/// Everything that comes before a handler, and the handler.
async fn answer(route: &'static Route, shared: &Shared, mut request: Request) -> Answer {
    permit(route.need, request.extensions().get::<Role>().copied())?;
    let query = Query::parse(request.uri().query(), route.query)?;
    let raw_query = request.uri().query().unwrap_or_default().to_owned();
    let head = request.method() == axum::http::Method::HEAD;
    let item = item(&mut request).await?;
    let turn = shared.turn(route.lane).await?;
    let (parts, body) = request.into_parts();
    let body = shared.body(route.takes, &parts.headers, body).await?;
    let running = (route.run)(Call { operations: Arc::clone(&shared.operations), item, query, raw_query, head, body });
    finish(running, turn, shared.limits.answer_timeout).await
}

fn permit(need: Need, role: Option<Role>) -> Result<(), Problem> {
    match (need, role) {
        (Need::Nobody, _) => Ok(()),
        (Need::Role(needed), Some(role)) if role >= needed => Ok(()),
        (Need::Role(needed), Some(role)) => {
            let detail = format!("this needs the role {}, the token has the role {}", needed.word(), role.word());
            Err(Problem::new(ProblemKind::Forbidden, detail))
        }
        (Need::Role(_), None) => Err(Problem::new(ProblemKind::Unauthorized, "give a token")),
    }
}

/// The path's only parameter, decoded; empty when it has none.
async fn item(request: &mut Request) -> Result<String, Problem> {
    let found = request.extract_parts::<RawPathParams>().await;
    let found = found.map_err(|_| Problem::new(ProblemKind::BadRequest, "the path is not UTF-8"))?;
    Ok(found.iter().next().map(|(_, value)| value.to_owned()).unwrap_or_default())
}

impl Shared {
    /// Waits until one more request of the lane may run.
    async fn turn(&self, lane: Lane) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        let queue = match lane {
            Lane::Open => return Ok(None),
            Lane::Expensive => &self.expensive,
            Lane::Notification => &self.notifications,
        };
        let turn = tokio::time::timeout(self.limits.turn_timeout, Arc::clone(queue).acquire_owned()).await;
        match turn {
            Ok(Ok(turn)) => Ok(Some(turn)),
            Ok(Err(_)) | Err(_) => Err(Problem::new(ProblemKind::Busy, "too many such requests are under way")),
        }
    }

    async fn body(
        &self,
        takes: Takes,
        headers: &axum::http::HeaderMap,
        body: body::Body,
    ) -> Result<body::Bytes, Problem> {
        let Limits { body_bytes, webhook_bytes, body_timeout, .. } = self.limits;
        let limit = match takes {
            Takes::Nothing | Takes::Manifests | Takes::Plan | Takes::Approval => body_bytes,
            Takes::Notifications => webhook_bytes,
        };
        super::body::read(headers, body, limit, body_timeout).await
    }
}

/// Runs a handler as a task of its own: it ends even when the client goes away or waits no longer, and its turn ends
/// with it; if it panics, only this answer is lost.
async fn finish(running: super::route::Running, turn: Option<OwnedSemaphorePermit>, timeout: Duration) -> Answer {
    let task = tokio::spawn(async move {
        let answer = running.await;
        drop(turn);
        answer
    });
    match tokio::time::timeout(timeout, task).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::error!(%error, "a request broke off");
            Err(internal())
        }
        Err(_) => Err(Problem::new(ProblemKind::Slow, format!("no answer within {} s", timeout.as_secs()))),
    }
}
