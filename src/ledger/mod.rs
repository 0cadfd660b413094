//! The ledger: all that is ever on our disk. Keeps commits; knows nothing of rules, plans or directories.

mod hint;
pub mod memory;
pub mod sled;

pub use hint::full as full_hint;

use async_trait::async_trait;
use thiserror::Error;

use crate::actual::Actual;
use crate::applied::Event;
use crate::model::{Account, Record, Revision};

/// Durable storage of the BMS state and its history.
///
/// Guarantees of every implementation: a commit happens as a whole or not at all, whatever its size; when
/// [`Ledger::commit`] has returned `Ok`, the commit survives the death of the process and of the machine; revisions
/// only grow; events are never changed.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Everything as of the newest commit.
    async fn load(&self) -> Result<Actual, LedgerError>;

    /// Appends a commit.
    ///
    /// # Errors
    /// [`LedgerError::Stale`] when the newest revision is not `expected`; nothing is written then.
    async fn commit(&self, expected: Revision, commit: Commit) -> Result<Revision, LedgerError>;

    /// Up to `limit` events with an ID above `after`, oldest first.
    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, LedgerError>;

    /// The ID of the newest event; 0 when there is none.
    async fn last_event(&self) -> Result<u64, LedgerError>;

    /// Writes into the stash: a place beside the commits for what can be made anew at a cost, such as the mirror of a
    /// directory. All entries at once or none; `None` removes one. It is not synced: after a power loss an older stash
    /// may be found, but never a part of one write.
    async fn stash(&self, entries: Vec<Stashed>) -> Result<(), LedgerError>;

    /// Reads from the stash. What is damaged counts as not there.
    async fn stashed(&self, key: &str) -> Result<Option<Vec<u8>>, LedgerError>;

    /// Changes what is kept: what is no record and cannot be made anew either, such as grants. As durable as a commit, and
    /// all changes at once or none.
    ///
    /// # Errors
    /// [`LedgerError::Moved`] when a value is not the one that its change was decided from; nothing is written then.
    async fn keep(&self, changes: Vec<Keep>) -> Result<(), LedgerError>;

    /// What is kept under the keys that begin so, in the order of the keys. What is damaged is an error.
    async fn kept(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError>;
}

/// A change of what is kept under one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Where.
    pub key: String,
    /// The value that it was decided from, if there was one.
    pub before: Option<Vec<u8>>,
    /// The value that takes its place; none removes it.
    pub after: Option<Vec<u8>>,
}

/// An entry of the stash: key and value, or none to remove it.
pub type Stashed = (String, Option<Vec<u8>>);

/// What one commit writes. The revision it gets is the expected one plus one.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Records that were created or changed, with the event that says so; IDs and revisions are already in them.
    pub events: Vec<Event>,
    /// Records of which only the link's `seen` moved: no event.
    pub touched: Vec<Record>,
    /// Accounts that were created or changed.
    pub accounts: Vec<Account>,
}

impl Commit {
    /// The records as they are afterwards.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.events.iter().map(|event| &event.after).chain(&self.touched)
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { events, touched, accounts } = self;
        events.is_empty() && touched.is_empty() && accounts.is_empty()
    }

    /// Makes `actual` what it is after the commit.
    pub fn put_into(self, actual: &mut Actual) {
        let Self { events, touched, accounts } = self;
        let records = events.into_iter().map(|event| event.after).chain(touched).collect();
        let prepared = actual.preparation().prepare_all(records);
        actual.put_all(prepared);
        for account in accounts {
            actual.put_account(account);
        }
    }
}

/// Why the ledger could not do it.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum LedgerError {
    #[error("the state at {path} is in use by another bmsync ({holder})")]
    InUse { path: String, holder: String },
    #[error("{path} is not a bmsync state")]
    Foreign { path: String },
    #[error("the state at {path} has format {found}, newer than {known}, the newest that this bmsync knows")]
    Newer { path: String, found: u32, known: u32 },
    #[error("the state at {path} is damaged: {detail}")]
    Damaged { path: String, detail: String },
    #[error("the state moved on from revision {expected} to {found}")]
    Stale { expected: Revision, found: Revision },
    #[error("what is kept as {key} is no longer what it was")]
    Moved { key: String },
    #[error("cannot {attempt} the state at {path}")]
    Io {
        path: String,
        attempt: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
