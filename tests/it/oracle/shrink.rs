//! Makes a walk that fails smaller, until nothing more can be left out, and prints it. Knows no rule.

use std::fmt::Write as _;

use super::compare::{Failure, play};
use super::world::{EmailFrom, Limit, Op, Policy, User, Walk};

/// The smallest walk that fails in the same way, and how.
pub fn report(walk: &Walk, failure: Failure) -> String {
    let (walk, failure) = shrink(walk.clone(), failure);
    let mut text = format!("fails ({}) in round {}:\n{}\nof the walk\n", failure.class, failure.round, failure.text);
    let world = &walk.world;
    let _ = writeln!(text, "  {:?}", world.policy);
    for (id, tenant) in &world.tenants {
        let (declared, suspend, nested, read) = (tenant.declared, tenant.suspend, tenant.nested, tenant.read);
        let _ = writeln!(text, "  {id} declared={declared} suspend={suspend} nested={nested} read={read:?}");
        tenant.groups.iter().for_each(|(id, group)| _ = writeln!(text, "    {id} {group:?}"));
        tenant.users.iter().for_each(|(id, user)| _ = writeln!(text, "    {id} {user:?}"));
        let _ = writeln!(text, "    {:?}", tenant.members);
    }
    world.rules.iter().for_each(|rule| _ = writeln!(text, "  {rule:?}"));
    world.accounts.iter().for_each(|(id, account)| _ = writeln!(text, "  {id} {account:?}"));
    world.records.iter().for_each(|record| _ = writeln!(text, "  {record:?}"));
    for round in &walk.rounds {
        let _ = writeln!(text, "  round, consent={}", round.consent);
        round.ops.iter().for_each(|op| _ = writeln!(text, "    {op:?}"));
    }
    text
}

fn shrink(mut walk: Walk, mut failure: Failure) -> (Walk, Failure) {
    walk.rounds.truncate(failure.round + 1);
    loop {
        let class = failure.class;
        let smaller = smaller(&walk).into_iter().find_map(|smaller| {
            let failure = play(&smaller).err().filter(|failure| failure.class == class)?;
            Some((smaller, failure))
        });
        match smaller {
            Some((smaller, then)) => (walk, failure) = (smaller, then),
            None => return (walk, failure),
        }
    }
}

/// Every walk with one thing less.
fn smaller(walk: &Walk) -> Vec<Walk> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Walk)| {
        let mut less = walk.clone();
        change(&mut less);
        if format!("{less:?}").len() < format!("{walk:?}").len() {
            all.push(less);
        }
    };
    for at in 0..walk.rounds.len() {
        with(&|walk| _ = walk.rounds.remove(at));
        with(&|walk| walk.rounds[at].consent = false);
        if at + 1 < walk.rounds.len() {
            with(&|walk| {
                let ops = std::mem::take(&mut walk.rounds[at].ops);
                walk.rounds[at + 1].ops.splice(0..0, ops);
                walk.rounds.remove(at);
            });
        }
        for op in 0..walk.rounds[at].ops.len() {
            with(&|walk| _ = walk.rounds[at].ops.remove(op));
            if at == 0 {
                with(&|walk| walk.rounds[0].ops.remove(op).happen(&mut walk.world));
            }
            for blank in BLANKS {
                with(&|walk| {
                    if let Op::User(_, user) = &mut walk.rounds[at].ops[op] {
                        blank(user);
                    }
                });
            }
        }
    }
    for (id, tenant) in &walk.world.tenants {
        with(&|walk| {
            walk.world.tenants.remove(id);
            walk.world.rules.retain(|rule| rule.tenant != *id);
        });
        for member in &tenant.members {
            with(&|walk| _ = walk.world.tenants.get_mut(id).unwrap().members.remove(member));
        }
        for group in tenant.groups.keys() {
            with(&|walk| _ = walk.world.tenants.get_mut(id).unwrap().groups.remove(group));
        }
        for user in tenant.users.keys() {
            with(&|walk| _ = walk.world.tenants.get_mut(id).unwrap().users.remove(user));
            for blank in BLANKS {
                with(&|walk| blank(walk.world.tenants.get_mut(id).unwrap().users.get_mut(user).unwrap()));
            }
        }
        with(&|walk| walk.world.tenants.get_mut(id).unwrap().nested = false);
    }
    for at in 0..walk.world.rules.len() {
        with(&|walk| _ = walk.world.rules.remove(at));
        with(&|walk| walk.world.rules[at].email = EmailFrom::Auto);
        for value in walk.world.rules[at].values.keys().filter(|name| !["account", "portalAccess"].contains(*name)) {
            with(&|walk| _ = walk.world.rules[at].values.remove(value));
        }
    }
    for at in 0..walk.world.records.len() {
        with(&|walk| _ = walk.world.records.remove(at));
        with(&|walk| walk.world.records[at].link = None);
        with(&|walk| walk.world.records[at].archived_from = None);
        with(&|walk| walk.world.records[at].references = false);
        for field in walk.world.records[at].fields.keys() {
            with(&|walk| _ = walk.world.records[at].fields.remove(field));
        }
    }
    for account in walk.world.accounts.keys() {
        with(&|walk| _ = walk.world.accounts.remove(account));
    }
    with(&|walk| walk.world.policy.max_archives = Limit::None);
    with(&|walk| walk.world.policy.max_creates = Limit::None);
    with(&|walk| walk.world.policy.max_deactivations = Limit::None);
    with(&|walk| walk.world.policy = Policy::default());
    all
}

const BLANKS: [fn(&mut User); 11] = [
    |user| user.given.clear(),
    |user| user.surname.clear(),
    |user| user.mail.clear(),
    |user| user.job.clear(),
    |user| user.user_type.clear(),
    |user| user.department.clear(),
    |user| user.phones.clear(),
    |user| user.other_mails.clear(),
    |user| user.microsoft = false,
    |user| user.enabled = None,
    |user| user.deleted = false,
];
