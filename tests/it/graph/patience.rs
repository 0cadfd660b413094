//! What is tried again, how long is waited, and when bmsync gives up.

use std::time::Duration;

use bmsync::source::SourceErrorClass;
use tokio::net::TcpSocket;

use super::server::Reply;
use super::world::{GROUPS, TOKEN, USERS, World, last, next, status, with};

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let html = status(200, "<html>busy</html>");
    let cut = r#"{"value":[{"id":"u1"#;
    for setback in [
        status(500, ""),
        status(502, "<html>"),
        status(503, ""),
        status(504, ""),
        status(509, ""),
        status(408, ""),
        status(429, "{}"),
        with(status(429, ""), "retry-after: 0.002"),
        with(status(503, ""), "retry-after: Sun, 06 Nov 1994 08:49:37 GMT"),
        with(status(429, ""), "retry-after: soon"),
        status(204, ""),
        html,
        status(200, ""),
        status(200, cut),
        status(200, r#"{"error":{"code":"x"}}"#),
        status(200, r#"{"@odata.deltaLink":"{base}/d"}"#),
        status(200, r#"{"value":null,"@odata.deltaLink":"{base}/d"}"#),
        status(200, r#"{"value":[]}"#),
        status(200, r#"{"value":[],"@odata.deltaLink":"{base}/d","@odata.nextLink":"{base}/d"}"#),
        Reply::Cut(cut.to_owned()),
        Reply::Close,
    ] {
        let good = last(r#"{"id":"u1"}"#, "/users-delta-1");
        let world = World::new([(USERS, vec![setback.clone(), setback.clone(), good])]).await;
        assert_eq!(world.read().await.user_count(), 1);
        let requests = world.server.seen(USERS);
        assert_eq!(requests.len(), 3);
        assert_eq!(
            requests.iter().map(|request| request.header("retry-attempt")).collect::<Vec<_>>(),
            [None, Some("1"), Some("2")]
        );
        let world = World::new([(USERS, vec![setback])]).await;
        let error = world.fail().await;
        assert!(
            error.message.starts_with("users page 1: ") && error.message.ends_with("gave up after 5 tries"),
            "{error}"
        );
        assert_eq!(world.server.count(USERS), 5);
    }
}

#[tokio::test]
async fn a_page_in_the_middle_is_tried_again_alone() {
    let world = World::new([
        (USERS, vec![next(r#"{"id":"u1"}"#, "/u2")]),
        ("/u2", vec![status(503, ""), Reply::Close, last(r#"{"id":"u2"}"#, "/users-delta-1")]),
    ])
    .await;
    assert_eq!(world.read().await.user_count(), 2);
    assert_eq!((world.server.count(USERS), world.server.count("/u2")), (1, 3));
}

#[tokio::test]
async fn the_wait_that_the_service_asks_for_is_kept() {
    let world =
        World::new([(USERS, vec![with(status(429, ""), "retry-after: 0.25"), last("", "/users-delta-1")])]).await;
    let began = std::time::Instant::now();
    world.read().await;
    assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_wait_longer_than_patience_fails_at_once() {
    let world = World::new([(USERS, vec![with(status(429, ""), "retry-after: 119.5")])]).await;
    let error = world.fail().await;
    assert_eq!(error.class, SourceErrorClass::Transient);
    assert!(error.message.contains("asks to wait 120 s"), "{error}");
    assert_eq!(world.server.count(USERS), 1);
}

#[tokio::test]
async fn silence_is_given_up_when_the_time_is_up() {
    for target in [USERS, TOKEN] {
        let mut world = World::new([(target, vec![Reply::Hang])]).await;
        world.pace.budget = Duration::from_millis(200);
        let error = world.fail().await;
        assert_eq!(error.class, SourceErrorClass::Transient);
        assert!(error.message.contains("did not answer in time"), "{error}");
    }
}

#[tokio::test]
async fn nobody_there_is_said_with_a_hint() {
    let mut world = World::new([]).await;
    // Bound and not listening: nobody answers, and no other test can be given the port.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let free = nobody.local_addr().unwrap();
    world.tenant.graph_root = format!("http://{free}").into();
    let error = world.fail().await;
    assert_eq!(error.class, SourceErrorClass::Transient);
    assert!(error.message.contains(&format!("http://{free} cannot be reached")), "{error}");
    assert!(error.hint.unwrap().contains("endpoints"));
    let mut cause: Option<&dyn std::error::Error> =
        error.source.as_deref().map(|cause| cause as &dyn std::error::Error);
    while let Some(error) = cause {
        assert!(!error.to_string().contains("/delta"), "{error}");
        cause = error.source();
    }
}

#[tokio::test]
async fn refusals_are_final_and_say_what_to_do() {
    let code = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"secret message"}}}}"#);
    for (target, answer, class, said, next) in [
        (
            USERS,
            status(403, &code("Authorization_RequestDenied")),
            SourceErrorClass::Person,
            "permission denied (Authorization_RequestDenied)",
            "User.Read.All",
        ),
        (GROUPS, status(403, "<html>"), SourceErrorClass::Person, "groups page 1: permission denied", "Group.Read.All"),
        (
            USERS,
            status(404, &code("Request_ResourceNotFound")),
            SourceErrorClass::Person,
            "not found",
            "endpoints.graph",
        ),
        (
            USERS,
            status(400, &code("Request_BadRequest")),
            SourceErrorClass::Protocol,
            "answered 400 Bad Request (Request_BadRequest)",
            "",
        ),
        (
            USERS,
            status(501, &code("NotImplemented")),
            SourceErrorClass::Protocol,
            "501 Not Implemented (NotImplemented)",
            "",
        ),
    ] {
        let world = World::new([(target, vec![answer])]).await;
        let error = world.fail().await;
        assert_eq!(error.class, class, "{error}");
        assert!(error.message.contains(said) && !error.message.contains("secret"), "{error}");
        assert!(error.hint.unwrap_or_default().contains(next));
        assert_eq!(world.server.count(target), 1, "{said}");
    }
}

/// Each page comes in time and brings next to nothing, and there is always one more.
#[tokio::test]
async fn a_read_that_trickles_for_ever_ends_and_one_that_brings_much_does_not() {
    let mut world = World::new([(USERS, vec![next(r#"{"id":"u1"}"#, "/p0")])]).await;
    let endless = |at: usize| (format!("/p{at}"), vec![next(r#"{"id":"u1"}"#, &format!("/p{}", at + 1))]);
    let mut script = super::world::script([(USERS, vec![next(r#"{"id":"u1"}"#, "/p0")])]);
    script.extend((0..20_000).map(endless));
    world.server = super::server::Server::start(script).await;
    world.tenant.graph_root = world.server.base.as_str().into();
    world.tenant.login_root = world.server.base.as_str().into();
    world.pace.read = Duration::from_millis(50);
    world.pace.each = Duration::from_nanos(1);
    let error = world.fail().await;
    assert_eq!(error.class, SourceErrorClass::Transient);
    assert!(
        error.message.starts_with("users page ") && error.message.contains("slower than bmsync waits for"),
        "{error}"
    );

    let many: Vec<String> = (0..50).map(|number| format!(r#"{{"id":"u{number}"}}"#)).collect();
    let mut world = World::new([
        (USERS, vec![next(&many.join(","), "/p1")]),
        ("/p1", vec![next("", "/p2")]),
        ("/p2", vec![last("", "/users-delta-1")]),
    ])
    .await;
    world.pace.read = Duration::ZERO;
    world.pace.each = Duration::from_mins(1);
    assert_eq!(world.read().await.user_count(), 50, "what it brought gives it time");
}
