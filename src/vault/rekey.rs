//! Another key for everything that is kept: the new key is on the disk before anything is sealed with it, everything is
//! sealed anew in one commit, and only then the old key goes. Killed at any point, the next start has every key it needs.
//!
//! ```text
//! state.key   state.key.new   sealed with
//! old         –               old           before
//! old         new             old           killed here: the next rekey goes on with the new key that is there
//! old         new             new           killed here: whatever opens the vault next moves the file
//! new         –               new           after
//! ```
//! With a file named for the new key there is nothing to move: both files stay, and a person gives the new one.

use std::path::PathBuf;
use std::sync::Arc;

use super::Vault;
use super::error::VaultError;
use super::key::{Key, KeyId};
use super::key_file;
use super::keys::Ring;
use super::sealed::Sealed;
use super::shelf::{Entry, entries};
use crate::ledger::Keep;

/// Where the new key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewKey {
    /// In the place of the old one; a new one is made.
    InPlace,
    /// In this file; made there if it is not there.
    File(PathBuf),
}

/// What a rekey did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rekeyed {
    /// Grants that were sealed anew.
    pub grants: usize,
    /// The key from now on.
    pub key: KeyId,
    /// Where it is.
    pub path: PathBuf,
}

impl Vault {
    /// Seals everything anew, with another key. Nobody else may use the vault meanwhile.
    ///
    /// # Errors
    /// When the old key does not open everything, or something cannot be written: then everything is as it was.
    pub async fn rekey(&self, new: &NewKey) -> Result<Rekeyed, VaultError> {
        let entries = entries(self.ledger()).await?;
        let ring = self.ring(&entries)?;
        let (waiting, path) = self.places(new)?;
        let key = Arc::new(key_file::read_if_there(&waiting)?.map_or_else(|| key_file::make(&waiting), Ok)?);
        if ring.first().is_some_and(|old| old.id() == key.id()) {
            return Err(VaultError::SameKey);
        }
        let changes = self.resealed(entries, &ring, &key)?;
        let grants = changes.len();
        if grants > 0 {
            self.ledger().keep(changes).await?;
        }
        if waiting != path {
            key_file::replace(&waiting, &path)?;
        }
        self.turn_to(&key);
        Ok(Rekeyed { grants, key: key.id(), path })
    }

    /// Where the new key waits, and where it is in the end.
    fn places(&self, new: &NewKey) -> Result<(PathBuf, PathBuf), VaultError> {
        match (new, self.keys().path(), self.keys().pending_path()) {
            (NewKey::File(path), _, _) => Ok((path.clone(), path.clone())),
            (NewKey::InPlace, Some(path), Some(waiting)) => Ok((waiting, path.to_owned())),
            (NewKey::InPlace, _, _) => Err(VaultError::NotAFile { place: self.keys().place() }),
        }
    }

    /// Everything sealed with the new key, and opened once more to see that it can be.
    fn resealed(&self, entries: Vec<Entry>, ring: &Ring, key: &Arc<Key>) -> Result<Vec<Keep>, VaultError> {
        let both = Ring::new([ring.first().cloned(), Some(Arc::clone(key))].into_iter().flatten());
        let reseal = |entry: Entry| {
            let tenant = entry.tenant.clone();
            let grant = self.open_sealed(&tenant, &entry.sealed()?, &both)?;
            let sealed = Sealed::seal(&tenant, &grant, key)?;
            sealed.open(&tenant, key)?;
            Ok(entry.into_change(Some(sealed.encode()?)))
        };
        entries.into_iter().map(reseal).collect()
    }
}
