//! The control API over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Sim, TENANT};

fn path(rest: &str) -> String {
    format!("/tenants/{TENANT}/{rest}")
}

#[tokio::test]
async fn users_are_put_patched_deleted_and_restored() {
    let sim = Sim::small().await;
    let first = sim.users().await;
    let new = json!({ "id": "ignored", "userPrincipalName": "new@contoso.com", "givenName": "New" }).to_string();
    assert_eq!(sim.control(Method::PUT, &path("users/u8"), &new).await.status, 204);
    assert_eq!(sim.control(Method::PATCH, &path("users/u1"), r#"{"givenName":null}"#).await.status, 204);
    assert_eq!(sim.control(Method::DELETE, &path("users/u2"), "").await.status, 204);
    assert_eq!(sim.control(Method::DELETE, &path("users/u3?hard=true"), "").await.status, 204);
    assert_eq!(sim.control(Method::POST, &path("users/u4/restore"), "").await.status, 204);
    let round = sim.round(&first.delta).await;
    assert_eq!(round.object("u8")["givenName"], "New");
    assert_eq!(round.object("u1")["givenName"], Value::Null);
    assert_eq!(round.object("u2")["@removed"]["reason"], "changed");
    assert_eq!(round.object("u3")["@removed"]["reason"], "deleted");
    assert_eq!(round.object("u4")["userPrincipalName"], "gone@contoso.com");
    let user = sim.control(Method::GET, &path("users/u1"), "").await;
    assert_eq!(user.json()["jobTitle"], "Engineer");
}

#[tokio::test]
async fn putting_clears_what_is_not_given() {
    let sim = Sim::small().await;
    let first = sim.users().await;
    sim.control(Method::PUT, &path("users/u1"), r#"{"userPrincipalName":"adele@contoso.com"}"#).await;
    let adele = sim.round(&first.delta).await.object("u1").clone();
    assert_eq!((&adele["jobTitle"], &adele["givenName"]), (&Value::Null, &Value::Null));
    assert!(adele.get("jobTitle").is_some(), "cleared, not absent");
}

#[tokio::test]
async fn groups_and_members() {
    let sim = Sim::small().await;
    let first = sim.groups().await;
    let new = json!({ "displayName": "new", "securityEnabled": true, "members": ["u1", { "id": "s1", "type": "servicePrincipal" }] });
    assert_eq!(sim.control(Method::PUT, &path("groups/g9"), &new.to_string()).await.status, 204);
    assert_eq!(sim.control(Method::PUT, &path("groups/g3/members/u5"), "").await.status, 204);
    assert_eq!(sim.control(Method::PUT, &path("groups/g3/members/d7?type=device"), "").await.status, 204);
    assert_eq!(sim.control(Method::DELETE, &path("groups/g1/members/u1"), "").await.status, 204);
    assert_eq!(sim.control(Method::DELETE, &path("groups/g2"), "").await.status, 204);
    let round = sim.round(&first.delta).await;
    assert_eq!(round.members("g9").0.len(), 2);
    assert_eq!(round.members("g3").0.len(), 2);
    assert_eq!(round.members("g1").1.len(), 1);
    assert_eq!(round.object("g2")["@removed"]["reason"], "changed");
    assert_eq!(sim.control(Method::POST, &path("groups/g2/restore"), "").await.status, 204);
    assert_eq!(sim.control(Method::PATCH, &path("groups/g2"), r#"{"displayName":"late"}"#).await.status, 204);
    assert_eq!(sim.round(&round.delta).await.object("g2")["displayName"], "late");
}

#[tokio::test]
async fn refusals_say_what_is_wrong() {
    let sim = Sim::small().await;
    sim.control(Method::DELETE, &path("users/u2?hard=true"), "").await;
    let cases = [
        (Method::PUT, path("users/u2"), "{}", 409, "no ID is given twice"),
        (Method::PATCH, path("users/nobody"), "{}", 404, "there is no user nobody"),
        (Method::PATCH, "/tenants/nowhere/users/u1".to_owned(), "{}", 404, "there is no tenant nowhere"),
        (Method::PATCH, path("users/u1"), r#"{"jobtitle":"x"}"#, 400, "did you mean jobTitle?"),
        (Method::PATCH, path("users/u1"), r#"{"jobTitle":5}"#, 400, "wants text"),
        (Method::PATCH, path("users/u1"), "{", 400, "not JSON"),
        (Method::POST, path("users/u1/restore"), "", 404, "there is no user u1"),
        (Method::PUT, path("groups/g9"), r#"{"members":["who"]}"#, 400, "neither a user nor a group"),
        (Method::DELETE, path("groups/g3/members/u1"), "", 404, "there is no member u1"),
        (Method::PUT, path("groups/g3/members/who"), "", 404, "there is no member who"),
        (Method::PUT, path("users/d1"), "{}", 409, "another kind"),
        (Method::POST, "/world".to_owned(), "", 404, "there is no POST"),
    ];
    for (method, path, body, status, message) in cases {
        let answer = sim.control(method.clone(), &path, body).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(answer.text.contains(message), "{method} {path}: {}", answer.text);
    }
}

#[tokio::test]
async fn counts_and_reset() {
    let sim = Sim::small().await;
    let before = sim.control(Method::GET, "/world", "").await.json();
    let first = sim.users().await;
    sim.get("/v1.0/users/nobody").await;
    let stats = sim.control(Method::GET, "/stats", "").await.json();
    let expected = json!({ "token": { "200": 1 }, "users/delta": { "200": 2 }, "users": { "404": 1 } });
    assert_eq!(stats["requests"], expected);
    assert!(stats["bytes"].as_u64().unwrap() > 500);
    sim.control(Method::PATCH, &path("users/u1"), r#"{"givenName":"X"}"#).await;
    assert_ne!(sim.control(Method::GET, "/world", "").await.json(), before);
    assert_eq!(sim.control(Method::POST, "/reset", "").await.status, 204);
    assert_eq!(sim.control(Method::GET, "/world", "").await.json(), before);
    assert_eq!(sim.control(Method::GET, "/stats", "").await.json(), json!({ "requests": {}, "bytes": 0 }));
    assert_eq!(sim.get(&first.delta).await.status, 401, "tokens are forgotten");
}

#[tokio::test]
async fn only_loopback_names_are_answered() {
    let sim = Sim::small().await;
    let answer = sim.send(Method::GET, "/control/world", &[("host", "evil.example")], String::new()).await;
    assert_eq!(answer.status, 421);
    let named = sim.send(Method::GET, "/control/stats", &[("host", "localhost:1")], String::new()).await;
    assert_eq!(named.status, 200);
}
