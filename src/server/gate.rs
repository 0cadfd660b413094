//! The gate before every route: who asks, whether they may ask at all, and the headers that every answer carries.
//! Knows paths only as far as `/v1`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::Instrument as _;

use super::auth::{Access, Role};
use super::files::Files;
use super::problem::{Problem, ProblemKind};
use super::routes::ROUTES;
use crate::controller::metrics::Metrics;
use crate::spans::TARGET;

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// What the gate knows.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Who may ask.
    pub files: Arc<Files>,
    /// Where answers are counted.
    pub metrics: Option<Arc<Metrics>>,
}

/// Headers by which a proxy says that somebody else is asking.
const FORWARDED: [&str; 6] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];

/// Lets a request in, with the [`Role`] of whoever asks among its extensions, or answers with a problem.
pub async fn guard(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let (started, method, path) = (Instant::now(), request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().and_then(|matched| template(matched.as_str()));
    let is_private = is_private(&path);
    let span = tracing::info_span!(target: TARGET, "request", http.request.method = verb(&method),
        http.route = route.unwrap_or("none"), http.response.status_code = tracing::field::Empty);
    let answer = match admit(&gate.files.access(), &request, is_private) {
        Ok(role) => {
            request.extensions_mut().remove::<Role>();
            if let Some(role) = role {
                request.extensions_mut().insert(role);
            }
            next.run(request).instrument(span.clone()).await
        }
        Err(problem) => problem.into_response(),
    };
    // The query is left out: it may name a user, or hold a token of a handshake.
    let (status, elapsed) = (answer.status().as_u16(), started.elapsed());
    tracing::debug!(%method, path, status, ?elapsed, "answered");
    span.record("http.response.status_code", status);
    if let Some(metrics) = &gate.metrics {
        metrics.http(route, method.as_str(), status, elapsed);
    }
    dressed(answer)
}

/// A method that there is; a stranger may send any word.
fn verb(method: &Method) -> &str {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS];
    if known.contains(method) { method.as_str() } else { "other" }
}

/// The route's own word for the path, so that what is counted is of a closed set.
fn template(path: &str) -> Option<&'static str> {
    ROUTES.iter().map(|route| route.path).find(|known| *known == path)
}

fn is_private(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

fn admit(access: &Access, request: &Request, is_private: bool) -> Result<Option<Role>, Problem> {
    match (is_private, access.is_local()) {
        (false, _) => Ok(None),
        (true, true) => {
            let peer = request.extensions().get::<Peer>().map(|Peer(address)| address.ip());
            near(peer, request.uri(), request.headers()).map(|()| Some(Role::Operator))
        }
        (true, false) => by_token(access, request.headers()).map(Some),
    }
}

/// The role of the bearer token.
fn by_token(access: &Access, headers: &HeaderMap) -> Result<Role, Problem> {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (shown.next(), shown.next()) else {
        return Err(unauthorized("give a token: `Authorization: Bearer TOKEN`", "Bearer realm=\"bmsync\""));
    };
    let token = value.to_str().ok().and_then(|value| value.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    token
        .and_then(|token| access.role(token))
        .ok_or_else(|| unauthorized("this token is not known", "Bearer realm=\"bmsync\", error=\"invalid_token\""))
}

fn unauthorized(detail: &str, challenge: &'static str) -> Problem {
    Problem::new(ProblemKind::Unauthorized, detail)
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

/// Without tokens only this machine may ask, and no web page through its browser: a page of another origin names itself
/// in `Origin`, and one whose name was pointed at loopback shows that name in `Host`.
fn near(peer: Option<IpAddr>, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::new(ProblemKind::Forbidden, detail));
    if !peer.is_some_and(|peer| peer.to_canonical().is_loopback()) {
        return refused("no token is configured, so only this machine may ask; see `--tokens`");
    }
    if FORWARDED.iter().any(|name| headers.contains_key(*name)) {
        return refused("no token is configured, so nobody may ask through a proxy; see `--tokens`");
    }
    let Some(host) = host(uri, headers).filter(|host| is_loopback_host(host)) else {
        return refused("no token is configured, so `Host` must be this machine: localhost, 127.0.0.1 or [::1]");
    };
    if !is_same_origin(headers, host) {
        return refused("no token is configured, so no page of another origin may ask");
    }
    Ok(())
}

/// The only host that the request names; `None` when there is none, or there are two.
fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let mut named = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else { return None };
    let host = host.to_str().ok()?;
    let target = uri.authority().map(axum::http::uri::Authority::as_str);
    target.is_none_or(|target| target.eq_ignore_ascii_case(host)).then_some(host)
}

/// Whether a `Host` names loopback, with a port or without.
fn is_loopback_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        Some(_) | None => (host, None),
    };
    let port_is_sound = port.is_none_or(|port| port.parse::<u16>().is_ok());
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_near = match bare {
        Some(six) => six.parse::<std::net::Ipv6Addr>().is_ok_and(|six| six.is_loopback()),
        None => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<std::net::Ipv4Addr>().is_ok_and(|four| four.is_loopback())
        }
    };
    port_is_sound && is_near
}

fn is_same_origin(headers: &HeaderMap, host: &str) -> bool {
    let ours = |origin: &HeaderValue| {
        let origin = origin.to_str().unwrap_or_default();
        let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
    };
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    headers.get_all(header::ORIGIN).iter().all(ours)
        && site.is_none_or(|site| site == b"same-origin" || site == b"none")
}

/// What every answer says to browsers and caches, where the route does not say it better.
fn dressed(mut answer: Response) -> Response {
    const SAID: [(HeaderName, &str); 4] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in SAID {
        answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_few_names() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:8080"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in [
            "",
            "localhost.",
            "localhost.evil.example",
            "evil.example",
            "127.0.0.1.evil",
            "0.0.0.0",
            "[::2]",
            "::1",
            "127.1",
            "localhost:x",
            "user@localhost",
            "localhost:80:80",
        ] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn a_peer_is_near_however_its_address_is_written() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        let try_peer = |peer: &str| near(peer.parse().ok(), &Uri::from_static("/v1/x"), &headers).is_ok();
        assert!(try_peer("127.0.0.1") && try_peer("::1") && try_peer("::ffff:127.0.0.1"));
        assert!(!try_peer("192.168.1.5") && !try_peer("::ffff:10.0.0.1") && !try_peer(""));
    }

    #[test]
    fn two_hosts_are_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(host(&Uri::from_static("/"), &headers), None);
        headers.append(header::HOST, HeaderValue::from_static("localhost"));
        assert_eq!(host(&Uri::from_static("http://evil.example/"), &headers), None);
        assert_eq!(host(&Uri::from_static("http://localhost/"), &headers), Some("localhost"));
        headers.append(header::HOST, HeaderValue::from_static("localhost"));
        assert_eq!(host(&Uri::from_static("/"), &headers), None);
    }
}
