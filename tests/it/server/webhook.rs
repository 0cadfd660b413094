//! Notifications: believed by nobody here, never answered with more than "received".

use std::sync::Arc;

use bmsync::controller::Lifecycle;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::http::{Served, guarded, local};
use super::world::{Heard, World};

async fn heard(body: impl AsRef<[u8]>) -> (u16, Vec<Heard>) {
    let world = World::new();
    let server = guarded(Arc::clone(&world) as _).await;
    let reply = server.post("/webhooks/graph", body).await;
    assert!(reply.body.is_empty());
    let heard = world.heard.lock().unwrap().clone();
    (reply.status, heard)
}

fn said(subscription: &str, state: &str, lifecycle: Option<Lifecycle>) -> Heard {
    (subscription.to_owned(), state.to_owned(), lifecycle)
}

#[tokio::test]
async fn the_handshake_gives_the_decoded_token_back() {
    let server = guarded(World::new()).await;
    let reply = server.post("/webhooks/graph?validationToken=Check%3A+harbor%2F41%3D", "").await;
    assert_eq!((reply.status, reply.text()), (200, "Check: harbor/41="));
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
    let live = server.post("/webhooks/graph?tenant=x&validationToken=%3Cscript%3Ealert(1)%3C/script%3E", "").await;
    assert_eq!(live.text(), "<script>alert(1)</script>");
    assert_eq!(live.header("x-content-type-options"), Some("nosniff"));
    assert!(live.header("content-type").unwrap().starts_with("text/plain"));
    server.post(&format!("/webhooks/graph?validationToken={}", "x".repeat(2049)), "").await.problem(400);
    server.post("/webhooks/graph?validationToken=a%0d%0aSet-Cookie:+x", "").await.problem(400);
    assert_eq!(server.post("/webhooks/graph?validationToken=", "").await.text(), "");
}

#[tokio::test]
async fn items_are_taken_one_by_one() {
    let body = json!({ "value": [
        { "changeType": "updated", "clientState": "k4", "resource": "Users/5c", "subscriptionId": "s1",
          "resourceData": { "sequenceNumber": 639_081_234_567_890_123_u64 } },
        { "subscriptionId": "s2", "clientState": "k5", "lifecycleEvent": "reauthorizationRequired" },
        { "subscriptionId": "s3", "lifecycleEvent": "missed" },
        { "subscriptionId": "s4", "clientState": 7, "lifecycleEvent": "subscriptionRemoved" },
        { "subscriptionId": "s5", "clientState": "k6", "lifecycleEvent": "somethingNew" },
        { "subscriptionId": "s".repeat(600) }, { "clientState": "k7" }, null, 7, "x", [], {},
    ] });
    let (status, heard) = heard(body.to_string()).await;
    assert_eq!(status, 202);
    let expected = [
        said("s1", "k4", None),
        said("s2", "k5", Some(Lifecycle::ReauthorizationRequired)),
        said("s3", "", Some(Lifecycle::Missed)),
        said("s4", "", Some(Lifecycle::SubscriptionRemoved)),
        said("s5", "k6", None),
    ];
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn what_cannot_be_read_is_received_all_the_same() {
    for body in ["", "{", "null", "[]", r#"{"value":{}}"#, r#"{"value":null}"#, "\u{feff}{}"] {
        assert_eq!(heard(body).await, (202, Vec::new()), "{body:?}");
    }
    let deep = format!(r#"{{"value":{}"#, "[".repeat(200_000));
    assert_eq!(heard(deep).await, (202, Vec::new()));
    assert_eq!(heard(b"\xff\xfe").await, (202, Vec::new()));
}

#[tokio::test]
async fn a_flood_in_one_request_is_cut() {
    let items = vec![json!({ "subscriptionId": "s", "clientState": "k" }); 5000];
    let (status, heard) = heard(json!({ "value": items }).to_string()).await;
    assert_eq!((status, heard.len()), (202, 1000));
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        prop::sample::select(vec!["missed", "reauthorizationRequired", "s1"]).prop_map(Value::from),
    ];
    let key = prop_oneof![
        prop::sample::select(vec!["value", "subscriptionId", "clientState", "lifecycleEvent"]).prop_map(str::to_owned),
        "[a-z]{0,6}",
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        value().prop_map(|value| value.to_string().into_bytes()),
        prop::collection::vec(value(), 0..6).prop_map(|items| json!({ "value": items }).to_string().into_bytes()),
        (value(), 0..100_usize).prop_map(|(value, cut)| {
            let text = value.to_string().into_bytes();
            text[..cut.min(text.len())].to_vec()
        }),
    ]
}

fn check(server: &Served, runtime: &tokio::runtime::Runtime, target: &str, body: &[u8]) -> Result<u16, TestCaseError> {
    let reply = runtime.block_on(server.ask("POST", target, &["Content-Type: application/json"], body));
    prop_assert!(reply.status < 500, "{} for {:?}", reply.status, String::from_utf8_lossy(body));
    Ok(reply.status)
}

#[test]
fn no_body_is_a_mistake_of_ours() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(local(World::new()));
    proptest!(ProptestConfig::with_cases(300), |(body in body())| {
        prop_assert_eq!(check(&server, &runtime, "/webhooks/graph", &body)?, 202);
        for target in ["/v1/plan", "/v1/apply", "/v1/approve/contoso"] {
            check(&server, &runtime, target, &body)?;
        }
    });
}

#[test]
fn no_path_or_query_is_a_mistake_of_ours() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(local(World::new()));
    let paths = prop::sample::select(vec![
        "/webhooks/graph",
        "/v1/employees",
        "/v1/rules",
        "/v1/tenants",
        "/v1/events",
        "/v1/explain",
        "/v1/sync/",
        "/v1/contacts/",
        "/v1/rules/",
        "/v1/tenants/",
        "/v1/approve/",
        "/",
    ]);
    let query = "[?&=%+/a-f0-9]{0,12}(limit|after|user|validationToken)?=?[%+/!-~&&[^ #\"<>]]{0,20}";
    proptest!(ProptestConfig::with_cases(300), |(path in paths, query in query, post in any::<bool>())| {
        let method = if post { "POST" } else { "GET" };
        let reply = runtime.block_on(server.ask(method, &format!("{path}{query}"), &[], b""));
        prop_assert!(reply.status < 500, "{} for {method} {path}{query}", reply.status);
    });
}
