//! What is proposed for one user before names and guards have spoken.

use std::collections::HashSet;

use foldhash::quality::RandomState;

use crate::actual::{Actual, Namespace};
use crate::desired::reach::Ranked;
use crate::model::{Digest, Field, Id, Kind, Mark, Record, RecordKey, Seen, Status, Text, UserKey, same_name};

use super::contest::Contest;
use super::values::Sourced;
use super::wishes::{Login, Wishes};
use super::{Action, Code, FieldChange, FieldChanges, Preserved, Provenance, Reason, Slot, Touch, UserRef};

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
    Proposal(Proposal<'a>),
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

/// A directory user, where its identity is kept already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who<'a> {
    pub tenant: &'a Id,
    pub user: &'a Id,
}

/// A record that is made or written, with the records that have to make way. A first plan has one for everybody, so it
/// is kept small.
#[derive(Debug)]
pub(super) struct Proposal<'a> {
    /// The user, as a link remembers it.
    pub user: UserRef,
    /// The winning rule.
    pub ranked: &'a Ranked<'a>,
    /// Stands for what was seen of the user.
    pub content: Digest,
    /// The record that the user owns today.
    pub linked: Option<&'a Record>,
    pub target: Target<'a>,
    /// Records of the other kind that are archived for it (rule R6).
    pub archives: Vec<&'a Record>,
    /// The names that the record will have.
    pub names: Wishes<'a>,
    /// What is different about the target afterwards, its status too.
    pub fields: FieldChanges,
    pub reason: Reason,
    /// What blocks it before names are compared.
    pub obstacle: Option<Box<Obstacle>>,
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

impl<'a> Who<'a> {
    pub const fn of(key: &'a UserKey) -> Self {
        Self { tenant: &key.tenant, user: &key.user }
    }

    pub fn key(self) -> UserKey {
        UserKey { tenant: self.tenant.clone(), user: self.user.clone() }
    }
}

impl<'a> Proposal<'a> {
    pub const fn kind(&self) -> Kind {
        self.ranked.rule.kind
    }

    /// The winning rule's name.
    pub const fn rule(&self) -> &'a Text {
        &self.ranked.rule.name
    }

    /// Whether it writes no record that exists.
    pub fn is_apart(&self) -> bool {
        self.target.record().is_none() && self.archives.is_empty()
    }

    pub const fn who(&self) -> Who<'_> {
        Who::of(&self.user.key)
    }

    /// What a link remembers once this was applied: nothing is proposed for users that may not log in.
    pub const fn seen(&self) -> Seen {
        Seen::Present { content: self.content, rule: self.ranked.digest, enabled: true }
    }

    /// The names that the user wants, as they are spelled: those that its record will have.
    pub fn wants(&self) -> impl Iterator<Item = (Namespace, &str)> {
        let spaces: &[Namespace] = match (self.kind(), self.names.login) {
            (Kind::Employee, _) => &[Namespace::LoginEmail, Namespace::Email(Kind::Employee), Namespace::LoginUsername],
            (Kind::Contact, Login::Some) => {
                &[Namespace::LoginEmail, Namespace::Email(Kind::Contact), Namespace::LoginUsername]
            }
            (Kind::Contact, Login::None) => &[Namespace::Email(Kind::Contact)],
        };
        spaces.iter().filter_map(|space| Some((*space, self.names.get(*space)?)))
    }

    /// The marks of the names that the user wants, each once.
    pub fn claims(&self) -> impl Iterator<Item = Mark> {
        let [email, username] = self.names.marks;
        let wants_email = self.names.email.is_some();
        let wants_username = self.names.username.is_some() && self.names.login == Login::Some;
        [(wants_email, email), (wants_username, username)].into_iter().filter_map(|(wants, mark)| wants.then_some(mark))
    }

    /// The names that this change newly sets: those that the record it writes does not have yet.
    pub fn sets(&self) -> impl Iterator<Item = (Namespace, &str)> {
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
        written && self.wants().any(|(wanted, value)| wanted == space && same_name(value, name))
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
}

/// What is different about a record when it is active with these values: the status first.
pub(super) fn changes(kind: Kind, target: Target<'_>, values: &Sourced<'_>) -> FieldChanges {
    let before = target.record();
    let was = before.map(|record| record.status);
    let status = (was != Some(Status::Active)).then(|| status_change(was, Status::Active));
    let differs = |&field: &Field| {
        let held = before.and_then(|record| record.fields.get(field));
        let after = values.get(field);
        let change = || FieldChange { slot: Slot::Field(field), before: held, after, from: values.from(field) };
        (held != after).then(change)
    };
    status.into_iter().chain(Field::of(kind).iter().filter_map(differs)).collect()
}

/// Whether a record has a name that counts in the namespace.
fn holds(record: &Record, space: Namespace, name: &str) -> bool {
    space.admits(record) && record.fields.get(space.field()).is_some_and(|held| same_name(held, name))
}

/// A change of status.
pub(super) fn status_change(before: Option<Status>, after: Status) -> FieldChange<'static> {
    FieldChange {
        slot: Slot::Status,
        before: before.map(Status::word),
        after: Some(after.word()),
        from: Provenance::Directory,
    }
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
/// A merge that is already known not to happen makes no way. `entangled` are the proposals that write existing records.
pub(super) fn make_room(proposals: &mut [Proposal<'_>], entangled: &[usize], contest: &Contest) {
    let merges = |at: &usize| match proposals[*at].target {
        Target::Merge(record)
            if proposals[*at].names.login == Login::None
                && proposals[*at].obstacle.is_none()
                && !contest.loses(*at) =>
        {
            Some(record.key)
        }
        Target::Merge(_) | Target::Create | Target::Restore(_) | Target::Update(_) => None,
    };
    let freed: HashSet<RecordKey, RandomState> = entangled.iter().filter_map(merges).collect();
    if freed.is_empty() {
        return;
    }
    for at in entangled {
        let proposal = &mut proposals[*at];
        let own = proposal.linked.map(|record| record.key);
        proposal.archives.retain(|record| Some(record.key) == own || !freed.contains(&record.key));
    }
}
