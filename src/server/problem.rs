//! What went wrong, as `application/problem+json` (RFC 9457). Knows status codes and words, not routes.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::controller::Refusal;
use crate::manifest::Diagnostic;

/// The media type of every error.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not answered as asked. Its texts never hold a token, and nothing from inside the process.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    members: Vec<(&'static str, Value)>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The kinds of problem; each is a `type` of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The request cannot be read.
    BadRequest,
    /// No token, or one that is not known.
    Unauthorized,
    /// The token's role is too small, or the request comes from where nobody may ask.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// There is such a thing, but not with this method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    RequestTimeout,
    /// It cannot be done as things are.
    Conflict,
    /// The body is too large.
    TooLarge,
    /// The manifests in the body are not valid.
    InvalidManifests,
    /// The body is well-formed, and makes no sense.
    Unprocessable,
    /// A mistake of bmsync itself.
    Internal,
    /// Not now.
    Unavailable,
    /// Too many expensive requests at once.
    Busy,
    /// The answer took too long.
    Slow,
}

impl ProblemKind {
    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::Conflict,
        Self::TooLarge,
        Self::InvalidManifests,
        Self::Unprocessable,
        Self::Internal,
        Self::Unavailable,
        Self::Busy,
        Self::Slow,
    ];

    /// The `type`: stable, for programs.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::BadRequest => "urn:bmsync:problem:bad-request",
            Self::Unauthorized => "urn:bmsync:problem:unauthorized",
            Self::Forbidden => "urn:bmsync:problem:forbidden",
            Self::NotFound => "urn:bmsync:problem:not-found",
            Self::MethodNotAllowed => "urn:bmsync:problem:method-not-allowed",
            Self::RequestTimeout => "urn:bmsync:problem:request-timeout",
            Self::Conflict => "urn:bmsync:problem:conflict",
            Self::TooLarge => "urn:bmsync:problem:too-large",
            Self::InvalidManifests => "urn:bmsync:problem:invalid-manifests",
            Self::Unprocessable => "urn:bmsync:problem:unprocessable",
            Self::Internal => "urn:bmsync:problem:internal",
            Self::Unavailable => "urn:bmsync:problem:unavailable",
            Self::Busy => "urn:bmsync:problem:busy",
            Self::Slow => "urn:bmsync:problem:slow",
        }
    }

    /// The `title`: the same for every problem of the kind.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request cannot be understood",
            Self::Unauthorized => "A bearer token is needed",
            Self::Forbidden => "Not allowed",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "The method is not allowed here",
            Self::RequestTimeout => "The request did not arrive in time",
            Self::Conflict => "Things have changed",
            Self::TooLarge => "The body is too large",
            Self::InvalidManifests => "The manifests are not valid",
            Self::Unprocessable => "What was sent makes no sense",
            Self::Internal => "Something went wrong in bmsync",
            Self::Unavailable => "Not available now",
            Self::Busy => "Too many requests at once",
            Self::Slow => "The answer took too long",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::InvalidManifests | Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable | Self::Busy | Self::Slow => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Seconds after which asking again may help.
    const fn retry_after(self) -> Option<&'static str> {
        match self {
            Self::Unavailable | Self::Busy => Some("5"),
            Self::Slow => Some("30"),
            Self::BadRequest
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::RequestTimeout
            | Self::Conflict
            | Self::TooLarge
            | Self::InvalidManifests
            | Self::Unprocessable
            | Self::Internal => None,
        }
    }
}

impl Problem {
    /// A problem of a kind; the detail is a sentence for a person.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let headers = kind.retry_after().map(|after| (header::RETRY_AFTER, HeaderValue::from_static(after)));
        Self { kind, detail: detail.into(), members: Vec::new(), headers: headers.into_iter().collect() }
    }

    /// A query or path parameter that cannot be used, named.
    #[must_use]
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::BadRequest, detail).with("parameter", json!(name))
    }

    /// Manifests that are not valid, with what `validate -o json` would print.
    #[must_use]
    pub fn invalid_manifests(diagnostics: &[Diagnostic]) -> Self {
        let detail = format!("{}; see `diagnostics`", crate::manifest::summary(diagnostics));
        Self::new(ProblemKind::InvalidManifests, detail).with("diagnostics", json!(diagnostics))
    }

    /// Adds an extension member.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: Value) -> Self {
        self.members.push((key, value));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let Self { kind, detail, members, headers: _ } = self;
        let mut map = Map::new();
        map.insert("type".to_owned(), kind.uri().into());
        map.insert("title".to_owned(), kind.title().into());
        map.insert("status".to_owned(), kind.status().as_u16().into());
        map.insert("detail".to_owned(), detail.as_str().into());
        map.extend(members.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        Value::Object(map)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound(detail) => Self::new(ProblemKind::NotFound, detail),
            Refusal::Conflict(detail) => Self::new(ProblemKind::Conflict, detail),
            Refusal::Invalid(detail) => Self::new(ProblemKind::Unprocessable, detail),
            Refusal::Unavailable(detail) => Self::new(ProblemKind::Unavailable, detail),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(format!("{}\n", self.json())));
        *response.status_mut() = self.kind.status();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response.headers_mut().extend(self.headers);
        response
    }
}
