//! What a batch would make of the records: each user's changes applied to copies, or refused. Pure.

use std::collections::HashSet;

use super::ids::Ids;
use crate::actual::Actual;
use crate::applied::UserChanges;
use crate::model::{Field, Fields, Kind, Record, RecordKey, References, Status};
use crate::plan::{Action, Change, FieldChange, Slot, status_of};

/// One change as it would be written.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// Which user of the batch it belongs to.
    pub user: usize,
    /// What is asked for.
    pub change: &'a Change,
    /// The record as it is; `None` when the change makes one.
    pub before: Option<&'a Record>,
    /// The record as it would be; the ID of a new one is 0 until the store gives it one.
    pub after: Record,
}

/// Applies one user's changes to copies of the records.
///
/// `taken` holds the records that the batch changes already: a record belongs to one user, so two cannot change it.
/// `spare` counts how many IDs are left for new ones.
pub fn drafts<'a>(
    actual: &'a Actual,
    user: usize,
    changes: &'a UserChanges,
    taken: &mut HashSet<RecordKey>,
    spare: &mut Ids,
) -> Result<Vec<Draft<'a>>, String> {
    let mut drafts = Vec::with_capacity(changes.changes.len());
    for change in &changes.changes {
        if let Some(key) = change.record()
            && !taken.insert(key)
        {
            return Err(format!("{key} would be changed twice"));
        }
        if change.action == Action::Create {
            spare.next(change.kind)?;
        }
        drafts.push(draft(actual, user, change)?);
    }
    owners_agree(actual, &drafts)?;
    Ok(drafts)
}

fn draft<'a>(actual: &'a Actual, user: usize, change: &'a Change) -> Result<Draft<'a>, String> {
    let before = match (change.action, change.record()) {
        (Action::Create, None) => None,
        (Action::Create, Some(key)) => return Err(format!("a create cannot name {key}")),
        (action, None) => return Err(format!("{} names no record", action.word())),
        (_, Some(key)) => Some(actual.record(key).ok_or_else(|| format!("there is no {key}"))?),
    };
    let mut after = before.cloned().unwrap_or_else(|| blank(change.kind));
    let mut values = Vec::with_capacity(Field::ALL.len());
    for field in &change.fields {
        match told(before, change.kind, field)? {
            Told::Status(status) => after.status = status,
            Told::Value(field, value) => values.push((field, value)),
        }
    }
    after.fields.set_all(values);
    relink(&mut after, change);
    settle(&mut after);
    Ok(Draft { user, change, before, after })
}

/// A record of that kind of which nothing is known.
pub fn blank(kind: Kind) -> Record {
    Record {
        key: RecordKey { kind, id: 0 },
        status: Status::Active,
        fields: Fields::default(),
        link: None,
        archived_from: None,
        references: References::default(),
    }
}

/// Makes what follows from the rest of a record true: a contact's portal access is yes or no, and only an archived
/// record remembers from whom it was archived.
pub fn settle(record: &mut Record) {
    if record.key.kind == Kind::Contact && record.fields.get(Field::PortalAccess).is_none() {
        record.fields.set(Field::PortalAccess, Some("false"));
    }
    if record.status != Status::Archived {
        record.archived_from = None;
    }
}

/// What is to be set.
enum Told<'a> {
    Status(Status),
    Value(Field, Option<&'a str>),
}

fn told<'a>(before: Option<&Record>, kind: Kind, change: FieldChange<'a>) -> Result<Told<'a>, String> {
    let FieldChange { slot, before: expected, after: value, from: _ } = change;
    let held = before.and_then(|record| held(record, slot));
    let (held, expected) = (comparable(slot, held), comparable(slot, expected));
    if before.is_some() && held != expected {
        let shown = |value: Option<&str>| value.map_or("nothing".to_owned(), |value| format!("`{value}`"));
        return Err(format!("{} holds {} and not {}", slot.word(), shown(held), shown(expected)));
    }
    match slot {
        Slot::Status => {
            let status = value.and_then(status_of);
            Ok(Told::Status(status.ok_or("the status afterwards is none")?))
        }
        Slot::Field(field) if !Field::of(kind).contains(&field) => {
            Err(format!("the field {field} is not one of {kind}"))
        }
        Slot::Field(field) => Ok(Told::Value(field, value)),
    }
}

fn held(record: &Record, slot: Slot) -> Option<&str> {
    match slot {
        Slot::Status => Some(record.status.word()),
        Slot::Field(field) => record.fields.get(field),
    }
}

/// No portal access is `false`, whether it is said or not.
fn comparable(slot: Slot, value: Option<&str>) -> Option<&str> {
    match (slot, value) {
        (Slot::Field(Field::PortalAccess), None) => Some("false"),
        (Slot::Status | Slot::Field(_), value) => value,
    }
}

fn relink(after: &mut Record, change: &Change) {
    after.link = change.link();
    if after.link.is_none() {
        after.archived_from = Some(change.user.key.clone());
    }
}

/// A user owns at most one record afterwards.
fn owners_agree(actual: &Actual, drafts: &[Draft<'_>]) -> Result<(), String> {
    let mut owned = drafts.iter().filter(|draft| draft.after.link.is_some());
    let Some(own) = owned.next() else { return Ok(()) };
    if owned.next().is_some() {
        return Err("the user would own two records".to_owned());
    }
    let Some(other) = actual.owned_by(&own.change.user.key) else { return Ok(()) };
    let stays = drafts.iter().all(|draft| draft.before.map(|record| record.key) != Some(other.key));
    if stays { Err(format!("the user owns {} already", other.key)) } else { Ok(()) }
}
