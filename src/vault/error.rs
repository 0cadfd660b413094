//! Why a grant could not be kept or read, and the next step. Never holds a token or a key.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::key::KeyId;
use crate::ledger::{LedgerError, full_hint};
use crate::model::Id;
use crate::source::grant::GrantError;

/// What is wrong with the vault.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum VaultError {
    #[error("the key file {} cannot be used: {flaw}", path.display())]
    KeyFile {
        path: PathBuf,
        flaw: KeyFlaw,
        #[source]
        source: Option<io::Error>,
    },
    #[error("{place} holds no key: it is {flaw}", flaw = super::key::NotAKey)]
    NotAKey { place: String },
    #[error("the key is lost: {} is not there, but what is kept is sealed with key {sealed_with}", path.display())]
    Lost { path: PathBuf, sealed_with: KeyId },
    #[error("the sign-in of tenant {tenant} is sealed with key {sealed_with}, but {place} holds key {given}")]
    OtherKey { tenant: Id, sealed_with: KeyId, place: String, given: KeyId },
    #[error("what is kept of tenant {tenant} is damaged, or was put there by somebody without the key")]
    Damaged { tenant: Id },
    #[error(
        "what is kept of tenant {tenant} has format {found}, newer than {known}, the newest that this bmsync knows"
    )]
    Newer { tenant: Id, found: u8, known: u8 },
    #[error("the sign-in of tenant {tenant} was replaced or forgotten meanwhile")]
    Superseded { tenant: Id },
    #[error("the new key is the old one")]
    SameKey,
    #[error("the key comes from {place}, where bmsync cannot put another one")]
    NotAFile { place: String },
    #[error("cannot seal with key {key}")]
    Cipher { key: KeyId },
    #[error("the operating system gives no randomness")]
    Random(#[source] getrandom::Error),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What is wrong with a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum KeyFlaw {
    #[error("it is not there")]
    Missing,
    #[error("it is not a regular file")]
    NotAFile,
    #[error("its permissions {mode:04o} are too open: others than its owner can read or write it")]
    TooOpen { mode: u32 },
    #[error("what it holds is {}", super::key::NotAKey)]
    NotAKey,
    #[error("it cannot be read")]
    Unreadable,
    #[error("it cannot be made")]
    Unmakeable,
    #[error("it cannot be moved to its place")]
    Unmovable,
}

impl VaultError {
    /// The next step for a person.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::KeyFile { path, flaw, source } => {
                let full = source.as_ref().and_then(full_hint);
                Some(full.map_or_else(|| flaw.hint(path), str::to_owned))
            }
            Self::NotAKey { .. } => Some("a key is made with `openssl rand -base64 32`".to_owned()),
            Self::Lost { path, .. } => Some(format!(
                "put the key back at {}, or give it with --key-file or BMSYNC_KEY; if it is lost for good, \
                 `bmsync disconnect` each tenant and sign in again",
                path.display()
            )),
            Self::OtherKey { sealed_with, .. } => Some(format!(
                "give key {sealed_with} with --key-file or BMSYNC_KEY (after a rekey, the new one); if it is lost for \
                 good, `bmsync disconnect` each tenant of it and sign in again"
            )),
            Self::Damaged { tenant } => {
                Some(format!("`bmsync disconnect {tenant}` and sign in again, or restore the state from a backup"))
            }
            Self::Newer { .. } => Some("use the bmsync that wrote it, or a newer one".to_owned()),
            Self::Superseded { .. } => Some("nothing to do if a person has just signed in or disconnected".to_owned()),
            Self::SameKey => Some("name a file that is not there yet: a new key is made in it".to_owned()),
            Self::NotAFile { .. } => {
                Some("give --new-key-file FILE, and from then on --key-file FILE in place of BMSYNC_KEY".to_owned())
            }
            Self::Ledger(error) => error.disk_hint().map(str::to_owned),
            Self::Cipher { .. } | Self::Random(_) => None,
        }
    }
}

impl KeyFlaw {
    fn hint(self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::Missing => "check the path; to have a key made, leave --key-file and BMSYNC_KEY out".to_owned(),
            Self::NotAFile => "name a file that holds the key and nothing else".to_owned(),
            Self::TooOpen { .. } => {
                format!("`chmod 600 {path}`; mounted into a container, give it mode 0400, or 0440 with an fsGroup")
            }
            Self::NotAKey => {
                format!("put the right key back at {path}; only where nothing is sealed yet, a new one will do")
            }
            Self::Unreadable => "check that bmsync may read it".to_owned(),
            Self::Unmakeable | Self::Unmovable => "check that bmsync may write into its folder".to_owned(),
        }
    }
}

impl From<VaultError> for GrantError {
    fn from(error: VaultError) -> Self {
        let (message, hint) = (error.to_string(), error.hint());
        let source = std::error::Error::source(&error).map(|cause| Box::from(chain(cause)));
        Self { message, hint, source }
    }
}

/// A cause and its causes in one line.
fn chain(cause: &(dyn std::error::Error + 'static)) -> String {
    let mut text = cause.to_string();
    let mut next = cause.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
