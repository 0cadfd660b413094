//! What can go wrong between bmsync and the service, and how it is told: short, without control characters, and never
//! with a token, a secret or a link. It knows nothing of requests.

use std::error::Error;
use std::time::Duration;

pub(super) use crate::http::plain::plain;

use super::super::{Job, SourceError, SourceErrorClass};

/// The cause of an error, kept for whoever prints the chain.
pub(super) type Cause = Box<dyn Error + Send + Sync>;

/// Why one try of a request came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Another try may do.
    Again(Setback),
    /// No other try will do.
    Over(SourceError),
}

/// Why a read of a collection ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The service no longer knows the delta state: read everything again.
    Resync,
    /// The read failed.
    Failed(SourceError),
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

/// Something that may pass by itself.
#[derive(Debug)]
pub(super) struct Setback {
    /// Whose move it is, once patience has run out.
    pub class: SourceErrorClass,
    /// What happened: a lower-case fragment.
    pub what: String,
    /// How long the service asks to wait.
    pub wait: Option<Duration>,
    /// Whether the service holds bmsync back.
    pub pressure: Pressure,
    /// The next step for a person, once patience has run out.
    pub hint: Option<String>,
    /// The cause.
    pub cause: Option<Cause>,
}

/// Whether the service holds bmsync back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressure {
    /// It asked for fewer requests, or for a pause.
    Throttled,
    /// It did not.
    Free,
}

impl Setback {
    /// A setback of the network or of a busy service.
    pub fn transient(what: impl Into<String>) -> Self {
        Self {
            class: SourceErrorClass::Transient,
            what: what.into(),
            wait: None,
            pressure: Pressure::Free,
            hint: None,
            cause: None,
        }
    }

    /// An answer that is not what it must be.
    pub fn garbled(what: impl Into<String>) -> Self {
        Self { class: SourceErrorClass::Protocol, ..Self::transient(what) }
    }

    /// The same with the next step for a person.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with its cause.
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

/// A person must change something.
pub(super) fn person(message: impl Into<String>, hint: impl Into<String>) -> SourceError {
    SourceError {
        class: SourceErrorClass::Person,
        job: Job::Operator,
        code: None,
        message: message.into(),
        hint: Some(hint.into()),
        source: None,
    }
}

/// The service answered with what it must not.
pub(super) fn protocol(message: impl Into<String>) -> SourceError {
    SourceError {
        class: SourceErrorClass::Protocol,
        job: Job::Operator,
        code: None,
        message: message.into(),
        hint: None,
        source: None,
    }
}
