//! What is due of the subscriptions to change notifications, and which notifications are genuine: pure, with the clock
//! and the chance as arguments. It calls nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;

use super::connection::jittered;
use super::{Lifecycle, Notification};
use crate::model::Id;
use crate::source::SourceErrorClass;
use crate::source::subscription::{Subscription, Watched};

/// How long a subscription is asked to live: half of it is left when it is renewed.
const LIFE: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Renewing and reauthorizing must lie so far apart.
const APART: SignedDuration = SignedDuration::from_mins(10);
/// The first wait after a failure; it doubles with each further one.
const FIRST_BACK_OFF: Duration = Duration::from_secs(10);
/// The longest wait after a failure, and every wait after one that only a person can end.
const LONGEST_BACK_OFF: Duration = Duration::from_mins(15);

/// What is to be done about a subscription now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing before then.
    Nothing {
        /// When to ask again.
        before: Timestamp,
    },
    /// There is none: subscribe.
    Create {
        /// When it shall end.
        until: Timestamp,
    },
    /// Let it live on.
    Renew {
        /// Which.
        id: String,
        /// When it shall end.
        until: Timestamp,
    },
    /// Let it live on the token of now.
    Reauthorize {
        /// Which.
        id: String,
    },
}

/// One subscription of a tenant, as far as it got.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionState {
    current: Option<Current>,
    failures: u32,
    /// Nothing is tried before.
    not_before: Option<Timestamp>,
}

/// A subscription that there is.
#[derive(Clone, Debug)]
struct Current {
    subscription: Subscription,
    renew_at: Timestamp,
    /// When it was last created, renewed or reauthorized.
    authorized_at: Timestamp,
    authorization: Authorization,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Authorization {
    Good,
    /// The service asks for a new one.
    Wanted,
}

impl Current {
    /// When something is to be done, and what.
    fn next(&self, now: Timestamp) -> (Timestamp, Due) {
        let Self { subscription: Subscription { id, until, .. }, renew_at, authorized_at, authorization } = self;
        let apart = *authorized_at + APART;
        if now >= *until {
            return (*until, Due::Create { until: now + LIFE });
        }
        match authorization {
            // A renewal reauthorizes too.
            Authorization::Wanted if now < *renew_at => (apart, Due::Reauthorize { id: id.clone() }),
            Authorization::Wanted => (apart, Due::Renew { id: id.clone(), until: now + LIFE }),
            Authorization::Good => ((*renew_at).max(apart), Due::Renew { id: id.clone(), until: now + LIFE }),
        }
    }

    fn rest(&mut self, now: Timestamp, share: f64) {
        let life = self.subscription.until.duration_since(now).max(SignedDuration::ZERO).unsigned_abs();
        self.renew_at = after(now, jittered(life / 2, share));
        self.authorized_at = now;
        self.authorization = Authorization::Good;
    }
}

impl SubscriptionState {
    /// What is due now.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Due {
        let (at, due) = match &self.current {
            None => (now, Due::Create { until: now + LIFE }),
            Some(current) => current.next(now),
        };
        let at = self.not_before.map_or(at, |not_before| not_before.max(at));
        if now >= at {
            return due;
        }
        let end = self.end().filter(|end| *end > now);
        Due::Nothing { before: end.map_or(at, |end| at.min(end)) }
    }

    /// When the subscription ends, where there is one.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.current.as_ref().map(|current| current.subscription.until)
    }

    /// The subscription's ID, where there is one: what to end on shutdown.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.current.as_ref().map(|current| current.subscription.id.as_str())
    }

    /// Failures in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// It was created. `share` lies in 0..1 and spreads the renewals.
    pub fn created(&mut self, subscription: Subscription, now: Timestamp, share: f64) {
        self.succeeded();
        let (renew_at, authorized_at, authorization) = (now, now, Authorization::Good);
        let current = self.current.insert(Current { subscription, renew_at, authorized_at, authorization });
        current.rest(now, share);
    }

    /// It was renewed and ends then.
    pub fn renewed(&mut self, until: Timestamp, now: Timestamp, share: f64) {
        self.succeeded();
        if let Some(current) = &mut self.current {
            current.subscription.until = until;
            current.rest(now, share);
        }
    }

    /// It was reauthorized; its end is as it was.
    pub fn reauthorized(&mut self, now: Timestamp) {
        self.succeeded();
        if let Some(current) = &mut self.current {
            current.authorized_at = now;
            current.authorization = Authorization::Good;
        }
    }

    /// It is gone: a new one is due at once.
    pub fn gone(&mut self) {
        self.succeeded();
        self.current = None;
    }

    /// What was due failed; it is due again after a while. What there is goes on being genuine.
    pub fn failed(&mut self, class: SourceErrorClass, now: Timestamp, share: f64) {
        let doubled = FIRST_BACK_OFF.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        let wait = match class {
            SourceErrorClass::Person => LONGEST_BACK_OFF,
            SourceErrorClass::Transient | SourceErrorClass::Protocol => doubled.min(LONGEST_BACK_OFF),
        };
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(after(now, jittered(wait, share)));
    }

    /// The service says something about the subscription itself.
    pub fn lifecycle(&mut self, event: Lifecycle) {
        match (event, &mut self.current) {
            (Lifecycle::ReauthorizationRequired, Some(current)) => current.authorization = Authorization::Wanted,
            (Lifecycle::SubscriptionRemoved, Some(_)) => self.current = None,
            (Lifecycle::Missed, Some(_)) | (_, None) => {}
        }
    }

    /// Whether a notification is of this subscription and carries its secret; how long the secrets agree is not to be
    /// learned from the time that it takes.
    #[must_use]
    pub fn verify(&self, notification: &Notification) -> bool {
        let Some(Current { subscription, .. }) = &self.current else { return false };
        let (known, claimed) = (&subscription.client_state, &notification.client_state);
        let same = known.expose_secret().as_bytes().ct_eq(claimed.expose_secret().as_bytes());
        subscription.id == notification.subscription && bool::from(same)
    }

    fn succeeded(&mut self) {
        self.failures = 0;
        self.not_before = None;
    }
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now + SignedDuration::try_from(wait).unwrap_or(SignedDuration::ZERO)
}

/// The subscriptions of all tenants.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionTable(BTreeMap<(Id, Watched), SubscriptionState>);

impl SubscriptionTable {
    /// The state of one subscription; a new one has everything before it.
    pub fn entry(&mut self, tenant: &Id, watched: Watched) -> &mut SubscriptionState {
        self.0.entry((tenant.clone(), watched)).or_default()
    }

    /// All of them, by tenant ID.
    pub fn iter(&self) -> impl Iterator<Item = (&Id, Watched, &SubscriptionState)> {
        self.0.iter().map(|((tenant, watched), state)| (tenant, *watched, state))
    }

    /// Forgets a tenant that is not declared any more; gives the IDs of the subscriptions to end.
    pub fn remove(&mut self, tenant: &Id) -> Vec<String> {
        let gone = self.0.extract_if(.., |(owner, _), _| owner == tenant);
        gone.filter_map(|(_, state)| state.id().map(str::to_owned)).collect()
    }

    /// The tenant to look at again, when a notification is genuine. A lifecycle event is noted where it belongs.
    pub fn notified(&mut self, notification: &Notification) -> Option<Id> {
        let ((tenant, _), state) = self.0.iter_mut().find(|(_, state)| state.verify(notification))?;
        if let Some(event) = notification.lifecycle {
            state.lifecycle(event);
        }
        Some(tenant.clone())
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    const MINUTE: i64 = 60;
    const DAY: i64 = 24 * 3600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn subscription(id: &str, until: i64) -> Subscription {
        let client_state = SecretString::from(format!("secret of {id}"));
        Subscription { id: id.to_owned(), watched: Watched::Users, client_state, until: at(until) }
    }

    fn created(until: i64) -> SubscriptionState {
        let mut state = SubscriptionState::default();
        state.created(subscription("s1", until), at(0), 0.5);
        state
    }

    fn renew(now: i64) -> Due {
        Due::Renew { id: "s1".to_owned(), until: at(now) + LIFE }
    }

    fn notification(id: &str, secret: &str) -> Notification {
        Notification { subscription: id.to_owned(), client_state: SecretString::from(secret), lifecycle: None }
    }

    #[test]
    fn one_is_created_at_once_and_renewed_when_half_of_its_life_is_over() {
        let state = SubscriptionState::default();
        assert_eq!(state.due(at(0)), Due::Create { until: at(14 * DAY) });
        let mut state = created(14 * DAY);
        assert_eq!(state.due(at(0)), Due::Nothing { before: at(7 * DAY) });
        assert_eq!(state.due(at(7 * DAY - 1)), Due::Nothing { before: at(7 * DAY) });
        assert_eq!(state.due(at(7 * DAY)), renew(7 * DAY));
        state.renewed(at(21 * DAY), at(7 * DAY), 0.5);
        assert_eq!((state.due(at(8 * DAY)), state.end()), (Due::Nothing { before: at(14 * DAY) }, Some(at(21 * DAY))));
    }

    #[test]
    fn renewals_are_spread_but_days_ahead() {
        for (share, before) in [(0.0, 63 * DAY / 10), (1.0, 77 * DAY / 10)] {
            let mut state = SubscriptionState::default();
            state.created(subscription("s1", 14 * DAY), at(0), share);
            assert_eq!(state.due(at(0)), Due::Nothing { before: at(before) });
        }
        assert!(LIFE < crate::source::subscription::LONGEST_LIFE);
    }

    #[test]
    fn it_is_reauthorized_on_demand_but_ten_minutes_apart() {
        let mut state = created(14 * DAY);
        state.lifecycle(Lifecycle::ReauthorizationRequired);
        assert_eq!(state.due(at(MINUTE)), Due::Nothing { before: at(10 * MINUTE) });
        assert_eq!(state.due(at(10 * MINUTE)), Due::Reauthorize { id: "s1".to_owned() });
        state.reauthorized(at(10 * MINUTE));
        assert_eq!(state.due(at(11 * MINUTE)), Due::Nothing { before: at(7 * DAY) }, "its end is as it was");
        state.lifecycle(Lifecycle::ReauthorizationRequired);
        assert_eq!(state.due(at(7 * DAY)), renew(7 * DAY), "a renewal reauthorizes too");
        state.renewed(at(21 * DAY), at(7 * DAY), 0.5);
        assert_eq!(state.due(at(7 * DAY + 11 * MINUTE)), Due::Nothing { before: at(14 * DAY) });
        state.lifecycle(Lifecycle::ReauthorizationRequired);
        state.reauthorized(at(14 * DAY - 5 * MINUTE));
        assert_eq!(state.due(at(14 * DAY)), Due::Nothing { before: at(14 * DAY + 5 * MINUTE) }, "nor a renewal sooner");
    }

    #[test]
    fn failures_back_off_and_do_not_touch_what_there_is() {
        let mut state = created(14 * DAY);
        let (mut now, mut waits) = (7 * DAY, Vec::new());
        for _ in 0..9 {
            state.failed(SourceErrorClass::Transient, at(now), 0.5);
            let Due::Nothing { before } = state.due(at(now)) else { panic!("due at once") };
            waits.push(before.as_second() - at(now).as_second());
            now += waits.last().unwrap();
            assert_eq!(state.due(at(now)), renew(now));
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert!(state.verify(&notification("s1", "secret of s1")) && state.failures() == 9);
        state.renewed(at(21 * DAY), at(now), 0.5);
        assert_eq!(state.failures(), 0);
        let mut state = SubscriptionState::default();
        state.failed(SourceErrorClass::Person, at(0), 0.5);
        assert_eq!(state.due(at(0)), Due::Nothing { before: at(15 * MINUTE) }, "a missing permission is not hammered");
        assert_eq!(state.due(at(15 * MINUTE)), Due::Create { until: at(15 * MINUTE) + LIFE });
    }

    #[test]
    fn one_that_is_gone_is_created_anew() {
        let mut state = created(14 * DAY);
        state.gone();
        assert_eq!((state.due(at(5)), state.id()), (Due::Create { until: at(5) + LIFE }, None));
        let mut state = created(14 * DAY);
        state.lifecycle(Lifecycle::SubscriptionRemoved);
        assert_eq!(state.due(at(5)), Due::Create { until: at(5) + LIFE });
        let mut state = created(14 * DAY);
        state.lifecycle(Lifecycle::Missed);
        assert_eq!(state.due(at(5)), Due::Nothing { before: at(7 * DAY) });
        assert_eq!(state.due(at(14 * DAY)), Due::Create { until: at(28 * DAY) }, "its time is up");
    }

    #[test]
    fn a_short_life_is_renewed_in_time_and_its_end_is_waited_for() {
        let mut state = created(15 * MINUTE);
        assert_eq!(state.due(at(0)), Due::Nothing { before: at(10 * MINUTE) });
        state.failed(SourceErrorClass::Person, at(10 * MINUTE), 0.5);
        assert_eq!(state.due(at(11 * MINUTE)), Due::Nothing { before: at(15 * MINUTE) });
        assert_eq!(
            state.due(at(15 * MINUTE)),
            Due::Nothing { before: at(25 * MINUTE) },
            "but a failure is not hammered"
        );
        assert_eq!(state.due(at(25 * MINUTE)), Due::Create { until: at(25 * MINUTE) + LIFE });
    }

    #[test]
    fn only_a_known_subscription_with_its_own_secret_is_believed() {
        let mut table = SubscriptionTable::default();
        let (contoso, northwind) = (Id::new("contoso"), Id::new("northwind"));
        table.entry(&contoso, Watched::Users).created(subscription("s1", DAY), at(0), 0.5);
        table.entry(&contoso, Watched::Groups).created(subscription("s2", DAY), at(0), 0.5);
        table.entry(&northwind, Watched::Users).created(subscription("s3", DAY), at(0), 0.5);
        table.entry(&northwind, Watched::Groups);
        assert_eq!(table.notified(&notification("s2", "secret of s2")), Some(contoso.clone()));
        assert_eq!(table.notified(&notification("s3", "secret of s3")), Some(northwind));
        for (id, secret) in [
            ("s1", "secret of s2"),
            ("s4", "secret of s1"),
            ("s1", ""),
            ("s1", "secret of s"),
            ("", ""),
            ("S1", "secret of s1"),
        ] {
            let forged = Notification { lifecycle: Some(Lifecycle::SubscriptionRemoved), ..notification(id, secret) };
            assert_eq!(table.notified(&forged), None, "{id} with {secret}");
        }
        assert!(table.iter().all(|(_, _, state)| state.failures() == 0));
        let genuine =
            Notification { lifecycle: Some(Lifecycle::SubscriptionRemoved), ..notification("s1", "secret of s1") };
        assert_eq!(table.notified(&genuine), Some(contoso.clone()));
        assert_eq!(table.notified(&genuine), None, "it is gone");
        assert_eq!(table.remove(&contoso), ["s2"]);
        assert_eq!(table.notified(&notification("s2", "secret of s2")), None);
        assert!(!format!("{table:?}").contains("secret of"), "{table:?}");
    }
}
