//! The store whose BMS is the ledger: the records live in its book, and there alone.

use std::ops::Deref;
use std::sync::Arc;

use async_trait::async_trait;

use super::book::Book;
pub use super::book::{Clock, ImportError, ImportReport};
use super::{Store, StoreError};
use crate::applied::{Applied, Batch};
use crate::interchange::row::Row;
use crate::ledger::Ledger;

/// Records in a ledger. One at a time reads or writes.
pub struct LocalStore {
    book: Book,
}

impl LocalStore {
    /// Reads the whole state from the ledger.
    pub async fn open(ledger: Arc<dyn Ledger>, clock: Clock) -> Result<Self, StoreError> {
        Ok(Self { book: Book::open(ledger, clock).await? })
    }

    /// Stores what the rows say, as one commit; none when they say nothing new.
    pub async fn import(&self, rows: Vec<Row>) -> Result<ImportReport, ImportError> {
        self.book.import(rows, |_| Ok(())).await
    }
}

impl Deref for LocalStore {
    type Target = Book;

    fn deref(&self) -> &Book {
        &self.book
    }
}

#[async_trait]
impl Store for LocalStore {
    fn book(&self) -> &Book {
        &self.book
    }

    async fn write(&self, batch: Batch) -> Result<Applied, StoreError> {
        self.book.write(batch).await
    }
}
