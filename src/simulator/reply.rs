//! A request as the simulator sees it and a reply as it means it, free of any HTTP library.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::object::random_guid;

/// What a client asks.
pub(super) struct Call {
    pub(super) method: String,
    /// As it was sent, for faults that look at it.
    pub(super) path: String,
    /// The path's parts, decoded.
    pub(super) segments: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    /// `http://` and the host that the client named.
    pub(super) origin: String,
    pub(super) authorization: Option<String>,
    pub(super) cookie: Option<String>,
    pub(super) client_request_id: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Call {
    /// The value of a query option; its name is compared without case.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// What follows a scheme like `Bearer` in the authorization header.
    pub(super) fn credentials(&self, scheme: &str) -> Option<&str> {
        let (name, rest) = self.authorization.as_deref()?.split_once(' ')?;
        name.eq_ignore_ascii_case(scheme).then(|| rest.trim())
    }

    /// The body as a form.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// What a client is answered.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) delivery: Delivery,
    pub(super) delay: Duration,
}

/// How the body goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    /// Half of it; then the connection ends.
    Cut,
    /// Followed by so many mebibytes of blanks.
    Padded(usize),
}

const JSON: &str = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

impl Reply {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self { status, headers, body: body.into(), delivery: Delivery::Whole, delay: Duration::ZERO }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self { headers: Vec::new(), ..Self::new(status, "", "") }
    }

    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", value.to_string())
    }

    pub(super) fn graph(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, JSON, body)
    }

    /// An error in the shape of Graph.
    pub(super) fn error(status: u16, code: &str, message: &str, rng: &mut fastrand::Rng) -> Self {
        let date = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let id = random_guid(rng);
        let inner = json!({ "date": date, "request-id": id, "client-request-id": id });
        let error = json!({ "code": code, "message": message, "innerError": inner });
        Self::graph(status, json!({ "error": error }).to_string())
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn is_ok(&self) -> bool {
        matches!(self.status, 200 | 201)
    }
}
