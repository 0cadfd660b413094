//! The BMS of a scenario: the local store on a ledger in memory.

use std::sync::Arc;

use bmsync::actual::Actual;
use bmsync::approved::Approved;
use bmsync::engine;
use bmsync::interchange::import::{Format, parse};
use bmsync::ledger::memory::MemoryLedger;
use bmsync::store::local::LocalStore;
use bmsync::store::{Store as _, StoreError};
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

/// What BMS holds, and what drives it.
pub struct Bms {
    store: LocalStore,
    runtime: Runtime,
}

impl Bms {
    /// An empty one.
    pub fn new() -> Self {
        let runtime = Builder::new_current_thread().build().unwrap();
        let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let store = runtime.block_on(LocalStore::open(Arc::new(MemoryLedger::new()), clock)).unwrap();
        Self { store, runtime }
    }

    /// Imports JSON lines.
    pub fn import(&self, lines: &str) -> Result<(), String> {
        let rows =
            parse(lines.as_bytes(), "records.jsonl", Format::JsonLines, None).map_err(|error| error.to_string())?;
        self.runtime.block_on(self.store.import(rows)).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// The state as of now, read anew.
    pub fn actual(&self) -> Actual {
        let mut actual = Actual::default();
        self.runtime.block_on(self.store.read(&mut actual)).unwrap();
        actual
    }

    /// Applies an approved plan; refused changes are a failure.
    pub fn apply(&self, approved: Approved) -> Result<(), String> {
        let report = self.try_apply(approved).map_err(|error| error.to_string())?;
        if report.failures.is_empty() { Ok(()) } else { Err(format!("refused: {:#?}", report.failures)) }
    }

    /// Applies an approved plan.
    pub fn try_apply(&self, approved: Approved) -> Result<engine::Report, StoreError> {
        self.runtime.block_on(engine::apply(&self.store, approved))
    }
}
