//! A ledger in memory: for demonstrations, previews and tests. Knows nothing of disks, so it survives nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Commit, Keep, Ledger, LedgerError, Stashed};
use crate::actual::Actual;
use crate::applied::Event;
use crate::model::Revision;

/// Keeps commits until it is dropped.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    actual: Actual,
    events: Vec<Event>,
    stash: HashMap<String, Vec<u8>>,
    kept: BTreeMap<String, Vec<u8>>,
}

impl MemoryLedger {
    /// An empty one, at revision 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn load(&self) -> Result<Actual, LedgerError> {
        Ok(self.held().actual.clone())
    }

    async fn commit(&self, expected: Revision, commit: Commit) -> Result<Revision, LedgerError> {
        self.held().append(expected, commit)
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, LedgerError> {
        let held = self.held();
        let from = held.events.partition_point(|event| event.id <= after);
        Ok(held.events[from..].iter().take(limit).cloned().collect())
    }

    async fn last_event(&self) -> Result<u64, LedgerError> {
        Ok(self.held().events.last().map_or(0, |event| event.id))
    }

    async fn stash(&self, entries: Vec<Stashed>) -> Result<(), LedgerError> {
        let mut held = self.held();
        for (key, value) in entries {
            match value {
                Some(value) => held.stash.insert(key, value),
                None => held.stash.remove(&key),
            };
        }
        Ok(())
    }

    async fn stashed(&self, key: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(self.held().stash.get(key).cloned())
    }

    async fn keep(&self, changes: Vec<Keep>) -> Result<(), LedgerError> {
        self.held().keep(changes)
    }

    async fn kept(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        let held = self.held();
        let from = held.kept.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(from.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

impl Held {
    fn keep(&mut self, changes: Vec<Keep>) -> Result<(), LedgerError> {
        if let Some(moved) = changes.iter().find(|change| self.kept.get(&change.key) != change.before.as_ref()) {
            return Err(LedgerError::Moved { key: moved.key.clone() });
        }
        for Keep { key, before: _, after } in changes {
            match after {
                Some(value) => self.kept.insert(key, value),
                None => self.kept.remove(&key),
            };
        }
        Ok(())
    }

    fn append(&mut self, expected: Revision, commit: Commit) -> Result<Revision, LedgerError> {
        let found = self.actual.revision;
        if found != expected {
            return Err(LedgerError::Stale { expected, found });
        }
        self.events.extend(commit.events.iter().cloned());
        commit.put_into(&mut self.actual);
        self.actual.revision = Revision(found.0 + 1);
        Ok(self.actual.revision)
    }
}
