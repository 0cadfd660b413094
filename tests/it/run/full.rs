//! A `bmsync run` on whose disk there is no room for a while: it says so, lives, loses nothing, and goes on by itself when
//! there is room again.
//!
//! Files that may not grow take the part of the disk, for this needs no rights: what is asked of the kernel for one process
//! from outside. What is written fails alike, and the server cannot tell the difference but by the text.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use super::crowd::{Crowd, STAFF_POLICY};
use super::soak::proof_of_events;
use super::stage::Stage;
use super::world::CONTOSO;

const PATIENCE: Duration = Duration::from_mins(1);

/// What the server says on standard error, line by line.
struct Log(Receiver<String>);

impl Log {
    fn wait_for(&self, part: &str) -> String {
        let until = Instant::now() + PATIENCE;
        let mut heard = Vec::new();
        while let Ok(line) = self.0.recv_timeout(until.saturating_duration_since(Instant::now())) {
            assert!(!line.contains("panicked"), "{line}");
            if line.contains(part) {
                return line;
            }
            heard.push(line);
        }
        panic!("never: `{part}` in {heard:#?}")
    }
}

/// Starts the server. A file that is too large would end it by a signal, as a kill does; a full disk sends none.
fn start(stage: &mut Stage) -> Log {
    let inner = stage.command(&["run", "--listen", "127.0.0.1:0"]);
    let mut outer = Command::new("sh");
    outer.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    outer.current_dir(stage.path("")).stdin(Stdio::null());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    let log = stage.launch_heard(outer);
    let (say, heard) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if say.send(line).is_err() {
                return;
            }
        }
    });
    Log(heard)
}

/// No file of the server may be longer than that from now on; `None`: as long as those of the test.
fn limit(stage: &Stage, bytes: Option<u64>) {
    let process = Pid::from_raw(i32::try_from(stage.process()).expect("a process ID"));
    let ours = getrlimit(Resource::Fsize);
    let limit = Rlimit { current: bytes.or(ours.current), maximum: ours.maximum };
    prlimit(process, Resource::Fsize, limit).expect("it is ours");
}

#[test]
fn without_room_it_says_so_and_goes_on_when_there_is_some() {
    let mut stage = Stage::new(&[(&CONTOSO, 10)], STAFF_POLICY);
    let mut crowd = Crowd::new(&stage, 3);
    let log = start(&mut stage);
    stage.wait_until("everybody is there", |stage| Crowd::difference(stage).is_none());
    for bytes in [0, 40, 4096] {
        limit(&stage, Some(bytes));
        (0..5).for_each(|_| crowd.step(&stage));
        stage.post("/v1/sync", "");
        let told = log.wait_for("the round could not be written");
        for part in ["ile too large", "raise the limit", "nothing that was reported as written is lost"] {
            assert!(told.contains(part), "`{part}` is missing in {told}");
        }
        assert_eq!(stage.get("/healthz").status, 200, "it lives");
        let answer = stage.get("/v1/events?limit=1");
        assert!(
            answer.status == 200 || answer.status == 503 && answer.body.contains("raise the limit"),
            "{}",
            answer.body
        );
        limit(&stage, None);
        stage.wait_until_within("what the rules say", PATIENCE, Crowd::difference);
    }
    let (live, events) = (stage.all("employees"), proof_of_events(&stage));
    assert!(events > 0 && stage.stop().is_some_and(|status| status.success()));
    stage.start();
    stage.wait_until("it is as it was", |stage| stage.all("employees") == live);
}
