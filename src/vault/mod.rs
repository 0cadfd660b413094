//! The vault: keeps the grants of people who signed in, sealed, in the ledger. Knows nothing of HTTP, of how a token is
//! exchanged, or of who is asked for it. `docs/keys.md` has the whole.
//!
//! Two that change one grant at once cannot lose the newest: every change names the value that it was decided from, and
//! the ledger refuses one that names an older. That a token is exchanged by one task at a time is what [`Grants::turn`](crate::source::grant::Grants::turn)
//! is for.

mod error;
mod key;
mod key_file;
mod keys;
mod rekey;
mod safe;
mod sealed;
mod shelf;
mod tenant;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::error::{KeyFlaw, VaultError};
pub use self::key::{Key, KeyId, NotAKey};
pub use self::keys::Keys;
pub use self::rekey::{NewKey, Rekeyed};
pub use self::shelf::{Forgotten, Kept, forget, list, of};
pub use self::tenant::TenantVault;

use self::keys::Ring;
use self::sealed::Sealed;
use self::shelf::Entry;
use crate::ledger::Ledger;
use crate::model::Id;
use crate::source::grant::Grant;

/// All grants, and where the key to them is. Clones are the same vault.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    ledger: Arc<dyn Ledger>,
    keys: Keys,
    /// Once it was read; a file that cannot be used is looked at again, for a person may have put it right.
    ring: Mutex<Option<Ring>>,
    turns: Mutex<HashMap<Id, Arc<tokio::sync::Mutex<()>>>>,
}

impl Vault {
    /// The vault in a ledger. The key is looked for when it is needed: who has no grants needs none.
    #[must_use]
    pub fn open(ledger: Arc<dyn Ledger>, keys: Keys) -> Self {
        Self { inner: Arc::new(Inner { ledger, keys, ring: Mutex::default(), turns: Mutex::default() }) }
    }

    /// A tenant's grant.
    #[must_use]
    pub fn of(&self, tenant: &Id) -> TenantVault {
        let turn = lock(&self.inner.turns).entry(tenant.clone()).or_default().clone();
        TenantVault::new(self.clone(), tenant.clone(), turn)
    }

    /// All grants that are kept, by tenant, without their tokens; needs no key.
    ///
    /// # Errors
    /// As [`list`].
    pub async fn list(&self) -> Result<Vec<Kept>, VaultError> {
        list(self.ledger()).await
    }

    /// Forgets a tenant's grant; needs no key.
    ///
    /// # Errors
    /// As [`forget`].
    pub async fn forget(&self, tenant: &Id) -> Result<Forgotten, VaultError> {
        forget(self.ledger(), tenant).await
    }

    /// Opens every grant, so that a wrong or lost key is known before it is needed.
    ///
    /// # Errors
    /// The first that does not open.
    pub async fn check(&self) -> Result<(), VaultError> {
        let entries = shelf::entries(self.ledger()).await?;
        if entries.is_empty() {
            return Ok(());
        }
        let ring = self.ring(&entries)?;
        entries.iter().try_for_each(|entry| self.open_sealed(&entry.tenant, &entry.sealed()?, &ring).map(drop))
    }

    fn ledger(&self) -> &dyn Ledger {
        &*self.inner.ledger
    }

    fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    /// The keys that there are, given what is kept.
    fn ring(&self, entries: &[Entry]) -> Result<Ring, VaultError> {
        if let Some(ring) = lock(&self.inner.ring).clone() {
            return Ok(ring);
        }
        let is_used = |id: KeyId| entries.iter().any(|entry| entry.sealed().is_ok_and(|sealed| sealed.key == id));
        let keys = self.keys();
        let (current, pending) = (keys.current()?, keys.pending()?);
        let ring = match (current, pending, keys.path(), keys.pending_path()) {
            (current, Some(new), Some(path), Some(waiting)) if is_used(new.id()) => {
                // A rekey was broken off after its commit. Should an older key still be needed, its file stays.
                if !current.as_ref().is_some_and(|old| is_used(old.id())) {
                    key_file::replace(&waiting, path)?;
                }
                Ring::new([Some(new), current].into_iter().flatten())
            }
            (current, _, _, _) => Ring::new(current),
        };
        // Without a key there is nothing to remember: one may be made, or put back.
        if ring.first().is_some() {
            *lock(&self.inner.ring) = Some(ring.clone());
        }
        Ok(ring)
    }

    /// Uses this key from now on.
    fn turn_to(&self, key: &Arc<Key>) {
        *lock(&self.inner.ring) = Some(Ring::new([Arc::clone(key)]));
    }

    /// Makes the key that is still to be made.
    fn make_key(&self) -> Result<Arc<Key>, VaultError> {
        let key = self.keys().make()?;
        self.turn_to(&key);
        Ok(key)
    }

    /// Opens a grant with the key that it was sealed with.
    fn open_sealed(&self, tenant: &Id, sealed: &Sealed, ring: &Ring) -> Result<Grant, VaultError> {
        match ring.find(sealed.key) {
            Some(key) => sealed.open(tenant, key),
            None => Err(self.no_key(tenant, sealed.key, ring)),
        }
    }

    /// Why something cannot be opened whose key is not there.
    fn no_key(&self, tenant: &Id, sealed_with: KeyId, ring: &Ring) -> VaultError {
        match (ring.first(), self.keys().path()) {
            (None, Some(path)) => VaultError::Lost { path: path.to_owned(), sealed_with },
            (None, None) => VaultError::Damaged { tenant: tenant.clone() },
            (Some(given), _) => VaultError::OtherKey {
                tenant: tenant.clone(),
                sealed_with,
                place: self.keys().place(),
                given: given.id(),
            },
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Vault({})", self.keys().place())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
