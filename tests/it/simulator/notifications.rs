//! What subscribers are told when the directory changes, and every trouble on the way.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bmsync::simulator::{Deletion, LifecycleEvent, Options, World};
use reqwest::Method;
use serde_json::json;

use super::client::{OTHER_TENANT, SMALL, Sim, TENANT};
use super::subscriptions::{STATE, minutes, wish};
use super::webhook::{Manner, Webhook};

/// A simulator that is quick to tell, somebody who is told about users and groups, and both subscriptions.
async fn subscribed() -> (Sim, Webhook, [String; 2]) {
    let notify = Duration::from_millis(5);
    let options = Options { page_size: 2, notify_after: notify, notify_retry: notify, ..Options::default() };
    let sim = Sim::of(World::from_yaml(SMALL).unwrap(), options).await;
    let webhook = Webhook::start(Manner::Good).await;
    let ids = [sim.subscribe("users", &webhook).await, sim.subscribe("groups", &webhook).await];
    (sim, webhook, ids)
}

fn patch(sim: &Sim, user: &str, title: &str) {
    sim.running.control().patch_user(TENANT, user, json!({ "jobTitle": title })).unwrap();
}

#[tokio::test]
async fn a_changed_user_is_told_in_the_shape_that_was_observed() {
    let (sim, webhook, [users, _]) = subscribed().await;
    patch(&sim, "u1", "Lead");
    let item = webhook.item().await;
    let sequence = item["resourceData"]["sequenceNumber"].as_u64().unwrap();
    assert!(sequence > 1 << 53, "{sequence}");
    let expires = item["subscriptionExpirationDateTime"].as_str().unwrap();
    assert!(expires.ends_with("+02:00") && expires.len() == 25, "{expires}");
    let expected = json!({
        "changeType": "updated", "clientState": STATE, "resource": "Users/u1",
        "resourceData": { "@odata.type": "#Microsoft.Graph.User", "@odata.id": "Users/u1", "id": "u1",
            "organizationId": TENANT, "sequenceNumber": sequence },
        "subscriptionExpirationDateTime": expires, "subscriptionId": users, "tenantId": TENANT,
    });
    assert_eq!(item, expected);
    let moment: jiff::Timestamp = expires.parse().unwrap();
    assert!((59..=60).contains(&(moment.duration_since(minutes(0)).as_mins() + 1)), "{expires}");
}

#[tokio::test]
async fn groups_are_told_with_their_members_and_only_a_purge_is_deleted() {
    let (sim, webhook, [users, groups]) = subscribed().await;
    let control = sim.running.control();
    control.add_member(TENANT, "g3", "u5").unwrap();
    let item = webhook.item().await;
    assert_eq!((&item["subscriptionId"], &item["resource"]), (&json!(groups), &json!("Groups/g3")));
    assert_eq!(item["resourceData"]["@odata.type"], "#Microsoft.Graph.Group");
    assert_eq!(item["resourceData"]["members@delta"], json!([{ "id": "u5" }]));
    control.remove_member(TENANT, "g3", "u5").unwrap();
    let item = webhook.item().await;
    assert_eq!(item["resourceData"]["members@delta"], json!([{ "id": "u5", "@removed": "deleted" }]));
    control.delete_user(TENANT, "u5", Deletion::Soft).unwrap();
    assert_eq!(webhook.item().await["changeType"], "updated", "into the recycle bin");
    control.restore_user(TENANT, "u5").unwrap();
    assert_eq!(webhook.item().await["changeType"], "updated", "and out of it");
    control.delete_user(TENANT, "u5", Deletion::Hard).unwrap();
    let item = webhook.item().await;
    assert_eq!((&item["changeType"], &item["subscriptionId"]), (&json!("deleted"), &json!(users)));
    control.put_user(TENANT, "u7", json!({ "givenName": "New" })).unwrap();
    assert_eq!(webhook.item().await["changeType"], "updated", "creation too");
    let path = format!("/tenants/{TENANT}/groups/g2");
    assert_eq!(sim.control(Method::PATCH, &path, r#"{"displayName":"late"}"#).await.status, 204);
    let item = webhook.item().await;
    assert_eq!(item["resource"], "Groups/g2", "changes over HTTP are told too");
    assert_eq!(item["resourceData"].get("members@delta"), None);
}

#[tokio::test]
async fn nobody_is_told_what_does_not_concern_them() {
    let (mut sim, webhook, _) = subscribed().await;
    let other = Webhook::start(Manner::Good).await;
    sim.subscribe("users/u2", &other).await;
    sim.subscribe("groups/g3/members", &other).await;
    let control = sim.running.control();
    control.patch_user(OTHER_TENANT, "n1", json!({ "givenName": "N" })).unwrap();
    control.patch_user(TENANT, "u1", json!({ "givenName": "Adele" })).unwrap();
    control.patch_group(TENANT, "g3", json!({ "displayName": "full" })).unwrap();
    control.add_member(TENANT, "g3", "u1").unwrap();
    control.patch_user(TENANT, "u2", json!({ "givenName": "Benno" })).unwrap();
    let told: BTreeSet<String> =
        [other.item().await, other.item().await].map(|item| item["resource"].to_string()).into();
    assert_eq!(told, [r#""Groups/g3""#, r#""Users/u2""#].map(str::to_owned).into());
    let told: BTreeSet<String> = [webhook.item().await, webhook.item().await, webhook.item().await]
        .map(|item| item["resource"].to_string())
        .into();
    assert_eq!(told, [r#""Groups/g3""#, r#""Users/u2""#].map(str::to_owned).into(), "an equal value is no change");
    sim.token = sim.sign_in(OTHER_TENANT, super::client::APP, "any").await;
    assert_eq!(
        sim.ask(Method::POST, "", &wish("users", &other)).await.status,
        201,
        "another tenant, another subscription"
    );
    sim.running.control().patch_user(OTHER_TENANT, "n1", json!({ "givenName": "Nora" })).unwrap();
    assert_eq!(other.item().await["tenantId"], OTHER_TENANT);
    assert_eq!((webhook.unread().await, other.unread().await), (0, 0));
}

#[tokio::test]
async fn a_failed_delivery_is_tried_again_and_given_up_in_the_end() {
    let (sim, webhook, [users, _]) = subscribed().await;
    webhook.refuse(4);
    patch(&sim, "u1", "Lead");
    assert_eq!(webhook.item().await["resource"], "Users/u1");
    webhook.refuse(5);
    patch(&sim, "u2", "Lost");
    let counted = |sim: &Sim| {
        let all = sim.running.control().subscriptions();
        let ours = all.as_array().unwrap().iter().find(|known| known["id"] == json!(users)).unwrap().clone();
        (ours["delivered"].clone(), ours["failed"].clone())
    };
    let start = Instant::now();
    while counted(&sim) != (json!(1), json!(1)) {
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", counted(&sim));
        tokio::task::yield_now().await;
    }
    assert_eq!(webhook.unread().await, 0);
}

#[tokio::test]
async fn notifications_are_dropped_doubled_late_and_batched() {
    let (sim, webhook, _) = subscribed().await;
    let control = sim.running.control();
    control.set_fault("drop-notification=next1@users").unwrap();
    patch(&sim, "u1", "unseen");
    control.set_fault("duplicate-notification=next1").unwrap();
    patch(&sim, "u2", "twice");
    let twice = [webhook.item().await, webhook.item().await];
    assert_eq!((&twice[0]["resource"], &twice[0]), (&json!("Users/u2"), &twice[1]));
    control.set_fault("late-notification=next1:300").unwrap();
    let start = Instant::now();
    patch(&sim, "u1", "late");
    patch(&sim, "u2", "in time");
    assert_eq!(webhook.item().await["resource"], "Users/u2");
    assert_eq!(webhook.item().await["resource"], "Users/u1");
    assert!(start.elapsed() >= Duration::from_millis(300), "after {:?}", start.elapsed());
    control.set_fault("batch-notifications=next3:300").unwrap();
    patch(&sim, "u1", "one");
    patch(&sim, "u2", "two");
    control.patch_group(TENANT, "g3", json!({ "displayName": "three" })).unwrap();
    let batch = webhook.next().await;
    let resources: Vec<_> = batch["value"].as_array().unwrap().iter().map(|item| item["resource"].clone()).collect();
    assert_eq!(resources, ["Users/u1", "Users/u2", "Groups/g3"], "of two subscriptions in one request");
    assert_eq!(webhook.unread().await, 0);
}

#[tokio::test]
async fn forged_notifications_do_not_know_the_client_state() {
    let (sim, webhook, [users, groups]) = subscribed().await;
    sim.running.control().set_fault("foreign-client-state=next1").unwrap();
    patch(&sim, "u1", "Lead");
    let item = webhook.item().await;
    assert_eq!((&item["subscriptionId"], &item["resource"]), (&json!(users), &json!("Users/u1")));
    assert_ne!(item["clientState"], STATE);
    sim.running.control().forge_notification(&groups).unwrap();
    let item = webhook.item().await;
    assert_eq!(item["subscriptionId"], json!(groups));
    assert!(item["clientState"].is_string() && item["clientState"] != STATE, "{item}");
    assert_eq!(sim.control(Method::POST, &format!("/subscriptions/{users}/forge"), "").await.status, 204);
    assert_ne!(webhook.item().await["clientState"], STATE);
}

#[tokio::test]
async fn a_notification_may_come_before_its_delta() {
    let (sim, webhook, _) = subscribed().await;
    let (users, groups) = (sim.users().await, sim.groups().await);
    sim.running.control().set_fault("early-notification=next1:1000").unwrap();
    patch(&sim, "u1", "Lead");
    sim.running.control().patch_group(TENANT, "g3", json!({ "displayName": "full" })).unwrap();
    assert_eq!(webhook.item().await["resource"], "Users/u1");
    let start = Instant::now();
    let mut round = sim.round(&users.delta).await;
    assert!(round.ids().is_empty(), "the change is not to be seen yet");
    assert_eq!(sim.get("/v1.0/users/u1").await.status, 404);
    assert_eq!(sim.round(&groups.delta).await.ids(), ["g3"], "other kinds are");
    while round.ids().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(20), "never seen");
        round = sim.round(&round.delta).await;
    }
    assert_eq!(round.object("u1")["jobTitle"], "Lead");
}

#[tokio::test]
async fn a_lapsed_subscription_says_so_and_waits() {
    let (sim, webhook, [users, _]) = subscribed().await;
    for (method, path) in [(Method::PATCH, format!("/{users}")), (Method::POST, format!("/{users}/reauthorize"))] {
        sim.running.control().set_fault("reauthorization-required=next1@users").unwrap();
        patch(&sim, "u1", &format!("first {method}"));
        let event = webhook.item().await;
        let expires = event["subscriptionExpirationDateTime"].as_str().unwrap();
        assert!(expires.ends_with(".0000000Z"), "{expires}");
        let expected = json!({ "subscriptionId": users, "subscriptionExpirationDateTime": expires, "tenantId": TENANT,
            "clientState": STATE, "lifecycleEvent": "reauthorizationRequired" });
        assert_eq!(event, expected);
        patch(&sim, "u2", &format!("second {method}"));
        let listed = sim.control(Method::GET, "/subscriptions", "").await.json();
        assert_eq!((&listed[0]["authorized"], &listed[1]["authorized"]), (&json!(false), &json!(true)));
        assert_eq!(webhook.unread().await, 0);
        let body = json!({ "expirationDateTime": minutes(60).to_string() });
        assert!(sim.ask(method, &path, &body).await.status < 300);
        let told: BTreeSet<String> =
            [webhook.item().await, webhook.item().await].map(|item| item["resource"].to_string()).into();
        assert_eq!(told.len(), 2, "what waited comes after all: {told:?}");
    }
}

#[tokio::test]
async fn lifecycle_events_are_sent_when_wanted() {
    let (sim, webhook, [users, groups]) = subscribed().await;
    for event in LifecycleEvent::ALL {
        sim.running.control().send_lifecycle(&groups, event).unwrap();
        let item = webhook.item().await;
        assert_eq!((&item["lifecycleEvent"], &item["subscriptionId"]), (&json!(event.name()), &json!(groups)));
    }
    let path = format!("/subscriptions/{users}/lifecycle");
    assert_eq!(sim.control(Method::POST, &path, r#"{"lifecycleEvent":"missed"}"#).await.status, 204);
    assert_eq!(webhook.item().await["lifecycleEvent"], "missed");
    let wrong = sim.control(Method::POST, &path, r#"{"lifecycleEvent":"soon"}"#).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.text.contains("reauthorizationRequired, subscriptionRemoved, missed"), "{}", wrong.text);
    let nobody = sim.control(Method::POST, "/subscriptions/nobody/forge", "").await;
    assert_eq!((nobody.status, nobody.text.contains("no subscription nobody")), (404, true));
}

/// What must not come would come before what does.
#[tokio::test]
async fn delivery_ends_with_the_simulator_and_a_reset_forgets() {
    let (mut sim, webhook, _) = subscribed().await;
    sim.running.control().set_fault("late-notification=next1:50").unwrap();
    patch(&sim, "u1", "forgotten");
    sim.running.control().reset();
    assert_eq!(sim.running.control().subscriptions(), json!([]));
    patch(&sim, "u1", "to nobody");
    sim.token = sim.sign_in(TENANT, super::client::APP, "demo-key").await;
    sim.subscribe("users", &webhook).await;
    sim.running.control().set_fault("late-notification=next1:100").unwrap();
    patch(&sim, "u2", "told");
    assert_eq!(webhook.item().await["resource"], "Users/u2");

    let control = sim.running.control().clone();
    sim.running.stop().await;
    control.patch_user(TENANT, "u2", json!({ "jobTitle": "never told" })).unwrap();
    let next = Sim::small().await;
    next.subscribe("users", &webhook).await;
    patch(&next, "u1", "told by the next");
    assert_eq!(webhook.item().await["resource"], "Users/u1");
    assert_eq!(webhook.unread().await, 0);
}
