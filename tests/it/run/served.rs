//! Questions about everybody and the rounds beside them: neither waits for the other.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::stage::Stage;
use super::world::{CONTOSO, DEFAULTS};

/// So many that planning them takes longer than a change.
const PEOPLE: usize = 4000;
/// So often a plan may be done before the change was: on a machine with other things to do, either may be held up.
const ATTEMPTS: usize = 20;

/// A question that was sent and perhaps answered.
struct Asked(TcpStream);

impl Asked {
    fn plan(stage: &Stage, manifests: &str) -> Self {
        let mut stream = TcpStream::connect(stage.address()).expect("the server listens");
        let head = format!("POST /v1/plan HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", stage.address());
        write!(stream, "{head}Content-Length: {}\r\n\r\n{manifests}", manifests.len()).expect("it is sent");
        Self(stream)
    }

    /// Whether anything of an answer has come.
    fn is_answered(&self) -> bool {
        self.0.set_nonblocking(true).expect("it is set");
        let answered = match self.0.peek(&mut [0]) {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                false
            }
        };
        self.0.set_nonblocking(false).expect("it is set");
        answered
    }

    fn answer(mut self) -> Value {
        let mut text = String::new();
        self.0.read_to_string(&mut text).expect("an answer");
        let (_, body) = text.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).expect("a plan")
    }
}

/// Everybody is in the group of the staff.
fn populate(stage: &Stage) {
    let id = |number: usize| format!("c1c00000-0000-4000-8000-{number:012}");
    let control = stage.control(&CONTOSO);
    for number in 1..=PEOPLE {
        let user = json!({ "userPrincipalName": format!("user{number}@contoso.com"), "givenName": format!("User {number}"),
                           "accountEnabled": true, "userType": "Member" });
        control.put_user(CONTOSO.id, &id(number), user).expect("a user");
    }
    let members: Vec<String> = std::iter::once(CONTOSO.user(1)).chain((1..=PEOPLE).map(id)).collect();
    control.patch_group(CONTOSO.id, CONTOSO.group(), json!({ "members": members })).expect("the group");
}

fn revision(stage: &Stage) -> Value {
    let text = stage.get("/metrics").body;
    let line = text.lines().find_map(|line| line.strip_prefix("bmsync_state_revision ")).expect("the series");
    json!(line.trim_end_matches(".0").parse::<u64>().expect("a number"))
}

#[test]
fn a_change_is_committed_while_a_plan_of_everybody_is_being_made() {
    let mut stage = Stage::new(&[(&CONTOSO, 1)], "{ pollInterval: 1h }");
    populate(&stage);
    stage.start();
    let last = format!("/v1/employees?after={PEOPLE}");
    stage.wait_until("everybody is there", |stage| {
        stage.get(&last).json()["items"].as_array().is_some_and(|all| all.len() == 1)
    });
    let candidates =
        [&stage.read("manifests/contoso.yaml"), &CONTOSO.rule("{ securityRole: Administrator }"), DEFAULTS];
    let candidates = candidates.join("---\n");
    for attempt in 1..=ATTEMPTS {
        let (before, title) = (revision(&stage), format!("Planner {attempt}"));
        let asked = Asked::plan(&stage, &candidates);
        stage.patch(&CONTOSO, 1, json!({ "jobTitle": title }));
        assert_eq!(stage.post("/v1/sync", "").status, 202);
        let is_done = |stage: &Stage| stage.get("/v1/employees/1").json()["jobTitle"] == title;
        stage.wait_until("the change is committed", is_done);
        let is_being_made = !asked.is_answered();
        let plan = asked.answer();
        assert_eq!(plan["summary"]["update"], json!(PEOPLE + 1), "{}", plan["summary"]);
        if is_being_made && plan["stateRevision"] == before {
            assert_ne!(revision(&stage), before, "the commit is newer than what the plan was made from");
            return;
        }
    }
    panic!("in {ATTEMPTS} attempts no change was committed before the plan was answered that was asked for before it");
}
