//! Whether the names that a batch newly sets are free when all of it is written (rule R5, checked again at the write).
//!
//! A user whose name is not free is refused with all its changes. The names that it would have freed stay taken then,
//! so whoever wanted those is refused too, until nothing changes any more. Of several users that want one name the
//! first of the batch may have it, also when that one is refused for another reason: the result does not depend on the
//! order in which names are looked at.

use std::collections::{HashMap, VecDeque};

use super::stage::Draft;
use crate::actual::{Actual, Namespace};
use crate::model::{Kind, Record, RecordKey, Text, folded};

const NAMESPACES: [Namespace; 4] = [
    Namespace::LoginUsername,
    Namespace::LoginEmail,
    Namespace::Email(Kind::Employee),
    Namespace::Email(Kind::Contact),
];

type Name = (Namespace, Text);

/// Fills in why users are refused; `refused` has a place for every user of the batch.
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
    by_record: HashMap<RecordKey, usize>,
    by_user: HashMap<usize, Vec<usize>>,
    /// Who newly sets a name, in the order of the batch.
    claims: HashMap<Name, Vec<usize>>,
    queue: VecDeque<Name>,
}

impl<'a> Check<'a> {
    fn new(actual: &'a Actual, drafts: &'a [Draft<'a>]) -> Self {
        let mut check = Self {
            actual,
            drafts,
            by_record: HashMap::new(),
            by_user: HashMap::new(),
            claims: HashMap::new(),
            queue: VecDeque::new(),
        };
        for (at, draft) in drafts.iter().enumerate() {
            check.by_user.entry(draft.user).or_default().push(at);
            if let Some(before) = draft.before {
                check.by_record.insert(before.key, at);
            }
            for name in newly_set(draft) {
                let claimants = check.claims.entry(name.clone()).or_default();
                claimants.push(at);
                if claimants.len() == 1 {
                    check.queue.push_back(name);
                }
            }
        }
        check
    }

    /// The users that cannot have the name, with the reason.
    fn losers(&self, name: &Name, refused: &[Option<String>]) -> Vec<(usize, String)> {
        let claimants = self.claims.get(name).map_or(&[][..], Vec::as_slice);
        let mut losers = Vec::new();
        for (place, at) in claimants.iter().enumerate() {
            let draft = &self.drafts[*at];
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
            Some(other) if refused[other.user].is_none() => holds(&other.after, *namespace).as_ref() == Some(name),
            Some(_) | None => true,
        };
        let mut others = self.actual.holders(*namespace, name).filter(|record| Some(record.key) != own);
        others.find(|record| stays(record)).map(|record| record.key)
    }

    /// What the user's records hold now they will go on holding.
    fn look_again_after(&mut self, user: usize) {
        for at in self.by_user.get(&user).into_iter().flatten() {
            let Some(before) = self.drafts[*at].before else { continue };
            let kept = NAMESPACES.into_iter().filter_map(|space| Some((space, holds(before, space)?)));
            self.queue.extend(kept.filter(|name| self.claims.contains_key(name)));
        }
    }
}

/// The name, as it is compared, that the record holds in a namespace.
fn holds(record: &Record, namespace: Namespace) -> Option<Text> {
    namespace.admits(record).then(|| record.fields.get(namespace.field()).map(folded)).flatten()
}

fn newly_set<'a>(draft: &'a Draft<'_>) -> impl Iterator<Item = Name> + 'a {
    NAMESPACES.into_iter().filter_map(|namespace| {
        let name = holds(&draft.after, namespace)?;
        let held = draft.before.and_then(|before| holds(before, namespace));
        (held.as_ref() != Some(&name)).then_some((namespace, name))
    })
}

fn taken((namespace, name): &Name, how: &str) -> String {
    format!("the {} {name} {how}", namespace.field())
}
