//! The body of a request, as far as the server takes it: so many bytes, in so much time.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};

use super::problem::{Problem, ProblemKind};

/// A body that is too large is still read up to so many times its limit, so that the client gets to read the answer.
const PATIENCE: usize = 4;

/// Reads a body.
///
/// # Errors
/// A problem when it is too large, does not come in time, or breaks off.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize, timeout: Duration) -> Result<Bytes, Problem> {
    if declared(headers).is_some_and(|bytes| bytes > limit as u64) && headers.contains_key(header::EXPECT) {
        return Err(too_large(limit));
    }
    let deadline = Instant::now() + timeout;
    match timeout_at(deadline, collect(body, limit)).await {
        Ok(read) => read,
        Err(_) => {
            Err(Problem::new(ProblemKind::RequestTimeout, format!("the body took longer than {} s", timeout.as_secs())))
        }
    }
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut kept = Vec::new();
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Problem::new(ProblemKind::BadRequest, "the body broke off"));
        };
        let Ok(data) = frame.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        if seen <= limit {
            kept.extend_from_slice(&data);
        } else if seen > limit.saturating_mul(PATIENCE) {
            break;
        } else {
            kept = Vec::new();
        }
    }
    if seen > limit { Err(too_large(limit)) } else { Ok(kept.into()) }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(ProblemKind::TooLarge, format!("a body here has at most {limit} bytes"))
}
