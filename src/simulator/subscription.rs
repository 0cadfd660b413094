//! A subscription to change notifications: what it watches, whom it tells, and how it looks as JSON. Knows nothing of
//! requests and deliveries.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::object::ObjectId;
use super::properties::Resource;

/// What a subscription watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    /// All users, or all groups.
    All(Resource),
    /// One of them.
    One(Resource, ObjectId),
    /// The members of a group.
    Members(ObjectId),
    /// The owners of a group; this directory has none, so nothing is ever told.
    Owners(ObjectId),
}

impl Watch {
    /// Reads `users`, `groups/{id}`, `/groups/{id}/members` and the like.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('/').unwrap_or(text);
        let parts: Vec<&str> = text.split('/').collect();
        let (first, rest) = parts.split_first()?;
        let known = [Resource::Users, Resource::Groups];
        let resource = known.into_iter().find(|known| known.path().eq_ignore_ascii_case(first))?;
        match (resource, rest) {
            (_, []) => Some(Self::All(resource)),
            (_, [id]) if !id.is_empty() => Some(Self::One(resource, ObjectId::parse(id))),
            (Resource::Groups, [id, "members"]) => Some(Self::Members(ObjectId::parse(id))),
            (Resource::Groups, [id, "owners"]) => Some(Self::Owners(ObjectId::parse(id))),
            (Resource::Users | Resource::Groups, _) => None,
        }
    }

    pub(super) fn resource(&self) -> Resource {
        match self {
            Self::All(resource) | Self::One(resource, _) => *resource,
            Self::Members(_) | Self::Owners(_) => Resource::Groups,
        }
    }

    /// Whether it sees that an object changed; `members` when that includes who is in it.
    pub(super) fn sees(&self, resource: Resource, id: &ObjectId, members: Membership) -> bool {
        match self {
            Self::All(watched) => *watched == resource,
            Self::One(watched, one) => *watched == resource && one == id,
            Self::Members(group) => resource == Resource::Groups && group == id && members == Membership::Changed,
            Self::Owners(_) => false,
        }
    }
}

/// Whether a change is one of members too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Membership {
    Changed,
    AsBefore,
}

/// What an application asks for, well-formed and permitted; its webhook must still be asked.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) tenant: usize,
    pub(super) application: String,
    /// As it was written.
    pub(super) change_type: String,
    /// As it was written.
    pub(super) resource: String,
    pub(super) watch: Watch,
    pub(super) notification_url: String,
    pub(super) lifecycle_url: Option<String>,
    pub(super) client_state: Option<String>,
    pub(super) tls: Option<String>,
    pub(super) until: Timestamp,
    /// What the webhook must repeat.
    pub(super) token: String,
}

impl Candidate {
    /// The words of `changeType`, sorted.
    pub(super) fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<_> = self.change_type.split(',').map(|word| word.trim().to_lowercase()).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }

    fn is_like(&self, other: &Self) -> bool {
        (self.tenant, &self.application, &self.watch, self.kinds())
            == (other.tenant, &other.application, &other.watch, other.kinds())
    }
}

/// Whether the token that a subscription lives on is still good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authorization {
    Valid,
    /// Notifications wait until it is renewed or reauthorized.
    Lapsed,
}

/// A subscription.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) creator: String,
    pub(super) wish: Candidate,
    pub(super) authorization: Authorization,
    /// What waits for the authorization.
    pub(super) waiting: Vec<Value>,
    /// Notifications that the webhook took.
    pub(super) delivered: u64,
    /// Notifications that were given up.
    pub(super) failed: u64,
}

impl Subscription {
    pub(super) fn of(wish: Candidate, id: String, creator: String) -> Self {
        let authorization = Authorization::Valid;
        Self { id, creator, wish, authorization, waiting: Vec::new(), delivered: 0, failed: 0 }
    }

    /// Whether another one may not stand beside it.
    pub(super) fn conflicts(&self, wish: &Candidate) -> bool {
        self.wish.is_like(wish)
    }

    pub(super) fn is_of(&self, tenant: usize, application: &str) -> bool {
        self.wish.tenant == tenant && self.wish.application == application
    }

    /// As Graph shows it. The `clientState` is shown to who creates it, never again.
    pub(super) fn to_json(&self, client_state: Option<&str>) -> Value {
        let Self { id, creator, wish, authorization: _, waiting: _, delivered: _, failed: _ } = self;
        json!({
            "id": id, "resource": wish.resource, "applicationId": wish.application, "changeType": wish.change_type,
            "clientState": client_state, "notificationUrl": wish.notification_url, "notificationQueryOptions": null,
            "lifecycleNotificationUrl": wish.lifecycle_url, "expirationDateTime": wish.until.to_string(),
            "creatorId": creator, "includeResourceData": null, "latestSupportedTlsVersion": wish.tls,
            "encryptionCertificate": null, "encryptionCertificateId": null, "notificationUrlAppId": null,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_watched() {
        let id = ObjectId::parse("g1");
        for (text, watch) in [
            ("users", Watch::All(Resource::Users)),
            ("/Groups", Watch::All(Resource::Groups)),
            ("groups/g1", Watch::One(Resource::Groups, id.clone())),
            ("groups/g1/members", Watch::Members(id.clone())),
            ("/groups/g1/owners", Watch::Owners(id.clone())),
        ] {
            assert_eq!(Watch::parse(text), Some(watch), "{text}");
        }
        for text in ["", "/", "me/messages", "users/", "users/u1/members", "groups/g1/photo", "//users"] {
            assert_eq!(Watch::parse(text), None, "{text}");
        }
        assert!(!Watch::Members(id.clone()).sees(Resource::Groups, &id, Membership::AsBefore));
    }
}
