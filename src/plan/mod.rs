//! The plan: every change that a round would make, what it cannot decide, and what a guard holds back. A value.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

mod basis;
mod cause;
mod change;
mod contest;
mod decide;
mod diff;
mod doubts;
pub mod explain;
mod fields;
mod guard;
mod hand;
mod judge;
mod names;
mod obstacle;
mod proposal;
mod reason;
mod summary;
mod values;
mod wishes;
mod write;

pub use cause::Cause;
pub use change::{Change, LinkChange, UserRef};
pub use diff::plan;
pub use doubts::unseen;
pub use explain::{Explanation, explain};
pub use fields::{FieldChange, FieldChanges};
pub use hand::{Hand, Means, SeenBy, ToDo, is_seen, unseen_fields, unseen_steps};
pub use reason::{EMAIL_IS_FREE, Reason};
pub use summary::Summary;

use crate::actual::Actual;
use crate::directory::Directory;
use crate::model::{Field, Id, RecordKey, Revision, Seen, Status, Text, UserKey};

/// What a plan is made from, beside the configuration.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The tenants' directories, read after the state.
    pub directory: Directory,
    /// The BMS state.
    pub actual: Actual,
    /// What of a plan its store can write.
    pub means: Means,
}

/// Of whom a plan speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody.
    All,
    /// The users of one tenant; everybody else keeps what their records have.
    Tenant(Id),
    /// These users. The plan is the full one restricted to them as long as everybody else has nothing to do: so they are
    /// those that changed since a round and those that it left blocked, held or refused.
    Users(BTreeSet<UserKey>),
}

impl Scope {
    /// Whether the tenant is in the head of the plan.
    #[must_use]
    pub fn covers(&self, tenant: &Id) -> bool {
        match self {
            Self::All | Self::Users(_) => true,
            Self::Tenant(only) => only == tenant,
        }
    }
}

/// What a round would do, and from what that was decided.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it was made from; it is applied to that, or refused.
    pub basis: Basis,
    /// By (tenant ID, user ID, action in the order of [`Action`]).
    pub changes: Vec<Change>,
    /// Links of which only `seen` moves: the directory changed and there is nothing to write.
    pub touched: Vec<Touch>,
    /// Local edits that are left standing, by (tenant ID, user ID).
    pub preserved: Vec<Preserved>,
    /// Users that cannot be decided, by (tenant ID, user ID).
    pub blocked: Vec<Blocked>,
    /// Owned records with nothing to do and nothing preserved.
    pub unchanged: u64,
}

impl Plan {
    /// The same plan, made from the manifests of that commit.
    #[must_use]
    pub fn of_commit(mut self, commit: Option<Text>) -> Self {
        self.basis.config_commit = commit;
        self
    }
}

/// What a plan was made from.
#[derive(Clone, Debug)]
pub struct Basis {
    /// Of the configuration.
    pub config_digest: String,
    /// The commit that the configuration is of, where it is known: bmsync itself keeps a copy of the repository.
    pub config_commit: Option<Text>,
    /// Of the BMS state.
    pub state_revision: Revision,
    /// By tenant ID.
    pub tenants: Vec<TenantHead>,
}

/// One tenant in the head of a plan.
#[derive(Clone, Debug)]
pub struct TenantHead {
    /// `metadata.name`; `None` when it is not declared.
    pub name: Option<Text>,
    /// The tenant ID.
    pub tenant: Id,
    /// Whether it could be planned.
    pub state: TenantState,
    /// Users read.
    pub users: u64,
    /// Groups read.
    pub groups: u64,
    /// When the read ended.
    pub read_at: Option<Timestamp>,
    /// `sha256:` over what the directory says of the users that a rule matches or a record belongs to; `None` when it
    /// was not read.
    pub digest: Option<String>,
    /// Why it was not planned, or which rules are broken.
    pub message: Option<String>,
}

/// State of a tenant in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TenantState {
    /// Read completely and planned.
    Complete,
    /// The read failed: nothing of it changes.
    Failed,
    /// Suspended: nothing of it changes.
    Suspended,
    /// Records belong to it, but no manifest declares it: they are left alone.
    Undeclared,
}

impl TenantState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Complete, Self::Failed, Self::Suspended, Self::Undeclared];

    /// The word used in JSON and text.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Suspended => "suspended",
            Self::Undeclared => "undeclared",
        }
    }
}

/// What is done to a record. The order is that of changes of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Out of the way of a change of kind; its names become free.
    Archive,
    /// A new record.
    Create,
    /// Takes over a record that nobody (living) owns.
    Merge,
    /// Brings an archived record back.
    Restore,
    /// Writes fields.
    Update,
    /// May no longer log in.
    Deactivate,
    /// May log in again.
    Reactivate,
}

impl Action {
    /// All actions, in order.
    pub const ALL: [Self; 7] =
        [Self::Archive, Self::Create, Self::Merge, Self::Restore, Self::Update, Self::Deactivate, Self::Reactivate];

    /// The word used in JSON and text.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Create => "create",
            Self::Merge => "merge",
            Self::Restore => "restore",
            Self::Update => "update",
            Self::Deactivate => "deactivate",
            Self::Reactivate => "reactivate",
        }
    }
}

/// What a field change is about: the status or a field of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The record's status, written with the words of [`Status`].
    Status,
    /// A field.
    Field(Field),
}

impl Slot {
    /// All slots: the status, then the fields in their order.
    pub const ALL: [Self; 1 + Field::ALL.len()] = {
        let mut all = [Self::Status; 1 + Field::ALL.len()];
        let mut at = 0;
        while at < Field::ALL.len() {
            all[at + 1] = Self::Field(Field::ALL[at]);
            at += 1;
        }
        all
    };

    /// Its place in [`Slot::ALL`].
    #[must_use]
    pub const fn number(self) -> usize {
        match self {
            Self::Status => 0,
            Self::Field(field) => 1 + field as usize,
        }
    }

    /// The slot of that key.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        if word == Self::Status.word() { Some(Self::Status) } else { Field::from_word(word).map(Self::Field) }
    }

    /// The key in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Field(field) => field.word(),
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    /// The directory user.
    Directory,
    /// The winning rule.
    Rule,
    /// What the record already holds.
    Record,
    /// `EmployeeDefaults`, or the account's main location.
    Default,
}

impl Provenance {
    /// All provenances.
    pub const ALL: [Self; 4] = [Self::Directory, Self::Rule, Self::Record, Self::Default];

    /// The word used in JSON and text.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Rule => "rule",
            Self::Record => "record",
            Self::Default => "default",
        }
    }
}

/// Why a change is held. The order is that in which reasons count (rule R10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hold {
    /// The directory was read with fewer permissions than before, so who is absent may only be hidden; and what is blank,
    /// where something became blank.
    PermissionsShrank,
    /// The directory was read completely, but what is absent is suspicious: everybody is gone, or everybody of a group.
    SourceUnhealthy,
    /// A rule of the tenant is broken (rule R9).
    RuleBroken,
    /// More deactivations than the guard allows.
    MaxDeactivations,
    /// More archives than the guard allows.
    MaxArchives,
    /// More creates than the guard allows.
    MaxCreates,
}

impl Hold {
    /// All reasons, the first that counts first.
    pub const ALL: [Self; 6] = [
        Self::PermissionsShrank,
        Self::SourceUnhealthy,
        Self::RuleBroken,
        Self::MaxDeactivations,
        Self::MaxArchives,
        Self::MaxCreates,
    ];

    /// The word used in JSON and text.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PermissionsShrank => "PermissionsShrank",
            Self::SourceUnhealthy => "SourceUnhealthy",
            Self::RuleBroken => "RuleBroken",
            Self::MaxDeactivations => "maxDeactivations",
            Self::MaxArchives => "maxArchives",
            Self::MaxCreates => "maxCreates",
        }
    }
}

/// A link that is only brought up to date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The record.
    pub record: RecordKey,
    /// Its owner.
    pub user: UserRef,
    /// What was seen.
    pub seen: Seen,
}

/// A record whose local edits stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preserved {
    /// The record.
    pub record: RecordKey,
    /// Its owner.
    pub user: UserRef,
    /// What differs.
    pub fields: Vec<PreservedField>,
}

/// One local edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreservedField {
    /// Which.
    pub slot: Slot,
    /// What BMS holds.
    pub actual: Option<Text>,
    /// What the rules say.
    pub desired: Option<Text>,
}

/// A user that cannot be decided; it is left entirely as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Who.
    pub user: UserRef,
    /// The winning rule.
    pub rule: Text,
    /// Why.
    pub code: Code,
    /// Why and what to do, for a person to read.
    pub message: String,
    /// The records in question.
    pub candidates: Vec<RecordKey>,
}

/// Why a user is blocked. The order is that in which reasons count (rule R5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each variant is the code of that name, explained in docs/reference/blocked.md")]
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

impl Code {
    /// All codes, the first that applies counts.
    pub const ALL: [Self; 8] = [
        Self::MissingEmail,
        Self::MissingUsername,
        Self::AccountNotFound,
        Self::LocationNotFound,
        Self::AmbiguousEmail,
        Self::MissingName,
        Self::EmailTaken,
        Self::UsernameTaken,
    ];

    /// The word used in JSON and text.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::MissingEmail => "MissingEmail",
            Self::MissingUsername => "MissingUsername",
            Self::AccountNotFound => "AccountNotFound",
            Self::LocationNotFound => "LocationNotFound",
            Self::AmbiguousEmail => "AmbiguousEmail",
            Self::MissingName => "MissingName",
            Self::EmailTaken => "EmailTaken",
            Self::UsernameTaken => "UsernameTaken",
        }
    }
}

/// The status that a status slot's word stands for.
#[must_use]
pub fn status_of(word: &str) -> Option<Status> {
    [Status::Active, Status::Inactive, Status::Archived].into_iter().find(|status| status.word() == word)
}
