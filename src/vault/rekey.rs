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
use crate::source::grant::Grant;

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
        // One that is there is the new key of a rekey that was broken off, or of somebody who made it.
        let found = key_file::read_if_there(&waiting)?.map(Arc::new);
        let old = ring.first().cloned();
        if found.is_some() && old.as_ref().map(|key| key.id()) == found.as_ref().map(|key| key.id()) {
            return Err(VaultError::SameKey);
        }
        let opened = self.open_all(entries, &Ring::new([old, found.clone()].into_iter().flatten()))?;
        let key = found.map_or_else(|| key_file::make(&waiting).map(Arc::new), Ok)?;
        let changes = opened.into_iter().map(|(entry, grant)| resealed(entry, &grant, &key));
        let changes: Vec<Keep> = changes.collect::<Result<_, _>>()?;
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

    /// Everything, opened: before anything is made or written.
    fn open_all(&self, entries: Vec<Entry>, ring: &Ring) -> Result<Vec<(Entry, Grant)>, VaultError> {
        let open = |entry: Entry| {
            let grant = self.open_sealed(&entry.tenant, &entry.sealed()?, ring)?;
            Ok((entry, grant))
        };
        entries.into_iter().map(open).collect()
    }
}

/// A grant sealed with the new key, and opened once more to see that it can be.
fn resealed(entry: Entry, grant: &Grant, key: &Key) -> Result<Keep, VaultError> {
    let sealed = Sealed::seal(&entry.tenant, grant, key)?;
    sealed.open(&entry.tenant, key)?;
    Ok(entry.into_change(Some(sealed.encode()?)))
}
