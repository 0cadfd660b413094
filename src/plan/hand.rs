//! What of a plan a person must do by hand, because the store has no means for it, and the steps to do it. Values only:
//! what a store can do is told.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{Field, Kind, Record, RecordKey, Text, UserKey};

use super::{Action, Change, FieldChange, Provenance, Slot};

/// What of a plan a store can write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Means {
    /// All of it: the records are its own.
    #[default]
    Everything,
    /// Contacts, but not their client portal logins; nothing of employees. That is what Kaseya's API V2 documents.
    Contacts,
    /// The same, and of employees what their list shows but usernames and emails: for a BMS that turns out to offer it.
    ContactsAndEmployees,
}

/// How much of a change is left to a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Hand {
    /// Nothing.
    #[default]
    Nothing,
    /// A part that cannot be read back either: the rest is written, and that part stays on the work list.
    Part,
    /// All of it. It is done when it is read.
    All,
    /// Nothing, but it is written only after another change of the same user that is by hand.
    After,
}

impl Hand {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::Part, Self::All, Self::After];

    /// The word used in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Part => "part",
            Self::All => "all",
            Self::After => "after",
        }
    }

    /// Whether the change waits for a person.
    #[must_use]
    pub const fn waits(self) -> bool {
        matches!(self, Self::All | Self::After)
    }
}

/// Whether a value of a record can be read back from a live BMS.
#[must_use]
pub const fn is_seen(kind: Kind, slot: Slot) -> bool {
    match (kind, slot) {
        (_, Slot::Status) => true,
        (Kind::Employee, Slot::Field(field)) => {
            matches!(field, Field::Username | Field::Email | Field::FirstName | Field::LastName | Field::JobTitle)
        }
        (Kind::Contact, Slot::Field(field)) => {
            !matches!(field, Field::PortalAccess | Field::Username | Field::SecurityRole)
        }
    }
}

/// Whether a difference that cannot be read back is one that a person must look after. A default only fills what is
/// blank, and whether a value that cannot be read is blank is not known: it is left as it is.
fn is_owed(change: &FieldChange<'_>) -> bool {
    change.from != Provenance::Default
}

impl Means {
    /// Says of each change how much of it is left to a person. The changes of a user stand side by side.
    pub(super) fn divide(self, changes: &mut [Change]) {
        if self == Self::Everything {
            return;
        }
        for user in changes.chunk_by_mut(|one, next| one.user.key == next.user.key) {
            for change in user.iter_mut() {
                change.hand = self.hand(change);
            }
            if user.iter().any(|change| change.hand == Hand::All) {
                user.iter_mut().filter(|change| change.hand != Hand::All).for_each(|change| change.hand = Hand::After);
            }
        }
    }

    /// How much of a change is left to a person.
    #[must_use]
    pub fn hand(self, change: &Change) -> Hand {
        let differs = |seen: bool| change.fields.iter().filter(move |field| is_seen(change.kind, field.slot) == seen);
        let part = if differs(false).any(|field| is_owed(&field)) { Hand::Part } else { Hand::Nothing };
        let is_left = match self {
            Self::Everything => false,
            Self::Contacts => differs(true).next().is_some(),
            Self::ContactsAndEmployees => !is_editable(change),
        };
        if change.kind == Kind::Employee && is_left { Hand::All } else { part }
    }
}

/// Whether a BMS that offers to edit employees can make this change.
fn is_editable(change: &Change) -> bool {
    let named = |field: FieldChange<'_>| matches!(field.slot, Slot::Field(Field::Username | Field::Email));
    !matches!(change.action, Action::Create | Action::Archive) && !change.fields.iter().any(named)
}

impl Change {
    /// What a person has to do, click by click; nothing where the store does it.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
        match (self.hand, self.kind) {
            (Hand::After, Kind::Contact) if self.action == Action::Archive => self.closing_steps(),
            (Hand::Nothing | Hand::After, _) => Vec::new(),
            (Hand::All, _) => self.employee_steps(|_| true),
            (Hand::Part, Kind::Employee) => {
                self.employee_steps(|field| !is_seen(Kind::Employee, field.slot) && is_owed(field))
            }
            (Hand::Part, Kind::Contact) => self.portal_steps(),
        }
    }

    fn employee_steps(&self, wanted: impl Fn(&FieldChange<'_>) -> bool) -> Vec<String> {
        let mut steps = vec![match self.id {
            None => "open HR > Employees and choose New".to_owned(),
            Some(id) => format!("open HR > Employees > the employee with ID {id}"),
        }];
        steps.extend(self.fields.iter().filter(wanted).filter_map(|field| step(self.kind, field)));
        steps.push("save".to_owned());
        steps
    }

    /// A login must be closed before another one of the same person is opened (rule R6).
    fn closing_steps(&self) -> Vec<String> {
        let has_login = self.fields.iter().any(|field| field.slot == Slot::Field(Field::Username));
        match self.id {
            Some(id) if has_login => vec![
                format!("first open CRM > Contacts > the contact with ID {id} > Client Portal Access"),
                "clear Has Client Portal Access".to_owned(),
                "save".to_owned(),
            ],
            Some(_) | None => Vec::new(),
        }
    }

    fn portal_steps(&self) -> Vec<String> {
        let name = match (self.id, self.fields.after(Slot::Field(Field::Email))) {
            (Some(id), _) => format!("the contact with ID {id}"),
            (None, Some(email)) => format!("the contact with the email {email}"),
            (None, None) => "the new contact".to_owned(),
        };
        let mut steps = vec![format!("open CRM > Contacts > {name} > Client Portal Access")];
        let unseen = self.fields.iter().filter(|field| !is_seen(Kind::Contact, field.slot));
        let mut unseen: Vec<FieldChange<'_>> = unseen.collect();
        unseen.sort_by_key(|field| field.slot != Slot::Field(Field::PortalAccess));
        // Without access there is neither a name nor a role to set.
        let closed =
            unseen.iter().any(|field| field.slot == Slot::Field(Field::PortalAccess) && field.after == Some("false"));
        let kept = unseen.into_iter().take(if closed { 1 } else { usize::MAX });
        steps.extend(kept.filter_map(|field| step(self.kind, field)));
        steps.push("save".to_owned());
        steps
    }
}

/// What a person has to do to a record that exists, so that it holds these fields, which cannot be read back.
#[must_use]
pub fn unseen_steps(record: &Record, fields: &BTreeSet<Field>) -> Vec<String> {
    let RecordKey { kind, id } = record.key;
    let open = match kind {
        Kind::Employee => format!("open HR > Employees > the employee with ID {id}"),
        Kind::Contact => format!("open CRM > Contacts > the contact with ID {id} > Client Portal Access"),
    };
    let held = |field: &Field| {
        let after = record.fields.get(*field);
        step(kind, FieldChange { slot: Slot::Field(*field), before: None, after, from: Provenance::Record })
    };
    let portal = fields.get(&Field::PortalAccess).and_then(held);
    let closed = fields.contains(&Field::PortalAccess) && !record.fields.portal_access();
    let others = fields.iter().filter(|field| **field != Field::PortalAccess && !closed).filter_map(held);
    std::iter::once(open).chain(portal).chain(others).chain(["save".to_owned()]).collect()
}

/// The fields of a change that cannot be read back and that a person must look after.
#[must_use]
pub fn unseen_fields(change: &Change) -> BTreeSet<Field> {
    let owed = change.fields.iter().filter(|field| !is_seen(change.kind, field.slot) && is_owed(field));
    owed.filter_map(|field| match field.slot {
        Slot::Field(field) => Some(field),
        Slot::Status => None,
    })
    .collect()
}

fn step(kind: Kind, FieldChange { slot, before: _, after, from: _ }: FieldChange<'_>) -> Option<String> {
    let label = match slot {
        Slot::Status if after == Some("active") => return Some("switch Active on".to_owned()),
        Slot::Status => return Some("switch Active off".to_owned()),
        Slot::Field(Field::PortalAccess) if after == Some("true") => {
            return Some("tick Has Client Portal Access".to_owned());
        }
        Slot::Field(Field::PortalAccess) => return Some("clear Has Client Portal Access".to_owned()),
        Slot::Field(field) => label(kind, field)?,
    };
    Some(match after {
        Some(value) => format!("set {label} to {value}"),
        None => format!("clear {label}"),
    })
}

/// What the forms of BMS call a field.
const fn label(kind: Kind, field: Field) -> Option<&'static str> {
    Some(match field {
        Field::Username => "User Name",
        Field::Email => match kind {
            Kind::Employee => "Email Address",
            Kind::Contact => "Email",
        },
        Field::FirstName => "First Name",
        Field::LastName => "Last Name",
        Field::Phone => "Phone",
        Field::JobTitle => "Job Title",
        Field::Department => "Department",
        Field::Location => "Location",
        Field::Manager => "Manager",
        Field::EmploymentType => "Employment Type",
        Field::EmployeeRole => "Employee Role",
        Field::SecurityRole => "Security Role",
        Field::Account => "Account",
        Field::PortalAccess => return None,
    })
}

/// One thing that a person has to do in BMS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToDo {
    /// What is done.
    pub action: Text,
    /// Of which kind.
    pub kind: Kind,
    /// Which record; none for one that is to be made.
    pub id: Option<u64>,
    /// Because of whom.
    pub user: UserKey,
    /// Its name.
    pub user_principal_name: Option<Text>,
    /// The steps, in order.
    pub steps: Vec<String>,
    /// How it is known to be done.
    pub seen_by: SeenBy,
}

/// How it is known that something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SeenBy {
    /// The next read of BMS sees it.
    Read,
    /// BMS does not let it be read: a person says so, with `bmsync confirm`.
    Person,
}

impl ToDo {
    /// What a change leaves to a person entirely.
    #[must_use]
    pub fn of(change: &Change) -> Option<Self> {
        let to_do = Self::from_change(change, SeenBy::Read);
        (change.hand.waits() && change.held.is_none() && !to_do.steps.is_empty()).then_some(to_do)
    }

    /// What a change leaves to a person.
    #[must_use]
    pub fn from_change(change: &Change, seen_by: SeenBy) -> Self {
        Self {
            action: Text::const_new(change.action.word()),
            kind: change.kind,
            id: change.id,
            user: change.user.key.clone(),
            user_principal_name: change.user.user_principal_name.clone(),
            steps: change.steps(),
            seen_by,
        }
    }
}
