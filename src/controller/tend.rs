//! Keeps a tenant's subscriptions alive: creates them, renews them days ahead, makes them anew when they are gone, and ends
//! them when bmsync stops. Without a notification URL there is nothing to tend: the directory is polled.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::metrics::Resource;
use super::running::Shared;
use super::subscription::{Due, SubscriptionState};
use crate::manifest::config::Tenant;
use crate::source::SourceErrorClass;
use crate::source::subscription::{SubscriptionError, SubscriptionWish, Subscriptions, Watched};

/// How often it is looked whether something is due that was not foreseen, such as a lifecycle event.
const LOOK: Duration = Duration::from_secs(5);
/// How long ending a subscription may take when bmsync stops; one that stays ends by itself.
const PARTING: Duration = Duration::from_secs(3);

/// Tends a tenant's subscriptions until it is told to stop.
pub(super) async fn tend(
    shared: Arc<Shared>,
    tenant: Tenant,
    subscriptions: Box<dyn Subscriptions>,
    mut stop: watch::Receiver<bool>,
) {
    let Some(url) = shared.notification_url.clone() else { return };
    let tending = Tending { shared, tenant, subscriptions, url };
    while !*stop.borrow() {
        tokio::select! {
            () = tending.look() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
        let _ = tokio::time::timeout(LOOK, stop.changed()).await;
    }
    tending.part().await;
}

struct Tending {
    shared: Arc<Shared>,
    tenant: Tenant,
    subscriptions: Box<dyn Subscriptions>,
    url: String,
}

impl Tending {
    async fn look(&self) {
        for watched in Watched::ALL {
            self.look_at(watched).await;
        }
    }

    async fn look_at(&self, watched: Watched) {
        match self.state(watched, |state| state.due(self.shared.now())) {
            Due::Nothing { .. } => return,
            Due::Create { until } => self.create(watched, until).await,
            Due::Renew { id, until } => {
                let renewed = self.subscriptions.renew(&id, until).await;
                self.take(watched, renewed, |state, until, share| state.renewed(until, self.shared.now(), share));
            }
            Due::Reauthorize { id } => {
                let done = self.subscriptions.reauthorize(&id).await;
                self.take(watched, done, |state, (), _| state.reauthorized(self.shared.now()));
            }
        }
        let resource = match watched {
            Watched::Users => Resource::Users,
            Watched::Groups => Resource::Groups,
        };
        let end = self.state(watched, |state| state.end());
        self.shared.metrics.subscription(&self.tenant.name, resource, end);
    }

    async fn create(&self, watched: Watched, until: Timestamp) {
        let (notification_url, lifecycle_url) = (self.url.clone(), self.url.clone());
        let wish = SubscriptionWish { watched, notification_url, lifecycle_url, until };
        match self.subscriptions.subscribe(&wish).await {
            Ok(subscription) => {
                self.state(watched, |state| state.created(subscription, self.shared.now(), fastrand::f64()));
                // What changed before the subscription was known would be told to nobody.
                self.shared.nudge(&self.tenant.id);
            }
            Err(error) => self.failed(watched, &error.to_string(), error.class),
        }
    }

    fn take<T>(
        &self,
        watched: Watched,
        done: Result<T, SubscriptionError>,
        note: impl FnOnce(&mut SubscriptionState, T, f64),
    ) {
        match done {
            Ok(done) => self.state(watched, |state| note(state, done, fastrand::f64())),
            Err(SubscriptionError::Gone) => {
                let resource = watched.word();
                tracing::warn!(tenant = %self.tenant.name, resource, "the subscription is gone; it is made anew");
                self.state(watched, SubscriptionState::gone);
            }
            Err(SubscriptionError::Failed(error)) => self.failed(watched, &error.to_string(), error.class),
        }
    }

    fn failed(&self, watched: Watched, message: &str, class: SourceErrorClass) {
        let (resource, error) = (watched.word(), crate::display::safe(message));
        tracing::warn!(tenant = %self.tenant.name, resource, %error, "no notifications; polling goes on");
        self.state(watched, |state| state.failed(class, self.shared.now(), fastrand::f64()));
    }

    fn state<T>(&self, watched: Watched, work: impl FnOnce(&mut SubscriptionState) -> T) -> T {
        work(self.shared.subscriptions().entry(&self.tenant.id, watched))
    }

    /// Ends the subscriptions, so that nobody is told any more.
    async fn part(&self) {
        let ids = self.shared.subscriptions().remove(&self.tenant.id);
        let all = async {
            for id in ids {
                if let Err(error) = self.subscriptions.unsubscribe(&id).await {
                    tracing::debug!(tenant = %self.tenant.name, %error, "a subscription was left to end by itself");
                }
            }
        };
        let _ = tokio::time::timeout(PARTING, all).await;
    }
}
