//! Which tenants are to be looked at, as a queue is measured: who waits and for how long, what is being worked on, what
//! is put back. It measures and decides nothing; the waiting itself is each tenant's task's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use super::metrics::Metrics;
use crate::model::Id;

/// What the queue is called in the metrics.
pub(super) const NAME: &str = "tenants";

/// The tenants that wait to be looked at.
#[derive(Debug)]
pub(super) struct Queue {
    metrics: Arc<Metrics>,
    waiting: Mutex<BTreeMap<Id, Instant>>,
}

impl Queue {
    /// Nobody waits.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        metrics.queue_depth(NAME, 0);
        Self { metrics, waiting: Mutex::default() }
    }

    /// A tenant is to be looked at; one that waits already waits on.
    pub fn add(&self, tenant: &Id) {
        let mut waiting = self.waiting();
        if !waiting.contains_key(tenant) {
            waiting.insert(tenant.clone(), Instant::now());
            self.metrics.queue_added(NAME, waiting.len());
        }
    }

    /// The look at a tenant begins. One that nobody asked for, because its time had come, has not waited.
    pub fn take(self: &Arc<Self>, tenant: &Id) -> Work {
        self.add(tenant);
        let mut waiting = self.waiting();
        let since = waiting.remove(tenant);
        let waited = since.map(|since| since.elapsed()).unwrap_or_default();
        self.metrics.queue_taken(NAME, waiting.len(), waited);
        drop(waiting);
        self.metrics.queue_began(NAME, &tenant.to_string(), Timestamp::now());
        let began = Instant::now();
        Work { queue: Arc::clone(self), tenant: tenant.clone(), noticed: since.unwrap_or(began), began }
    }

    /// A tenant is not looked at any more.
    pub fn forget(&self, tenant: &Id) {
        let mut waiting = self.waiting();
        if waiting.remove(tenant).is_some() {
            self.metrics.queue_depth(NAME, waiting.len());
        }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<Id, Instant>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A look under way; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Work {
    queue: Arc<Queue>,
    tenant: Id,
    noticed: Instant,
    began: Instant,
}

impl Work {
    /// Since when it was known that there may be something to do.
    pub const fn noticed(&self) -> Instant {
        self.noticed
    }

    /// Nothing came of it: it will be tried again.
    pub fn failed(&self) {
        self.queue.metrics.queue_retried(NAME);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.queue.metrics.queue_ended(NAME, &self.tenant.to_string(), self.began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(metrics: &Metrics, line: &str) -> bool {
        metrics.text().lines().any(|one| one == line)
    }

    #[test]
    fn a_tenant_waits_once_is_worked_on_and_may_be_put_back() {
        let metrics = Arc::new(Metrics::new(Timestamp::UNIX_EPOCH));
        let queue = Arc::new(Queue::new(Arc::clone(&metrics)));
        let (one, other) = (Id::new("one"), Id::new("other"));
        assert!(shows(&metrics, "workqueue_depth{name=\"tenants\"} 0.0"), "{}", metrics.text());
        for tenant in [&one, &one, &other] {
            queue.add(tenant);
        }
        assert!(shows(&metrics, "workqueue_depth{name=\"tenants\"} 2.0"));
        assert!(shows(&metrics, "workqueue_adds_total{name=\"tenants\"} 2"));
        let work = queue.take(&one);
        assert!(shows(&metrics, "workqueue_depth{name=\"tenants\"} 1.0"));
        let text = metrics.text_at(Timestamp::now() + jiff::SignedDuration::from_secs(60));
        let unfinished =
            text.lines().find_map(|line| line.strip_prefix("workqueue_unfinished_work_seconds{name=\"tenants\"} "));
        assert!(unfinished.unwrap().parse::<f64>().unwrap() > 59.0, "{text}");
        work.failed();
        drop(work);
        assert!(shows(&metrics, "workqueue_retries_total{name=\"tenants\"} 1"));
        assert!(shows(&metrics, "workqueue_work_duration_seconds_count{name=\"tenants\"} 1"));
        assert!(shows(&metrics, "workqueue_unfinished_work_seconds{name=\"tenants\"} 0.0"));
        queue.forget(&other);
        assert!(shows(&metrics, "workqueue_depth{name=\"tenants\"} 0.0"));
        drop(queue.take(&one));
        assert!(shows(&metrics, "workqueue_adds_total{name=\"tenants\"} 3"), "its time had come");
    }
}
