//! The one path: observe, plan, approve, apply. Every verb makes these calls and stops at a different point.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::applied::{Applied, Outcome};
use crate::approved::Approved;
use crate::directory::{Directory, TenantDirectory};
use crate::manifest::config::{Config, Tenant};
use crate::model::{Id, Text, UserKey};
use crate::plan::UserRef;
pub use crate::plan::{Observed, Scope};
use crate::source::{Progress, Source, SourceError};
use crate::store::{Store, StoreError};

/// Gives the source of a tenant, and where its reading is reported.
pub trait Sources: Sync {
    /// The source of a tenant.
    ///
    /// # Errors
    /// When the tenant cannot even be tried, for example because its secret is not there.
    fn source(&self, tenant: &Tenant) -> Result<Box<dyn Source>, SourceError>;

    /// Where reading this tenant says how far it is.
    fn progress(&self, tenant: &Tenant) -> Box<dyn Progress>;
}

/// Reads the state first and the directories after: whoever wrote the revision that we read had read the directory
/// before. Tenants are read side by side; one that cannot be read is noted as failed and hinders nobody.
///
/// # Errors
/// When the state cannot be read.
pub async fn observe(
    config: &Config,
    store: &dyn Store,
    sources: &dyn Sources,
    scope: &Scope,
) -> Result<Observed, StoreError> {
    let mut observed = Observed { means: store.means(), ..Observed::default() };
    store.read(&mut observed.actual).await?;
    observed.directory = read_directories(config, sources, scope).await;
    Ok(observed)
}

async fn read_directories(config: &Config, sources: &dyn Sources, scope: &Scope) -> Directory {
    let mut directory = Directory::default();
    let mut reads: JoinSet<(Id, TenantDirectory)> = JoinSet::new();
    for tenant in config.tenants.iter().filter(|tenant| !tenant.suspend && scope.covers(&tenant.id)) {
        match sources.source(tenant) {
            Err(error) => directory.insert(tenant.id.clone(), failed(&error)),
            Ok(source) => {
                let (id, name, progress) = (tenant.id.clone(), tenant.name.clone(), sources.progress(tenant));
                reads.spawn(async move { (id, read(&name, &*source, &*progress).await) });
            }
        }
    }
    while let Some(read) = reads.join_next().await {
        match read {
            Ok((id, tenant)) => directory.insert(id, tenant),
            Err(panic) => tracing::error!(%panic, "reading a tenant broke off"),
        }
    }
    directory
}

async fn read(name: &Text, source: &dyn Source, progress: &dyn Progress) -> TenantDirectory {
    let mut tenant = TenantDirectory::default();
    match source.refresh(&mut tenant, progress).await {
        Ok(_) => tenant,
        Err(error) => {
            tracing::warn!(tenant = %name, %error, "the tenant could not be read");
            failed(&error)
        }
    }
}

fn failed(error: &SourceError) -> TenantDirectory {
    let message = match &error.hint {
        None => error.message.clone(),
        Some(hint) => format!("{} ({hint})", error.message),
    };
    TenantDirectory::failed(message)
}

/// What came of an apply.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the store says.
    pub applied: Applied,
    /// Users whose changes were refused or may not have happened, and why.
    pub failures: Vec<Failure>,
    /// Changes that were written, by the word of their action.
    pub written: HashMap<&'static str, u64>,
    /// The same by tenant.
    pub by_tenant: HashMap<(Id, &'static str), u64>,
    /// The users whose changes were written.
    pub done: HashSet<UserKey>,
    /// Users whose changes wait until the store may be asked again.
    pub waiting: Vec<Waiting>,
    /// Users whose changes are left to a person.
    pub by_hand: Vec<UserRef>,
}

/// A user whose changes wait.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Who.
    pub user: UserRef,
    /// Until when, as far as is known.
    pub until: Timestamp,
    /// For what.
    pub what: String,
}

impl Report {
    /// The report of nothing yet.
    fn of(applied: Applied) -> Self {
        Self {
            applied,
            failures: Vec::new(),
            written: HashMap::new(),
            by_tenant: HashMap::new(),
            done: HashSet::new(),
            waiting: Vec::new(),
            by_hand: Vec::new(),
        }
    }

    /// Until when everything has its turn that waits now, as far as is known; nothing waits without it.
    #[must_use]
    pub fn waits_until(&self) -> Option<Timestamp> {
        self.waiting.iter().map(|waiting| waiting.until).max()
    }
}

/// A user whose changes were not written for certain.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Who.
    pub user: UserRef,
    /// What the store says.
    pub message: String,
}

/// Writes an approved plan. Decides nothing.
///
/// # Errors
/// When the store has moved on since the plan was made, or cannot write; nothing is written then.
pub async fn apply(store: &dyn Store, approved: Approved) -> Result<Report, StoreError> {
    let batch = approved.into_batch();
    let users: Vec<(UserRef, Vec<&'static str>)> = batch
        .users
        .iter()
        .filter_map(|one| {
            Some((one.changes.first()?.user.clone(), one.changes.iter().map(|change| change.action.word()).collect()))
        })
        .collect();
    let applied = store.write(batch).await?;
    let mut report = Report::of(applied);
    let outcomes = std::mem::take(&mut report.applied.outcomes);
    for (outcome, (user, actions)) in outcomes.iter().zip(users) {
        match outcome {
            Outcome::Done(_) => {
                for action in actions {
                    *report.written.entry(action).or_default() += 1;
                    *report.by_tenant.entry((user.key.tenant.clone(), action)).or_default() += 1;
                }
                report.done.insert(user.key);
            }
            Outcome::Refused(message) | Outcome::Unknown(message) => {
                report.failures.push(Failure { user, message: message.clone() });
            }
            Outcome::Waiting { until, what } => {
                report.waiting.push(Waiting { user, until: *until, what: what.clone() });
            }
            Outcome::ByHand => report.by_hand.push(user),
        }
    }
    report.applied.outcomes = outcomes;
    Ok(report)
}
