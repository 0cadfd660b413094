//! A change of one record: what is done to it, because of whom, and why. Knows nothing of how it was decided.

use std::borrow::Cow;

use crate::model::{Kind, Link, RecordKey, Seen, Text, UserKey};

use super::{Action, FieldChanges, Hand, Hold, Reason};

/// One change of one record.
#[derive(Clone, Debug)]
pub struct Change {
    /// What is done.
    pub action: Action,
    /// Of which kind.
    pub kind: Kind,
    /// The record; `None` for a create, whose ID the store gives.
    pub id: Option<u64>,
    /// Because of whom.
    pub user: UserRef,
    /// The winning rule's name; `None` where no rule decided.
    pub rule: Option<Text>,
    /// Why; [`Change::reason`] puts it in a sentence.
    pub reason: Reason,
    /// The guard that holds it back.
    pub held: Option<Hold>,
    /// What is different afterwards, the status too.
    pub fields: FieldChanges,
    /// The owner afterwards.
    pub link: LinkChange,
    /// How much of it is left to a person.
    pub hand: Hand,
}

impl Change {
    /// The record, unless the change makes one.
    #[must_use]
    pub fn record(&self) -> Option<RecordKey> {
        self.id.map(|id| RecordKey { kind: self.kind, id })
    }

    /// Why, for a person to read.
    #[must_use]
    pub fn reason(&self) -> Cow<'_, str> {
        self.reason.text(&self.fields)
    }

    /// The link afterwards; `None` when nobody owns the record then.
    #[must_use]
    pub fn link(&self) -> Option<Link> {
        match self.link {
            LinkChange::Set(seen) => {
                let UserRef { key, user_principal_name } = self.user.clone();
                Some(Link { user: key, user_principal_name, seen })
            }
            LinkChange::Archived => None,
        }
    }
}

impl PartialEq for Change {
    fn eq(&self, other: &Self) -> bool {
        let Self { action, kind, id, user, rule, reason: _, held, fields, link, hand } = self;
        (action, kind, id, user, rule, held, fields, link, hand)
            == (
                &other.action,
                &other.kind,
                &other.id,
                &other.user,
                &other.rule,
                &other.held,
                &other.fields,
                &other.link,
                &other.hand,
            )
            && self.reason() == other.reason()
    }
}

impl Eq for Change {}

/// What becomes of the owner of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// The change's user owns it, and this was seen of it.
    Set(Seen),
    /// Nobody owns it; it is remembered as archived for the change's user.
    Archived,
}

/// A directory user as a plan names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRef {
    /// Identity.
    pub key: UserKey,
    /// The last one known.
    pub user_principal_name: Option<Text>,
}
