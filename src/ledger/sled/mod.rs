//! The ledger on an embedded sled database: one folder, one process at a time. `docs/reference/state.md` has the layout.
//!
//! What was measured of sled shapes it: cost is per key, so a commit is one key per some thousand events; batches over
//! several trees tear, so there is one tree and a commit happens with its last segment; `flush` is no promise after a
//! power loss, so the file is synced; sled may give up the end of its log, so the newest reported commit is also noted
//! beside it; values carry checksums of our own.

mod database;
mod disk;
mod fold;
mod folder;
mod frame;
mod kept;
mod segment;
mod spare;
mod unfold;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use self::database::Database;
pub use self::database::Slack;
use self::folder::Folder;
pub use self::folder::announce;
use super::{Commit, Keep, Ledger, LedgerError, Stashed};
use crate::actual::Actual;
use crate::applied::Event;
use crate::model::Revision;

/// The state in a folder.
#[derive(Clone)]
pub struct SledLedger {
    inner: Arc<Inner>,
}

struct Inner {
    folder: Folder,
    slack: Slack,
    /// `None` after a failure of which it is not known what it left on disk: the next call opens it again and looks.
    database: Mutex<Option<Database>>,
}

impl SledLedger {
    /// Opens the state in a folder; one that does not exist is created, empty, for its owner alone.
    ///
    /// # Errors
    /// Whatever keeps it from being opened; then nothing in the folder is overwritten. Blocks for some milliseconds.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Self::with_slack(path, Slack::default())
    }

    /// The same, folding its log earlier or later than by default.
    pub fn with_slack(path: &Path, slack: Slack) -> Result<Self, LedgerError> {
        let folder = Folder::open(path)?;
        let database = Database::open(&folder, slack)?;
        Ok(Self { inner: Arc::new(Inner { folder, slack, database: Mutex::new(Some(database)) }) })
    }

    async fn run<T: Send + 'static>(
        &self,
        attempt: &'static str,
        work: impl FnOnce(&Folder, &mut Database) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let inner = Arc::clone(&self.inner);
        let path = inner.folder.path().display().to_string();
        let done = tokio::task::spawn_blocking(move || inner.run(work)).await;
        done.unwrap_or_else(|panic| Err(LedgerError::Io { path, attempt, source: Box::new(panic) }))
    }
}

impl Inner {
    fn run<T>(&self, work: impl FnOnce(&Folder, &mut Database) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        let mut slot = self.database.lock().unwrap_or_else(|poisoned: PoisonError<_>| {
            self.database.clear_poison();
            let mut slot = poisoned.into_inner();
            *slot = None;
            slot
        });
        let mut database = match slot.take() {
            Some(database) => database,
            None => Database::open(&self.folder, self.slack)?,
        };
        match work(&self.folder, &mut database) {
            done @ (Ok(_) | Err(LedgerError::Stale { .. } | LedgerError::Moved { .. })) => {
                *slot = Some(database);
                done
            }
            Err(error) => Err(database.give_up(&self.folder, error)),
        }
    }
}

#[async_trait]
impl Ledger for SledLedger {
    async fn load(&self) -> Result<Actual, LedgerError> {
        self.run("read", |_, database| database.load()).await
    }

    async fn commit(&self, expected: Revision, commit: Commit) -> Result<Revision, LedgerError> {
        let revision = self.run("write", move |folder, database| database.commit(folder, expected, commit)).await?;
        if let Err(error) = self.run("fold", |_, database| database.fold_if_due()).await {
            tracing::warn!(
                error = error.in_full(),
                "the commit is written, but the log could not be folded; it will be tried again"
            );
        }
        Ok(revision)
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, LedgerError> {
        self.run("read", move |_, database| database.events(after, limit)).await
    }

    async fn last_event(&self) -> Result<u64, LedgerError> {
        self.run("read", |_, database| Ok(database.last_event())).await
    }

    async fn stash(&self, entries: Vec<Stashed>) -> Result<(), LedgerError> {
        self.run("write", move |_, database| database.stash(entries)).await
    }

    async fn stashed(&self, key: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        let key = key.to_owned();
        self.run("read", move |_, database| database.stashed(&key)).await
    }

    async fn keep(&self, changes: Vec<Keep>) -> Result<(), LedgerError> {
        self.run("write", move |folder, database| database.keep(folder, changes)).await
    }

    async fn kept(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        let prefix = prefix.to_owned();
        self.run("read", move |_, database| database.kept(&prefix)).await
    }
}
