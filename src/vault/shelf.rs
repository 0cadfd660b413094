//! Where the ledger keeps grants, and what can be told of them without a key. Forgetting one needs no key either.

use jiff::Timestamp;

use super::error::VaultError;
use super::key::KeyId;
use super::sealed::{Label, Sealed};
use crate::ledger::{Keep, Ledger, LedgerError};
use crate::model::{Id, Text};

/// What the keys of grants begin with; then comes the tenant ID.
const GRANTS: &str = "grant/";

/// What can be told of a grant that is kept: everything but its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Of which tenant.
    pub tenant: Id,
    /// Who signed in.
    pub account: Option<Text>,
    /// What the service granted.
    pub scopes: Vec<Text>,
    /// When the person signed in.
    pub signed_in_at: Timestamp,
    /// When the token was last exchanged.
    pub refreshed_at: Timestamp,
    /// The key that it is sealed with.
    pub key: KeyId,
}

/// What became of a grant that was to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forgotten {
    /// It is gone; nothing is known of one that could not be read.
    Gone(Option<Kept>),
    /// There was none.
    Nothing,
}

/// All grants that are kept, by tenant.
///
/// # Errors
/// When the ledger cannot be read, or one of them is no grant.
pub async fn list(ledger: &dyn Ledger) -> Result<Vec<Kept>, VaultError> {
    let entries = entries(ledger).await?;
    entries.into_iter().map(|entry| entry.sealed().map(|sealed| kept(entry.tenant.clone(), sealed))).collect()
}

/// What can be told of a tenant's grant.
///
/// # Errors
/// When the ledger cannot be read, or what is kept is no grant.
pub async fn of(ledger: &dyn Ledger, tenant: &Id) -> Result<Option<Kept>, VaultError> {
    let Some(entry) = entry(ledger, tenant).await? else { return Ok(None) };
    Ok(Some(kept(entry.tenant.clone(), entry.sealed()?)))
}

/// Forgets a tenant's grant, readable or not. The service still knows it: only there it can be revoked.
///
/// # Errors
/// When the ledger cannot be read or written; it is still there then.
pub async fn forget(ledger: &dyn Ledger, tenant: &Id) -> Result<Forgotten, VaultError> {
    loop {
        let Some(entry) = entry(ledger, tenant).await? else { return Ok(Forgotten::Nothing) };
        let known = entry.sealed().ok().map(|sealed| kept(tenant.clone(), sealed));
        match ledger.keep(vec![entry.into_change(None)]).await {
            // Refreshed in between: what is forgotten is the newest.
            Err(LedgerError::Moved { .. }) => {}
            done => return Ok(done.map(|()| Forgotten::Gone(known))?),
        }
    }
}

/// An entry of the ledger.
pub(super) struct Entry {
    pub tenant: Id,
    pub bytes: Vec<u8>,
}

impl Entry {
    /// The grant that it is.
    pub fn sealed(&self) -> Result<Sealed, VaultError> {
        Sealed::decode(&self.tenant, &self.bytes)
    }

    /// Something else in its place.
    pub fn into_change(self, after: Option<Vec<u8>>) -> Keep {
        Keep { key: place(&self.tenant), before: Some(self.bytes), after }
    }
}

/// All entries, by tenant.
pub(super) async fn entries(ledger: &dyn Ledger) -> Result<Vec<Entry>, LedgerError> {
    let kept = ledger.kept(GRANTS).await?;
    let entry = |(key, bytes): (String, Vec<u8>)| Entry { tenant: Id::new(&key[GRANTS.len()..]), bytes };
    Ok(kept.into_iter().map(entry).collect())
}

/// A tenant's entry.
pub(super) async fn entry(ledger: &dyn Ledger, tenant: &Id) -> Result<Option<Entry>, LedgerError> {
    let wanted = place(tenant);
    let found = ledger.kept(&wanted).await?.into_iter().find(|(key, _)| *key == wanted);
    Ok(found.map(|(_, bytes)| Entry { tenant: tenant.clone(), bytes }))
}

/// Where a tenant's grant is kept.
pub(super) fn place(tenant: &Id) -> String {
    format!("{GRANTS}{tenant}")
}

fn kept(tenant: Id, sealed: Sealed) -> Kept {
    let Label { account, scopes, signed_in_at, refreshed_at } = sealed.label;
    Kept { tenant, account, scopes, signed_in_at, refreshed_at, key: sealed.key }
}
