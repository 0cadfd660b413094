//! What came of applying a plan: one outcome per user, and the events that record it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Record, RecordKey, Revision, Text, UserKey};
use crate::plan::{Change, Touch};

/// The changes of one user: all of them happen, or none.
#[derive(Clone, Debug)]
pub struct UserChanges {
    /// In the order of the plan; archives first.
    pub changes: Vec<Change>,
}

/// What a store is asked to write, and the revision that it was decided from.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Refused if the store has moved on.
    pub revision: Revision,
    /// In the order of the plan; new records get their IDs in this order.
    pub users: Vec<UserChanges>,
    /// Links that are only brought up to date.
    pub touched: Vec<Touch>,
    /// Digest of the configuration that decided it, for the events.
    pub config_digest: String,
    /// The commit that this configuration is of, where it is known.
    pub config_commit: Option<Text>,
}

/// What became of one user's changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Written, durably. The keys are those of the changes, in order.
    Done(Vec<RecordKey>),
    /// Refused; nothing of this user was written.
    Refused(String),
    /// May or may not have happened; the next round looks.
    Unknown(String),
    /// Not yet, because the store may not be asked more often; nothing of this user was written.
    Waiting {
        /// When there is room again, as far as is known.
        until: Timestamp,
        /// For what it waits, for a person to read.
        what: String,
    },
    /// Left to a person, because the store has no means to write it; nothing of this user was written.
    ByHand,
}

/// What came of a batch.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The revision afterwards.
    pub revision: Revision,
    /// One per user of the batch, in its order.
    pub outcomes: Vec<Outcome>,
}

/// One change of one record that happened, kept for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Counts from 1 without gaps.
    pub id: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// The revision it is part of.
    pub revision: Revision,
    /// `import`, or the action of the plan.
    pub action: Text,
    /// Because of whom; `None` for an import.
    pub user: Option<UserKey>,
    /// The user's name at that time.
    pub user_principal_name: Option<Text>,
    /// The winning rule.
    pub rule: Option<Text>,
    /// Why.
    pub reason: Text,
    /// Digest of the configuration that decided it; `None` for an import.
    pub config_digest: Option<Text>,
    /// The commit of that configuration, where it is known. Not part of the serialised event: who stores events keeps it
    /// beside them, so that those without one stay as they always were.
    #[serde(skip)]
    pub config_commit: Option<Text>,
    /// The record before; `None` when it is new.
    pub before: Option<Record>,
    /// The record after.
    pub after: Record,
}
