//! The BMS of a walk as bmsync has it: the real store over a ledger in memory, fed by real imports. Decides nothing.

use std::sync::Arc;

use bmsync::actual::Actual;
use bmsync::approved::Consent;
use bmsync::engine;
use bmsync::interchange::import::{Format, parse};
use bmsync::ledger::memory::MemoryLedger;
use bmsync::plan::Plan;
use bmsync::store::Store as _;
use bmsync::store::local::LocalStore;
use jiff::Timestamp;
use tokio::runtime::Runtime;

use super::translate;
use super::world::World;

pub struct Bms {
    runtime: Runtime,
    store: LocalStore,
}

impl Bms {
    /// An empty one.
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let ledger = Arc::new(MemoryLedger::new());
        let store = runtime.block_on(LocalStore::open(ledger, Arc::new(|| Timestamp::UNIX_EPOCH))).unwrap();
        Self { runtime, store }
    }

    /// Imports all that the world holds.
    pub fn import(&self, world: &World) {
        let text = translate::rows(world).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let rows = parse(text.as_bytes(), "world", Format::JsonLines, None).unwrap();
        self.runtime.block_on(self.store.import(rows)).unwrap();
    }

    /// What it holds.
    pub fn read(&self) -> Actual {
        let mut actual = Actual::default();
        self.runtime.block_on(self.store.read(&mut actual)).unwrap();
        actual
    }

    /// Applies a plan; nothing of it may be refused.
    pub fn apply(&self, plan: Plan, consent: Consent) -> Result<(), String> {
        let report = self.runtime.block_on(engine::apply(&self.store, plan.approve(consent)));
        let failures = report.map_err(|error| format!("  {error}"))?.failures;
        if failures.is_empty() { Ok(()) } else { Err(format!("  {failures:#?}")) }
    }
}
