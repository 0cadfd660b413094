//! From what changed to notifications: who is told, when, and what the faults make of it. Knows nothing of how they are
//! delivered.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::control::{ControlError, not_found};
use super::faults::Fault;
use super::news::{LifecycleEvent, News, change_item, lifecycle_item, news};
use super::object::{ObjectId, random_guid};
use super::outbox::{Company, Item, Outbox, Pace, Post};
use super::properties::Resource;
use super::settings::Strike;
use super::state::State;
use super::stats::Class;
use super::subscription::{Authorization, Subscription};
use super::world::{Tenant, World};

/// The subscriptions, and what waits to be told them.
pub(super) struct Notices {
    pub(super) list: Vec<Subscription>,
    pub(super) outbox: Outbox,
    pub(super) pace: Pace,
    /// Rung when there is something new in the outbox.
    pub(super) bell: Arc<Notify>,
    /// Of each tenant, the revision up to which everything was told.
    told: Vec<usize>,
    sequence: i64,
    /// Tenants and resources whose changes are not to be seen yet.
    veils: Vec<(usize, Resource, Instant)>,
}

/// What is waiting for an authorization at most.
const WAITING: usize = 1000;

impl Notices {
    pub(super) fn new(world: &World, pace: Pace) -> Self {
        let told = world.tenants.iter().map(Tenant::revision).collect();
        let bell = Arc::new(Notify::new());
        Self { list: Vec::new(), outbox: Outbox::default(), pace, bell, told, sequence: 0, veils: Vec::new() }
    }

    /// Nobody is subscribed to the world as it is now.
    pub(super) fn reset(&mut self, world: &World) {
        let bell = Arc::clone(&self.bell);
        *self = Self { bell, ..Self::new(world, self.pace) };
    }

    /// Whether changes of this kind are not to be seen yet.
    pub(super) fn veils(&mut self, tenant: usize, resource: Resource) -> bool {
        let now = Instant::now();
        self.veils.retain(|(_, _, until)| *until > now);
        self.veils.iter().any(|(veiled, kind, _)| (*veiled, *kind) == (tenant, resource))
    }

    /// Forgets the subscriptions whose time is up.
    pub(super) fn prune(&mut self) {
        let now = Timestamp::now();
        self.list.retain(|subscription| subscription.wish.until > now);
    }

    fn place(&self, id: &str) -> Result<usize, ControlError> {
        let place = self.list.iter().position(|subscription| subscription.id == id);
        place.map_or_else(|| not_found("subscription", id), Ok)
    }

    /// A number beyond 2^53, larger each time.
    fn next_sequence(&mut self) -> i64 {
        let ticks = Timestamp::now().as_microsecond() * 10 + 621_355_968_000_000_000;
        self.sequence = ticks.max(self.sequence + 1);
        self.sequence
    }
}

impl State {
    /// Tells the subscribers what changed since the last time.
    pub(super) fn announce(&mut self) {
        self.notices.prune();
        for number in 0..self.world.tenants.len() {
            let tenant = &self.world.tenants[number];
            let since = std::mem::replace(&mut self.notices.told[number], tenant.revision());
            if self.notices.list.iter().any(|subscription| subscription.wish.tenant == number) {
                for news in news(tenant, since) {
                    self.tell(number, &news);
                }
            }
        }
    }

    fn tell(&mut self, number: usize, news: &News) {
        let tenant = &self.world.tenants[number];
        let Some(object) = tenant.table(news.resource).get(news.number) else { return };
        let (id, kind) = (object.id.clone(), news.kind(tenant));
        for place in 0..self.notices.list.len() {
            let wish = &self.notices.list[place].wish;
            let sees = wish.tenant == number && wish.watch.sees(news.resource, &id, news.membership());
            if sees && wish.kinds().iter().any(|wanted| wanted == kind) {
                let sequence = self.notices.next_sequence();
                let tenant = &self.world.tenants[number];
                let item = news.item(tenant, &id, &self.notices.list[place], sequence);
                self.notify(place, news.resource, &id, item);
            }
        }
    }

    /// Puts a notification into the outbox, with the troubles that strike it.
    fn notify(&mut self, place: usize, resource: Resource, id: &ObjectId, mut item: Value) {
        let path = format!("/v1.0/{}/{id}", resource.path());
        if self.strikes_notice(Fault::DropNotification, &path).is_some() {
            return;
        }
        if self.strikes_notice(Fault::ReauthorizationRequired, &path).is_some() {
            self.notices.list[place].authorization = Authorization::Lapsed;
            self.put_lifecycle(place, LifecycleEvent::ReauthorizationRequired);
        }
        let subscription = &mut self.notices.list[place];
        if subscription.authorization == Authorization::Lapsed {
            subscription.waiting.truncate(WAITING - 1);
            subscription.waiting.push(item);
            return;
        }
        if self.strikes_notice(Fault::ForeignClientState, &path).is_some() {
            item["clientState"] = json!(random_guid(&mut self.secrets));
        }
        if let Some(strike) = self.strikes_notice(Fault::EarlyNotification, &path) {
            let until = Instant::now() + self.notices.pace.after + strike.milliseconds();
            self.notices.veils.push((self.notices.list[place].wish.tenant, resource, until));
        }
        self.post(place, &path, &item);
    }

    fn post(&mut self, place: usize, path: &str, item: &Value) {
        let mut wait = self.notices.pace.after;
        let mut company = Company::Alone;
        if let Some(strike) = self.strikes_notice(Fault::LateNotification, path) {
            wait += strike.milliseconds();
        }
        if let Some(strike) = self.strikes_notice(Fault::BatchNotifications, path) {
            (wait, company) = (wait + strike.milliseconds(), Company::Shared);
        }
        let copies = 1 + usize::from(self.strikes_notice(Fault::DuplicateNotification, path).is_some());
        for _ in 0..copies {
            self.put_change(place, item.clone(), wait, company);
        }
    }

    fn strikes_notice(&mut self, fault: Fault, path: &str) -> Option<Strike> {
        self.faults.strikes(fault, Class::Subscriptions, path, &mut self.rng)
    }

    fn put_change(&mut self, place: usize, body: Value, wait: Duration, company: Company) {
        let subscription = &self.notices.list[place];
        let item = Item { subscription: subscription.id.clone(), body };
        let post = Post::new(&subscription.wish.notification_url, item, Instant::now() + wait, company);
        self.notices.outbox.put(post);
        self.notices.bell.notify_one();
    }

    fn put_lifecycle(&mut self, place: usize, event: LifecycleEvent) {
        let subscription = &self.notices.list[place];
        let Some(url) = &subscription.wish.lifecycle_url else { return };
        let body = lifecycle_item(&self.world.tenants[subscription.wish.tenant].id, subscription, event);
        let item = Item { subscription: subscription.id.clone(), body };
        let post = Post::new(url, item, Instant::now() + self.notices.pace.after, Company::Alone);
        self.notices.outbox.put(post);
        self.notices.bell.notify_one();
    }

    /// A subscription has a good token again: what waited for it is sent.
    pub(super) fn authorize(&mut self, place: usize) {
        self.notices.list[place].authorization = Authorization::Valid;
        for item in std::mem::take(&mut self.notices.list[place].waiting) {
            self.put_change(place, item, self.notices.pace.after, Company::Alone);
        }
    }

    pub(super) fn subscriptions_json(&mut self) -> Value {
        self.notices.prune();
        let shown = |subscription: &Subscription| {
            let mut shown = subscription.to_json(None);
            shown["tenantId"] = json!(self.world.tenants[subscription.wish.tenant].id);
            shown["authorized"] = json!(subscription.authorization == Authorization::Valid);
            shown["delivered"] = json!(subscription.delivered);
            shown["failed"] = json!(subscription.failed);
            shown
        };
        self.notices.list.iter().map(shown).collect()
    }

    pub(super) fn expire_subscription(&mut self, id: &str) -> Result<(), ControlError> {
        let place = self.notices.place(id)?;
        self.notices.list.remove(place);
        Ok(())
    }

    pub(super) fn send_lifecycle(&mut self, id: &str, event: LifecycleEvent) -> Result<(), ControlError> {
        let place = self.notices.place(id)?;
        self.put_lifecycle(place, event);
        Ok(())
    }

    pub(super) fn forge_notification(&mut self, id: &str) -> Result<(), ControlError> {
        let place = self.notices.place(id)?;
        let (stranger, state) = (random_guid(&mut self.secrets), random_guid(&mut self.secrets));
        let sequence = self.notices.next_sequence();
        let subscription = &self.notices.list[place];
        let (tenant, resource) = (&self.world.tenants[subscription.wish.tenant].id, subscription.wish.watch.resource());
        let mut item = change_item(tenant, resource, &stranger, subscription, sequence);
        item["clientState"] = json!(state);
        self.put_change(place, item, Duration::ZERO, Company::Alone);
        Ok(())
    }
}
