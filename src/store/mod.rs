//! A store is where BMS records live: read at a revision, written as batches that name the revision.

pub mod kaseya;
pub mod local;

use async_trait::async_trait;
use thiserror::Error;

use crate::actual::Actual;
use crate::applied::{Applied, Batch};
use crate::ledger::LedgerError;
use crate::model::Revision;

/// The BMS as the engine sees it.
#[async_trait]
pub trait Store: Send + Sync {
    /// Brings `actual` up to the newest revision.
    async fn read(&self, actual: &mut Actual) -> Result<(), StoreError>;

    /// Writes a batch that was decided from `batch.revision`.
    ///
    /// Every name that is newly set is checked again; a user whose name is not free by then is refused alone.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the store has moved on; nothing is written then.
    async fn write(&self, batch: Batch) -> Result<Applied, StoreError>;
}

/// Why a store could not do it.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum StoreError {
    #[error("the plan was made from revision {planned}, but the state is at revision {found}")]
    Stale { planned: Revision, found: Revision },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl StoreError {
    /// What failed, why, and the next step where there is one, in one line.
    #[must_use]
    pub fn in_full(&self) -> String {
        match self {
            Self::Stale { .. } => self.to_string(),
            Self::Ledger(error) => error.in_full(),
        }
    }
}
