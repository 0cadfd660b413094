//! Names, who owns and who gets them: R5.

use super::fields::{folded, login};
use super::people::precedence;
use super::{Code, Intent, Person};
use crate::oracle::world::{Kind, Record, Status, Values, World};

pub(super) type Name = (Namespace, String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Namespace {
    LoginUsername,
    LoginEmail,
    Email(Kind),
}

/// The names that a record of that kind with those fields has: "Ownership is per namespace (login username, login email,
/// email per kind)".
pub(super) fn names(kind: Kind, fields: &Values) -> Vec<Name> {
    let username = fields.get("username").map(|name| folded(name));
    let email = fields.get("email").map(|name| folded(name));
    let mut names = Vec::new();
    if login(kind, fields) {
        names.extend(username.map(|name| (Namespace::LoginUsername, name)));
        names.extend(email.clone().map(|name| (Namespace::LoginEmail, name)));
    }
    names.extend(email.map(|name| (Namespace::Email(kind), name)));
    names
}

/// The names that a record holds: "all non-archived records".
pub(super) fn holds(record: &Record) -> Vec<Name> {
    if record.status == Status::Archived { Vec::new() } else { names(record.kind, &record.fields) }
}

/// What a user wants: the names that its record will have. "Users that want nothing (gone, unmatched, suspended) keep
/// what their records have."
pub(super) fn wants(person: &Person) -> Vec<Name> {
    person.intent.as_ref().map(|intent| names(intent.rule.kind, &intent.after)).unwrap_or_default()
}

pub(super) fn owns(person: &Person, name: &Name) -> bool {
    person.linked.is_some_and(|record| holds(record).contains(name))
}

pub(super) fn same_record(a: Option<&Record>, b: Option<&Record>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if (a.kind, a.id) == (b.kind, b.id))
}

/// The names that a change does not newly set. Reading: those that the record which is written has already, so the new
/// record of a change of kind newly sets all of its names, and a merge only those that it changes.
pub(super) fn had(intent: &Intent) -> Vec<Name> {
    intent.target.map(holds).unwrap_or_default()
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    pub(super) email: bool,
    pub(super) username: bool,
}

impl Taken {
    pub(super) fn add(&mut self, (namespace, _): &Name) {
        match namespace {
            Namespace::LoginUsername => self.username = true,
            Namespace::LoginEmail | Namespace::Email(_) => self.email = true,
        }
    }

    pub(super) fn code(self) -> Option<Code> {
        match (self.email, self.username) {
            (true, _) => Some(Code::EmailTaken),
            (false, true) => Some(Code::UsernameTaken),
            (false, false) => None,
        }
    }
}

/// The names that a user would have with a record that it does not own yet, or newly with the one that it owns.
fn claims(person: &Person) -> Vec<Name> {
    let keeps = person
        .linked
        .filter(|linked| person.intent.as_ref().is_some_and(|intent| same_record(intent.target, Some(linked))));
    let kept = keeps.map(holds).unwrap_or_default();
    wants(person).into_iter().filter(|name| !kept.contains(name)).collect()
}

/// "If two directory users want the same username or email, the one that already owns it keeps it; else the lower (order,
/// group age, group ID, tenant ID, object ID) gets it"; "the order above decides on what each wants, whether or not the
/// winner is then blocked for another reason"; "Only names that a change newly sets are checked". Reading: a name
/// that a user keeps with its record is left to the check of names that stay taken; what a merge leaves as it is counts
/// here too, so of two users that would merge one record only one does.
pub(super) fn loses(world: &World, people: &[Person], at: usize) -> Taken {
    let mut taken = Taken::default();
    let me = &people[at];
    let Some(intent) = &me.intent else { return taken };
    if intent.action.is_none() {
        return taken;
    }
    for name in &claims(me) {
        let rank = |person: &Person| {
            let order = person.intent.as_ref().map(|intent| {
                let (order, age, group) = precedence(world, intent.rule);
                (order, age, group.to_owned())
            });
            (!owns(person, name), order, person.key.clone())
        };
        let beats_me =
            |(other, person): (usize, &Person)| other != at && claims(person).contains(name) && rank(person) < rank(me);
        if people.iter().enumerate().any(beats_me) {
            taken.add(name);
        }
    }
    taken
}
