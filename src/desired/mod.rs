//! What the directory and the configuration want of each user: which rule wins, and which values that gives.
//!
//! Knows nothing of what BMS holds. Nothing is computed ahead per user, so that asking for a few costs for a few.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::directory::{Directory, TenantDirectory, User};
use crate::manifest::config::{Config, DisabledAccounts, Guests, Rule, Unmatched};
use crate::model::{Digest, Id, Seen, UserKey};

pub mod reach;
pub mod source;

use reach::{Ranked, Reach};

/// Combines configuration and directory.
#[must_use]
pub fn project<'a>(config: &'a Config, directory: &'a Directory) -> Desired<'a> {
    let planned = config.tenants.iter().filter(|tenant| !tenant.suspend);
    let tenants = planned.filter_map(|tenant| {
        let known = directory.complete(&tenant.id)?;
        Some((&tenant.id, Planned { known, reach: Reach::new(config, tenant, known) }))
    });
    Desired { config, tenants: tenants.collect() }
}

/// What is wanted of every user of every tenant that can be planned.
#[derive(Debug)]
pub struct Desired<'a> {
    config: &'a Config,
    tenants: BTreeMap<&'a Id, Planned<'a>>,
}

/// A tenant that is declared, not suspended and completely read (rule R9).
#[derive(Debug)]
pub struct Planned<'a> {
    /// Its directory.
    pub known: &'a TenantDirectory,
    /// Which groups lead to which rules.
    pub reach: Reach<'a>,
}

/// What is wanted of one user.
#[derive(Clone, Debug)]
pub enum Want<'a> {
    /// Its tenant is not planned: nothing is known, nothing is done.
    Unplanned,
    /// It does not exist in the directory.
    Gone,
    /// It exists and no rule matches it.
    Unmatched(&'a User),
    /// Its winning rule is suspended: it is left alone.
    Suspended(&'a User, &'a Rule),
    /// It is to be this.
    Person(Person<'a>),
}

/// A user with its winning rule.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The directory user.
    pub user: &'a User,
    /// The winning rule, and where it stands.
    pub ranked: &'a Ranked<'a>,
    /// False when the account is disabled and the policy deactivates for that.
    pub enabled: bool,
    /// Stands for every attribute that bmsync reads.
    pub content: Digest,
}

impl<'a> Person<'a> {
    /// The winning rule.
    #[must_use]
    pub const fn rule(&self) -> &'a Rule {
        self.ranked.rule
    }

    /// What a link remembers of this person.
    #[must_use]
    pub const fn seen(&self) -> Seen {
        Seen::Present { content: self.content, rule: self.ranked.digest, enabled: self.enabled }
    }
}

/// Decides between rules of one user, and between users that want the same name: the lower wins (rules R1, R5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Precedence<'a> {
    /// The rule's order.
    pub order: u64,
    /// The age of the rule's group.
    pub age: Age,
    /// The rule's group.
    pub group: &'a Id,
}

/// Age of a group: the oldest first, one without a creation date last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// Created then.
    Since(Timestamp),
    /// Nobody knows.
    Unknown,
}

impl<'a> Desired<'a> {
    /// The configuration it was made from.
    #[must_use]
    pub const fn config(&self) -> &'a Config {
        self.config
    }

    /// The tenant, if it can be planned.
    #[must_use]
    pub fn tenant(&self, id: &Id) -> Option<&Planned<'a>> {
        self.tenants.get(id)
    }

    /// The tenants that can be planned, by ID.
    pub fn tenants(&'a self) -> impl Iterator<Item = (&'a Id, &'a Planned<'a>)> {
        self.tenants.iter().map(|(id, planned)| (*id, planned))
    }

    /// Whether the user is known not to exist: a tenant that could not be read proves nothing.
    #[must_use]
    pub fn is_gone(&self, user: &UserKey) -> bool {
        self.tenant(&user.tenant).is_some_and(|tenant| tenant.known.user(&user.user).is_none())
    }

    /// What is wanted of a user.
    #[must_use]
    pub fn of(&'a self, user: &UserKey) -> Want<'a> {
        match self.tenant(&user.tenant) {
            None => Want::Unplanned,
            Some(tenant) => match tenant.known.user(&user.user) {
                None => Want::Gone,
                Some(known) => self.of_known(tenant, known, tenant.known.groups_of(&user.user)),
            },
        }
    }

    /// What is wanted of a user that exists and is a direct member of the groups of these numbers.
    #[must_use]
    pub fn of_known(&self, tenant: &'a Planned<'a>, user: &'a User, groups: &[u32]) -> Want<'a> {
        if self.config.policy.guests == Guests::Exclude && user.is_guest() {
            return Want::Unmatched(user);
        }
        match tenant.reach.winner(groups) {
            None => Want::Unmatched(user),
            Some(ranked) if ranked.rule.suspend => Want::Suspended(user, ranked.rule),
            Some(ranked) => Want::Person(self.person(user, ranked)),
        }
    }

    fn person(&self, user: &'a User, ranked: &'a Ranked<'a>) -> Person<'a> {
        Person { user, ranked, enabled: self.enabled(user), content: user.content() }
    }

    fn enabled(&self, user: &User) -> bool {
        match self.config.policy.disabled_accounts {
            DisabledAccounts::Ignore => true,
            DisabledAccounts::Deactivate => user.account_enabled != Some(false),
        }
    }

    /// What a link remembers once this was applied; `None` where nothing is decided.
    #[must_use]
    pub fn seen(&self, want: &Want<'_>) -> Option<Seen> {
        match want {
            Want::Unplanned | Want::Suspended(..) => None,
            Want::Gone => Some(Seen::Absent { kept: false }),
            Want::Unmatched(_) => Some(Seen::Absent { kept: self.config.policy.unmatched == Unmatched::Keep }),
            Want::Person(person) => Some(person.seen()),
        }
    }
}
