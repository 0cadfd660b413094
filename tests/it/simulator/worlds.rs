//! Directory files: what they may say, what is wrong with a bad one, and the example.

use std::collections::{BTreeMap, BTreeSet};

use bmsync::simulator::{EXAMPLE_RECORDS, Options, Running, Serve, Simulator, SimulatorError, World, serve};
use serde_json::Value;

use super::client::SMALL;

#[test]
fn a_world_reads_back_as_it_is_written() {
    for text in [SMALL, bmsync::simulator::EXAMPLE] {
        let world = World::from_yaml(text).unwrap().to_json();
        assert_eq!(World::from_yaml(&world.to_string()).unwrap().to_json(), world);
    }
}

#[test]
fn bad_files_say_where_and_what() {
    let cases = [
        ("tenants: [ { id: t } ]", "tenants[0]: `domain` is missing"),
        ("tenants: [ { id: t, domain: d, user: [] } ]", "tenants[0].user: unknown key"),
        (
            "tenants: [ { id: t, domain: d, users: [ { id: u, jobtitle: x } ] } ]",
            "tenants[0].users[0].jobtitle: a user has no such attribute in Microsoft Graph; did you mean jobTitle?",
        ),
        (
            "tenants: [ { id: t, domain: d, users: [ { id: u, businessPhones: '1' } ] } ]",
            "tenants[0].users[0].businessPhones: wants a list of texts, not \"1\"",
        ),
        (
            "tenants: [ { id: t, domain: d, users: [ { id: 7 } ] } ]",
            "tenants[0].users[0].id: wants text (put it in quotes), not 7",
        ),
        (
            "tenants: [ { id: t, domain: d, users: [ { id: u }, { id: u } ] } ]",
            "tenants[0].users[1]: the id u is there twice",
        ),
        (
            "tenants: [ { id: t, domain: d, users: [ { id: u, deleted: hard } ] } ]",
            "tenants[0].users[0].deleted: only `soft` is known, not \"hard\"",
        ),
        (
            "tenants: [ { id: t, domain: d, groups: [ { id: g, members: [x] } ] } ]",
            "tenants[0].groups[0].members[0]: x is neither a user nor a group of this tenant; write { id: …, type: device } for others",
        ),
        ("tenants: [ { id: t, domain: d }, { id: t, domain: e } ]", "tenants[1]: tenant t is there twice"),
        ("tenants: [", "the directory file is not YAML"),
        ("- x", "the directory file: wants keys and values, not [\"x\"]"),
    ];
    for (text, message) in cases {
        assert_eq!(World::from_yaml(text).unwrap_err().to_string(), message, "{text}");
    }
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let options = Options { listen: "0.0.0.0:0".parse().unwrap(), ..Options::default() };
    let refused = Simulator::start(World::default(), options).await.err().unwrap();
    assert!(matches!(refused, SimulatorError::NotLoopback { .. }));
    let running = Simulator::start(World::default(), Options::default()).await.unwrap();
    let options = Options { listen: running.address(), ..Options::default() };
    assert!(matches!(Simulator::start(World::default(), options).await.err().unwrap(), SimulatorError::Listen { .. }));
    let address = running.address();
    running.stop().await;
    let options = Options { listen: address, ..Options::default() };
    Simulator::start(World::default(), options).await.unwrap().stop().await;
}

#[tokio::test]
async fn serving_ends_when_it_is_told_to() {
    let what = Serve::Generated { seed: 1, users: 3, groups: 1 };
    let (tell, told) = tokio::sync::oneshot::channel();
    let (mut tell, mut seen) = (Some(tell), None);
    let ready = |running: &Running| {
        seen = Some((running.address(), running.control().world()));
        tell.take().unwrap().send(()).unwrap();
    };
    serve(&what, Options::default(), ready, async { told.await.unwrap() }).await.unwrap();
    let (address, world) = seen.unwrap();
    assert_eq!(world["tenants"][0]["users"].as_array().unwrap().len(), 3);
    let options = Options { listen: address, ..Options::default() };
    Simulator::start(World::default(), options).await.unwrap().stop().await;
    assert!(Serve::File("no/such/file.yaml".into()).world().unwrap_err().to_string().contains("no/such/file.yaml"));
}

fn example() -> Vec<Value> {
    World::example().unwrap().to_json()["tenants"].as_array().unwrap().clone()
}

fn users(tenant: &Value) -> &Vec<Value> {
    tenant["users"].as_array().unwrap()
}

#[test]
fn the_example_has_what_the_demo_tells() {
    let tenants = example();
    let people: Vec<&Value> = tenants.iter().flat_map(users).collect();
    assert_eq!(tenants.len(), 3);
    assert!(people.len() >= 200, "only {} people", people.len());
    let some =
        |what: &str, test: &dyn Fn(&Value) -> bool| assert!(people.iter().any(|user| test(user)), "nobody is {what}");
    let upn = |user: &Value| user["userPrincipalName"].as_str().unwrap().to_owned();
    some("hybrid", &|user| user["onPremisesSyncEnabled"] == true);
    some("formerly hybrid", &|user| user["onPremisesSyncEnabled"] == false);
    some("a guest with mail", &|user| upn(user).contains("#EXT#") && user["mail"].is_string());
    some("a guest with other mail only", &|user| upn(user).contains("#EXT#") && user["mail"].is_null());
    some("personal", &|user| user["identities"][0]["issuer"] == "MicrosoftAccount" && !upn(user).contains("#EXT#"));
    some("disabled", &|user| user["accountEnabled"] == false);
    some("deleted", &|user| user["deleted"] == "soft");
    some("written with accents", &|user| user["surname"].as_str().is_some_and(|name| !name.is_ascii()));
    assert_eq!(people.iter().filter(|user| upn(user).starts_with("sam.lee@")).count(), 2);
}

#[test]
fn local_parts_clash_only_where_the_demo_wants_it() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for user in example().iter().flat_map(users) {
        let name = user["userPrincipalName"].as_str().unwrap().split('@').next().unwrap().to_lowercase();
        *seen.entry(name).or_default() += 1;
    }
    seen.retain(|_, count| *count > 1);
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), ["sam.lee"]);
}

#[test]
fn the_examples_records_belong_to_its_people() {
    let records: Vec<Value> = EXAMPLE_RECORDS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let directory: BTreeSet<String> =
        example().iter().flat_map(users).filter_map(|user| user["mail"].as_str().map(str::to_lowercase)).collect();
    let email = |record: &Value| record["email"].as_str().unwrap_or_default().to_lowercase();
    let known = records.iter().filter(|record| directory.contains(&email(record))).count();
    assert!(known >= 8, "only {known} records belong to people of the directory");
    let tanakas = records.iter().filter(|record| email(record) == "mei.tanaka@northwind.com").count();
    assert_eq!(tanakas, 2, "two contacts share an email");
    assert!(records.iter().any(|record| record["kind"] == "employee" && email(record) == "robin.hale@northwind.com"));
    assert!(records.iter().any(|record| record["username"] == "jsmith" && !directory.contains(&email(record))));
    assert!(records.iter().all(|record| record["kind"] == "account" || record["source"].is_null()));
}
