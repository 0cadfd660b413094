//! Consent: by one person, by an admin for everybody, in each tenant by itself.

use serde_json::json;

use super::browser::{APP, CHILD, HOME, REDIRECT, SECRET, SINGLE, encoded, parameters, refusal, refused};
use super::client::Sim;

fn admin_consent(tenant: &str, version: &str, changes: &[(&str, &str)]) -> String {
    let mut all = vec![("client_id", APP), ("redirect_uri", REDIRECT), ("state", "s 1")];
    all.extend(changes);
    format!("/{tenant}{version}/adminconsent?{}", encoded(&all))
}

const DEFAULT: (&str, &str) = ("scope", "https://graph.microsoft.com/.default");

#[tokio::test]
async fn a_person_consents_for_themselves_and_an_admin_for_all() {
    let sim = Sim::sign_in_world().await;
    let harmless = Sim::authorization(HOME, &[("scope", "openid User.Read")]);
    let asked = sim.form(&harmless, &[("username", "omar@harbor.example")]).await;
    assert!(asked.text.contains("id=\"accept\"") && !asked.text.contains("id=\"organization\""), "{}", asked.text);
    assert!(parameters(&sim.agree(&harmless, "omar@harbor.example").await).contains_key("code"));
    let again = sim.form(&harmless, &[("username", "omar@harbor.example")]).await;
    assert_eq!(again.status, 302, "asked twice: {}", again.text);
    let grave = Sim::authorization(HOME, &[]);
    let refused = sim.agree(&grave, "omar@harbor.example").await;
    assert!(refused.text.contains("AADSTS90094") && refused.text.contains("id=\"decline\""), "{}", refused.text);
    let fields = [("username", "omar@harbor.example"), ("decision", "accept"), ("organization", "yes")];
    assert_eq!(sim.form(&harmless, &fields).await.status, 302);
    assert!(sim.form(&grave, &fields).await.text.contains("AADSTS90094"), "a box that was never offered");
    let fields = [("username", "marta@harbor.example"), ("decision", "accept"), ("organization", "yes")];
    assert_eq!(sim.form(&grave, &fields).await.status, 302);
    assert_eq!(sim.form(&grave, &[("username", "omar@harbor.example")]).await.status, 302, "not for everybody");
}

#[tokio::test]
async fn each_tenant_lets_an_application_in_by_itself() {
    let sim = Sim::sign_in_world().await;
    let fields =
        [("grant_type", "client_credentials"), ("scope", "https://graph.microsoft.com/.default"), ("client_id", APP)];
    assert_eq!(sim.ask_login(HOME, &fields, &[]).await.status, 200);
    assert_eq!(refusal(&sim.ask_login(CHILD, &fields, &[]).await), refused(400, "unauthorized_client", 700_016));
    let path = admin_consent(CHILD, "/v2.0", &[DEFAULT]);
    assert!(sim.get(&path).await.text.contains("id=\"username\""));
    let page = sim.form(&path, &[("username", "ines@pier.example")]).await;
    assert!(page.text.contains("User.Read.All (as the application itself)"), "{}", page.text);
    let declined = sim.form(&path, &[("username", "ines@pier.example"), ("decision", "decline")]).await;
    let back = parameters(&declined);
    assert_eq!((back["error"].as_str(), back["state"].as_str()), ("consent_required", "s 1"));
    assert!(back["error_description"].starts_with("AADSTS65004"));
    let back = parameters(&sim.agree(&path, "ines@pier.example").await);
    let shown = (back["admin_consent"].as_str(), back["tenant"].as_str(), back["state"].as_str());
    assert_eq!((shown, back["scope"].as_str()), (("True", CHILD, "s 1"), DEFAULT.1));
    let token = sim.ask_login(CHILD, &fields, &[]).await;
    assert_eq!(token.status, 200, "{}", token.text);
    assert_eq!(super::browser::claims(&token.json()["access_token"])["roles"], json!(["User.Read.All"]));
}

#[tokio::test]
async fn only_an_admin_and_only_a_tenant_may() {
    let sim = Sim::sign_in_world().await;
    let path = admin_consent(HOME, "/v2.0", &[DEFAULT]);
    let refused = sim.agree(&path, "omar@harbor.example").await;
    assert!(refused.text.contains("AADSTS90094"), "{}", refused.text);
    assert!(sim.get(&admin_consent("common", "/v2.0", &[DEFAULT])).await.text.contains("AADSTS9001023"));
    let anywhere = admin_consent("organizations", "/v2.0", &[DEFAULT]);
    assert_eq!(parameters(&sim.agree(&anywhere, "ines@pier.example").await)["tenant"], CHILD);
    let old = admin_consent(HOME, "", &[]);
    let declined = sim.form(&old, &[("username", "marta@harbor.example"), ("decision", "decline")]).await;
    assert_eq!(parameters(&declined)["error"], "permission_denied");
    assert!(!parameters(&sim.agree(&old, "marta@harbor.example").await).contains_key("scope"));
    let single =
        format!("/{CHILD}/v2.0/adminconsent?{}", encoded(&[("client_id", SINGLE), ("redirect_uri", REDIRECT)]));
    assert!(sim.get(&single).await.text.contains("AADSTS700016"));
}

#[tokio::test]
async fn what_a_tenant_grants_can_be_changed_and_taken_back() {
    let sim = Sim::sign_in_world().await;
    let control = sim.running.control();
    let fields =
        [("grant_type", "client_credentials"), ("scope", "https://graph.microsoft.com/.default"), ("client_id", APP)];
    control.admit(HOME, APP, json!({ "roles": [] })).unwrap();
    let bare = sim.ask_login(HOME, &fields, &[]).await.json();
    assert!(super::browser::claims(&bare["access_token"]).get("roles").is_none());
    control.admit(HOME, APP, json!({ "disabled": true })).unwrap();
    assert_eq!(refusal(&sim.ask_login(HOME, &fields, &[]).await), refused(400, "unauthorized_client", 7_000_112));
    let path = format!("/tenants/{HOME}/applications/{APP}");
    assert_eq!(sim.control(reqwest::Method::DELETE, &path, "").await.status, 204);
    assert_eq!(refusal(&sim.ask_login(HOME, &fields, &[]).await).2, 700_016);
    assert_eq!(sim.control(reqwest::Method::PUT, &path, r#"{"rolls":[]}"#).await.status, 400);
    assert_eq!(sim.control(reqwest::Method::PUT, &path, "{}").await.status, 204);
    assert_eq!(sim.ask_login(HOME, &fields, &[("client_secret", SECRET)]).await.status, 200);
    control.reset();
    let page = sim.form(&Sim::authorization(HOME, &[]), &[("username", "marta@harbor.example")]).await;
    assert!(page.text.contains("id=\"accept\""), "a reset forgets consent");
}
