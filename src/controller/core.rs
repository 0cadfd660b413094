//! What a running bmsync knows, and how a look at it converges: plan whom it touched, apply, remember what is left.
//!
//! One at a time: the core stands behind a lock, and nothing in here waits for a network.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;
use tracing::Instrument as _;

use super::approval::Approval;
use super::gate::Gate;
use super::health::Vital;
use super::open::Open;
use super::reached::{Reached, reached};
use super::think;
use crate::approved::{Approved, Consent};
use crate::directory::{Coverage, News, Permissions, Sight, TenantDirectory, Told, Touched, User};
use crate::engine::{self, Report};
use crate::manifest::config::Config;
use crate::model::{Id, Text};
use crate::plan::{Change, Hold, Observed, Plan, Scope, TenantState, plan};
use crate::spans::TARGET;
use crate::store::{Store, StoreError};

/// How often a round is made again when somebody else wrote in between.
const TRIES: u32 = 3;

/// Everything that rounds work on.
pub(super) struct Core {
    pub config: Arc<Config>,
    /// The commit that the configuration is of, where it is known.
    pub commit: Option<Text>,
    pub observed: Observed,
    pub approvals: Vec<Approval>,
    store: Arc<dyn Store>,
    /// Told whenever something was written.
    pub written: Arc<Notify>,
    gate: Gate,
    /// What earlier rounds left open.
    pub open: Open,
    /// Tenants of which everybody is to be planned as soon as they are complete.
    fresh: BTreeSet<Id>,
    /// Tenants that have neither been read nor failed yet. Nothing is planned before they have: who is read first must
    /// not decide who gets a name (rule R12).
    unheard: BTreeSet<Id>,
}

/// What a look came to.
#[derive(Debug, Default)]
pub(super) struct Converged {
    pub report: Option<Report>,
    /// Users that were planned.
    pub planned: usize,
}

impl Core {
    pub fn new(config: Arc<Config>, commit: Option<Text>, store: Arc<dyn Store>, gate: Gate) -> Self {
        let (fresh, unheard) = (declared(&config), watched(&config));
        Self {
            config,
            commit,
            observed: Observed::default(),
            approvals: Vec::new(),
            store,
            written: Arc::default(),
            gate,
            open: Open::default(),
            fresh,
            unheard,
        }
    }

    /// Where the next read of a tenant goes on.
    pub fn links(&self, tenant: &Id) -> Option<crate::directory::DeltaLinks> {
        self.observed.directory.tenant(tenant).and_then(|known| known.links.clone())
    }

    /// What reads of a tenant may see.
    pub fn sight(&self, tenant: &Id) -> Sight {
        self.observed.directory.tenant(tenant).map(|known| known.sight.clone()).unwrap_or_default()
    }

    /// Puts a mirror in place; nothing is planned from it until a read has brought it up to date.
    pub fn resume(&mut self, tenant: Id, mirror: TenantDirectory) {
        self.observed.directory.insert(tenant, mirror);
    }

    /// Takes in what a read of a tenant brought, and says how many users a full read corrected.
    /// With fewer permissions than before, it notes what became blank.
    pub fn hear(&mut self, tenant: &Id, news: News, permissions: Option<Permissions>) -> Heard {
        let known = self.observed.directory.tenant_mut(tenant);
        see(known, &news, permissions);
        let watched = watched_for_blanks(known, &news);
        let before = Vital::of(tenant, known, &self.config);
        let corrected = match &news {
            News::Everything(whole) if known.read_at.is_some() => Some(known.differences(whole)),
            News::Everything(_) => Some(0),
            News::Changes(_) => None,
        };
        let touched = known.take(news);
        known.sight.note_blanks(watched.into_iter().filter(|(id, before)| is_blanked(known, id, before)).count());
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
        let users = match reached(&self.config, &self.observed.directory, tenant, touched) {
            Reached::Users(users) if !self.fresh.contains(tenant) => users,
            Reached::Users(_) | Reached::Everybody => return self.converge_all(now).await,
        };
        if users.is_empty() && !self.is_waiting(now) {
            return Ok(Converged::default());
        }
        let scope = Scope::Users(users.into_iter().chain(self.open.users().cloned()).collect());
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
        let approved = || self.open.held().any(|change| self.consent(change, now) == Consent::Given);
        self.open.has_refused() || (self.approvals.iter().any(|approval| approval.until > now) && approved())
    }

    async fn round(&mut self, scope: &Scope, now: Timestamp) -> Result<Converged, StoreError> {
        for attempt in 1.. {
            self.catch_up().await?;
            let made = think(|| self.plan(scope));
            self.remember(&made, scope);
            match self.apply(made, now).await {
                Ok(report) => {
                    if let Some(report) = &report {
                        self.open.settle(report);
                    }
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

    /// What the configuration in force makes of what is known.
    pub fn plan(&self, scope: &Scope) -> Plan {
        let span = tracing::info_span!(target: TARGET, "plan", changes = tracing::field::Empty);
        let made = span.in_scope(|| plan(&self.config, &self.observed, scope));
        span.record("changes", made.changes.len());
        made.of_commit(self.commit.clone())
    }

    /// Reads what the store has that is new. It is shared with the store, so this copies nothing.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        self.store.read(&mut self.observed.actual).await
    }

    async fn apply(&mut self, made: Plan, now: Timestamp) -> Result<Option<Report>, StoreError> {
        let approved = made.approve_where(|change| self.consent(change, now));
        let batch = approved.batch();
        if batch.users.is_empty() && batch.touched.is_empty() {
            return Ok(None);
        }
        self.write(approved).await
    }

    /// Writes, and reads what came of it; nothing once bmsync stops.
    async fn write(&mut self, approved: Approved) -> Result<Option<Report>, StoreError> {
        let Some(_writing) = self.gate.enter().await else { return Ok(None) };
        let span = tracing::info_span!(target: TARGET, "apply", users = approved.batch().users.len());
        let report = engine::apply(&*self.store, approved).instrument(span).await?;
        self.written.notify_one();
        self.catch_up().await?;
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
        match self.write(approved).await {
            Ok(report) => {
                if let Some(report) = &report {
                    self.open.settle(report);
                }
                Ok(report)
            }
            Err(error) => {
                self.give_back(&Scope::All);
                Err(error)
            }
        }
    }

    /// Remembers what the plan leaves open; who was planned with everybody else is owed nothing more.
    fn remember(&mut self, made: &Plan, scope: &Scope) {
        self.open.remember(made, scope);
        if matches!(scope, Scope::All) {
            let complete = made.basis.tenants.iter().filter(|head| head.state == TenantState::Complete);
            complete.for_each(|head| {
                self.fresh.remove(&head.tenant);
            });
        }
    }

    fn consent(&self, change: &Change, now: Timestamp) -> Consent {
        let covered = self.approvals.iter().any(|approval| approval.covers(change, now));
        if covered { Consent::Given } else { Consent::Withheld }
    }

    /// A suspicion ends when it holds nothing back any more: who was missed is back, or a person has let them go. That
    /// is known once everybody was planned. Where permissions are missing, everything was read without them by then.
    fn calm(&mut self) {
        let doubted = |known: &TenantDirectory| known.suspicion.is_some() || !known.sight.missing().is_empty();
        let planned = |id: &Id| !self.fresh.contains(id);
        let doubtful = self.observed.directory.tenants().filter(|(id, known)| doubted(known) && planned(id));
        let doubtful: Vec<Id> = doubtful.map(|(id, _)| id.clone()).collect();
        for tenant in doubtful {
            let holds =
                |hold| self.open.held().any(|change| change.user.key.tenant == tenant && change.held == Some(hold));
            let (suspected, unseen) = (holds(Hold::SourceUnhealthy), holds(Hold::PermissionsShrank));
            let known = self.observed.directory.tenant_mut(&tenant);
            if !suspected && !unseen {
                known.suspicion = None;
            }
            if !unseen {
                known.sight.believe();
            }
        }
    }

    /// A round that could not be written is owed: its users are planned again.
    fn give_back(&mut self, scope: &Scope) {
        match scope {
            Scope::All | Scope::Tenant(_) => {
                self.fresh.extend(self.config.tenants.iter().map(|tenant| tenant.id.clone()));
            }
            Scope::Users(users) => self.open.owe(users),
        }
    }

    /// Puts another configuration in force; everybody is planned anew. The same one of another commit plans nobody.
    pub fn configure(&mut self, config: Arc<Config>, commit: Option<Text>) {
        self.commit = commit;
        if Arc::ptr_eq(&self.config, &config) {
            return;
        }
        let gone: Vec<Id> = self
            .observed
            .directory
            .tenants()
            .map(|(id, _)| id.clone())
            .filter(|id| config.tenant(id).is_none())
            .collect();
        for id in gone {
            self.observed.directory.forget(&id);
            self.open.forget(&id);
        }
        self.fresh = declared(&config);
        let unread =
            |id: &Id| self.observed.directory.tenant(id).is_none_or(|known| known.coverage == Coverage::Partial);
        self.unheard = watched(&config).into_iter().filter(unread).collect();
        self.config = config;
    }
}

/// Notes with which permissions the news were read.
fn see(known: &mut TenantDirectory, news: &News, permissions: Option<Permissions>) {
    let Some(permissions) = permissions else { return };
    match news {
        News::Everything(_) => known.sight.read_everything(permissions),
        News::Changes(_) => known.sight.read_changes(permissions),
    }
}

/// While permissions are missing, the users of whom the news may bring less than is known, as they are known.
fn watched_for_blanks(known: &TenantDirectory, news: &News) -> Vec<(Id, User)> {
    if known.sight.missing().is_empty() {
        return Vec::new();
    }
    match news {
        News::Everything(_) => known.users().map(|(id, user)| (id.clone(), user.clone())).collect(),
        News::Changes(changes) => {
            let told = changes.told.iter().filter_map(|told| match told {
                Told::User(id, _) => Some(id),
                Told::UserGone(..) | Told::Group(..) | Told::GroupGone(_) | Told::Joined { .. } | Told::Left { .. } => {
                    None
                }
            });
            told.filter_map(|id| Some((id.clone(), known.user(id)?.clone()))).collect()
        }
    }
}

fn is_blanked(known: &TenantDirectory, id: &Id, before: &User) -> bool {
    known.user(id).is_some_and(|now| before.lost(now))
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
