//! A `bmsync run` that is killed again and again, at its start and in its rounds, while the directory changes: in the end
//! BMS is byte for byte what one that was never killed makes of the same changes.
//!
//! The changes come one at a time, each after the one before has settled. What is compared depends on which states of the
//! directory were seen; a run that is down sees fewer of them, and where somebody changes kind twice in between it leaves
//! no archived record behind. One at a time both see the same ones, so even the IDs must be equal.

use std::process::{Child, Stdio};
use std::time::Duration;

use super::crowd::{Crowd, STAFF_POLICY};
use super::soak::proof_of_events;
use super::stage::Stage;
use super::world::CONTOSO;

/// Changes in an ordinary test run; there are two kills for each.
const CHANGES: usize = 12;

fn changes() -> usize {
    std::env::var("BMSYNC_KILLS")
        .ok()
        .and_then(|number| number.parse::<usize>().ok())
        .map_or(CHANGES, |kills| kills / 2)
}

fn stage() -> (Stage, Crowd) {
    let stage = Stage::new(&[(&CONTOSO, 10)], STAFF_POLICY);
    let crowd = Crowd::new(&stage, 11);
    (stage, crowd)
}

fn settle(stage: &Stage) {
    stage.wait_until_within("what the rules say", Duration::from_mins(1), Crowd::difference);
}

fn export(stage: &mut Stage) -> String {
    assert!(stage.stop().is_some_and(|status| status.success()));
    let output = stage.output(&["export"]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("an export is text")
}

/// What one that is never killed makes of it.
fn undisturbed(changes: usize) -> String {
    let (mut stage, mut crowd) = stage();
    stage.start();
    settle(&stage);
    for _ in 0..changes {
        crowd.step(&stage);
        stage.post("/v1/sync", "");
        settle(&stage);
    }
    export(&mut stage)
}

fn start(stage: &Stage) -> Child {
    let mut command = stage.command(&["run", "--listen", "127.0.0.1:0"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the server starts")
}

#[test]
fn killed_again_and_again_it_ends_in_the_same_bytes_as_undisturbed() {
    let changes = changes();
    let expected = undisturbed(changes);
    let mut random = fastrand::Rng::with_seed(5);
    let (mut stage, mut crowd) = stage();
    stage.start();
    settle(&stage);
    for _ in 0..changes {
        crowd.step(&stage);
        stage.post("/v1/sync", "");
        std::thread::sleep(Duration::from_millis(random.u64(..60)));
        stage.kill();
        // Once more while it starts, reads its mirror, or makes its first round.
        let mut starting = start(&stage);
        std::thread::sleep(Duration::from_millis(random.u64(..400)));
        starting.kill().expect("it is killed");
        starting.wait().expect("it ended");
        stage.start();
        settle(&stage);
    }
    let events = proof_of_events(&stage);
    let found = export(&mut stage);
    eprintln!("{} kills of run, {events} events, each once", changes * 2);
    assert_eq!(found, expected);
}
