//! The world after a plan's changes.

use super::{Change, FieldChange, Verdict};
use crate::oracle::world::{Link, Record, Status, Values, World};

/// The world after the plan's changes, the held ones too if they were consented to.
pub fn apply(world: &World, verdict: &Verdict, consent: bool) -> World {
    let mut after = world.clone();
    for change in verdict.changes.iter().filter(|change| consent || change.held.is_none()) {
        let id = change.id.unwrap_or_else(|| after.next_id(change.kind));
        if change.id.is_none() {
            let (kind, status) = (change.kind, Status::Active);
            let fields = Values::new();
            after.records.push(Record { kind, id, status, fields, link: None, archived_from: None, references: false });
        }
        let link = Link {
            user: change.user.clone(),
            upn: verdict.upns[&change.user].clone(),
            seen: verdict.seen[&change.user].clone(),
        };
        let record = after.records.iter_mut().find(|record| (record.kind, record.id) == (change.kind, id));
        write(record.expect("a change names a record"), change, link);
    }
    for (user, kind, id) in &verdict.touched {
        let record = after.records.iter_mut().find(|record| (record.kind, record.id) == (*kind, *id));
        let link = record.and_then(|record| record.link.as_mut()).expect("a touch names an owned record");
        link.seen = verdict.seen[user].clone();
        link.upn.clone_from(&verdict.upns[user]);
    }
    after
}

fn write(record: &mut Record, change: &Change, link: Link) {
    for FieldChange { name, before: _, after, from: _ } in &change.fields {
        match (*name, after) {
            ("status", after) => record.status = status_of(after.as_deref()),
            (name, Some(value)) => {
                record.fields.insert(name, value.clone());
            }
            (name, None) => {
                record.fields.remove(name);
            }
        }
    }
    // R6: "the link goes, and `archivedFrom` names the user whose rule caused it".
    if change.action == "archive" {
        (record.link, record.archived_from) = (None, Some(link.user));
    } else {
        (record.link, record.archived_from) = (Some(link), None);
    }
}

fn status_of(word: Option<&str>) -> Status {
    match word {
        Some("inactive") => Status::Inactive,
        Some("archived") => Status::Archived,
        _ => Status::Active,
    }
}
