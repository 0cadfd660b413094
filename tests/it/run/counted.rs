//! What a running bmsync counts of itself: its queue of tenants, and the requests that it answers.

use super::stage::Stage;
use super::world::{CONTOSO, FABRIKAM};

/// The value of the first series that begins so.
fn value(stage: &Stage, series: &str) -> f64 {
    let text = stage.get("/metrics").body;
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().expect("a number")
}

#[test]
fn the_queue_of_tenants_and_the_requests_are_counted() {
    let mut stage = Stage::new(&[(&CONTOSO, 3), (&FABRIKAM, 2)], "{ pollInterval: 1h }");
    let mut command = stage.command(&["run", "--listen", "127.0.0.1:0"]);
    command.env_remove(FABRIKAM.variable);
    stage.launch(command);
    stage.wait_until("contoso is there", |stage| stage.employees().len() == 3);
    stage.wait_for_rest(&CONTOSO);
    let tenants = |name: &str| format!("{name}{{name=\"tenants\"}}");
    let adds = value(&stage, &tenants("workqueue_adds_total"));
    assert!(adds >= 2.0, "both were to be looked at");
    assert!(value(&stage, &tenants("workqueue_retries_total")) >= 1.0, "fabrikam has no key");
    assert_eq!(stage.post("/v1/sync/contoso", "").status, 202);
    stage.wait_until("it is looked at again", |stage| {
        value(stage, &tenants("workqueue_adds_total")) > adds
            && value(stage, &tenants("workqueue_work_duration_seconds_count"))
                == value(stage, &tenants("workqueue_adds_total"))
    });
    assert_eq!(
        value(&stage, &tenants("workqueue_queue_duration_seconds_count")),
        value(&stage, &tenants("workqueue_adds_total"))
    );
    for none in ["workqueue_depth", "workqueue_unfinished_work_seconds", "workqueue_longest_running_processor_seconds"]
    {
        assert!(value(&stage, &tenants(none)).abs() < f64::EPSILON, "{none}");
    }

    assert_eq!((stage.get("/v1/employees/1").status, stage.get("/v1/employees/999").status), (200, 404));
    stage.get("/v1/nothing");
    let requests = |route: &str, status: u16| {
        let method = "GET";
        value(
            &stage,
            &format!("bmsync_http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}}"),
        )
    };
    assert!((requests("/v1/employees/{id}", 200) - 1.0).abs() < f64::EPSILON);
    assert!((requests("/v1/employees/{id}", 404) - 1.0).abs() < f64::EPSILON);
    assert!((requests("none", 404) - 1.0).abs() < f64::EPSILON, "no path of a stranger becomes a series");
    let took = "bmsync_http_request_duration_seconds_count{route=\"/v1/employees/{id}\",method=\"GET\"}";
    assert!((value(&stage, took) - 2.0).abs() < f64::EPSILON);
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
    stage.write("aside", "");
    assert_eq!((stage.status_for("second", "/v1/tenants"), stage.status_for("third", "/v1/tenants")), (200, 401));
}
