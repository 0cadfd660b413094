//! The directory service of a tenant as bmsync sees it: full reads and deltas of a world that has a past, and all that such
//! a service does to its clients.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bmsync::directory::{Changes, Coverage, DeltaLinks, News, Removal, Told};
use bmsync::model::Id;
use bmsync::source::subscription::{Subscription, SubscriptionError, SubscriptionWish, Subscriptions};
use bmsync::source::{Progress, Source, SourceError, SourceErrorClass};
use jiff::Timestamp;

use super::stage::Stage;
use crate::oracle::translate::{group_patch, guid, said, tenant_directory};
use crate::oracle::world::{Read, Tenant};

pub struct Service {
    pub stage: Arc<Stage>,
    pub tenant: Id,
}

fn trouble(class: SourceErrorClass, message: &str) -> SourceError {
    SourceError { class, message: message.to_owned(), hint: None, source: None }
}

impl Service {
    async fn obstruct(&self) -> Result<(), SourceError> {
        if self.stage.goes_wrong("failed read") {
            return Err(trouble(SourceErrorClass::Transient, "connection cut"));
        }
        if self.stage.goes_wrong("throttled read") {
            let wait = self.stage.dice(|rng| rng.u64(1..90));
            tokio::time::sleep(Duration::from_secs(wait)).await;
        }
        Ok(())
    }

    /// How far the service itself has come: it may show an older version than there is, but never an older one than it
    /// has shown to this client.
    fn shown(&self, versions: usize) -> usize {
        match versions {
            2.. if self.stage.goes_wrong("stale read") => self.stage.dice(|rng| rng.usize(0..versions)),
            _ => versions - 1,
        }
    }
}

#[async_trait]
impl Source for Service {
    async fn read(&self, since: Option<&DeltaLinks>, _progress: &dyn Progress) -> Result<News, SourceError> {
        self.obstruct().await?;
        let mut since = since.and_then(|links| links.users.strip_prefix('v')?.parse::<usize>().ok());
        if since.is_some() && self.stage.goes_wrong("expired link") {
            since = None;
        }
        let unknown = || trouble(SourceErrorClass::Person, "there is no such tenant");
        let (before, versions, newest) = self.stage.versions(&self.tenant, since).ok_or_else(unknown)?;
        let shown = self.shown(versions.len());
        let now = &versions[shown];
        if now.read != Read::Complete || versions.last().is_some_and(|last| last.read != Read::Complete) {
            return Err(trouble(SourceErrorClass::Transient, "the tenant cannot be read"));
        }
        let version = newest + 1 - versions.len() + shown;
        let links = DeltaLinks { users: format!("v{version}"), groups: format!("v{version}") };
        let read_at = self.stage.now();
        Ok(match before {
            None => News::Everything(Box::new(self.everything(now, links, read_at))),
            Some(before) => News::Changes(Changes { told: self.told(&before, now), read_at, links }),
        })
    }
}

impl Service {
    fn everything(&self, now: &Tenant, links: DeltaLinks, read_at: Timestamp) -> bmsync::directory::TenantDirectory {
        let mut whole = self.stage.dice(|rng| tenant_directory(now, rng));
        (whole.coverage, whole.read_at, whole.links) = (Coverage::Complete, Some(read_at), Some(links));
        whole
    }

    /// What changed between two versions, and now and then things that did not.
    fn told(&self, before: &Tenant, now: &Tenant) -> Vec<Told> {
        let repeat = self.stage.goes_wrong("repeated and reordered answer");
        let again = || repeat && self.stage.dice(fastrand::Rng::bool);
        let mut told = Vec::new();
        for (id, user) in &now.users {
            let old = before.users.get(id).filter(|old| !old.deleted);
            match (old, user.deleted) {
                (_, true) if old.is_some() || again() => told.push(Told::UserGone(guid(id), Removal::Soft)),
                (_, false) if old != Some(user) || again() => {
                    told.push(Told::User(guid(id), Box::new(said(user).into())));
                }
                _ => {}
            }
        }
        let gone = before.users.keys().filter(|id| !now.users.contains_key(*id));
        told.extend(gone.map(|id| Told::UserGone(guid(id), Removal::Hard)));
        for (id, group) in &now.groups {
            if before.groups.get(id) != Some(group) || again() {
                let patch = group_patch(group);
                told.push(if group.exists { Told::Group(guid(id), patch) } else { Told::GroupGone(guid(id)) });
            }
        }
        let joined = now.members.difference(&before.members);
        told.extend(joined.map(|(group, member)| Told::Joined { group: guid(group), member: guid(member) }));
        // A user that is gone for good takes its memberships along.
        let left = before
            .members
            .difference(&now.members)
            .filter(|(_, member)| !before.users.contains_key(member) || now.users.contains_key(member));
        told.extend(left.map(|(group, member)| Told::Left { group: guid(group), member: guid(member) }));
        if repeat {
            told.extend(told.clone());
            self.stage.dice(|rng| rng.shuffle(&mut told));
        }
        told
    }
}

#[async_trait]
impl Subscriptions for Service {
    async fn subscribe(&self, wish: &SubscriptionWish) -> Result<Subscription, SourceError> {
        if self.stage.goes_wrong("failed subscription") {
            return Err(trouble(SourceErrorClass::Transient, "no subscription today"));
        }
        let (id, secret) = self.stage.subscribe(&self.tenant);
        Ok(Subscription { id, watched: wish.watched, client_state: secret.into(), until: wish.until })
    }

    async fn renew(&self, id: &str, until: Timestamp) -> Result<Timestamp, SubscriptionError> {
        self.reauthorize(id).await.map(|()| until)
    }

    async fn reauthorize(&self, id: &str) -> Result<(), SubscriptionError> {
        if self.stage.goes_wrong("lost subscription") {
            self.stage.unsubscribe(id);
        }
        if self.stage.is_subscribed(id) { Ok(()) } else { Err(SubscriptionError::Gone) }
    }

    async fn unsubscribe(&self, id: &str) -> Result<(), SourceError> {
        self.stage.unsubscribe(id);
        Ok(())
    }
}
