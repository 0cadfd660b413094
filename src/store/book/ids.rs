//! The highest ID ever used of each kind: a new one is the next. Records are never deleted, so none is used twice.

use crate::actual::Actual;
use crate::interchange::row::{AccountRow, LARGEST_ID, PersonRow, Row};
use crate::model::{Kind, RecordKey};

/// The highest IDs in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    employee: u64,
    contact: u64,
    account: u64,
}

impl Ids {
    /// Those of a state.
    pub fn of(actual: &Actual) -> Self {
        let mut ids = Self::default();
        for record in actual.records() {
            let highest = ids.highest(record.key.kind);
            *highest = record.key.id.max(*highest);
        }
        ids.account = actual.sorted_accounts().last().map_or(0, |account| account.id);
        ids
    }

    /// Takes note of an ID that a row gives, so that no other row gets it.
    pub fn note(&mut self, row: &Row) {
        let (highest, id) = match row {
            Row::Account(AccountRow { id, .. }) => (&mut self.account, id),
            Row::Person(PersonRow { kind, id, .. }) => (self.highest(*kind), id),
        };
        *highest = id.unwrap_or_default().max(*highest);
    }

    /// Takes note of an ID that somebody else gave.
    pub fn used(&mut self, key: RecordKey) {
        let highest = self.highest(key.kind);
        *highest = key.id.max(*highest);
    }

    /// The next ID of a kind.
    pub fn next(&mut self, kind: Kind) -> Result<u64, String> {
        advance(self.highest(kind), kind.word())
    }

    /// The next ID of an account.
    pub fn next_account(&mut self) -> Result<u64, String> {
        advance(&mut self.account, "account")
    }

    const fn highest(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Employee => &mut self.employee,
            Kind::Contact => &mut self.contact,
        }
    }
}

fn advance(highest: &mut u64, kind: &str) -> Result<u64, String> {
    if *highest >= LARGEST_ID {
        return Err(format!("the highest possible {kind} ID is in use: there is no next one"));
    }
    *highest += 1;
    Ok(*highest)
}
