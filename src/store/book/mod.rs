//! The book of a store: records, links and events in a ledger, with the newest state in memory. It knows nothing of where
//! else records may live.

mod held;
mod ids;
mod import;
mod names;
mod stage;

use std::io::Write;
use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::{Mutex, MutexGuard};

use self::held::Trust;
pub use self::held::{Held, ImportReport, MadeFrom, Reviewed};
pub use self::ids::Ids;
pub use self::import::Laid;
pub use self::stage::{Draft, blank, settle};
use super::StoreError;
use crate::actual::Actual;
use crate::applied::{Applied, Batch, Event};
use crate::interchange::export;
use crate::interchange::row::{Row, RowErrors};
use crate::ledger::{Commit, Ledger, LedgerError};
use crate::model::Revision;

/// Tells the time for events.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Records in a ledger. One at a time reads or writes.
pub struct Book {
    ledger: Arc<dyn Ledger>,
    clock: Clock,
    held: Mutex<Held>,
}

/// Why an import did not happen; nothing of it is stored then.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum ImportError {
    #[error(transparent)]
    Rows(#[from] RowErrors),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Book {
    /// Reads the whole state from the ledger.
    pub async fn open(ledger: Arc<dyn Ledger>, clock: Clock) -> Result<Self, StoreError> {
        let held = Held::load(ledger.as_ref()).await?;
        Ok(Self { ledger, clock, held: Mutex::new(held) })
    }

    /// Where it is kept.
    #[must_use]
    pub fn ledger(&self) -> &dyn Ledger {
        &*self.ledger
    }

    /// The time by which it goes.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Looks at the newest state without copying it.
    pub async fn view<T: Send>(&self, look: impl FnOnce(&Actual) -> T + Send) -> Result<T, StoreError> {
        Ok(look(&self.certain().await?.actual))
    }

    /// Brings a copy up to the newest revision.
    pub async fn read(&self, actual: &mut Actual) -> Result<(), StoreError> {
        let held = self.certain().await?;
        if actual.revision != held.actual.revision {
            actual.clone_from(&held.actual);
        }
        Ok(())
    }

    /// Writes the whole state in the import format; equal states give equal bytes. Commits go on meanwhile.
    pub async fn export(&self, out: &mut (dyn Write + Send)) -> Result<std::io::Result<()>, StoreError> {
        let now = self.view(Actual::clone).await?;
        Ok(export::write(&now, out))
    }

    /// Up to `limit` events with an ID above `after`, oldest first.
    pub async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        Ok(self.ledger.events(after, limit).await?)
    }

    /// The ID of the newest event; 0 when there is none.
    pub async fn last_event(&self) -> Result<u64, StoreError> {
        Ok(self.ledger.last_event().await?)
    }

    /// Stores what the rows say, as one commit; none when they say nothing new, or when they say what they must not.
    pub async fn import(
        &self,
        rows: Vec<Row>,
        permit: impl FnOnce(&Allowed<'_>) -> Result<(), RowErrors> + Send,
    ) -> Result<ImportReport, ImportError> {
        let mut held = self.certain().await?;
        let mut ids = held.ids;
        let laid = import::lay(&held.actual, &mut ids, rows)?;
        permit(&Allowed { actual: &held.actual, laid: &laid })?;
        let (commit, mut report) = held.import(laid, self.now());
        report.revision = self.commit(&mut held, ids, commit).await?;
        Ok(report)
    }

    /// Writes a batch: what it says is so then.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the book has moved on; nothing is written then.
    pub async fn write(&self, batch: Batch) -> Result<Applied, StoreError> {
        let mut held = self.certain().await?;
        held.expect(batch.revision)?;
        let mut ids = held.ids;
        let (commit, outcomes) = held.write(&batch, &mut ids, self.now());
        let revision = self.commit(&mut held, ids, commit).await?;
        Ok(Applied { revision, outcomes })
    }

    /// The state in memory, read again if it is in doubt.
    pub async fn certain(&self) -> Result<MutexGuard<'_, Held>, StoreError> {
        let mut held = self.held.lock().await;
        if held.trust == Trust::Doubtful {
            *held = Held::load(self.ledger.as_ref()).await?;
        }
        Ok(held)
    }

    /// Commits, and keeps memory in step. Until the ledger has answered, and when it has not said yes, memory is in
    /// doubt: a caller that goes away in the middle leaves it so, too.
    pub async fn commit(&self, held: &mut Held, ids: Ids, commit: Commit) -> Result<Revision, StoreError> {
        let planned = held.actual.revision;
        if commit.is_empty() {
            return Ok(planned);
        }
        held.trust = Trust::Doubtful;
        let (events, accounts) = (commit.events.len() as u64, commit.accounts.clone());
        let written = Commit { events: Vec::new(), touched: commit.records().cloned().collect(), accounts };
        match self.ledger.commit(planned, commit).await {
            Ok(revision) => held.advance(revision, ids, events, written),
            Err(LedgerError::Stale { expected: _, found }) => return Err(StoreError::Stale { planned, found }),
            Err(error) => return Err(error.into()),
        }
        Ok(held.actual.revision)
    }
}

/// What an import is about to store, beside what is stored.
pub struct Allowed<'a> {
    /// What is stored.
    pub actual: &'a Actual,
    /// What would be.
    pub laid: &'a Laid,
}
