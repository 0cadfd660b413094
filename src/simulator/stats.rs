//! What was asked of the simulator: requests by class and status, and bytes sent. Knows nothing of what they meant.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A token from the login service.
    Token,
    /// The login service's metadata.
    OpenId,
    /// The login service's keys.
    Keys,
    /// The pages where people sign in.
    Authorize,
    /// The pages where admins consent.
    AdminConsent,
    /// A device's code.
    DeviceCode,
    /// The pages where people enter the code of a device.
    DeviceLogin,
    /// `users/delta`.
    UsersDelta,
    /// `groups/delta`.
    GroupsDelta,
    /// One user, or a list of them.
    Users,
    /// One group, or a list of them.
    Groups,
    /// The members of a group.
    Members,
    /// Subscriptions to change notifications.
    Subscriptions,
    /// Who is signed in.
    Me,
    /// The tenant itself.
    Organization,
    /// The registration of an application.
    Applications,
    /// Anything else.
    Other,
}

impl Class {
    /// Its name in `GET /control/stats`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::OpenId => "openid-configuration",
            Self::Keys => "keys",
            Self::Authorize => "authorize",
            Self::AdminConsent => "adminconsent",
            Self::DeviceCode => "devicecode",
            Self::DeviceLogin => "devicelogin",
            Self::Me => "me",
            Self::Organization => "organization",
            Self::Applications => "applications",
            Self::UsersDelta => "users/delta",
            Self::GroupsDelta => "groups/delta",
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Members => "members",
            Self::Subscriptions => "subscriptions",
            Self::Other => "other",
        }
    }

    /// Whether it is asked of Graph, and not of the login service.
    pub(super) fn is_graph(self) -> bool {
        match self {
            Self::UsersDelta
            | Self::GroupsDelta
            | Self::Users
            | Self::Groups
            | Self::Members
            | Self::Subscriptions
            | Self::Me
            | Self::Organization
            | Self::Applications => true,
            Self::Token
            | Self::OpenId
            | Self::Keys
            | Self::Authorize
            | Self::AdminConsent
            | Self::DeviceCode
            | Self::DeviceLogin
            | Self::Other => false,
        }
    }
}

/// Counts since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    requests: BTreeMap<(Class, u16), u64>,
    bytes: u64,
}

impl Stats {
    pub(super) fn count(&mut self, class: Class, status: u16, bytes: usize) {
        *self.requests.entry((class, status)).or_default() += 1;
        self.bytes += bytes as u64;
    }

    /// How many requests of a class got this status.
    pub fn requests(&self, class: Class, status: u16) -> u64 {
        self.requests.get(&(class, status)).copied().unwrap_or(0)
    }

    /// How many requests there were.
    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }

    /// Bytes of bodies that were meant to be sent.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// As `GET /control/stats` shows it.
    pub fn to_json(&self) -> Value {
        let Self { requests, bytes } = self;
        let mut classes: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for ((class, status), count) in requests {
            classes.entry(class.name()).or_default().insert(status.to_string(), json!(count));
        }
        json!({ "requests": classes, "bytes": bytes })
    }
}
