//! What a running bmsync knows, and how a look at it converges: plan whom it touched, apply, remember what is left.
//!
//! The core stands behind a lock, and nothing in here waits for a network. Rounds are made one at a time; while one is
//! written, the core is free (`round.rs`).

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::approval::Approval;
use super::health::Vital;
use super::open::Open;
use super::reached::{Reached, reached};
use super::think;
use crate::approved::{Approved, Consent};
use crate::directory::{Coverage, News, Permissions, Sight, TenantDirectory, Told, Touched, User};
use crate::engine::Report;
use crate::manifest::config::Config;
use crate::model::{Id, Text, UserKey};
use crate::plan::{Change, Hold, Observed, Plan, Scope, TenantState, plan};
use crate::spans::TARGET;
use crate::store::{Store, StoreError};

/// Everything that rounds work on.
pub(super) struct Core {
    pub config: Arc<Config>,
    /// The commit that the configuration is of, where it is known.
    pub commit: Option<Text>,
    pub observed: Observed,
    pub approvals: Vec<Approval>,
    store: Arc<dyn Store>,
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
    pub fn new(config: Arc<Config>, commit: Option<Text>, store: Arc<dyn Store>) -> Self {
        let (fresh, unheard) = (declared(&config), watched(&config));
        Self {
            config,
            commit,
            observed: Observed::default(),
            approvals: Vec::new(),
            store,
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
    /// they are to be planned now.
    pub fn lose(&mut self, tenant: &Id, why: String) -> Option<Scope> {
        self.observed.directory.tenant_mut(tenant).coverage = Coverage::Failed(why);
        let was_awaited = self.unheard.remove(tenant);
        (was_awaited && self.unheard.is_empty()).then_some(Scope::All)
    }

    /// Who is to be planned after a read of a tenant: whom it touched, with everybody that earlier rounds left open.
    pub fn reach(&mut self, tenant: &Id, touched: Touched, now: Timestamp) -> Option<Scope> {
        self.unheard.remove(tenant);
        if !self.unheard.is_empty() {
            self.fresh.insert(tenant.clone());
            return None;
        }
        let users = match reached(&self.config, &self.observed.directory, tenant, touched) {
            Reached::Users(users) if !self.fresh.contains(tenant) => users,
            Reached::Users(_) | Reached::Everybody => return Some(Scope::All),
        };
        if users.is_empty() && !self.is_waiting(now) {
            return None;
        }
        Some(self.with_open(users))
    }

    /// Who is to be planned after BMS itself has changed: the owners of what changed, with everybody that earlier rounds
    /// left open.
    pub fn reach_owners(&self, owners: BTreeSet<UserKey>, now: Timestamp) -> Option<Scope> {
        if !self.unheard.is_empty() {
            return None;
        }
        // Those that were read, but could not be planned before BMS was read.
        let is_complete = |tenant: &Id| {
            self.observed.directory.tenant(tenant).is_some_and(|known| known.coverage == Coverage::Complete)
        };
        if self.fresh.iter().any(is_complete) {
            return Some(Scope::All);
        }
        (!owners.is_empty() || self.is_waiting(now)).then(|| self.with_open(owners))
    }

    fn with_open(&self, users: BTreeSet<UserKey>) -> Scope {
        Scope::Users(users.into_iter().chain(self.open.users().cloned()).collect())
    }

    /// Whether something that was left open can now go through without anything having changed.
    fn is_waiting(&self, now: Timestamp) -> bool {
        let approved = || self.open.held().any(|change| self.consent(change, now) == Consent::Given);
        self.open.has_due(now) || (self.approvals.iter().any(|approval| approval.until > now) && approved())
    }

    /// Plans, and remembers what the plan leaves open. Gives what may be written; nothing when there is none.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn prepare(&mut self, scope: &Scope, now: Timestamp) -> Result<Option<Approved>, StoreError> {
        self.catch_up().await?;
        let made = think(|| self.plan(scope));
        self.remember(&made, scope);
        let approved = made.approve_where(|change| self.consent(change, now));
        Ok(Some(approved).filter(is_something))
    }

    /// Takes in what came of a round.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn settle(&mut self, report: Option<&Report>, scope: &Scope) -> Result<usize, StoreError> {
        if let Some(report) = report {
            self.catch_up().await?;
            self.open.settle(report);
        }
        self.calm();
        Ok(match scope {
            Scope::Users(users) => users.len(),
            Scope::All | Scope::Tenant(_) => self.observed.directory.tenants().map(|(_, one)| one.user_count()).sum(),
        })
    }

    /// What the configuration in force makes of what is known.
    pub fn plan(&self, scope: &Scope) -> Plan {
        let span = tracing::info_span!(target: TARGET, "plan", changes = tracing::field::Empty);
        let made = span.in_scope(|| plan(&self.config, &self.observed, scope));
        span.record("changes", made.changes.len());
        made.of_commit(self.commit.clone())
    }

    /// Reads what the store has that is new. It is shared with the store, so this copies nothing.
    pub async fn catch_up(&mut self) -> Result<(), StoreError> {
        self.observed.means = self.store.means();
        self.store.read(&mut self.observed.actual).await
    }

    /// What may be written of a plan of everybody that was made just now; what it leaves open is remembered.
    pub fn take(&mut self, made: Plan, consent: Consent) -> Option<Approved> {
        self.remember(&made, &Scope::All);
        Some(made.approve(consent)).filter(is_something)
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
    pub fn give_back(&mut self, scope: &Scope) {
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

/// Whether there is anything to write.
fn is_something(approved: &Approved) -> bool {
    let batch = approved.batch();
    !(batch.users.is_empty() && batch.touched.is_empty())
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
