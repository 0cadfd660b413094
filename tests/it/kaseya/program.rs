//! The program itself against a BMS over HTTP: plan, apply, an empty plan, the work list, a restart, and what it says when
//! BMS is not there.

use std::path::Path;
use std::process::{Command, Output};

use bmsync::simulator::{Options, Running, Simulator, World};
use serde_json::{Value, json};

const TENANT: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
const GROUP: &str = "45b7d2e7-b882-4a80-ba97-10b7a63b8fa4";
const STAFF: &str = "45b7d2e7-b882-4a80-ba97-10b7a63b8fa5";

const WORLD: &str = r#"
tenants:
  - id: 84841066-274d-4ec0-a5c1-276be684bdd3
    domain: contoso.onmicrosoft.com
    groups:
      - { id: 45b7d2e7-b882-4a80-ba97-10b7a63b8fa4, displayName: Portal, securityEnabled: true, createdDateTime: "2024-01-01T00:00:00Z",
          members: [a1c00000-0000-4000-8000-000000000001] }
      - { id: 45b7d2e7-b882-4a80-ba97-10b7a63b8fa5, displayName: Staff, securityEnabled: true, createdDateTime: "2024-01-01T00:00:00Z",
          members: [a1c00000-0000-4000-8000-000000000002] }
    users:
      - { id: a1c00000-0000-4000-8000-000000000001, userPrincipalName: adele@contoso.com, givenName: Adele, surname: Vance,
          jobTitle: Buyer, businessPhones: ["+1 425 555 0109"], accountEnabled: true, userType: Member }
      - { id: a1c00000-0000-4000-8000-000000000002, userPrincipalName: ben@contoso.com, givenName: Ben, surname: Wu,
          accountEnabled: true, userType: Member }
bms:
  company: Harbor IT
  users: [{ username: bmsync-api, password: p4ss-of-the-api-user }]
  accounts: [{ id: 301, name: Northwind, locations: [Main] }]
"#;

struct Place {
    folder: tempfile::TempDir,
    simulator: Running,
}

impl Place {
    async fn new() -> Self {
        let simulator = Simulator::start(World::from_yaml(WORLD).unwrap(), Options::default()).await.unwrap();
        let place = Self { folder: tempfile::tempdir().unwrap(), simulator };
        place.manifests(&format!("{}/bms", place.simulator.url()));
        place
    }

    fn manifests(&self, bms: &str) {
        let url = self.simulator.url();
        let text = format!(
            "apiVersion: bmsync/v1\nkind: Tenant\nmetadata: {{ name: contoso }}\nspec:\n  domain: {TENANT}\n  applicationId: \
             1f3c5d7e-0000-4000-8000-000000000001\n  applicationKey: {{ env: APP_KEY }}\n  signIn: application\n  endpoints: \
             {{ login: {url}, graph: {url} }}\n---\napiVersion: bmsync/v1\nkind: MappingRule\nmetadata: {{ name: portal }}\n\
             spec: {{ tenantId: {TENANT}, groupId: {GROUP}, order: 1, record: contact, contact: {{ account: Northwind }} }}\n\
             ---\napiVersion: bmsync/v1\nkind: MappingRule\nmetadata: {{ name: staff }}\nspec: {{ tenantId: {TENANT}, groupId: \
             {STAFF}, order: 2, record: employee }}\n---\napiVersion: bmsync/v1\nkind: EmployeeDefaults\nmetadata: {{ name: \
             defaults }}\nspec: {{ department: Operations, location: HQ, manager: jsmith, jobTitle: Technician, \
             employmentType: Full Time, employeeRole: Engineer, securityRole: User }}\n---\napiVersion: bmsync/v1\nkind: \
             KaseyaBms\nmetadata: {{ name: bms }}\nspec: {{ server: '{bms}', company: Harbor IT, username: bmsync-api, \
             password: {{ env: BMS_PASSWORD }}, phoneType: Office, emailType: Work }}\n"
        );
        std::fs::write(self.folder.path().join("m.yaml"), text).unwrap();
    }

    async fn bmsync(&self, args: &[&str]) -> Output {
        let (folder, args): (_, Vec<String>) =
            (self.folder.path().to_owned(), args.iter().map(|arg| (*arg).to_owned()).collect());
        tokio::task::spawn_blocking(move || run(&folder, &args)).await.unwrap()
    }

    async fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
        let output = self.bmsync(&args).await;
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }
}

fn run(folder: &Path, args: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bmsync"))
        .args(args)
        .arg("-f")
        .arg(folder.join("m.yaml"))
        .arg("--state")
        .arg(folder.join("state"))
        .env("APP_KEY", "secret")
        .env("BMS_PASSWORD", "p4ss-of-the-api-user")
        .env_remove("BMSYNC_STATE")
        .env_remove("BMSYNC_SERVER")
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_apply_and_an_empty_plan_with_a_work_list() {
    let place = Place::new().await;
    let shown = place.bmsync(&["plan"]).await;
    assert!(shown.status.success(), "{}", text(&shown));
    assert!(
        text(&shown).contains("by hand in BMS") && text(&shown).contains("set User Name to ben"),
        "{}",
        text(&shown)
    );
    let planned = place.json(&["plan"]).await;
    let hands: Vec<&Value> =
        planned["changes"].as_array().unwrap().iter().map(|change| &change["byHand"]["what"]).collect();
    assert_eq!(hands, [&json!("part"), &json!("all")]);

    let applied = place.bmsync(&["apply", "--yes"]).await;
    assert_eq!(applied.status.code(), Some(0), "{}", text(&applied));
    assert!(text(&applied).contains("Applied: 1 created"), "{}", text(&applied));
    assert!(text(&applied).contains("by hand: `bmsync get worklist`"), "{}", text(&applied));
    let contact = place.simulator.control().bms(|company| company.get("contacts", 1).unwrap()).unwrap();
    assert_eq!((&contact["jobTitle"], &contact["account"]), (&json!("Buyer"), &json!("Northwind")));

    let list = place.json(&["get", "worklist"]).await;
    let seen_by: Vec<(&Value, &Value)> =
        list.as_array().unwrap().iter().map(|item| (&item["kind"], &item["seenBy"])).collect();
    assert_eq!(seen_by, [(&json!("employee"), &json!("read")), (&json!("contact"), &json!("read"))]);

    place.simulator.control().bms(|company| {
        let ben = json!({ "username": "ben", "email": "ben@contoso.com", "firstName": "Ben", "lastName": "Wu", "jobTitle": "Technician" });
        company.put("employees", ben).unwrap();
        company.change("contacts", 1, json!({ "portalAccess": true, "username": "adele" })).unwrap();
    });
    let applied = place.bmsync(&["apply", "--yes"]).await;
    assert_eq!(applied.status.code(), Some(0), "{}", text(&applied));
    let empty = place.bmsync(&["plan", "--detailed-exitcode"]).await;
    assert_eq!(empty.status.code(), Some(0), "{}", text(&empty));
    assert_eq!(place.json(&["get", "worklist"]).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_bms_a_plan_says_so_and_an_apply_fails() {
    let place = Place::new().await;
    assert!(place.bmsync(&["apply", "--yes"]).await.status.success());
    let control = place.simulator.control();
    control.bms(|company| company.set_fault("server-error=always").unwrap());
    let planned = place.bmsync(&["plan"]).await;
    assert!(planned.status.success(), "{}", text(&planned));
    assert!(text(&planned).contains("when it was last read"), "{}", text(&planned));
    let applied = place.bmsync(&["apply", "--yes"]).await;
    assert_eq!(applied.status.code(), Some(1), "{}", text(&applied));
    assert!(text(&applied).contains("cannot read BMS"), "{}", text(&applied));
    for output in [planned, applied] {
        assert!(!text(&output).contains("p4ss"), "no secret is told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_its_own_is_not_taken_for_the_book_of_a_bms_nor_the_reverse() {
    let place = Place::new().await;
    assert!(place.bmsync(&["plan"]).await.status.success());
    assert!(place.bmsync(&["apply", "--yes"]).await.status.success());
    let other = place.simulator.url().replace("127.0.0.1", "localhost");
    place.manifests(&format!("{other}/bms"));
    let refused = place.bmsync(&["plan"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("belongs to"), "{}", text(&refused));
    let path = place.folder.path().join("m.yaml");
    let manifests = std::fs::read_to_string(&path).unwrap();
    let without = manifests.split("---\napiVersion: bmsync/v1\nkind: KaseyaBms").next().unwrap();
    std::fs::write(&path, without).unwrap();
    let refused = place.bmsync(&["plan"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("KaseyaBms"), "{}", text(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_says_only_what_bms_does_not_show() {
    let place = Place::new().await;
    assert!(place.bmsync(&["apply", "--yes"]).await.status.success());
    let file = place.folder.path().join("rows.jsonl");
    let path = file.display().to_string();
    std::fs::write(&file, "{\"kind\":\"contact\",\"id\":1,\"firstName\":\"Other\"}\n").unwrap();
    let refused = place.bmsync(&["import", &path]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("firstName is read from BMS"), "{}", text(&refused));
    std::fs::write(&file, "{\"kind\":\"contact\",\"id\":1,\"references\":{\"invoices\":3}}\n").unwrap();
    let taken = place.bmsync(&["import", &path]).await;
    assert!(taken.status.success(), "{}", text(&taken));
}

/// A running bmsync; it ends with the test.
struct Server(std::process::Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_bmsync_writes_contacts_and_tells_what_is_by_hand() {
    use std::io::BufRead as _;

    let place = Place::new().await;
    let mut child = Command::new(env!("CARGO_BIN_EXE_bmsync"))
        .args(["run", "--listen", "127.0.0.1:0", "-f"])
        .arg(place.folder.path().join("m.yaml"))
        .arg("--state")
        .arg(place.folder.path().join("state"))
        .envs([("APP_KEY", "secret"), ("BMS_PASSWORD", "p4ss-of-the-api-user")])
        .env_remove("BMSYNC_STATE")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (_running, url) = (Server(child), line.trim().to_owned());
    let get = async |path: &str| -> Value {
        let text = reqwest::get(format!("{url}{path}")).await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    };
    let (mut list, mut metrics) = (Value::Null, String::new());
    for _ in 0..600 {
        list = get("/v1/worklist").await;
        metrics = get("/metrics").await.as_str().unwrap().to_owned();
        if list["items"].as_array().is_some_and(|items| items.len() == 2) && metrics.contains("bmsync_worklist_items 1")
        {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(list["items"][0]["kind"], "employee", "{list}");
    assert_eq!(list["items"][1]["id"], 1, "{list}");
    let contact = place.simulator.control().bms(|company| company.get("contacts", 1).unwrap()).unwrap();
    assert_eq!(contact["jobTitle"], "Buyer");
    let tenants = get("/v1/tenants").await;
    let conditions = tenants["items"][0]["conditions"].as_array().unwrap();
    let reachable = conditions.iter().find(|condition| condition["type"] == "BmsReachable").unwrap();
    assert_eq!(reachable["status"], "True", "{reachable}");
    let created = "bmsync_bms_calls{operation=\"POST /v2/crm/contacts/summary\"} 1";
    assert!(metrics.contains(created) && metrics.contains("bmsync_worklist_items 1"), "{metrics}");
}
