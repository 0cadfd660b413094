//! Refresh tokens: rotated, expired, revoked, and bound to a person and an application.

use super::browser::{CHILD, HOME, SINGLE, claims, refusal, refused};
use super::client::Sim;

async fn token(sim: &Sim) -> String {
    let answer = sim.redeem(&sim.code().await, &[]).await;
    answer.json()["refresh_token"].as_str().expect("a refresh token").to_owned()
}

#[tokio::test]
async fn each_use_gives_a_new_one_and_the_old_stays_good() {
    let sim = Sim::sign_in_world().await;
    let first = token(&sim).await;
    let answer = sim.refresh(&first, &[]).await;
    let second = answer.json()["refresh_token"].as_str().expect("a refresh token").to_owned();
    assert_ne!(first, second);
    assert!(claims(&answer.json()["id_token"]).get("nonce").is_none());
    for still in [&first, &second] {
        assert_eq!(sim.refresh(still, &[]).await.status, 200);
    }
    sim.running.control().set_fault("keep-refresh-token=next1").unwrap();
    assert!(sim.refresh(&first, &[]).await.json().get("refresh_token").is_none());
    sim.running.control().set_fault("retire-refresh-token=next1").unwrap();
    assert_eq!(sim.refresh(&first, &[]).await.status, 200);
    assert_eq!(refusal(&sim.refresh(&first, &[]).await), refused(400, "invalid_grant", 70_000));
    assert_eq!(sim.refresh(&second, &[]).await.status, 200);
}

#[tokio::test]
async fn ninety_idle_days_end_it() {
    let sim = Sim::sign_in_world().await;
    let first = token(&sim).await;
    sim.running.control().forward(60 * 86_400);
    let second = sim.refresh(&first, &[]).await.json()["refresh_token"].as_str().unwrap().to_owned();
    sim.running.control().forward(31 * 86_400);
    assert_eq!(refusal(&sim.refresh(&first, &[]).await), refused(400, "invalid_grant", 700_082));
    assert_eq!(sim.refresh(&second, &[]).await.status, 200);
}

#[tokio::test]
async fn it_ends_when_it_is_revoked_or_the_person_is_gone() {
    let sim = Sim::sign_in_world().await;
    let control = sim.running.control();
    let first = token(&sim).await;
    control.revoke_sessions(HOME, "u1").unwrap();
    assert_eq!(refusal(&sim.refresh(&first, &[]).await), refused(400, "invalid_grant", 50_173));
    let second = token(&sim).await;
    for (fault, code) in [("expire-refresh-token", 700_082), ("revoke-refresh-token", 50_173)] {
        let mine = sim.refresh(&second, &[]).await.json()["refresh_token"].as_str().unwrap().to_owned();
        control.set_fault(&format!("{fault}=next1")).unwrap();
        for _ in 0..2 {
            assert_eq!(refusal(&sim.refresh(&mine, &[]).await), refused(400, "invalid_grant", code));
        }
    }
    control.patch_user(HOME, "u1", serde_json::json!({ "accountEnabled": false })).unwrap();
    assert_eq!(refusal(&sim.refresh(&second, &[]).await), refused(400, "invalid_grant", 50_057));
    control.delete_user(HOME, "u1", bmsync::simulator::Deletion::Soft).unwrap();
    assert_eq!(refusal(&sim.refresh(&second, &[]).await), refused(400, "invalid_grant", 50_034));
}

#[tokio::test]
async fn it_is_of_one_application_and_tenant_and_of_what_was_consented_to() {
    let sim = Sim::sign_in_world().await;
    let mine = token(&sim).await;
    let other = [("client_id", SINGLE), ("client_secret", "one")];
    assert_eq!(refusal(&sim.refresh(&mine, &other).await).2, 70_000);
    assert_eq!(refusal(&sim.refresh("made-up", &[]).await).2, 70_000);
    let fields = [("grant_type", "refresh_token"), ("refresh_token", mine.as_str())];
    assert_eq!(refusal(&sim.ask_login(CHILD, &fields, &[]).await).2, 50_020);
    let more = sim.refresh(&mine, &[("scope", "Directory.Read.All")]).await;
    assert_eq!(refusal(&more), refused(400, "invalid_grant", 65_001));
    assert_eq!(more.json()["suberror"], "consent_required");
    sim.running.control().expel(HOME, super::browser::APP).unwrap();
    assert_eq!(refusal(&sim.refresh(&mine, &[]).await), refused(400, "unauthorized_client", 700_016));
}

#[tokio::test]
async fn tokens_can_be_made_to_lie() {
    let sim = Sim::sign_in_world().await;
    sim.running.control().set_fault("foreign-tenant=next1").unwrap();
    sim.running.control().set_fault("wrong-nonce=next1").unwrap();
    let body = sim.redeem(&sim.code().await, &[]).await.json();
    let id = claims(&body["id_token"]);
    assert_ne!(id["tid"], HOME);
    assert_eq!(claims(&body["access_token"])["tid"], id["tid"]);
    assert_ne!(id["nonce"], "n-1");
}
