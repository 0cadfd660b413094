//! The newest commits in memory, so that a reader that is a little behind is brought up to date at the cost of what
//! changed.

use std::collections::VecDeque;

use crate::actual::Actual;
use crate::model::{Account, RecordKey, Revision};

/// So many records are remembered; a reader further behind takes everything.
const REMEMBERED: usize = 100_000;

/// What the newest commits changed.
#[derive(Debug, Default)]
pub struct History {
    deltas: VecDeque<Delta>,
    records: usize,
}

/// What one commit changed.
#[derive(Debug)]
pub struct Delta {
    /// The revision that it made.
    pub revision: Revision,
    /// Records.
    pub records: Vec<RecordKey>,
    /// Accounts.
    pub accounts: Vec<Account>,
}

impl Delta {
    fn weight(&self) -> usize {
        1 + self.records.len() + self.accounts.len()
    }
}

impl History {
    /// Remembers a commit, and forgets the oldest when there are too many.
    pub fn push(&mut self, delta: Delta) {
        self.records += delta.weight();
        self.deltas.push_back(delta);
        while self.records > REMEMBERED
            && let Some(oldest) = self.deltas.pop_front()
        {
            self.records -= oldest.weight();
        }
    }

    /// Brings `behind` up to `newest`.
    pub fn bring_up(&self, behind: &mut Actual, newest: &Actual) {
        if behind.revision == newest.revision {
            return;
        }
        let next = Revision(behind.revision.0 + 1);
        match self.deltas.binary_search_by_key(&next, |delta| delta.revision) {
            Ok(from) => {
                for Delta { revision: _, records, accounts } in self.deltas.range(from..) {
                    for record in records.iter().filter_map(|key| newest.record(*key)) {
                        behind.put(record.clone());
                    }
                    for account in accounts {
                        behind.put_account(account.clone());
                    }
                }
                behind.revision = newest.revision;
            }
            Err(_) => behind.clone_from(newest),
        }
    }
}
