//! What may be applied: a plan without what the guards hold back, or with a person's consent to it.

use crate::applied::{Batch, UserChanges};
use crate::plan::{Basis, Change, Plan};

/// Whether a person consents to what the guards hold back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Held changes leave the plan.
    Withheld,
    /// Held changes are applied with the others.
    Given,
}

/// A plan that may be applied: made only by [`Plan::approve`] and [`Plan::approve_where`].
#[derive(Clone, Debug)]
pub struct Approved(Batch);

impl Approved {
    /// What is to be written.
    #[must_use]
    pub fn into_batch(self) -> Batch {
        self.0
    }

    /// What is to be written, to look at.
    #[must_use]
    pub const fn batch(&self) -> &Batch {
        &self.0
    }
}

impl Plan {
    /// Takes out what is held, unless a person consents to it.
    #[must_use]
    pub fn approve(self, consent: Consent) -> Approved {
        self.approve_where(|_| consent)
    }

    /// Takes out what is held, unless a person consents to that very change. Consent to a part of a user's changes is
    /// none: all of them happen or nothing does.
    #[must_use]
    pub fn approve_where(self, consent: impl Fn(&Change) -> Consent) -> Approved {
        let Self { basis, changes, touched, preserved: _, blocked: _, unchanged: _ } = self;
        let allowed = |change: &Change| change.held.is_none() || consent(change) == Consent::Given;
        let mut users: Vec<UserChanges> = Vec::new();
        for change in changes {
            match users.last_mut() {
                Some(UserChanges { changes }) if changes[0].user.key == change.user.key => changes.push(change),
                Some(_) | None => users.push(UserChanges { changes: vec![change] }),
            }
        }
        users.retain(|user| user.changes.iter().all(allowed));
        let Basis { config_digest, config_commit, state_revision: revision, tenants: _ } = basis;
        Approved(Batch { revision, users, touched, config_digest, config_commit })
    }
}
