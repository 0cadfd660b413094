//! The rules R1–R12 a second time: straight from the sentences of spec sections 3 and 9, without an index and without
//! regard to cost. Written without sight of the product's own implementation, so that two readings can be compared.

mod apply;
mod fields;
mod intent;
mod names;
mod people;
mod round;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use self::intent::{intend, withdraw_archives_of_taken_records};
use self::people::people;
use self::round::Round;
use super::world::{Key, Kind, Record, Rule, Seen, User, Values, World};

pub use self::apply::apply;

/// What a round would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub tenants: Vec<(String, &'static str)>,
    pub changes: Vec<Change>,
    pub preserved: Vec<Preserved>,
    pub blocked: Vec<Blocked>,
    pub touched: BTreeSet<(Key, Kind, u64)>,
    pub unchanged: u64,
    /// What apply stores as seen.
    pub seen: BTreeMap<Key, Seen>,
    /// The last user principal names known.
    pub upns: BTreeMap<Key, Option<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub action: &'static str,
    pub kind: Kind,
    pub id: Option<u64>,
    pub user: Key,
    pub upn: Option<String>,
    pub rule: Option<String>,
    pub held: Option<&'static str>,
    pub fields: Vec<FieldChange>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    pub name: &'static str,
    pub before: Option<String>,
    pub after: Option<String>,
    pub from: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preserved {
    pub kind: Kind,
    pub id: u64,
    pub user: Key,
    /// Name, actual, desired.
    pub fields: Vec<(&'static str, Option<String>, Option<String>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    pub user: Key,
    pub rule: String,
    pub code: Code,
}

/// R5: "with one entry, the first that applies of".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    MissingEmail,
    MissingUsername,
    AccountNotFound,
    LocationNotFound,
    AmbiguousEmail,
    MissingName,
    EmailTaken,
    UsernameTaken,
}

/// Section 6: "action in the order above".
pub const ACTIONS: [&str; 7] = ["archive", "create", "merge", "restore", "update", "deactivate", "reactivate"];

/// What the rules say of a user.
#[derive(Clone, Debug)]
enum Standing<'w> {
    /// R7: deleted, soft or hard.
    Gone,
    /// R7: exists, no rule matches.
    Unmatched,
    /// R9: "a user whose winning rule is suspended is left alone".
    Suspended,
    /// R7: a disabled account under `disabledAccounts: deactivate`.
    Disabled(&'w Rule),
    Wanted(&'w Rule),
}

struct Person<'w> {
    key: Key,
    user: Option<&'w User>,
    standing: Standing<'w>,
    linked: Option<&'w Record>,
    /// What the link would have seen.
    now: Seen,
    /// R8: something changed since the link was applied.
    changed: bool,
    intent: Option<Intent<'w>>,
}

/// What a wanted user's record is to become.
#[derive(Clone, Debug)]
struct Intent<'w> {
    rule: &'w Rule,
    action: Option<&'static str>,
    /// The record that is written; none for a create.
    target: Option<&'w Record>,
    /// Records that must go first.
    archives: Vec<&'w Record>,
    after: Values,
    fields: Vec<FieldChange>,
    /// Local edits that stay instead.
    drift: Vec<(&'static str, Option<String>, Option<String>)>,
    early: Option<Code>,
}

/// Plans a world.
pub fn plan(world: &World) -> Verdict {
    let mut people = people(world);
    let intents: Vec<_> = people.iter().map(|person| intend(world, person)).collect();
    for (person, intent) in people.iter_mut().zip(intents) {
        person.intent = intent;
    }
    withdraw_archives_of_taken_records(world, &mut people);
    let round = Round { world, people };
    round.decide()
}
