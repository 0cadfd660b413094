//! What people change in BMS: it stays as the policy says, and is told.

use bmsync::model::{Field, Kind};
use jiff::SignedDuration;
use serde_json::json;

use super::stage::{PLAIN, Person, Stage, company, config, record};

async fn edited(policy: &str) -> (std::sync::Arc<Stage>, bmsync::store::kaseya::KaseyaStore, u32) {
    let stage = Stage::of(company("").await, config(policy), &[Person::new(1, "adele", PLAIN)], 1500);
    let store = stage.open().await;
    stage.round(&store).await.unwrap();
    let id = u32::try_from(stage.having("adele@contoso.com")[0]["id"].as_u64().unwrap()).unwrap();
    stage.pass(SignedDuration::from_mins(10));
    stage.company().change("contacts", id, json!({ "jobTitle": "Boss" })).unwrap();
    stage.pass(SignedDuration::from_mins(10));
    (stage, store, id)
}

#[tokio::test]
async fn a_local_edit_is_read_as_an_event_and_stays_until_the_user_changes() {
    let (stage, store, id) = edited("").await;
    let made = stage.plan(&store).await.unwrap();
    assert!(made.changes.is_empty(), "{made:#?}");
    assert_eq!(made.preserved.len(), 1);
    let last = store.events(0, 100).await.unwrap().pop().unwrap();
    assert_eq!((last.action.as_str(), last.reason.as_str()), ("import", "read from BMS"));
    assert_eq!(record(&store, Kind::Contact, id.into()).await.fields.get(Field::JobTitle), Some("Boss"));
    stage.person(1, |adele| adele.phone = Some("+1 1".into()));
    stage.round(&store).await.unwrap();
    assert_eq!(stage.contact(id)["jobTitle"], "Engineer");
}

#[tokio::test]
async fn with_drift_enforced_it_is_overwritten() {
    let (stage, store, id) = edited(", drift: enforce").await;
    assert_eq!(stage.round(&store).await.unwrap().written.get("update"), Some(&1));
    assert_eq!(stage.contact(id)["jobTitle"], "Engineer");
}

#[tokio::test]
async fn a_quiet_look_costs_a_constant_number_of_calls() {
    let people: Vec<Person> = (1..=30).map(|number| Person::new(number, &format!("user{number}"), PLAIN)).collect();
    let stage = Stage::new("", &people).await;
    let store = stage.open().await;
    stage.round(&store).await.unwrap();
    stage.pass(SignedDuration::from_mins(30));
    stage.plan(&store).await.unwrap();
    stage.pass(SignedDuration::from_mins(30));
    let before = stage.steps();
    let made = stage.plan(&store).await.unwrap();
    assert!(made.changes.is_empty());
    // A token, accounts, employees, what changed last, and whether those have access.
    assert!(stage.steps() - before <= 6, "{} steps", stage.steps() - before);
}
