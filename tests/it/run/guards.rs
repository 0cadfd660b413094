//! What is held: until a person approves exactly it, over restarts, and when a directory is suddenly empty.

use super::stage::Stage;
use super::world::CONTOSO;

#[test]
fn what_is_held_survives_a_restart_and_an_approval_covers_exactly_it() {
    let mut stage = Stage::new(&[(&CONTOSO, 6)], "{ pollInterval: 1s, guards: { maxDeactivations: 0 } }");
    stage.start();
    stage.wait_until("everybody is there", |stage| stage.employees().len() == 6);
    stage.delete(&CONTOSO, 2);
    stage.wait_until("the deactivation is held", |stage| stage.held_users(&CONTOSO) == [CONTOSO.user(2)]);
    let held = stage.held(&CONTOSO);
    assert_eq!(held["changes"][0]["action"], "deactivate");
    assert_eq!(held["changes"][0]["held"], "maxDeactivations");

    assert!(stage.stop().is_some_and(|status| status.success()));
    stage.start();
    stage.wait_until("it is still held", |stage| stage.held_users(&CONTOSO) == [CONTOSO.user(2)]);
    assert_eq!(stage.held(&CONTOSO)["digest"], held["digest"]);
    assert_eq!(stage.inactive(), 0);

    let approved = stage.post("/v1/approve/contoso", "");
    assert_eq!(approved.status, 200, "{}", approved.body);
    assert_eq!(approved.json()["digest"], held["digest"]);
    stage.wait_until("it is applied", |stage| stage.employee(&CONTOSO, 2)["status"] == "inactive");
    assert_eq!(stage.inactive(), 1);

    stage.delete(&CONTOSO, 3);
    stage.wait_until("the next one is held", |stage| stage.held_users(&CONTOSO) == [CONTOSO.user(3)]);
    assert_eq!(stage.employee(&CONTOSO, 3)["status"], "active");
    let outdated = format!("{{\"digest\":{}}}", held["digest"]);
    assert_eq!(stage.post("/v1/approve/contoso", &outdated).status, 409, "what was approved is not this");
    assert_eq!(stage.inactive(), 1);
}

#[test]
fn when_everybody_vanishes_at_once_nobody_is_removed() {
    let policy = "{ pollInterval: 1h, guards: { maxDeactivations: 100%, maxArchives: 100% } }";
    let mut stage = Stage::new(&[(&CONTOSO, 8)], policy);
    stage.start();
    stage.wait_until("everybody is there", |stage| stage.employees().len() == 8);
    (1..=8).for_each(|number| stage.delete(&CONTOSO, number));
    assert_eq!(stage.post("/v1/sync", "").status, 202);
    stage.wait_until("the removals are held", |stage| stage.held_users(&CONTOSO).len() == 8);
    assert_eq!(stage.inactive(), 0);
    assert!(stage.counts("bmsync_held_changes{tenant=\"contoso\",reason=\"SourceUnhealthy\"} 8.0"));
    assert!(stage.counts("bmsync_full_reads_total{tenant=\"contoso\"} 1"), "{}", stage.get("/metrics").body);
    let condition = stage.condition(&CONTOSO, "GuardsClear");
    assert_eq!((&condition["status"], &condition["reason"]), (&"False".into(), &"SourceUnhealthy".into()));
    for change in stage.held(&CONTOSO)["changes"].as_array().expect("changes") {
        assert_eq!(change["held"], "SourceUnhealthy");
    }

    assert!(stage.stop().is_some_and(|status| status.success()));
    stage.start();
    stage.wait_until("they are still held", |stage| stage.held_users(&CONTOSO).len() == 8);
    assert_eq!(stage.condition(&CONTOSO, "GuardsClear")["reason"], "SourceUnhealthy");
    assert_eq!(stage.inactive(), 0);
}
