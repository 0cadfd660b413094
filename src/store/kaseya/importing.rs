//! What may be imported into the book of a live BMS: what BMS does not show, of records that it has. All else is read
//! from BMS itself.

use crate::interchange::row::RowErrors;
use crate::model::Record;
use crate::plan::{Slot, is_seen};
use crate::store::book::Allowed;

/// Lets rows through that say nothing of what BMS shows.
///
/// # Errors
/// All rows that say something else.
pub fn permit(allowed: &Allowed<'_>) -> Result<(), RowErrors> {
    let Allowed { actual, laid } = allowed;
    let mut errors = RowErrors::default();
    for (record, place) in &laid.records {
        match actual.record(record.key) {
            None => errors.push(place.clone(), format!("BMS has no {}: records are made in BMS", record.key)),
            Some(known) => {
                for slot in Slot::ALL.into_iter().filter(|slot| is_seen(record.key.kind, *slot)) {
                    if value(known, slot) != value(record, slot) {
                        errors.push(place.clone(), format!("{} is read from BMS: change it there", slot.word()));
                    }
                }
            }
        }
    }
    if let (false, Some((_, place))) = (laid.accounts.is_empty(), laid.records.first()) {
        errors.push(place.clone(), "accounts are read from BMS: change them there".to_owned());
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn value(record: &Record, slot: Slot) -> Option<&str> {
    match slot {
        Slot::Status => Some(record.status.word()),
        Slot::Field(field) => record.fields.get(field),
    }
}
