//! Subscribing to change notifications, against the simulator: the handshake, what is in the way, every refusal, and
//! what the secret is for.

use std::collections::BTreeSet;
use std::time::Duration;

use bmsync::controller::subscription::SubscriptionTable;
use bmsync::controller::{Lifecycle, Notification};
use bmsync::manifest::config::Tenant;
use bmsync::model::Id;
use bmsync::simulator::{Class, LifecycleEvent, Options, Running, Simulator, World};
use bmsync::source::graph::{GraphSource, Http, Pace};
use bmsync::source::subscription::{
    LONGEST_LIFE, Subscription, SubscriptionError, SubscriptionWish, Subscriptions as _, Watched,
};
use bmsync::source::{SourceError, SourceErrorClass};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::grants::Memory;
use super::log::Log;
use super::server::{Reply, Script, Server};
use super::world::{TOKEN, status, tenant, token};
use crate::simulator::client::{SMALL, TENANT};
use crate::simulator::webhook::{Manner, Webhook};

/// A simulator with two tenants, and a source of the first.
struct Sim {
    running: Running,
    source: GraphSource,
    _folder: tempfile::TempDir,
}

fn pace() -> Pace {
    let wait = Duration::from_millis(2);
    Pace { first_wait: wait, longest_wait: wait, budget: Duration::from_secs(20), ..Pace::new(7) }
}

impl Sim {
    async fn start() -> Self {
        Self::with_application("1f3c5d7e-0000-4000-8000-000000000001", "demo-key").await
    }

    async fn with(fault: &str) -> Self {
        let sim = Self::start().await;
        sim.running.control().set_fault(fault).unwrap();
        sim
    }

    async fn with_application(id: &str, key: &str) -> Self {
        let quick = Duration::from_millis(5);
        let patience = Duration::from_millis(300);
        let options = Options {
            page_size: 2,
            notify_after: quick,
            notify_retry: quick,
            validation_timeout: patience,
            ..Options::default()
        };
        let running = Simulator::start(World::from_yaml(SMALL).unwrap(), options).await.unwrap();
        let (tenant, folder) = at(&running.url(), key);
        let tenant = Tenant { domain: "contoso.onmicrosoft.com".into(), application_id: id.into(), ..tenant };
        let source = GraphSource::new(&tenant, &Http::new(), pace(), Memory::default().delegation(&tenant.id)).unwrap();
        Self { running, source, _folder: folder }
    }

    async fn subscribe(&self, watched: Watched, webhook: &Webhook) -> Result<Subscription, SourceError> {
        self.source.subscribe(&wish(watched, webhook)).await
    }

    async fn refused(&self, watched: Watched, webhook: &Webhook) -> SourceError {
        let error = self.subscribe(watched, webhook).await.unwrap_err();
        assert!(error.message.starts_with(&format!("subscription to {watched}: ")), "{error}");
        error
    }

    /// The IDs of all subscriptions that there are.
    fn ids(&self) -> BTreeSet<String> {
        let all = self.running.control().subscriptions();
        all.as_array().unwrap().iter().map(|known| known["id"].as_str().unwrap().to_owned()).collect()
    }
}

fn at(base: &str, key: &str) -> (Tenant, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, key).unwrap();
    (tenant(base, path), folder)
}

fn days(days: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(24 * days)
}

fn wish(watched: Watched, webhook: &Webhook) -> SubscriptionWish {
    let url = || webhook.url.clone();
    SubscriptionWish { watched, notification_url: url(), lifecycle_url: url(), until: days(14) }
}

/// An item as a webhook hands it on.
fn claim(item: &Value) -> Notification {
    let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
    let lifecycle = match item["lifecycleEvent"].as_str() {
        Some("reauthorizationRequired") => Some(Lifecycle::ReauthorizationRequired),
        Some("subscriptionRemoved") => Some(Lifecycle::SubscriptionRemoved),
        Some("missed") => Some(Lifecycle::Missed),
        Some(other) => panic!("{other}"),
        None => None,
    };
    let client_state = SecretString::from(text("clientState"));
    Notification { subscription: text("subscriptionId"), client_state, lifecycle }
}

#[tokio::test]
async fn a_subscription_is_made_with_a_secret_of_its_own() {
    let (sim, webhook) = (Sim::start().await, Webhook::start(Manner::Good).await);
    let users = sim.subscribe(Watched::Users, &webhook).await.unwrap();
    let groups = sim.subscribe(Watched::Groups, &webhook).await.unwrap();
    assert_eq!(sim.ids(), [users.id.clone(), groups.id.clone()].into());
    let listed = sim.running.control().subscriptions();
    for (known, made) in listed.as_array().unwrap().iter().zip([&users, &groups]) {
        assert_eq!((&known["id"], &known["resource"]), (&json!(made.id), &json!(made.watched.word())));
        assert_eq!(known["changeType"], "updated,deleted");
        assert_eq!(known["lifecycleNotificationUrl"], json!(webhook.url));
        let until: Timestamp = known["expirationDateTime"].as_str().unwrap().parse().unwrap();
        assert_eq!(until, made.until);
    }
    let (one, other) = (users.client_state.expose_secret(), groups.client_state.expose_secret());
    assert!(one.len() == 64 && one.bytes().all(|byte| byte.is_ascii_hexdigit()) && one != other, "{one} {other}");
    assert!(!format!("{users:?}").contains(one), "{users:?}");
}

#[tokio::test]
async fn genuine_notifications_are_known_from_forged_ones() {
    let (sim, webhook) = (Sim::start().await, Webhook::start(Manner::Good).await);
    let (control, tenant, now) = (sim.running.control(), Id::new(TENANT), Timestamp::now());
    let mut table = SubscriptionTable::default();
    for watched in Watched::ALL {
        let subscription = sim.subscribe(watched, &webhook).await.unwrap();
        table.entry(&tenant, watched).created(subscription, now, 0.5);
    }
    control.patch_user(TENANT, "u1", json!({ "jobTitle": "Lead" })).unwrap();
    assert_eq!(table.notified(&claim(&webhook.item().await)), Some(tenant.clone()));
    control.add_member(TENANT, "g3", "u5").unwrap();
    assert_eq!(table.notified(&claim(&webhook.item().await)), Some(tenant.clone()));
    let users = table.entry(&tenant, Watched::Users).id().unwrap().to_owned();
    control.forge_notification(&users).unwrap();
    assert_eq!(table.notified(&claim(&webhook.item().await)), None);
    control.set_fault("foreign-client-state=next1").unwrap();
    control.patch_user(TENANT, "u1", json!({ "jobTitle": "Chief" })).unwrap();
    assert_eq!(table.notified(&claim(&webhook.item().await)), None);
    for fault in ["duplicate-notification=next1", "batch-notifications=next2:200"] {
        control.set_fault(fault).unwrap();
    }
    control.patch_user(TENANT, "u1", json!({ "jobTitle": "twice" })).unwrap();
    control.patch_group(TENANT, "g3", json!({ "displayName": "full" })).unwrap();
    let batch = webhook.next().await;
    let told: Vec<_> = batch["value"].as_array().unwrap().iter().map(|item| table.notified(&claim(item))).collect();
    assert_eq!(told, [Some(tenant.clone()), Some(tenant.clone()), Some(tenant.clone())]);
    control.send_lifecycle(&users, LifecycleEvent::SubscriptionRemoved).unwrap();
    let removed = claim(&webhook.item().await);
    assert_eq!((table.notified(&removed), table.notified(&removed)), (Some(tenant), None));
}

#[tokio::test]
async fn what_an_earlier_process_left_is_replaced() {
    let (sim, webhook) = (Sim::start().await, Webhook::start(Manner::Good).await);
    let elsewhere = Webhook::start(Manner::Good).await;
    let groups = sim.subscribe(Watched::Groups, &elsewhere).await.unwrap();
    let lost = sim.subscribe(Watched::Users, &webhook).await.unwrap();
    let made = sim.subscribe(Watched::Users, &webhook).await.unwrap();
    assert_ne!(lost.id, made.id);
    assert_eq!(sim.ids(), [groups.id, made.id].into(), "only what was in the way went");
    let stats = sim.running.control().stats();
    assert_eq!((stats.requests(Class::Subscriptions, 409), stats.requests(Class::Subscriptions, 204)), (1, 1));
}

#[tokio::test]
async fn what_tells_somebody_else_is_not_touched() {
    let (sim, webhook) = (Sim::start().await, Webhook::start(Manner::Good).await);
    let elsewhere = Webhook::start(Manner::Good).await;
    let theirs = sim.subscribe(Watched::Users, &elsewhere).await.unwrap();
    let error = sim.refused(Watched::Users, &webhook).await;
    let origin = elsewhere.url.split("/webhooks").next().unwrap();
    assert!(error.message.ends_with(&format!("has one already, which tells {origin}")), "{error}");
    assert_eq!((error.class, sim.ids()), (SourceErrorClass::Person, [theirs.id].into()));
    assert!(error.hint.unwrap().contains("--public-url"));
}

#[tokio::test]
async fn a_reply_that_is_lost_leaves_no_second_subscription() {
    for fault in ["cut=next1@subscriptions", "truncated-json=next1@subscriptions", "wrong-content=next1@subscriptions"]
    {
        let (sim, webhook) = (Sim::with(fault).await, Webhook::start(Manner::Good).await);
        let made = sim.subscribe(Watched::Users, &webhook).await.unwrap();
        assert_eq!(sim.ids(), [made.id].into(), "{fault}");
        let stats = sim.running.control().stats();
        assert_eq!(stats.requests(Class::Subscriptions, 409), 1, "{fault}");
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let faults = [
        "throttle=next2@subscriptions:0.01",
        "unavailable=next2@subscriptions:0.01",
        "server-error=next2@subscriptions",
        "expire-token=next1@subscriptions",
        "not-json=next1@subscriptions",
    ];
    for fault in faults {
        let (sim, webhook) = (Sim::with(fault).await, Webhook::start(Manner::Good).await);
        let made = sim.subscribe(Watched::Users, &webhook).await.unwrap();
        assert_eq!(sim.ids(), [made.id].into(), "{fault}");
        assert_eq!(sim.running.control().faults().iter().count(), 0, "{fault} struck");
    }
    let (sim, webhook) = (Sim::with("gateway-timeout=always@subscriptions").await, Webhook::start(Manner::Good).await);
    let error = sim.refused(Watched::Users, &webhook).await;
    assert_eq!(error.class, SourceErrorClass::Transient);
    assert!(error.message.ends_with("gave up after 5 tries"), "{error}");
}

#[tokio::test]
async fn a_webhook_that_graph_does_not_reach_is_a_matter_of_the_public_url() {
    for (manner, class, said) in [
        (Manner::Refusing, SourceErrorClass::Person, "could not confirm the webhook (ValidationError)"),
        (Manner::Escaped, SourceErrorClass::Person, "could not confirm the webhook (ValidationError)"),
        (Manner::Silent, SourceErrorClass::Transient, "did not answer Microsoft Graph in time (InvalidRequest)"),
    ] {
        let (sim, webhook) = (Sim::start().await, Webhook::start(manner).await);
        let error = sim.refused(Watched::Users, &webhook).await;
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.ends_with(said), "{error}");
        assert!(error.hint.unwrap().contains("--public-url"));
        assert_eq!((webhook.validations(), sim.ids().len()), (1, 0), "it is not asked again and again");
    }
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let webhook = Webhook::start(Manner::Good).await;
    let sim = Sim::with("subscription-quota=next1").await;
    let error = sim.refused(Watched::Users, &webhook).await;
    assert!(error.message.contains("no room for another subscription (Forbidden)"), "{error}");
    assert!(error.hint.unwrap().contains("100"));
    let sim = Sim::with_application("1f3c5d7e-0000-4000-8000-000000000009", "k&y=%").await;
    for (watched, permission) in [(Watched::Users, "User.Read.All"), (Watched::Groups, "Group.Read.All")] {
        let error = sim.refused(watched, &webhook).await;
        assert_eq!(error.class, SourceErrorClass::Person);
        assert!(error.message.ends_with("permission denied (Authorization_RequestDenied)"), "{error}");
        assert!(error.hint.unwrap().contains(permission));
    }
}

#[tokio::test]
async fn subscriptions_live_on_or_are_gone() {
    let (sim, webhook) = (Sim::start().await, Webhook::start(Manner::Good).await);
    let (control, source) = (sim.running.control(), &sim.source);
    let id = sim.subscribe(Watched::Users, &webhook).await.unwrap().id;
    let later = days(20);
    assert_eq!(source.renew(&id, later).await.unwrap(), later);
    let longest = source.renew(&id, days(400)).await.unwrap();
    assert!(longest < Timestamp::now() + LONGEST_LIFE && longest > days(28), "{longest}");
    source.reauthorize(&id).await.unwrap();
    control.set_fault("validation-timeout=next2").unwrap();
    let failed = [source.renew(&id, later).await.map(drop), source.reauthorize(&id).await];
    for error in failed {
        let Err(SubscriptionError::Failed(error)) = error else { panic!("{error:?}") };
        assert_eq!(error.class, SourceErrorClass::Transient, "it may time out without cause");
        assert!(error.message.contains("of a subscription: the webhook did not answer"), "{error}");
    }
    control.set_fault("subscription-gone=next1").unwrap();
    for _ in 0..2 {
        assert!(matches!(source.renew(&id, later).await, Err(SubscriptionError::Gone)));
    }
    assert!(matches!(source.reauthorize(&id).await, Err(SubscriptionError::Gone)));
    let id = sim.subscribe(Watched::Users, &webhook).await.unwrap().id;
    control.expire_subscription(&id).unwrap();
    assert!(matches!(source.renew(&id, later).await, Err(SubscriptionError::Gone)));
}

#[tokio::test]
async fn a_lapsed_subscription_goes_on_after_it_is_reauthorized() {
    let (sim, webhook) = (Sim::with("reauthorization-required=next1").await, Webhook::start(Manner::Good).await);
    let made = sim.subscribe(Watched::Users, &webhook).await.unwrap();
    sim.running.control().patch_user(TENANT, "u1", json!({ "jobTitle": "Lead" })).unwrap();
    let event = claim(&webhook.item().await);
    assert_eq!((event.lifecycle, &event.subscription), (Some(Lifecycle::ReauthorizationRequired), &made.id));
    sim.source.reauthorize(&made.id).await.unwrap();
    assert_eq!(webhook.item().await["resource"], "Users/u1");
}

#[tokio::test]
async fn ending_one_twice_is_as_good() {
    let (sim, webhook) = (Sim::start().await, Webhook::start(Manner::Good).await);
    let made = sim.subscribe(Watched::Users, &webhook).await.unwrap();
    for _ in 0..2 {
        sim.source.unsubscribe(&made.id).await.unwrap();
        assert_eq!(sim.ids().len(), 0);
    }
}

const SUBSCRIPTIONS: &str = "/v1.0/subscriptions";

/// What a scripted Graph makes of a wish.
async fn scripted(replies: Vec<Reply>) -> (Result<Subscription, SourceError>, Server) {
    let script = [(TOKEN, vec![token("t0ken", 3599)]), (SUBSCRIPTIONS, replies)];
    let server = Server::start(Script::from(script.map(|(target, replies)| (target.to_owned(), replies)))).await;
    let (tenant, _folder) = at(&server.base, "key");
    let source = GraphSource::new(&tenant, &Http::new(), pace(), Memory::default().delegation(&tenant.id)).unwrap();
    let webhook = Webhook::start(Manner::Good).await;
    (source.subscribe(&wish(Watched::Users, &webhook)).await, server)
}

#[tokio::test]
async fn answers_that_make_no_sense_are_refused() {
    let entity = |id: &str, until: &str| status(201, &format!(r#"{{"id":"{id}","expirationDateTime":"{until}"}}"#));
    let long = "x".repeat(129);
    for odd in [
        entity("", "2031-01-01T00:00:00Z"),
        entity("a b", "2031-01-01T00:00:00Z"),
        entity("a/b", "2031-01-01T00:00:00Z"),
        entity("..", "2031-01-01T00:00:00Z"),
        entity(&long, "2031-01-01T00:00:00Z"),
        entity("s1", "soon"),
        status(201, r#"{"id":5,"expirationDateTime":"2031-01-01T00:00:00Z"}"#),
        status(201, "<html>"),
    ] {
        let (result, server) = scripted(vec![odd]).await;
        let error = result.unwrap_err();
        assert_eq!(error.class, SourceErrorClass::Protocol, "{error}");
        assert_eq!(server.count(SUBSCRIPTIONS), 5);
    }
    let (result, _) = scripted(vec![entity("s1", "2999-01-01T00:00:00.0000000Z")]).await;
    assert!(result.unwrap().until <= days(14), "no later than was asked for");
    let (result, _) = scripted(vec![status(418, r#"{"error":{"code":"Tea\u001b[1m"}}"#)]).await;
    assert!(result.unwrap_err().message.ends_with("the service answered 418 I'm a teapot (Tea [1m)"));
}

#[tokio::test]
async fn no_token_and_no_secret_goes_elsewhere() {
    let elsewhere = Server::start(Script::new()).await;
    let list = format!(r#"{{"value":[],"@odata.nextLink":"{}/v1.0/subscriptions"}}"#, elsewhere.base);
    let (result, _) = scripted(vec![status(409, "{}"), status(200, &list)]).await;
    let error = result.unwrap_err();
    assert_eq!(error.class, SourceErrorClass::Protocol);
    assert!(error.message.contains(&format!("leads to {}", elsewhere.base)), "{error}");
    for code in [301, 302, 307, 308] {
        let headers = format!("location: {}/v1.0/subscriptions\r\n", elsewhere.base);
        let (result, server) = scripted(vec![Reply::Full { status: code, headers, body: Vec::new() }]).await;
        assert!(result.unwrap_err().message.contains("redirects to another origin"));
        assert_eq!(server.count(SUBSCRIPTIONS), 1);
    }
    assert_eq!(elsewhere.count("*"), 0);
}

#[tokio::test]
async fn one_that_is_in_the_way_and_nowhere_to_be_found() {
    let list = r#"{"value":[{"id":"s1","resource":"groups","changeType":"updated,deleted"},
        {"id":"..","resource":"users","changeType":"updated,deleted"},{"odd":1}]}"#;
    let list = status(200, list);
    let (result, _) = scripted(vec![status(409, "{}"), list]).await;
    let error = result.unwrap_err();
    assert_eq!(error.class, SourceErrorClass::Transient);
    assert!(error.message.ends_with("there is one already, but it is not listed"), "{error}");
}

#[tokio::test]
async fn the_most_talkative_log_does_not_tell_the_secret() {
    let log = Log::default();
    let webhook = Webhook::start(Manner::Good).await;
    let sim = Sim::with("cut=next1@subscriptions").await;
    let guard = log.listen();
    let made = sim.subscribe(Watched::Users, &webhook).await.unwrap();
    sim.source.renew(&made.id, days(9)).await.unwrap();
    drop(guard);
    let told = log.text();
    assert!(told.contains("subscribed") && told.contains("replacing an earlier subscription"), "{told}");
    assert!(!told.contains(made.client_state.expose_secret()), "the secret is in {told}");
}
