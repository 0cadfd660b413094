//! Why a server did not do what was asked: the way to it, or what it said. Its words are a stranger's: bounded here, and
//! made safe where they are shown.

use serde::Deserialize;
use thiserror::Error;

use super::address::AddressError;

/// The media type of a server's errors.
pub const PROBLEM: &str = "application/problem+json";

/// Longer texts of a server are cut.
const MAX_CHARS: usize = 4000;

/// Why a server did not do what was asked. Never holds a token.
#[derive(Debug, Error)]
pub enum RemoteError {
    /// `--server` cannot be used.
    #[error("the address of the server cannot be used")]
    Address(#[from] AddressError),
    /// The token cannot be sent.
    #[error("the token is empty, or has signs that cannot be sent")]
    Token,
    /// No connection can be made from this machine at all.
    #[error("no secure connection can be made from this machine")]
    Setup(#[source] reqwest::Error),
    /// The server does not answer.
    #[error("{server} cannot be reached")]
    Unreachable {
        /// Which.
        server: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// No trust: the two sides cannot agree on TLS, or the certificate is not good.
    #[error("{server} cannot be trusted over TLS")]
    Tls {
        /// Which.
        server: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The server takes too long.
    #[error("{server} did not answer in time")]
    Timeout {
        /// Which.
        server: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The server sends elsewhere, where no token goes.
    #[error("{server} redirects, which is not followed")]
    Redirected {
        /// Which.
        server: String,
    },
    /// What answers is not bmsync, or another one.
    #[error("{server} answered {what}")]
    Foreign {
        /// Which.
        server: String,
        /// What it answered.
        what: String,
    },
    /// What is to be sent is more than a server takes.
    #[error("what is to be sent has {0} bytes, and a server takes at most 16 MiB")]
    TooLarge(usize),
    /// The server says no.
    #[error(transparent)]
    Refused(Box<Refused>),
    /// What it sends cannot be written.
    #[error("the answer cannot be written")]
    Write(#[source] std::io::Error),
}

impl RemoteError {
    /// The HTTP status with which the server said no, if it did.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.refused().map(|refused| refused.status)
    }

    /// What the server said, if it said no.
    #[must_use]
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            Self::Address(_)
            | Self::Token
            | Self::Setup(_)
            | Self::Unreachable { .. }
            | Self::Tls { .. }
            | Self::Timeout { .. }
            | Self::Redirected { .. }
            | Self::Foreign { .. }
            | Self::TooLarge(_)
            | Self::Write(_) => None,
        }
    }

    /// Whether the server may answer another time although nothing here changes.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } => true,
            Self::Refused(refused) => matches!(refused.status, 429 | 503),
            Self::Foreign { .. }
            | Self::Address(_)
            | Self::Token
            | Self::Setup(_)
            | Self::Tls { .. }
            | Self::Redirected { .. }
            | Self::TooLarge(_)
            | Self::Write(_) => false,
        }
    }

    /// The next step for a person.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Address(_) => Some("give --server (or BMSYNC_SERVER) the root of a running bmsync"),
            Self::Token => Some("set BMSYNC_TOKEN to the token alone"),
            Self::Setup(_) => {
                Some("install the system's root certificates, or let SSL_CERT_FILE name a PEM file of them")
            }
            Self::Unreachable { .. } => Some("is `bmsync run` running there, and does --listen let you in?"),
            Self::Tls { .. } => Some(
                "does it serve HTTPS there, with this name in its certificate? \
                 SSL_CERT_FILE may name a PEM file with your own authority",
            ),
            Self::Timeout { .. } => Some("try again, and look at its log and /metrics"),
            Self::Redirected { .. } => Some("give --server the address that it redirects to, if you trust it"),
            Self::Foreign { .. } => {
                Some("check --server: is that a bmsync of this version, without a proxy's login page?")
            }
            Self::TooLarge(_) => {
                Some("plan fewer manifests, or one tenant with --tenant, or work on the server's machine")
            }
            Self::Refused(refused) => refused.hint(),
            Self::Write(_) => None,
        }
    }
}

/// What a server says when it says no.
#[derive(Clone, Debug, Deserialize, Error)]
#[error("{detail}")]
pub struct Refused {
    /// The HTTP status.
    #[serde(skip)]
    pub status: u16,
    /// The kind of problem, for programs.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The kind of problem, for people.
    #[serde(default)]
    pub title: String,
    /// What is the matter.
    #[serde(default)]
    pub detail: String,
    /// What is wrong with the manifests.
    #[serde(default)]
    pub diagnostics: Vec<RemoteDiagnostic>,
}

/// A diagnostic out of an answer; its line is one of the stream that was sent, see
/// [`Manifests::place`](super::Manifests::place).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "as in `validate -o json`")]
pub struct RemoteDiagnostic {
    pub line: u32,
    pub column: u32,
    pub severity: String,
    pub code: String,
    pub message: String,
    pub hint: Option<String>,
}

impl Refused {
    /// Reads a problem; `None` when it is none.
    pub(super) fn parse(status: u16, bytes: &[u8]) -> Option<Self> {
        let mut refused: Self = serde_json::from_slice(bytes).ok()?;
        refused.status = status;
        for text in [&mut refused.kind, &mut refused.title, &mut refused.detail] {
            *text = text.chars().take(MAX_CHARS).collect();
        }
        if refused.detail.is_empty() {
            refused.detail = if refused.title.is_empty() { status.to_string() } else { refused.title.clone() };
        }
        Some(refused)
    }

    /// Whether the server did not even begin.
    pub(super) fn is_busy(&self) -> bool {
        self.status == 503 && self.kind.ends_with(":busy")
    }

    fn hint(&self) -> Option<&'static str> {
        match self.status {
            401 => Some("set BMSYNC_TOKEN to a token of role viewer or operator that the server knows"),
            403 => Some(
                "set BMSYNC_TOKEN to a token of role operator; a server without tokens answers its own machine only",
            ),
            409 => Some("nothing was written; plan again"),
            413 => Some("a request has at most 16 MiB"),
            429 | 503 => Some("try again in a moment; /readyz says what the server is waiting for"),
            _ => None,
        }
    }
}
