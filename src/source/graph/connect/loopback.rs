//! The listener that a browser on this machine comes back to: on 127.0.0.1 alone, small, patient for seconds, and deaf to
//! everything that is no redirect meant for it.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

use super::super::error::protocol;
use super::page::{CONTENT_POLICY, Reply};
use super::{Attempts, CALLBACK_PATH};
use crate::source::SourceError;

/// Bytes of a request's line and headers.
const MAX_HEAD: usize = 32 * 1024;
/// How long a browser may take for them.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last answers may take once the sign-in is over.
const FAREWELL: Duration = Duration::from_secs(1);
/// Connections at a time; browsers open some ahead.
const MAX_CONNECTIONS: usize = 16;

/// A listener on this machine.
#[derive(Debug)]
pub struct Loopback {
    listener: TcpListener,
    port: u16,
}

impl Loopback {
    /// Takes any free port of 127.0.0.1.
    ///
    /// # Errors
    /// When there is none.
    pub async fn bind() -> Result<Self, SourceError> {
        let cannot = |error: std::io::Error| SourceError {
            source: Some(Box::new(error)),
            ..protocol("cannot listen on 127.0.0.1 for the browser to come back")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(cannot)?;
        let port = listener.local_addr().map_err(cannot)?.port();
        Ok(Self { listener, port })
    }

    /// Where the browser comes back to. The login service lets any port be where `http://localhost` is registered.
    ///
    /// # Errors
    /// Never in practice: the address is well formed.
    pub fn redirect(&self) -> Result<Url, SourceError> {
        let address = format!("http://localhost:{}{CALLBACK_PATH}", self.port);
        Url::parse(&address).map_err(|_| protocol("the address of this machine is no address"))
    }

    /// Hands what browsers bring to the attempts until `done`; then those that are being answered get their answers.
    pub async fn serve<T>(self, attempts: &Attempts, done: impl Future<Output = T>) -> T {
        let Self { listener, port } = self;
        let mut connections = JoinSet::new();
        tokio::pin!(done);
        let end = loop {
            tokio::select! {
                end = &mut done => break end,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                    if let Ok((stream, _)) = accepted {
                        connections.spawn(converse(stream, attempts.clone(), port));
                    } else {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        };
        drop(listener);
        let farewell = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
        end
    }
}

async fn converse(stream: TcpStream, attempts: Attempts, port: u16) {
    let service = service_fn(move |request: Request<Incoming>| {
        let attempts = attempts.clone();
        async move { Ok::<_, Infallible>(response(answer(&request, &attempts, port).await)) }
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = conversation.await {
        tracing::debug!(%error, "a connection to the listener ended early");
    }
}

async fn answer(request: &Request<Incoming>, attempts: &Attempts, port: u16) -> Reply {
    if !is_meant_for_us(request, port) {
        return Reply::nothing(421, "This address is not meant for bmsync.");
    }
    if request.uri().path() != CALLBACK_PATH {
        return Reply::nothing(404, "There is nothing at this address.");
    }
    if request.method() != Method::GET {
        return Reply::nothing(405, "Only a browser that comes back from signing in is answered here.");
    }
    attempts.receive(request.uri().query().unwrap_or_default()).await.0
}

/// Whether the only host that the request names is this listener: a page of another name that points here is not.
fn is_meant_for_us(request: &Request<Incoming>, port: u16) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let ours = [format!("localhost:{port}"), format!("127.0.0.1:{port}")];
    let named = |name: &str| ours.iter().any(|ours| ours.eq_ignore_ascii_case(name));
    host.to_str().is_ok_and(named) && request.uri().authority().is_none_or(|target| named(target.as_str()))
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    const SAID: [(HeaderName, &str); 6] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let (status, html, onward) = match reply {
        Reply::Page { status, html } => (status, html, None),
        Reply::Onward(url) => (303, String::new(), HeaderValue::from_str(url.as_str()).ok()),
    };
    let mut response = Response::new(Full::new(Bytes::from(html)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in SAID {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.headers_mut().extend(onward.map(|url| (header::LOCATION, url)));
    response
}
