//! What is recorded of the deliveries to IT Glue.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::series::{Count, Series, Sum};
use super::tenant::status_word;
use super::{Metrics, level, seconds};
use crate::outbox::{Did, FindingCode};
use crate::source::Meter;

impl Metrics {
    /// So many contacts are due, the oldest since then, and so much was found.
    pub fn it_glue_outbox(&self, waiting: u64, oldest: Option<Timestamp>, found: &BTreeMap<FindingCode, u64>) {
        self.process.it_glue_waiting.at([]).set(level(waiting));
        *self.oldest.lock().unwrap_or_else(PoisonError::into_inner) = oldest;
        self.process.it_glue_oldest.at([]).set(0.0);
        for code in FindingCode::ALL {
            let count = found.get(&code).copied().unwrap_or(0);
            self.process.it_glue_findings.at([code.word()]).set(level(count));
        }
    }

    /// Whether IT Glue can be used.
    pub fn it_glue_connected(&self, is: bool) {
        self.process.it_glue_connected.at([]).set(level(u64::from(is)));
    }

    /// Contacts were brought.
    pub fn it_glue_delivered(&self, done: &BTreeMap<Did, u64>) {
        for did in Did::ALL {
            self.process.it_glue_deliveries.at([did.word()]).inc_by(done.get(&did).copied().unwrap_or(0));
        }
    }

    /// Counts what is asked of IT Glue.
    pub fn it_glue_meter(&self) -> Arc<dyn Meter> {
        Arc::new(ItGlueMeter {
            requests: self.process.it_glue_requests.clone(),
            throttled: self.process.it_glue_throttled.clone(),
        })
    }

    /// How long the oldest contact waits.
    pub(super) fn wait_for_it_glue(&self, now: Timestamp) {
        let oldest = *self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(oldest) = oldest {
            self.process.it_glue_oldest.at([]).set((seconds(now) - seconds(oldest)).max(0.0));
        }
    }
}

#[derive(Debug)]
struct ItGlueMeter {
    requests: Series<Count, 1>,
    throttled: Series<Sum, 0>,
}

impl Meter for ItGlueMeter {
    fn request(&self, status: Option<u16>) {
        self.requests.at([&status.map_or_else(|| "none".into(), status_word)]).inc();
    }

    fn throttled(&self, wait: Duration) {
        self.throttled.at([]).inc_by(wait.as_secs_f64());
    }

    fn retried(&self) {}
}
