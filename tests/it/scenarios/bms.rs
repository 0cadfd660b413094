//! The BMS of a scenario: imports lines, is observed, takes an approved plan.

use bmsync::actual::Actual;
use bmsync::model::{
    Account, Field, Fields, Id, Kind, Link, Record, RecordKey, References, Revision, Seen, Status, Text, UserKey,
};
use bmsync::plan::{Approved, Change, LinkChange, Slot, status_of};
use serde_json::Value;

/// What BMS holds.
#[derive(Debug, Default)]
pub struct Bms {
    /// As of now.
    pub actual: Actual,
}

impl Bms {
    /// Imports JSON lines: only the keys that are given change.
    pub fn import(&mut self, lines: &str) {
        for line in lines.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            match line["kind"].as_str().unwrap() {
                "account" => self.account(&line),
                "employee" => self.person(Kind::Employee, &line),
                "contact" => self.person(Kind::Contact, &line),
                other => panic!("unknown kind {other}"),
            }
        }
        self.actual.revision = Revision(self.actual.revision.0 + 1);
    }

    fn account(&mut self, line: &Value) {
        let id = line["id"].as_u64().unwrap();
        let known = self.actual.sorted_accounts().into_iter().find(|one| one.id == id).cloned();
        let mut account = known.unwrap_or(Account { id, name: Text::default(), locations: Vec::new() });
        if let Some(name) = line.get("name") {
            account.name = Text::from(name.as_str().unwrap());
        }
        if let Some(locations) = line.get("locations") {
            account.locations = serde_json::from_value(locations.clone()).unwrap();
        }
        self.actual.put_account(account);
    }

    fn person(&mut self, kind: Kind, line: &Value) {
        let key = RecordKey { kind, id: line["id"].as_u64().unwrap() };
        let mut record = self.actual.record(key).cloned().unwrap_or_else(|| blank(key));
        for (name, value) in line.as_object().unwrap() {
            match name.as_str() {
                "kind" | "id" => {}
                "status" => record.status = status_of(value.as_str().unwrap()).unwrap(),
                "source" => {
                    record.link = user(value).map(|user| Link { user, user_principal_name: None, seen: Seen::Unknown });
                }
                "archivedFrom" => record.archived_from = user(value),
                "references" => record.references = serde_json::from_value(value.clone()).unwrap(),
                "portalAccess" => record.fields.set(Field::PortalAccess, Some(&value.to_string())),
                field => record.fields.set(Field::from_word(field).unwrap(), value.as_str()),
            }
        }
        self.actual.put(record);
    }

    /// Takes an approved plan.
    pub fn apply(&mut self, approved: Approved) {
        let batch = approved.into_batch();
        assert_eq!(batch.revision, self.actual.revision);
        for change in batch.users.into_iter().flat_map(|user| user.changes) {
            self.change(change);
        }
        for touch in batch.touched {
            let mut record = self.actual.record(touch.record).unwrap().clone();
            let link = record.link.as_mut().unwrap();
            (link.seen, link.user_principal_name) = (touch.seen, touch.user.user_principal_name);
            self.actual.put(record);
        }
        self.actual.revision = Revision(self.actual.revision.0 + 1);
    }

    fn change(&mut self, change: Change) {
        let key = RecordKey { kind: change.kind, id: change.id.unwrap_or_else(|| self.next_id(change.kind)) };
        let mut record = self.actual.record(key).cloned().unwrap_or_else(|| blank(key));
        for field in change.fields {
            match field.slot {
                Slot::Status => record.status = status_of(field.after.as_deref().unwrap()).unwrap(),
                Slot::Field(name) => record.fields.set(name, field.after.as_deref()),
            }
        }
        match change.link {
            LinkChange::Set(link) => (record.link, record.archived_from) = (Some(link), None),
            LinkChange::Archived => (record.link, record.archived_from) = (None, Some(change.user.key)),
        }
        self.actual.put(record);
    }

    fn next_id(&self, kind: Kind) -> u64 {
        self.actual.records().filter(|one| one.key.kind == kind).map(|one| one.key.id).max().unwrap_or(0) + 1
    }
}

fn blank(key: RecordKey) -> Record {
    let status = Status::Active;
    Record {
        key,
        status,
        fields: Fields::default(),
        link: None,
        archived_from: None,
        references: References::default(),
    }
}

fn user(value: &Value) -> Option<UserKey> {
    let part = |key: &str| Id::new(value[key].as_str().unwrap());
    (!value.is_null()).then(|| UserKey { tenant: part("tenantId"), user: part("userId") })
}
