//! The commit of a followed repository: in every plan and every event that its manifests decide.

use std::process::Command;

use serde_json::Value;

use super::stage::Stage;
use super::world::CONTOSO;

/// Git without anything of whoever runs the tests.
fn git(stage: &Stage, words: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(stage.at("")).args(words);
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Adele").env(format!("GIT_{who}_EMAIL"), "adele@example.com");
    }
    let output = command.output().expect("these tests need git");
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn commit(stage: &Stage) -> String {
    git(stage, &["add", "--all", "manifests"]);
    git(stage, &["commit", "--quiet", "--message", "change"]);
    git(stage, &["rev-parse", "HEAD"])
}

fn events(stage: &Stage) -> Vec<Value> {
    stage.get("/v1/events").json()["items"].as_array().expect("a list").clone()
}

fn planned_from(stage: &Stage) -> Value {
    stage.post("/v1/plan", "").json()["configCommit"].clone()
}

#[test]
fn plans_and_events_name_the_commit_that_decided_them() {
    let mut stage = Stage::new(&[(&CONTOSO, 3)], "{ pollInterval: 1s }");
    git(&stage, &["init", "--quiet", "--initial-branch=main"]);
    let first = commit(&stage);
    let repository = stage.at("").display().to_string();
    stage.launch(stage.command(&["run", "--listen", "127.0.0.1:0", "--git", &repository, "--git-interval", "1"]));
    stage.wait_until("everybody is there", |stage| stage.employees().len() == 3);
    assert_eq!(planned_from(&stage), first);
    assert!(events(&stage).iter().all(|event| event["configCommit"] == first), "{:?}", events(&stage));

    stage.write("manifests/README.md", "The same meaning.\n");
    let second = commit(&stage);
    stage.wait_until("the commit is known", |stage| planned_from(stage) == second);
    assert_eq!(events(&stage).len(), 3, "nobody changed");

    stage.write("manifests/contoso-rule.yaml", &CONTOSO.rule("{ securityRole: Manager }"));
    let third = commit(&stage);
    stage.wait_until("the rule is applied", |stage| events(stage).len() == 6);
    assert!(events(&stage)[3..].iter().all(|event| event["configCommit"] == third), "{:?}", events(&stage));

    let candidate = std::fs::read_to_string(stage.at("manifests/contoso.yaml")).unwrap();
    let plan = stage.post("/v1/plan", &candidate);
    assert_eq!((plan.status, plan.json().get("configCommit")), (200, None), "nobody says of which commit those are");

    assert!(stage.stop().is_some_and(|status| status.success()));
    let shown = stage.output(&["get", "events"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.lines().next().unwrap().trim_end().ends_with("COMMIT"), "{shown}");
    assert!(shown.contains(&first[..12]) && shown.contains(&third[..12]), "the state keeps them: {shown}");
}
