//! Every fault, as a client meets it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bmsync::simulator::{Class, Deletion, Fault, World};
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Sim, TENANT, set};

const USERS: &str = "/v1.0/users/delta?$select=userPrincipalName,givenName,jobTitle,mail";

#[tokio::test]
async fn throttled_with_a_decimal_retry_after() {
    let sim = Sim::with("throttle=next1:3.75").await;
    let answer = sim.get(USERS).await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "TooManyRequests"));
    assert_eq!(answer.headers["retry-after"], "3.75");
    let scope = &answer.headers["x-ms-throttle-scope"];
    assert!(scope.starts_with("Tenant_Application/ReadWrite/1f3c5d7e") && scope.ends_with(TENANT), "{scope}");
    assert_eq!(sim.get(USERS).await.status, 200, "only once");
}

#[tokio::test]
async fn broken_servers() {
    let sim = Sim::with("unavailable=next1:7").await;
    let answer = sim.get(USERS).await;
    assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (503, "7"));
    assert!(answer.text.starts_with("<html>"), "{}", answer.text);
    for (fault, status) in [("bad-gateway", 502), ("gateway-timeout", 504)] {
        let sim = Sim::with(&format!("{fault}=next1")).await;
        let answer = sim.get(USERS).await;
        assert_eq!((answer.status, answer.text.as_str()), (status, ""));
    }
    assert_eq!(Sim::with("server-error=next1").await.get(USERS).await.code(), "InternalServerError");
}

#[tokio::test]
async fn the_connection_is_cut_in_the_middle_of_the_body() {
    let sim = Sim::with("cut=next1").await;
    let response = sim.http.get(format!("{}{USERS}", sim.running.url())).bearer_auth(&sim.token).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert!(response.content_length().unwrap() > 0);
    assert!(response.bytes().await.is_err(), "the body came whole");
    assert_eq!(sim.get(USERS).await.status, 200);
}

#[tokio::test]
async fn a_path_narrows_a_fault_down_and_opens_the_login_service() {
    let sim = Sim::with("unavailable=always@token").await;
    assert_eq!(sim.get(USERS).await.status, 200);
    assert_eq!(sim.ask_token(TENANT, &[]).await.status, 503);
}

#[tokio::test]
async fn a_slow_reply() {
    let sim = Sim::with("slow=next1:120").await;
    let start = Instant::now();
    assert_eq!(sim.get(USERS).await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(120), "after {:?}", start.elapsed());
}

#[tokio::test]
async fn another_origin_is_offered_in_redirects_and_links() {
    let elsewhere = Sim::small().await;
    let redirect = Sim::with(&format!("redirect=next1:{}", elsewhere.running.url())).await;
    let answer = redirect.get(USERS).await;
    assert_eq!(answer.status, 302);
    assert_eq!(answer.headers["location"], format!("{}/v1.0/users/delta", elsewhere.running.url()));
    let linked = Sim::with(&format!("foreign-link=next1:{}", elsewhere.running.url())).await;
    let next = linked.get(USERS).await.link("next").unwrap();
    assert!(next.starts_with(&elsewhere.running.url()), "{next}");
    assert_eq!(elsewhere.running.control().stats().requests(Class::UsersDelta, 200), 0);
}

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be() {
    let html = Sim::with("not-json=next1").await.get(USERS).await;
    assert_eq!((html.status, html.headers["content-type"].as_str()), (200, "text/html"));
    let error = Sim::with("wrong-content=next1").await.get(USERS).await;
    assert_eq!((error.status, error.code().as_str()), (200, "UnknownError"));
    let half = Sim::with("truncated-json=next1").await.get(USERS).await;
    assert_eq!(half.status, 200);
    assert!(half.text.starts_with('{') && serde_json::from_str::<Value>(&half.text).is_err());
    let huge = Sim::with("huge-page=next1:3").await.get(USERS).await;
    assert!(huge.text.len() > 3 << 20, "{} bytes", huge.text.len());
    assert_eq!(huge.objects().len(), 2, "it is JSON for who reads to the end");
}

#[tokio::test]
async fn a_token_expires_in_the_middle_of_a_round() {
    let mut sim = Sim::with("expire-token=next1after1").await;
    let next = sim.get(USERS).await.link("next").unwrap();
    for _ in 0..2 {
        assert_eq!(sim.get(&next).await.status, 401, "it stays expired");
    }
    sim.token = sim.sign_in(TENANT, super::client::APP, "demo-key").await;
    assert_eq!(sim.get(&next).await.ids(), ["u3", "u5"]);
}

#[tokio::test]
async fn a_token_without_roles() {
    let answer = Sim::with("no-roles=next1").await.get(USERS).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "Authorization_RequestDenied"));
}

#[tokio::test]
async fn delta_links_die_in_three_ways() {
    let cases = [
        ("expire-delta-link", 410, "resyncRequired"),
        ("sync-state-not-found", 400, "syncStateNotFound"),
        ("sync-state-not-found-capital", 400, "SyncStateNotFound"),
    ];
    for (fault, status, code) in cases {
        let sim = Sim::with(&format!("{fault}=next1")).await;
        let delta = sim.users().await.delta;
        for _ in 0..2 {
            let answer = sim.get(&delta).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "and it stays dead");
            if let Some(location) = answer.headers.get("location") {
                assert!(location.contains("/v1.0/users/delta?$deltatoken=&"), "{location}");
                assert_eq!(sim.round(location).await.object("u1")["givenName"], "Adele");
            } else {
                assert_ne!(status, 410);
            }
        }
        assert_eq!(sim.users().await.ids().len(), 4);
    }
}

#[tokio::test]
async fn a_page_link_expires() {
    let sim = Sim::with("expire-page-token=next1").await;
    let next = sim.get(USERS).await.link("next").unwrap();
    let answer = sim.get(&next).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "Directory_ExpiredPageToken"));
    assert_eq!(sim.get(&next).await.status, 400);
}

#[tokio::test]
async fn pages_repeat_shuffle_and_stay_empty() {
    let doubled = Sim::with("duplicate=always").await.users().await;
    assert_eq!(doubled.ids().len(), 10, "three more on each of two pages");
    assert_eq!(doubled.ids().into_iter().collect::<BTreeSet<_>>().len(), 4);
    let mut orders = BTreeSet::new();
    let sim = Sim::with("reorder=always").await;
    for _ in 0..20 {
        let round = sim.users().await;
        let ids: Vec<String> = round.ids().into_iter().map(str::to_owned).collect();
        assert_eq!(ids.iter().cloned().collect::<BTreeSet<_>>(), set(["u1", "u2", "u3", "u5"]));
        orders.insert(ids);
    }
    assert!(orders.len() > 1, "always the same order");
    let empty = Sim::with("empty-page=next3").await.users().await;
    assert_eq!(empty.pages.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0, 0, 2, 2]);
}

#[tokio::test]
async fn members_come_in_small_slices() {
    let groups = Sim::with("slice=always:1").await.groups().await;
    assert_eq!(groups.ids().iter().filter(|id| **id == "g1").count(), 5);
    assert_eq!(groups.members("g1").0, set(["u1", "u2", "u4", "g2", "d1"]));
}

#[tokio::test]
async fn removals_of_what_was_never_told() {
    let users = Sim::with("unknown-removed=next1").await.users().await;
    let removed: Vec<_> = users.objects().into_iter().filter(|object| object.get("@removed").is_some()).collect();
    assert_eq!((removed.len(), users.ids().len()), (1, 5));
    let groups = Sim::with("removed-members=always").await.groups().await;
    let left: usize = ["g1", "g2", "g3", "g4"].iter().map(|group| groups.members(group).1.len()).sum();
    assert!(left > 0, "nobody left");
    for group in ["g1", "g2", "g3", "g4"] {
        let (here, gone) = groups.members(group);
        assert!(here.is_disjoint(&gone), "{group} has {here:?}, without {gone:?}");
    }
}

#[tokio::test]
async fn a_later_round_replays_or_lags() {
    let sim = Sim::small().await;
    let (first, control) = (sim.users().await, sim.running.control());
    control.patch_user(TENANT, "u1", json!({ "jobTitle": "Lead" })).unwrap();
    control.set_fault("delay=next1").unwrap();
    let lagging = sim.round(&first.delta).await;
    assert!(lagging.ids().is_empty());
    let seen = sim.round(&lagging.delta).await;
    assert_eq!(seen.ids(), ["u1"]);
    control.set_fault("replay=next1").unwrap();
    let replayed = sim.round(&seen.delta).await;
    assert_eq!(replayed.ids(), ["u1"]);
    assert!(sim.round(&replayed.delta).await.ids().is_empty());
    assert_eq!(control.faults().iter().count(), 0);
    control.set_fault("delay=next1").unwrap();
    assert_eq!(sim.get("/v1.0/users/u1").await.status, 404, "a read lags too");
}

#[tokio::test]
async fn a_purge_may_leave_memberships_unsaid() {
    let sim = Sim::with("silent-purge=next1").await;
    let (users, groups) = (sim.users().await, sim.groups().await);
    sim.running.control().delete_user(TENANT, "u1", Deletion::Hard).unwrap();
    assert_eq!(sim.round(&users.delta).await.object("u1")["@removed"]["reason"], "deleted");
    assert!(sim.round(&groups.delta).await.ids().is_empty());
    assert_eq!(sim.groups().await.members("g1").0, set(["u2", "u4", "g2", "d1"]), "a full read shows it");
}

#[tokio::test]
async fn the_same_seed_brings_the_same_troubles() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let sim = Sim::with("unavailable=50%").await;
        let mut statuses = Vec::new();
        for _ in 0..12 {
            statuses.push(sim.get(USERS).await.status);
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&200) && runs[0].contains(&503), "{:?}", runs[0]);
}

#[tokio::test]
async fn faults_are_set_over_http() {
    let sim = Sim::small().await;
    let set = sim.control(Method::PUT, "/faults", r#"{"throttle":"next2","slow":0.5}"#).await;
    assert_eq!(set.json(), json!({ "throttle": "next2", "slow": "0.5" }));
    sim.control(Method::PATCH, "/faults", r#"{"slow":"off"}"#).await;
    assert_eq!(sim.get(USERS).await.status, 429);
    assert_eq!(sim.control(Method::GET, "/faults", "").await.json(), json!({ "throttle": "next1" }));
    let wrong = sim.control(Method::PUT, "/faults", r#"{"trottle":"1"}"#).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.text.contains("known are throttle, unavailable"), "{}", wrong.text);
}

/// A fault that nobody tests, or that the documentation forgets, is found here.
#[test]
fn every_fault_is_documented() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/simulator.md")).unwrap();
    for fault in Fault::all() {
        assert!(text.contains(&format!("| `{}` |", fault.name())), "docs/simulator.md has no row for {}", fault.name());
    }
    assert!(World::example().is_ok());
}
