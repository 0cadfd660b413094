//! Where the key is: given, in a file that was named, or in the file beside the state, which is made when it is first
//! needed. Knows nothing of grants.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::error::{KeyFlaw, VaultError};
use super::key::{Key, KeyId};
use super::key_file;

/// Where the key is.
#[derive(Clone, Debug)]
pub enum Keys {
    /// It was given as it is, by this variable.
    Given {
        /// What a person calls the place.
        place: &'static str,
        /// The key.
        key: Arc<Key>,
    },
    /// In this file, which must be there.
    File(PathBuf),
    /// In this file, which is made when a key is first needed.
    Beside(PathBuf),
}

/// The keys that there are; the first one seals.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring(Vec<Arc<Key>>);

impl Keys {
    /// A key that was given in a variable.
    ///
    /// # Errors
    /// When it is none.
    pub fn given(place: &'static str, text: &SecretString) -> Result<Self, VaultError> {
        let key = Key::parse(text.expose_secret()).map_err(|_| VaultError::NotAKey { place: place.to_owned() })?;
        Ok(Self::Given { place, key: Arc::new(key) })
    }

    /// The file beside a state: `state.key` beside the folder `state`, so that a copy of the folder holds no key.
    #[must_use]
    pub fn beside(state: &Path) -> Self {
        // Of a path such as `.` the name is known only to the system.
        let named =
            if state.file_name().is_some() { state.to_owned() } else { state.canonicalize().unwrap_or_default() };
        Self::Beside(longer(&named, ".key"))
    }

    /// What a person calls the place.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Given { place, key: _ } => (*place).to_owned(),
            Self::File(path) | Self::Beside(path) => path.display().to_string(),
        }
    }

    /// The file, where it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Given { .. } => None,
            Self::File(path) | Self::Beside(path) => Some(path),
        }
    }

    /// The file in which a new key waits for everything to be sealed with it.
    pub(super) fn pending_path(&self) -> Option<PathBuf> {
        self.path().map(|path| longer(path, ".new"))
    }

    /// The key; none where it is still to be made.
    pub(super) fn current(&self) -> Result<Option<Arc<Key>>, VaultError> {
        match self {
            Self::Given { place: _, key } => Ok(Some(Arc::clone(key))),
            Self::File(path) => key_file::read(path).map(|key| Some(Arc::new(key))),
            Self::Beside(path) => Ok(key_file::read_if_there(path)?.map(Arc::new)),
        }
    }

    /// The new key of a rekey that was broken off.
    pub(super) fn pending(&self) -> Result<Option<Arc<Key>>, VaultError> {
        let Some(path) = self.pending_path() else { return Ok(None) };
        Ok(key_file::read_if_there(&path)?.map(Arc::new))
    }

    /// Makes the key that is not there.
    ///
    /// # Errors
    /// When it is not ours to make, or cannot be made.
    pub(super) fn make(&self) -> Result<Arc<Key>, VaultError> {
        match self {
            Self::Given { place: _, key } => Ok(Arc::clone(key)),
            Self::File(path) => Err(VaultError::KeyFile { path: path.clone(), flaw: KeyFlaw::Missing, source: None }),
            Self::Beside(path) => {
                let key = key_file::make(path)?;
                tracing::info!(key = %key.id(), path = %path.display(), "made the key that sign-ins are sealed with: back it up");
                Ok(Arc::new(key))
            }
        }
    }
}

impl Ring {
    /// Of these keys.
    pub fn new(keys: impl IntoIterator<Item = Arc<Key>>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// The key of that ID.
    pub fn find(&self, id: KeyId) -> Option<&Arc<Key>> {
        self.0.iter().find(|key| key.id() == id)
    }

    /// The key that seals; none where it is still to be made.
    pub fn first(&self) -> Option<&Arc<Key>> {
        self.0.first()
    }
}

/// A path with more at the end of its name.
fn longer(path: &Path, more: &str) -> PathBuf {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(more);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_beside_the_state_and_never_in_it() {
        for (state, key) in [("state", "state.key"), ("a/state/", "a/state.key"), ("/v/state.v1", "/v/state.v1.key")] {
            assert_eq!(Keys::beside(Path::new(state)).path(), Some(Path::new(key)), "{state}");
        }
        let here = std::env::current_dir().unwrap();
        let beside = Keys::beside(Path::new("."));
        assert_eq!(beside.path().and_then(Path::parent), here.parent());
    }
}
