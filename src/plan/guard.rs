//! Guards: which changes are too many for one round without a person (rules R9, R10).

use std::collections::{BTreeMap, BTreeSet};

use crate::actual::Actual;
use crate::manifest::config::{Guards, Limit};
use crate::model::Id;

use super::{Action, Hold};

/// How many changes of each guarded class a tenant's round has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub deactivations: u64,
    pub archives: u64,
    pub creates: u64,
}

impl Tally {
    pub fn count(&mut self, action: Action) {
        match action {
            Action::Deactivate => self.deactivations += 1,
            Action::Archive => self.archives += 1,
            Action::Create => self.creates += 1,
            Action::Merge | Action::Restore | Action::Update | Action::Reactivate => {}
        }
    }
}

/// Which guards are tripped, per tenant.
#[derive(Debug, Default)]
pub(super) struct Tripped {
    holds: BTreeMap<Id, BTreeSet<Hold>>,
    /// Tenants whose updates may come of what is only hidden.
    blanked: BTreeSet<Id>,
}

impl Tripped {
    /// Compares the counts with the limits, beside the tenants whose absences are not to be trusted.
    pub fn new(tallies: &BTreeMap<Id, Tally>, distrust: Self, guards: &Guards, actual: &Actual) -> Self {
        let mut tripped = distrust;
        for (tenant, tally) in tallies {
            let owned = actual.owned_active(tenant);
            let Guards { max_deactivations, max_archives, max_creates } = guards;
            let classes = [
                (tally.deactivations, max_deactivations, Hold::MaxDeactivations),
                (tally.archives, max_archives, Hold::MaxArchives),
                (tally.creates, max_creates, Hold::MaxCreates),
            ];
            for (count, limit, hold) in classes {
                if limit.is_some_and(|limit| count > allowed(limit, owned)) {
                    tripped.add(tenant, hold);
                }
            }
        }
        tripped
    }

    /// Notes a reason to hold changes of a tenant.
    pub fn add(&mut self, tenant: &Id, hold: Hold) {
        self.holds.entry(tenant.clone()).or_default().insert(hold);
    }

    /// Notes that what permissions have shrunk for covers what changes a tenant's standing records too.
    pub fn distrust_updates(&mut self, tenant: &Id) {
        self.blanked.insert(tenant.clone());
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.holds.is_empty()
    }

    /// The first reason to hold a user's changes, if there is one.
    pub fn hold(&self, tenant: &Id, actions: &(impl Iterator<Item = Action> + Clone)) -> Option<Hold> {
        let tripped = self.holds.get(tenant)?;
        let blanked = self.blanked.contains(tenant);
        let covers = |hold: Hold, action| hold.covers(action) || (blanked && hold.covers_blanked(action));
        tripped.iter().copied().find(|hold| actions.clone().any(|action| covers(*hold, action)))
    }
}

impl Hold {
    const fn covers(self, action: Action) -> bool {
        match self {
            Self::PermissionsShrank | Self::SourceUnhealthy | Self::RuleBroken => {
                matches!(action, Action::Archive | Action::Deactivate)
            }
            Self::MaxDeactivations => matches!(action, Action::Deactivate),
            Self::MaxArchives => matches!(action, Action::Archive),
            Self::MaxCreates => matches!(action, Action::Create),
        }
    }

    /// What is held besides where something became blank: what a standing record would get in its place.
    const fn covers_blanked(self, action: Action) -> bool {
        matches!((self, action), (Self::PermissionsShrank, Action::Update | Action::Reactivate))
    }
}

/// How many changes a limit allows among so many active records.
fn allowed(limit: Limit, owned: u64) -> u64 {
    const LEAST: u64 = 5;
    const MICRO: f64 = 1e6;
    match limit {
        Limit::Count(count) => count,
        Limit::Percent(percent) => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "validated to lie in 0..=100")]
            let millionths = (percent * MICRO).round() as u128;
            let share = u128::from(owned) * millionths / 100_000_000;
            u64::try_from(share).unwrap_or(u64::MAX).max(LEAST)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_down_and_at_least_five() {
        let tenth = Limit::Percent(10.0);
        assert_eq!(allowed(tenth, 0), 5);
        assert_eq!(allowed(tenth, 59), 5);
        assert_eq!(allowed(tenth, 69), 6);
        assert_eq!(allowed(Limit::Percent(0.29), 10_000), 29);
        assert_eq!(allowed(Limit::Percent(100.0), 7), 7);
        assert_eq!(allowed(Limit::Count(0), 1000), 0);
    }
}
