//! The verbs through the real binary, against the simulator and a state on disk.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use bmsync::simulator::{Deletion, Options, Running, Simulator, World};
use serde_json::{Value, json};
use tempfile::TempDir;

const TENANT: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
const TECHNICIANS: &str = "45b7d2e7-b882-4a80-ba97-10b7a63b8fa4";

const DIRECTORY: &str = r#"
tenants:
  - id: 84841066-274d-4ec0-a5c1-276be684bdd3
    domain: contoso.onmicrosoft.com
    users:
      - { id: a1c00000-0000-4000-8000-000000000001, userPrincipalName: adele@contoso.com, displayName: Adele Vance,
          givenName: Adele, surname: Vance, mail: adele@contoso.com, accountEnabled: true, userType: Member }
      - { id: a1c00000-0000-4000-8000-000000000002, userPrincipalName: "evil@contoso.com", displayName: Evil,
          givenName: "\e[2J\e[31mEve\u202e", surname: "<b>@all|", mail: evil@contoso.com, accountEnabled: true, userType: Member }
    groups:
      - { id: 45b7d2e7-b882-4a80-ba97-10b7a63b8fa4, displayName: Technicians, securityEnabled: true, groupTypes: [],
          createdDateTime: "2020-01-01T00:00:00Z",
          members: [a1c00000-0000-4000-8000-000000000001, a1c00000-0000-4000-8000-000000000002] }
"#;

/// A configuration repository with a state, and a directory that it talks to.
struct Stage {
    folder: TempDir,
    runtime: tokio::runtime::Runtime,
    simulator: Option<Running>,
}

impl Stage {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let world = World::from_yaml(DIRECTORY).expect("the directory file is right");
        let simulator = runtime.block_on(Simulator::start(world, Options::default())).expect("the simulator starts");
        let folder = tempfile::tempdir().expect("a folder");
        let stage = Self { folder, runtime, simulator: Some(simulator) };
        stage.write("manifests/all.yaml", &stage.manifests("Technician"));
        stage
    }

    fn simulator(&self) -> &Running {
        self.simulator.as_ref().expect("it runs")
    }

    fn manifests(&self, role: &str) -> String {
        let url = self.simulator().url();
        format!(
            r#"apiVersion: bmsync/v1
kind: Tenant
metadata: {{ name: contoso }}
spec:
  domain: contoso.onmicrosoft.com
  tenantId: {TENANT}
  applicationId: 1f3c5d7e-0000-4000-8000-000000000001
  applicationKey: {{ env: CONTOSO_KEY }}
  signIn: application
  endpoints: {{ login: "{url}", graph: "{url}" }}
---
apiVersion: bmsync/v1
kind: MappingRule
metadata: {{ name: technicians }}
spec: {{ tenantId: {TENANT}, groupId: {TECHNICIANS}, order: 1, record: employee, employee: {{ securityRole: {role} }} }}
---
apiVersion: bmsync/v1
kind: EmployeeDefaults
metadata: {{ name: defaults }}
spec: {{ department: Operations, location: HQ, manager: jsmith, jobTitle: Technician, employmentType: Full Time,
        employeeRole: Engineer, securityRole: User }}
"#
        )
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bmsync"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        command.env("CONTOSO_KEY", "the-secret-key").env_remove("BMSYNC_STATE").env_remove("RUST_LOG");
        command.output().expect("the binary starts")
    }

    /// Runs, and checks the exit code.
    fn expect(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        assert!(!out.contains("the-secret-key") && !err.contains("the-secret-key"), "{args:?} tells the secret");
        out
    }

    fn json(&self, code: i32, args: &[&str]) -> Value {
        serde_json::from_str(&self.expect(code, args)).expect("JSON on stdout, and nothing else")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(simulator) = self.simulator.take() {
            self.runtime.block_on(simulator.stop());
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

#[test]
fn from_nothing_to_an_empty_plan() {
    let stage = Stage::new();
    assert!(stage.expect(0, &["plan"]).contains("Plan: 2 to create. 0 unchanged."));
    assert!(!stage.path().join(".bmsync").exists(), "planning makes no state");
    stage.expect(2, &["plan", "--detailed-exitcode"]);
    assert!(stage.expect(0, &["apply", "--yes"]).contains("Applied: 2 created. BMS state is at revision 1."));
    assert_eq!(stage.json(0, &["plan", "-o", "json", "--detailed-exitcode"])["summary"]["unchanged"], 2);
    assert!(stage.expect(0, &["plan"]).contains("No changes. BMS matches the directory."));
    assert!(stage.expect(0, &["apply"]).contains("Nothing written."), "nothing to ask about");
}

#[test]
fn without_a_terminal_nothing_is_applied_unasked() {
    let stage = Stage::new();
    let output = stage.run(&["apply"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("error: nobody is there to confirm the plan, so nothing was changed\n  hint: ")
    );
    assert_eq!(stage.json(0, &["get", "employees", "-o", "json"]), json!([]));
}

#[test]
fn a_saved_plan_is_applied_as_it_was_shown() {
    let stage = Stage::new();
    stage.expect(0, &["plan", "--out", "round.json"]);
    assert!(stage.expect(0, &["apply", "round.json", "--yes"]).contains("Applied: 2 created."));
    let output = stage.run(&["apply", "round.json", "--yes"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "a second time it is stale");
    assert!(told.contains("error: the plan is stale"), "{told}");
    assert!(told.contains("cause: moved: the BMS state: revision 0 then, 1 now"), "{told}");
}

#[test]
fn a_stale_plan_says_what_moved_and_changes_nothing() {
    let stage = Stage::new();
    stage.expect(0, &["plan", "--tenant", "contoso", "--out", "round.json"]);
    stage.write("manifests/all.yaml", &stage.manifests("Administrator"));
    let user = "a1c00000-0000-4000-8000-000000000001";
    let control = stage.simulator().control();
    control.patch_user(TENANT, user, json!({ "businessPhones": ["+1 425 555 0109"] })).expect("it changes");
    let output = stage.run(&["apply", "round.json", "--yes"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    for part in [
        "moved: the configuration: ",
        "moved: the directory of tenant contoso",
        "moved: the plan's changes: 2 then, 2 now",
        "-    securityRole: ∅ → \"Technician\" (rule)",
        "+    securityRole: ∅ → \"Administrator\" (rule)",
        "+    phone: ∅ → \"+1 425 555 0109\" (directory)",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert_eq!(stage.json(0, &["get", "employees", "-o", "json"]), json!([]));
}

#[test]
fn somebody_who_does_not_matter_makes_no_plan_stale() {
    let stage = Stage::new();
    stage.expect(0, &["plan", "--out", "round.json"]);
    let stranger = json!({ "userPrincipalName": "new@contoso.com", "displayName": "New", "accountEnabled": true });
    let control = stage.simulator().control();
    control.put_user(TENANT, "a1c00000-0000-4000-8000-000000000099", stranger).expect("it is made");
    stage.expect(0, &["apply", "round.json", "--yes"]);
}

#[test]
fn hostile_names_reach_no_terminal() {
    let stage = Stage::new();
    for args in [
        &["plan"][..],
        &["plan", "-o", "markdown"],
        &["apply", "--yes", "--color", "never"],
        &["get", "employees"],
        &["get", "employee", "2"],
        &["get", "events"],
        &["explain", "evil@contoso.com"],
    ] {
        let output = stage.run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?} {}", text(&output.stderr));
        let shown = text(&output.stdout);
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{args:?}: {shown}");
    }
    assert_eq!(stage.json(0, &["get", "employee", "2", "-o", "json"])["firstName"], "\u{1b}[2J\u{1b}[31mEve\u{202e}");
}

#[test]
fn records_are_shown_in_every_format() {
    let stage = Stage::new();
    stage.expect(0, &["apply", "--yes"]);
    let all = stage.json(0, &["get", "employees", "-o", "json"]);
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    assert_eq!(stage.json(0, &["get", "employee", "1", "-o", "json"]), all[0]);
    assert!(stage.expect(0, &["get", "employees"]).starts_with("ID  STATUS  NAME"));
    assert!(stage.expect(0, &["get", "employees", "-o", "csv"]).starts_with("kind,id,status,username,email,"));
    assert!(stage.expect(0, &["get", "employee", "1", "-o", "yaml"]).starts_with("kind: employee\nid: 1\n"));
    let events = stage.json(0, &["get", "events", "-o", "json"]);
    assert_eq!(events[0]["action"], "create");
    assert_eq!(stage.json(0, &["get", "event", "2", "-o", "json"]), events[1]);
    stage.expect(1, &["get", "employee", "99"]);
    stage.expect(64, &["get", "employee", "seven"]);
    stage.expect(1, &["get", "rule", "nobody"]);
}

#[test]
fn an_export_imported_elsewhere_exports_the_same() {
    let stage = Stage::new();
    stage.write("bms.jsonl", "{\"kind\":\"account\",\"name\":\"Northwind Traders\",\"locations\":[\"Main\"]}\n");
    assert!(stage.expect(0, &["import", "bms.jsonl"]).starts_with("Imported: 1 new, 0 changed, 0 already so."));
    stage.expect(0, &["apply", "--yes"]);
    let first = stage.expect(0, &["export"]);
    stage.expect(0, &["export", "--out", "all.jsonl"]);
    assert_eq!(std::fs::read_to_string(stage.path().join("all.jsonl")).expect("a file"), first);
    stage.expect(0, &["--state", "other", "import", "all.jsonl"]);
    assert_eq!(stage.expect(0, &["--state", "other", "export"]), first);
}

#[test]
fn a_bad_line_is_named_and_nothing_is_stored() {
    let stage = Stage::new();
    stage.write("good.jsonl", "{\"kind\":\"account\",\"name\":\"A\",\"locations\":[\"Main\"]}\n");
    stage.write("bad.jsonl", "{\"kind\":\"account\",\"name\":\"B\"}\n{\"kind\":\"planet\"}\nnot json\n");
    let output = stage.run(&["import", "good.jsonl", "bad.jsonl"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told.contains("bad.jsonl:2") && told.contains("bad.jsonl:3") && told.contains("nothing was imported"),
        "{told}"
    );
    assert_eq!(stage.expect(0, &["export"]), "");
    stage.expect(64, &["import", "what.xlsx"]);
    stage.expect(1, &["import", "missing.csv"]);
}

#[test]
fn a_user_is_explained() {
    let stage = Stage::new();
    let told = stage.expect(0, &["explain", "ADELE@contoso.com"]);
    for part in [
        "Adele Vance",
        "technicians (order 1, group Technicians",
        "email: \"adele@contoso.com\" (directory)",
        "create new employee",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    let value = stage.json(0, &["explain", "a1c00000-0000-4000-8000-000000000001", "-o", "json"]);
    assert_eq!(value["rules"][0]["verdict"], "wins");
    assert_eq!(value["changes"][0]["action"], "create");
    stage.expect(1, &["explain", "nobody@contoso.com"]);
}

#[test]
fn a_tenant_that_cannot_be_read_fails_the_plan_and_still_prints_it() {
    let stage = Stage::new();
    stage.expect(0, &["apply", "--yes"]);
    let control = stage.simulator().control();
    control.delete_user(TENANT, "a1c00000-0000-4000-8000-000000000001", Deletion::Hard).expect("it is deleted");
    control.set_fault("sign-in=always").expect("a fault");
    let plan = stage.json(1, &["plan", "-o", "json", "--detailed-exitcode"]);
    assert_eq!(plan["tenants"][0]["state"], "failed");
    assert_eq!(plan["changes"], json!([]), "nobody is taken for gone");
    assert!(stage.expect(1, &["apply", "--yes"]).contains("Nothing written."));
}

#[test]
fn what_a_guard_holds_waits_for_consent() {
    let stage = Stage::new();
    stage.expect(0, &["apply", "--yes"]);
    let policy =
        "apiVersion: bmsync/v1\nkind: SyncPolicy\nmetadata: { name: p }\nspec: { guards: { maxDeactivations: 0 } }\n";
    stage.write("manifests/policy.yaml", policy);
    let control = stage.simulator().control();
    control.delete_user(TENANT, "a1c00000-0000-4000-8000-000000000001", Deletion::Soft).expect("it is deleted");
    stage.expect(0, &["plan"]);
    stage.expect(3, &["plan", "--detailed-exitcode"]);
    assert!(stage.expect(3, &["apply", "--yes"]).contains("Held back: 1."));
    let applied = stage.json(0, &["apply", "--yes", "--approve-held", "-o", "json"]);
    assert_eq!(applied["applied"]["written"]["deactivate"], 1);
    assert_eq!(applied["summary"]["held"], 1);
    stage.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn bad_manifests_stop_everything_but_validate_says_why() {
    let stage = Stage::new();
    stage.write("manifests/broken.yaml", "apiVersion: bmsync/v1\nkind: MappingRul\nmetadata: { name: x }\n");
    let output = stage.run(&["plan", "-o", "json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).contains("broken.yaml") && text(&output.stderr).contains("MappingRule"));
    assert!(
        stage.json(1, &["validate", "-o", "json"])["diagnostics"][0]["file"]
            .as_str()
            .is_some_and(|file| file.ends_with("broken.yaml"))
    );
    stage.expect(1, &["-f", "nowhere", "plan"]);
}

#[test]
fn a_postgres_state_is_refused_without_telling_its_password() {
    let stage = Stage::new();
    let output = stage.run(&["--state", "postgres://bms:hunter2@db/bms", "plan"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(64));
    assert!(told.contains("not in this version") && !told.contains("hunter2"), "{told}");
    assert!(stage.run(&["--state", "", "export"]).status.code() == Some(64));
}

#[test]
fn a_scaffold_is_valid_and_touches_nothing_that_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bmsync"));
        command.args(args).current_dir(folder.path()).env_remove("BMSYNC_STATE").output().expect("the binary starts")
    };
    std::fs::write(folder.path().join("README.md"), "mine").expect("a file");
    let made = text(&run(&["init"]).stdout);
    assert!(made.contains("Left as they are:\n  README.md\n"), "{made}");
    assert_eq!(std::fs::read_to_string(folder.path().join("README.md")).expect("a file"), "mine");
    let valid = run(&["validate", "-o", "json"]);
    assert_eq!(text(&valid.stdout), "{\n  \"diagnostics\": []\n}\n");
    let workflow = std::fs::read_to_string(folder.path().join(".github/workflows/bmsync.yml")).expect("a workflow");
    serde_json::to_value(serde_yaml::from_str::<serde_yaml::Value>(&workflow).expect("valid YAML"))
        .expect("plain YAML");
    assert!(folder.path().join("schemas/manifest.json").exists());
    assert!(!text(&run(&["init"]).stdout).contains("Made:"), "a second time nothing is made");
}

#[test]
fn a_scaffold_beside_other_manifests_declares_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("manifests")).expect("a folder");
    std::fs::write(folder.path().join("manifests/own.yaml"), "").expect("a file");
    let output =
        Command::new(env!("CARGO_BIN_EXE_bmsync")).arg("init").current_dir(folder.path()).output().expect("it starts");
    assert!(text(&output.stdout).contains("Not made, because manifests are already there:\n  manifests/tenant.yaml\n"));
    assert_eq!(std::fs::read_dir(folder.path().join("manifests")).expect("a folder").count(), 1);
}

#[test]
fn the_demo_goes_as_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let output =
        Command::new(env!("CARGO_BIN_EXE_bmsync")).arg("demo").current_dir(folder.path()).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left behind");
}

#[test]
fn the_demo_goes_on_with_a_live_bms_and_it_glue() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_bmsync")).args(["demo", "--kaseya", "--itglue"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    for chapter in ["10. What the API cannot do is a work list", "13. Nothing is left to bring"] {
        assert!(told.contains(chapter), "{told}");
    }
}

#[test]
fn the_simulator_serves_loopback_only() {
    let address: SocketAddr = "0.0.0.0:0".parse().expect("an address");
    let output = Command::new(env!("CARGO_BIN_EXE_bmsync"))
        .args(["simulate", "--listen", &address.to_string()])
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("loopback"));
}
