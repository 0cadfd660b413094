//! Who comes too late: an attempt lives for ten minutes, and so does the code that a browser brings back.

use std::time::Duration;

use bmsync::simulator::Class;
use bmsync::source::graph::connect::{Consent, Progress};
use tokio::time::{advance, pause};

use super::world::{ADMIN, World, page};

#[tokio::test]
async fn an_attempt_ends_after_ten_minutes_and_whoever_began_it_is_told() {
    let world = World::new().await;
    let started = world.begin(Consent::Given);
    let query = world.query(&started, ADMIN).await;
    // From here on nothing is asked of the network, and time stands still.
    pause();
    advance(Duration::from_secs(599)).await;
    assert!(matches!(world.attempts.progress(&started.id), Some(Progress::Waiting)));
    advance(Duration::from_secs(2)).await;
    let (message, hint) = world.failure(&started).await;
    assert_eq!(message, "nobody came back from the login service within 10 minutes");
    assert_eq!(hint, "run `bmsync connect harbor` again");
    let (status, html) = page(world.attempts.receive(&query).await.0);
    assert!(status == 400 && html.contains("has expired"), "{html}");
    assert_eq!(world.sim.control().stats().requests(Class::Token, 200), 0, "the code is not even tried");
    assert!(world.kept().is_empty());
}

#[tokio::test]
async fn who_waits_for_the_end_hears_of_it_without_asking_again() {
    let world = World::new().await;
    let started = world.begin(Consent::First);
    pause();
    let began = tokio::time::Instant::now();
    let (message, _) = world.failure(&started).await;
    assert!(message.contains("within 10 minutes"), "{message}");
    let waited = began.elapsed().as_secs();
    assert!((598..=610).contains(&waited), "after ten minutes, not after {waited} s");
}

#[tokio::test]
async fn a_code_that_is_too_old_is_told_by_the_service() {
    let world = World::new().await;
    let started = world.begin(Consent::Given);
    let query = world.query(&started, ADMIN).await;
    world.sim.control().forward(601);
    page(world.attempts.receive(&query).await.0);
    let (message, hint) = world.failure(&started).await;
    assert!(message.contains("AADSTS70008") && hint.contains("`bmsync connect harbor`"), "{message} ({hint})");
    assert!(world.kept().is_empty());
}
