//! Whether the names that a batch newly sets are free when all of it is written (rule R5, checked again at the write).
//!
//! A user whose name is not free is refused with all its changes. The names that it would have freed stay taken then,
//! so whoever wanted those is refused too, until nothing changes any more. Of several users that want one name the
//! first of the batch may have it, also when that one is refused for another reason: the result does not depend on the
//! order in which names are looked at.

use std::collections::{HashMap, HashSet, VecDeque};

use foldhash::quality::RandomState;

use super::stage::Draft;
use crate::actual::{Actual, Namespace};
use crate::model::{Claims, Kind, Mark, Marks, Record, RecordKey, Text, folded, same_name};

const NAMESPACES: [Namespace; 4] = [
    Namespace::LoginUsername,
    Namespace::LoginEmail,
    Namespace::Email(Kind::Employee),
    Namespace::Email(Kind::Contact),
];

type Name = (Namespace, Text);

/// Fills in why users are refused; `refused` has a place for every user of the batch. The drafts of a user stand side by
/// side.
pub fn refuse_taken(actual: &Actual, drafts: &[Draft<'_>], refused: &mut [Option<String>]) {
    let mut check = Check::new(actual, drafts);
    while let Some(name) = check.queue.pop_front() {
        for (user, reason) in check.losers(&name, refused) {
            if refused[user].is_none() {
                refused[user] = Some(reason);
                check.look_again_after(user);
            }
        }
    }
}

struct Check<'a> {
    actual: &'a Actual,
    drafts: &'a [Draft<'a>],
    /// The draft of a record that exists.
    by_record: HashMap<RecordKey, usize, RandomState>,
    marks: Marks,
    /// Who newly sets a name.
    claims: Claims,
    /// The names to be looked at: at first those that several set or a record has, in the order of the batch.
    queue: VecDeque<Name>,
}

impl<'a> Check<'a> {
    fn new(actual: &'a Actual, drafts: &'a [Draft<'a>]) -> Self {
        let marks = Marks::default();
        let mark = |(space, name): (Namespace, &str)| marks.of(space.field(), name);
        let claimed: Vec<(Mark, u32)> =
            (0_u32..).zip(drafts).flat_map(|(at, draft)| newly_set(draft).map(move |name| (mark(name), at))).collect();
        let claims: Claims = claimed.iter().copied().collect();
        let shared: HashSet<Mark, RandomState> = claims.shared().map(|(mark, _)| mark).collect();
        let (mut queue, mut queued, mut claimed) = (VecDeque::new(), HashSet::new(), claimed.into_iter());
        for name in drafts.iter().flat_map(newly_set) {
            let shared = claimed.next().is_none_or(|(mark, _)| shared.contains(&mark));
            if shared || is_held(actual, name) {
                let name = (name.0, folded(name.1));
                if queued.insert(name.clone()) {
                    queue.push_back(name);
                }
            }
        }
        let records = drafts.iter().enumerate().filter_map(|(at, draft)| Some((draft.before?.key, at)));
        Self { actual, drafts, by_record: records.collect(), marks, claims, queue }
    }

    /// Who newly sets a name, in the order of the batch.
    fn claimants(&self, (space, name): &Name) -> Vec<usize> {
        let sets = |at: &usize| newly_set(&self.drafts[*at]).any(|(set, held)| set == *space && same_name(held, name));
        self.claims.of(self.marks.of(space.field(), name)).filter(sets).collect()
    }

    /// The users that cannot have the name, with the reason.
    fn losers(&self, name: &Name, refused: &[Option<String>]) -> Vec<(usize, String)> {
        let mut losers = Vec::new();
        for (place, at) in self.claimants(name).into_iter().enumerate() {
            let draft = &self.drafts[at];
            if refused[draft.user].is_some() {
                continue;
            }
            if let Some(holder) = self.holder(name, draft, refused) {
                losers.push((draft.user, taken(name, &format!("is taken by {holder}"))));
            } else if place > 0 {
                losers.push((draft.user, taken(name, "is wanted by another user of the same batch")));
            }
        }
        losers
    }

    /// Another record that holds the name when all that is not refused is written.
    fn holder(&self, (namespace, name): &Name, draft: &Draft<'_>, refused: &[Option<String>]) -> Option<RecordKey> {
        let own = draft.before.map(|record| record.key);
        let stays = |record: &Record| match self.by_record.get(&record.key).map(|at| &self.drafts[*at]) {
            Some(other) if refused[other.user].is_none() => {
                holds(&other.after, *namespace).is_some_and(|held| same_name(held, name))
            }
            Some(_) | None => true,
        };
        let mut others = self.actual.holders(*namespace, name).filter(|record| Some(record.key) != own);
        others.find(|record| stays(record)).map(|record| record.key)
    }

    /// What the user's records hold now they will go on holding.
    fn look_again_after(&mut self, user: usize) {
        let first = self.drafts.partition_point(|draft| draft.user < user);
        for draft in self.drafts[first..].iter().take_while(|draft| draft.user == user) {
            let Some(before) = draft.before else { continue };
            let kept = NAMESPACES.into_iter().filter_map(|space| Some((space, folded(holds(before, space)?))));
            let claimed: Vec<Name> = kept.filter(|name| !self.claimants(name).is_empty()).collect();
            self.queue.extend(claimed);
        }
    }
}

/// Whether any record has the name.
fn is_held(actual: &Actual, (space, name): (Namespace, &str)) -> bool {
    match space {
        Namespace::LoginUsername => actual.has_username(name),
        Namespace::LoginEmail | Namespace::Email(_) => actual.has_email(name),
    }
}

/// The name that the record holds in a namespace.
fn holds(record: &Record, namespace: Namespace) -> Option<&str> {
    if namespace.admits(record) { record.fields.get(namespace.field()) } else { None }
}

fn newly_set<'a>(draft: &'a Draft<'_>) -> impl Iterator<Item = (Namespace, &'a str)> {
    NAMESPACES.into_iter().filter_map(|namespace| {
        let name = holds(&draft.after, namespace)?;
        let held = draft.before.and_then(|before| holds(before, namespace));
        (!held.is_some_and(|held| same_name(held, name))).then_some((namespace, name))
    })
}

fn taken((namespace, name): &Name, how: &str) -> String {
    format!("the {} {name} {how}", namespace.field())
}
