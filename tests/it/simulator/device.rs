//! Device codes: shown, entered, accepted or declined, and polled for.

use super::browser::{APP, HOME, SCOPE, claims, refusal, refused};
use super::client::{Answer, Sim};

async fn start(sim: &Sim) -> (String, String) {
    let path = format!("/{HOME}/oauth2/v2.0/devicecode");
    let answer = sim.form(&path, &[("client_id", APP), ("scope", SCOPE)]).await;
    let body = answer.json();
    assert_eq!((answer.status, &body["expires_in"], &body["interval"]), (200, &900.into(), &5.into()));
    assert_eq!(body["verification_uri"], format!("{}/devicelogin", sim.running.url()));
    let (device, user) = (body["device_code"].as_str().unwrap(), body["user_code"].as_str().unwrap());
    assert!(body["message"].as_str().unwrap().contains(user));
    (device.to_owned(), user.to_owned())
}

async fn poll(sim: &Sim, device: &str) -> Answer {
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    sim.ask_login(HOME, &[("grant_type", grant), ("device_code", device)], &[]).await
}

#[tokio::test]
async fn a_person_enters_the_code_and_the_device_gets_tokens() {
    let sim = Sim::sign_in_world().await;
    let (device, user) = start(&sim).await;
    assert_eq!(refusal(&poll(&sim, &device).await), refused(400, "authorization_pending", 70_016));
    sim.running.control().set_fault("slow-down=next1").unwrap();
    assert_eq!(refusal(&poll(&sim, &device).await).1, "slow_down");
    assert!(sim.get("/devicelogin").await.text.contains("id=\"usercode\""));
    let wrong = sim.form("/devicelogin", &[("code", "NOTTHATONE")]).await;
    assert!(wrong.text.contains("id=\"error\""), "{}", wrong.text);
    let name = sim.form("/devicelogin", &[("code", &user.to_lowercase())]).await;
    assert!(name.text.contains("id=\"username\"") && name.text.contains(&user.to_lowercase()), "{}", name.text);
    let person = [("code", user.as_str()), ("username", "marta@harbor.example")];
    let consent = sim.form("/devicelogin", &person).await;
    assert!(consent.text.contains("id=\"accept\"") && consent.text.contains(&user), "{}", consent.text);
    let done = sim.form("/devicelogin", &[person[0], person[1], ("decision", "accept")]).await;
    assert!(done.text.contains("id=\"message\""), "{}", done.text);
    let answer = poll(&sim, &device).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(claims(&answer.json()["id_token"])["oid"], "u1");
    assert!(answer.json()["refresh_token"].is_string());
    assert_eq!(refusal(&poll(&sim, &device).await), refused(400, "invalid_grant", 54_005));
}

#[tokio::test]
async fn it_can_be_declined_or_come_too_late() {
    let sim = Sim::sign_in_world().await;
    let (device, user) = start(&sim).await;
    sim.form("/devicelogin", &[("code", &user), ("username", "marta@harbor.example"), ("decision", "decline")]).await;
    assert_eq!(refusal(&poll(&sim, &device).await), refused(400, "authorization_declined", 65_004));
    let (device, user) = start(&sim).await;
    sim.running.control().forward(901);
    assert_eq!(refusal(&poll(&sim, &device).await), refused(400, "expired_token", 70_020));
    assert!(sim.running.control().answer_device(&user, Some("marta@harbor.example")).is_err());
    assert_eq!(refusal(&poll(&sim, "made-up").await), refused(400, "bad_verification_code", 70_018));
}

#[tokio::test]
async fn a_test_can_answer_for_the_person() {
    let sim = Sim::sign_in_world().await;
    let (device, user) = start(&sim).await;
    let waiting = sim.running.control().sign_ins();
    assert_eq!(waiting["deviceCodes"][0]["userCode"], user);
    let path = format!("/devicecodes/{user}");
    assert_eq!(sim.control(reqwest::Method::POST, &path, "{}").await.status, 400);
    let omar = sim.control(reqwest::Method::POST, &path, r#"{"user":"omar@harbor.example"}"#).await;
    assert_eq!(omar.status, 404, "he may not consent to that");
    let marta = sim.control(reqwest::Method::POST, &path, r#"{"user":"marta@harbor.example"}"#).await;
    assert_eq!(marta.status, 204, "{}", marta.text);
    assert_eq!(poll(&sim, &device).await.status, 200);
    let (device, user) = start(&sim).await;
    sim.running.control().answer_device(&user, None).unwrap();
    assert_eq!(refusal(&poll(&sim, &device).await).1, "authorization_declined");
}
