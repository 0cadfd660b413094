//! A safe in memory: it counts what is kept, and can be told to fail.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bmsync::model::Id;
use bmsync::source::grant::{Grant, GrantError, Grants, Safe};
use bmsync::source::graph::{Delegation, Delegations};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

/// Every grant that was kept, the newest last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    kept: Arc<Mutex<BTreeMap<Id, Vec<Grant>>>>,
    is_full: Arc<AtomicBool>,
}

impl Memory {
    /// One that holds a sign-in of that tenant.
    pub(crate) fn with(tenant: &Id, refresh_token: &str) -> Self {
        let memory = Self::default();
        memory.put(tenant, refresh_token);
        memory
    }

    pub(crate) fn put(&self, tenant: &Id, refresh_token: &str) {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let grant = Grant {
            refresh_token: SecretString::from(refresh_token),
            account: Some("admin@contoso.example".into()),
            scopes: vec!["User.Read.All".into()],
            signed_in_at: at,
            refreshed_at: at,
        };
        self.kept.lock().unwrap().entry(tenant.clone()).or_default().push(grant);
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.is_full.store(fails, Ordering::SeqCst);
    }

    pub(crate) fn grants(&self, tenant: &Id) -> Vec<Grant> {
        self.kept.lock().unwrap().get(tenant).cloned().unwrap_or_default()
    }

    /// The refresh tokens that were kept, the newest last.
    pub(crate) fn tokens(&self, tenant: &Id) -> Vec<String> {
        self.grants(tenant).iter().map(|grant| grant.refresh_token.expose_secret().to_owned()).collect()
    }

    pub(crate) fn delegations(&self) -> Arc<Delegations> {
        Arc::new(Delegations::new(Arc::new(self.clone())))
    }

    pub(crate) fn delegation(&self, tenant: &Id) -> Delegation {
        Delegation::new(self.of(tenant))
    }
}

impl Safe for Memory {
    fn of(&self, tenant: &Id) -> Arc<dyn Grants> {
        Arc::new(One { memory: self.clone(), tenant: tenant.clone() })
    }
}

#[derive(Debug)]
struct One {
    memory: Memory,
    tenant: Id,
}

#[async_trait]
impl Grants for One {
    async fn grant(&self) -> Result<Option<Grant>, GrantError> {
        Ok(self.memory.grants(&self.tenant).pop())
    }

    async fn keep(&self, grant: &Grant) -> Result<(), GrantError> {
        if self.memory.is_full.load(Ordering::SeqCst) {
            let hint = Some("make room".to_owned());
            return Err(GrantError { message: "the disk is full".to_owned(), hint, source: None });
        }
        self.memory.kept.lock().unwrap().entry(self.tenant.clone()).or_default().push(grant.clone());
        Ok(())
    }
}
