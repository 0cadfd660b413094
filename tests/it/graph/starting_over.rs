//! Full reads that replace a forgotten delta state, and reads that fail without leaving a trace.

use bmsync::directory::{Coverage, TenantDirectory};
use bmsync::model::Id;
use bmsync::source::{Source as _, SourceErrorClass};

use super::server::Server;
use super::world::{GROUPS, USERS, World, last, next, script, shown, status, with};

#[tokio::test]
async fn a_forgotten_delta_state_starts_a_full_read() {
    let inner =
        r#"{"error":{"code":"badRequest","innerError":{"code":"x","innererror":{"code":"SyncStateNotFound"}}}}"#;
    for answer in [
        status(410, ""),
        with(status(410, "{}"), "location: {base}/v1.0/users/delta?$deltatoken="),
        with(status(410, "{}"), "location: /v1.0/users/delta?$deltatoken="),
        status(400, r#"{"error":{"code":"syncStateNotFound"}}"#),
        status(404, r#"{"error":{"code":"RESYNCREQUIRED"}}"#),
        status(400, inner),
    ] {
        let world = World::new([
            (
                USERS,
                vec![last(r#"{"id":"u1"},{"id":"u2"}"#, "/users-delta-1"), last(r#"{"id":"u3"}"#, "/users-delta-9")],
            ),
            ("/users-delta-1", vec![answer]),
        ])
        .await;
        let source = world.source();
        let mut directory = TenantDirectory::default();
        source.refresh(&mut directory, &()).await.unwrap();
        source.refresh(&mut directory, &()).await.unwrap();
        assert_eq!((directory.user_count(), world.server.count(USERS)), (1, 2), "the full read replaces all");
        assert!(directory.user(&Id::new("u3")).is_some());
        assert!(directory.links.unwrap().users.ends_with("/users-delta-9"));
    }
}

#[tokio::test]
async fn a_full_read_is_started_again_twice_and_then_fails() {
    let gone = || status(410, "");
    let world = World::new([(USERS, vec![gone(), gone(), last(r#"{"id":"u1"}"#, "/users-delta-1")])]).await;
    assert_eq!(world.read().await.user_count(), 1);
    let world = World::new([(USERS, vec![gone()])]).await;
    let error = world.fail().await;
    assert_eq!((error.class, world.server.count(USERS)), (SourceErrorClass::Protocol, 3));
    assert!(error.message.contains("3 full reads"), "{error}");
}

#[tokio::test]
async fn a_410_that_sends_elsewhere_fails_the_read() {
    let other = Server::start(script([])).await;
    let world =
        World::new([(USERS, vec![with(status(410, ""), &format!("location: {}/v1.0/users/delta", other.base))])]).await;
    let error = world.fail().await;
    assert_eq!(error.class, SourceErrorClass::Protocol);
    assert!(error.message.contains(&other.base), "{error}");
    assert_eq!(other.count("*"), 0);
}

#[tokio::test]
async fn links_of_another_endpoint_are_dropped_for_a_full_read() {
    let other = Server::start(script([])).await;
    let world = World::new([]).await;
    let mut directory = world.read().await;
    let links = directory.links.as_mut().unwrap();
    links.users = format!("{}/users-delta-1", other.base);
    world.source().refresh(&mut directory, &()).await.unwrap();
    assert_eq!((other.count("*"), world.server.count(USERS)), (0, 2));
}

#[tokio::test]
async fn a_failed_read_leaves_the_directory_as_it_was() {
    let refused = || status(403, "{}");
    for (target, start_over) in [("/groups-delta-1", false), ("/groups-late", true)] {
        let world = World::new([
            (USERS, vec![last(r#"{"id":"u1"}"#, "/users-delta-1"), last(r#"{"id":"u8"}"#, "/x")]),
            (
                GROUPS,
                vec![
                    last(r#"{"id":"g1","members@delta":[{"id":"u1"}]}"#, "/groups-delta-1"),
                    next(r#"{"id":"g8"}"#, "/groups-late"),
                ],
            ),
            ("/users-delta-1", vec![last(r#"{"id":"u1","@removed":{"reason":"deleted"}},{"id":"u9"}"#, "/x")]),
            (target, vec![refused()]),
        ])
        .await;
        let source = world.source();
        let mut directory = TenantDirectory::default();
        source.refresh(&mut directory, &()).await.unwrap();
        if start_over {
            directory.links = None;
        }
        let (before, read_at, links) = (shown(&directory), directory.read_at, directory.links.clone());
        source.refresh(&mut directory, &()).await.unwrap_err();
        assert_eq!(shown(&directory), before);
        assert_eq!(directory.coverage, Coverage::Complete);
        assert!(directory.read_at == read_at && directory.links == links);
        assert_eq!(world.server.count(target), 1);
    }
}
