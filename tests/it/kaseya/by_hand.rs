//! What the API cannot do: it is planned, listed click by click, not pretended, and done when it is seen or confirmed.

use bmsync::model::{Field, Kind, RecordKey, Status};
use bmsync::plan::{Action, Hand, SeenBy, ToDo};
use bmsync::store::Store as _;
use jiff::SignedDuration;
use serde_json::json;

use super::stage::{PORTAL, Person, STAFF, Stage, record, user};

#[tokio::test]
async fn an_employee_is_made_by_hand_and_taken_over_when_it_is_seen() {
    let stage = Stage::new("", &[Person::new(1, "adele", STAFF)]).await;
    let store = stage.open().await;
    let made = stage.plan(&store).await.unwrap();
    assert_eq!((made.changes[0].action, made.changes[0].hand), (Action::Create, Hand::All));
    let to_do = ToDo::of(&made.changes[0]).unwrap();
    assert_eq!(to_do.seen_by, SeenBy::Read);
    for step in ["set User Name to adele", "set Department to Service Desk", "set Phone to +1 425 555 0001"] {
        assert!(to_do.steps.iter().any(|found| found == step), "{:?}", to_do.steps);
    }
    let report = stage.round(&store).await.unwrap();
    assert!(report.failures.is_empty() && report.written.is_empty());
    assert_eq!(report.by_hand.len(), 1);
    assert_eq!(stage.plan(&store).await.unwrap().changes.len(), 1, "it is not pretended");

    let adele = json!({ "username": "adele", "email": "adele@contoso.com", "firstName": "Adele", "lastName": "Vance",
        "jobTitle": "Engineer", "department": "Service Desk" });
    let id = stage.company().put("employees", adele).unwrap();
    stage.pass(SignedDuration::from_mins(5));
    let report = stage.round(&store).await.unwrap();
    assert_eq!(report.written.get("merge"), Some(&1), "{report:?}");
    let taken = record(&store, Kind::Employee, id.into()).await;
    assert!(taken.is_owned_by(&user(1)));
    assert_eq!(taken.fields.get(Field::Department), Some("Service Desk"));
    assert!(stage.plan(&store).await.unwrap().changes.is_empty());
    // What cannot be read stays on the list until somebody says so.
    let owed = store.to_do().await.unwrap();
    assert_eq!((owed.len(), owed[0].seen_by), (1, SeenBy::Person));
    let key = RecordKey { kind: Kind::Employee, id: id.into() };
    assert!(store.confirm(key).await.unwrap().is_some());
    assert!(store.confirm(key).await.unwrap().is_none());
    assert!(store.to_do().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_employee_that_leaves_stays_on_the_list_until_a_person_switches_it_off() {
    let staff = "  employees:\n    - { id: 4, username: adele, email: adele@contoso.com, firstName: Adele, lastName: Vance, jobTitle: Engineer }\n";
    let stage = Stage::new(staff, &[Person::new(1, "adele", STAFF)]).await;
    let store = stage.open().await;
    stage.round(&store).await.unwrap();
    stage.person(1, |adele| adele.group = None);
    let report = stage.round(&store).await.unwrap();
    assert_eq!((report.by_hand.len(), report.failures.len()), (1, 0));
    let made = stage.plan(&store).await.unwrap();
    assert_eq!(ToDo::of(&made.changes[0]).unwrap().steps[1], "switch Active off");
    assert_eq!(record(&store, Kind::Employee, 4).await.status, Status::Active);
    stage.company().change("employees", 4, json!({ "active": false })).unwrap();
    let made = stage.plan(&store).await.unwrap();
    assert!(made.changes.is_empty() && made.preserved.is_empty(), "{made:#?}");
}

#[tokio::test]
async fn a_portal_login_is_neither_a_local_edit_nor_does_it_undo_one() {
    let stage = Stage::new("", &[Person::new(1, "adele", PORTAL)]).await;
    let store = stage.open().await;
    let report = stage.round(&store).await.unwrap();
    assert_eq!(report.written.get("create"), Some(&1), "{report:?}");
    let id = u32::try_from(stage.having("adele@contoso.com")[0]["id"].as_u64().unwrap()).unwrap();
    assert_eq!(stage.contact(id)["portalAccess"], false);
    let owed = store.to_do().await.unwrap();
    let steps = ["tick Has Client Portal Access", "set User Name to adele", "set Security Role to External User"];
    assert!(steps.iter().all(|step| owed[0].steps.iter().any(|found| found == step)), "{:?}", owed[0].steps);

    // Read again in full: the login that is still to be set is no local edit.
    stage.pass(SignedDuration::from_hours(25));
    stage.company().change("contacts", id, json!({ "jobTitle": "Boss" })).unwrap();
    let made = stage.plan(&store).await.unwrap();
    assert!(made.changes.is_empty(), "{made:#?}");
    let kept: Vec<&str> = made.preserved[0].fields.iter().map(|field| field.slot.word()).collect();
    assert_eq!(kept, ["jobTitle"], "another edit stays");

    // A person sets it: seen with the next read, also of a contact that did not change otherwise.
    let changed = json!({ "portalAccess": true, "username": "adele", "securityRole": "External User",
        "modifiedOn": "2026-01-02T00:00:00Z" });
    stage.company().change("contacts", id, changed).unwrap();
    stage.pass(SignedDuration::from_mins(5));
    assert!(stage.plan(&store).await.unwrap().changes.is_empty());
    assert!(store.to_do().await.unwrap().is_empty());
    assert_eq!(stage.contact(id)["jobTitle"], "Boss");

    // Taken away by hand afterwards, it is a local edit like any other.
    stage.company().change("contacts", id, json!({ "portalAccess": false })).unwrap();
    stage.pass(SignedDuration::from_mins(5));
    let made = stage.plan(&store).await.unwrap();
    assert!(made.preserved[0].fields.iter().any(|field| field.slot.word() == "portalAccess"), "{made:#?}");
}

#[tokio::test]
async fn an_employee_that_becomes_a_portal_user_is_archived_by_hand_first() {
    let staff = "  employees:\n    - { id: 4, username: adele, email: adele@contoso.com, firstName: Adele, lastName: Vance, jobTitle: Engineer }\n";
    let stage = Stage::new(staff, &[Person::new(1, "adele", STAFF)]).await;
    let store = stage.open().await;
    stage.round(&store).await.unwrap();
    stage.person(1, |adele| adele.group = Some(PORTAL));
    let made = stage.plan(&store).await.unwrap();
    let hands: Vec<_> = made.changes.iter().map(|change| (change.action, change.hand)).collect();
    assert_eq!(hands, [(Action::Archive, Hand::All), (Action::Create, Hand::After)]);
    let report = stage.round(&store).await.unwrap();
    assert_eq!((report.by_hand.len(), report.failures.len(), report.written.len()), (1, 0, 0));
    assert!(stage.having("adele@contoso.com").is_empty(), "never two logins");

    stage.company().archive(4).unwrap();
    stage.pass(SignedDuration::from_mins(5));
    let report = stage.round(&store).await.unwrap();
    assert_eq!(report.written.get("create"), Some(&1), "{report:?}");
    let archived = record(&store, Kind::Employee, 4).await;
    assert_eq!((archived.status, archived.link), (Status::Archived, None));
    assert_eq!(archived.archived_from, Some(user(1)));
    assert_eq!(store.to_do().await.unwrap().len(), 1, "the login of the contact is set by hand after that");
    assert!(stage.plan(&store).await.unwrap().changes.is_empty());
}

#[tokio::test]
async fn one_archived_by_hand_without_being_asked_for_wants_nothing() {
    let staff = "  employees:\n    - { id: 4, username: adele, email: adele@contoso.com, firstName: Adele, lastName: Vance, jobTitle: Engineer }\n";
    let stage = Stage::new(staff, &[Person::new(1, "adele", STAFF)]).await;
    let store = stage.open().await;
    stage.round(&store).await.unwrap();
    stage.company().archive(4).unwrap();
    let made = stage.plan(&store).await.unwrap();
    assert!(made.changes.is_empty(), "{made:#?}");
    assert!(record(&store, Kind::Employee, 4).await.is_owned_by(&user(1)));
}

#[tokio::test]
async fn a_contact_that_becomes_an_employee_waits_for_the_employee() {
    let stage = Stage::new("", &[Person::new(1, "adele", PORTAL)]).await;
    let store = stage.open().await;
    stage.round(&store).await.unwrap();
    let id = u32::try_from(stage.having("adele@contoso.com")[0]["id"].as_u64().unwrap()).unwrap();
    stage.company().change("contacts", id, json!({ "portalAccess": true, "username": "adele" })).unwrap();
    stage.person(1, |adele| adele.group = Some(STAFF));
    stage.pass(SignedDuration::from_mins(5));
    let made = stage.plan(&store).await.unwrap();
    let list: Vec<ToDo> = made.changes.iter().filter_map(ToDo::of).collect();
    assert_eq!(list.len(), 2, "{list:?}");
    assert_eq!(list[0].steps[1], "clear Has Client Portal Access", "the old login goes first");
    assert_eq!(stage.round(&store).await.unwrap().by_hand.len(), 1);
    assert_eq!(stage.contact(id)["active"], true, "both or neither");

    stage.company().change("contacts", id, json!({ "portalAccess": false })).unwrap();
    let adele = json!({ "username": "adele", "email": "adele@contoso.com", "firstName": "Adele", "lastName": "Vance", "jobTitle": "Engineer" });
    let employee = stage.company().put("employees", adele).unwrap();
    stage.pass(SignedDuration::from_mins(5));
    let report = stage.round(&store).await.unwrap();
    assert!(report.failures.is_empty(), "{report:?}");
    assert_eq!((report.written.get("archive"), report.written.get("merge")), (Some(&1), Some(&1)));
    assert_eq!(record(&store, Kind::Contact, id.into()).await.status, Status::Archived);
    assert!(record(&store, Kind::Employee, employee.into()).await.is_owned_by(&user(1)));
    assert!(stage.plan(&store).await.unwrap().changes.is_empty());
}

#[tokio::test]
async fn a_bms_that_lets_employees_be_changed_is_used() {
    let staff = "  employees:\n    - { id: 4, username: adele, email: adele@contoso.com, firstName: Adele, lastName: Vance, jobTitle: Engineer }\n";
    let stage = Stage::new(staff, &[Person::new(1, "adele", STAFF)]).await;
    stage.company().set_fault("writable-employees=always").unwrap();
    let store = stage.open().await;
    stage.round(&store).await.unwrap();
    stage.person(1, |adele| adele.title = Some("Lead".into()));
    let report = stage.round(&store).await.unwrap();
    assert_eq!(report.written.get("update"), Some(&1), "{report:?}");
    assert_eq!(stage.company().get("employees", 4).unwrap()["jobTitle"], "Lead");
}
