//! What a person let bmsync do once, by signing in: the seam between who keeps such grants and who uses them. It holds
//! no cipher, no disk and no HTTP.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use thiserror::Error;
use tokio::sync::OwnedMutexGuard;

use crate::model::{Id, Text};

/// A sign-in of a person that goes on without the person. Its `Debug` hides the token.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Exchanged for access tokens; each exchange brings a new one.
    pub refresh_token: SecretString,
    /// Who signed in, as the service names the account.
    pub account: Option<Text>,
    /// What the service granted, as it says it.
    pub scopes: Vec<Text>,
    /// When the person signed in.
    pub signed_in_at: Timestamp,
    /// When the token was last exchanged; the service forgets one that lies idle for 90 days.
    pub refreshed_at: Timestamp,
}

/// One tenant's grant, wherever it is kept.
#[async_trait]
pub trait Grants: Send + Sync + std::fmt::Debug {
    /// The newest grant; nothing when nobody has signed in.
    ///
    /// # Errors
    /// When there is one that cannot be read: the key is wrong or lost, or the state cannot be read.
    async fn grant(&self) -> Result<Option<Grant>, GrantError>;

    /// Puts a grant in place of the one before. When this returns `Ok` the grant survives the death of the process and
    /// of the machine; until then the one before does.
    ///
    /// # Errors
    /// When it could not be kept; the one before is still there.
    async fn keep(&self, grant: &Grant) -> Result<(), GrantError>;

    /// Waits until nobody else in this process is between reading this grant and keeping the next. Held while the token
    /// is exchanged, so that two never exchange one token at once; the grant is read after it was taken.
    async fn turn(&self) -> Turn {
        Turn::default()
    }
}

/// One's turn to exchange a tenant's token; it ends when this is dropped.
#[derive(Debug, Default)]
pub struct Turn {
    _held: Option<OwnedMutexGuard<()>>,
}

impl Turn {
    /// As long as the lock is held.
    #[must_use]
    pub const fn of(held: OwnedMutexGuard<()>) -> Self {
        Self { _held: Some(held) }
    }
}

/// The grants of all tenants, wherever they are kept.
pub trait Safe: Send + Sync + std::fmt::Debug {
    /// Those of one tenant.
    fn of(&self, tenant: &Id) -> Arc<dyn Grants>;
}

/// Why a grant could not be read or kept. Never holds a token or a key.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct GrantError {
    /// What was attempted and what came of it: a lower-case fragment.
    pub message: String,
    /// The next step for a person.
    pub hint: Option<String>,
    /// The cause, if there is more to say.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}
