//! A grant as it lies in the ledger: what may be seen, and the token, sealed. Knows nothing of where keys come from.
//!
//! ```text
//! byte 0   format version
//! then     postcard of: key ID, nonce, label (account, scopes, times), sealed token
//! ```
//! The cipher is XChaCha20-Poly1305 with a random nonce. What it authenticates besides the token is the format, the tenant,
//! the key ID and the label: a value that was moved to another tenant, or of which a word was changed, does not open.

use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::error::VaultError;
use super::key::{Key, KeyId};
use crate::model::{Id, Text};
use crate::source::grant::Grant;

/// The newest format that this program reads, and the one that it writes.
const FORMAT: u8 = 1;
/// What the cipher adds to a token.
const TAG: usize = 16;

/// A grant whose token is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sealed {
    /// The key that opens it.
    pub key: KeyId,
    nonce: [u8; 24],
    /// What may be seen.
    pub label: Label,
    token: Vec<u8>,
}

/// Everything of a grant but the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Label {
    pub account: Option<Text>,
    pub scopes: Vec<Text>,
    pub signed_in_at: Timestamp,
    pub refreshed_at: Timestamp,
}

/// What is authenticated beside the token.
#[derive(Serialize)]
struct Bound<'a> {
    purpose: &'static str,
    format: u8,
    tenant: String,
    key: KeyId,
    label: &'a Label,
}

impl Sealed {
    /// Seals a grant of a tenant.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(tenant: &Id, grant: &Grant, key: &Key) -> Result<Self, VaultError> {
        let Grant { refresh_token, account, scopes, signed_in_at, refreshed_at } = grant;
        let label = Label {
            account: account.clone(),
            scopes: scopes.clone(),
            signed_in_at: *signed_in_at,
            refreshed_at: *refreshed_at,
        };
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce).map_err(VaultError::Random)?;
        let token = refresh_token.expose_secret().as_bytes();
        // With room for the tag from the start: growing would leave a copy of the token behind.
        let mut buffer = Zeroizing::new(Vec::with_capacity(token.len() + TAG));
        buffer.extend_from_slice(token);
        let sealed = Self { key: key.id(), nonce, label, token: Vec::new() };
        let cannot = || VaultError::Cipher { key: key.id() };
        let bound = sealed.bound(tenant).ok_or_else(cannot)?;
        cipher(key).encrypt_in_place(&XNonce::from(nonce), &bound, &mut *buffer).map_err(|_| cannot())?;
        Ok(Self { token: std::mem::take(&mut *buffer), ..sealed })
    }

    /// The grant.
    ///
    /// # Errors
    /// When it is not what was sealed for this tenant with this key.
    pub fn open(&self, tenant: &Id, key: &Key) -> Result<Grant, VaultError> {
        let damaged = || VaultError::Damaged { tenant: tenant.clone() };
        let bound = self.bound(tenant).ok_or_else(damaged)?;
        let mut buffer = Zeroizing::new(self.token.clone());
        let opened = cipher(key).decrypt_in_place(&XNonce::from(self.nonce), &bound, &mut *buffer);
        opened.map_err(|_| damaged())?;
        let token = std::str::from_utf8(&buffer).map_err(|_| damaged())?;
        let Label { account, scopes, signed_in_at, refreshed_at } = self.label.clone();
        Ok(Grant { refresh_token: SecretString::from(token), account, scopes, signed_in_at, refreshed_at })
    }

    /// As it lies in the ledger.
    pub fn encode(&self) -> Result<Vec<u8>, VaultError> {
        postcard::to_extend(self, vec![FORMAT]).map_err(|_| VaultError::Cipher { key: self.key })
    }

    /// Reads what lies in the ledger.
    ///
    /// # Errors
    /// When it is of a newer format, or no grant.
    pub fn decode(tenant: &Id, bytes: &[u8]) -> Result<Self, VaultError> {
        let damaged = || VaultError::Damaged { tenant: tenant.clone() };
        let (format, rest) = bytes.split_first().ok_or_else(damaged)?;
        match *format {
            FORMAT => {}
            0 => return Err(damaged()),
            found => return Err(VaultError::Newer { tenant: tenant.clone(), found, known: FORMAT }),
        }
        let sealed: Self = postcard::from_bytes(rest).map_err(|_| damaged())?;
        // One value has one spelling: another one that means the same was not written here.
        if sealed.encode()? == bytes { Ok(sealed) } else { Err(damaged()) }
    }

    fn bound(&self, tenant: &Id) -> Option<Vec<u8>> {
        let Self { key, nonce: _, label, token: _ } = self;
        let bound = Bound { purpose: "bmsync grant", format: FORMAT, tenant: tenant.to_string(), key: *key, label };
        postcard::to_stdvec(&bound).ok()
    }
}

/// The cipher wipes its copy of the key.
fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.expose().into())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;

    use super::*;

    const FORMAT1: &str = "AVd0sHq9F7A/xbj6ukbHSH1YGaXPUcFfNBhbbb/dUeUAAQ9hZGFAY29udG9zby5jb20CCVVzZXIuUmVhZA5vZmZsaW5lX2FjY2Vz\
        cxQyMDIzLTExLTE0VDIyOjEzOjIwWhQyMDIzLTExLTE0VDIyOjIxOjQwWiI8LQa6WWthZGJ/Gwkb0VRFuMnYVMReHow+Nxp8cOVi\
        ADX9";

    fn grant() -> Grant {
        Grant {
            refresh_token: SecretString::from("0.AXYA-very-secret"),
            account: Some("ada@contoso.com".into()),
            scopes: vec!["User.Read".into(), "offline_access".into()],
            signed_in_at: Timestamp::from_second(1_700_000_000).unwrap(),
            refreshed_at: Timestamp::from_second(1_700_000_500).unwrap(),
        }
    }

    fn tenants() -> (Id, Id) {
        (Id::new("84841066-274d-4ec0-a5c1-276be684bdd3"), Id::new("94841066-274d-4ec0-a5c1-276be684bdd3"))
    }

    #[test]
    fn what_was_sealed_opens_for_its_tenant_with_its_key_alone() {
        let (key, other) = (Key::random().unwrap(), Key::random().unwrap());
        let (tenant, stranger) = tenants();
        let bytes = Sealed::seal(&tenant, &grant(), &key).unwrap().encode().unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
        let sealed = Sealed::decode(&tenant, &bytes).unwrap();
        let opened = sealed.open(&tenant, &key).unwrap();
        assert_eq!(opened.refresh_token.expose_secret(), "0.AXYA-very-secret");
        assert_eq!((opened.account, opened.scopes), (grant().account, grant().scopes));
        assert_eq!((opened.signed_in_at, opened.refreshed_at), (grant().signed_in_at, grant().refreshed_at));
        assert!(sealed.open(&stranger, &key).is_err(), "swapped between tenants");
        assert!(sealed.open(&tenant, &other).is_err(), "another key");
    }

    #[test]
    fn no_bit_of_it_can_be_changed() {
        let key = Key::random().unwrap();
        let (tenant, _) = tenants();
        let bytes = Sealed::seal(&tenant, &grant(), &key).unwrap().encode().unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let opened = Sealed::decode(&tenant, &flipped).and_then(|sealed| sealed.open(&tenant, &key));
            assert!(opened.is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(Sealed::decode(&tenant, &bytes[..length]).is_err(), "length {length}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(Sealed::decode(&tenant, &longer).is_err());
    }

    #[test]
    fn two_seals_of_one_grant_differ() {
        let key = Key::random().unwrap();
        let (tenant, _) = tenants();
        let seal = || Sealed::seal(&tenant, &grant(), &key).unwrap().encode().unwrap();
        assert_ne!(seal(), seal());
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let (tenant, _) = tenants();
        assert!(matches!(Sealed::decode(&tenant, &[2, 1, 2]), Err(VaultError::Newer { found: 2, .. })));
        assert!(matches!(Sealed::decode(&tenant, &[1, 1, 2]), Err(VaultError::Damaged { .. })));
    }

    /// What is in a state must stay readable.
    #[test]
    fn the_format_on_disk_is_what_it_was() {
        let bytes = BASE64.decode(FORMAT1).unwrap();
        let key = Key::parse("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap();
        let (tenant, _) = tenants();
        let opened = Sealed::decode(&tenant, &bytes).unwrap().open(&tenant, &key).unwrap();
        assert_eq!(opened.refresh_token.expose_secret(), "0.AXYA-very-secret");
    }
}
