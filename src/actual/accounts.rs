//! Accounts by ID and by name.

use std::collections::HashMap;

use foldhash::quality::RandomState;

use crate::model::{Account, Text};

/// Accounts, each ID once.
#[derive(Clone, Debug, Default)]
pub(super) struct Accounts {
    by_id: HashMap<u64, Account, RandomState>,
    /// IDs, ascending.
    by_name: HashMap<Text, Vec<u64>, RandomState>,
}

impl Accounts {
    /// The account of that exact name; the oldest of several.
    pub fn named(&self, name: &str) -> Option<&Account> {
        self.by_name.get(name)?.first().and_then(|id| self.by_id.get(id))
    }

    /// The account of that ID.
    pub fn get(&self, id: u64) -> Option<&Account> {
        self.by_id.get(&id)
    }

    /// All by ID.
    pub fn sorted(&self) -> Vec<&Account> {
        let mut accounts: Vec<&Account> = self.by_id.values().collect();
        accounts.sort_unstable_by_key(|account| account.id);
        accounts
    }

    /// Puts an account in place of the one with its ID.
    pub fn put(&mut self, account: Account) {
        if let Some(old) = self.by_id.remove(&account.id)
            && let Some(ids) = self.by_name.get_mut(&old.name)
        {
            ids.retain(|id| *id != old.id);
            if ids.is_empty() {
                self.by_name.remove(&old.name);
            }
        }
        let ids = self.by_name.entry(account.name.clone()).or_default();
        if let Err(at) = ids.binary_search(&account.id) {
            ids.insert(at, account.id);
        }
        self.by_id.insert(account.id, account);
    }
}
