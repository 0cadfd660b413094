//! What becomes of a wanted user's record: R4, R6, R8.

use super::fields::{Desire, account_code, email, has_login, login, same};
use super::names::loses;
use super::people::is_gone;
use super::{Code, FieldChange, Intent, Person, Standing};
use crate::oracle::world::{Kind, Record, Rule, Status, User, Values, World};

pub(super) fn intend<'w>(world: &'w World, person: &Person<'w>) -> Option<Intent<'w>> {
    let (Standing::Wanted(rule), Some(user)) = (&person.standing, person.user) else { return None };
    match person.linked {
        // R8: "one archived by hand is left alone always"; section 9: "its user wants nothing".
        Some(record) if record.status == Status::Archived => None,
        Some(record) if record.kind == rule.kind => Some(keep_in_step(world, person, user, rule, record)),
        left => Some(find_record(world, person, user, rule, left)),
    }
}

pub(super) fn keep_in_step<'w>(
    world: &'w World,
    person: &Person<'w>,
    user: &'w User,
    rule: &'w Rule,
    record: &'w Record,
) -> Intent<'w> {
    let desire = Desire { world, user, rule, base: Some(record), left: None };
    let (after, mut fields) = desire.all();
    let wakes = record.status == Status::Inactive;
    if wakes {
        fields.insert(0, status_change(record, Status::Active, "directory"));
    }
    // R8: under `preserve` "a field edited in BMS stays until the directory user changes"; under `enforce` it does not.
    if !person.changed && !world.policy.enforce {
        let drift = fields.into_iter().map(|field| (field.name, field.before, field.after)).collect();
        let after = record.fields.clone();
        let (action, fields, archives) = (None, Vec::new(), Vec::new());
        return Intent { rule, action, target: Some(record), archives, after, fields, drift, early: None };
    }
    let action = match (fields.is_empty(), wakes) {
        (true, _) => None,
        (false, true) => Some("reactivate"),
        (false, false) => Some("update"),
    };
    let (archives, ambiguous) = other_kind(world, rule, &after, Some(record), None);
    let archives = if action.is_some() { archives } else { Vec::new() };
    // Settled: early codes only where there is something to decide.
    let early = if person.changed || action.is_some() { early(&desire, &after, &fields, ambiguous) } else { None };
    Intent { rule, action, target: Some(record), archives, after, fields, drift: Vec::new(), early }
}

/// A user without a record of the wanted kind: R4, and R6 when it has one of the other kind (`left`).
pub(super) fn find_record<'w>(
    world: &'w World,
    person: &Person<'w>,
    user: &'w User,
    rule: &'w Rule,
    left: Option<&'w Record>,
) -> Intent<'w> {
    let email = email(user, rule.email).or_else(|| left.and_then(|left| left.get("email")).map(str::to_owned));
    let candidates: Vec<&Record> = world
        .records
        .iter()
        .filter(|record| record.kind == rule.kind && record.status != Status::Archived)
        .filter(|record| matches!((record.get("email"), &email), (Some(has), Some(wants)) if same(has, wants)))
        .collect();
    let (action, target) = match candidates[..] {
        // "one unowned → merge"; "one owned by a directory user that no longer exists → merge too".
        [one] if is_free(world, one) => ("merge", Some(one)),
        // "none → create (or restore, R6)"; one owned by a living user is that too, if it gives the email up.
        // "two or more → blocked `AmbiguousEmail`": nothing to merge either.
        [..] => match restorable(world, person, rule.kind) {
            Some(record) => ("restore", Some(record)),
            None => ("create", None),
        },
    };
    let desire = Desire { world, user, rule, base: target, left };
    let (after, mut fields) = desire.all();
    match target {
        None => fields.insert(0, born()),
        Some(record) if record.status != Status::Active => {
            fields.insert(0, status_change(record, Status::Active, "directory"));
        }
        Some(_) => {}
    }
    let (others, ambiguous) = other_kind(world, rule, &after, target, left);
    // R6: "The user's record of the other kind is archived when its rule now wants this kind. That is the record it is
    // linked to; and …".
    let archives = left.into_iter().chain(others).collect();
    // R3: "No email and no linked record → blocked `MissingEmail`". Reading: a linked record without an email makes one
    // of the other kind without an email.
    let early = if email.is_none() && left.is_none() {
        Some(Code::MissingEmail)
    } else {
        early(&desire, &after, &fields, ambiguous || candidates.len() > 1)
    };
    Intent { rule, action: Some(action), target, archives, after, fields, drift: Vec::new(), early }
}

/// Nobody owns it, or its owner is gone.
pub(super) fn is_free(world: &World, record: &Record) -> bool {
    record.link.as_ref().is_none_or(|link| is_gone(world, &link.user))
}

/// R6: "the user left an archived record of the wanted kind (`archivedFrom`) that has no references, that one (the
/// highest ID of several)". Reading: one that an import gave to somebody since is not the user's to restore.
pub(super) fn restorable<'w>(world: &'w World, person: &Person, kind: Kind) -> Option<&'w Record> {
    world
        .records
        .iter()
        .filter(|record| record.kind == kind && record.status == Status::Archived && !record.references)
        .filter(|record| record.link.is_none() && record.archived_from.as_ref() == Some(&person.key))
        .max_by_key(|record| record.id)
}

/// R6: "and, when both would have a login, one with its email that nobody owns or whose owner is gone (two or more →
/// `AmbiguousEmail`; owned by a living user → `EmailTaken`)", with section 9: "only when the user's own change newly
/// sets that email or login" (see `had`; `left` is the linked record of the other kind). A living owner's is left to the
/// check of names. Reading: all logins of the other kind with that email are counted, but not the one that the user
/// leaves, which goes anyway.
pub(super) fn other_kind<'w>(
    world: &'w World,
    rule: &Rule,
    after: &Values,
    target: Option<&Record>,
    left: Option<&Record>,
) -> (Vec<&'w Record>, bool) {
    let Some(email) = after.get("email").filter(|_| login(rule.kind, after)) else { return (Vec::new(), false) };
    let has = |record: &Record| has_login(record) && record.get("email").is_some_and(|has| same(has, email));
    if target.is_some_and(has) {
        return (Vec::new(), false);
    }
    let others: Vec<&Record> = world
        .records
        .iter()
        .filter(|record| record.kind != rule.kind && has(record))
        .filter(|record| left.is_none_or(|left| left.id != record.id))
        .collect();
    let ambiguous = others.len() > 1;
    (others.into_iter().filter(|record| is_free(world, record)).collect(), ambiguous)
}

/// R5 and R11, in the order of the codes, up to the names.
pub(super) fn early(desire: &Desire, after: &Values, fields: &[FieldChange], ambiguous: bool) -> Option<Code> {
    if login(desire.rule.kind, after) && !after.contains_key("username") {
        return Some(Code::MissingUsername);
    }
    if let Some(code) = account_code(desire, after, fields) {
        return Some(code);
    }
    if ambiguous {
        return Some(Code::AmbiguousEmail);
    }
    // R11: "Both names blank in directory and record".
    let nameless = !after.contains_key("firstName") && !after.contains_key("lastName");
    nameless.then_some(Code::MissingName)
}

pub(super) fn status_change(record: &Record, after: Status, from: &'static str) -> FieldChange {
    let before = Some(record.status.word().to_owned());
    FieldChange { name: "status", before, after: Some(after.word().to_owned()), from }
}

pub(super) fn born() -> FieldChange {
    FieldChange { name: "status", before: None, after: Some("active".to_owned()), from: "directory" }
}

/// A record that one user takes over without a login stops being a login, so nobody needs to archive it for its login
/// ("when both *would* have a login"). Who of two wants the login is settled by R5 and needs nothing here.
pub(super) fn withdraw_archives_of_taken_records(world: &World, people: &mut [Person]) {
    let taken: Vec<(usize, Kind, u64)> = people
        .iter()
        .enumerate()
        .filter_map(|(at, person)| Some((at, person.intent.as_ref()?)))
        .filter(|(_, intent)| intent.action == Some("merge") && intent.early.is_none())
        .filter(|(_, intent)| !login(intent.rule.kind, &intent.after))
        .filter(|(at, _)| !loses(world, people, *at).email)
        .filter_map(|(at, intent)| intent.target.map(|target| (at, target.kind, target.id)))
        .collect();
    for (at, person) in people.iter_mut().enumerate() {
        let Some(intent) = &mut person.intent else { continue };
        intent.archives.retain(|record| {
            let of_another =
                |(by, kind, id): &(usize, Kind, u64)| *by != at && (*kind, *id) == (record.kind, record.id);
            !taken.iter().any(of_another)
        });
    }
}
