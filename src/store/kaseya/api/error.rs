//! Why BMS did not do or say what it was asked. Never with a password, a token or a link; text of BMS is made safe. It
//! knows nothing of requests.

use std::error::Error;

use jiff::Timestamp;
use thiserror::Error;

use super::endpoint::Endpoint;

/// Why a call to BMS came to nothing. Only [`BmsError::Unknown`] leaves open whether something was changed.
#[derive(Debug, Error)]
pub enum BmsError {
    /// BMS says no, in its own words. Nothing was changed.
    #[error("BMS refuses: {message}")]
    Refused {
        /// What BMS says, made safe.
        message: String,
        /// Its number for it, often an HTTP status.
        code: Option<i64>,
    },
    /// Another record has that username or email. Nothing was changed.
    #[error("BMS refuses, because the value is in use: {message}")]
    Clash {
        /// What BMS says, made safe.
        message: String,
    },
    /// What is asked about is not there (any more). Nothing was changed.
    #[error("BMS does not know it: {message}")]
    NotFound {
        /// What BMS says, made safe.
        message: String,
    },
    /// BMS does not take the username, the password, the code or the token. A person must look.
    #[error("BMS does not let this user sign in: {message}")]
    Unauthorized {
        /// What BMS says, made safe.
        message: String,
    },
    /// The user may not do this. A person must give it the right.
    #[error("BMS does not permit it: {message}")]
    Forbidden {
        /// What BMS says, made safe.
        message: String,
    },
    /// The calls of the hour are used up. Nothing was changed.
    #[error("the calls of this hour to {endpoint} are used up until {until}")]
    Throttled {
        /// Which calls.
        endpoint: Endpoint,
        /// When there is room again, as far as is known.
        until: Timestamp,
    },
    /// This BMS does not have the operation (404 or 405).
    #[error("this BMS does not offer {endpoint}")]
    NotOffered {
        /// Which operation.
        endpoint: Endpoint,
    },
    /// BMS cannot be reached, or is out of order. Nothing was changed.
    #[error("{what}")]
    Unreachable {
        /// What happened: a lower-case fragment.
        what: String,
        /// The cause.
        #[source]
        cause: Option<Box<dyn Error + Send + Sync>>,
    },
    /// A write was sent and no answer came: it may have happened. Look before anything is done again.
    #[error("it is not known whether BMS did it: {what}")]
    Unknown {
        /// What happened: a lower-case fragment.
        what: String,
        /// The cause.
        #[source]
        cause: Option<Box<dyn Error + Send + Sync>>,
    },
    /// BMS answered with what it must not. A read told nothing; for a write see [`BmsError::Unknown`].
    #[error("BMS answers with something unexpected: {what}")]
    Unexpected {
        /// What is wrong with it.
        what: String,
    },
    /// The answer is larger than any that is expected.
    #[error("{what}")]
    TooLarge {
        /// What happened: a lower-case fragment.
        what: String,
    },
    /// What bmsync signs in with cannot be read on this machine, or is none.
    #[error("cannot sign in to BMS: {what}")]
    Credentials {
        /// What is wrong.
        what: String,
        /// The cause.
        #[source]
        cause: Option<Box<dyn Error + Send + Sync>>,
    },
}

impl BmsError {
    /// The same with its texts changed.
    #[must_use]
    pub(super) fn with_words(self, change: impl Fn(String) -> String) -> Self {
        match self {
            Self::Refused { message, code } => Self::Refused { message: change(message), code },
            Self::Clash { message } => Self::Clash { message: change(message) },
            Self::NotFound { message } => Self::NotFound { message: change(message) },
            Self::Unauthorized { message } => Self::Unauthorized { message: change(message) },
            Self::Forbidden { message } => Self::Forbidden { message: change(message) },
            Self::Unreachable { what, cause } => Self::Unreachable { what: change(what), cause },
            Self::Unknown { what, cause } => Self::Unknown { what: change(what), cause },
            Self::Unexpected { what } => Self::Unexpected { what: change(what) },
            Self::TooLarge { what } => Self::TooLarge { what: change(what) },
            Self::Credentials { what, cause } => Self::Credentials { what: change(what), cause },
            error @ (Self::Throttled { .. } | Self::NotOffered { .. }) => error,
        }
    }
}
