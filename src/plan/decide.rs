//! One user's situation: what is wanted against what is linked, to a draft (rules R4, R6, R7, R8).

use crate::actual::{Actual, Namespace};
use crate::desired::{Desired, Person, Want};
use crate::manifest::config::Drift;
use crate::model::{Field, Marks, Record, Seen, Status, Text, filled};

use super::obstacle::{self, Wish};
use super::proposal::{Draft, Proposal, Retire, Target, Who, changes, is_free, other_logins, status_change};
use super::values::{Ground, Sourced, values};
use super::wishes::Wishes;
use super::{FieldChange, FieldChanges, Preserved, PreservedField, Reason, Touch, UserRef};

/// Decides users one at a time against one actual state.
pub(super) struct Decider<'a> {
    pub desired: &'a Desired<'a>,
    pub actual: &'a Actual,
    /// The key of the marks by which names are told apart.
    pub marks: Marks,
}

impl<'a> Decider<'a> {
    /// What a user's situation comes to.
    pub fn decide(&self, who: Who<'a>, linked: Option<&'a Record>, want: &Want<'a>) -> Draft<'a> {
        match (linked, want) {
            (_, Want::Unplanned) | (None, Want::Gone | Want::Unmatched(_) | Want::Suspended(..)) => Draft::Nothing,
            (None, Want::Person(person)) if !person.enabled => Draft::Nothing,
            (None, Want::Person(person)) => self.propose(who, person, None),
            (Some(record), _) if record.status == Status::Archived => Draft::Unchanged,
            (Some(_), Want::Suspended(..)) => Draft::Unchanged,
            (Some(record), Want::Gone) => self.retire(who, record, want, "the user no longer exists in the directory"),
            (Some(record), Want::Unmatched(_)) => self.retire(who, record, want, "no rule matches the user"),
            (Some(record), Want::Person(person)) if !person.enabled => {
                self.retire(who, record, want, "the account is disabled in the directory").ruled(&person.rule().name)
            }
            (Some(record), Want::Person(person)) if record.key.kind != person.rule().kind => {
                self.propose(who, person, Some(record))
            }
            (Some(record), Want::Person(person)) => self.update(who, person, record),
        }
    }

    /// A user without a record of the wanted kind: merge, restore or create (rule R4). One of the other kind is archived
    /// (rule R6).
    fn propose(&self, who: Who<'a>, person: &Person<'a>, replaced: Option<&'a Record>) -> Draft<'a> {
        let kind = person.rule().kind;
        let defaults = &self.desired.config().employee_defaults;
        let at = |ground: &Ground<'a>| values(person, ground, self.actual, defaults);
        let blank = at(&Ground::blank(replaced));
        let same: Vec<&Record> = match blank.get(Field::Email) {
            None => Vec::new(),
            Some(email) => self.actual.holders(Namespace::Email(kind), email).collect(),
        };
        let target = self.target(who, person, &same);
        let reason = Self::adoption_reason(target, blank.get(Field::Email), &same);
        let values = match target {
            Target::Create => blank,
            Target::Restore(record) => at(&Ground::archived(record, replaced)),
            Target::Merge(record) | Target::Update(record) => at(&Ground::record(record, replaced)),
        };
        let fields = changes(kind, target, &values);
        let mut proposal = self.proposal(who, person, &values, Written { linked: replaced, target, fields, reason });
        proposal.archives.extend(replaced);
        let others = self.make_way(&mut proposal);
        let wish = Wish { kind, values: &values, linked: replaced, target };
        proposal.obstacle = obstacle::first(wish, self.actual, &same, &others).map(Box::new);
        Draft::Proposal(proposal)
    }

    fn proposal(
        &self,
        who: Who<'a>,
        person: &Person<'a>,
        values: &Sourced<'a>,
        Written { linked, target, fields, reason }: Written<'a>,
    ) -> Proposal<'a> {
        Proposal {
            user: UserRef { key: who.key(), user_principal_name: current_name(person.user) },
            ranked: person.ranked,
            content: person.content,
            linked,
            target,
            archives: Vec::new(),
            names: Wishes::new(person.rule().kind, values, &self.marks, self.actual),
            fields,
            reason,
            obstacle: None,
        }
    }

    /// Which record is taken: the one with the email if nobody living owns it, else one that the user left behind.
    fn target(&self, who: Who<'a>, person: &Person<'a>, same: &[&'a Record]) -> Target<'a> {
        match same {
            [one] if is_free(one, |user| self.desired.is_gone(user)) => Target::Merge(one),
            _ => {
                let key = who.key();
                let left = self.actual.archived_from(&key).filter(|record| record.key.kind == person.rule().kind);
                let left = left.filter(|record| {
                    record.status == Status::Archived && record.link.is_none() && !record.references.any()
                });
                left.max_by_key(|record| record.key).map_or(Target::Create, Target::Restore)
            }
        }
    }

    /// Archives a login of the other kind that nobody living owns, when this change newly sets its email (rule R6).
    /// Returns all logins of the other kind with the email.
    fn make_way(&self, proposal: &mut Proposal<'a>) -> Vec<&'a Record> {
        let newly = proposal.sets().find(|(space, _)| *space == Namespace::LoginEmail);
        let Some((_, email)) = newly else { return Vec::new() };
        let others = other_logins(self.actual, proposal.kind(), email, proposal.linked);
        if let [one] = others[..]
            && is_free(one, |user| self.desired.is_gone(user))
        {
            proposal.archives.push(one);
        }
        others
    }

    /// A user with a record of the wanted kind (rule R8).
    fn update(&self, who: Who<'a>, person: &Person<'a>, record: &'a Record) -> Draft<'a> {
        let (seen, known) = (person.seen(), known(record));
        let defaults = &self.desired.config().employee_defaults;
        let values = values(person, &Ground::record(record, None), self.actual, defaults);
        let (kind, target) = (person.rule().kind, Target::Update(record));
        let fields = changes(kind, target, &values);
        let user = || UserRef { key: who.key(), user_principal_name: current_name(person.user) };
        match (known == seen, self.desired.config().policy.drift, fields.is_empty()) {
            (true, _, true) => Draft::Unchanged,
            (true, Drift::Preserve, false) => preserved(user(), record, &fields),
            (false, _, _) | (true, Drift::Enforce, false) => {
                let (changed, reason) = (!fields.is_empty(), Reason::Fixed(update_reason(known, seen)));
                let written = Written { linked: Some(record), target, fields, reason };
                let mut proposal = self.proposal(who, person, &values, written);
                let others = self.make_way(&mut proposal);
                let wish = Wish { kind, values: &values, linked: Some(record), target };
                match (obstacle::first(wish, self.actual, &[], &others), changed) {
                    (None, false) => touched(record, user(), seen),
                    (obstacle, _) => Draft::Proposal(Proposal { obstacle: obstacle.map(Box::new), ..proposal }),
                }
            }
        }
    }

    /// A user that may not have an active record (rule R7).
    fn retire(&self, who: Who<'a>, record: &'a Record, want: &Want<'a>, reason: &'static str) -> Draft<'a> {
        let Some(seen) = self.desired.seen(want) else { return Draft::Unchanged };
        let user = || UserRef { key: who.key(), user_principal_name: last_name(record, want) };
        let moved = known(record) != seen;
        let kept = seen == Seen::Absent { kept: true };
        match (kept || record.status == Status::Inactive, moved, self.desired.config().policy.drift) {
            (true, true, _) => touched(record, user(), seen),
            (true, false, _) => Draft::Unchanged,
            (false, false, Drift::Preserve) => {
                let change = status_change(Some(record.status), Status::Inactive);
                preserved(user(), record, &std::iter::once(change).collect())
            }
            (false, true, _) | (false, false, Drift::Enforce) => {
                Draft::Retire(Retire { user: user(), record, rule: None, seen, reason })
            }
        }
    }

    fn adoption_reason(target: Target<'_>, email: Option<&str>, same: &[&Record]) -> Reason {
        let email = email.unwrap_or("…");
        let text = match (target, same) {
            (Target::Merge(record), _) if record.link.is_some() => {
                format!("{} has the email {email} and its owner is gone from the directory", record.key)
            }
            (Target::Merge(record) | Target::Update(record), _) => {
                format!("{} has the email {email} and nobody owns it", record.key)
            }
            (Target::Restore(record), _) => {
                format!("{} was archived for this user and nothing refers to it", record.key)
            }
            (Target::Create, [holder, ..]) => format!("{} gives up the email {email}", holder.key),
            (Target::Create, []) => return Reason::EmailIsFree,
        };
        Reason::from(text)
    }
}

/// What is written to which record, and why.
struct Written<'a> {
    linked: Option<&'a Record>,
    target: Target<'a>,
    fields: FieldChanges,
    reason: Reason,
}

impl<'a> Draft<'a> {
    fn ruled(mut self, name: &'a Text) -> Self {
        if let Self::Retire(retire) = &mut self {
            retire.rule = Some(name);
        }
        self
    }
}

fn known(record: &Record) -> Seen {
    record.link.as_ref().map_or(Seen::Unknown, |link| link.seen)
}

fn current_name(user: &crate::directory::User) -> Option<Text> {
    user.user_principal_name().and_then(filled).map(Text::from)
}

/// The user's name now, or the last one known.
fn last_name(record: &Record, want: &Want<'_>) -> Option<Text> {
    let current = match want {
        Want::Unplanned | Want::Gone => None,
        Want::Unmatched(user) | Want::Suspended(user, _) => current_name(user),
        Want::Person(person) => current_name(person.user),
    };
    current.or_else(|| record.link.as_ref()?.user_principal_name.clone())
}

fn touched<'a>(record: &Record, user: UserRef, seen: Seen) -> Draft<'a> {
    Draft::Touched(Touch { record: record.key, user, seen })
}

fn preserved<'a>(user: UserRef, record: &Record, differences: &FieldChanges) -> Draft<'a> {
    let field = |FieldChange { slot, before, after, from: _ }| PreservedField {
        slot,
        actual: before.map(Text::from),
        desired: after.map(Text::from),
    };
    Draft::Preserved(Preserved { record: record.key, user, fields: differences.iter().map(field).collect() })
}

/// Why a linked record is written.
const fn update_reason(known: Seen, seen: Seen) -> &'static str {
    match (known, seen) {
        (Seen::Unknown, _) => "the link was imported, so nothing is known of what was last applied",
        (Seen::Absent { .. }, _) => "the user is back",
        (Seen::Present { enabled: false, .. }, Seen::Present { enabled: true, .. }) => "the account is enabled again",
        (Seen::Present { rule: before, .. }, Seen::Present { rule: after, .. }) if !same(before.0, after.0) => {
            "another rule applies, or its values changed"
        }
        (Seen::Present { content: before, .. }, Seen::Present { content: after, .. }) if !same(before.0, after.0) => {
            "the directory user changed"
        }
        (Seen::Present { .. }, _) => "the policy overwrites local edits (drift: enforce)",
    }
}

const fn same(a: [u8; 16], b: [u8; 16]) -> bool {
    u128::from_le_bytes(a) == u128::from_le_bytes(b)
}
