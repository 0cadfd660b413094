//! What a source counts of its requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bmsync::directory::TenantDirectory;
use bmsync::source::{Meter, Source as _};

use super::server::Reply;
use super::world::{GROUPS, TOKEN, USERS, World, last, status, token, with};

/// Remembers what it was told.
#[derive(Debug, Default)]
struct Told(Mutex<Tally>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Tally {
    requests: Vec<Option<u16>>,
    throttled: Vec<Duration>,
    retried: u32,
}

impl Meter for Told {
    fn request(&self, status: Option<u16>) {
        self.0.lock().unwrap().requests.push(status);
    }

    fn throttled(&self, wait: Duration) {
        self.0.lock().unwrap().throttled.push(wait);
    }

    fn retried(&self) {
        self.0.lock().unwrap().retried += 1;
    }
}

async fn tally(world: &World) -> Tally {
    let told = Arc::new(Told::default());
    let source = world.source().with_meter(told.clone());
    // Whether the read comes to its end is for other tests.
    let _ = source.refresh(&mut TenantDirectory::default(), &()).await;
    let mut tally = told.0.lock().unwrap().clone();
    tally.requests.sort_unstable();
    tally
}

#[tokio::test]
async fn a_quiet_read_is_two_requests() {
    let world = World::new([]).await;
    let quiet = Tally { requests: vec![Some(200), Some(200)], ..Tally::default() };
    assert_eq!(tally(&world).await, quiet);
}

#[tokio::test]
async fn every_try_is_counted_and_every_pause() {
    let wait = with(status(429, ""), "retry-after: 0.002");
    let replies = vec![status(500, ""), Reply::Close, wait, last("", "/users-delta-1")];
    let world = World::new([(USERS, replies)]).await;
    let Tally { requests, throttled, retried } = tally(&world).await;
    assert_eq!(requests, [None, Some(200), Some(200), Some(429), Some(500)]);
    assert_eq!((throttled, retried), (vec![Duration::from_millis(2)], 3));
}

#[tokio::test]
async fn being_throttled_without_being_told_for_how_long_counts_too() {
    let world = World::new([(GROUPS, vec![status(429, ""), last("", "/groups-delta-1")])]).await;
    let Tally { throttled, retried, .. } = tally(&world).await;
    assert_eq!((throttled.len(), retried), (1, 1));
}

#[tokio::test]
async fn a_wait_that_is_not_kept_counts_as_throttled_without_waiting() {
    let world = World::new([(USERS, vec![with(status(429, ""), "retry-after: 3600")])]).await;
    let Tally { throttled, retried, .. } = tally(&world).await;
    assert_eq!((throttled, retried), (vec![Duration::ZERO], 0));
}

#[tokio::test]
async fn an_answer_that_never_comes_is_counted() {
    let mut world = World::new([(USERS, vec![Reply::Hang])]).await;
    world.pace.budget = Duration::from_millis(200);
    assert!(tally(&world).await.requests.contains(&None));
}

#[tokio::test]
async fn signing_in_is_no_request_to_graph_but_its_pauses_count() {
    let busy = with(status(429, ""), "retry-after: 0.002");
    let world = World::new([(TOKEN, vec![busy, token("t0ken.one", 3599)])]).await;
    let Tally { requests, throttled, retried } = tally(&world).await;
    assert_eq!((requests.len(), throttled.len(), retried), (2, 1, 1));
}
