//! The BMS of a walk as bmsync has it. Decides nothing.

use bmsync::actual::Actual;
use bmsync::model::{Fields, Record, RecordKey, References, Revision, Status};
use bmsync::plan::{Consent, LinkChange, Plan, Slot, status_of};

use super::translate;
use super::world::World;

#[derive(Default)]
pub struct Bms {
    actual: Actual,
}

impl Bms {
    pub fn import(&mut self, world: &World) {
        for record in &world.records {
            let key = RecordKey { kind: record.kind, id: record.id };
            let record = translate::import(record, self.actual.record(key));
            self.actual.put(record);
        }
        for (id, account) in &world.accounts {
            self.actual.put_account(translate::account(*id, account));
        }
    }

    pub fn read(&self) -> Actual {
        self.actual.clone()
    }

    pub fn apply(&mut self, plan: Plan, consent: Consent) -> Result<(), String> {
        let batch = plan.approve(consent).into_batch();
        for change in batch.users.into_iter().flat_map(|user| user.changes) {
            let next = self.actual.records().filter(|r| r.key.kind == change.kind).map(|r| r.key.id).max();
            let key = change.record().unwrap_or(RecordKey { kind: change.kind, id: next.unwrap_or(0) + 1 });
            let mut record = self.actual.record(key).cloned().unwrap_or(Record {
                key,
                status: Status::Active,
                fields: Fields::default(),
                link: None,
                archived_from: None,
                references: References::default(),
            });
            for field in &change.fields {
                match field.slot {
                    Slot::Status => record.status = status_of(field.after.as_deref().unwrap()).unwrap(),
                    Slot::Field(slot) => record.fields.set(slot, field.after.as_deref()),
                }
            }
            match change.link {
                LinkChange::Set(link) => (record.link, record.archived_from) = (Some(link), None),
                LinkChange::Archived => (record.link, record.archived_from) = (None, Some(change.user.key)),
            }
            self.actual.put(record);
        }
        for touch in batch.touched {
            let mut record = self.actual.record(touch.record).cloned().unwrap();
            let link = record.link.as_mut().unwrap();
            link.seen = touch.seen;
            link.user_principal_name = touch.user.user_principal_name.clone();
            self.actual.put(record);
        }
        self.actual.revision = Revision(self.actual.revision.0 + 1);
        Ok(())
    }
}
