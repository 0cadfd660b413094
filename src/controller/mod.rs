//! The controller keeps converging: what a running bmsync knows of itself, and what it can be asked.
//!
//! Triggers carry no data: a timer, a notification and an operator all mean "look again".

pub mod approval;
mod bms;
pub mod connecting;
pub mod connection;
mod core;
mod credentials;
mod delivering;
mod gate;
mod health;
pub mod manifests;
pub mod metrics;
mod mirror;
mod open;
mod operations;
mod queue;
pub mod reached;
mod round;
mod running;
mod secret;
mod snapshot;
mod status;
pub mod subscription;
mod tend;
mod watch;

pub use delivering::OpenSink;
pub use running::{Connect, Connected, Controller, Parts};

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;
use tokio::runtime::RuntimeFlavor;

use crate::applied::Event;
use crate::approved::Consent;
use crate::manifest::config::Config;
use crate::model::{Id, Kind, Record, RecordKey, Text};
pub use crate::plan::Cause;
use crate::plan::{Change, Explanation, Plan, ToDo};
use crate::source::graph::connect::{Progress, Reply};
use connecting::{Begun, Way};

/// What a running bmsync can be asked. The HTTP server and the tests speak to this alone.
#[async_trait]
pub trait Operations: Send + Sync {
    /// Plans the given configuration, or the running one, against what is known now: everybody, or one tenant (by name or
    /// ID). Calls no directory service.
    async fn plan(&self, candidate: Option<Config>, tenant: Option<&str>) -> Result<ServedPlan, Refusal>;

    /// The configuration that is in force.
    fn config(&self) -> Arc<Config>;

    /// Looks again, at one tenant (by name or ID) or at all.
    fn sync(&self, tenant: Option<&str>) -> Result<(), Refusal>;

    /// What a guard holds back of a tenant (by name or ID), with the digest that an approval must name.
    async fn held(&self, tenant: &str) -> Result<Held, Refusal>;

    /// Approves exactly the held changes of that digest, for a limited time.
    async fn approve(&self, tenant: &str, digest: &str) -> Result<Held, Refusal>;

    /// Forgets the sign-in that is kept of a tenant (by name or ID), and what the tenant's connection holds of it.
    async fn disconnect(&self, tenant: &str) -> Result<Disconnected, Refusal>;

    /// Applies a saved plan (the JSON that `plan` gives), refused when it is stale.
    async fn apply(&self, saved: serde_json::Value, consent: Consent) -> Result<ServedReport, Refusal>;

    /// Up to `limit` records of a kind with an ID above `after`, by ID.
    async fn records(&self, kind: Kind, after: u64, limit: usize) -> Result<Vec<Record>, Refusal>;

    /// One record.
    async fn record(&self, key: RecordKey) -> Result<Record, Refusal>;

    /// Up to `limit` events with an ID above `after`, oldest first.
    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, Refusal>;

    /// The tenants, by ID.
    async fn tenants(&self) -> Vec<TenantStatus>;

    /// The rules, by (tenant ID, order, group ID).
    async fn rules(&self) -> Vec<RuleStatus>;

    /// What a person has to do in a live BMS.
    async fn worklist(&self) -> Result<Vec<ToDo>, Refusal>;

    /// Explains the users that a user principal name, email or object ID names; several tenants may have one.
    async fn explain(&self, user: &str) -> Result<Vec<Explanation>, Refusal>;

    /// The whole state in the import format.
    async fn export(&self) -> Result<Vec<u8>, Refusal>;

    /// Begins a sign-in to a tenant (by name or ID).
    async fn connect(&self, tenant: &str, way: Way) -> Result<Begun, Refusal>;

    /// How far a sign-in is; its ID is known to whoever began it.
    fn connecting(&self, attempt: &str) -> Result<Progress, Refusal>;

    /// Takes what a person's browser brought back from the login service, known by its state alone.
    async fn returned(&self, query: &str) -> Reply;

    /// A notification of a subscription: compared with what is known of it, in constant time. Never fails towards the
    /// sender; what is not genuine is counted and dropped.
    fn notified(&self, notification: Notification);

    /// How far the deliveries to IT Glue are.
    async fn it_glue(&self) -> Result<ItGlueStatus, Refusal>;

    /// What was found when contacts with an ID above `after` were compared with IT Glue, by that ID; at most `limit`.
    async fn it_glue_findings(&self, after: u64, limit: usize) -> Result<Vec<serde_json::Value>, Refusal>;

    /// Whether the process can do its work.
    fn readiness(&self) -> Readiness;

    /// The metrics in the Prometheus text format.
    fn metrics(&self) -> String;
}

/// A plan with what causes each change, as a server answers.
#[derive(Clone, Debug)]
pub struct ServedPlan {
    /// The plan.
    pub plan: Plan,
    /// When it was made.
    pub created_at: Timestamp,
    /// One per change of the plan, in its order; `None` where there is nothing to compare with.
    pub causes: Vec<Option<Cause>>,
}

/// What a guard holds back of one tenant.
#[derive(Clone, Debug)]
pub struct Held {
    /// The tenant.
    pub tenant: Id,
    /// Names exactly these changes: `sha256:` and hex digits.
    pub digest: String,
    /// The changes.
    pub changes: Vec<Change>,
    /// Until when an approval of them holds; `None` while they are not approved.
    pub approved_until: Option<Timestamp>,
}

/// What came of forgetting a sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disconnected {
    /// The tenant's ID.
    pub tenant_id: Id,
    /// Whether there was one.
    pub forgotten: bool,
    /// Who had signed in, if that is known.
    pub account: Option<Text>,
}

/// What came of applying a saved plan.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServedReport {
    /// The revision afterwards.
    pub revision: u64,
    /// Changes that were written.
    pub written: u64,
    /// Users whose changes were refused, with the reason.
    pub failures: Vec<String>,
}

/// What a webhook was told; everything in it is a claim of whoever sent it.
#[derive(Clone, Debug)]
pub struct Notification {
    /// Of which subscription.
    pub subscription: String,
    /// The secret that only the service knows.
    pub client_state: secrecy::SecretString,
    /// A lifecycle event in place of a change.
    pub lifecycle: Option<Lifecycle>,
}

/// What the service says about a subscription itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// Its authorization is about to lapse.
    ReauthorizationRequired,
    /// It is gone.
    SubscriptionRemoved,
    /// Notifications were lost.
    Missed,
}

/// Whether the process can do its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// State open, configuration valid, each tenant synchronized once or known to be failing.
    pub ready: bool,
    /// What is missing, for a person to read.
    pub waiting_for: Vec<String>,
}

/// A condition in the style of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// For example `Synchronized` or `Connected`.
    #[serde(rename = "type")]
    pub kind: Text,
    /// `True`, `False` or `Unknown`.
    pub status: Truth,
    /// One CamelCase word.
    pub reason: Text,
    /// For a person to read.
    pub message: String,
    /// When `status` last changed.
    pub last_transition_time: Timestamp,
}

/// Status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the three words of Kubernetes conditions")]
pub enum Truth {
    True,
    False,
    Unknown,
}

/// What is known of one tenant's connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantStatus {
    /// `metadata.name`.
    pub name: Text,
    /// The tenant ID.
    pub tenant_id: Id,
    /// Where the connection is.
    pub phase: Phase,
    /// Users known.
    pub users: u64,
    /// Groups known.
    pub groups: u64,
    /// Users that are blocked.
    pub blocked: u64,
    /// Changes that a guard holds back.
    pub held: u64,
    /// When the directory was last read to its end.
    pub last_success: Option<Timestamp>,
    /// Failures in a row.
    pub failures: u32,
    /// In order of `type`.
    pub conditions: Vec<Condition>,
}

/// Where a tenant's connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Nothing was read yet.
    Connecting,
    /// A full read is under way.
    Synchronizing,
    /// Up to date, waiting for the next look.
    Watching,
    /// A failure; it will be tried again soon.
    BackingOff,
    /// Too many failures in a row: waiting to reconnect.
    Disconnected,
    /// Its manifest says `suspend: true`.
    Suspended,
}

/// How far the deliveries to IT Glue are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItGlueStatus {
    /// `metadata.name`.
    pub name: Text,
    /// `verify` or `write`.
    pub mode: &'static str,
    /// Contacts that are due.
    pub waiting: u64,
    /// Since when the oldest of them is.
    pub oldest: Option<Timestamp>,
    /// When contacts were last brought, or compared.
    pub last_success: Option<Timestamp>,
    /// How many findings of each code there are.
    pub findings: BTreeMap<&'static str, u64>,
    /// In order of `type`.
    pub conditions: Vec<Condition>,
}

/// What is known of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleStatus {
    /// `metadata.name`.
    pub name: Text,
    /// The tenant's ID.
    pub tenant_id: Id,
    /// The group's object ID.
    pub group_id: Id,
    /// The rule's order.
    pub order: u64,
    /// What it makes of its members.
    pub record: Kind,
    /// In order of `type`.
    pub conditions: Vec<Condition>,
}

/// Why a question was not answered.
#[derive(Debug, Error)]
pub enum Refusal {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be done as things are: stale, or not what was shown.
    #[error("{0}")]
    Conflict(String),
    /// What was sent makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Not now; the text says what is missing.
    #[error("{0}")]
    Unavailable(String),
}

/// Does what takes long without waiting for anything. The other tasks go on meanwhile, on a runtime that has a thread for
/// them.
fn think<T>(work: impl FnOnce() -> T) -> T {
    let flavor = tokio::runtime::Handle::current().runtime_flavor();
    if flavor == RuntimeFlavor::MultiThread { tokio::task::block_in_place(work) } else { work() }
}
