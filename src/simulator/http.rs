//! The only file that knows the HTTP library: requests in, replies out, bodies cut or padded on the way.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State as Extracted};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{Router, any};
use http_body::{Body as HttpBody, Frame, SizeHint};
use url::form_urlencoded;

use super::control::Control;
use super::delivery::Webhooks;
use super::itglue::{ItGlueAnswer, ItGlueRequest};
use super::reply::{Call, Delivery, Reply};
use super::subscribe::Step;

/// Where IT Glue is served.
const IT_GLUE: &str = "/itglue/";

/// The largest body that is read.
const BODY_LIMIT: usize = 64 << 20;

/// Routes everything to the simulator.
pub(super) fn router(control: Control, webhooks: Webhooks) -> Router {
    Router::new().fallback(any(handle)).with_state((control, webhooks))
}

type Served = (Control, Webhooks);

async fn handle(Extracted((control, webhooks)): Extracted<Served>, request: Request) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    let Some(origin) = loopback_origin(&parts.headers) else { return Ok(plain(421, "This host is not on loopback.")) };
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else { return Ok(plain(413, "The body is too large.")) };
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if parts.uri.path().starts_with(IT_GLUE) {
        return it_glue(&control, &parts, body).await;
    }
    let call = Call {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        segments: parts.uri.path().split('/').skip(1).map(decoded).collect(),
        query: form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
        origin,
        authorization: header("authorization"),
        cookie: header("cookie"),
        client_request_id: header("client-request-id"),
        body: body.to_vec(),
    };
    let step = control.state().respond(&call);
    let reply = match step {
        Step::Answered(reply) => reply,
        Step::Validating(candidate) => {
            let verdict = webhooks.validate(&candidate).await;
            control.state().validated(*candidate, verdict, &call)
        }
    };
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    Ok(response(reply))
}

/// Answers as IT Glue; a connection that ends without an answer is one that breaks in the middle of its head.
async fn it_glue(control: &Control, parts: &axum::http::request::Parts, body: Bytes) -> Result<Response, Infallible> {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let request = ItGlueRequest {
        method: parts.method.to_string(),
        path: parts.uri.path()[IT_GLUE.len()..].split('/').map(decoded).collect(),
        query: form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
        key: header("x-api-key"),
        content_type: header("content-type"),
        body: body.to_vec(),
    };
    let ItGlueAnswer { status, retry_after, body, delay, lost } = control.ask_it_glue(&request);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let mut reply = Reply::new(status, "application/vnd.api+json; charset=utf-8", body);
    if let Some(seconds) = retry_after {
        reply = reply.with("retry-after", seconds.to_string());
    }
    if lost {
        reply.delivery = Delivery::Cut;
    }
    Ok(response(reply))
}

/// The client's own name for the simulator; only names of loopback are answered, so that no web page can reach it.
fn loopback_origin(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    super::is_loopback_host(host).then(|| format!("http://{host}"))
}

fn plain(status: u16, text: &str) -> Response {
    response(Reply::new(status, "text/plain; charset=utf-8", text))
}

/// A path's part without its percent escapes.
fn decoded(segment: &str) -> String {
    form_urlencoded::parse(segment.replace('+', "%2B").replace('=', "%3D").as_bytes())
        .map(|(text, _)| text.into_owned())
        .next()
        .unwrap_or_default()
}

fn response(reply: Reply) -> Response {
    let Reply { status, headers, body, delivery, delay: _ } = reply;
    let body = Bytes::from(body);
    let body = match delivery {
        Delivery::Whole => Body::from(body),
        Delivery::Cut => Body::new(Troubled { total: Some(body.len()), pieces: cut(&body) }),
        Delivery::Padded(mebibytes) => Body::new(Troubled { total: None, pieces: padded(body, mebibytes) }),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// What comes next of a troubled body.
enum Piece {
    Data(Bytes),
    /// Lets what was written reach the client first.
    Pause,
    /// Ends the connection.
    Break,
}

/// A body in pieces. With a total, that length is promised, whatever follows.
struct Troubled {
    total: Option<usize>,
    pieces: Box<dyn Iterator<Item = Piece> + Send>,
}

fn cut(body: &Bytes) -> Box<dyn Iterator<Item = Piece> + Send> {
    let half = body.slice(..body.len() / 2);
    Box::new([Piece::Data(half), Piece::Pause, Piece::Break].into_iter())
}

fn padded(body: Bytes, mebibytes: usize) -> Box<dyn Iterator<Item = Piece> + Send> {
    let blanks = Bytes::from(vec![b' '; 1 << 20]);
    let padding = std::iter::repeat_n(blanks, mebibytes).map(Piece::Data);
    Box::new(padding.chain([Piece::Data(body)]))
}

impl HttpBody for Troubled {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        match self.pieces.next() {
            None => Poll::Ready(None),
            Some(Piece::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Piece::Break) => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            Some(Piece::Pause) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.total.map_or_else(SizeHint::default, |total| SizeHint::with_exact(total as u64))
    }
}
