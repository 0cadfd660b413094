//! Worlds that once told the two implementations apart, smallest form first found under a seed; each a sentence of R4–R10
//! that is easily read otherwise.

use super::compare::play;
use super::model;
use super::world::{
    Account, EmailFrom, Group, Key, Kind, Limit, Link, Record, Round, Rule, Seen, Status, Tenant, User, Walk, World,
};

/// A healthy tenant with one group per user, `g1` for `u01` and so on, and a rule for each.
fn tenant(world: &mut World, id: &str, people: &[(User, Kind, EmailFrom, bool)]) {
    let mut tenant = Tenant { declared: true, ..Tenant::default() };
    for (number, (user, kind, email, portal)) in (1..).zip(people) {
        let (group, member) = (format!("g{number}"), format!("u{number:02}"));
        let it = Group { exists: true, security: Some(true), created: Some(1) };
        tenant.groups.insert(group.clone(), it);
        tenant.members.insert((group.clone(), member.clone()));
        tenant.users.insert(member, user.clone());
        let mut rule = Rule {
            name: format!("{id}-{number}"),
            tenant: id.to_owned(),
            group,
            order: 1,
            kind: *kind,
            email: *email,
            values: [].into(),
            suspend: false,
        };
        if *kind == Kind::Contact {
            rule.values.insert("account", "North".to_owned());
            rule.values.insert("portalAccess", portal.to_string());
        }
        if *kind == Kind::Contact && *portal {
            rule.values.insert("securityRole", "External User".to_owned());
        }
        world.rules.push(rule);
    }
    world.tenants.insert(id.to_owned(), tenant);
}

fn world() -> World {
    let mut world = World::default();
    world.accounts.insert(1, Account { name: "North".to_owned(), locations: vec!["Main".to_owned()] });
    world
}

fn user(upn: &str, surname: &str) -> User {
    User { upn: upn.to_owned(), surname: surname.to_owned(), ..User::default() }
}

fn record(world: &mut World, kind: Kind, owner: Option<Key>, fields: &[(&'static str, &str)]) {
    let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let link = owner.map(|user| Link { user, upn: None, seen: Seen::Unknown });
    let (id, status) = (world.next_id(kind), Status::Active);
    world.records.push(Record { kind, id, status, fields, link, archived_from: None, references: false });
}

/// Plays two rounds; says what the model did in the first, action or code by user.
fn outcome(world: World, consent: bool) -> Vec<String> {
    let mut settled = world.clone();
    settled.settle();
    let verdict = model::plan(&settled);
    let walk = Walk { world, rounds: vec![Round { ops: Vec::new(), consent }, Round::default()] };
    if let Err(failure) = play(&walk) {
        panic!("{} in round {}\n{}", failure.class, failure.round, failure.text);
    }
    let changes = verdict.changes.iter().map(|change| format!("{:?} {}", change.user, change.action));
    changes.chain(verdict.blocked.iter().map(|blocked| format!("{:?} {:?}", blocked.user, blocked.code))).collect()
}

/// R5: the new record of a change of kind newly sets its names, though its user had them before.
#[test]
fn r5_a_change_of_kind_does_not_carry_a_duplicate_over() {
    let mut world = world();
    tenant(&mut world, "t1", &[(user("zoe@x.io", "Fox"), Kind::Employee, EmailFrom::Auto, false)]);
    let login = [("portalAccess", "true"), ("username", "zoe")];
    record(&mut world, Kind::Contact, Some(Key::new("t1", "u01")), &login);
    record(&mut world, Kind::Contact, None, &login);
    assert_eq!(outcome(world, false), ["t1/u01 UsernameTaken"]);
}

/// R5: "Only names that a change newly sets are checked": a merge leaves a username that another record has too.
#[test]
fn r5_a_merge_keeps_a_username_that_was_there_twice() {
    let mut world = world();
    tenant(&mut world, "t1", &[(user("bob@x.io", "Fox"), Kind::Employee, EmailFrom::Auto, false)]);
    record(&mut world, Kind::Employee, None, &[("email", "bob@x.io"), ("username", "bob")]);
    record(&mut world, Kind::Employee, None, &[("username", "BOB")]);
    assert_eq!(outcome(world, false), ["t1/u01 merge"]);
}

/// R5, section 9: whether a merge leaves a name that a living owner keeps does not hang on the owner's other fields.
#[test]
fn r5_a_merge_beside_an_owner_of_the_same_email_does_not_wait_for_a_quiet_round() {
    let mut world = world();
    tenant(&mut world, "t1", &[(user("ann@x.io", "Lee"), Kind::Employee, EmailFrom::Mail, false)]);
    tenant(&mut world, "t2", &[(user("bob@x.io", "Fox"), Kind::Contact, EmailFrom::Auto, true)]);
    record(&mut world, Kind::Contact, None, &[("email", "bob@x.io"), ("portalAccess", "true")]);
    record(&mut world, Kind::Employee, Some(Key::new("t1", "u01")), &[("email", "bob@x.io")]);
    assert_eq!(outcome(world, false), ["t1/u01 update", "t2/u01 merge"]);
}

/// R5: "one that wants a name which stays taken is blocked, not held": the other half of a swap is blocked by the holding,
/// so the held half finds its name taken too, and a person's consent could not change that.
#[test]
fn r5_a_held_change_is_blocked_when_the_name_it_wants_stays_with_one_that_the_holding_blocked() {
    for consent in [false, true] {
        let mut world = world();
        world.policy.max_archives = Limit::Count(0);
        tenant(&mut world, "t1", &[(user("zoe@x.io", "Fox"), Kind::Contact, EmailFrom::Auto, true)]);
        tenant(&mut world, "t2", &[(user("cy@x.io", "Lee"), Kind::Employee, EmailFrom::Auto, false)]);
        record(&mut world, Kind::Employee, None, &[("email", "zoe@x.io"), ("username", "cy")]);
        record(&mut world, Kind::Employee, None, &[("email", "cy@x.io"), ("username", "zoe")]);
        assert_eq!(outcome(world, consent), ["t1/u01 UsernameTaken", "t2/u01 UsernameTaken"]);
    }
}

/// R6: "when both *would* have a login": a contact that another user merges without portal access is no login to archive.
#[test]
fn r6_a_record_that_another_user_merges_without_a_login_is_not_archived() {
    let mut world = world();
    tenant(&mut world, "t1", &[(user("bob@x.io", "Fox"), Kind::Employee, EmailFrom::Auto, false)]);
    tenant(&mut world, "t2", &[(user("bob@x.io", "Lee"), Kind::Contact, EmailFrom::Auto, false)]);
    record(&mut world, Kind::Contact, None, &[("email", "bob@x.io"), ("portalAccess", "true")]);
    assert_eq!(outcome(world, false), ["t1/u01 create", "t2/u01 merge"]);
}

/// R6: but it is when that other user is blocked: the record stays a login that nobody owns.
#[test]
fn r6_a_record_that_a_blocked_user_would_merge_is_archived() {
    let mut world = world();
    tenant(&mut world, "t1", &[(user("bob@x.io", "Fox"), Kind::Employee, EmailFrom::Auto, false)]);
    tenant(&mut world, "t2", &[(user("bob@x.io", ""), Kind::Contact, EmailFrom::Auto, false)]);
    record(&mut world, Kind::Contact, None, &[("email", "bob@x.io"), ("portalAccess", "true")]);
    assert_eq!(outcome(world, false), ["t1/u01 archive", "t1/u01 create", "t2/u01 MissingName"]);
}
