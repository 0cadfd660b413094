//! Delivering: take in what changed, bring the contacts of one account, write down what came of it. One step at a time, so
//! that whoever leads it can stop between two. Decides nothing of what is written there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use thiserror::Error;

use super::queue::{Memories, Queue, Target, owners, remember};
use super::{Delivered, Did, End, FindingCode, Item, Memory, Notes, Pace, Parcel, Sink, SinkError, SinkErrorClass};
use crate::actual::Actual;
use crate::http::Fate;
use crate::ledger::{Ledger, LedgerError};
use crate::model::{Kind, RecordKey};
use crate::store::{Store, StoreError};

/// Contacts on their way to one system.
pub struct Outbox {
    ledger: Arc<dyn Ledger>,
    store: Arc<dyn Store>,
    sink: Arc<dyn Sink>,
    queue: Queue,
    pace: Pace,
    random: fastrand::Rng,
    failures: u32,
}

/// What a step came to.
#[derive(Debug)]
pub enum Step {
    /// Something was brought; go on.
    Worked(BTreeMap<Did, u64>),
    /// There is nothing to bring before then, or before something changes.
    Idle(Option<Timestamp>),
    /// The system could not be used; so long is to be waited.
    Failed(SinkError, Duration),
}

/// Why an outbox cannot go on: the state cannot be read or written.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum OutboxError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps memories while a parcel is under way.
struct Notebook<'a> {
    ledger: &'a dyn Ledger,
    memories: tokio::sync::Mutex<Memories>,
}

#[async_trait]
impl Notes for Notebook<'_> {
    async fn remember(&self, new: Vec<(u64, Memory)>) -> Result<(), SinkError> {
        let mut memories = self.memories.lock().await;
        let kept = remember(self.ledger, &mut memories, new).await;
        kept.map_err(|error| unusable("cannot note what is about to be created", error))
    }

    async fn owners(&self, there: &[u64]) -> Result<BTreeMap<u64, u64>, SinkError> {
        owners(self.ledger, there).await.map_err(|error| unusable("cannot read what is known of contacts", error))
    }
}

fn unusable(message: &str, error: LedgerError) -> SinkError {
    SinkError {
        class: SinkErrorClass::Transient,
        message: message.to_owned(),
        hint: None,
        wait: None,
        fate: Fate::Unsent,
        source: Some(error.into()),
    }
}

impl Outbox {
    /// Goes on where the last one left off.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub async fn open(
        ledger: Arc<dyn Ledger>,
        store: Arc<dyn Store>,
        sink: Arc<dyn Sink>,
        target: &Target,
        pace: Pace,
    ) -> Result<Self, OutboxError> {
        let queue = Queue::open(Arc::clone(&ledger), target).await?;
        Ok(Self { ledger, store, sink, queue, pace, random: fastrand::Rng::new(), failures: 0 })
    }

    /// Contacts that are known to be due, and since when the oldest is.
    #[must_use]
    pub fn waiting(&self) -> (usize, Option<Timestamp>) {
        self.queue.waiting()
    }

    /// How many findings of each code stand.
    #[must_use]
    pub const fn found(&self) -> &BTreeMap<FindingCode, u64> {
        &self.queue.found
    }

    /// Takes in what changed and brings the contacts of one account.
    ///
    /// # Errors
    /// When the state cannot be read or written; what was brought is brought again then, which does no harm.
    pub async fn step(&mut self, now: Timestamp) -> Result<Step, OutboxError> {
        self.queue.pull().await?;
        let mut actual = Actual::default();
        self.store.read(&mut actual).await?;
        self.queue.pass(&actual, self.pace.recheck, now).await?;
        let Some((account, ids)) = self.queue.parcel(&actual, now) else {
            return Ok(Step::Idle(self.queue.next(self.pace.recheck, now)));
        };
        let mut memories = self.queue.memories(&ids).await?;
        let (items, gone) = items(&actual, &ids, &memories);
        if !gone.is_empty() {
            self.queue.drop_gone(&gone).await?;
        }
        let notebook =
            Notebook { ledger: &*self.ledger, memories: tokio::sync::Mutex::new(std::mem::take(&mut memories)) };
        let parcel = Parcel { account: &account, actual: &actual, items };
        let Delivered { receipts, stopped } = self.sink.put(parcel, &notebook).await;
        let memories = notebook.memories.into_inner();
        drop(actual);
        let (pace, mut random) = (self.pace, self.random.fork());
        let waits: Vec<Duration> = (1..=16).map(|tries| pace.doubled(tries, &mut random)).collect();
        let wait = |tries: u32| waits[(tries.max(1) as usize - 1).min(waits.len() - 1)];
        self.queue.settle(&receipts, &memories, now, wait).await?;
        if let Some(error) = stopped {
            self.failures = self.failures.saturating_add(1);
            let wait = self.pace.after(self.failures, &error, &mut self.random);
            return Ok(Step::Failed(error, wait));
        }
        self.failures = 0;
        let mut done = BTreeMap::new();
        for receipt in &receipts {
            match receipt.end {
                End::Settled(did, _) => *done.entry(did).or_default() += 1,
                End::Again(_) => {}
            }
        }
        Ok(Step::Worked(done))
    }
}

/// The contacts as they are now, and those that are no longer there.
fn items(actual: &Actual, ids: &[u64], memories: &Memories) -> (Vec<Item>, Vec<u64>) {
    let (mut items, mut gone) = (Vec::new(), Vec::new());
    for id in ids {
        match actual.record(RecordKey { kind: Kind::Contact, id: *id }) {
            Some(record) => {
                let memory = memories.get(id).map(|(memory, _)| memory.clone()).unwrap_or_default();
                items.push(Item { record: record.clone(), memory });
            }
            None => gone.push(*id),
        }
    }
    (items, gone)
}
