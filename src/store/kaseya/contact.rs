//! Writing one contact: looked at before, written by what differs, looked at after. A create is noted before it is asked
//! for, and what is noted is looked for before anything is made: so a stop at any point makes no second contact.
//!
//! Worked out: (1) note the intent, (2) ask BMS to create, (3) patch what a create does not take, (4) commit record, link
//! and event, (5) drop the note. After a stop behind 1 the contact is looked for by its email and not found; once the lost
//! request cannot arrive any more, it is asked for again. Behind 2 or 3 it is found, adopted and patched. Behind 4 the user
//! owns a record, so no create is planned, and the next read drops the note.

use std::time::Duration;

use jiff::SignedDuration;

use super::api::{self, BmsError, BmsId, ContactSearch, Endpoint, NewAddress, NewContact};
use super::edits::{Orders, Places, Types};
use super::notes::{Intent, Note};
use super::picture::Lens;
use super::writing::{Step, Stop};
use super::{Desk, KaseyaStore};
use crate::applied::Event;
use crate::ledger::Commit;
use crate::model::{Field, Kind, Record, RecordKey, Status, Text, UserKey, same_name};
use crate::plan::{Action, Slot, is_seen};

/// How long a create that was not answered may still arrive.
const MAY_ARRIVE: Duration = Duration::from_mins(5);

/// The calls that writing one contact may take.
const CALLS: [(Endpoint, u32); 5] = [
    (Endpoint::ContactsSearch, 2),
    (Endpoint::ContactSummary, 3),
    (Endpoint::PatchContact, 1),
    (Endpoint::PatchEmails, 1),
    (Endpoint::PatchPhones, 1),
];

impl KaseyaStore {
    /// Makes a contact what the step says; gives the record as BMS shows it then.
    pub(super) async fn contact(&self, desk: &mut Desk, step: &Step<'_>) -> Result<Record, Stop> {
        self.room(&CALLS)?;
        match &step.before {
            None => self.create(desk, step).await,
            Some(before) => self.change(desk, step, before).await,
        }
    }

    async fn create(&self, desk: &mut Desk, step: &Step<'_>) -> Result<Record, Stop> {
        let user = &step.change.user.key;
        let places = self.places(desk, &step.after).await?;
        let types = self.types(desk).await?;
        let found = match desk.notes()?.intents.get(user).cloned() {
            None => None,
            Some(intent) => self.begun(&intent).await?,
        };
        let contact = match found {
            Some(contact) => contact,
            None => self.make(desk, step, places, types).await?,
        };
        let key = RecordKey { kind: Kind::Contact, id: contact.id.number() };
        let known = self.book.view(move |actual| actual.record(key).cloned()).await?;
        // A contact that is found may have been made by somebody else: what bmsync does not write of it stays.
        let mut shall = step.after.clone();
        shall.key = key;
        shall.references = known.map(|known| known.references).unwrap_or_default();
        let contact = self.shape(contact, &shall, places, types).await?;
        Ok(self.lens.contact(&contact, Some(&shall), None))
    }

    /// The contact of a create that was begun; none when it never arrived.
    async fn begun(&self, intent: &Intent) -> Result<Option<api::Contact>, Stop> {
        let email = intent.email.as_deref().unwrap_or_default();
        let mut found = Vec::new();
        for id in self.having(email).await? {
            let key = RecordKey { kind: Kind::Contact, id: id.number() };
            if self.book.view(move |actual| actual.record(key).is_none_or(|known| known.link.is_none())).await? {
                found.push(id);
            }
        }
        let age = self.book.now().duration_since(intent.at);
        match found[..] {
            [id] => Ok(self.api.contact(id).await?),
            [] if age < SignedDuration::try_from(MAY_ARRIVE).unwrap_or(SignedDuration::ZERO) => {
                let what = format!("a create was asked for at {} and not answered; it may still arrive", intent.at);
                Err(Stop::Unknown(what))
            }
            [] => Ok(None),
            [..] => Err(Stop::Refused(format!("several contacts of BMS have the email {email}: a person must decide"))),
        }
    }

    /// Asks BMS for a new contact.
    async fn make(&self, desk: &mut Desk, step: &Step<'_>, places: Places, types: Types) -> Result<api::Contact, Stop> {
        self.room(&[(Endpoint::CreateContact, 1)])?;
        let user = step.change.user.key.clone();
        let email = step.after.fields.get(Field::Email);
        self.is_free(email, None).await?;
        let intent = Intent { email: email.map(Text::from), at: self.book.now() };
        self.note(desk, vec![Note::Intent(user.clone(), Some(intent))]).await?;
        let created = self.api.create_contact(&new_contact(&step.after, &user, places, types)).await;
        let id = match created {
            Ok(id) => id,
            Err(error @ (BmsError::Unknown { .. } | BmsError::Unexpected { .. } | BmsError::TooLarge { .. })) => {
                return Err(Stop::Unknown(error.to_string()));
            }
            Err(error) => {
                self.note(desk, vec![Note::Intent(user, None)]).await?;
                return Err(error.into());
            }
        };
        // With a job title it is patched next, and shown then.
        if step.after.fields.get(Field::JobTitle).is_some() {
            return Ok(as_made(id, &step.after, places, types, &self.lens));
        }
        let lost = || Stop::Unknown(format!("BMS said that it made contact {id} and does not show it"));
        self.api.contact(id).await?.ok_or_else(lost)
    }

    async fn change(&self, desk: &mut Desk, step: &Step<'_>, before: &Record) -> Result<Record, Stop> {
        let gone = || Stop::Refused(format!("BMS does not have {} any more", before.key));
        let id = BmsId::new(before.key.id).ok_or_else(gone)?;
        let is = self.api.contact(id).await?.ok_or_else(gone)?;
        self.is_as_planned(before, &is).await?;
        let email = step.after.fields.get(Field::Email);
        let had = before.fields.get(Field::Email);
        let is_new = email.is_some_and(|email| !had.is_some_and(|had| same_name(had, email)));
        if is_new || before.status == Status::Archived {
            self.is_free(email, Some(id)).await?;
        }
        match step.change.action {
            Action::Restore => self.has_no_tickets(before, id).await?,
            Action::Archive => {
                let user = step.change.user.key.clone();
                self.note(desk, vec![Note::Archive(before.key, Some(user))]).await?;
            }
            Action::Create | Action::Merge | Action::Update | Action::Deactivate | Action::Reactivate => {}
        }
        let places = self.places(desk, &step.after).await?;
        let types = self.types(desk).await?;
        let contact = self.shape(is, &step.after, places, types).await?;
        let written = self.lens.contact(&contact, Some(&step.after), None);
        if step.change.action == Action::Archive && written.status != Status::Archived {
            return Err(Stop::Refused(format!("BMS did not take the names that archiving gives {}", before.key)));
        }
        Ok(written)
    }

    /// Refuses when BMS shows something else than the plan was made from; the book takes it in.
    async fn is_as_planned(&self, before: &Record, is: &api::Contact) -> Result<(), Stop> {
        let shown = self.lens.contact(is, Some(before), None);
        let kind = before.key.kind;
        let differs =
            Slot::ALL.into_iter().filter(|slot| is_seen(kind, *slot) && held(before, *slot) != held(&shown, *slot));
        let differs: Vec<&str> = differs.map(Slot::word).collect();
        if differs.is_empty() {
            return Ok(());
        }
        let mut held = self.book.certain().await?;
        let reason = Text::const_new("read from BMS");
        let event = Event { reason, ..held.event(&[], self.book.now(), Some(before), shown) };
        let ids = held.ids;
        self.book.commit(&mut held, ids, Commit { events: vec![event], ..Commit::default() }).await?;
        let what = differs.join(", ");
        Err(Stop::Refused(format!(
            "{} was changed in BMS since the plan was made ({what}): it is planned again",
            before.key
        )))
    }

    /// Refuses an email that BMS has by now in another contact, which the book may not know yet (rule R5).
    async fn is_free(&self, email: Option<&str>, own: Option<BmsId>) -> Result<(), Stop> {
        let Some(email) = email else { return Ok(()) };
        match self.having(email).await?.into_iter().find(|id| Some(*id) != own) {
            None => Ok(()),
            Some(id) => Err(Stop::Refused(format!("BMS has the email {email} in contact {id} by now"))),
        }
    }

    /// The contacts that have exactly that email.
    async fn having(&self, email: &str) -> Result<Vec<BmsId>, Stop> {
        let search = ContactSearch { email: Some(email.to_owned()), ..ContactSearch::default() };
        let found = self.api.search_contacts(&search).await?;
        let same = |found: &api::FoundContact| found.email.as_deref().is_some_and(|held| same_name(held, email));
        Ok(found.items.iter().filter(|found| same(found)).map(|found| found.id).collect())
    }

    /// Refuses to restore a contact that tickets name; the book remembers it (rule R6).
    async fn has_no_tickets(&self, before: &Record, id: BmsId) -> Result<(), Stop> {
        let tickets = self.api.tickets_of(id).await?;
        if tickets == 0 {
            return Ok(());
        }
        let mut after = before.clone();
        after.references.tickets = tickets;
        let mut held = self.book.certain().await?;
        let reason = Text::const_new("tickets were counted in BMS");
        let event = Event { reason, ..held.event(&[], self.book.now(), Some(before), after) };
        let ids = held.ids;
        self.book.commit(&mut held, ids, Commit { events: vec![event], ..Commit::default() }).await?;
        Err(Stop::Refused(format!(
            "{tickets} tickets name {}: it stays archived, and another one is planned",
            before.key
        )))
    }

    /// Tells BMS what differs, access first, and looks at what came of it.
    async fn shape(
        &self,
        is: api::Contact,
        shall: &Record,
        places: Places,
        types: Types,
    ) -> Result<api::Contact, Stop> {
        let Orders { fields, emails, phones } = Orders::between(&is, shall, places, types, &self.lens);
        let id = is.id;
        let mut now = is;
        if !fields.is_empty() {
            now = self.api.edit_contact(id, &fields).await?;
        }
        if !emails.is_empty() {
            self.api.edit_emails(id, &emails).await?;
        }
        if !phones.is_empty() {
            self.api.edit_phones(id, &phones).await?;
        }
        if !(emails.is_empty() && phones.is_empty()) {
            let gone = || Stop::Unknown(format!("BMS does not show contact {id} any more"));
            now = self.api.contact(id).await?.ok_or_else(gone)?;
        }
        Ok(now)
    }
}

/// A new contact as BMS has it when it took the order as it was given; what differs from that is seen when it is read.
fn as_made(id: BmsId, record: &Record, places: Places, types: Types, lens: &Lens) -> api::Contact {
    let value = |field| record.fields.get(field).map(str::to_owned);
    let address = |field, type_id, type_name: Option<&Text>| {
        let (value, type_name) = (value(field)?, type_name.map(ToString::to_string));
        Some(api::Address { value, type_id: Some(type_id), type_name, rank: api::Rank::Default })
    };
    api::Contact {
        id,
        account_id: Some(places.account),
        account_name: value(Field::Account),
        location_id: Some(places.location),
        location_name: value(Field::Location),
        first_name: value(Field::FirstName),
        last_name: value(Field::LastName),
        job_title: None,
        activity: api::Activity::Active,
        emails: address(Field::Email, types.email, None).into_iter().collect(),
        phones: address(Field::Phone, types.phone, lens.phone_type.as_ref()).into_iter().collect(),
        created_on: None,
        modified_on: None,
    }
}

fn new_contact(record: &Record, user: &UserKey, places: Places, types: Types) -> NewContact {
    let value = |field| record.fields.get(field).map(str::to_owned);
    let address = |field, type_id| value(field).map(|value| NewAddress { value, type_id });
    NewContact {
        first_name: value(Field::FirstName),
        last_name: value(Field::LastName),
        account_id: places.account,
        location_id: places.location,
        email: address(Field::Email, types.email),
        phone: address(Field::Phone, types.phone),
        anchor: Some(user.user.to_string()),
    }
}

fn held(record: &Record, slot: Slot) -> Option<&str> {
    match slot {
        Slot::Status => Some(record.status.word()),
        Slot::Field(field) => record.fields.get(field),
    }
}
