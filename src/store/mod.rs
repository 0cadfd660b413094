//! A store is where BMS records live: read at a revision, written as batches that name the revision.

pub mod book;
pub mod kaseya;
pub mod local;
pub mod standing;

use async_trait::async_trait;
use thiserror::Error;

use self::book::Book;
use self::kaseya::api::BmsError;
pub use self::standing::Standing;
use crate::actual::Actual;
use crate::applied::{Applied, Batch};
use crate::ledger::LedgerError;
use crate::model::Revision;
use crate::plan::{Means, ToDo};

/// The BMS as the engine sees it.
#[async_trait]
pub trait Store: Send + Sync {
    /// Records, links and events as they are known here.
    fn book(&self) -> &Book;

    /// Brings the book up to what BMS says. Nothing to do where the book is the BMS.
    ///
    /// # Errors
    /// When BMS does not answer; the book stays as it was.
    async fn refresh(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Brings `actual` up to the newest revision of the book.
    async fn read(&self, actual: &mut Actual) -> Result<(), StoreError> {
        self.book().read(actual).await
    }

    /// Writes a batch that was decided from `batch.revision`.
    ///
    /// Every name that is newly set is checked again; a user whose name is not free by then is refused alone.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the store has moved on; nothing is written then.
    async fn write(&self, batch: Batch) -> Result<Applied, StoreError>;

    /// Whether the book says enough of BMS to plan from it.
    fn is_ready(&self) -> bool {
        true
    }

    /// How things stand with BMS; nothing where the book is the BMS.
    fn standing(&self) -> Option<Standing> {
        None
    }

    /// What of a plan it can write.
    fn means(&self) -> Means {
        Means::Everything
    }

    /// What was written as far as it can be, and waits for a person to do the rest, oldest first.
    async fn to_do(&self) -> Result<Vec<ToDo>, StoreError> {
        Ok(Vec::new())
    }
}

/// Why a store could not do it.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum StoreError {
    #[error("the plan was made from revision {planned}, but the state is at revision {found}")]
    Stale { planned: Revision, found: Revision },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("{detail}")]
    Foreign { detail: String },
    #[error("cannot {attempt}")]
    Bms {
        attempt: &'static str,
        #[source]
        cause: BmsError,
    },
}

impl StoreError {
    /// What failed, why, and the next step where there is one, in one line.
    #[must_use]
    pub fn in_full(&self) -> String {
        match self {
            Self::Stale { .. } | Self::Foreign { .. } => self.to_string(),
            Self::Ledger(error) => error.in_full(),
            Self::Bms { attempt: _, cause } => match std::error::Error::source(cause) {
                Some(deeper) => format!("{self}: {cause}: {deeper}"),
                None => format!("{self}: {cause}"),
            },
        }
    }
}
