//! When it looks: told by a notification, by the clock, by a person, after a restart, and when the manifests change.

use std::time::Duration;

use serde_json::json;

use super::stage::Stage;
use super::world::CONTOSO;

fn title_is(title: &'static str) -> impl Fn(&Stage) -> bool {
    move |stage| stage.employee(&CONTOSO, 1)["jobTitle"] == title
}

#[test]
fn a_notification_brings_a_change_within_two_seconds_and_a_forged_one_brings_nothing() {
    let mut stage = Stage::new(&[(&CONTOSO, 6)], "{ pollInterval: 1h }");
    stage.start_told();
    let subscriptions = |stage: &Stage| stage.control(&CONTOSO).subscriptions().as_array().expect("a list").clone();
    stage.wait_until("everybody is there", |stage| stage.employees().len() == 6);
    stage.wait_until("it is subscribed", |stage| subscriptions(stage).len() == 2);
    stage.wait_for_rest(&CONTOSO);

    let before = stage.asked(&CONTOSO);
    let known = subscriptions(&stage)[0]["id"].clone();
    assert!(known.is_string(), "{known}");
    let genuine = "00000000-0000-4000-8000-000000000000";
    for (id, state) in [(known.clone(), json!("forged")), (known, json!(null)), (json!(genuine), json!("unknown"))] {
        let item = json!({ "subscriptionId": id, "clientState": state, "changeType": "updated", "resource": "users" });
        let answer = stage.post("/webhooks/graph", &json!({ "value": [item] }).to_string());
        assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    }
    stage.wait_for_rest(&CONTOSO);
    assert_eq!(stage.asked(&CONTOSO), before, "a forged notification causes no request");

    stage.patch(&CONTOSO, 1, json!({ "jobTitle": "Planner" }));
    let took = stage.wait_until("the change is in the state", title_is("Planner"));
    assert!(took < Duration::from_secs(2), "it took {took:?}");
}

#[test]
fn without_notifications_a_change_comes_with_the_next_poll() {
    let mut stage = Stage::new(&[(&CONTOSO, 3)], "{ pollInterval: 2s }");
    stage.start();
    stage.wait_until("everybody is there", |stage| stage.employees().len() == 3);
    stage.patch(&CONTOSO, 1, json!({ "jobTitle": "Planner" }));
    let took = stage.wait_until("the change is in the state", title_is("Planner"));
    // The interval, its jitter, and a machine that has other things to do.
    assert!(took < Duration::from_secs(4), "it took {took:?}");
    assert_eq!(stage.control(&CONTOSO).subscriptions(), json!([]));
}

#[test]
fn a_quiet_round_is_two_requests_and_a_restart_goes_on_where_it_was() {
    let mut stage = Stage::new(&[(&CONTOSO, 10)], "{ pollInterval: 1h }");
    stage.start();
    stage.wait_until("everybody is there", |stage| stage.employees().len() == 10);
    stage.wait_for_rest(&CONTOSO);
    let whole = stage.control(&CONTOSO).stats();
    stage.control(&CONTOSO).clear_stats();
    for round in 1..=3 {
        assert_eq!(stage.post("/v1/sync/contoso", "").status, 202);
        stage.wait_until("it looked", |stage| stage.asked(&CONTOSO)[3] >= round * 2);
        stage.wait_for_rest(&CONTOSO);
        assert_eq!(stage.asked(&CONTOSO), [round, round, 0, round * 2], "users, groups, tokens, all");
    }

    assert!(stage.stop().is_some_and(|status| status.success()));
    stage.patch(&CONTOSO, 1, json!({ "jobTitle": "Planner" }));
    stage.control(&CONTOSO).clear_stats();
    stage.start();
    stage.wait_until("what changed meanwhile is in the state", title_is("Planner"));
    stage.wait_for_rest(&CONTOSO);
    let [users, groups, ..] = stage.asked(&CONTOSO);
    assert_eq!((users, groups), (1, 1), "the first look reads what changed, not everything");
    let after = stage.control(&CONTOSO).stats().bytes();
    assert!(after * 2 < whole.bytes(), "{after} bytes of {}", whole.bytes());
}

#[test]
fn manifests_are_in_force_as_soon_as_they_are_right() {
    let mut stage = Stage::new(&[(&CONTOSO, 3)], "{ pollInterval: 1s }");
    stage.start();
    let roles = |role: &'static str| {
        move |stage: &Stage| {
            let employees = stage.employees();
            employees.len() == 3 && employees.iter().all(|one| one["securityRole"] == role)
        }
    };
    stage.wait_until("the rule is applied", roles("Technician"));
    assert!(stage.counts("bmsync_manifests_valid 1.0"), "{}", stage.get("/metrics").body);

    stage.write("manifests/contoso-rule.yaml", &CONTOSO.rule("{ securityRole: Manager }"));
    stage.wait_until("the edited rule is applied", roles("Manager"));

    stage.write("manifests/contoso-rule.yaml", &CONTOSO.rule("{ securityRoll: Director }"));
    stage.wait_until("the mistake shows", |stage| stage.counts("bmsync_manifests_valid 0.0"));
    stage.wait_until("the status says so", |stage| stage.condition(&CONTOSO, "ManifestsValid")["status"] == "False");
    let message = stage.condition(&CONTOSO, "ManifestsValid")["message"].to_string();
    assert!(message.contains("contoso-rule.yaml:") && message.contains("securityRoll"), "{message}");
    stage.patch(&CONTOSO, 1, json!({ "jobTitle": "Planner" }));
    stage.wait_until("it goes on with what was right", title_is("Planner"));
    assert!(roles("Manager")(&stage));

    stage.write("manifests/contoso-rule.yaml", &CONTOSO.rule("{ securityRole: Director }"));
    stage.wait_until("the repaired rule is applied", roles("Director"));
    assert!(stage.counts("bmsync_manifests_valid 1.0"));
}
