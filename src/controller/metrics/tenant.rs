//! What is recorded of a tenant: its rounds, what stands between it and BMS, and how its directory service answers.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;

use super::series::{Level, Series};
use super::{Metrics, level, seconds};
use crate::controller::Phase;
use crate::model::{Status, Text};
use crate::plan::{Action, Code, Hold};
use crate::source::expiry::Expiring;
use crate::source::{Meter, SourceErrorClass};

/// How a round ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundResult {
    /// There was nothing to write.
    Quiet,
    /// Everything that was to be written is.
    Changed,
    /// The store refused some changes; the others are written.
    Refused,
    /// Nothing came of it.
    Failed,
}

impl RoundResult {
    const ALL: [Self; 4] = [Self::Quiet, Self::Changed, Self::Refused, Self::Failed];

    const fn word(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Changed => "changed",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What a subscription tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Users.
    Users,
    /// Groups and memberships.
    Groups,
}

impl Resource {
    const fn word(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
        }
    }
}

const PHASES: [Phase; 6] = [
    Phase::Connecting,
    Phase::Synchronizing,
    Phase::Watching,
    Phase::BackingOff,
    Phase::Disconnected,
    Phase::Suspended,
];
const STATUSES: [Status; 3] = [Status::Active, Status::Inactive, Status::Archived];
const CLASSES: [SourceErrorClass; 3] =
    [SourceErrorClass::Transient, SourceErrorClass::Person, SourceErrorClass::Protocol];

/// Rounds.
impl Metrics {
    /// A round has ended.
    pub fn round(&self, tenant: &str, result: RoundResult, took: Duration, now: Timestamp) {
        let Some(_declared) = self.declared(tenant) else { return };
        self.tenants.rounds.at([tenant, result.word()]).inc();
        self.tenants.round_duration.at([tenant]).observe(took.as_secs_f64());
        match result {
            RoundResult::Quiet | RoundResult::Changed | RoundResult::Refused => {
                self.tenants.last_success.at([tenant]).set(seconds(now));
            }
            RoundResult::Failed => {}
        }
    }

    /// So many changes were written.
    pub fn changes(&self, tenant: &str, action: Action, count: u64) {
        let Some(_declared) = self.declared(tenant) else { return };
        self.tenants.changes.at([tenant, action.word()]).inc_by(count);
    }

    /// So many changes were refused by the store.
    pub fn refused(&self, tenant: &str, count: u64) {
        let Some(_declared) = self.declared(tenant) else { return };
        self.tenants.refused.at([tenant]).inc_by(count);
    }

    /// A change that was noticed so long ago is committed.
    pub fn freshness(&self, tenant: &str, took: Duration) {
        let Some(_declared) = self.declared(tenant) else { return };
        self.tenants.freshness.at([tenant]).observe(took.as_secs_f64());
    }
}

/// What stands, whoever planned it: each call replaces what was said before. Counts of one label value add up, so one
/// may give `(code, 1)` per user.
impl Metrics {
    /// Users that are blocked.
    pub fn blocked(&self, tenant: &str, counts: impl IntoIterator<Item = (Code, u64)>) {
        self.replace(&self.tenants.blocked, tenant, &Code::ALL, Code::word, counts);
    }

    /// Changes that are held.
    pub fn held(&self, tenant: &str, counts: impl IntoIterator<Item = (Hold, u64)>) {
        self.replace(&self.tenants.held, tenant, &Hold::ALL, Hold::word, counts);
    }

    /// Records whose local edits are left standing.
    pub fn preserved(&self, tenant: &str, count: u64) {
        let Some(_declared) = self.declared(tenant) else { return };
        self.tenants.preserved.at([tenant]).set(level(count));
    }

    /// Records that belong to a user of the tenant.
    pub fn owned(&self, tenant: &str, counts: impl IntoIterator<Item = (Status, u64)>) {
        self.replace(&self.tenants.owned, tenant, &STATUSES, Status::word, counts);
    }

    fn replace<K: Copy + Ord>(
        &self,
        series: &Series<Level, 2>,
        tenant: &str,
        all: &[K],
        word: fn(K) -> &'static str,
        counts: impl IntoIterator<Item = (K, u64)>,
    ) {
        let Some(_declared) = self.declared(tenant) else { return };
        let mut sums: BTreeMap<K, u64> = all.iter().map(|key| (*key, 0)).collect();
        for (key, count) in counts {
            *sums.entry(key).or_default() += count;
        }
        for (key, sum) in sums {
            series.at([tenant, word(key)]).set(level(sum));
        }
    }
}

/// The directory and the connection to it.
impl Metrics {
    /// The directory was read to its end then, and holds so much.
    pub fn directory(&self, tenant: &str, users: u64, groups: u64, read_at: Timestamp) {
        let Some(_declared) = self.declared(tenant) else { return };
        self.tenants.objects.at([tenant, "user"]).set(level(users));
        self.tenants.objects.at([tenant, "group"]).set(level(groups));
        self.read_at.lock().unwrap_or_else(PoisonError::into_inner).insert(Text::from(tenant), read_at);
    }

    /// A full read reached its end and found so many users and groups different from what the deltas had said.
    pub fn full_read(&self, tenant: &str, corrections: u64) {
        let Some(_declared) = self.declared(tenant) else { return };
        self.tenants.full_reads.at([tenant]).inc();
        self.tenants.corrections.at([tenant]).inc_by(corrections);
    }

    /// Where the connection is, how many reads failed in a row, and whose move the last failure is.
    pub fn connection(&self, tenant: &str, phase: Phase, failures: u32, failing: Option<SourceErrorClass>) {
        let Some(_declared) = self.declared(tenant) else { return };
        self.connect(tenant, phase, failures, failing);
    }

    fn connect(&self, tenant: &str, phase: Phase, failures: u32, failing: Option<SourceErrorClass>) {
        for one in PHASES {
            self.tenants.phase.at([tenant, phase_word(one)]).set(level(u64::from(one == phase)));
        }
        self.tenants.failures.at([tenant]).set(f64::from(failures));
        for one in CLASSES {
            self.tenants.failing.at([tenant, class_word(one)]).set(level(u64::from(failing == Some(one))));
        }
    }

    /// When the subscription ends; `None` when there is none.
    pub fn subscription(&self, tenant: &str, resource: Resource, expires: Option<Timestamp>) {
        let Some(_declared) = self.declared(tenant) else { return };
        match expires {
            Some(expires) => {
                self.tenants.expiry.at([tenant, resource.word()]).set(seconds(expires));
            }
            None => self.tenants.expiry.retain(|[of, what]| of != tenant || what != resource.word()),
        }
    }

    /// When what the tenant signs in with ends; of what is not named, nothing is known.
    pub fn credentials(&self, tenant: &str, expiring: &[Expiring]) {
        let Some(_declared) = self.declared(tenant) else { return };
        let named = |word: &str| expiring.iter().any(|one| one.credential.word() == word);
        self.tenants.credential_expiry.retain(|[of, credential]| of != tenant || named(credential));
        for Expiring { credential, at } in expiring {
            self.tenants.credential_expiry.at([tenant, credential.word()]).set(seconds(*at));
        }
    }

    /// Counts what a source asks of the tenant's directory service.
    #[must_use]
    pub fn meter(self: &Arc<Self>, tenant: &str) -> Arc<dyn Meter> {
        Arc::new(TenantMeter { metrics: Arc::clone(self), tenant: Text::from(tenant) })
    }

    /// What a tenant starts with.
    pub(super) fn begin(&self, tenant: &str) {
        for result in RoundResult::ALL {
            self.tenants.rounds.at([tenant, result.word()]);
        }
        for action in Action::ALL {
            self.tenants.changes.at([tenant, action.word()]);
        }
        let counters = [
            &self.tenants.refused,
            &self.tenants.full_reads,
            &self.tenants.corrections,
            &self.tenants.throttled,
            &self.tenants.retries,
        ];
        for counter in counters {
            counter.at([tenant]);
        }
        self.tenants.waited.at([tenant]);
        self.tenants.last_success.at([tenant]);
        self.connect(tenant, Phase::Connecting, 0, None);
    }
}

#[derive(Debug)]
struct TenantMeter {
    metrics: Arc<Metrics>,
    tenant: Text,
}

impl Meter for TenantMeter {
    fn request(&self, status: Option<u16>) {
        let Some(_declared) = self.metrics.declared(&self.tenant) else { return };
        self.metrics.tenants.requests.at([&self.tenant, &status.map_or("none".into(), status_word)]).inc();
    }

    fn throttled(&self, wait: Duration) {
        let Some(_declared) = self.metrics.declared(&self.tenant) else { return };
        self.metrics.tenants.throttled.at([&self.tenant]).inc();
        self.metrics.tenants.waited.at([&self.tenant]).inc_by(wait.as_secs_f64());
    }

    fn retried(&self) {
        let Some(_declared) = self.metrics.declared(&self.tenant) else { return };
        self.metrics.tenants.retries.at([&self.tenant]).inc();
    }
}

/// A status that HTTP knows as it is; of all others the class, for a stranger may answer with any number.
pub(super) fn status_word(status: u16) -> Text {
    match StatusCode::from_u16(status) {
        Ok(known) if known.canonical_reason().is_some() => Text::from(known.as_str()),
        Ok(_) | Err(_) if (100..600).contains(&status) => Text::from(format!("{}xx", status / 100)),
        Ok(_) | Err(_) => Text::const_new("other"),
    }
}

const fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Connecting => "connecting",
        Phase::Synchronizing => "synchronizing",
        Phase::Watching => "watching",
        Phase::BackingOff => "backingOff",
        Phase::Disconnected => "disconnected",
        Phase::Suspended => "suspended",
    }
}

const fn class_word(class: SourceErrorClass) -> &'static str {
    match class {
        SourceErrorClass::Transient => "transient",
        SourceErrorClass::Person => "person",
        SourceErrorClass::Protocol => "protocol",
    }
}
