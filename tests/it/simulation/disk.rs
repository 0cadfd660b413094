//! The disk of a process: the ledger that outlives it, with everything that can happen to a write on the way.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bmsync::actual::Actual;
use bmsync::applied::Event;
use bmsync::ledger::memory::MemoryLedger;
use bmsync::ledger::{Commit, Keep, Ledger, LedgerError, Stashed};
use bmsync::model::Revision;
use tokio::sync::Notify;

use super::stage::Stage;

/// One process's way to the disk. When the process is dead, nothing it does comes back.
pub struct Disk {
    platters: Arc<MemoryLedger>,
    stage: Arc<Stage>,
    dead: AtomicBool,
    /// Told when the process died of its own.
    pub died: Notify,
}

/// What happens to a write.
enum Fate {
    Written,
    Slow,
    Failed,
    AnswerLost,
    DeathBefore,
    DeathAfter,
}

impl Disk {
    pub fn new(platters: &Arc<MemoryLedger>, stage: &Arc<Stage>) -> Arc<Self> {
        let (platters, stage) = (Arc::clone(platters), Arc::clone(stage));
        Arc::new(Self { platters, stage, dead: AtomicBool::new(false), died: Notify::new() })
    }

    /// The process is killed: no write of it arrives any more.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
    }

    async fn alive(&self) {
        if self.dead.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
    }

    async fn die(&self) -> ! {
        self.kill();
        self.died.notify_one();
        pending().await
    }

    fn fate(&self) -> Fate {
        let fates = [
            ("slow write", Fate::Slow),
            ("failed write", Fate::Failed),
            ("lost answer of a write", Fate::AnswerLost),
            ("crash before a write", Fate::DeathBefore),
            ("crash after a write", Fate::DeathAfter),
        ];
        let which = self.stage.dice(|rng| rng.usize(0..fates.len()));
        let (word, fate) = fates.into_iter().nth(which).expect("one of them");
        if self.stage.goes_wrong(word) { fate } else { Fate::Written }
    }

    async fn write<T>(&self, work: impl AsyncFnOnce() -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        self.alive().await;
        match self.fate() {
            Fate::Written => work().await,
            Fate::Slow => {
                tokio::time::sleep(Duration::from_secs(7)).await;
                self.alive().await;
                work().await
            }
            Fate::Failed => Err(full()),
            Fate::AnswerLost => {
                work().await?;
                Err(full())
            }
            Fate::DeathBefore => self.die().await,
            Fate::DeathAfter => {
                work().await?;
                self.die().await
            }
        }
    }
}

fn full() -> LedgerError {
    let source = Box::new(std::io::Error::from(std::io::ErrorKind::StorageFull));
    LedgerError::Io { path: "disk".into(), attempt: "write to", source }
}

#[async_trait]
impl Ledger for Disk {
    async fn load(&self) -> Result<Actual, LedgerError> {
        self.alive().await;
        self.platters.load().await
    }

    async fn commit(&self, expected: Revision, commit: Commit) -> Result<Revision, LedgerError> {
        self.write(async || self.platters.commit(expected, commit).await).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, LedgerError> {
        self.alive().await;
        self.platters.events(after, limit).await
    }

    async fn last_event(&self) -> Result<u64, LedgerError> {
        self.alive().await;
        self.platters.last_event().await
    }

    async fn stash(&self, entries: Vec<Stashed>) -> Result<(), LedgerError> {
        self.write(async || self.platters.stash(entries).await).await
    }

    async fn keep(&self, entries: Vec<Keep>) -> Result<(), LedgerError> {
        self.write(async || self.platters.keep(entries).await).await
    }

    async fn kept(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        self.alive().await;
        self.platters.kept(prefix).await
    }

    async fn stashed(&self, key: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        self.alive().await;
        self.platters.stashed(key).await
    }
}
