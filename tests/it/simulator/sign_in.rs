//! Tokens: who gets one, how refusals look, and what a token opens.

use std::time::Duration;

use bmsync::simulator::{Class, Options, World};
use reqwest::Method;
use serde_json::json;

use super::client::{APP, Answer, OTHER_TENANT, SMALL, Sim, TENANT};

/// A tenant, the fields of the form, and the refusal.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], (u16, &'a str, u64));

fn refusal(answer: &Answer) -> (u16, String, u64) {
    let body = answer.json();
    let code = body["error_codes"][0].as_u64().unwrap();
    let description = body["error_description"].as_str().unwrap();
    assert!(description.starts_with(&format!("AADSTS{code}: ")), "{description}");
    assert!(description.contains("\r\nTrace ID: "), "{description}");
    (answer.status, body["error"].as_str().unwrap().to_owned(), code)
}

#[tokio::test]
async fn a_tenant_is_known_by_id_and_by_domain() {
    let sim = Sim::small().await;
    for tenant in [TENANT, "contoso.onmicrosoft.com", "CONTOSO.onmicrosoft.com"] {
        let answer = sim.ask_token(tenant, &[("client_id", APP), ("client_secret", "demo-key")]).await;
        assert_eq!((answer.status, answer.json()["token_type"].as_str()), (200, Some("Bearer")), "{}", answer.text);
        assert_eq!(answer.json()["expires_in"], 3599);
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(!answer.text.contains("demo-key"), "the token carries the secret");
    }
}

#[tokio::test]
async fn refusals_have_microsofts_shape() {
    let sim = Sim::small().await;
    let cases: &[Case] = &[
        ("nowhere.example", &[], (400, "invalid_request", 90_002)),
        ("common", &[], (400, "invalid_request", 9_001_023)),
        (TENANT, &[("client_id", "stranger")], (400, "unauthorized_client", 700_016)),
        (TENANT, &[("client_secret", "wrong")], (401, "invalid_client", 7_000_215)),
        (TENANT, &[("client_secret", "")], (401, "invalid_client", 7_000_216)),
        (TENANT, &[("client_secret", ""), ("client_assertion", "a.b.c")], (401, "invalid_client", 700_027)),
        (TENANT, &[("scope", "User.Read.All")], (400, "invalid_scope", 70_011)),
        (TENANT, &[("scope", "https://elsewhere.example/.default")], (400, "invalid_resource", 500_011)),
        (TENANT, &[("scope", "")], (400, "invalid_request", 900_144)),
        (TENANT, &[("grant_type", "password")], (400, "unsupported_grant_type", 70_003)),
    ];
    for (tenant, fields, (status, error, code)) in cases {
        let mut all = fields.to_vec();
        for usual in [("client_id", APP), ("client_secret", "demo-key")] {
            if !fields.iter().any(|(name, _)| *name == usual.0) {
                all.push(usual);
            }
        }
        let answer = sim.ask_token(tenant, &all).await;
        assert_eq!(refusal(&answer), (*status, (*error).to_owned(), *code), "{tenant} {fields:?}");
    }
}

#[tokio::test]
async fn the_switch_gives_any_refusal() {
    let cases =
        [("sign-in=next1", 401, "invalid_client", 7_000_222), ("sign-in=next1:65001", 400, "invalid_grant", 65_001)];
    for (fault, status, error, code) in cases {
        let sim = Sim::with(fault).await;
        let answer = sim.ask_token(TENANT, &[("client_id", APP), ("client_secret", "demo-key")]).await;
        assert_eq!(refusal(&answer), (status, error.to_owned(), code));
        assert!(!sim.sign_in(TENANT, APP, "demo-key").await.is_empty(), "only once");
    }
}

#[tokio::test]
async fn client_and_secret_may_come_as_basic_credentials() {
    let sim = Sim::small().await;
    // 1f3c…0009 and `k&y=%`, form-encoded and joined
    let basic = "Basic MWYzYzVkN2UtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDA5OmslMjZ5JTNEJTI1";
    let headers = [("authorization", basic), ("content-type", "application/x-www-form-urlencoded")];
    let body = "grant_type=client_credentials&scope=http%3A%2F%2F127.0.0.1%3A1%2F.default";
    let path = format!("/{TENANT}/oauth2/v2.0/token");
    let answer = sim.send(Method::POST, &path, &headers, body.to_owned()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn graph_wants_a_token_that_is_known_and_young() {
    let mut sim = Sim::small().await;
    for token in ["", "made.up"] {
        token.clone_into(&mut sim.token);
        let answer = sim.get("/v1.0/users/delta").await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "InvalidAuthenticationToken"));
    }
    let elsewhere = Sim::small().await;
    sim.token.clone_from(&elsewhere.token);
    assert_eq!(sim.get("/v1.0/users/delta").await.status, 401, "another simulator's token");
    let options = Options { token_lifetime: Duration::ZERO, ..Options::default() };
    let short = Sim::of(World::from_yaml(SMALL).unwrap(), options).await;
    assert_eq!(short.get("/v1.0/users/delta").await.status, 401);
}

#[tokio::test]
async fn a_token_opens_what_its_roles_allow() {
    let mut sim = Sim::small().await;
    sim.token = sim.sign_in(TENANT, "1f3c5d7e-0000-4000-8000-000000000009", "k&y=%").await;
    assert_eq!(sim.get("/v1.0/groups/delta").await.status, 200);
    let answer = sim.get("/v1.0/users/delta").await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "Authorization_RequestDenied"));
}

#[tokio::test]
async fn a_tenant_without_applications_takes_anyone() {
    let sim = Sim::small().await;
    assert!(!sim.sign_in(OTHER_TENANT, "whoever", "whatever").await.is_empty());
}

#[tokio::test]
async fn metadata_names_the_endpoints() {
    let sim = Sim::small().await;
    let known = sim.get("/contoso.onmicrosoft.com/v2.0/.well-known/openid-configuration").await;
    let endpoint = format!("{}/{TENANT}/oauth2/v2.0/token", sim.running.url());
    assert_eq!(known.json()["token_endpoint"], json!(endpoint));
    let unknown = sim.get("/nowhere.example/v2.0/.well-known/openid-configuration").await;
    assert_eq!(refusal(&unknown), (400, "invalid_tenant".to_owned(), 90_002));
    assert_eq!(sim.running.control().stats().requests(Class::OpenId, 400), 1);
}
