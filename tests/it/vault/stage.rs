//! A state with a vault in it, opened and closed at will.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bmsync::ledger::Ledger;
use bmsync::ledger::sled::SledLedger;
use bmsync::model::Id;
use bmsync::source::grant::{Grant, Grants};
use bmsync::vault::{Keys, Vault};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;

pub const CONTOSO: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
pub const FABRIKAM: &str = "94841066-274d-4ec0-a5c1-276be684bdd3";

pub fn id(tenant: &str) -> Id {
    Id::new(tenant)
}

/// Ada's grant with this token.
pub fn grant(token: &str) -> Grant {
    Grant {
        refresh_token: SecretString::from(token),
        account: Some("ada@contoso.com".into()),
        scopes: vec!["User.Read.All".into(), "offline_access".into()],
        signed_in_at: Timestamp::from_second(1_700_000_000).unwrap(),
        refreshed_at: Timestamp::from_second(1_700_003_600).unwrap(),
    }
}

/// A state on a disk.
pub struct Stage {
    folder: TempDir,
    ledger: Mutex<Option<Arc<dyn Ledger>>>,
}

impl Stage {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), ledger: Mutex::default() }
    }

    /// Where state and key are.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The key beside the state.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("state.key")
    }

    pub fn ledger(&self) -> Arc<dyn Ledger> {
        let mut ledger = self.ledger.lock().unwrap();
        ledger.get_or_insert_with(|| Arc::new(SledLedger::open(&self.state()).unwrap())).clone()
    }

    /// Closes the state; the next use opens it again.
    pub fn reopen(&self) {
        *self.ledger.lock().unwrap() = None;
    }

    /// A vault with the key beside the state, as a process that has just begun has it.
    pub fn vault(&self) -> Vault {
        self.vault_with(Keys::beside(&self.state()))
    }

    pub fn vault_with(&self, keys: Keys) -> Vault {
        Vault::open(self.ledger(), keys)
    }

    /// The token that is kept.
    pub async fn token(&self, tenant: &str) -> String {
        token(&self.vault(), tenant).await
    }
}

/// The token that a vault gives.
pub async fn token(vault: &Vault, tenant: &str) -> String {
    let grant = vault.of(&id(tenant)).grant().await.unwrap().expect("a grant");
    grant.refresh_token.expose_secret().to_owned()
}
