//! A source is where people live: it folds a tenant's users, groups and memberships into a directory.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::directory::{DeltaLinks, News, Permissions, TenantDirectory, Touched};

pub mod expiry;
pub mod grant;
pub mod graph;
pub mod subscription;

/// One tenant's directory service.
#[async_trait]
pub trait Source: Send + Sync {
    /// Reads what changed since the links, or everything: without links, and when the service has forgotten them.
    ///
    /// # Errors
    /// When the read does not reach its end; what it gathered is dropped.
    async fn read(&self, since: Option<&DeltaLinks>, progress: &dyn Progress) -> Result<News, SourceError>;

    /// What it signs in with, as far as it knows when that ends. Who keeps a person's sign-in knows its end better.
    async fn credentials(&self) -> Vec<expiry::Expiring> {
        Vec::new()
    }

    /// What it may read with what it signed in with last; nothing where that cannot be known. Asks nobody.
    async fn permissions(&self) -> Option<Permissions> {
        None
    }

    /// Brings the directory up to date and says whom that touches.
    ///
    /// On success the directory is [`Coverage::Complete`](crate::directory::Coverage::Complete). On failure it is as it
    /// was: a read that did not reach its end leaves no trace.
    async fn refresh(&self, directory: &mut TenantDirectory, progress: &dyn Progress) -> Result<Touched, SourceError> {
        let news = self.read(directory.links.as_ref(), progress).await?;
        Ok(directory.take(news))
    }
}

/// Where a source says how far it is; called once per page.
pub trait Progress: Send + Sync {
    /// Objects read so far.
    fn read(&self, users: u64, groups: u64, pages: u64);
}

/// Says nothing.
impl Progress for () {
    fn read(&self, _users: u64, _groups: u64, _pages: u64) {}
}

/// Where a source counts what it asks of the service.
pub trait Meter: fmt::Debug + Send + Sync {
    /// A request was answered with that status, or not at all.
    fn request(&self, status: Option<u16>);

    /// The service asked for patience; so long is waited for its sake, nothing when the source gives up.
    fn throttled(&self, wait: Duration);

    /// A request is tried once more.
    fn retried(&self);
}

/// Counts nothing.
impl Meter for () {
    fn request(&self, _status: Option<u16>) {}

    fn throttled(&self, _wait: Duration) {}

    fn retried(&self) {}
}

/// Why a tenant could not be read. Never holds a token, a secret or a link.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct SourceError {
    /// Whether it passes by itself.
    pub class: SourceErrorClass,
    /// Whose job it is to end it.
    pub job: Job,
    /// The number that the login service gave with its refusal (AADSTS).
    pub code: Option<u32>,
    /// What was attempted and what came of it: a lower-case fragment, fit to follow "cannot read tenant x: ".
    pub message: String,
    /// The next step for a person.
    pub hint: Option<String>,
    /// The cause, if there is more to say.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Whether an error passes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceErrorClass {
    /// Try again later.
    Transient,
    /// Asking again is in vain, or makes it worse, until something changes: mostly a person must act (secret, consent, manifest).
    Person,
    /// The service answered with what it must not; refused.
    Protocol,
}

/// Whose job it is to end an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Whoever runs bmsync: manifest, secret, machine.
    Operator,
    /// An administrator of the tenant: consent, policies, permissions.
    TenantAdmin,
    /// The person who signed in.
    User,
    /// Nobody's: it passes.
    Wait,
}

impl Job {
    /// For people to read.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::TenantAdmin => "tenant admin",
            Self::User => "the user",
            Self::Wait => "wait",
        }
    }

    /// The word in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::TenantAdmin => "tenantAdmin",
            Self::User => "user",
            Self::Wait => "wait",
        }
    }
}
