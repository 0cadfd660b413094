//! What is to be done for one contact, from what BMS and IT Glue have. Pure: nothing is asked and nothing is written.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::compare::{Difference, Frame, creation, difference, settled};
use super::document::Contact;
use super::view::View;
use crate::actual::{Actual, Namespace};
use crate::manifest::config::Delivery;
use crate::model::{Digest, Field, Kind, Record, Status};
use crate::outbox::{Did, End, Finding, FindingCode, Item, Memory, Receipt};

/// So long after a create whose answer was lost, it is looked for: before, it may still be under way.
const SETTLE: Duration = Duration::from_mins(1);

/// What is to be done.
#[derive(Debug)]
pub(super) enum Decision {
    /// Nothing, or nothing that bmsync does.
    Settle(Receipt),
    /// Create it with these attributes.
    Create(Map<String, Value>),
    /// Update that contact.
    Update { contact: Contact, difference: Difference },
}

/// What decisions are made from.
pub(super) struct Case<'a> {
    pub mode: Delivery,
    pub actual: &'a Actual,
    pub view: &'a View,
    pub frame: &'a Frame,
    pub now: Timestamp,
}

/// Who in IT Glue a contact is.
enum Match<'v> {
    One(&'v Contact),
    Many(Vec<u64>),
    Nobody,
}

/// A receipt with nothing more to do.
pub(super) fn left(item: &Item, memory: Memory, finding: Finding) -> Receipt {
    Receipt { id: item.record.key.id, memory, end: End::Settled(Did::Left, Some(finding)) }
}

/// Stands for what is sent, so that what was refused once is not sent again.
pub(super) fn digest(attributes: &Map<String, Value>) -> String {
    Digest::of([Value::Object(attributes.clone()).to_string().as_bytes()]).to_string()
}

impl Case<'_> {
    pub fn decide(&self, item: &Item) -> Decision {
        let Item { record, memory } = item;
        match self.matched(item) {
            Match::One(contact) => self.compared(item, contact),
            Match::Many(ids) => {
                let message = format!("IT Glue has {} contacts with its email: merge them there", ids.len());
                Decision::Settle(left(item, memory.clone(), Finding::new(FindingCode::Duplicate, message).of(ids)))
            }
            Match::Nobody if record.status == Status::Active => self.absent(item),
            // Who is not active need not be there.
            Match::Nobody => {
                let memory = Memory { contact: None, creating: None, ..memory.clone() };
                Decision::Settle(Receipt { id: record.key.id, memory, end: End::Settled(Did::Matched, None) })
            }
        }
    }

    /// By the ID that is remembered; else by the email that BMS has, or had when IT Glue last had the same.
    fn matched(&self, item: &Item) -> Match<'_> {
        let Item { record, memory } = item;
        if let Some(known) = memory.contact.and_then(|id| self.view.contacts.get(&id)) {
            return Match::One(known);
        }
        let email = match record.status {
            Status::Active | Status::Inactive => record.fields.get(Field::Email),
            // Its email was changed when it was archived.
            Status::Archived => None,
        };
        let found = email.map(|email| self.view.by_email(email)).unwrap_or_default();
        match found.as_slice() {
            [] => Match::Nobody,
            [one] => Match::One(one),
            [_, ..] => Match::Many(found.iter().map(|one| one.id).collect()),
        }
    }

    fn compared(&self, item: &Item, contact: &Contact) -> Decision {
        let Item { record, memory } = item;
        let difference = difference(record, memory, contact, self.frame);
        if difference.is_empty() {
            let memory = settled(record, memory, contact, self.frame);
            return Decision::Settle(Receipt { id: record.key.id, memory, end: End::Settled(Did::Matched, None) });
        }
        let known = Memory { contact: Some(contact.id), creating: None, ..memory.clone() };
        let found = |code, message: &str| {
            let finding = Finding::new(code, message).of([contact.id]).in_fields(&difference.fields);
            Decision::Settle(left(item, known.clone(), finding))
        };
        let is_refused = memory.refused.as_ref() == Some(&digest(&difference.attributes));
        match (self.mode, self.view.synced.contains(&contact.id)) {
            (Delivery::Verify, _) => found(FindingCode::Different, "IT Glue says something else than BMS"),
            (Delivery::Write, true) => found(FindingCode::Synced, "BMS synchronizes this contact and alone changes it"),
            (Delivery::Write, false) if self.view.has_synced => found(FindingCode::TwoWriters, TWO_WRITERS),
            (Delivery::Write, false) if is_refused => {
                found(FindingCode::Refused, "IT Glue refused this change; it is tried again when the contact changes")
            }
            (Delivery::Write, false) => Decision::Update { contact: contact.clone(), difference },
        }
    }

    /// Nobody in IT Glue is this contact.
    fn absent(&self, item: &Item) -> Decision {
        let Item { record, memory } = item;
        if let Some(wait) = memory.creating.and_then(|since| self.settling(since)) {
            let end = End::Again(wait);
            return Decision::Settle(Receipt { id: record.key.id, memory: memory.clone(), end });
        }
        let known = Memory { contact: None, creating: None, ..memory.clone() };
        let found = |finding| Decision::Settle(left(item, known.clone(), finding));
        let Some(email) = record.fields.get(Field::Email) else {
            return found(Finding::new(FindingCode::NoEmail, "without an email it cannot be found in IT Glue"));
        };
        let others = self.actual.holders(Namespace::Email(Kind::Contact), email);
        if others.filter(|other| is_neighbour(record, other)).count() > 0 {
            let message = "another contact of the account has the same email in BMS";
            return found(Finding::new(FindingCode::SharedEmail, message));
        }
        let strangers: Vec<u64> = self.strangers(record).map(|contact| contact.id).collect();
        if !strangers.is_empty() {
            let message = "IT Glue has somebody of that name under another email: give one of the two the other's email \
                           if they are one person";
            return found(Finding::new(FindingCode::Homonym, message).of(strangers));
        }
        let attributes = creation(record, self.frame);
        match self.mode {
            Delivery::Verify => found(Finding::new(FindingCode::Missing, "IT Glue does not have this contact")),
            Delivery::Write if self.view.has_synced => found(Finding::new(FindingCode::TwoWriters, TWO_WRITERS)),
            Delivery::Write if memory.refused.as_ref() == Some(&digest(&attributes)) => found(Finding::new(
                FindingCode::Refused,
                "IT Glue refused this contact; it is tried again when it changes",
            )),
            Delivery::Write => Decision::Create(attributes),
        }
    }

    /// How long to wait before a create whose answer was lost is looked for; a clock that went back makes it no longer.
    fn settling(&self, since: Timestamp) -> Option<Duration> {
        let passed = Duration::try_from(self.now.duration_since(since)).unwrap_or_default();
        SETTLE.checked_sub(passed).filter(|left| !left.is_zero())
    }

    /// Those of the record's name of whom BMS does not know that they are somebody else.
    fn strangers(&self, record: &Record) -> impl Iterator<Item = &Contact> {
        self.view.namesakes(record).into_iter().filter(move |contact| {
            let is_ours = |email: &str| {
                let known = self.actual.holders(Namespace::Email(Kind::Contact), email);
                known.into_iter().any(|other| is_neighbour(record, other))
            };
            !contact.primary_email().is_some_and(is_ours)
        })
    }
}

/// Whether another record is of the same account.
fn is_neighbour(record: &Record, other: &Record) -> bool {
    other.key != record.key && other.fields.get(Field::Account) == record.fields.get(Field::Account)
}

/// Why nothing is written beside BMS.
const TWO_WRITERS: &str = "BMS synchronizes contacts of this organization with IT Glue: a second writer makes duplicates. \
                           Keep `mode: verify` and let BMS do it, or switch contact sync off in IT Glue (Account > \
                           Integrations > Kaseya BMS)";
