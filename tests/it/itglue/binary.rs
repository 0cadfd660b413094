//! The verbs and a running bmsync, over HTTP, against the simulator: what a person does and sees.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bmsync::simulator::{Options, Running, Simulator, World};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::stage::{NORTHWIND, account, organizations, person, typed, with};

/// Nothing in a test takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_mins(1);

const TENANT: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";

/// A folder, a simulator, and perhaps a server.
struct Bench {
    folder: TempDir,
    runtime: Runtime,
    simulator: Option<Running>,
    server: Option<Child>,
    url: String,
}

impl Bench {
    fn new(mode: &str, contacts: &Value) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let mut block = organizations();
        block["contacts"] = contacts.clone();
        let user = json!({ "id": "a1c00000-0000-4000-8000-000000000001", "userPrincipalName": "ada@contoso.com",
            "givenName": "Ada", "surname": "Stone", "jobTitle": "Buyer", "businessPhones": ["+1 425 555 0100"] });
        let group = json!({ "id": "45b7d2e7-b882-4a80-ba97-10b7a63b8fa4", "displayName": "People", "securityEnabled": true,
            "members": [user["id"]] });
        let tenant = json!({ "id": TENANT, "domain": "contoso.com", "users": [user], "groups": [group] });
        let world = json!({ "tenants": [tenant], "itGlue": block });
        let world = World::from_yaml(&world.to_string()).expect("the file is right");
        let simulator = runtime.block_on(Simulator::start(world, Options::default())).expect("it starts");
        let folder = tempfile::tempdir().expect("a folder");
        let bench = Self { folder, runtime, simulator: Some(simulator), server: None, url: String::new() };
        std::fs::create_dir(bench.folder.path().join("manifests")).unwrap();
        bench.declare(mode);
        bench
    }

    fn root(&self) -> String {
        self.simulator.as_ref().expect("it runs").url()
    }

    fn declare(&self, mode: &str) {
        let root = self.root();
        let text = format!(
            "apiVersion: bmsync/v1\nkind: Tenant\nmetadata: {{ name: contoso }}\nspec:\n  domain: {TENANT}\n  \
             applicationId: 1f3c5d7e-0000-4000-8000-000000000001\n  applicationKey: {{ env: CONTOSO_KEY }}\n  \
             signIn: application\n  endpoints: {{ login: {root}, graph: {root} }}\n---\n\
             apiVersion: bmsync/v1\nkind: MappingRule\nmetadata: {{ name: people }}\nspec:\n  tenantId: {TENANT}\n  \
             groupId: 45b7d2e7-b882-4a80-ba97-10b7a63b8fa4\n  order: 1\n  record: contact\n  \
             contact: {{ account: Northwind Traders }}\n---\n\
             apiVersion: bmsync/v1\nkind: ItGlue\nmetadata: {{ name: it-glue }}\nspec:\n  region: {root}/itglue\n  \
             apiKey: {{ file: key }}\n  mode: {mode}\n  inactiveContactType: Former employee\n"
        );
        std::fs::write(self.folder.path().join("manifests/all.yaml"), text).unwrap();
        std::fs::write(self.folder.path().join("key"), "bmsync\n").unwrap();
    }

    fn it_glue<T>(&self, work: impl FnOnce(&mut bmsync::simulator::ItGlue) -> T) -> T {
        self.simulator.as_ref().expect("it runs").control().it_glue(work)
    }

    fn contacts(&self) -> Vec<Value> {
        self.it_glue(|held| held.to_json()["contacts"].as_array().expect("a list").clone())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bmsync"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null()).env("CONTOSO_KEY", "k");
        for name in ["BMSYNC_STATE", "BMSYNC_SERVER", "BMSYNC_TOKEN", "RUST_LOG", "http_proxy", "HTTP_PROXY"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary starts")
    }

    /// What a verb prints; it must end well.
    fn told(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    fn import(&self, rows: &[Value]) {
        let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
        std::fs::write(self.folder.path().join("rows.jsonl"), lines.join("\n")).unwrap();
        self.told(&["import", "rows.jsonl"]);
    }

    fn start(&mut self) {
        let mut command = self.command(&["run", "--listen", "127.0.0.1:0"]);
        let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut url = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut url).unwrap();
        self.server = Some(server);
        url.trim().trim_start_matches("http://").clone_into(&mut self.url);
    }

    fn kill(&mut self) {
        let mut server = self.server.take().expect("it runs");
        server.kill().unwrap();
        server.wait().unwrap();
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.url).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.url).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text.split_once("\r\n\r\n").expect("a body").1.to_owned()
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.get("/v1/itglue/status")).expect("JSON")
    }

    fn condition(&self, kind: &str) -> Value {
        let status = self.status();
        let found = status["conditions"].as_array().unwrap().iter().find(|one| one["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind}: {status}")).clone()
    }

    fn wait_until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            assert!(began.elapsed() < PATIENCE, "never: {what}\n{}\n{:#?}", self.status(), self.contacts());
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
        if let Some(simulator) = self.simulator.take() {
            self.runtime.block_on(simulator.stop());
        }
    }
}

#[test]
fn a_contact_is_verified_by_the_real_binary() {
    let bench = Bench::new("verify", &json!([with(typed("Otto", "Berg"), &json!({ "title": "Clerk" }))]));
    bench.import(&[account(1, "Northwind Traders"), person(1, "Marta", "Lindqvist"), person(2, "Otto", "Berg")]);
    let told = bench.told(&["deliver"]);
    assert!(told.contains("0 created, 0 updated, 0 in step, 2 left"), "{told}");
    let table = bench.told(&["get", "itglue"]);
    assert!(table.contains("missing") && table.contains("jobTitle, location, phone"), "{table}");
    let found: Value = serde_json::from_str(&bench.told(&["get", "itglue", "-o", "json"])).unwrap();
    assert_eq!((&found[0]["code"], &found[0]["email"]), (&json!("missing"), &json!("marta@northwind.example")));
    assert_eq!(bench.contacts().len(), 1);
    let one: Value = serde_json::from_str(&bench.told(&["get", "itglue", "2", "-o", "json"])).unwrap();
    assert_eq!(one["contact"], 2);
    assert!(bench.told(&["get", "itglue", "-o", "csv"]).starts_with("contact,account,email,code,message"));
}

#[test]
fn deliver_writes_when_the_manifest_says_so() {
    let bench = Bench::new("write", &json!([]));
    bench.import(&[account(1, "Northwind Traders"), person(1, "Marta", "Lindqvist"), person(2, "Otto", "Berg")]);
    let told: Value = serde_json::from_str(&bench.told(&["deliver", "-o", "json"])).unwrap();
    assert_eq!(told, json!({ "findings": 0, "waiting": 0, "matched": 0, "created": 2, "updated": 0, "left": 0 }));
    assert_eq!(bench.contacts().len(), 2);
    let applied = bench.run(&["apply", "--yes"]);
    assert!(String::from_utf8_lossy(&applied.stderr).contains("bmsync deliver"), "{applied:?}");
    bench.told(&["deliver"]);
    assert!(bench.contacts().iter().any(|one| one["primaryEmail"] == "ada@contoso.com"), "{:#?}", bench.contacts());
}

#[test]
fn a_wrong_key_is_told_with_the_next_step_and_never_shown() {
    let bench = Bench::new("verify", &json!([]));
    bench.import(&[account(1, "Northwind Traders"), person(1, "Marta", "Lindqvist")]);
    std::fs::write(bench.folder.path().join("key"), "ITG.s3cret").unwrap();
    for verb in ["deliver", "doctor"] {
        let output = bench.run(&[verb]);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(
            text.contains("refuses the API key (HTTP 401)") && text.contains("Account > Settings > API Keys"),
            "{text}"
        );
        assert!(!text.contains("s3cret"), "{text}");
    }
    std::fs::remove_file(bench.folder.path().join("key")).unwrap();
    let output = bench.run(&["deliver"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("key cannot be read"), "{output:?}");
}

#[test]
fn doctor_looks_at_it_glue() {
    let synced = with(typed("Otto", "Berg"), &json!({ "psa": { "type": "kaseya-bms", "id": "7" } }));
    let bench = Bench::new("write", &json!([synced]));
    let stray = with(person(3, "Ines", "Falk"), &json!({ "account": "Nowhere" }));
    bench.import(&[account(1, "Northwind Traders"), account(2, "Nowhere"), person(1, "Marta", "Lindqvist"), stray]);
    let output = bench.run(&["doctor", "-o", "json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |check: &str| {
        let checks = told["checks"].as_array().unwrap();
        checks.iter().find(|one| one["check"] == check).unwrap_or_else(|| panic!("no {check}: {told:#}")).clone()
    };
    assert_eq!(of("itglue-key")["status"], "ok");
    assert!(of("itglue-key")["message"].as_str().unwrap().contains("90 days"));
    assert_eq!(of("itglue-contact-type")["status"], "ok");
    assert_eq!(of("itglue-organizations")["status"], "warning");
    assert!(of("itglue-organizations")["message"].as_str().unwrap().contains("Nowhere"));
    assert_eq!(of("itglue-writers")["status"], "warning");
    assert_eq!(bench.contacts().len(), 1);
}

#[test]
fn run_delivers_what_its_rounds_write_and_nothing_is_lost_when_it_is_killed() {
    let mut bench = Bench::new("write", &json!([]));
    bench.import(&[account(1, "Northwind Traders"), person(1, "Marta", "Lindqvist")]);
    bench.start();
    bench.wait_until("both are there", |bench| bench.contacts().len() == 2);
    bench.wait_until("in step", |bench| bench.condition("InStep")["status"] == "True");
    assert_eq!(bench.condition("Connected")["status"], "True");
    let metrics = bench.get("/metrics");
    for line in ["bmsync_itglue_waiting_contacts 0.0", "bmsync_itglue_deliveries_total{result=\"created\"} 2"] {
        assert!(metrics.lines().any(|one| one == line), "{line}: {metrics}");
    }
    // IT Glue goes away, BMS moves on, and the process dies.
    bench.it_glue(|held| held.set_trouble("forbidden=always")).unwrap();
    let change = json!({ "jobTitle": "Chief" });
    let control = bench.simulator.as_ref().unwrap().control();
    control.patch_user(TENANT, "a1c00000-0000-4000-8000-000000000001", change).unwrap();
    let sync = Command::new(env!("CARGO_BIN_EXE_bmsync"))
        .args(["sync", "--server", &format!("http://{}", bench.url)])
        .output()
        .unwrap();
    assert!(sync.status.success(), "{sync:?}");
    bench.wait_until("it is told", |bench| bench.condition("Connected")["reason"] == "Refused");
    assert!(bench.status()["waiting"].as_u64().unwrap() > 0);
    bench.kill();
    bench.it_glue(bmsync::simulator::ItGlue::clear_troubles);
    bench.start();
    bench.wait_until("the change is there", |bench| bench.contacts().iter().any(|one| one["title"] == "Chief"));
    assert_eq!(bench.contacts().len(), 2);
    // Another mode is put in force while it runs.
    bench
        .it_glue(|held| {
            held.put_contact(json!({ "organization": NORTHWIND, "firstName": "Ada", "lastName": "S",
            "emails": ["ada@contoso.com"] }))
        })
        .unwrap();
    bench.declare("verify");
    bench.wait_until("verify is in force", |bench| bench.status()["mode"] == "verify");
    bench.wait_until("it is in step", |bench| bench.condition("InStep")["status"] == "True");
    let term = Command::new("kill").args(["-TERM", &bench.server.as_ref().unwrap().id().to_string()]).status().unwrap();
    assert!(term.success());
    let began = Instant::now();
    let mut server = bench.server.take().unwrap();
    while server.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(30));
    }
    assert_eq!(server.wait().unwrap().code(), Some(0));
}
