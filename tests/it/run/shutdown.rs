//! How it ends: in time, with its subscriptions, and with a state that the next command can use.

use std::time::{Duration, Instant};

use serde_json::json;

use super::stage::Stage;
use super::world::CONTOSO;

#[test]
fn told_to_end_it_ends_its_subscriptions_and_leaves_the_state_whole() {
    let mut stage = Stage::new(&[(&CONTOSO, 6)], "{ pollInterval: 1h }");
    stage.start_told();
    stage.wait_until("everybody is there", |stage| stage.employees().len() == 6);
    let subscribed =
        |stage: &Stage| stage.control(&CONTOSO).subscriptions().as_array().is_some_and(|all| all.len() == 2);
    stage.wait_until("it is subscribed", subscribed);
    stage.wait_for_rest(&CONTOSO);
    let served = stage.get("/v1/export");
    assert_eq!(served.status, 200);

    let began = Instant::now();
    let status = stage.stop().expect("it ends");
    assert_eq!(status.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    assert_eq!(stage.control(&CONTOSO).subscriptions(), json!([]));

    let export = stage.output(&["export"]);
    assert!(export.status.success(), "{}", String::from_utf8_lossy(&export.stderr));
    assert_eq!(String::from_utf8(export.stdout).expect("text"), served.body);
    assert_eq!(served.body.lines().count(), 6);
}
