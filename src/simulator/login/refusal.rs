//! What the login service says when it says no: AADSTS numbers with their `error`, status and suberror, as JSON.
//! Knows nothing of why.

use jiff::Timestamp;
use serde_json::json;

use crate::simulator::faults::Fault;
use crate::simulator::object::random_guid;
use crate::simulator::reply::{Call, Reply};
use crate::simulator::state::State;
use crate::simulator::stats::Class;

use super::known::KNOWN;

/// Why something is refused.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Refusal {
    pub(super) code: u64,
    pub(super) error: &'static str,
    pub(super) status: u16,
    pub(super) suberror: Option<&'static str>,
    pub(super) message: String,
}

/// What a claims challenge asks for, in the shape of those that were observed.
const CLAIMS: &str =
    r#"{"access_token":{"capolids":{"essential":true,"values":["0b3f6a52-77c1-4d0e-9c85-1a2e4f7d9b60"]}}}"#;

impl Refusal {
    pub(super) fn of(code: u64) -> Self {
        let unknown = (code, "invalid_request", 400, "", "The request was refused.");
        let (_, error, status, suberror, message) =
            KNOWN.iter().find(|(known, ..)| *known == code).copied().unwrap_or(unknown);
        let suberror = Some(suberror).filter(|text| !text.is_empty());
        Self { code, error, status, suberror, message: message.to_owned() }
    }

    /// The same, with the thing that it is about.
    pub(super) fn naming(code: u64, what: &str) -> Self {
        let refusal = Self::of(code);
        Self { message: format!("{} ({})", refusal.message, what.escape_debug()), ..refusal }
    }

    /// The same under another `error`: some numbers have one of their own in each place where they occur.
    pub(super) fn under(self, error: &'static str) -> Self {
        Self { error, ..self }
    }
}

/// The parts of a refusal that differ each time.
pub(super) struct Told {
    pub(super) description: String,
    timestamp: String,
    trace: String,
    correlation: String,
}

impl State {
    /// A refusal in words, with fresh trace IDs.
    pub(super) fn told(&mut self, refusal: &Refusal, between: &str) -> Told {
        let Refusal { code, message, .. } = refusal;
        let timestamp = Timestamp::now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let (trace, correlation) = (random_guid(&mut self.secrets), random_guid(&mut self.secrets));
        let description = format!(
            "AADSTS{code}: {message}{between}Trace ID: {trace}{between}Correlation ID: {correlation}{between}Timestamp: {timestamp}"
        );
        Told { description, timestamp, trace, correlation }
    }

    /// The body of a refused request for a token.
    pub(super) fn refused(&mut self, refusal: &Refusal, class: Class, call: &Call) -> Reply {
        let plain = self.strikes(Fault::PlainError, class, call).is_some();
        let told = self.told(refusal, if plain { " " } else { "\r\n" });
        let Refusal { code, error, status, suberror, message: _ } = refusal;
        let Told { description, timestamp, trace, correlation } = told;
        let mut body = json!({
            "error": error, "error_description": description, "error_codes": [code], "timestamp": timestamp,
            "trace_id": trace, "correlation_id": correlation,
        });
        if !plain {
            body["error_uri"] = json!(format!("https://login.microsoftonline.com/error?code={code}"));
        }
        if let Some(suberror) = suberror {
            body["suberror"] = json!(suberror);
        }
        if matches!(code, 50_076 | 50_079 | 53_003) {
            body["claims"] = json!(CLAIMS);
        }
        Reply::json(*status, &body)
    }
}
