//! One tenant's connection as a state machine: pure, driven by what came of each look, with the clock as an argument.

use std::time::Duration;

use jiff::Timestamp;

use super::Phase;
use crate::manifest::config::Policy;
use crate::source::{Job, SourceErrorClass};

/// The first wait after a failure; it doubles with each further one.
const FIRST_BACK_OFF: Duration = Duration::from_secs(2);

/// A person is waited for at most so many times `reconnect.after` at once: half an hour, with the default.
const LONGEST_PATIENCE: u32 = 16;

/// Where a connection is, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    phase: Phase,
    failures: u32,
    last_success: Option<Timestamp>,
    last_error: Option<String>,
    /// Whose job it is to end the last failure; nothing when it passes by itself.
    awaits: Option<Job>,
    /// Failures in a row that only a person can end.
    waits_for_person: u32,
    /// Whether the next look reads everything.
    full_due: FullRead,
    last_full: Option<Timestamp>,
}

/// Whether the next look reads everything or only what changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullRead {
    /// Everything: nothing is known, or what is known is old.
    Due,
    /// From the delta links on.
    NotDue,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            phase: Phase::Connecting,
            failures: 0,
            last_success: None,
            last_error: None,
            awaits: None,
            waits_for_person: 0,
            full_due: FullRead::Due,
            last_full: None,
        }
    }
}

impl Connection {
    /// A connection that goes on from a mirror of that age.
    #[must_use]
    pub fn resumed(last_full: Option<Timestamp>) -> Self {
        Self { full_due: FullRead::NotDue, last_full, ..Self::default() }
    }

    /// Where the connection is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Failures in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// When the directory was last read to its end.
    #[must_use]
    pub const fn last_success(&self) -> Option<Timestamp> {
        self.last_success
    }

    /// What the last failure said; nothing after a success.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// Whose job it is to end the last failure; nothing when it passes by itself.
    #[must_use]
    pub const fn awaits(&self) -> Option<Job> {
        self.awaits
    }

    /// Begins a look; says whether it reads everything.
    pub fn begin(&mut self, now: Timestamp, policy: &Policy) -> FullRead {
        if self.last_full.is_none_or(|last| now.duration_since(last).unsigned_abs() >= policy.full_sync_interval) {
            self.full_due = FullRead::Due;
        }
        self.phase = match (self.full_due, self.last_success) {
            (FullRead::Due, _) => Phase::Synchronizing,
            (FullRead::NotDue, None) => Phase::Connecting,
            (FullRead::NotDue, Some(_)) => Phase::Watching,
        };
        self.full_due
    }

    /// The look came to its end.
    pub fn succeeded(&mut self, now: Timestamp, read: FullRead) {
        self.phase = Phase::Watching;
        self.failures = 0;
        self.last_error = None;
        self.awaits = None;
        self.waits_for_person = 0;
        self.last_success = Some(now);
        if read == FullRead::Due {
            self.last_full = Some(now);
        }
        self.full_due = FullRead::NotDue;
    }

    /// The look failed; says how long to wait before the next. A failure that only a person can end waits as long as
    /// one after too many in a row, and longer each time: asking again does not help, and the login service counts it.
    pub fn failed(&mut self, error: String, class: SourceErrorClass, job: Job, policy: &Policy) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.last_error = Some(error);
        self.awaits = Some(job).filter(|_| class == SourceErrorClass::Person);
        if class == SourceErrorClass::Person {
            self.phase = Phase::Disconnected;
            let doublings = self.waits_for_person.min(LONGEST_PATIENCE.ilog2());
            self.waits_for_person = self.waits_for_person.saturating_add(1);
            return policy.reconnect.after.saturating_mul(1 << doublings);
        }
        self.waits_for_person = 0;
        if self.failures.is_multiple_of(policy.reconnect.failures.max(1)) {
            self.phase = Phase::Disconnected;
            return policy.reconnect.after;
        }
        self.phase = Phase::BackingOff;
        let doublings = (self.failures % policy.reconnect.failures.max(1)).saturating_sub(1).min(10);
        (FIRST_BACK_OFF * 2_u32.pow(doublings)).min(policy.poll_interval.max(FIRST_BACK_OFF))
    }

    /// The tenant is suspended by its manifest.
    pub fn suspend(&mut self) {
        self.phase = Phase::Suspended;
    }
}

/// A duration spread by up to a tenth either way, so that tenants do not look all at once. `share` lies in 0..1.
#[must_use]
pub fn jittered(base: Duration, share: f64) -> Duration {
    base.mul_f64(0.9 + 0.2 * share.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn after_five_failures_in_a_row_it_waits_120_seconds_and_counts_anew() {
        let policy = Policy::default();
        let mut connection = Connection::default();
        let mut waits = Vec::new();
        for _ in 0..6 {
            waits.push(connection.failed("no route".into(), SourceErrorClass::Transient, Job::Wait, &policy).as_secs());
        }
        assert_eq!(waits, [2, 4, 8, 16, 120, 2]);
        assert_eq!(connection.failures(), 6);
        connection.succeeded(at(0), FullRead::Due);
        assert_eq!((connection.phase(), connection.failures(), connection.last_error()), (Phase::Watching, 0, None));
    }

    #[test]
    fn what_only_a_person_can_end_is_not_hammered() {
        let mut connection = Connection::default();
        let policy = Policy::default();
        let mut fail = |class, job| connection.failed("the secret has expired".into(), class, job, &policy).as_secs();
        let waits: Vec<u64> = (0..7).map(|_| fail(SourceErrorClass::Person, Job::Operator)).collect();
        assert_eq!(waits, [120, 240, 480, 960, 1920, 1920, 1920]);
        assert!(fail(SourceErrorClass::Transient, Job::Wait) < 120, "another trouble is another trouble");
        assert_eq!(fail(SourceErrorClass::Person, Job::User), 120);
        assert_eq!((connection.phase(), connection.awaits()), (Phase::Disconnected, Some(Job::User)));
        connection.succeeded(at(0), FullRead::Due);
        assert_eq!(connection.awaits(), None);
    }

    #[test]
    fn everything_is_read_at_first_and_when_the_interval_is_over() {
        let policy = Policy::default();
        let mut connection = Connection::default();
        assert_eq!(connection.begin(at(0), &policy), FullRead::Due);
        connection.succeeded(at(1), FullRead::Due);
        assert_eq!(connection.begin(at(60), &policy), FullRead::NotDue);
        connection.succeeded(at(61), FullRead::NotDue);
        assert_eq!(connection.begin(at(1 + 24 * 3600), &policy), FullRead::Due);
    }

    #[test]
    fn jitter_stays_within_a_tenth() {
        let base = Duration::from_mins(1);
        assert_eq!((jittered(base, 0.0).as_secs(), jittered(base, 1.0).as_secs()), (54, 66));
    }
}
