//! One tenant's grant in the vault: read, kept when it was refreshed, replaced when a person signs in anew. Knows what it
//! last read or wrote, and nothing of other tenants but which keys they were sealed with.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::error::VaultError;
use super::key::Key;
use super::keys::Ring;
use super::sealed::Sealed;
use super::shelf::{self, Entry};
use super::{Vault, lock};
use crate::ledger::{Keep, LedgerError};
use crate::model::Id;
use crate::source::grant::{Grant, GrantError, Grants, Turn};

/// A tenant's grant. What one of these has read, another may change; then this one's next change is refused.
pub struct TenantVault {
    vault: Vault,
    tenant: Id,
    turn: Arc<tokio::sync::Mutex<()>>,
    seen: Mutex<Seen>,
}

/// What is there as far as one knows.
#[derive(Clone, Debug, Default)]
enum Seen {
    /// It was never looked at.
    #[default]
    Unknown,
    /// This, or nothing.
    This(Option<Vec<u8>>),
    /// A write failed, so it is one or the other.
    Either(Option<Vec<u8>>, Vec<u8>),
}

/// Whose word it is that a grant is put in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// The token was exchanged: what is there must be what it was exchanged for.
    Refreshed,
    /// A person signed in and said that what is there may go, readable or not.
    Person,
}

impl TenantVault {
    pub(super) const fn new(vault: Vault, tenant: Id, turn: Arc<tokio::sync::Mutex<()>>) -> Self {
        Self { vault, tenant, turn, seen: Mutex::new(Seen::Unknown) }
    }

    /// Puts a grant in place of whatever there is, even what cannot be read because its key is lost: only after a person
    /// signed in and said so. Other tenants' grants are not touched. As durable as [`Grants::keep`].
    ///
    /// # Errors
    /// When it could not be kept; the one before is still there.
    pub async fn replace(&self, grant: &Grant) -> Result<(), VaultError> {
        self.put(grant, Word::Person).await
    }

    async fn read(&self) -> Result<Option<Grant>, VaultError> {
        // All of them: which keys are needed is seen only of all.
        let entries = shelf::entries(self.vault.ledger()).await?;
        let own = entries.iter().find(|entry| entry.tenant == self.tenant);
        *lock(&self.seen) = Seen::This(own.map(|entry| entry.bytes.clone()));
        let Some(own) = own else { return Ok(None) };
        self.vault.open_sealed(&self.tenant, &own.sealed()?, &self.vault.ring(&entries)?).map(Some)
    }

    async fn put(&self, grant: &Grant, word: Word) -> Result<(), VaultError> {
        let entries = shelf::entries(self.vault.ledger()).await?;
        let before = entries.iter().find(|entry| entry.tenant == self.tenant).map(|entry| entry.bytes.clone());
        if word == Word::Refreshed && !lock(&self.seen).allows(before.as_ref()) {
            return Err(self.superseded());
        }
        let key = self.key(&entries, word)?;
        let after = Sealed::seal(&self.tenant, grant, &key)?.encode()?;
        self.write(before, after).await
    }

    async fn write(&self, before: Option<Vec<u8>>, after: Vec<u8>) -> Result<(), VaultError> {
        let place = shelf::place(&self.tenant);
        let change = Keep { key: place, before: before.clone(), after: Some(after.clone()) };
        let error = match self.vault.ledger().keep(vec![change]).await {
            Ok(()) => {
                *lock(&self.seen) = Seen::This(Some(after));
                return Ok(());
            }
            Err(LedgerError::Moved { .. }) => return Err(self.superseded()),
            Err(error) => error,
        };
        *lock(&self.seen) = Seen::Either(before, after);
        Err(error.into())
    }

    /// The key to seal with: the one that what is there is sealed with. Where nothing is there yet, one that others are
    /// sealed with; if none of them is, the key that was given is likely the wrong one.
    fn key(&self, entries: &[Entry], word: Word) -> Result<Arc<Key>, VaultError> {
        let ring = self.vault.ring(entries)?;
        if word == Word::Person {
            return ring.first().map_or_else(|| self.vault.make_key(), |key| Ok(Arc::clone(key)));
        }
        match entries.iter().find(|entry| entry.tenant == self.tenant) {
            Some(own) => self.key_of(own, &ring).cloned(),
            None => self.key_of_others(entries, &ring),
        }
    }

    fn key_of_others(&self, entries: &[Entry], ring: &Ring) -> Result<Arc<Key>, VaultError> {
        let mut refused = None;
        for entry in entries {
            match self.key_of(entry, ring) {
                Ok(key) => return Ok(Arc::clone(key)),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        match (refused, ring.first()) {
            (Some(error), _) => Err(error),
            (None, Some(key)) => Ok(Arc::clone(key)),
            (None, None) => self.vault.make_key(),
        }
    }

    fn key_of<'a>(&self, entry: &Entry, ring: &'a Ring) -> Result<&'a Arc<Key>, VaultError> {
        let sealed = entry.sealed()?;
        ring.find(sealed.key).ok_or_else(|| self.vault.no_key(&entry.tenant, sealed.key, ring))
    }

    fn superseded(&self) -> VaultError {
        VaultError::Superseded { tenant: self.tenant.clone() }
    }
}

impl Seen {
    fn allows(&self, found: Option<&Vec<u8>>) -> bool {
        match self {
            Self::Unknown => true,
            Self::This(known) => known.as_ref() == found,
            Self::Either(before, after) => before.as_ref() == found || Some(after) == found,
        }
    }
}

#[async_trait]
impl Grants for TenantVault {
    async fn grant(&self) -> Result<Option<Grant>, GrantError> {
        Ok(self.read().await?)
    }

    async fn keep(&self, grant: &Grant) -> Result<(), GrantError> {
        Ok(self.put(grant, Word::Refreshed).await?)
    }

    async fn turn(&self) -> Turn {
        Turn::of(Arc::clone(&self.turn).lock_owned().await)
    }
}

impl fmt::Debug for TenantVault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TenantVault({})", self.tenant)
    }
}
