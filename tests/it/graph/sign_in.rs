//! Tokens: when a new one is fetched, and what the refusals of the login service become.

use bmsync::directory::TenantDirectory;
use bmsync::manifest::config::{Credential, SecretRef, Tenant};
use bmsync::source::graph::{GraphSource, Http};
use bmsync::source::{Source as _, SourceErrorClass};

use super::grants::Memory;
use super::server::Reply;
use super::world::{GROUPS, SECRET, TOKEN, USERS, World, last, next, status, token, with};

#[tokio::test]
async fn a_401_gets_a_new_token_once() {
    let world =
        World::new([(USERS, vec![next("", "/u2")]), ("/u2", vec![status(401, "{}"), last("", "/users-delta-1")])])
            .await;
    world.read().await;
    let sent: Vec<_> =
        world.server.seen("/u2").iter().map(|request| request.header("authorization").map(str::to_owned)).collect();
    assert_eq!(sent, [Some("Bearer t0ken.one".to_owned()), Some("Bearer t0ken.two".to_owned())]);
    assert_eq!(world.server.count(TOKEN), 2);

    let world = World::new([(USERS, vec![status(401, "{}")])]).await;
    let error = world.fail().await;
    assert_eq!((error.class, world.server.count(USERS)), (SourceErrorClass::Person, 2));
    assert!(error.message.contains("does not take the token"), "{error}");
}

#[tokio::test]
async fn two_rounds_that_meet_a_401_sign_in_once() {
    let world = World::new([
        (USERS, vec![status(401, "{}"), last("", "/users-delta-1")]),
        (GROUPS, vec![status(401, "{}"), last("", "/groups-delta-1")]),
    ])
    .await;
    world.read().await;
    assert_eq!(world.server.count(TOKEN), 2);
}

#[tokio::test]
async fn a_token_is_used_until_shortly_before_it_expires() {
    for (life, tokens) in [(0, 4), (3599, 1), (u64::MAX, 1)] {
        let world = World::new([(TOKEN, vec![token("t", life)])]).await;
        let source = world.source();
        let mut directory = TenantDirectory::default();
        source.refresh(&mut directory, &()).await.unwrap();
        source.refresh(&mut directory, &()).await.unwrap();
        assert_eq!(world.server.count(TOKEN), tokens, "expires_in {life}");
    }
}

#[tokio::test]
async fn the_life_of_a_token_is_read_however_it_is_written() {
    for (life, tokens) in [("\"3599\"", 1), ("3599.0", 1), ("\"0\"", 4), ("null", 1), ("\"soon\"", 1), ("{}", 1)] {
        let answer = format!(r#"{{"token_type":"bearer","expires_in":{life},"access_token":"t"}}"#);
        let world = World::new([(TOKEN, vec![status(200, &answer)])]).await;
        let source = world.source();
        let mut directory = TenantDirectory::default();
        source.refresh(&mut directory, &()).await.unwrap();
        source.refresh(&mut directory, &()).await.unwrap();
        assert_eq!(world.server.count(TOKEN), tokens, "expires_in {life}");
    }
}

#[tokio::test]
async fn refusals_of_the_login_service_say_who_must_do_what() {
    let refusal = |http: u16, error: &str, code: u32| {
        let description = format!(r"AADSTS{code}: {SECRET} is no good.\r\nTrace ID: 2e9a41d7 \u001b[31m");
        status(
            http,
            &format!(r#"{{"error":"{error}","error_description":"{description}","error_codes":[{code}],"extra":1}}"#),
        )
    };
    for (answer, class, said, next) in [
        (
            refusal(401, "invalid_client", 7_000_215),
            SourceErrorClass::Person,
            "the application key is wrong (AADSTS7000215)",
            "/key",
        ),
        (refusal(401, "invalid_client", 7_000_222), SourceErrorClass::Person, "has expired", "Certificates & secrets"),
        (
            refusal(400, "unauthorized_client", 700_016),
            SourceErrorClass::Person,
            "does not know application 1f3c5d7e",
            "contoso.example",
        ),
        (
            refusal(400, "invalid_request", 90_002),
            SourceErrorClass::Person,
            "there is no tenant contoso.example",
            "cloud",
        ),
        (
            refusal(400, "invalid_grant", 65_001),
            SourceErrorClass::Person,
            "nobody has consented",
            "adminconsent?client_id=",
        ),
        (refusal(400, "invalid_grant", 53_003), SourceErrorClass::Person, "Conditional Access", "Sign-in logs"),
        (refusal(400, "invalid_request", 50_196), SourceErrorClass::Person, "too often", "wait"),
        (
            refusal(400, "odd", 4711),
            SourceErrorClass::Person,
            "odd: AADSTS4711: … is no good. Trace ID",
            "AADSTS number",
        ),
        (status(400, "<html>"), SourceErrorClass::Protocol, "no answer of a login service", "endpoints.login"),
        (status(404, ""), SourceErrorClass::Protocol, "answered 404", "endpoints.login"),
    ] {
        let world = World::new([(TOKEN, vec![answer])]).await;
        let error = world.fail().await;
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.starts_with("sign-in: ") && error.message.contains(said), "{error}");
        assert!(error.hint.as_deref().unwrap().contains(next), "{:?}", error.hint);
        assert!(!format!("{error:?}").contains("s3cret") && !error.message.contains('\u{1b}'), "{error:?}");
        assert_eq!((world.server.count(TOKEN), world.server.count(USERS)), (1, 0), "{said}");
    }
}

#[tokio::test]
async fn a_busy_or_garbled_login_service_is_tried_again() {
    let busy = r#"{"error":"temporarily_unavailable","error_codes":[90033]}"#;
    for setback in [
        status(400, busy),
        status(503, "<html>"),
        with(status(429, ""), "retry-after: 0.001"),
        status(200, "<html>"),
        with(Reply::Full { status: 200, headers: String::new(), body: b"{}".to_vec() }, "content-type: text/html"),
        status(200, r#"{"access_token":"t0ken.bad","token_type":"mac"}"#),
        status(200, r#"{"access_token":"t0ken.bad\n","token_type":"Bearer"}"#),
        status(200, r#"{"access_token":{"t0ken.bad":1},"token_type":"Bearer"}"#),
        Reply::Cut(r#"{"access_token":"t0ken.bad"#.to_owned()),
        Reply::Close,
    ] {
        let world = World::new([(TOKEN, vec![setback.clone(), token("t", 60)])]).await;
        world.read().await;
        assert_eq!(world.server.count(TOKEN), 2);
        let world = World::new([(TOKEN, vec![setback])]).await;
        let error = world.fail().await;
        assert_eq!(world.server.count(TOKEN), 5, "{error}");
        assert!(error.message.starts_with("sign-in: "), "{error}");
        assert!(!format!("{error:?}").contains("t0ken"), "{error:?}");
    }
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_a_persons_move() {
    let mut world = World::new([]).await;
    world.tenant.credential = Credential::Key(SecretRef::Env("BMSYNC_TEST_NEVER_SET".into()));
    let error = world.fail().await;
    assert_eq!(error.class, SourceErrorClass::Person);
    assert!(error.message.contains("BMSYNC_TEST_NEVER_SET is not set"), "{error}");
    assert_eq!(world.server.count("*"), 0);
}

#[tokio::test]
async fn an_address_that_no_secret_may_go_to_is_refused() {
    let world = World::new([]).await;
    let outside = Tenant { graph_root: "http://graph.example".into(), ..world.tenant.clone() };
    let delegation = Memory::default().delegation(&outside.id);
    let error = GraphSource::new(&outside, &Http::new(), world.pace, delegation).unwrap_err();
    assert_eq!(error.class, SourceErrorClass::Person);
    assert!(error.message.contains("endpoints.graph `http://graph.example`"), "{error}");
    assert!(error.hint.unwrap().contains("https"));
}
