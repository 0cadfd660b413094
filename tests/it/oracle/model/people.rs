//! Which tenants are planned (R9), which rule wins (R1), who is concerned and what changed (R7, R8).

use std::collections::BTreeSet;

use super::fields::filled;
use super::{Person, Standing};
use crate::oracle::world::{Key, Read, Rule, Seen, Tenant, User, World};

/// R9 and section 6: "`state` is complete, failed, suspended, undeclared".
pub(super) fn state(tenant: &Tenant) -> &'static str {
    match (tenant.declared, tenant.suspend, tenant.read) {
        (false, _, _) => "undeclared",
        (true, true, _) => "suspended",
        (true, false, Read::Complete) => "complete",
        (true, false, Read::Failed | Read::Partial | Read::Never) => "failed",
    }
}

pub(super) fn is_complete(world: &World, tenant: &str) -> bool {
    world.tenants.get(tenant).is_some_and(|tenant| state(tenant) == "complete")
}

/// R9: "Records of a tenant that is no longer declared are left alone and the plan says so".
pub(super) fn heads(world: &World) -> Vec<(String, &'static str)> {
    let links = world.records.iter().filter_map(|record| record.link.as_ref());
    let mut ids: BTreeSet<&String> = links.map(|link| &link.user.tenant).collect();
    ids.extend(world.tenants.iter().filter(|(_, tenant)| tenant.declared).map(|(id, _)| id));
    ids.into_iter().map(|id| (id.clone(), world.tenants.get(id).map_or("undeclared", state))).collect()
}

/// A user that exists: "soft-deleted is gone".
pub(super) fn existing<'w>(world: &'w World, key: &Key) -> Option<&'w User> {
    world.tenants.get(&key.tenant)?.users.get(&key.user).filter(|user| !user.deleted)
}

/// R4: "a directory user that no longer exists (…; a tenant that could not be read proves nothing)".
pub(super) fn is_gone(world: &World, key: &Key) -> bool {
    is_complete(world, &key.tenant) && existing(world, key).is_none()
}

/// R1: "direct unless the tenant says `nestedGroups: true`; then it is transitive through groups of any type, cycles
/// allowed". A group that does not exist grants nothing.
pub(super) fn contains(tenant: &Tenant, group: &str, user: &str) -> bool {
    let exists = |id: &str| tenant.groups.get(id).is_some_and(|group| group.exists);
    let mut reached = BTreeSet::from([group.to_owned()]);
    loop {
        let inside: Vec<String> = tenant
            .members
            .iter()
            .filter(|(group, member)| reached.contains(group) && exists(group) && !reached.contains(member))
            .map(|(_, member)| member.clone())
            .collect();
        if inside.iter().any(|member| member == user) {
            return true;
        }
        reached.extend(inside.iter().filter(|_| tenant.nested).cloned());
        if inside.is_empty() || !tenant.nested {
            return false;
        }
    }
}

/// R1: "The rule's own group must have `securityEnabled`; a rule naming another kind of group, or one that does not
/// exist, is *broken* (a suspended one is not)."
pub(super) fn is_broken(tenant: &Tenant, rule: &Rule) -> bool {
    let fine = tenant.groups.get(&rule.group).is_some_and(|group| group.exists && group.security == Some(true));
    !fine && !rule.suspend
}

/// R1: order; "on a tie the one whose group is oldest"; "a group without a creation date is the youngest"; "on a tie
/// still, the lowest group ID".
pub(super) fn precedence<'w>(world: &'w World, rule: &'w Rule) -> (u64, (bool, Option<u8>), &'w str) {
    let created = world.tenants.get(&rule.tenant).and_then(|tenant| tenant.groups.get(&rule.group)?.created);
    (rule.order, (created.is_none(), created), &rule.group)
}

/// R1: the winning rule. A broken rule matches nobody. Reading: a suspended rule is never broken, so one whose group
/// exists but is not security-enabled still wins, and leaves its users alone.
pub(super) fn winning<'w>(world: &'w World, key: &Key, user: &User) -> Option<&'w Rule> {
    let tenant = world.tenants.get(&key.tenant)?;
    // R7: "`exclude` (then guests match no rule)".
    if world.policy.exclude_guests && is_guest(user) {
        return None;
    }
    world
        .declared_rules()
        .filter(|rule| rule.tenant == key.tenant && !is_broken(tenant, rule))
        .filter(|rule| contains(tenant, &rule.group, &key.user))
        .min_by_key(|rule| precedence(world, rule))
}

/// R7: "a guest is `userType` `Guest`, or `#EXT#` where userType is absent".
pub(super) fn is_guest(user: &User) -> bool {
    match filled(&user.user_type) {
        Some(user_type) => user_type.eq_ignore_ascii_case("guest"),
        None => is_external(user),
    }
}

pub(super) fn is_external(user: &User) -> bool {
    user.upn.to_uppercase().contains("#EXT#")
}

pub(super) fn people(world: &World) -> Vec<Person<'_>> {
    let mut keys = BTreeSet::new();
    for (id, tenant) in &world.tenants {
        keys.extend(tenant.users.keys().map(|user| Key::new(id, user)).filter(|key| existing(world, key).is_some()));
    }
    keys.extend(world.records.iter().filter_map(|record| record.link.as_ref()).map(|link| link.user.clone()));
    // R9: "A tenant is planned only from a complete snapshot."
    keys.into_iter().filter(|key| is_complete(world, &key.tenant)).map(|key| person(world, key)).collect()
}

pub(super) fn person(world: &World, key: Key) -> Person<'_> {
    let user = existing(world, &key);
    let linked = world.records.iter().find(|record| record.link.as_ref().is_some_and(|link| link.user == key));
    let standing = standing(world, &key, user);
    let now = seen(world, user, &standing);
    // R8: "*Changes* means …"; "a link that was imported, of which nothing is known".
    let changed = linked.and_then(|record| record.link.as_ref()).is_some_and(|link| link.seen != now);
    Person { key, user, standing, linked, now, changed, intent: None }
}

/// Reading: a suspended winning rule comes before a disabled account, and a disabled account that no rule matches is
/// unmatched.
pub(super) fn standing<'w>(world: &'w World, key: &Key, user: Option<&User>) -> Standing<'w> {
    let Some(user) = user else { return Standing::Gone };
    match winning(world, key, user) {
        None => Standing::Unmatched,
        Some(rule) if rule.suspend => Standing::Suspended,
        Some(rule) if world.policy.deactivate_disabled && user.enabled == Some(false) => Standing::Disabled(rule),
        Some(rule) => Standing::Wanted(rule),
    }
}

/// R8: content of every attribute; "another winning group or kind; or other `email`, `employee` or `contact` values in
/// the winning rule (a new rule name or order alone is no change)". Section 9: "Unmatched, then deleted, is no further
/// change", unless the policy kept the unmatched one.
pub(super) fn seen(world: &World, user: Option<&User>, standing: &Standing) -> Seen {
    let present = |rule: &Rule, enabled| Seen::Present {
        content: Box::new(user.map(User::content).unwrap_or_default()),
        group: rule.group.clone(),
        kind: rule.kind,
        email: rule.email,
        values: rule.values.clone(),
        enabled,
    };
    match standing {
        Standing::Gone => Seen::Absent { kept: false },
        Standing::Unmatched => Seen::Absent { kept: world.policy.keep_unmatched },
        Standing::Suspended => Seen::Unknown,
        Standing::Disabled(rule) => present(rule, false),
        Standing::Wanted(rule) => present(rule, true),
    }
}
