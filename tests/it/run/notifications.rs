//! Notifications that come twice, late, early, forged or not at all: none of it shows in the state.
//!
//! It polls once an hour in these tests, so whatever is there sooner came by a notification.

use std::time::Duration;

use bmsync::simulator::LifecycleEvent;
use serde_json::{Value, json};

use super::stage::Stage;
use super::world::CONTOSO;

/// What notifications promise, on a machine that has nothing else to do; the rest is for one that has.
const SOON: Duration = Duration::from_secs(2);

fn subscriptions(stage: &Stage) -> Vec<String> {
    let all = stage.control(&CONTOSO).subscriptions();
    let ids = all.as_array().expect("a list").iter().map(|one| one["id"].as_str().expect("an ID").to_owned());
    ids.collect()
}

/// Six people, subscribed to, at rest.
fn told(policy: &str, fault: &str) -> Stage {
    let mut stage = Stage::new(&[(&CONTOSO, 6)], policy);
    stage.start_told();
    stage.wait_until("everybody is there", |stage| stage.employees().len() == 6);
    stage.wait_until("it is subscribed", |stage| subscriptions(stage).len() == 2);
    stage.wait_for_rest(&CONTOSO);
    if !fault.is_empty() {
        stage.control(&CONTOSO).set_fault(fault).expect("a fault");
    }
    stage
}

fn patch(stage: &Stage, title: &str) {
    stage.patch(&CONTOSO, 1, json!({ "jobTitle": title }));
}

/// How long it takes until the title is in the state.
fn arrival(stage: &Stage, title: &str) -> Duration {
    stage.wait_until("the change is in the state", |stage| stage.employee(&CONTOSO, 1)["jobTitle"] == title)
}

fn counted(stage: &Stage, result: &str) -> u64 {
    let name = format!("bmsync_notifications_total{{result=\"{result}\"}} ");
    let metrics = stage.get("/metrics").body;
    metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or_default()
}

/// The actions of all events.
fn actions(stage: &Stage) -> Vec<Value> {
    stage.all("events").iter().map(|event| event["action"].clone()).collect()
}

#[test]
fn one_that_comes_twice_is_one_change() {
    let stage = told("{ pollInterval: 1h }", "duplicate-notification=always");
    patch(&stage, "Planner");
    let took = arrival(&stage, "Planner");
    assert!(took < SOON, "it took {took:?}");
    stage.wait_until("both have come", |stage| counted(stage, "genuine") >= 2);
    stage.wait_for_rest(&CONTOSO);
    assert_eq!(actions(&stage).iter().filter(|action| **action == "update").count(), 1);
}

#[test]
fn one_that_comes_after_its_change_was_read_changes_nothing() {
    let stage = told("{ pollInterval: 1h }", "late-notification=always:1500");
    patch(&stage, "Planner");
    assert_eq!(stage.post("/v1/sync", "").status, 202);
    let took = arrival(&stage, "Planner");
    assert!(took < SOON, "it took {took:?}");
    let events = stage.all("events");
    stage.wait_until("it comes", |stage| counted(stage, "genuine") >= 1);
    stage.wait_for_rest(&CONTOSO);
    assert_eq!(stage.all("events"), events);
}

#[test]
fn one_that_comes_before_its_change_can_be_read_is_looked_after() {
    let stage = told("{ pollInterval: 1h }", "early-notification=always:700");
    let [users, ..] = stage.asked(&CONTOSO);
    patch(&stage, "Planner");
    let took = arrival(&stage, "Planner");
    // The first look finds nothing, the second comes a second later.
    assert!(took >= Duration::from_millis(700) && took < Duration::from_secs(4), "it took {took:?}");
    stage.wait_for_rest(&CONTOSO);
    let [now, ..] = stage.asked(&CONTOSO);
    assert!((2..=3).contains(&(now - users)), "{} looks", now - users);
}

#[test]
fn one_that_never_comes_is_made_up_for_by_the_poll() {
    let stage = told("{ pollInterval: 3s }", "drop-notification=always");
    patch(&stage, "Planner");
    let took = arrival(&stage, "Planner");
    // The interval, its jitter, and a machine that has other things to do.
    assert!(took < Duration::from_millis(3300) + SOON, "it took {took:?}");
    assert_eq!(counted(&stage, "genuine"), 0);
}

#[test]
fn when_the_service_says_that_some_were_missed_it_looks_at_once() {
    let stage = told("{ pollInterval: 1h }", "drop-notification=always");
    patch(&stage, "Planner");
    stage.wait_for_rest(&CONTOSO);
    assert_ne!(stage.employee(&CONTOSO, 1)["jobTitle"], "Planner", "nobody has told it");
    stage.control(&CONTOSO).send_lifecycle(&subscriptions(&stage)[0], LifecycleEvent::Missed).expect("it is sent");
    let took = arrival(&stage, "Planner");
    assert!(took < SOON, "it took {took:?}");
}

#[test]
fn one_of_another_client_state_causes_no_request() {
    let stage = told("{ pollInterval: 1h }", "foreign-client-state=always");
    let before = stage.asked(&CONTOSO);
    patch(&stage, "Planner");
    stage.wait_until("it has come", |stage| counted(stage, "forged") == 1);
    stage.control(&CONTOSO).forge_notification(&subscriptions(&stage)[0]).expect("it is sent");
    stage.wait_until("and another one", |stage| counted(stage, "forged") == 2);
    stage.wait_for_rest(&CONTOSO);
    assert_eq!((stage.asked(&CONTOSO), counted(&stage, "genuine")), (before, 0));
    assert_ne!(stage.employee(&CONTOSO, 1)["jobTitle"], "Planner");
}

#[test]
fn many_changes_at_once_are_few_looks() {
    let stage = told("{ pollInterval: 1h }", "");
    let [users, ..] = stage.asked(&CONTOSO);
    for number in 1..=6 {
        for title in 1..=5 {
            stage.patch(&CONTOSO, number, json!({ "jobTitle": format!("Title {title}") }));
        }
    }
    let all = |stage: &Stage| stage.employees().iter().all(|one| one["jobTitle"] == "Title 5");
    let took = stage.wait_until("the changes are in the state", all);
    assert!(took < SOON, "it took {took:?}");
    stage.wait_for_rest(&CONTOSO);
    let [now, ..] = stage.asked(&CONTOSO);
    assert!(now - users <= 15, "{} looks for thirty notifications", now - users);
}

#[test]
fn a_subscription_that_the_service_took_away_is_made_anew() {
    let stage = told("{ pollInterval: 1h }", "");
    let before = subscriptions(&stage);
    for id in &before {
        stage.control(&CONTOSO).send_lifecycle(id, LifecycleEvent::SubscriptionRemoved).expect("it is sent");
    }
    let anew = |stage: &Stage| {
        let now = subscriptions(stage);
        now.len() == 2 && now.iter().all(|id| !before.contains(id))
    };
    stage.wait_until("there are new ones", anew);
    stage.wait_for_rest(&CONTOSO);
    patch(&stage, "Planner");
    let took = arrival(&stage, "Planner");
    assert!(took < SOON, "it took {took:?}");
}
