//! What is proposed for one user before names and guards have spoken.

use std::collections::HashSet;

use crate::actual::{Actual, Namespace};
use crate::desired::Person;
use crate::model::{Kind, Link, Record, RecordKey, Seen, Status, Text, UserKey, fold, folded, login};

use super::contest::Contest;
use super::values::Sourced;
use super::{Action, Code, FieldChange, Preserved, Provenance, Slot, Touch, UserRef};
use crate::model::Field;

/// What a user's situation comes to.
#[derive(Debug)]
pub(super) enum Draft<'a> {
    /// No record, and none is wanted.
    Nothing,
    /// An owned record with nothing to do.
    Unchanged,
    /// Nothing to write, but something to remember.
    Touched(Touch),
    /// Local edits that stay.
    Preserved(Preserved),
    /// The record is deactivated.
    Retire(Retire<'a>),
    /// A record is made or written.
    Proposal(Box<Proposal<'a>>),
}

/// A deactivation: of a user that is gone, unmatched or disabled.
#[derive(Debug)]
pub(super) struct Retire<'a> {
    pub user: UserRef,
    pub record: &'a Record,
    pub rule: Option<&'a Text>,
    pub seen: Seen,
    pub reason: &'static str,
}

/// A record that is made or written, with the records that have to make way.
#[derive(Debug)]
pub(super) struct Proposal<'a> {
    pub user: UserKey,
    pub person: Person<'a>,
    /// The record that the user owns today.
    pub linked: Option<&'a Record>,
    pub target: Target<'a>,
    /// Records of the other kind that are archived for it (rule R6).
    pub archives: Vec<&'a Record>,
    pub values: Sourced,
    pub link: Link,
    pub reason: String,
    /// What blocks it before names are compared.
    pub obstacle: Option<Obstacle>,
}

/// What happens to which record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    Create,
    Merge(&'a Record),
    Restore(&'a Record),
    Update(&'a Record),
}

/// Why a user is blocked.
#[derive(Clone, Debug)]
pub(super) struct Obstacle {
    pub code: Code,
    pub message: String,
    pub candidates: Vec<RecordKey>,
}

impl<'a> Target<'a> {
    pub const fn record(&self) -> Option<&'a Record> {
        match *self {
            Self::Create => None,
            Self::Merge(record) | Self::Restore(record) | Self::Update(record) => Some(record),
        }
    }
}

impl<'a> Proposal<'a> {
    pub const fn kind(&self) -> Kind {
        self.person.rule.kind
    }

    pub fn user_ref(&self) -> UserRef {
        UserRef { key: self.user.clone(), user_principal_name: self.link.user_principal_name.clone() }
    }

    /// The names that the user wants: those that its record will have.
    pub fn wants(&self) -> impl Iterator<Item = (Namespace, Text)> + '_ {
        let fields = &self.values.fields;
        let spaces: &[Namespace] = match (self.kind(), login(self.kind(), fields)) {
            (Kind::Employee, _) => &[Namespace::LoginEmail, Namespace::Email(Kind::Employee), Namespace::LoginUsername],
            (Kind::Contact, true) => {
                &[Namespace::LoginEmail, Namespace::Email(Kind::Contact), Namespace::LoginUsername]
            }
            (Kind::Contact, false) => &[Namespace::Email(Kind::Contact)],
        };
        spaces.iter().filter_map(|space| Some((*space, folded(fields.get(space.field())?))))
    }

    /// The names that this change newly sets: those that the record it writes does not have yet.
    pub fn sets(&self) -> impl Iterator<Item = (Namespace, Text)> + '_ {
        self.wants().filter(|(space, name)| !self.target.record().is_some_and(|record| holds(record, *space, name)))
    }

    /// Whether the record that the user owns already has the name and merely keeps it.
    pub fn keeps(&self, space: Namespace, name: &str) -> bool {
        match self.target {
            Target::Update(record) => holds(record, space, name),
            Target::Create | Target::Merge(_) | Target::Restore(_) => false,
        }
    }

    /// Whether the user owns a name already, through its record of today.
    pub fn owns(&self, space: Namespace, name: &str) -> bool {
        self.linked.is_some_and(|record| holds(record, space, name))
    }

    /// The records that this writes, except a new one.
    pub fn touches(&self) -> impl Iterator<Item = &'a Record> + '_ {
        self.target.record().into_iter().chain(self.archives.iter().copied())
    }

    /// Whether a record that this writes still has the name afterwards.
    pub fn leaves(&self, record: &Record, space: Namespace, name: &str) -> bool {
        let written = self.target.record().is_some_and(|target| target.key == record.key);
        written && self.wants().any(|(wanted, value)| wanted == space && value == name)
    }

    /// What is different afterwards, except the status.
    pub fn field_changes(&self) -> impl Iterator<Item = FieldChange> + '_ {
        let before = self.target.record();
        let differs = move |&field: &Field| {
            let held = before.and_then(|record| record.fields.get(field));
            let after = self.values.fields.get(field);
            (held != after).then(|| FieldChange {
                slot: Slot::Field(field),
                before: held.map(Text::from),
                after: after.map(Text::from),
                from: self.values.from(field),
            })
        };
        Field::of(self.kind()).iter().filter_map(differs)
    }

    /// What is done to the wanted record.
    pub fn action(&self) -> Action {
        match self.target {
            Target::Create => Action::Create,
            Target::Merge(_) => Action::Merge,
            Target::Restore(_) => Action::Restore,
            Target::Update(record) if record.status == Status::Active => Action::Update,
            Target::Update(_) => Action::Reactivate,
        }
    }

    /// Everything that is done, archives first.
    pub fn actions(&self) -> impl Iterator<Item = Action> + Clone {
        std::iter::repeat_n(Action::Archive, self.archives.len()).chain(std::iter::once(self.action()))
    }

    /// The change of status, if there is one.
    pub fn status_change(&self) -> Option<FieldChange> {
        let before = self.target.record().map(|record| record.status);
        (before != Some(Status::Active)).then(|| status_change(before, Status::Active))
    }
}

/// Whether a record has a name that counts in the namespace.
fn holds(record: &Record, space: Namespace, name: &str) -> bool {
    space.admits(record) && record.fields.get(space.field()).is_some_and(|held| fold(held) == name)
}

/// A change of status.
pub(super) fn status_change(before: Option<Status>, after: Status) -> FieldChange {
    let word = |status: Status| Text::const_new(status.word());
    FieldChange { slot: Slot::Status, before: before.map(word), after: Some(word(after)), from: Provenance::Directory }
}

/// Whether nobody living owns the record: bmsync may take it over.
pub(super) fn is_free(record: &Record, is_gone: impl Fn(&UserKey) -> bool) -> bool {
    record.link.as_ref().is_none_or(|link| is_gone(&link.user))
}

/// Logins of the other kind with that email, except the user's own record (rule R6).
pub(super) fn other_logins<'a>(
    actual: &'a Actual,
    kind: Kind,
    email: &str,
    linked: Option<&Record>,
) -> Vec<&'a Record> {
    let own = linked.map(|record| record.key);
    let other = kind.other();
    actual
        .holders(Namespace::LoginEmail, email)
        .filter(|held| held.key.kind == other && Some(held.key) != own)
        .collect()
}

/// A login that another user's change merges into a record without a login needs no archiving: it makes way by itself.
/// A merge that is already known not to happen makes no way.
pub(super) fn make_room(proposals: &mut [Proposal<'_>], contest: &Contest) {
    let merges = |(at, proposal): (usize, &Proposal<'_>)| match proposal.target {
        Target::Merge(record)
            if !login(proposal.kind(), &proposal.values.fields)
                && proposal.obstacle.is_none()
                && !contest.loses(at) =>
        {
            Some(record.key)
        }
        Target::Merge(_) | Target::Create | Target::Restore(_) | Target::Update(_) => None,
    };
    let freed: HashSet<RecordKey> = proposals.iter().enumerate().filter_map(merges).collect();
    for proposal in proposals {
        let own = proposal.linked.map(|record| record.key);
        proposal.archives.retain(|record| Some(record.key) == own || !freed.contains(&record.key));
    }
}
