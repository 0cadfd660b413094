//! Contacts made, taken over and changed: by what differs, and by nothing else.

use bmsync::model::{Kind, Status};
use bmsync::plan::Action;
use bmsync::store::Store as _;
use jiff::SignedDuration;
use serde_json::json;

use super::stage::{PLAIN, Person, Stage, actual, record};

const MARTA: &str = "  contacts:
    - { id: 7, account: Northwind, location: Warehouse, firstName: Martha, middleName: Q, lastName: Vance,
        emails: [{ value: marta@contoso.com, type: 1, default: true }, { value: m@home.example, type: 2 }],
        phones: [{ value: '+1 555 0100', type: 1, default: true }] }\n";

#[tokio::test]
async fn a_first_apply_makes_and_takes_over_and_the_next_plan_is_empty() {
    let people = [Person::new(1, "adele", PLAIN), Person::new(2, "marta", PLAIN)];
    let stage = Stage::new(MARTA, &people).await;
    let store = stage.open().await;
    let report = stage.round(&store).await.unwrap();
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    assert_eq!((report.written.get("create"), report.written.get("merge")), (Some(&1), Some(&1)));

    let [adele] = &stage.having("adele@contoso.com")[..] else { panic!("one contact") };
    assert_eq!(adele["jobTitle"], "Engineer");
    assert_eq!((&adele["account"], &adele["location"]), (&json!("Northwind"), &json!("Main")));
    assert_eq!(adele["phones"], json!([{ "value": "+1 425 555 0001", "type": 2, "default": true }]));
    assert_eq!(adele["emails"], json!([{ "value": "adele@contoso.com", "type": 1, "default": true }]));

    let marta = stage.contact(7);
    assert_eq!((&marta["firstName"], &marta["middleName"]), (&json!("Marta"), &json!("Q")));
    assert_eq!(marta["emails"].as_array().unwrap().len(), 2, "another email is nobody's business");
    assert!(
        marta["phones"].as_array().unwrap().iter().any(|phone| phone["value"] == "+1 555 0100"),
        "a mobile phone stays"
    );

    let again = stage.plan(&store).await.unwrap();
    assert!(again.changes.is_empty() && again.touched.is_empty() && again.blocked.is_empty(), "{again:#?}");
    assert!(again.preserved.is_empty(), "{:#?}", again.preserved);
    let anew = stage.open().await;
    let again = stage.plan(&anew).await.unwrap();
    assert!(again.changes.is_empty() && again.preserved.is_empty(), "after a restart: {again:#?}");
}

#[tokio::test]
async fn a_change_costs_the_calls_of_what_differs() {
    let stage = Stage::new("", &[Person::new(1, "adele", PLAIN)]).await;
    let store = stage.open().await;
    stage.round(&store).await.unwrap();
    stage.person(1, |adele| adele.title = Some("Lead".into()));
    let calls = |name: &str| stage.company().calls(name);
    let names = [
        "PATCH /v2/crm/contacts/{id}",
        "PATCH /v2/crm/contacts/{contactId}/emails",
        "PATCH /v2/crm/contacts/{contactId}/phones",
        "POST /v2/crm/contacts/summary",
    ];
    let before = names.map(calls);
    let report = stage.round(&store).await.unwrap();
    assert_eq!(report.written.get("update"), Some(&1), "{report:?}");
    let made: Vec<u64> = names.map(calls).iter().zip(before).map(|(after, before)| after - before).collect();
    assert_eq!(made, [1, 0, 0, 0]);
    assert_eq!(stage.having("adele@contoso.com")[0]["jobTitle"], "Lead");
}

#[tokio::test]
async fn who_is_gone_is_deactivated_and_who_is_back_reactivated() {
    let stage = Stage::new("", &[Person::new(1, "adele", PLAIN)]).await;
    let store = stage.open().await;
    stage.round(&store).await.unwrap();
    stage.person(1, |adele| adele.group = None);
    assert_eq!(stage.round(&store).await.unwrap().written.get("deactivate"), Some(&1));
    let [adele] = &stage.having("adele@contoso.com")[..] else { panic!("one contact") };
    assert_eq!(adele["active"], false);
    let id = adele["id"].as_u64().unwrap();
    assert_eq!(record(&store, Kind::Contact, id).await.status, Status::Inactive);
    stage.person(1, |adele| adele.group = Some(PLAIN));
    assert_eq!(stage.round(&store).await.unwrap().written.get("reactivate"), Some(&1));
    assert_eq!(stage.contact(u32::try_from(id).unwrap())["active"], true);
}

#[tokio::test]
async fn what_bms_changed_since_the_plan_is_refused_for_that_user_alone() {
    let stage = Stage::new("", &[Person::new(1, "adele", PLAIN), Person::new(2, "ben", PLAIN)]).await;
    let store = stage.open().await;
    stage.round(&store).await.unwrap();
    for number in [1, 2] {
        stage.person(number, |person| person.title = Some("Lead".into()));
    }
    let made = stage.plan(&store).await.unwrap();
    let id = stage.having("adele@contoso.com")[0]["id"].as_u64().unwrap();
    stage.pass(SignedDuration::from_mins(1));
    stage.company().change("contacts", u32::try_from(id).unwrap(), json!({ "lastName": "Married" })).unwrap();
    let report = bmsync::engine::apply(&store, made.approve(bmsync::approved::Consent::Withheld)).await.unwrap();
    assert_eq!(report.failures.len(), 1);
    assert!(report.failures[0].message.contains("lastName"), "{}", report.failures[0].message);
    assert_eq!(report.done.len(), 1, "the other is written");
    assert_eq!(stage.contact(u32::try_from(id).unwrap())["lastName"], "Married");
    // The directory user has changed, so the next round overwrites (rule R8).
    stage.round(&store).await.unwrap();
    let adele = stage.contact(u32::try_from(id).unwrap());
    assert_eq!((&adele["lastName"], &adele["jobTitle"]), (&json!("Vance"), &json!("Lead")));
}

#[tokio::test]
async fn an_email_that_bms_has_by_now_is_not_given_twice() {
    let stage = Stage::new("", &[Person::new(1, "adele", PLAIN)]).await;
    let store = stage.open().await;
    let made = stage.plan(&store).await.unwrap();
    assert_eq!(made.changes[0].action, Action::Create);
    let other = json!({ "account": "Tailwind", "lastName": "Else", "emails": ["adele@contoso.com"] });
    stage.company().put("contacts", other).unwrap();
    let report = bmsync::engine::apply(&store, made.approve(bmsync::approved::Consent::Withheld)).await.unwrap();
    assert_eq!(report.failures.len(), 1);
    assert_eq!(stage.having("adele@contoso.com").len(), 1);
    // The next round sees it and takes it over.
    assert_eq!(stage.round(&store).await.unwrap().written.get("merge"), Some(&1));
    assert_eq!(stage.having("adele@contoso.com").len(), 1);
}

#[tokio::test]
async fn a_list_that_lacks_many_proves_nothing() {
    let people: Vec<Person> = (1..=20).map(|number| Person::new(number, &format!("user{number}"), PLAIN)).collect();
    let stage = Stage::new("", &people).await;
    let store = stage.open().await;
    stage.round(&store).await.unwrap();
    stage.pass(SignedDuration::from_hours(25));
    let empty = super::stage::company("").await;
    let full = std::mem::replace(&mut *stage.company(), empty);
    let error = store.refresh().await.unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("0 of 20"), "{error:?}");
    *stage.company() = full;
    store.refresh().await.unwrap();
    assert!(stage.plan(&store).await.unwrap().changes.is_empty());
}

#[tokio::test]
async fn a_contact_that_was_deleted_in_bms_counts_as_archived_by_hand() {
    let stage = Stage::new(MARTA, &[Person::new(2, "marta", PLAIN)]).await;
    let store = stage.open().await;
    stage.round(&store).await.unwrap();
    stage.pass(SignedDuration::from_hours(25));
    let empty = super::stage::company("").await;
    *stage.company() = empty;
    store.refresh().await.unwrap();
    assert_eq!(record(&store, Kind::Contact, 7).await.status, Status::Archived);
    assert!(stage.plan(&store).await.unwrap().changes.is_empty(), "one archived by hand is left alone");
}

#[tokio::test]
async fn a_state_belongs_to_one_bms() {
    use std::sync::Arc;

    use bmsync::ledger::memory::MemoryLedger;
    use bmsync::store::kaseya::home;

    let stage = Stage::new("", &[]).await;
    let store = stage.open().await;
    assert_eq!(home(store.book().ledger()).await.unwrap().as_deref(), Some("here"));
    assert!(actual(&store).await.records().next().is_none());
    let own = Arc::new(MemoryLedger::new());
    assert_eq!(home(&*own).await.unwrap(), None);
}
