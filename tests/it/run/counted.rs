//! What a running bmsync counts of itself: its queue of tenants, and the requests that it answers.

use super::stage::Stage;
use super::world::{CONTOSO, FABRIKAM};

/// The series as it is shown.
fn shown(stage: &Stage, series: &str) -> String {
    let text = stage.get("/metrics").body;
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}")).to_owned()
}

fn count(stage: &Stage, series: &str) -> u64 {
    shown(stage, series).parse().expect("a whole number")
}

#[test]
fn the_queue_of_tenants_and_the_requests_are_counted() {
    let mut stage = Stage::new(&[(&CONTOSO, 3), (&FABRIKAM, 2)], "{ pollInterval: 1h }");
    let mut command = stage.command(&["run", "--listen", "127.0.0.1:0"]);
    command.env_remove(FABRIKAM.variable);
    stage.launch(command);
    stage.wait_until("contoso is there", |stage| stage.employees().len() == 3);
    stage.wait_for_rest(&CONTOSO);
    let of = |stage: &Stage, name: &str| count(stage, &format!("{name}{{name=\"tenants\"}}"));
    let adds = of(&stage, "workqueue_adds_total");
    assert!(adds >= 2, "both were to be looked at");
    assert!(of(&stage, "workqueue_retries_total") >= 1, "fabrikam has no key");
    assert_eq!(stage.post("/v1/sync/contoso", "").status, 202);
    stage.wait_until("it is looked at again", |stage| {
        let now = of(stage, "workqueue_adds_total");
        now > adds
            && of(stage, "workqueue_queue_duration_seconds_count") == now
            && of(stage, "workqueue_work_duration_seconds_count") == now
    });
    for none in ["workqueue_depth", "workqueue_unfinished_work_seconds", "workqueue_longest_running_processor_seconds"]
    {
        assert_eq!(shown(&stage, &format!("{none}{{name=\"tenants\"}}")), "0.0", "{none}");
    }

    assert_eq!((stage.get("/v1/employees/1").status, stage.get("/v1/employees/999").status), (200, 404));
    stage.get("/v1/nothing");
    let requests = |route: &str, status: u16| {
        count(&stage, &format!("bmsync_http_requests_total{{route=\"{route}\",method=\"GET\",status=\"{status}\"}}"))
    };
    assert_eq!((requests("/v1/employees/{id}", 200), requests("/v1/employees/{id}", 404)), (1, 1));
    assert_eq!(requests("none", 404), 1, "no path of a stranger becomes a series");
    let took = "bmsync_http_request_duration_seconds_count{route=\"/v1/employees/{id}\",method=\"GET\"}";
    assert_eq!(count(&stage, took), 2);
    let size: f64 = shown(&stage, "bmsync_state_size_bytes").parse().expect("a number");
    assert!(size > 1000.0, "{size}");
}

#[test]
fn tokens_are_read_again_on_a_hangup_and_broken_ones_are_not_used() {
    let mut stage = Stage::new(&[(&CONTOSO, 1)], "{ pollInterval: 1h }");
    stage.write("tokens", "viewer first\n");
    stage.launch(stage.command(&["run", "--listen", "127.0.0.1:0", "--tokens", "tokens"]));
    assert_eq!((stage.status_for("first", "/v1/tenants"), stage.status_for("second", "/v1/tenants")), (200, 401));
    stage.write("tokens", "viewer second\n");
    stage.hang_up();
    stage.wait_for("the new token", |stage| stage.status_for("second", "/v1/tenants") == 200);
    assert_eq!(stage.status_for("first", "/v1/tenants"), 401);
    stage.write("tokens", "# nobody\n");
    stage.hang_up();
    stage.write("tokens", "viewer third\noperator\n");
    stage.hang_up();
    assert_eq!((stage.status_for("second", "/v1/tenants"), stage.status_for("third", "/v1/tenants")), (200, 401));
    stage.write("tokens", "viewer fourth\n");
    stage.hang_up();
    stage.wait_for("the repaired file", |stage| stage.status_for("fourth", "/v1/tenants") == 200);
    assert_eq!((stage.status_for("second", "/v1/tenants"), stage.status_for("third", "/v1/tenants")), (401, 401));
}
