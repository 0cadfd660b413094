//! The verbs asked of a real `bmsync run`: one server per test, with a state of its own and the simulator behind it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bmsync::simulator::{Deletion, Options, Running, Simulator, World};
use serde_json::{Value, json};
use tempfile::TempDir;

const TENANT: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
const ADELE: &str = "a1c00000-0000-4000-8000-000000000001";
const ISAIAH: &str = "a1c00000-0000-4000-8000-000000000002";

/// Nothing in a test takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

const DIRECTORY: &str = r"
tenants:
  - id: 84841066-274d-4ec0-a5c1-276be684bdd3
    domain: contoso.onmicrosoft.com
    users:
      - { id: a1c00000-0000-4000-8000-000000000001, userPrincipalName: adele@contoso.com, displayName: Adele Vance,
          givenName: Adele, surname: Vance, mail: adele@contoso.com, accountEnabled: true, userType: Member }
      - { id: a1c00000-0000-4000-8000-000000000002, userPrincipalName: isaiah@contoso.com, displayName: Isaiah Langer,
          givenName: Isaiah, surname: Langer, mail: isaiah@contoso.com, accountEnabled: true, userType: Member }
    groups:
      - { id: 45b7d2e7-b882-4a80-ba97-10b7a63b8fa4, displayName: Technicians, securityEnabled: true, groupTypes: [],
          createdDateTime: '2020-01-01T00:00:00Z',
          members: [a1c00000-0000-4000-8000-000000000001, a1c00000-0000-4000-8000-000000000002] }
";

/// A configuration repository, a directory, and the server that keeps them in step.
struct Stage {
    folder: TempDir,
    runtime: tokio::runtime::Runtime,
    simulator: Option<Running>,
    server: Option<Child>,
    url: String,
}

impl Stage {
    /// With manifests and a directory, and no server yet.
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let world = World::from_yaml(DIRECTORY).expect("the directory file is right");
        let simulator = runtime.block_on(Simulator::start(world, Options::default())).expect("the simulator starts");
        let folder = tempfile::tempdir().expect("a folder");
        let stage = Self { folder, runtime, simulator: Some(simulator), server: None, url: String::new() };
        stage.write("manifests/tenant.yaml", &stage.tenant("CONTOSO_KEY"));
        stage.write("manifests/rules.yaml", &rules("Technician"));
        stage
    }

    /// With a server that has done its first round.
    fn running() -> Self {
        let mut stage = Self::new();
        stage.start();
        stage.wait_until("both employees are there", |stage| stage.list("employees").len() == 2);
        stage
    }

    fn start(&mut self) {
        self.write("tokens", "viewer look\noperator act\n");
        let mut command = self.command(&["run", "--listen", "127.0.0.1:0", "--tokens", "tokens"]);
        let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the server starts");
        let mut url = String::new();
        let out = server.stdout.take().expect("its stdout");
        BufReader::new(out).read_line(&mut url).expect("its address");
        url.trim().clone_into(&mut self.url);
        self.server = Some(server);
    }

    fn stop(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let id = server.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().expect("it is told");
        assert!(told.success());
        server.wait().expect("it ends");
    }

    fn simulator(&self) -> &Running {
        self.simulator.as_ref().expect("it runs")
    }

    fn tenant(&self, key: &str) -> String {
        let url = self.simulator().url();
        format!(
            r#"apiVersion: bmsync/v1
kind: Tenant
metadata: {{ name: contoso }}
spec:
  domain: contoso.onmicrosoft.com
  tenantId: {TENANT}
  applicationId: 1f3c5d7e-0000-4000-8000-000000000001
  applicationKey: {{ env: {key} }}
  signIn: application
  endpoints: {{ login: "{url}", graph: "{url}" }}
"#
        )
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }

    /// Manifests that are only asked about: the server keeps an eye on its own folder.
    fn propose(&self, rules: &str) {
        self.write("candidate/tenant.yaml", &self.tenant("CONTOSO_KEY"));
        self.write("candidate/rules.yaml", rules);
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bmsync"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null()).env("CONTOSO_KEY", "the-secret-key");
        for name in ["BMSYNC_STATE", "BMSYNC_SERVER", "BMSYNC_TOKEN", "RUST_LOG"] {
            command.env_remove(name);
        }
        command
    }

    /// Asks the server, as CI would: with a token and without the tenant's secret.
    fn ask(&self, token: &str, args: &[&str]) -> Output {
        let mut command = self.command(args);
        command.env("BMSYNC_SERVER", &self.url).env("BMSYNC_TOKEN", token).env_remove("CONTOSO_KEY");
        let output = command.output().expect("the binary starts");
        for stream in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(stream);
            assert!(!text.contains("the-secret-key"), "{args:?} tells the secret");
        }
        output
    }

    /// Asks, and checks the exit code.
    fn asked(&self, code: i32, args: &[&str]) -> String {
        told(&self.ask("act", args), code, args).0
    }

    fn json(&self, code: i32, args: &[&str]) -> Value {
        serde_json::from_str(&self.asked(code, args)).expect("JSON on stdout, and nothing else")
    }

    /// What stands on stderr of something that fails.
    fn refused(&self, code: i32, args: &[&str]) -> String {
        told(&self.ask("act", args), code, args).1
    }

    fn list(&self, kind: &str) -> Vec<Value> {
        self.json(0, &["get", kind, "-o", "json"]).as_array().cloned().unwrap_or_default()
    }

    fn wait_until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            assert!(began.elapsed() < PATIENCE, "never: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs on the local state.
    fn local(&self, code: i32, args: &[&str]) -> String {
        told(&self.command(args).output().expect("the binary starts"), code, args).0
    }

    fn delete(&self, user: &str) {
        self.simulator().control().delete_user(TENANT, user, Deletion::Soft).expect("the user is there");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop();
        if let Some(simulator) = self.simulator.take() {
            self.runtime.block_on(simulator.stop());
        }
    }
}

fn rules(role: &str) -> String {
    format!(
        r"apiVersion: bmsync/v1
kind: MappingRule
metadata: {{ name: technicians }}
spec: {{ tenantId: {TENANT}, groupId: 45b7d2e7-b882-4a80-ba97-10b7a63b8fa4, order: 1, record: employee, employee: {{ securityRole: {role} }} }}
---
apiVersion: bmsync/v1
kind: EmployeeDefaults
metadata: {{ name: defaults }}
spec: {{ department: Operations, location: HQ, manager: jsmith, jobTitle: Technician, employmentType: Full Time,
        employeeRole: Engineer, securityRole: User }}
---
apiVersion: bmsync/v1
kind: SyncPolicy
metadata: {{ name: policy }}
spec: {{ pollInterval: 1h, guards: {{ maxDeactivations: 0 }} }}
"
    )
}

fn told(output: &Output, code: i32, args: &[&str]) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
    (out, err)
}

/// A plan without what depends on when it was made and by whom.
fn timeless(mut plan: Value) -> Value {
    plan["createdAt"] = Value::Null;
    for tenant in plan["tenants"].as_array_mut().expect("tenants") {
        tenant["readAt"] = Value::Null;
    }
    for change in plan["changes"].as_array_mut().expect("changes") {
        change.as_object_mut().expect("a change").shift_remove("cause");
    }
    plan
}

#[test]
fn a_plan_is_the_same_whoever_makes_it() {
    let mut stage = Stage::new();
    stage.local(0, &["apply", "--yes"]);
    stage.propose(&rules("Administrator"));
    let here: Value =
        serde_json::from_str(&stage.local(0, &["plan", "-f", "candidate", "-o", "json"])).expect("a plan");
    let text = stage.local(0, &["plan", "-f", "candidate"]);
    assert!(text.contains("Plan: 2 to update. 0 unchanged.\n"), "{text}");
    stage.start();
    stage.wait_until("the tenant is read", |stage| stage.list("tenants")[0]["lastSuccess"].is_string());
    let there = stage.json(0, &["plan", "-f", "candidate", "-o", "json"]);
    let causes: Vec<&Value> =
        there["changes"].as_array().expect("changes").iter().map(|change| &change["cause"]).collect();
    assert_eq!(causes, [&json!("manifests"), &json!("manifests")]);
    assert_eq!(timeless(there), timeless(here));
    stage.asked(2, &["plan", "-f", "candidate", "--detailed-exitcode"]);
    let alone = stage.json(0, &["plan", "-f", "candidate", "-o", "json", "--tenant", "contoso"]);
    assert_eq!(alone["summary"]["update"], 2);
    assert!(stage.refused(1, &["plan", "--tenant", "fabrikam"]).contains("fabrikam"));
}

#[test]
fn a_reviewer_sees_what_the_manifests_do_and_what_is_pending_anyway() {
    let stage = Stage::running();
    stage.delete(ADELE);
    stage.asked(0, &["sync", "contoso"]);
    stage.wait_until("the deactivation is held", |stage| stage.list("tenants")[0]["held"] == 1);
    let pending = stage.asked(3, &["plan", "--detailed-exitcode"]);
    assert!(pending.contains("\nPending anyway: held back: 1. To approve what a server holds: "), "{pending}");
    stage.propose(&rules("Administrator"));
    let text = stage.asked(0, &["plan", "-f", "candidate"]);
    assert!(text.contains("\nBecause of these manifests:\n\ncontoso\n  isaiah@contoso.com\n"), "{text}");
    let sum = "Because of these manifests: 1 to update; pending anyway: 1 held back.\n";
    assert!(text.ends_with(&format!("Plan: 1 to update. 0 unchanged, 1 held back. {sum}")), "{text}");
    let comment = stage.asked(0, &["plan", "-f", "candidate", "-o", "markdown"]);
    assert!(comment.contains("<summary>Because of these manifests: updates (1)</summary>"), "{comment}");
    assert!(comment.contains("### Pending anyway: held back"), "{comment}");
    stage.propose(&rules("Technician").replace("maxDeactivations: 0", "maxDeactivations: 1"));
    let changes = &stage.json(0, &["plan", "-f", "candidate", "-o", "json"])["changes"];
    let found = ["action", "held", "cause"].map(|key| &changes[0][key]);
    assert_eq!(found, [&json!("deactivate"), &Value::Null, &json!("manifests")], "to let go what is held is a cause");
}

#[test]
fn what_is_held_is_shown_approved_and_done() {
    let stage = Stage::running();
    assert_eq!(stage.asked(0, &["approve", "contoso"]), "Nothing is held back of tenant contoso.\n");
    stage.delete(ISAIAH);
    stage.asked(0, &["sync"]);
    stage.wait_until("the deactivation is held", |stage| stage.list("tenants")[0]["held"] == 1);
    let unasked = stage.ask("act", &["approve", "contoso"]);
    let (shown, why) = told(&unasked, 1, &["approve"]);
    assert!(shown.contains("- ") || shown.contains("⏸ deactivate employee 2"), "{shown}");
    assert!(shown.contains("isaiah@contoso.com") && shown.contains("maxDeactivations"), "{shown}");
    assert!(why.contains("nobody is there to confirm it, so nothing was approved"), "{why}");
    assert_eq!(stage.json(0, &["get", "employee", "2", "-o", "json"])["status"], "active");
    let (_, why) = told(&stage.ask("look", &["approve", "contoso", "--yes"]), 1, &["approve"]);
    assert!(why.contains("BMSYNC_TOKEN") && why.contains("operator") && !why.contains("look"), "{why}");
    let approved = stage.json(0, &["approve", "contoso", "--yes", "-o", "json"]);
    assert_eq!(approved["changes"][0]["action"], "deactivate");
    stage.wait_until("it is deactivated", |stage| {
        stage.json(0, &["get", "employee", "2", "-o", "json"])["status"] == "inactive"
    });
    assert!(stage.refused(1, &["approve", "fabrikam"]).contains("fabrikam"));
}

#[test]
fn a_saved_plan_is_applied_or_refused_when_it_is_stale() {
    let stage = Stage::running();
    stage.delete(ADELE);
    stage.asked(0, &["sync"]);
    stage.wait_until("the deactivation is held", |stage| stage.list("tenants")[0]["held"] == 1);
    stage.asked(0, &["plan", "--out", "held.json"]);
    stage.propose(&rules("Administrator"));
    stage.asked(0, &["plan", "-f", "candidate", "--out", "ahead.json"]);
    let ahead = stage.refused(1, &["apply", "ahead.json", "--yes"]);
    assert!(ahead.contains("stale") && ahead.contains("deploy these first"), "{ahead}");
    assert!(stage.refused(64, &["apply", "--yes"]).contains("bmsync sync"));
    assert!(stage.refused(1, &["apply", "held.json", "--approve-held"]).contains("nobody is there"));
    let (_, why) = told(&stage.ask("look", &["apply", "held.json", "--yes"]), 1, &["apply"]);
    assert!(why.contains("operator"), "{why}");
    let kept = stage.asked(3, &["apply", "held.json", "--yes"]);
    assert!(kept.ends_with("Nothing written. BMS state is at revision 1.\n"), "{kept}");
    let done = stage.asked(0, &["apply", "held.json", "--yes", "--approve-held"]);
    assert!(done.ends_with("Applied: 1 written. BMS state is at revision 2.\n"), "{done}");
    let stale = stage.refused(1, &["apply", "held.json", "--yes", "--approve-held"]);
    assert!(stale.contains("revision 1 then, 2 now"), "{stale}");
    stage.write("broken.json", "{}");
    assert!(stage.refused(1, &["apply", "broken.json", "--yes"]).contains("cannot use the plan in broken.json"));
}

#[test]
fn everything_that_is_read_is_that_of_the_state() {
    let mut stage = Stage::running();
    let reads: [&[&str]; 8] = [
        &["get", "employees", "-o", "json"],
        &["get", "employees", "-o", "csv"],
        &["get", "employee", "1", "-o", "yaml"],
        &["get", "events", "-o", "json"],
        &["get", "events"],
        &["get", "events", "--after", "1", "--limit", "1", "-o", "json"],
        &["explain", "adele@contoso.com"],
        &["explain", "adele@contoso.com", "-o", "json"],
    ];
    let there: Vec<String> = reads.iter().map(|args| stage.asked(0, args)).collect();
    let exported = stage.asked(0, &["export"]);
    stage.asked(0, &["export", "--out", "there.jsonl"]);
    let secure = stage.url.replace("http:", "https:");
    let secure = told(&stage.ask("act", &["get", "events", "--server", &secure]), 1, &["get"]).1;
    assert!(secure.contains("cannot be trusted over TLS") && secure.contains("SSL_CERT_FILE"), "{secure}");
    let in_use = told(&stage.command(&["get", "employees"]).output().expect("it starts"), 1, &["get"]).1;
    assert!(in_use.contains(&format!(", serving {})", stage.url)), "{in_use}");
    assert!(in_use.contains("hint: ask it: give --server"), "{in_use}");
    stage.stop();
    for (args, there) in reads.iter().zip(there) {
        assert_eq!(stage.local(0, args), there, "{args:?}");
    }
    assert_eq!(stage.local(0, &["export"]), exported);
    assert_eq!(std::fs::read_to_string(stage.path().join("there.jsonl")).expect("the file"), exported);
    let away = stage.refused(1, &["plan"]);
    assert!(away.contains("cannot be reached") && away.contains("hint: "), "{away}");
    assert!(stage.refused(1, &["export", "--out", "away.jsonl"]).contains("cannot export"));
    assert!(!stage.path().join("away.jsonl").exists());
}

#[test]
fn tenants_and_rules_come_with_their_conditions() {
    let stage = Stage::running();
    let table = stage.asked(0, &["get", "tenants"]);
    assert!(table.starts_with("NAME     TENANT ID") && table.contains("  watching  "), "{table}");
    assert!(table.trim_end().ends_with("Connected, GuardsClear, ManifestsValid, Synchronized"), "{table}");
    assert_eq!(stage.list("rules")[0]["conditions"][0]["type"], "Ready");
    let csv = stage.asked(0, &["get", "rules", "-o", "csv"]);
    assert!(csv.lines().next().is_some_and(|head| head.contains(",conditions.Ready.status,")), "{csv}");
    let yaml = stage.asked(0, &["get", "tenant", "contoso", "-o", "yaml"]);
    assert!(yaml.contains("phase: watching\n") && yaml.contains("- type: Connected\n"), "{yaml}");
    assert!(stage.asked(0, &["get", "tenant", "contoso"]).contains("conditions.Connected.status: True\n"));
    assert!(stage.refused(1, &["get", "rule", "nobody"]).contains("there is no rule `nobody`"));
    assert!(stage.refused(64, &["get", "employee", "adele"]).contains("no ID of an employee"));
    assert!(stage.refused(1, &["explain", "nobody@contoso.com"]).contains("no user is called"));
}

#[test]
fn events_are_followed_as_they_come() {
    let stage = Stage::running();
    let first = stage.asked(0, &["get", "events", "--follow", "--limit", "2"]);
    let lines: Vec<&str> = first.lines().collect();
    assert!(
        lines.len() == 2 && lines[1].contains(" 2 create employee 2 of isaiah@contoso.com (rule technicians): "),
        "{first}"
    );
    let mut command = stage.command(&["get", "events", "--follow", "--after", "2", "--limit", "1", "-o", "json"]);
    command.env("BMSYNC_SERVER", &stage.url).env("BMSYNC_TOKEN", "look");
    let follower = command.stdout(Stdio::piped()).spawn().expect("it starts");
    stage.simulator().control().patch_user(TENANT, ADELE, json!({ "givenName": "Ada" })).expect("the user is there");
    stage.asked(0, &["sync"]);
    let output = follower.wait_with_output().expect("it ends");
    let event: Value = serde_json::from_slice(&output.stdout).expect("one event");
    assert_eq!((&event["id"], &event["action"]), (&json!(3), &json!("update")));
    let yaml = stage.refused(64, &["get", "events", "--follow", "-o", "yaml"]);
    assert!(yaml.contains("has no end"), "{yaml}");
}

#[test]
fn what_the_server_finds_wrong_is_told_like_validate() {
    let stage = Stage::running();
    stage.propose(&rules("Technician"));
    stage.write("candidate/tenant.yaml", &stage.tenant("OTHER_KEY"));
    let plan = ["plan", "-f", "candidate"];
    let wrong = stage.refused(1, &plan);
    assert!(wrong.starts_with("error[ForeignTenant]: tenant `contoso` is not as the server declares it: "), "{wrong}");
    assert!(wrong.contains("--> candidate/tenant.yaml:3"), "{wrong}");
    assert!(wrong.contains("metadata: { name: contoso }"), "{wrong}");
    stage.write("candidate/rules.yaml", &rules("[a]"));
    let validate = ["validate", "-f", "candidate"];
    let local = told(&stage.command(&validate).output().expect("it starts"), 1, &validate).1;
    let local = local.split("\n\n").next().expect("a diagnostic");
    assert!(stage.refused(1, &plan).starts_with(local), "{local}");
}

#[test]
fn who_may_not_ask_is_told_which_token_is_missing() {
    let stage = Stage::running();
    let unknown = told(&stage.ask("s3cret", &["plan"]), 1, &["plan"]).1;
    assert!(unknown.contains("token is not known") && unknown.contains("BMSYNC_TOKEN"), "{unknown}");
    assert!(!unknown.contains("s3cret"));
    let sync = told(&stage.ask("look", &["sync"]), 1, &["sync"]).1;
    assert!(sync.contains("operator"), "{sync}");
    told(&stage.ask("look", &["plan"]), 0, &["plan"]);
    let empty = told(&stage.ask("", &["plan"]), 64, &["plan"]).1;
    assert!(empty.contains("the token is empty"), "{empty}");
}

#[test]
fn a_server_is_meant_only_where_it_can_be() {
    let stage = Stage::new();
    let run = |args: &[&str]| stage.command(args).output().expect("the binary starts");
    let nowhere = ["--server", "http://127.0.0.1:1"];
    for verb in [
        &["import", "x.jsonl"][..],
        &["validate"],
        &["run"],
        &["simulate"],
        &["demo"],
        &["init", "made"],
        &["schema"],
        &["completions", "bash"],
    ] {
        let err = told(&run(&[verb, &nowhere].concat()), 64, verb).1;
        assert!(err.contains("asks no server") && err.contains("leave --server out"), "{verb:?}: {err}");
    }
    for verb in [&["sync"][..], &["approve", "contoso"]] {
        assert!(told(&run(verb), 64, verb).1.contains("BMSYNC_SERVER"), "{verb:?}");
    }
    let with_variable = |args: &[&str]| {
        let mut command = stage.command(args);
        command.env("BMSYNC_SERVER", "http://127.0.0.1:1").output().expect("the binary starts")
    };
    told(&with_variable(&["validate"]), 0, &["validate"]);
    told(&with_variable(&["schema"]), 0, &["schema"]);
    let import = told(&with_variable(&["import", "x.jsonl"]), 64, &["import"]).1;
    assert!(import.contains("BMSYNC_SERVER names a server"), "{import}");
    for (address, why) in [
        ("http://bmsync.example.com", "must be https"),
        ("https://a:hunter2@bmsync.example.com", "no user, password"),
        ("bmsync", "not a URL"),
        ("", "not a URL"),
    ] {
        let err = told(&run(&["plan", "--server", address]), 64, &["plan"]).1;
        assert!(err.contains(why) && !err.contains("hunter2"), "{address}: {err}");
    }
    let follow = told(&run(&["get", "events", "--follow"]), 64, &["get"]).1;
    assert!(follow.contains("--server"), "{follow}");
    let rules = told(&run(&["get", "rules", "--limit", "1"]), 64, &["get"]).1;
    assert!(rules.contains("get events"), "{rules}");
}
