//! One user's situation: what is wanted against what is linked, to a draft (rules R4, R6, R7, R8).

use crate::actual::{Actual, Namespace};
use crate::desired::{Desired, Person, Want};
use crate::manifest::config::Drift;
use crate::model::{Field, Link, Record, Seen, Status, Text, UserKey, filled};

use super::obstacle;
use super::proposal::{Draft, Proposal, Retire, Target, is_free, other_logins, status_change};
use super::values::{Ground, values};
use super::{FieldChange, Preserved, PreservedField, Touch, UserRef};

/// Decides users one at a time against one actual state.
pub(super) struct Decider<'a> {
    pub desired: &'a Desired<'a>,
    pub actual: &'a Actual,
}

impl<'a> Decider<'a> {
    /// What a user's situation comes to.
    pub fn decide(&self, key: &UserKey, want: &Want<'a>) -> Draft<'a> {
        let linked = self.actual.owned_by(key);
        match (linked, want) {
            (_, Want::Unplanned) | (None, Want::Gone | Want::Unmatched(_) | Want::Suspended(..)) => Draft::Nothing,
            (None, Want::Person(person)) if !person.enabled => Draft::Nothing,
            (None, Want::Person(person)) => self.adopt(key, person),
            (Some(record), _) if record.status == Status::Archived => Draft::Unchanged,
            (Some(_), Want::Suspended(..)) => Draft::Unchanged,
            (Some(record), Want::Gone) => self.retire(key, record, want, "the user no longer exists in the directory"),
            (Some(record), Want::Unmatched(_)) => self.retire(key, record, want, "no rule matches the user"),
            (Some(record), Want::Person(person)) if !person.enabled => {
                self.retire(key, record, want, "the account is disabled in the directory").ruled(&person.rule.name)
            }
            (Some(record), Want::Person(person)) if record.key.kind != person.rule.kind => {
                self.change_kind(key, person, record)
            }
            (Some(record), Want::Person(person)) => self.update(key, person, record),
        }
    }

    /// A user without a record: merge, restore or create (rule R4).
    fn adopt(&self, key: &UserKey, person: &Person<'a>) -> Draft<'a> {
        Draft::Proposal(Box::new(self.propose(key, person, None)))
    }

    /// A user whose record is of the other kind: that one is archived (rule R6).
    fn change_kind(&self, key: &UserKey, person: &Person<'a>, record: &'a Record) -> Draft<'a> {
        Draft::Proposal(Box::new(self.propose(key, person, Some(record))))
    }

    fn propose(&self, key: &UserKey, person: &Person<'a>, replaced: Option<&'a Record>) -> Proposal<'a> {
        let kind = person.rule.kind;
        let defaults = &self.desired.config().employee_defaults;
        let at = |ground: &Ground<'_>| values(person, ground, self.actual, defaults);
        let blank = at(&Ground::blank(replaced));
        let same: Vec<&Record> = match blank.fields.get(Field::Email) {
            None => Vec::new(),
            Some(email) => self.actual.holders(Namespace::Email(kind), email).collect(),
        };
        let target = self.target(key, person, &same);
        let reason = Self::adoption_reason(target, blank.fields.get(Field::Email), &same);
        let values = match target {
            Target::Create => blank,
            Target::Restore(record) => at(&Ground::archived(record, replaced)),
            Target::Merge(record) | Target::Update(record) => at(&Ground::record(record, replaced)),
        };
        let mut proposal = Proposal {
            user: key.clone(),
            person: person.clone(),
            linked: replaced,
            target,
            archives: replaced.into_iter().collect(),
            values,
            link: link(key, person),
            reason,
            obstacle: None,
        };
        let others = self.make_way(&mut proposal);
        proposal.obstacle = obstacle::first(&proposal, self.actual, &same, &others);
        proposal
    }

    /// Which record is taken: the one with the email if nobody living owns it, else one that the user left behind.
    fn target(&self, key: &UserKey, person: &Person<'a>, same: &[&'a Record]) -> Target<'a> {
        match same {
            [one] if is_free(one, |user| self.desired.is_gone(user)) => Target::Merge(one),
            _ => {
                let left = self.actual.archived_from(key).filter(|record| record.key.kind == person.rule.kind);
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
        let others = other_logins(self.actual, proposal.kind(), &email, proposal.linked);
        if let [one] = others[..]
            && is_free(one, |user| self.desired.is_gone(user))
        {
            proposal.archives.push(one);
        }
        others
    }

    /// A user with a record of the wanted kind (rule R8).
    fn update(&self, key: &UserKey, person: &Person<'a>, record: &'a Record) -> Draft<'a> {
        let seen = person.seen;
        let known = known(record);
        let mut proposal = Proposal {
            user: key.clone(),
            person: person.clone(),
            linked: Some(record),
            target: Target::Update(record),
            archives: Vec::new(),
            values: values(
                person,
                &Ground::record(record, None),
                self.actual,
                &self.desired.config().employee_defaults,
            ),
            link: Link { seen, ..link(key, person) },
            reason: update_reason(known, seen).to_owned(),
            obstacle: None,
        };
        let mut differences: Vec<FieldChange> = proposal.status_change().into_iter().collect();
        differences.extend(proposal.field_changes());
        match (known == seen, self.desired.config().policy.drift, differences.is_empty()) {
            (true, _, true) => Draft::Unchanged,
            (true, Drift::Preserve, false) => preserved(key, record, &proposal.link, differences),
            (false, _, _) | (true, Drift::Enforce, false) => {
                let others = self.make_way(&mut proposal);
                proposal.obstacle = obstacle::first(&proposal, self.actual, &[], &others);
                match (&proposal.obstacle, differences.is_empty()) {
                    (None, true) => touched(record, proposal.user_ref(), seen),
                    _ => Draft::Proposal(Box::new(proposal)),
                }
            }
        }
    }

    /// A user that may not have an active record (rule R7).
    fn retire(&self, key: &UserKey, record: &'a Record, want: &Want<'a>, reason: &'static str) -> Draft<'a> {
        let Some(seen) = self.desired.seen(want) else { return Draft::Unchanged };
        let user = UserRef { key: key.clone(), user_principal_name: last_name(record, want) };
        let moved = known(record) != seen;
        let kept = seen == Seen::Absent { kept: true };
        match (kept || record.status == Status::Inactive, moved, self.desired.config().policy.drift) {
            (true, true, _) => touched(record, user, seen),
            (true, false, _) => Draft::Unchanged,
            (false, false, Drift::Preserve) => {
                let change = status_change(Some(record.status), Status::Inactive);
                preserved_of(user, record, vec![change])
            }
            (false, true, _) | (false, false, Drift::Enforce) => {
                Draft::Retire(Retire { user, record, rule: None, seen, reason })
            }
        }
    }

    fn adoption_reason(target: Target<'_>, email: Option<&str>, same: &[&Record]) -> String {
        let email = email.unwrap_or("…");
        match (target, same) {
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
            (Target::Create, []) => format!("no record has the email {email}"),
        }
    }
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

fn link(key: &UserKey, person: &Person<'_>) -> Link {
    Link { user: key.clone(), user_principal_name: current_name(person.user), seen: person.seen }
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

fn preserved<'a>(key: &UserKey, record: &Record, link: &Link, differences: Vec<FieldChange>) -> Draft<'a> {
    let user = UserRef { key: key.clone(), user_principal_name: link.user_principal_name.clone() };
    preserved_of(user, record, differences)
}

fn preserved_of<'a>(user: UserRef, record: &Record, differences: Vec<FieldChange>) -> Draft<'a> {
    let field =
        |change: FieldChange| PreservedField { slot: change.slot, actual: change.before, desired: change.after };
    Draft::Preserved(Preserved { record: record.key, user, fields: differences.into_iter().map(field).collect() })
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
