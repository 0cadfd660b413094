//! A webhook on loopback: it repeats validation tokens and keeps what it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// What never comes fails its test.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a webhook answers a validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Good,
    /// Not with 200.
    Refusing,
    /// The token, still escaped.
    Escaped,
    /// The token, as JSON.
    Json,
    /// Never.
    Silent,
}

pub struct Webhook {
    pub url: String,
    told: Mutex<UnboundedReceiver<Value>>,
    shared: Arc<Shared>,
}

struct Shared {
    manner: Manner,
    told: UnboundedSender<Value>,
    validations: AtomicU64,
    /// Notifications that are still to be refused.
    refusals: AtomicU64,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(rename = "validationToken")]
    token: Option<String>,
}

impl Webhook {
    pub async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks/graph?key=a%26b", listener.local_addr().unwrap());
        let (sender, told) = unbounded_channel();
        let shared =
            Arc::new(Shared { manner, told: sender, validations: AtomicU64::new(0), refusals: AtomicU64::new(0) });
        let router = Router::new().route("/webhooks/graph", routing::post(answer)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, told: Mutex::new(told), shared }
    }

    /// The body of the next request.
    pub async fn next(&self) -> Value {
        let mut told = self.told.lock().await;
        timeout(PATIENCE, told.recv()).await.expect("nothing was told").unwrap()
    }

    /// The only item of the next request.
    pub async fn item(&self) -> Value {
        let body = self.next().await;
        let items = body["value"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{body}");
        items[0].clone()
    }

    /// How many requests were told and not looked at.
    pub async fn unread(&self) -> usize {
        self.told.lock().await.len()
    }

    pub fn validations(&self) -> u64 {
        self.shared.validations.load(Ordering::SeqCst)
    }

    pub fn refuse(&self, times: u64) {
        self.shared.refusals.store(times, Ordering::SeqCst);
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    Query(asked): Query<Asked>,
    uri: axum::http::Uri,
    body: String,
) -> Response {
    assert!(uri.query().unwrap_or_default().starts_with("key=a%26b"), "its own query is kept: {uri}");
    match asked.token {
        Some(token) => validation(&shared, token, &uri).await,
        None => notification(&shared, &body),
    }
}

async fn validation(shared: &Shared, token: String, uri: &axum::http::Uri) -> Response {
    shared.validations.fetch_add(1, Ordering::SeqCst);
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    match shared.manner {
        Manner::Good => (plain, token).into_response(),
        Manner::Refusing => (StatusCode::FORBIDDEN, plain, token).into_response(),
        Manner::Escaped => {
            let escaped = uri.query().and_then(|query| query.split("validationToken=").nth(1)).unwrap_or_default();
            (plain, escaped.to_owned()).into_response()
        }
        Manner::Json => axum::Json(token).into_response(),
        Manner::Silent => std::future::pending().await,
    }
}

fn notification(shared: &Shared, body: &str) -> Response {
    let less = |left: u64| left.checked_sub(1);
    if shared.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let _ = shared.told.send(serde_json::from_str(body).unwrap());
    StatusCode::ACCEPTED.into_response()
}
