//! Approvals: which held changes a person has let through, exactly those, and for how long.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Digest, Id};
use crate::plan::{Change, FieldChange, UserRef};

/// How long an approval holds.
pub const LIFETIME: Duration = Duration::from_hours(1);

/// Lets exactly the changes through that it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The tenant whose changes these are.
    pub tenant: Id,
    /// Until when it holds.
    pub until: Timestamp,
    changes: HashSet<Digest>,
}

impl Approval {
    /// An approval of these changes from now on.
    #[must_use]
    pub fn new(tenant: Id, changes: &[Change], now: Timestamp) -> Self {
        let until = now.checked_add(LIFETIME).unwrap_or(now);
        Self { tenant, until, changes: changes.iter().map(fingerprint).collect() }
    }

    /// Whether it lets this change through.
    #[must_use]
    pub fn covers(&self, change: &Change, now: Timestamp) -> bool {
        now < self.until && change.user.key.tenant == self.tenant && self.changes.contains(&fingerprint(change))
    }
}

/// Names exactly these changes, in whatever order they come.
#[must_use]
pub fn digest(changes: &[Change]) -> String {
    let mut all: Vec<Digest> = changes.iter().map(fingerprint).collect();
    all.sort_unstable();
    format!("sha256:{}", Digest::of(all.iter().map(|one| &one.0[..])))
}

/// Stands for what a change does to which record because of whom; not for the wording of its reason.
pub(super) fn fingerprint(change: &Change) -> Digest {
    let Change { action, kind, id, user, rule, reason: _, held: _, fields, link: _, hand: _ } = change;
    let UserRef { key, user_principal_name: _ } = user;
    let id = id.unwrap_or_default().to_le_bytes();
    let user = key.to_string();
    let rule = rule.as_deref().unwrap_or_default();
    let head = [action.word().as_bytes(), kind.word().as_bytes(), &id, user.as_bytes(), rule.as_bytes()];
    let values = fields.iter().flat_map(|FieldChange { slot, before, after, from }| {
        [slot.word(), before.unwrap_or_default(), after.unwrap_or_default(), from.word()].map(str::as_bytes)
    });
    Digest::of(head.into_iter().chain(values))
}
