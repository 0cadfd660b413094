//! The task that brings contacts to IT Glue beside the rounds: it takes in what they wrote whenever they did, and never holds
//! them up. Decides nothing of what is written there.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::running::{Controller, Shared};
use super::{ItGlueStatus, Refusal};
use crate::manifest::config::ItGlue;
use crate::model::{Kind, RecordKey};
use crate::outbox::{Did, FindingCode, Outbox, OutboxError, Pace, Sink, SinkError, Step, Target, findings};
use crate::source::Meter;
use crate::store::Store;

/// Gives the connection to a declared IT Glue; what it asks is counted by the meter.
pub type OpenSink = Arc<dyn Fn(&ItGlue, Arc<dyn Meter>) -> Result<Arc<dyn Sink>, SinkError> + Send + Sync>;

/// So often it is looked whether somebody else wrote; whatever bmsync itself writes is looked at without waiting.
const GLANCE: Duration = Duration::from_mins(1);

/// The wait before the state is read again after it could not be.
const REOPEN: Duration = Duration::from_secs(5);

/// How long a step may still take when the task is told to end. One that takes longer is left: nothing is lost by it.
const FAREWELL: Duration = Duration::from_secs(3);

/// A task that delivers, and what for.
pub(super) struct Delivering {
    it_glue: ItGlue,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// How far the deliveries are.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    pub waiting: u64,
    pub oldest: Option<Timestamp>,
    pub last_success: Option<Timestamp>,
    pub found: BTreeMap<FindingCode, u64>,
    /// Why IT Glue cannot be used at present: the reason of the condition, and the message.
    pub problem: Option<(&'static str, String)>,
}

impl Delivering {
    pub fn stop(&self) {
        let _ = self.stop.send(true);
    }

    /// The task, to be waited for.
    pub fn into_task(self) -> JoinHandle<()> {
        self.task
    }
}

impl Controller {
    /// From now on contacts are brought to the IT Glue that the configuration in force declares, if any.
    pub fn deliver(&self, open: OpenSink) {
        *self.shared().open_sink.lock().unwrap_or_else(PoisonError::into_inner) = Some(open);
        self.deliver_declared();
    }

    /// Makes the task that of the declared IT Glue.
    pub(super) fn deliver_declared(&self) {
        let shared = self.shared();
        let open = shared.open_sink.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(open) = open else { return };
        let declared = shared.config().it_glue.clone();
        let mut running = shared.delivering();
        if running.as_ref().map(|running| &running.it_glue) == declared.as_ref() {
            return;
        }
        let before = running.take().map(|before| {
            before.stop();
            before.into_task()
        });
        *shared.delivery() = Delivery::default();
        let Some(it_glue) = declared else { return };
        let (stop, stopped) = watch::channel(false);
        let work = deliver(Arc::clone(shared), it_glue.clone(), open, stopped);
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            work.await;
        });
        *running = Some(Delivering { it_glue, stop, task });
    }
}

impl Shared {
    pub(super) fn delivering(&self) -> MutexGuard<'_, Option<Delivering>> {
        self.delivering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the deliveries are.
    pub(super) fn delivery(&self) -> MutexGuard<'_, Delivery> {
        self.delivery.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the deliveries are, for whoever asks.
    pub(super) fn it_glue_status(&self) -> Result<ItGlueStatus, Refusal> {
        let config = self.config();
        let Some(it_glue) = &config.it_glue else { return Err(none()) };
        let delivery = self.delivery();
        let conditions = self.conditions().it_glue(&delivery, self.now());
        let Delivery { waiting, oldest, last_success, found, problem: _ } = &*delivery;
        Ok(ItGlueStatus {
            name: it_glue.name.clone(),
            mode: it_glue.mode.word(),
            waiting: *waiting,
            oldest: *oldest,
            last_success: *last_success,
            findings: FindingCode::ALL.map(|code| (code.word(), found.get(&code).copied().unwrap_or(0))).into(),
            conditions,
        })
    }

    /// What was found of contacts with an ID above `after`, by that ID.
    pub(super) async fn it_glue_findings(&self, after: u64, limit: usize) -> Result<Vec<Value>, Refusal> {
        if self.config().it_glue.is_none() {
            return Err(none());
        }
        let found = findings(&*self.ledger).await.map_err(|error| Refusal::Unavailable(error.to_string()))?;
        let found: Vec<_> = found.into_iter().filter(|found| found.contact > after).take(limit).collect();
        let told = self.store.book().view(move |actual| {
            let record = |id| actual.record(RecordKey { kind: Kind::Contact, id });
            found.iter().map(|found| found.told(record(found.contact))).collect()
        });
        Ok(told.await?)
    }

    fn note_delivered(&self, outbox: &Outbox) {
        let (waiting, oldest) = outbox.waiting();
        let mut delivery = self.delivery();
        delivery.waiting = waiting as u64;
        delivery.oldest = oldest;
        delivery.found.clone_from(outbox.found());
        self.metrics.it_glue_outbox(delivery.waiting, oldest, &delivery.found);
    }

    fn note_well(&self) {
        let mut delivery = self.delivery();
        delivery.problem = None;
        delivery.last_success = Some(self.now());
        self.metrics.it_glue_connected(true);
    }

    fn note_failed(&self, error: &SinkError) {
        let message = [Some(error.message.as_str()), error.hint.as_deref()];
        let message = message.into_iter().flatten().collect::<Vec<_>>().join("; ");
        let mut delivery = self.delivery();
        if delivery.problem.as_ref().is_none_or(|(_, known)| *known != message) {
            let cause = error.source.as_ref().map(ToString::to_string);
            tracing::warn!(reason = error.class.word(), cause, "IT Glue cannot be used: {message}");
        }
        delivery.problem = Some((error.class.word(), message));
        self.metrics.it_glue_connected(false);
    }
}

fn none() -> Refusal {
    Refusal::NotFound("the manifests declare no ItGlue".to_owned())
}

/// Delivers until it is told to stop.
async fn deliver(shared: Arc<Shared>, it_glue: ItGlue, open: OpenSink, mut stop: watch::Receiver<bool>) {
    let sink = match open(&it_glue, shared.metrics.it_glue_meter()) {
        Ok(sink) => sink,
        Err(error) => return shared.note_failed(&error),
    };
    while !*stop.borrow() {
        let ended = follow(&shared, &it_glue, Arc::clone(&sink), &mut stop).await;
        if let Err(error) = ended {
            tracing::error!(%error, "the outbox cannot be read or written; it is read again");
            pause(REOPEN, &mut stop).await;
        }
    }
}

/// Opens the outbox and delivers, until told to stop or until the state cannot be used.
async fn follow(
    shared: &Shared,
    it_glue: &ItGlue,
    sink: Arc<dyn Sink>,
    stop: &mut watch::Receiver<bool>,
) -> Result<(), OutboxError> {
    let store = Arc::clone(&shared.store) as Arc<dyn Store>;
    let pace = Pace::new(shared.config().policy.full_sync_interval);
    let mut outbox = Outbox::open(Arc::clone(&shared.ledger), store, sink, &Target::of(it_glue), pace).await?;
    while !*stop.borrow() {
        let Some(step) = unless_stopped(outbox.step(shared.now()), stop).await else { return Ok(()) };
        let step = step?;
        shared.note_delivered(&outbox);
        match step {
            Step::Worked(done) => {
                shared.note_well();
                shared.metrics.it_glue_delivered(&done);
                let of = |did| done.get(&did).copied().unwrap_or(0);
                let (created, updated, left) = (of(Did::Created), of(Did::Updated), of(Did::Left));
                tracing::info!(created, updated, left, matched = of(Did::Matched), "brought contacts to IT Glue");
            }
            Step::Idle(next) => {
                let until = next.map(|next| Duration::try_from(next.duration_since(shared.now())).unwrap_or_default());
                let wait = until.map_or(GLANCE, |until| until.min(GLANCE));
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = shared.written.notified() => {}
                    _ = stop.changed() => {}
                }
            }
            Step::Failed(error, wait) => {
                shared.note_failed(&error);
                pause(wait, stop).await;
            }
        }
    }
    Ok(())
}

async fn pause(wait: Duration, stop: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        _ = stop.changed() => {}
    }
}

/// What comes of a work; nothing when it takes too long after the task was told to stop.
async fn unless_stopped<T>(work: impl Future<Output = T>, stop: &mut watch::Receiver<bool>) -> Option<T> {
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return Some(done),
        _ = stop.changed() => {}
    }
    tokio::time::timeout(FAREWELL, work).await.ok()
}
