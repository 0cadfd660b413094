//! When the client secret ends: told ahead where the registration may be read, and never asked for where it may not.

use bmsync::simulator::Class;
use jiff::{Timestamp, ToSpan};

use super::place::{Place, condition};
use super::world::DIRECTORY;

/// The usual secret, with its end.
fn directory(end: Timestamp) -> String {
    let (usual, other) = ("secrets: [{ value: \"s&cret=1\" }]", "{ value: other-one, expires: 2031-01-01T00:00:00Z }");
    assert!(DIRECTORY.contains(usual));
    DIRECTORY.replace(usual, &format!("secrets: [{{ value: \"s&cret=1\", expires: {end} }}, {other}]"))
}

/// How often the registration was asked for, by how it was answered.
fn asked(place: &Place) -> [u64; 3] {
    [200, 403, 404].map(|status| place.control().stats().requests(Class::Applications, status))
}

#[tokio::test]
async fn it_is_told_ahead_as_a_condition_a_metric_and_by_doctor() {
    let end = Timestamp::now() + (10 * 24).hours();
    let place = Place::of(&directory(end)).await;
    let (exit, said) = place.connect(&[]).await;
    assert_eq!(exit, 0, "{said}");
    let (exit, told) = place.json(&["doctor", "harbor", "-o", "json"]).await;
    let found = told["checks"].as_array().unwrap().iter().find(|one| one["check"] == "secret-end").unwrap();
    assert_eq!((exit, &found["status"]), (0, &"warning".into()), "{found}");
    let day = end.strftime("%Y-%m-%d").to_string();
    assert!(found["message"].as_str().unwrap().contains(&day), "{found}");

    place.control().clear_stats();
    let served = place.run(&[]).await;
    let is_told = |tenant: &serde_json::Value| condition(tenant, "CredentialsCurrent")["status"] == "False";
    let told = served.until(&place, "it is told", is_told).await;
    let current = condition(&told, "CredentialsCurrent");
    assert_eq!(current["reason"], "ExpiresSoon");
    assert!(current["message"].as_str().unwrap().starts_with("the client secret ends in 9 days"), "{current}");
    let metrics = super::world::browser().get(format!("{}/metrics", served.url)).send().await.unwrap().text().await;
    let series = "bmsync_credential_expiry_timestamp_seconds{tenant=\"harbor\",credential=\"secret\"} ";
    let metrics = metrics.unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)).unwrap_or_else(|| panic!("{metrics}"));
    let told: f64 = line.parse().unwrap();
    assert!((told - f64::from(i32::try_from(end.as_second()).unwrap_or(i32::MAX))).abs() < 2.0, "{line}");

    // Look after look it is not asked again.
    for _ in 0..3 {
        assert_eq!(place.done(&["sync", "harbor", "--server", &served.url]).await.0, 0);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(asked(&place), [1, 0, 0]);
    served.kill().await;
}

#[tokio::test]
async fn where_it_may_not_be_read_nothing_is_said_and_nothing_fails() {
    let end = Timestamp::now() + (10 * 24).hours();
    let place = Place::of(&directory(end)).await;
    place.declare("endpoints:", "signIn: application\n  endpoints:");
    place.fault("no-roles=always@/v1.0/applications");
    let served = place.run(&[]).await;
    let told = served.until(&place, "it is read", |tenant| tenant["phase"] == "watching").await;
    assert!(condition(&told, "CredentialsCurrent").is_null(), "{told}");
    assert_eq!(asked(&place), [0, 1, 0]);
    served.kill().await;
    let (exit, told) = place.json(&["doctor", "harbor", "-o", "json"]).await;
    assert!(exit == 0 && !told.to_string().contains("secret-end"), "{told}");
}

/// The registration of an application that serves several tenants is in one of them.
#[tokio::test]
async fn in_a_tenant_that_only_uses_the_application_it_is_not_known() {
    let place = Place::of(&directory(Timestamp::now() + 24.hours())).await;
    place.declare("endpoints:", "signIn: application\n  endpoints:");
    place.declare("harbor.onmicrosoft.com", "pier.onmicrosoft.com");
    place.declare(super::world::HOME, "9a1f6f0e-52c4-4d3b-8f57-0c2b6d1e7a10");
    let (exit, told) = place.json(&["doctor", "harbor", "-o", "json"]).await;
    assert!(exit == 0 && !told.to_string().contains("secret-end"), "{told}");
    assert_eq!(asked(&place), [0, 0, 1]);
}
