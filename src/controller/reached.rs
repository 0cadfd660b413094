//! Whom news of a directory reach: users themselves, and where groups nest whoever is under a group that changed. Pure.

use std::collections::BTreeSet;

use crate::directory::{Directory, Touched};
use crate::manifest::config::Config;
use crate::model::{Id, UserKey};

/// Whom news reach: nobody else has anything to do because of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// These users.
    Users(BTreeSet<UserKey>),
    /// Everybody.
    Everybody,
}

/// Whom news of a tenant reach, given the directory as it is after them.
///
/// Of several changes on the way from a group to a user, the one next to the user reaches it: what lies between that one
/// and the user is as it was. So the way may be followed in the directory as it is now. A rule's own group decides over
/// more than its members, for a broken rule holds back what happens to others: when it comes, goes or changes, it is
/// everybody.
#[must_use]
pub fn reached(config: &Config, directory: &Directory, tenant: &Id, touched: Touched) -> Reached {
    let Touched { users, groups, moved, everybody } = touched;
    let decides = |group: &Id| config.rules_of(tenant).any(|rule| rule.group == *group);
    if everybody || groups.iter().any(decides) {
        return Reached::Everybody;
    }
    let nests = config.tenant(tenant).is_some_and(|tenant| tenant.nested_groups);
    let known = directory.tenant(tenant).filter(|_| nests && groups.len() + moved.len() > 0);
    let under = known.map(|known| known.users_under(groups.iter().chain(&moved))).unwrap_or_default();
    let key = |user: Id| UserKey { tenant: tenant.clone(), user };
    Reached::Users(users.into_iter().chain(under).map(key).collect())
}
