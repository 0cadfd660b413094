//! What happened, in the words of notifications: changes of objects and lifecycle events, in the shape that was observed
//! of Graph. Knows nothing of who is told and when.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::{Value, json};

use super::object::{Member, ObjectId, Presence};
use super::properties::Resource;
use super::subscription::{Membership, Subscription};
use super::world::{Tenant, What};

/// What Graph says about a subscription itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifecycleEvent {
    /// Its authorization is about to lapse.
    ReauthorizationRequired,
    /// It is gone.
    SubscriptionRemoved,
    /// Notifications were lost.
    Missed,
}

impl LifecycleEvent {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ReauthorizationRequired, Self::SubscriptionRemoved, Self::Missed];

    /// As it stands in `lifecycleEvent`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReauthorizationRequired => "reauthorizationRequired",
            Self::SubscriptionRemoved => "subscriptionRemoved",
            Self::Missed => "missed",
        }
    }
}

/// What happened to one object since the last time.
pub(super) struct News {
    pub(super) resource: Resource,
    pub(super) number: u32,
    /// Members that came or went.
    members: Vec<Member>,
}

/// What the log tells from a revision on, one piece per object, in the order of the first change.
pub(super) fn news(tenant: &Tenant, since: usize) -> Vec<News> {
    let mut all: Vec<News> = Vec::new();
    for change in tenant.log.get(since..).unwrap_or_default() {
        let known = all.iter().position(|news| (news.resource, news.number) == (change.resource, change.number));
        let place = known.unwrap_or_else(|| {
            all.push(News { resource: change.resource, number: change.number, members: Vec::new() });
            all.len() - 1
        });
        match &change.what {
            What::Member(member) if !all[place].members.contains(member) => all[place].members.push(*member),
            What::Member(_) | What::Appeared | What::Attributes(_) | What::Removed => {}
        }
    }
    all
}

impl News {
    pub(super) fn membership(&self) -> Membership {
        if self.members.is_empty() { Membership::AsBefore } else { Membership::Changed }
    }

    /// Only a deletion for good is `deleted`; everything else is `updated`.
    pub(super) fn kind(&self, tenant: &Tenant) -> &'static str {
        let object = tenant.table(self.resource).get(self.number);
        if object.is_some_and(|object| object.presence == Presence::Purged) { "deleted" } else { "updated" }
    }

    pub(super) fn item(&self, tenant: &Tenant, id: &ObjectId, subscription: &Subscription, sequence: i64) -> Value {
        let mut item = change_item(&tenant.id, self.resource, &id.to_string(), subscription, sequence);
        item["changeType"] = json!(self.kind(tenant));
        if !self.members.is_empty() {
            item["resourceData"]["members@delta"] = self.members_json(tenant);
        }
        item
    }

    fn members_json(&self, tenant: &Tenant) -> Value {
        let current = tenant.members_of(self.number);
        let told = |member: &Member| {
            let (id, _) = tenant.describe(*member)?;
            let here = json!({ "id": id.to_string() });
            let gone = json!({ "id": id.to_string(), "@removed": "deleted" });
            Some(if current.contains(member) { here } else { gone })
        };
        self.members.iter().filter_map(told).collect()
    }
}

/// A change of an object, without what is special about it.
pub(super) fn change_item(
    tenant: &str,
    resource: Resource,
    id: &str,
    subscription: &Subscription,
    sequence: i64,
) -> Value {
    let (collection, kind) = match resource {
        Resource::Users => ("Users", "User"),
        Resource::Groups => ("Groups", "Group"),
    };
    let path = format!("{collection}/{id}");
    json!({
        "changeType": "updated", "clientState": subscription.wish.client_state, "resource": path,
        "resourceData": { "@odata.type": format!("#Microsoft.Graph.{kind}"), "@odata.id": path, "id": id,
            "organizationId": tenant, "sequenceNumber": sequence },
        "subscriptionExpirationDateTime": with_offset(subscription.wish.until),
        "subscriptionId": subscription.id, "tenantId": tenant,
    })
}

/// In the time of a zone two hours ahead, as was seen.
fn with_offset(time: Timestamp) -> String {
    let zone = TimeZone::fixed(Offset::constant(2));
    time.to_zoned_datetime(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

pub(super) fn lifecycle_item(tenant: &str, subscription: &Subscription, event: LifecycleEvent) -> Value {
    json!({
        "subscriptionId": subscription.id, "subscriptionExpirationDateTime":
            subscription.wish.until.strftime("%Y-%m-%dT%H:%M:%S.0000000Z").to_string(),
        "tenantId": tenant, "clientState": subscription.wish.client_state, "lifecycleEvent": event.name(),
    })
}
