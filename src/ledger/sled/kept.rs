//! What is kept in a state beside its records, in a tree of its own, so that one batch is all or nothing. Synced like a
//! commit. Knows nothing of what the values mean.

use ::sled::{Batch, Tree};

use super::database::Database;
use super::folder::Folder;
use super::frame;
use crate::ledger::{Keep, LedgerError};

/// The tree of what is kept.
const KEPT: &str = "kept";

/// Where the tree counts its changes, so that one that was reported and is gone is missed. No key of what is kept.
const CHANGES: &str = "\0changes";

impl Database {
    /// Changes what is kept, durably. Nobody else writes meanwhile: a database has one caller at a time.
    pub fn keep(&mut self, folder: &Folder, changes: Vec<Keep>) -> Result<(), LedgerError> {
        let tree = self.kept_tree("write")?;
        for Keep { key, before, after: _ } in &changes {
            if self.kept_value(&tree, key)? != *before {
                return Err(LedgerError::Moved { key: key.clone() });
            }
        }
        let count = self.kept + 1;
        let mut batch = Batch::default();
        batch.insert(CHANGES.as_bytes(), self.sealed(CHANGES, &count.to_be_bytes())?);
        for Keep { key, before: _, after } in changes {
            match after {
                Some(value) => batch.insert(key.as_bytes(), self.sealed(&key, &value)?),
                None => batch.remove(key.as_bytes()),
            }
        }
        self.let_go_of_the_copy();
        tree.apply_batch(batch).map_err(|error| self.sled_error("write", error))?;
        self.make_durable()?;
        self.kept = count;
        folder.bear(self.witness())
    }

    /// What is kept under the keys that begin so.
    pub fn kept(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        let tree = self.kept_tree("read")?;
        let mut found = Vec::new();
        for pair in tree.scan_prefix(prefix.as_bytes()) {
            let (key, sealed) = pair.map_err(|error| self.sled_error("read", error))?;
            let name = String::from_utf8_lossy(&key).into_owned();
            if name == CHANGES {
                continue;
            }
            let value = self.unsealed(&name, &sealed)?;
            found.push((name, value));
        }
        Ok(found)
    }

    /// How many changes there were; asked without making the tree where there is none.
    pub(super) fn kept_changes(&self) -> Result<u64, LedgerError> {
        if !self.db.tree_names().iter().any(|name| name == KEPT.as_bytes()) {
            return Ok(0);
        }
        let Some(count) = self.kept_value(&self.kept_tree("open")?, CHANGES)? else { return Ok(0) };
        let count =
            count.try_into().map_err(|_| self.flaw("the number of changes of what is kept is none".to_owned()))?;
        Ok(u64::from_be_bytes(count))
    }

    fn kept_tree(&self, attempt: &'static str) -> Result<Tree, LedgerError> {
        self.db.open_tree(KEPT).map_err(|error| self.sled_error(attempt, error))
    }

    fn kept_value(&self, tree: &Tree, key: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        let found = tree.get(key.as_bytes()).map_err(|error| self.sled_error("read", error))?;
        found.map(|sealed| self.unsealed(key, &sealed)).transpose()
    }

    fn sealed(&self, key: &str, value: &[u8]) -> Result<Vec<u8>, LedgerError> {
        frame::seal_bytes(key.as_bytes(), value).map_err(|flaw| self.unwritable(flaw))
    }

    fn unsealed(&self, key: &str, sealed: &[u8]) -> Result<Vec<u8>, LedgerError> {
        frame::unseal_bytes(key.as_bytes(), sealed).map_err(|flaw| self.flaw(format!("what is kept as {key} {flaw}")))
    }
}
