//! What rounds leave open: users that are blocked, whose changes are held, or whose changes the store refused. They are
//! planned again in every round until they are settled.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::engine::{Failure, Report, Waiting};
use crate::model::{Id, UserKey};
use crate::plan::{Blocked, Change, Plan, Scope, TenantState, ToDo};

/// What is open of everybody.
#[derive(Debug, Default)]
pub(super) struct Open {
    users: BTreeMap<UserKey, Case>,
    /// Users whose changes the store refused: counted when that changes, so that quiet rounds do not look for them.
    refused: usize,
    /// When the first of those that wait for room in the store has its turn.
    first_turn: Option<Timestamp>,
    /// Whose local edits stand, by tenant: only counted, so that quiet rounds do not pay for drift.
    preserved: BTreeMap<Id, BTreeSet<Id>>,
}

/// What is open of a user.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    pub blocked: Option<Blocked>,
    pub held: Vec<Change>,
    /// Why the store refused its changes.
    pub refused: Option<String>,
    /// Until when the store has no room for its changes, as far as is known.
    pub waits_until: Option<Timestamp>,
    /// What of its changes is left to a person.
    pub by_hand: Vec<ToDo>,
}

impl Case {
    fn is_open(&self) -> bool {
        let Self { blocked, held, refused, waits_until, by_hand } = self;
        blocked.is_some() || !held.is_empty() || refused.is_some() || waits_until.is_some() || !by_hand.is_empty()
    }
}

impl Open {
    /// Everybody of whom something is open.
    pub fn users(&self) -> impl Iterator<Item = &UserKey> {
        self.users.keys()
    }

    /// What is open of a tenant's users.
    pub fn of(&self, tenant: &Id) -> impl Iterator<Item = &Case> {
        self.users.iter().filter(move |(key, _)| key.tenant == *tenant).map(|(_, case)| case)
    }

    /// The held changes of everybody.
    pub fn held(&self) -> impl Iterator<Item = &Change> {
        self.users.values().flat_map(|case| &case.held)
    }

    /// Whether the store refused anything, or has room by now for what waited.
    pub fn has_due(&self, now: Timestamp) -> bool {
        self.refused > 0 || self.first_turn.is_some_and(|first| first <= now)
    }

    /// How many users' changes wait for room in the store, with when the first and the last have their turn.
    pub fn waiting(&self) -> (usize, Option<Timestamp>, Option<Timestamp>) {
        let waits = || self.users.values().filter_map(|case| case.waits_until);
        (waits().count(), self.first_turn, waits().max())
    }

    /// What of everybody's changes is left to a person.
    pub fn by_hand(&self) -> impl Iterator<Item = &ToDo> {
        self.users.values().flat_map(|case| &case.by_hand)
    }

    fn recount(&mut self) {
        self.refused = self.users.values().filter(|case| case.refused.is_some()).count();
        self.first_turn = self.users.values().filter_map(|case| case.waits_until).min();
    }

    /// How many records of a tenant have local edits that stand.
    pub fn preserved(&self, tenant: &Id) -> u64 {
        self.preserved.get(tenant).map_or(0, |users| users.len() as u64)
    }

    /// Remembers what the plan leaves open of those it speaks of. Users of a tenant that was not planned keep theirs.
    pub fn remember(&mut self, made: &Plan, scope: &Scope) {
        self.clear(made, scope);
        for blocked in &made.blocked {
            self.case(&blocked.user.key).blocked = Some(blocked.clone());
        }
        for held in made.changes.iter().filter(|change| change.held.is_some()) {
            self.case(&held.user.key).held.push(held.clone());
        }
        for to_do in made.changes.iter().filter_map(ToDo::of) {
            self.case(&to_do.user.clone()).by_hand.push(to_do);
        }
        for preserved in &made.preserved {
            let UserKey { tenant, user } = preserved.user.key.clone();
            self.preserved.entry(tenant).or_default().insert(user);
        }
        self.recount();
    }

    /// Forgets what the plan says anew.
    fn clear(&mut self, made: &Plan, scope: &Scope) {
        let complete = made.basis.tenants.iter().filter(|head| head.state == TenantState::Complete);
        let planned: BTreeSet<&Id> = complete.map(|head| &head.tenant).collect();
        match scope {
            Scope::All | Scope::Tenant(_) => {
                self.users.retain(|key, _| !planned.contains(&key.tenant));
                self.preserved.retain(|tenant, _| !planned.contains(tenant));
            }
            Scope::Users(users) => {
                for key in users.iter().filter(|key| planned.contains(&key.tenant)) {
                    self.users.remove(key);
                    if let Some(preserved) = self.preserved.get_mut(&key.tenant) {
                        preserved.remove(&key.user);
                    }
                }
            }
        }
    }

    /// Takes in what became of what was written.
    pub fn settle(&mut self, report: &Report) {
        for case in self.users.values_mut() {
            case.held.retain(|held| !report.done.contains(&held.user.key));
        }
        for Failure { user, message } in &report.failures {
            self.case(&user.key).refused = Some(message.clone());
        }
        for Waiting { user, until, what: _ } in &report.waiting {
            self.case(&user.key).waits_until = Some(*until);
        }
        self.users.retain(|_, case| case.is_open());
        self.recount();
    }

    /// The changes of these users could not be written at all.
    pub fn owe(&mut self, users: &BTreeSet<UserKey>) {
        for key in users {
            self.case(key).refused = Some(String::from("the state could not be written"));
        }
        self.recount();
    }

    /// Forgets a tenant.
    pub fn forget(&mut self, tenant: &Id) {
        self.users.retain(|key, _| key.tenant != *tenant);
        self.preserved.remove(tenant);
        self.recount();
    }

    fn case(&mut self, user: &UserKey) -> &mut Case {
        self.users.entry(user.clone()).or_default()
    }
}
