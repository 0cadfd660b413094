//! Subscriptions to change notifications: what a controller wishes for and what it gets. A notification only says "look
//! again"; nothing here reads what it is about.

use std::fmt;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use thiserror::Error;

use super::SourceError;

/// The longest life that Microsoft Graph gives a subscription to users or groups: just under 29 days.
pub const LONGEST_LIFE: SignedDuration = SignedDuration::from_mins(41_760);

/// A tenant's subscriptions. Implemented beside [`Source`](super::Source).
#[async_trait]
pub trait Subscriptions: Send + Sync {
    /// Subscribes. The webhook of the wish is called before this returns, so it must be served elsewhere meanwhile.
    ///
    /// A subscription that an earlier process left at the same webhook is replaced: its secret is not known any more.
    async fn subscribe(&self, wish: &SubscriptionWish) -> Result<Subscription, SourceError>;

    /// Lets a subscription live on, at most until then; gives the end that it has now. Reauthorizes it too.
    async fn renew(&self, id: &str, until: Timestamp) -> Result<Timestamp, SubscriptionError>;

    /// Lets a subscription live on the token of now.
    async fn reauthorize(&self, id: &str) -> Result<(), SubscriptionError>;

    /// Ends a subscription; one that is gone already is as good.
    async fn unsubscribe(&self, id: &str) -> Result<(), SourceError>;
}

/// What a subscription watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Watched {
    /// All users of a tenant.
    Users,
    /// All groups of a tenant, with their members.
    Groups,
}

impl Watched {
    /// Both; one subscription to each is enough for a tenant.
    pub const ALL: [Self; 2] = [Self::Users, Self::Groups];

    /// As it stands in addresses, messages and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
        }
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a subscription shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionWish {
    /// What is watched.
    pub watched: Watched,
    /// Where changes are told: `https`, reachable by the service.
    pub notification_url: String,
    /// Where the service tells about the subscription itself; may be the same.
    pub lifecycle_url: String,
    /// When it shall end; cut to [`LONGEST_LIFE`] from now.
    pub until: Timestamp,
}

/// A subscription that there is. Its `Debug` hides the secret.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The service's name for it.
    pub id: String,
    /// What is watched.
    pub watched: Watched,
    /// What genuine notifications carry; random, and known to the service and us alone.
    pub client_state: SecretString,
    /// When it ends unless it is renewed.
    pub until: Timestamp,
}

/// Why a subscription does not live on.
#[derive(Debug, Error)]
pub enum SubscriptionError {
    /// There is no such subscription any more: subscribe anew.
    #[error("the subscription is gone")]
    Gone,
    /// It could not be asked for.
    #[error(transparent)]
    Failed(#[from] SourceError),
}
