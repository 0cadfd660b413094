//! What a reply of BMS means: status, envelope and complaint taken together. Pure; it knows nothing of who asks again.

use std::time::Duration;

use jiff::Timestamp;

use super::endpoint::{Effect, Endpoint};
use super::envelope::{Answer, Complaint, Garbled, Said, open};
use super::error::BmsError;
use super::offers::Offer;
use crate::http::retry_after::retry_after;
use crate::http::{Fate, Lost, Reply};

/// What a reply means.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It was done.
    Done(Answer),
    /// The token is not taken; nothing was done.
    Unauthorized(String),
    /// No more calls for now; nothing was done.
    Throttled(Option<Duration>),
    /// The operation is not there.
    Missing,
    /// It passes by itself, perhaps, and a read may be tried again.
    Again(BmsError),
    /// It does not pass by itself.
    Over(BmsError),
}

/// What came of a call: `known` is what is known of the operation.
pub(super) fn verdict(endpoint: Endpoint, known: Option<Offer>, came: Result<Reply, Lost>, now: Timestamp) -> Verdict {
    match came {
        Err(lost) => unanswered(endpoint, lost),
        Ok(Reply { status, retry_after: asked, body }) => {
            let asked = asked.and_then(|text| retry_after(&text, now));
            Heard { endpoint, known, status, asked, said: open(&body) }.verdict()
        }
    }
}

struct Heard {
    endpoint: Endpoint,
    known: Option<Offer>,
    status: u16,
    asked: Option<Duration>,
    said: Result<Said, Garbled>,
}

impl Heard {
    fn verdict(self) -> Verdict {
        match (self.status, &self.said) {
            (200..=299, Ok(Said::Done(_))) => self.done(),
            (200..=299, Ok(Said::No(complaint))) => self.refused(complaint.code.unwrap_or(400), complaint),
            (200..=299, Err(Garbled(what))) => self.garbled(what),
            (405 | 501, _) => Verdict::Missing,
            (404, Ok(Said::Done(_)) | Err(_)) => self.nothing_there(),
            (408 | 500..=599, _) => self.out_of_order(),
            (status, _) => self.refused(status.into(), &self.complaint()),
        }
    }

    fn done(self) -> Verdict {
        match self.said {
            Ok(Said::Done(answer)) => Verdict::Done(answer),
            Ok(Said::No(_)) | Err(_) => Verdict::Done(Answer::default()),
        }
    }

    fn complaint(&self) -> Complaint {
        match &self.said {
            Ok(Said::No(complaint)) => complaint.clone(),
            Ok(Said::Done(_)) | Err(_) => Complaint { code: None, message: format!("status {}", self.status) },
        }
    }

    /// A bare 404: where the operation has answered before, it is the record that is not there.
    fn nothing_there(&self) -> Verdict {
        match self.known {
            Some(Offer::There) => Verdict::Over(BmsError::NotFound { message: "status 404".to_owned() }),
            Some(Offer::Missing { .. }) | None => Verdict::Missing,
        }
    }

    fn refused(&self, code: i64, complaint: &Complaint) -> Verdict {
        let message = complaint.message.clone();
        match code {
            401 => Verdict::Unauthorized(message),
            429 => Verdict::Throttled(self.asked),
            403 if self.asked.is_some() || complaint.is_about_limits() => Verdict::Throttled(self.asked),
            403 => Verdict::Over(BmsError::Forbidden { message }),
            404 => Verdict::Over(BmsError::NotFound { message }),
            _ if complaint.is_clash() => Verdict::Over(BmsError::Clash { message }),
            _ => Verdict::Over(BmsError::Refused { message, code: complaint.code.or(Some(code)) }),
        }
    }

    /// A write that was answered with nonsense may have been carried out.
    fn garbled(&self, what: &str) -> Verdict {
        Verdict::Again(match self.endpoint.effect() {
            Effect::Read => BmsError::Unexpected { what: what.to_owned() },
            Effect::Write => BmsError::Unknown { what: format!("its answer cannot be read, {what}"), cause: None },
        })
    }

    /// A service that is out of order may have carried out a write before it fell.
    fn out_of_order(&self) -> Verdict {
        let what = format!("BMS answered {}: {}", self.status, self.complaint().message);
        Verdict::Again(open_ended(self.endpoint, what, None))
    }
}

type Cause = Option<Box<dyn std::error::Error + Send + Sync>>;

fn open_ended(endpoint: Endpoint, what: String, cause: Cause) -> BmsError {
    match endpoint.effect() {
        Effect::Read => BmsError::Unreachable { what, cause },
        Effect::Write => BmsError::Unknown { what, cause },
    }
}

fn unanswered(endpoint: Endpoint, lost: Lost) -> Verdict {
    let Lost { fate, what, cause } = lost;
    match (fate, endpoint.effect()) {
        (Fate::Unsent, _) => Verdict::Again(BmsError::Unreachable { what, cause }),
        (Fate::Unknown, _) => Verdict::Again(open_ended(endpoint, what, cause)),
        (Fate::TooLarge | Fate::Redirected, Effect::Write) => Verdict::Over(BmsError::Unknown { what, cause }),
        (Fate::TooLarge, Effect::Read) => Verdict::Over(BmsError::TooLarge { what }),
        (Fate::Redirected, Effect::Read) => Verdict::Over(BmsError::Unexpected { what }),
    }
}
