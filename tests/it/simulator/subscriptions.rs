//! `/v1.0/subscriptions`: creating with its validation, renewing, reauthorizing, deleting, and every refusal.

use std::time::Duration;

use bmsync::simulator::{Class, Options, World};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{APP, Answer, OTHER_TENANT, SMALL, Sim, TENANT};
use super::webhook::{Manner, Webhook};

pub const STATE: &str = "k4-7f0d2e";

/// The body of a request for a subscription.
pub fn wish(resource: &str, webhook: &Webhook) -> Value {
    json!({ "changeType": "updated,deleted", "resource": resource, "notificationUrl": webhook.url,
        "lifecycleNotificationUrl": webhook.url, "expirationDateTime": minutes(60).to_string(), "clientState": STATE })
}

pub fn minutes(minutes: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_mins(minutes)
}

impl Sim {
    pub async fn ask(&self, method: Method, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &format!("/v1.0/subscriptions{path}"), &[("authorization", &bearer)], body).await
    }

    /// Creates a subscription and gives its ID.
    pub async fn subscribe(&self, resource: &str, webhook: &Webhook) -> String {
        let answer = self.ask(Method::POST, "", &wish(resource, webhook)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    async fn refusal(&self, body: &Value) -> (u16, String) {
        let answer = self.ask(Method::POST, "", body).await;
        (answer.status, answer.code())
    }
}

#[tokio::test]
async fn a_subscription_is_created_when_its_webhook_agrees() {
    let (sim, webhook) = (Sim::small().await, Webhook::start(Manner::Good).await);
    let wish = wish("users", &webhook);
    let answer = sim.ask(Method::POST, "", &wish).await;
    assert_eq!((answer.status, webhook.validations()), (201, 2), "both addresses are asked, even when equal");
    let shown = answer.json();
    for (key, value) in wish.as_object().unwrap() {
        assert_eq!(&shown[key], value, "{key}");
    }
    assert_eq!((&shown["applicationId"], &shown["latestSupportedTlsVersion"]), (&json!(APP), &json!("v1_2")));
    for key in ["notificationQueryOptions", "includeResourceData", "encryptionCertificate", "notificationUrlAppId"] {
        assert_eq!(shown.get(key), Some(&Value::Null), "{key} is shown as null");
    }
    let id = shown["id"].as_str().unwrap();
    let read = sim.get(&format!("/v1.0/subscriptions/{id}")).await.json();
    assert_eq!((&read["id"], &read["clientState"]), (&shown["id"], &Value::Null), "the secret is shown once");
    assert_eq!(sim.running.control().stats().requests(Class::Subscriptions, 201), 1);
}

#[tokio::test]
async fn a_webhook_that_does_not_repeat_the_token_gets_nothing() {
    let options = Options { validation_timeout: Duration::from_millis(200), ..Options::default() };
    let sim = Sim::of(World::from_yaml(SMALL).unwrap(), options).await;
    for (manner, code) in [
        (Manner::Refusing, "ValidationError"),
        (Manner::Escaped, "ValidationError"),
        (Manner::Json, "ValidationError"),
        (Manner::Silent, "InvalidRequest"),
    ] {
        let (bad, good) = (Webhook::start(manner).await, Webhook::start(Manner::Good).await);
        assert_eq!(sim.refusal(&wish("users", &bad)).await, (400, code.to_owned()), "{manner:?}");
        let mut lifecycle = wish("users", &good);
        lifecycle["lifecycleNotificationUrl"] = json!(bad.url);
        assert_eq!(sim.refusal(&lifecycle).await, (400, code.to_owned()), "{manner:?}, for lifecycle events");
        assert_eq!((good.validations(), bad.validations()), (1, 2));
    }
    let mut nowhere = wish("users", &Webhook::start(Manner::Good).await);
    nowhere["notificationUrl"] = json!("http://127.0.0.1:9/");
    assert_eq!(sim.refusal(&nowhere).await, (400, "ValidationError".to_owned()));
    assert_eq!(sim.get("/v1.0/subscriptions").await.objects(), Vec::<Value>::new());
}

#[tokio::test]
async fn wishes_that_make_no_sense_are_refused_before_anybody_is_asked() {
    let (sim, webhook) = (Sim::small().await, Webhook::start(Manner::Good).await);
    for (key, value) in [
        ("changeType", json!("updated,renamed")),
        ("changeType", json!(null)),
        ("resource", json!("me/messages")),
        ("resource", json!(5)),
        ("expirationDateTime", json!(minutes(41_761).to_string())),
        ("expirationDateTime", json!(minutes(-1).to_string())),
        ("expirationDateTime", json!("soon")),
        ("clientState", json!("x".repeat(129))),
        ("latestSupportedTlsVersion", json!("v9")),
        ("includeResourceData", json!(true)),
    ] {
        let mut wish = wish("users", &webhook);
        wish[key] = value.clone();
        assert_eq!(sim.refusal(&wish).await, (400, "InvalidRequest".to_owned()), "{key}: {value}");
    }
    for url in ["https://127.0.0.1:1/", "http://sync.example/", "http://127.0.0.1.example/", "nonsense"] {
        let mut wish = wish("users", &webhook);
        wish["notificationUrl"] = json!(url);
        assert_eq!(sim.refusal(&wish).await, (400, "ValidationError".to_owned()), "{url}");
    }
    assert_eq!(webhook.validations(), 0);
    let mut longest = wish("/users", &webhook);
    longest["expirationDateTime"] = json!(minutes(41_759).to_string());
    assert_eq!(sim.ask(Method::POST, "", &longest).await.status, 201);
}

#[tokio::test]
async fn the_same_again_is_a_conflict_that_names_what_there_is() {
    let (sim, webhook) = (Sim::small().await, Webhook::start(Manner::Good).await);
    let id = sim.subscribe("users", &webhook).await;
    let mut again = wish("/Users", &webhook);
    again["changeType"] = json!("deleted,updated");
    let answer = sim.ask(Method::POST, "", &again).await;
    assert_eq!(answer.status, 409);
    assert!(answer.text.contains(&id), "{}", answer.text);
    again["changeType"] = json!("updated");
    assert_eq!(sim.ask(Method::POST, "", &again).await.status, 201, "another change type is another subscription");
}

#[tokio::test]
async fn permissions_are_those_of_the_resource() {
    let (mut sim, webhook) = (Sim::small().await, Webhook::start(Manner::Good).await);
    sim.token = sim.sign_in(TENANT, "1f3c5d7e-0000-4000-8000-000000000009", "k&y=%").await;
    for resource in ["users", "groups"] {
        let expected = (403, "Authorization_RequestDenied".to_owned());
        assert_eq!(sim.refusal(&wish(resource, &webhook)).await, expected, "{resource}");
    }
    sim.token = String::new();
    assert_eq!(sim.refusal(&wish("users", &webhook)).await.0, 401);
}

#[tokio::test]
async fn there_are_at_most_a_hundred() {
    let (sim, webhook) = (Sim::small().await, Webhook::start(Manner::Good).await);
    for number in 0..100 {
        sim.subscribe(&format!("users/{number}"), &webhook).await;
    }
    let answer = sim.ask(Method::POST, "", &wish("users", &webhook)).await;
    assert_eq!(answer.status, 403);
    assert!(answer.text.contains("limit of 100"), "{}", answer.text);
    let mut seen = 0;
    let mut link = Some("/v1.0/subscriptions".to_owned());
    while let Some(page) = link {
        let page = sim.get(&page).await;
        seen += page.objects().len();
        link = page.link("next");
    }
    assert_eq!(seen, 100, "over all pages");
}

#[tokio::test]
async fn subscriptions_are_renewed_reauthorized_and_deleted_by_their_holder_alone() {
    let (mut sim, webhook) = (Sim::small().await, Webhook::start(Manner::Good).await);
    let id = sim.subscribe("groups", &webhook).await;
    let (path, later) = (format!("/{id}"), minutes(7 * 24 * 60).to_string());
    let renewed = sim.ask(Method::PATCH, &path, &json!({ "expirationDateTime": later })).await;
    assert_eq!((renewed.status, &renewed.json()["expirationDateTime"]), (200, &json!(later)));
    for bad in [json!({ "expirationDateTime": minutes(41_761).to_string() }), json!({ "clientState": "x" }), json!({})]
    {
        assert_eq!(sim.ask(Method::PATCH, &path, &bad).await.status, 400, "{bad}");
    }
    assert_eq!(sim.ask(Method::POST, &format!("{path}/reauthorize"), &Value::Null).await.status, 204);
    let ours = std::mem::take(&mut sim.token);
    sim.token = sim.sign_in(OTHER_TENANT, APP, "any").await;
    assert_eq!(sim.get(&format!("/v1.0/subscriptions{path}")).await.status, 404, "another tenant's");
    assert_eq!(sim.ask(Method::DELETE, &path, &Value::Null).await.status, 404);
    sim.token = ours;
    assert_eq!(sim.ask(Method::DELETE, &path, &Value::Null).await.status, 204);
    assert_eq!(sim.ask(Method::PATCH, &path, &json!({ "expirationDateTime": later })).await.status, 404);
}

#[tokio::test]
async fn a_subscription_ends_with_its_time() {
    let (sim, webhook) = (Sim::small().await, Webhook::start(Manner::Good).await);
    let id = sim.subscribe("users", &webhook).await;
    assert_eq!(sim.control(Method::DELETE, &format!("/subscriptions/{id}"), "").await.status, 204);
    assert_eq!(sim.ask(Method::POST, &format!("/{id}/reauthorize"), &Value::Null).await.status, 404);
    let mut short = wish("users", &webhook);
    short["expirationDateTime"] = json!((Timestamp::now() + SignedDuration::from_millis(1500)).to_string());
    let answer = sim.ask(Method::POST, "", &short).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let until: Timestamp = short["expirationDateTime"].as_str().unwrap().parse().unwrap();
    while Timestamp::now() <= until {
        tokio::task::yield_now().await;
    }
    assert_eq!(sim.get("/v1.0/subscriptions").await.objects(), Vec::<Value>::new());
}

#[tokio::test]
async fn troubles_of_creating_and_renewing() {
    let webhook = Webhook::start(Manner::Good).await;
    let sim = Sim::with("subscription-quota=next1").await;
    assert_eq!(sim.refusal(&wish("users", &webhook)).await, (403, "Forbidden".to_owned()));
    sim.running.control().set_fault("validation-timeout=next2after1").unwrap();
    let path = format!("/{}", sim.subscribe("users", &webhook).await);
    let later = json!({ "expirationDateTime": minutes(90).to_string() });
    for _ in 0..2 {
        let answer = sim.ask(Method::PATCH, &path, &later).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidRequest"));
    }
    assert_eq!(sim.ask(Method::PATCH, &path, &later).await.status, 200);
    sim.running.control().set_fault("subscription-gone=next1").unwrap();
    for _ in 0..2 {
        assert_eq!(sim.ask(Method::PATCH, &path, &later).await.status, 404, "and it stays gone");
    }
    sim.running.control().set_fault("cut=next1@subscriptions").unwrap();
    let bearer = format!("Bearer {}", sim.token);
    let body = wish("users", &webhook).to_string();
    let cut = sim.try_send(Method::POST, "/v1.0/subscriptions", &[("authorization", &bearer)], body).await;
    assert!(cut.is_err(), "the reply came whole");
    assert_eq!(sim.get("/v1.0/subscriptions").await.objects().len(), 1, "it was created all the same");
}
