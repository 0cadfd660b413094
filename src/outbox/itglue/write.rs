//! Writing to IT Glue: many at a time where that is possible, one by one where the many are refused. What is created is
//! noted before, so that a lost answer never makes a second one.

use serde_json::{Map, Value, json};

use super::ItGlueSink;
use super::client::{Query, Said};
use super::compare::{Difference, Frame, difference, settled};
use super::decide::{digest, left};
use super::document::Contact;
use crate::http::{Fate, Method};
use crate::model::{Field, same_name};
use crate::outbox::{Delivered, Did, End, Finding, FindingCode, Item, Memory, Notes, Receipt, Refused, SinkError};

/// Contacts in one request.
const BULK: usize = 50;

/// A contact that is to be updated.
pub(super) struct Update<'i> {
    pub item: &'i Item,
    pub contact: Contact,
    pub difference: Difference,
}

/// A contact that is to be created.
pub(super) struct Create<'i> {
    pub item: &'i Item,
    pub attributes: Map<String, Value>,
}

impl ItGlueSink {
    pub(super) async fn update(&self, updates: &[Update<'_>], frame: &Frame, done: &mut Delivered) {
        for some in updates.chunks(BULK) {
            if done.stopped.is_none() {
                done.stopped = self.update_some(some, frame, &mut done.receipts).await.err();
            }
        }
    }

    async fn update_some(
        &self,
        updates: &[Update<'_>],
        frame: &Frame,
        receipts: &mut Vec<Receipt>,
    ) -> Result<(), SinkError> {
        if let [one] = updates {
            return self.update_one(one, frame, receipts).await;
        }
        let data = updates.iter().map(|update| {
            let mut attributes = update.difference.attributes.clone();
            attributes.insert("id".to_owned(), update.contact.id.into());
            json!({ "type": "contacts", "attributes": attributes })
        });
        let body = json!({ "data": data.collect::<Vec<_>>() });
        match self.client.ask(Method::Patch, &["contacts"], Query::new(), Some(&body)).await? {
            Said::Done(document) => {
                let there: Vec<Contact> = document.data.iter().map(super::document::Resource::contact).collect();
                for update in updates {
                    let found = there.iter().find(|contact| contact.id == update.contact.id);
                    receipts.push(taken(update, found, frame));
                }
                Ok(())
            }
            // One of them is in the way of all, and which one nobody says.
            Said::Refused { .. } => {
                for update in updates {
                    self.update_one(update, frame, receipts).await?;
                }
                Ok(())
            }
        }
    }

    async fn update_one(
        &self,
        update: &Update<'_>,
        frame: &Frame,
        receipts: &mut Vec<Receipt>,
    ) -> Result<(), SinkError> {
        let Update { item, contact, difference } = update;
        let body = json!({ "data": { "type": "contacts", "attributes": difference.attributes } });
        let id = contact.id.to_string();
        let known = Memory { contact: Some(contact.id), creating: None, ..item.memory.clone() };
        receipts.push(match self.client.ask(Method::Patch, &["contacts", &id], Query::new(), Some(&body)).await? {
            Said::Done(document) => {
                taken(update, document.data.first().map(super::document::Resource::contact).as_ref(), frame)
            }
            Said::Refused { status: 404, detail: _ } => {
                let memory = Memory { contact: None, ..known };
                Receipt { id: item.record.key.id, memory, end: End::Again(std::time::Duration::ZERO) }
            }
            Said::Refused { status, detail } => {
                let code = if status == 422 { FindingCode::Synced } else { FindingCode::Refused };
                let message = format!("IT Glue refuses the change ({status}): {detail}");
                let finding = Finding::new(code, message).of([contact.id]).in_fields(&difference.fields);
                left(item, refusing(known, &difference.attributes, &finding), finding)
            }
        });
        Ok(())
    }

    pub(super) async fn create(
        &self,
        organization: u64,
        creates: &[Create<'_>],
        frame: &Frame,
        notes: &dyn Notes,
        done: &mut Delivered,
    ) {
        for some in creates.chunks(BULK) {
            if done.stopped.is_none() {
                done.stopped = self.create_some(organization, some, frame, notes, &mut done.receipts).await.err();
            }
        }
    }

    async fn create_some(
        &self,
        organization: u64,
        creates: &[Create<'_>],
        frame: &Frame,
        notes: &dyn Notes,
        receipts: &mut Vec<Receipt>,
    ) -> Result<(), SinkError> {
        let now = (self.clock)();
        let noted = |create: &Create<'_>| {
            let memory = Memory { creating: Some(now), contact: None, ..create.item.memory.clone() };
            (create.item.record.key.id, memory)
        };
        notes.remember(creates.iter().map(noted).collect()).await?;
        let resource = |create: &Create<'_>| json!({ "type": "contacts", "attributes": create.attributes });
        let data = match creates {
            [one] => resource(one),
            [..] => Value::Array(creates.iter().map(resource).collect()),
        };
        let id = organization.to_string();
        let path = ["organizations", id.as_str(), "relationships", "contacts"];
        match self.client.ask(Method::Post, &path, Query::new(), Some(&json!({ "data": data }))).await {
            Ok(Said::Done(document)) => {
                let there: Vec<Contact> = document.data.iter().map(super::document::Resource::contact).collect();
                receipts.extend(creates.iter().map(|create| made(create, &there, frame, now)));
                Ok(())
            }
            Ok(Said::Refused { status, detail }) => {
                if let [one] = creates {
                    receipts.push(refused(one, status, &detail));
                    return Ok(());
                }
                for one in creates {
                    let alone = self.create_some(organization, std::slice::from_ref(one), frame, notes, receipts);
                    Box::pin(alone).await?;
                }
                Ok(())
            }
            Err(error) => {
                if error.fate == Fate::Unsent {
                    // It is certain that nothing came of it, so nothing need be looked for.
                    notes.remember(creates.iter().map(|one| (one.item.record.key.id, fresh(one))).collect()).await?;
                }
                Err(error)
            }
        }
    }
}

/// What is remembered of a contact of which it is certain that it was not created.
fn fresh(create: &Create<'_>) -> Memory {
    Memory { creating: None, contact: None, ..create.item.memory.clone() }
}

/// What came of an update that was accepted: what is still different then is not sent again and again.
fn taken(update: &Update<'_>, there: Option<&Contact>, frame: &Frame) -> Receipt {
    let Update { item, contact, difference: _ } = update;
    let id = item.record.key.id;
    let Some(there) = there else {
        return Receipt { id, memory: item.memory.clone(), end: End::Again(std::time::Duration::ZERO) };
    };
    let before = settled(&item.record, &item.memory, contact, frame);
    let memory = Memory { type_before: before.type_before, ..settled(&item.record, &item.memory, there, frame) };
    let rest = difference(&item.record, &item.memory, there, frame);
    let end = if rest.is_empty() {
        End::Settled(Did::Updated, None)
    } else {
        let message = "IT Glue accepted the change and still says something else";
        let finding = Finding::new(FindingCode::NotTaken, message).of([there.id]).in_fields(&rest.fields);
        return Receipt {
            id,
            memory: refusing(memory, &rest.attributes, &finding),
            end: End::Settled(Did::Left, Some(finding)),
        };
    };
    Receipt { id, memory, end }
}

/// What came of a create that was accepted. The answer promises no order: each is known by its email.
fn made(create: &Create<'_>, there: &[Contact], frame: &Frame, now: jiff::Timestamp) -> Receipt {
    let Create { item, attributes: _ } = create;
    let email = item.record.fields.get(Field::Email).unwrap_or_default();
    let found = there.iter().find(|contact| contact.primary_email().is_some_and(|held| same_name(held, email)));
    let id = item.record.key.id;
    if let Some(contact) = found {
        let memory = settled(&item.record, &Memory::default(), contact, frame);
        return Receipt { id, memory, end: End::Settled(Did::Created, None) };
    }
    let memory = Memory { creating: Some(now), contact: None, ..item.memory.clone() };
    Receipt { id, memory, end: End::Again(std::time::Duration::ZERO) }
}

fn refused(create: &Create<'_>, status: u16, detail: &str) -> Receipt {
    let message = format!("IT Glue refuses to create the contact ({status}): {detail}");
    let finding = Finding::new(FindingCode::Refused, message);
    left(create.item, refusing(fresh(create), &create.attributes, &finding), finding)
}

/// Remembers what was refused, and why.
fn refusing(memory: Memory, sent: &Map<String, Value>, finding: &Finding) -> Memory {
    Memory { refused: Some(Refused { digest: digest(sent), finding: finding.clone() }), ..memory }
}
