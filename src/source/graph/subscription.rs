//! Subscribing to the changes of users and groups, and keeping a subscription alive. When that is due is decided
//! elsewhere; what notifications say is not read at all.

mod answer;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use tracing::{info, warn};
use url::Url;

use self::answer::{IN_THE_WAY, Known, created, entity, living, page, taken, transient};
use super::GraphSource;
use super::ask::Ask;
use super::error::protocol;
use super::random;
use crate::http::origin::Foreign;
use crate::source::SourceError;
use crate::source::subscription::{LONGEST_LIFE, Subscription, SubscriptionError, SubscriptionWish, Subscriptions};

/// Creation and soft deletion are told as `updated` too.
const CHANGE_TYPE: &str = "updated,deleted";
/// What the clocks may differ by, and a request may take: so much less than the longest life is asked for.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_mins(5);
/// How often a subscription that is in the way is cleared before giving up.
const MAX_CLEARINGS: u32 = 2;
/// Pages of subscriptions that are looked through.
const MAX_PAGES: u32 = 50;
#[async_trait]
impl Subscriptions for GraphSource {
    async fn subscribe(&self, wish: &SubscriptionWish) -> Result<Subscription, SourceError> {
        for _ in 0..=MAX_CLEARINGS {
            match self.create(wish).await? {
                Some(subscription) => return Ok(subscription),
                None => self.clear(wish).await?,
            }
        }
        Err(transient(format!("subscription to {}: each time another one is in the way", wish.watched), IN_THE_WAY))
    }

    async fn renew(&self, id: &str, until: Timestamp) -> Result<Timestamp, SubscriptionError> {
        let until = within_reach(until);
        let ask = Ask {
            method: Method::PATCH,
            url: self.subscription_url(&[id]),
            body: Some(json(&Renewal { expiration_date_time: until })?),
            what: "renewal of a subscription".to_owned(),
        };
        let entity = self
            .graph
            .ask(&ask, |heard| living(heard, &self.graph.auth, entity))
            .await?
            .ok_or(SubscriptionError::Gone)?;
        Ok(entity.expiration_date_time.min(until))
    }

    async fn reauthorize(&self, id: &str) -> Result<(), SubscriptionError> {
        let ask = Ask {
            method: Method::POST,
            url: self.subscription_url(&[id, "reauthorize"]),
            body: None,
            what: "reauthorization of a subscription".to_owned(),
        };
        self.graph.ask(&ask, |heard| living(heard, &self.graph.auth, |_| Ok(()))).await?.ok_or(SubscriptionError::Gone)
    }

    async fn unsubscribe(&self, id: &str) -> Result<(), SourceError> {
        let ask = Ask {
            method: Method::DELETE,
            url: self.subscription_url(&[id]),
            body: None,
            what: "end of a subscription".to_owned(),
        };
        self.graph.ask(&ask, |heard| living(heard, &self.graph.auth, |_| Ok(())).map(drop)).await
    }
}

impl GraphSource {
    fn subscription_url(&self, rest: &[&str]) -> Url {
        self.graph.origin.path(&[&["v1.0", "subscriptions"], rest].concat())
    }

    /// Nothing when there is one already.
    async fn create(&self, wish: &SubscriptionWish) -> Result<Option<Subscription>, SourceError> {
        let (client_state, until) = (random::secret()?, within_reach(wish.until));
        let body = Creation {
            change_type: CHANGE_TYPE,
            resource: wish.watched.word(),
            notification_url: &wish.notification_url,
            lifecycle_notification_url: &wish.lifecycle_url,
            expiration_date_time: until,
            client_state: client_state.expose_secret(),
            latest_supported_tls_version: "v1_2",
        };
        let ask = Ask {
            method: Method::POST,
            url: self.subscription_url(&[]),
            body: Some(json(&body)?),
            what: format!("subscription to {}", wish.watched),
        };
        let Some(entity) = self.graph.ask(&ask, |heard| created(heard, wish, &self.graph.auth)).await? else {
            return Ok(None);
        };
        let until = entity.expiration_date_time.min(until);
        info!(tenant = %self.tenant, watched = %wish.watched, id = entity.id, %until, "subscribed");
        Ok(Some(Subscription { id: entity.id, watched: wish.watched, client_state, until }))
    }

    /// Ends our own subscription that is in the way: one that tells our webhook, left by a process whose secret is lost.
    async fn clear(&self, wish: &SubscriptionWish) -> Result<(), SourceError> {
        let in_the_way = self.listed(wish).await?;
        let (ours, others): (Vec<_>, Vec<_>) = in_the_way.into_iter().partition(|known| known.tells(wish));
        if ours.is_empty() {
            return Err(taken(wish, &others));
        }
        for known in ours {
            warn!(tenant = %self.tenant, watched = %wish.watched, id = known.id, "replacing an earlier subscription");
            self.unsubscribe(&known.id).await?;
        }
        Ok(())
    }

    /// The subscriptions that are like the wish, whomever they tell.
    async fn listed(&self, wish: &SubscriptionWish) -> Result<Vec<Known>, SourceError> {
        let what = format!("subscription to {}: list of those there are", wish.watched);
        let mut ask = Ask { method: Method::GET, url: self.subscription_url(&[]), body: None, what };
        let mut found = Vec::new();
        for _ in 0..MAX_PAGES {
            let page = self.graph.ask(&ask, page).await?;
            let known = page.value.into_iter().filter_map(|value| serde_json::from_value::<Known>(value).ok());
            found.extend(known.filter(|known| known.is_like(wish)));
            let Some(next) = page.next else { return Ok(found) };
            let link = self.graph.origin.admit(&next);
            let link = link.map_err(|Foreign(to)| protocol(format!("{}: leads to {to}", ask.what)))?;
            ask.url = link.url().clone();
        }
        Err(protocol(format!("{}: more than {MAX_PAGES} pages", ask.what)))
    }
}

fn within_reach(until: Timestamp) -> Timestamp {
    until.min(Timestamp::now() + LONGEST_LIFE - CLOCK_MARGIN)
}

fn json(body: &impl Serialize) -> Result<Vec<u8>, SourceError> {
    serde_json::to_vec(body).map_err(|_| protocol("the request cannot be written as JSON"))
}

/// Not `Debug`: it holds the secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Creation<'a> {
    change_type: &'a str,
    resource: &'a str,
    notification_url: &'a str,
    lifecycle_notification_url: &'a str,
    expiration_date_time: Timestamp,
    client_state: &'a str,
    latest_supported_tls_version: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Renewal {
    expiration_date_time: Timestamp,
}
