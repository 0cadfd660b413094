//! Signing people in: an operator begins, a browser comes back, the operator hears of the end.

use axum::http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::problem::{Problem, ProblemKind};
use super::query::Parameter;
use super::route::{Answer, Call, bytes_of, json, json_as};
use crate::controller::connecting::{Begun, Way};
use crate::source::graph::connect::{Consent, Outcome, Progress, Reply};

/// `POST /v1/connect/{tenant}`.
pub async fn begin(call: Call) -> Answer {
    let (code, consent) = (call.query.flag(Parameter::DeviceCode)?, call.query.flag(Parameter::AdminConsent)?);
    let way = match (code, consent) {
        (true, true) => {
            let word = Parameter::AdminConsent.word();
            return Err(Problem::parameter(word, "an administrator consents in a browser, not with a code"));
        }
        (true, false) => Way::Code,
        (false, true) => Way::Browser(Consent::First),
        (false, false) => Way::Browser(Consent::Given),
    };
    let Begun { attempt, url, message } = call.operations.connect(&call.item, way).await?;
    json_as(StatusCode::ACCEPTED, &json!({ "attempt": attempt, "url": url, "message": message }))
}

/// `GET /v1/connect/{attempt}`.
pub fn progress(call: &Call) -> Answer {
    json(&progress_document(&call.operations.connecting(&call.item)?))
}

fn progress_document(progress: &Progress) -> Value {
    let document = |state: &str, welcome: Value, message: Option<&str>, hint: Option<&str>| json!({ "state": state, "welcome": welcome, "message": message, "hint": hint });
    match progress {
        Progress::Waiting => document("waiting", Value::Null, None, None),
        Progress::Ended(Outcome::Welcome(welcome)) => document("signedIn", welcome.document(), None, None),
        Progress::Ended(Outcome::Failed { message, hint }) => {
            document("failed", Value::Null, Some(message), hint.as_deref())
        }
    }
}

/// `POST /v1/disconnect/{tenant}`.
pub async fn disconnect(call: Call) -> Answer {
    json(&call.operations.disconnect(&call.item).await?)
}

/// `GET /OAuth/IntegrationCallback.aspx`: a stranger's browser, known by the state that it brings. A HEAD, as previews of
/// links send, uses nothing up.
pub async fn returned(call: Call) -> Answer {
    if call.head {
        return Err(Problem::new(ProblemKind::MethodNotAllowed, "only a browser that comes back is answered here"));
    }
    match call.operations.returned(&call.raw_query).await {
        Reply::Page { status, html } => {
            let mut page = bytes_of("text/html; charset=utf-8", html);
            *page.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            page.headers_mut().insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
            Ok(page)
        }
        Reply::Onward(url) => {
            let mut onward = bytes_of("text/html; charset=utf-8", "");
            *onward.status_mut() = StatusCode::SEE_OTHER;
            onward.headers_mut().extend(HeaderValue::from_str(url.as_str()).ok().map(|url| (header::LOCATION, url)));
            Ok(onward)
        }
    }
}
