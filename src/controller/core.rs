//! What a running bmsync knows, and how a look at it converges: plan whom it touched, apply, remember what is left.
//!
//! One at a time: the core stands behind a lock, and nothing in here waits for a network.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::approval::Approval;
use super::health::Vital;
use super::think;
use crate::approved::Consent;
use crate::directory::{Coverage, News, TenantDirectory, Touched};
use crate::engine::{self, Failure, Report};
use crate::manifest::config::Config;
use crate::model::{Id, UserKey};
use crate::plan::{Blocked, Change, Hold, Observed, Plan, Scope, TenantState, plan};
use crate::store::{Store, StoreError};

/// How often a round is made again when somebody else wrote in between.
const TRIES: u32 = 3;

/// Everything that rounds work on.
pub(super) struct Core {
    pub config: Arc<Config>,
    pub observed: Observed,
    pub approvals: Vec<Approval>,
    store: Arc<dyn Store>,
    open: BTreeMap<UserKey, Open>,
    /// Whose local edits stand, by tenant: only counted, so that quiet rounds do not pay for drift.
    preserved: BTreeMap<Id, BTreeSet<Id>>,
    /// Tenants of which everybody is to be planned as soon as they are complete.
    fresh: BTreeSet<Id>,
    /// Tenants that have neither been read nor failed yet. Nothing is planned before they have: who is read first must
    /// not decide who gets a name (rule R12).
    unheard: BTreeSet<Id>,
}

/// What a round left open of a user: planned again in every round until it is settled.
#[derive(Clone, Debug, Default)]
pub(super) struct Open {
    pub blocked: Option<Blocked>,
    pub held: Vec<Change>,
    /// Why the store refused its changes.
    pub refused: Option<String>,
}

/// What a look came to.
#[derive(Debug, Default)]
pub(super) struct Converged {
    pub report: Option<Report>,
    /// Users that were planned.
    pub planned: usize,
}

impl Core {
    pub fn new(config: Arc<Config>, store: Arc<dyn Store>) -> Self {
        let (fresh, unheard) = (declared(&config), watched(&config));
        Self {
            config,
            observed: Observed::default(),
            approvals: Vec::new(),
            store,
            open: BTreeMap::new(),
            preserved: BTreeMap::new(),
            fresh,
            unheard,
        }
    }

    /// Where the next read of a tenant goes on.
    pub fn links(&self, tenant: &Id) -> Option<crate::directory::DeltaLinks> {
        self.observed.directory.tenant(tenant).and_then(|known| known.links.clone())
    }

    /// Puts a mirror in place; nothing is planned from it until a read has brought it up to date.
    pub fn resume(&mut self, tenant: Id, mirror: TenantDirectory) {
        self.observed.directory.insert(tenant, mirror);
    }

    /// Takes in what a read of a tenant brought, and says how many users a full read corrected.
    pub fn hear(&mut self, tenant: &Id, news: News) -> Heard {
        let known = self.observed.directory.tenant_mut(tenant);
        let before = Vital::of(tenant, known, &self.config);
        let corrected = match &news {
            News::Everything(whole) if known.read_at.is_some() => Some(known.differences(whole)),
            News::Everything(_) => Some(0),
            News::Changes(_) => None,
        };
        let touched = known.take(news);
        let after = Vital::of(tenant, known, &self.config);
        if let Some(suspicion) = before.suspicion(&after) {
            known.suspicion = Some(suspicion);
        }
        Heard { touched, corrected }
    }

    /// Notes that a tenant could not be read: nothing of it changes until it can. If the others waited for it alone,
    /// they are planned now.
    ///
    /// # Errors
    /// As [`Core::converge`].
    pub async fn lose(&mut self, tenant: &Id, why: String, now: Timestamp) -> Result<Converged, StoreError> {
        self.observed.directory.tenant_mut(tenant).coverage = Coverage::Failed(why);
        let was_awaited = self.unheard.remove(tenant);
        if was_awaited && self.unheard.is_empty() { self.converge_all(now).await } else { Ok(Converged::default()) }
    }

    /// Plans whom a read of a tenant touched, with everybody that earlier rounds left open, and applies it.
    ///
    /// # Errors
    /// When the state cannot be read or written; whoever was touched is planned again in the next round.
    pub async fn converge(&mut self, tenant: &Id, touched: Touched, now: Timestamp) -> Result<Converged, StoreError> {
        self.unheard.remove(tenant);
        if !self.unheard.is_empty() {
            self.fresh.insert(tenant.clone());
            return Ok(Converged::default());
        }
        if touched.everybody || self.fresh.contains(tenant) {
            return self.converge_all(now).await;
        }
        let key = |user: Id| UserKey { tenant: tenant.clone(), user };
        let users: BTreeSet<UserKey> = touched.users.into_iter().map(key).collect();
        if users.is_empty() && !self.is_waiting(now) {
            return Ok(Converged::default());
        }
        let scope = Scope::Users(users.into_iter().chain(self.unsettled()).collect());
        self.round(&scope, now).await
    }

    /// Plans everybody and applies it.
    ///
    /// # Errors
    /// As [`Core::converge`].
    pub async fn converge_all(&mut self, now: Timestamp) -> Result<Converged, StoreError> {
        self.round(&Scope::All, now).await
    }

    /// Whether something that was left open can now go through without anything having changed.
    fn is_waiting(&self, now: Timestamp) -> bool {
        let refused = self.open.values().any(|open| open.refused.is_some());
        refused || self.held().any(|change| self.consent(change, now) == Consent::Given)
    }

    fn unsettled(&self) -> impl Iterator<Item = UserKey> + '_ {
        let unsettled = |open: &Open| open.blocked.is_some() || !open.held.is_empty() || open.refused.is_some();
        self.open.iter().filter(move |(_, open)| unsettled(open)).map(|(key, _)| key.clone())
    }

    async fn round(&mut self, scope: &Scope, now: Timestamp) -> Result<Converged, StoreError> {
        for attempt in 1.. {
            self.store.read(&mut self.observed.actual).await?;
            let made = think(|| plan(&self.config, &self.observed, scope));
            self.remember(&made, scope);
            match self.apply(made, now).await {
                Ok(report) => {
                    self.settle(report.as_ref());
                    self.calm();
                    let planned = match scope {
                        Scope::Users(users) => users.len(),
                        Scope::All | Scope::Tenant(_) => {
                            self.observed.directory.tenants().map(|(_, one)| one.user_count()).sum()
                        }
                    };
                    return Ok(Converged { report, planned });
                }
                Err(StoreError::Stale { .. }) if attempt < TRIES => {}
                Err(error) => {
                    self.give_back(scope);
                    return Err(error);
                }
            }
        }
        Ok(Converged::default())
    }

    async fn apply(&mut self, made: Plan, now: Timestamp) -> Result<Option<Report>, StoreError> {
        let approved = made.approve_where(|change| self.consent(change, now));
        let batch = approved.batch();
        if batch.users.is_empty() && batch.touched.is_empty() {
            return Ok(None);
        }
        let report = engine::apply(&*self.store, approved).await?;
        self.store.read(&mut self.observed.actual).await?;
        Ok(Some(report))
    }

    /// Applies a plan of everybody that was made just now, and remembers what it leaves open.
    pub async fn apply_whole(&mut self, made: Plan, consent: Consent) -> Result<Option<Report>, StoreError> {
        self.remember(&made, &Scope::All);
        let approved = made.approve(consent);
        let batch = approved.batch();
        if batch.users.is_empty() && batch.touched.is_empty() {
            return Ok(None);
        }
        let report = engine::apply(&*self.store, approved).await?;
        self.store.read(&mut self.observed.actual).await?;
        self.settle(Some(&report));
        Ok(Some(report))
    }

    fn consent(&self, change: &Change, now: Timestamp) -> Consent {
        let covered = self.approvals.iter().any(|approval| approval.covers(change, now));
        if covered { Consent::Given } else { Consent::Withheld }
    }

    /// Remembers what the plan leaves open of those it speaks of. Users of a tenant that was not planned keep theirs.
    fn remember(&mut self, made: &Plan, scope: &Scope) {
        let planned: BTreeSet<&Id> = made
            .basis
            .tenants
            .iter()
            .filter(|head| head.state == TenantState::Complete)
            .map(|head| &head.tenant)
            .collect();
        match scope {
            Scope::All | Scope::Tenant(_) => {
                self.open.retain(|key, _| !planned.contains(&key.tenant));
                self.preserved.retain(|tenant, _| !planned.contains(tenant));
            }
            Scope::Users(users) => {
                for key in users.iter().filter(|key| planned.contains(&key.tenant)) {
                    self.open.remove(key);
                    if let Some(preserved) = self.preserved.get_mut(&key.tenant) {
                        preserved.remove(&key.user);
                    }
                }
            }
        }
        if matches!(scope, Scope::All) {
            self.fresh.retain(|tenant| !planned.contains(tenant));
        }
        for blocked in &made.blocked {
            self.open.entry(blocked.user.key.clone()).or_default().blocked = Some(blocked.clone());
        }
        for held in made.changes.iter().filter(|change| change.held.is_some()) {
            self.open.entry(held.user.key.clone()).or_default().held.push(held.clone());
        }
        for preserved in &made.preserved {
            let UserKey { tenant, user } = preserved.user.key.clone();
            self.preserved.entry(tenant).or_default().insert(user);
        }
    }

    fn settle(&mut self, report: Option<&Report>) {
        let Some(report) = report else { return };
        for open in self.open.values_mut() {
            open.held.retain(|held| !report.done.contains(&held.user.key));
        }
        for Failure { user, message } in &report.failures {
            self.open.entry(user.key.clone()).or_default().refused = Some(message.clone());
        }
        self.open.retain(|_, open| open.blocked.is_some() || !open.held.is_empty() || open.refused.is_some());
    }

    /// A suspicion ends when it holds nothing back any more: who was missed is back, or a person has let them go.
    fn calm(&mut self) {
        let suspicious = self.observed.directory.tenants().filter(|(_, known)| known.suspicion.is_some());
        let suspicious: Vec<Id> = suspicious.map(|(id, _)| id.clone()).collect();
        for tenant in suspicious {
            let holds =
                |change: &Change| change.user.key.tenant == tenant && change.held == Some(Hold::SourceUnhealthy);
            if !self.held().any(holds) {
                self.observed.directory.tenant_mut(&tenant).suspicion = None;
            }
        }
    }

    /// A round that could not be written is owed: its users are planned again.
    fn give_back(&mut self, scope: &Scope) {
        match scope {
            Scope::All | Scope::Tenant(_) => {
                self.fresh.extend(self.config.tenants.iter().map(|tenant| tenant.id.clone()));
            }
            Scope::Users(users) => {
                for key in users {
                    self.open.entry(key.clone()).or_default().refused =
                        Some(String::from("the state could not be written"));
                }
            }
        }
    }

    /// What earlier rounds left open, by user.
    pub fn open(&self) -> impl Iterator<Item = (&UserKey, &Open)> {
        self.open.iter()
    }

    /// How many records of a tenant have local edits that stand.
    pub fn preserved(&self, tenant: &Id) -> u64 {
        self.preserved.get(tenant).map_or(0, |users| users.len() as u64)
    }

    /// The held changes of everybody.
    pub fn held(&self) -> impl Iterator<Item = &Change> {
        self.open.values().flat_map(|open| &open.held)
    }

    /// Puts another configuration in force; everybody is planned anew.
    pub fn configure(&mut self, config: Arc<Config>) {
        let gone: Vec<Id> = self
            .observed
            .directory
            .tenants()
            .map(|(id, _)| id.clone())
            .filter(|id| config.tenant(id).is_none())
            .collect();
        for id in gone {
            self.observed.directory.forget(&id);
            self.open.retain(|key, _| key.tenant != id);
            self.preserved.remove(&id);
        }
        self.fresh = declared(&config);
        let unread =
            |id: &Id| self.observed.directory.tenant(id).is_none_or(|known| known.coverage == Coverage::Partial);
        self.unheard = watched(&config).into_iter().filter(unread).collect();
        self.config = config;
    }
}

/// The declared tenants.
fn declared(config: &Config) -> BTreeSet<Id> {
    config.tenants.iter().map(|tenant| tenant.id.clone()).collect()
}

/// The declared tenants that are read.
fn watched(config: &Config) -> BTreeSet<Id> {
    config.tenants.iter().filter(|tenant| !tenant.suspend).map(|tenant| tenant.id.clone()).collect()
}

/// What a read brought.
pub(super) struct Heard {
    pub touched: Touched,
    /// Users whom a full read found otherwise than the changes had said; `None` when only changes were read.
    pub corrected: Option<usize>,
}
