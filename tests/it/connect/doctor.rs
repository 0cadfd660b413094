//! `bmsync doctor` on a tenant that a person signed in to.

use bmsync::ledger::sled::SledLedger;
use bmsync::model::Id;
use bmsync::source::grant::Grants as _;
use bmsync::vault::{Keys, Vault};
use serde_json::Value;
use std::sync::Arc;

use super::place::Place;
use super::world::HOME;

const PIER: &str = "9a1f6f0e-52c4-4d3b-8f57-0c2b6d1e7a10";

/// What a check found.
fn check<'a>(told: &'a Value, name: &str) -> &'a Value {
    let all = told["checks"].as_array().unwrap();
    all.iter().find(|one| one["check"] == name).unwrap_or_else(|| panic!("no {name} in {told:#}"))
}

#[track_caller]
fn assert_fails(told: &Value, name: &str, said: &str, next: &str, job: &str) {
    let found = check(told, name);
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    assert_eq!((text("status"), text("job")), ("failed".to_owned(), job.to_owned()), "{found:#}");
    assert!(text("message").contains(said) && text("hint").contains(next), "{found:#}");
}

async fn look(place: &Place) -> (i32, Value) {
    place.json(&["doctor", "harbor", "-o", "json"]).await
}

#[tokio::test]
async fn a_tenant_that_is_well_has_every_check_in_order() {
    let place = Place::signed_in().await;
    for _ in 0..2 {
        let (exit, told) = look(&place).await;
        assert_eq!(exit, 0, "{told:#}");
        for name in
            ["secret", "login", "graph", "clock", "tenant-id", "sign-in", "organization", "read-users", "read-groups"]
        {
            assert_eq!(check(&told, name)["status"], "ok", "{name}: {told:#}");
        }
        assert_eq!((&told["summary"]["failed"], &told["summary"]["skipped"]), (&0.into(), &0.into()), "{told:#}");
    }
    let (_, text) = place.done(&["doctor", "harbor"]).await;
    assert!(text.contains("✓ sign-in") && text.contains(" 0 wrong, 0 not judged"), "{text}");
    assert_eq!(place.done(&["plan"]).await.0, 0, "looking has kept what it exchanged");
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named_as_a_delegated_one() {
    let place = Place::signed_in().await;
    for (part, name, permission) in
        [("users", "read-users", "User.Read.All"), ("groups", "read-groups", "Group.Read.All")]
    {
        place.fault(&format!("no-roles=always@/v1.0/{part}"));
        let (exit, told) = look(&place).await;
        assert_eq!(exit, 1);
        assert_fails(&told, name, "permission denied", &format!("delegated permission {permission}"), "tenantAdmin");
        let (exit, said) = place.done(&["plan"]).await;
        assert!(exit == 1 && said.contains(&format!("delegated permission {permission}")), "{said}");
        place.control().clear_faults();
    }
    // What is not needed is told and stops nothing.
    place.fault("no-roles=always@/v1.0/organization");
    let (exit, told) = look(&place).await;
    assert_eq!((exit, &check(&told, "organization")["status"]), (0, &"skipped".into()), "{told:#}");
}

#[tokio::test]
async fn an_application_is_told_of_application_permissions() {
    let place = Place::new().await;
    place.declare("endpoints:", "signIn: application\n  endpoints:");
    place.fault("no-roles=always@/v1.0/users");
    let (_, told) = look(&place).await;
    assert_fails(&told, "read-users", "permission denied", "application permission User.Read.All", "tenantAdmin");
    let (_, said) = place.done(&["plan"]).await;
    assert!(said.contains("application permission User.Read.All") && !said.contains("connect"), "{said}");
}

#[tokio::test]
async fn nobody_signed_in_yet() {
    let place = Place::new().await;
    let (exit, told) = look(&place).await;
    assert_eq!(exit, 1);
    assert_fails(&told, "sign-in", "nobody has signed in to tenant harbor yet", "`bmsync connect harbor`", "user");
    for name in ["organization", "read-users", "read-groups", "groups"] {
        assert_eq!(check(&told, name)["status"], "skipped", "{told:#}");
    }
}

#[tokio::test]
async fn a_revoked_sign_in_is_the_users_job() {
    let place = Place::signed_in().await;
    place.control().revoke_sessions(HOME, "u1").unwrap();
    let (exit, told) = look(&place).await;
    assert_eq!(exit, 1);
    assert_fails(&told, "sign-in", "AADSTS50173", "`bmsync connect harbor`", "user");
    let (exit, said) = place.connect(&[]).await;
    assert_eq!(exit, 0, "{said}");
    assert_eq!(look(&place).await.0, 0);
}

#[tokio::test]
async fn whoever_must_act_is_named() {
    let place = Place::signed_in().await;
    for (code, next, job) in [
        (53_003, "Sign-in logs", "tenantAdmin"),
        (65_001, "adminconsent?client_id", "tenantAdmin"),
        (50_076, "`bmsync connect harbor`", "user"),
        (50_057, "Entra > Users", "tenantAdmin"),
        (7_000_222, "HARBOR_KEY", "operator"),
    ] {
        place.fault(&format!("sign-in=always:{code}"));
        let before = place.control().stats();
        let (exit, told) = look(&place).await;
        assert_eq!(exit, 1);
        assert_fails(&told, "sign-in", &format!("AADSTS{code}"), next, job);
        let asked = |stats: &bmsync::simulator::Stats| {
            [400, 401].map(|status| stats.requests(bmsync::simulator::Class::Token, status)).iter().sum::<u64>()
        };
        assert_eq!(asked(&place.control().stats()) - asked(&before), 1, "asked once");
        place.control().clear_faults();
    }
    assert_eq!(look(&place).await.0, 0);
}

/// A sign-in of another tenant that got into this one's place: nobody is let in as somebody else.
#[tokio::test]
async fn a_sign_in_of_another_tenant_is_told() {
    let place = Place::new().await;
    place.declare(HOME, PIER);
    place.declare("harbor.onmicrosoft.com", "pier.onmicrosoft.com");
    let child = super::program::command(place.path(), &["connect", "harbor", "--device-code"]).spawn().unwrap();
    let (exit, said) = place.with_a_code(child, Some("ines@pier.example")).await;
    assert_eq!(exit, 0, "{said}");
    let state = place.path().join(".bmsync/state");
    {
        let vault = Vault::open(Arc::new(SledLedger::open(&state).unwrap()), Keys::beside(&state));
        let grant = vault.of(&Id::new(PIER)).grant().await.unwrap().unwrap();
        vault.of(&Id::new(HOME)).keep(&grant).await.unwrap();
    }
    // The domain still leads to Pier's login: its token would be taken.
    place.declare(PIER, HOME);
    let (exit, told) = look(&place).await;
    assert_eq!(exit, 1);
    assert_fails(&told, "tenant-id", PIER, "correct `tenantId` or `domain`", "operator");
    assert_fails(&told, "sign-in", &format!("the account is of tenant {PIER}"), "tenantId and domain", "operator");
    let (exit, said) = place.done(&["plan"]).await;
    assert!(exit == 1 && said.contains("the account is of tenant"), "{said}");

    // With the right domain the service itself refuses the other tenant's sign-in.
    place.declare("pier.onmicrosoft.com", "harbor.onmicrosoft.com");
    let (exit, told) = look(&place).await;
    assert_eq!(exit, 1);
    assert_fails(&told, "sign-in", "AADSTS50020", "`bmsync connect harbor`", "user");
}

/// An application's token of another tenant is told by the organization that it reads.
#[tokio::test]
async fn an_organization_that_is_not_the_declared_one_is_told() {
    let place = Place::new().await;
    place.declare("endpoints:", "signIn: application\n  endpoints:");
    place.declare("harbor.onmicrosoft.com", "pier.onmicrosoft.com");
    let (exit, told) = look(&place).await;
    assert_eq!(exit, 1);
    assert_fails(
        &told,
        "organization",
        &format!("the token is of tenant {PIER}"),
        "sign in to the right tenant",
        "operator",
    );
}

#[tokio::test]
async fn beside_a_running_bmsync_it_says_whom_to_ask() {
    let place = Place::signed_in().await;
    let served = place.run(&[]).await;
    served.until(&place, "it is read", |tenant| tenant["phase"] == "watching").await;
    let (exit, told) = look(&place).await;
    let sign_in = check(&told, "sign-in");
    assert_eq!((exit, &sign_in["status"]), (0, &"skipped".into()), "{told:#}");
    assert!(sign_in["message"].as_str().unwrap().contains("`bmsync get tenants harbor --server URL`"), "{sign_in}");
    let (exit, said) = place.done(&["doctor", "harbor", "--server", &served.url]).await;
    assert!(exit == 64 && said.contains("run it where bmsync runs"), "{exit}: {said}");
    let (exit, told) = place.json(&["get", "tenants", "harbor", "-o", "json"]).await;
    assert_eq!((exit, told["personNeeded"].is_null(), told["signedIn"].is_null()), (0, true, true), "{told}");
    served.kill().await;
}
