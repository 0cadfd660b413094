//! What a person can do to the simulated BMS, and how it is looked at: over HTTP, as `docs/simulator.md` has it.

use bmsync::simulator::{BmsFaults, EXAMPLE, World};
use bmsync::store::kaseya::api::{Activity, ContactSearch, Portal};
use serde_json::{Value, json};

use super::stage::{Served, id};

struct Hand<'a>(&'a Served);

impl Hand<'_> {
    async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/control/bms{path}", self.0.running.url());
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let client = crate::simulator::client::http();
        let response = client.request(method, url).body(body.to_string()).send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
    }
}

#[tokio::test]
async fn a_person_archives_an_employee_and_opens_the_portal() {
    let served = Served::start().await;
    let hand = Hand(&served);
    assert_eq!(hand.send("POST", "/employees/11/archive", json!({})).await.0, 204);
    let employees = served.bms.employees().await.unwrap().items;
    assert_eq!(employees[0].username.as_deref(), Some("jo_Archived"));
    assert_eq!(
        (employees[0].email.as_deref(), employees[0].activity),
        (Some("jo@harborit.example_Archived"), Activity::Inactive)
    );
    let portal = json!({ "portalAccess": true, "username": "ada", "securityRole": "External User" });
    assert_eq!(hand.send("PATCH", "/contacts/5123", portal).await.0, 204);
    let search = ContactSearch { portal: Some(Portal::Open), ..ContactSearch::default() };
    let open = served.bms.search_contacts(&search).await.unwrap().items;
    assert_eq!(open.iter().map(|one| one.id).collect::<Vec<_>>(), [id(5121), id(5123)]);
    let (status, made) =
        hand.send("POST", "/employees", json!({ "username": "new", "email": "new@harborit.example" })).await;
    assert_eq!((status, &made["id"]), (200, &json!(13)));
    assert_eq!(served.bms.employees().await.unwrap().items.len(), 3);
}

#[tokio::test]
async fn what_a_person_changes_shows_in_what_changed_since() {
    let served = Served::start().await;
    let newest = served.bms.contacts(None).await.unwrap().items.iter().filter_map(|one| one.modified_on).max();
    Hand(&served).send("PATCH", "/contacts/5129", json!({ "jobTitle": "Cook" })).await;
    let changed = served.bms.contacts(newest).await.unwrap().items;
    let titles: Vec<_> = changed.iter().map(|one| (one.id, one.job_title.as_deref())).collect();
    assert_eq!(titles, [(id(5121), None), (id(5129), Some("Cook"))]);
}

#[tokio::test]
async fn faults_counts_and_everything_are_shown() {
    let served = Served::start().await;
    let hand = Hand(&served);
    assert_eq!(hand.send("PUT", "/faults", json!({ "throttle": "0.01:5", "bare": "always" })).await.0, 204);
    assert_eq!(hand.send("GET", "/faults", json!({})).await.1, json!({ "bare": "always", "throttle": "0.01:5" }));
    assert_eq!(hand.send("PATCH", "/faults", json!({ "throttle": "off" })).await.0, 204);
    served.bms.contact(id(5120)).await.unwrap();
    let stats = hand.send("GET", "/stats", json!({})).await.1;
    assert_eq!(stats["GET /v2/crm/contacts/summary/{id}"], json!({ "200": 1 }));
    let whole = hand.send("GET", "", json!({})).await.1;
    assert_eq!(whole["contacts"][0]["firstName"], json!("Marta"));
    let again = World::from_yaml(&json!({ "bms": whole }).to_string()).unwrap();
    assert_eq!(again.bms().unwrap().to_json(), whole, "what is shown can be read again");
    for (method, path, body, status) in [
        ("PUT", "/faults", json!({ "bear": "always" }), 400),
        ("GET", "/contacts/1", json!({}), 404),
        ("GET", "/boats/1", json!({}), 404),
        ("PATCH", "/contacts/5120", json!({ "account": "Nobody" }), 400),
        ("PATCH", "/contacts/5120", json!({ "shoeSize": 44 }), 400),
    ] {
        assert_eq!(hand.send(method, path, body).await.0, status, "{method} {path}");
    }
}

#[test]
fn the_file_says_where_it_is_wrong() {
    for (block, said) in [
        ("contacts: [{ account: Nobody }]", "there is no account Nobody"),
        ("contacts: [{ acount: x }]", "unknown field `acount`"),
        (
            "accounts: [{ id: 1, name: A, locations: [L] }]\n  contacts: [{ account: A, location: M }]",
            "has no location M",
        ),
        ("users: [{ username: a }]", "missing field `password`"),
        ("callsPerHour: many", "invalid type"),
    ] {
        let error = World::from_yaml(&format!("bms:\n  {block}\n")).unwrap_err().to_string();
        assert!(error.contains(said) && error.starts_with("bms."), "{block}: {error}");
    }
    assert!(World::from_yaml("tenants: []").unwrap().bms().is_none());
}

#[test]
fn the_example_has_the_bms_that_its_records_were_taken_from() {
    let world = World::from_yaml(EXAMPLE).unwrap();
    let bms = world.bms().unwrap().to_json();
    let records: Vec<Value> =
        bmsync::simulator::EXAMPLE_RECORDS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for record in &records {
        let list = match record["kind"].as_str() {
            Some("account") => &bms["accounts"],
            Some("employee") => &bms["employees"],
            _ => &bms["contacts"],
        };
        let held = list.as_array().unwrap().iter().find(|held| held["id"] == record["id"]).expect("it is there");
        for name in ["firstName", "lastName", "jobTitle", "account", "location", "department", "username"] {
            assert!(record[name] == held[name] || record[name].is_null(), "{name} of {record}");
        }
    }
    let people = bms["employees"].as_array().unwrap().len() + bms["contacts"].as_array().unwrap().len();
    assert_eq!(people + bms["accounts"].as_array().unwrap().len(), records.len());
}

#[test]
fn the_documentation_lists_every_fault() {
    let page = include_str!("../../../docs/simulator.md");
    let rows = page.split("| fault of BMS | value |").nth(1).expect("the table").lines().skip(2);
    let told: Vec<&str> =
        rows.take_while(|line| line.starts_with("| `")).filter_map(|line| line.split('`').nth(1)).collect();
    assert_eq!(told, BmsFaults::names().collect::<Vec<_>>());
}
