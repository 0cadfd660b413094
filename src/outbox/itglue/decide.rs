//! What is to be done for one contact, from what BMS and IT Glue have. Pure: nothing is asked and nothing is written.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::compare::{Difference, Frame, creation, difference, settled};
use super::document::Contact;
use super::view::View;
use crate::actual::{Actual, Namespace};
use crate::manifest::config::Delivery;
use crate::model::{Digest, Field, Kind, Record, RecordKey, Status};
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
    /// Which contact of BMS a contact there is known to be.
    pub owners: BTreeMap<u64, u64>,
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

impl<'a> Case<'a> {
    pub fn decide(&mut self, item: &Item) -> Decision {
        let Item { record, memory } = item;
        match self.matched(item) {
            Match::One(contact) => {
                self.owners.insert(contact.id, record.key.id);
                self.compared(item, contact)
            }
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
    fn matched(&self, item: &Item) -> Match<'a> {
        let Item { record, memory } = item;
        let view: &'a View = self.view;
        let own = |id: &u64| !self.is_anothers(*id, record);
        if let Some(known) = memory.contact.filter(own).and_then(|id| view.contacts.get(&id)) {
            return Match::One(known);
        }
        let email = match record.status {
            Status::Active | Status::Inactive => record.fields.get(Field::Email),
            // Its email was changed when it was archived.
            Status::Archived => None,
        };
        let mut found = email.map(|email| view.by_email(email)).unwrap_or_default();
        found.retain(own);
        match found.as_slice() {
            [] => Match::Nobody,
            [one] => view.contacts.get(one).map_or(Match::Nobody, Match::One),
            [_, ..] => Match::Many(found),
        }
    }

    /// Whether a contact there is known to be another one of BMS. Whom BMS has archived gives way to whoever has the email
    /// now, for that is the same person under a new record.
    fn is_anothers(&self, there: u64, record: &Record) -> bool {
        let Some(owner) = self.owners.get(&there).filter(|owner| **owner != record.key.id) else { return false };
        let owner = self.actual.record(RecordKey { kind: Kind::Contact, id: *owner });
        owner.is_some_and(|owner| owner.status != Status::Archived || record.status == Status::Archived)
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
        let refused = memory.refused.as_ref().filter(|one| one.digest == digest(&difference.attributes));
        match (self.mode, self.view.synced.contains(&contact.id)) {
            (Delivery::Verify, _) => found(FindingCode::Different, "IT Glue says something else than BMS"),
            (Delivery::Write, true) => found(FindingCode::Synced, "BMS synchronizes this contact and alone changes it"),
            (Delivery::Write, false) if self.view.has_synced => found(FindingCode::TwoWriters, TWO_WRITERS),
            (Delivery::Write, false) => match refused {
                Some(refused) => Decision::Settle(left(item, known, refused.finding.clone())),
                None => Decision::Update { contact: contact.clone(), difference },
            },
        }
    }

    /// Nobody in IT Glue is this contact.
    fn absent(&self, item: &Item) -> Decision {
        let Item { record, memory } = item;
        if let Some(wait) = memory.creating.and_then(|since| self.settling(since)) {
            // A clock that went back makes the wait no longer than it ever is.
            let creating = memory.creating.map(|since| since.min(self.now));
            let memory = Memory { creating, ..memory.clone() };
            return Decision::Settle(Receipt { id: record.key.id, memory, end: End::Again(wait) });
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
        let strangers: Vec<u64> = self.strangers(record);
        if !strangers.is_empty() {
            let message = "IT Glue has somebody of that name under another email: give one of the two the other's email \
                           if they are one person";
            return found(Finding::new(FindingCode::Homonym, message).of(strangers));
        }
        let attributes = creation(record, self.frame);
        match self.mode {
            Delivery::Verify => found(Finding::new(FindingCode::Missing, "IT Glue does not have this contact")),
            Delivery::Write if self.view.has_synced => found(Finding::new(FindingCode::TwoWriters, TWO_WRITERS)),
            Delivery::Write => match memory.refused.as_ref().filter(|one| one.digest == digest(&attributes)) {
                Some(refused) => found(refused.finding.clone()),
                None => Decision::Create(attributes),
            },
        }
    }

    /// How long to wait before a create whose answer was lost is looked for.
    fn settling(&self, since: Timestamp) -> Option<Duration> {
        let passed = Duration::try_from(self.now.duration_since(since)).unwrap_or_default();
        SETTLE.checked_sub(passed).filter(|left| !left.is_zero())
    }

    /// Those of the record's name of whom nothing tells that they are somebody else.
    fn strangers(&self, record: &Record) -> Vec<u64> {
        let is_ours = |email: &str| {
            let mut known = self.actual.holders(Namespace::Email(Kind::Contact), email);
            known.any(|other| is_neighbour(record, other))
        };
        let is_known = |id: &u64| {
            let contact = self.view.contacts.get(id);
            self.is_anothers(*id, record) || contact.and_then(Contact::primary_email).is_some_and(is_ours)
        };
        self.view.namesakes(record).into_iter().filter(|id| !is_known(id)).collect()
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
