//! `mode: verify`: nothing is written, everything that is not as BMS has it is told.

use bmsync::manifest::config::{Delivery, NameOrId};
use bmsync::outbox::Did;
use serde_json::{Value, json};

use super::stage::{NORTHWIND, Stage, account, organizations, person, typed, with};

async fn stage(contacts: Vec<Value>) -> Stage {
    let mut block = organizations();
    block["contacts"] = contacts.into();
    Stage::new(Delivery::Verify, block).await
}

#[tokio::test(start_paused = true)]
async fn what_is_alike_is_no_finding_and_what_is_not_is_told() {
    let mut marta = typed("Marta", "Lindqvist");
    marta["phones"] = json!(["14255550001"]);
    let stage = stage(vec![marta, with(typed("Otto", "Berg"), &json!({ "title": "Clerk" }))]).await;
    let rows = [account(1, "Northwind Traders"), person(1, "Marta", "Lindqvist"), person(2, "Otto", "Berg")];
    stage.bms(&rows).await;
    stage.bms(&[with(person(3, "Ines", "Falk"), &json!({ "phone": null }))]).await;
    // The location is one of IT Glue too, and nobody put it in there.
    assert_eq!(stage.deliver().await, [(Did::Left, 3)]);
    assert_eq!(stage.found().await, [(1, "different"), (2, "different"), (3, "missing")]);
    assert_eq!(stage.finding(1).await.finding.fields, ["location"]);
    assert_eq!(stage.finding(2).await.finding.fields, ["jobTitle", "location", "phone"]);
    assert_eq!(stage.service.count("POST organizations") + stage.service.count("PATCH contacts"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_finding_ends_when_what_it_tells_of_does() {
    let stage = stage(Vec::new()).await;
    stage.bms(&[account(1, "Northwind Traders"), with(person(1, "Marta", "L"), &json!({ "location": null }))]).await;
    let mut outbox = stage.outbox().await;
    stage.settle(&mut outbox).await;
    assert_eq!(stage.found().await, [(1, "missing")]);
    stage
        .service
        .with(|held| held.put_contact(with(typed("Marta", "L"), &json!({ "phones": ["14255550001"] }))))
        .unwrap();
    // Nothing tells of that; the daily pass sees it.
    tokio::time::sleep(std::time::Duration::from_hours(25)).await;
    stage.settle(&mut outbox).await;
    assert_eq!(stage.found().await, []);
}

#[tokio::test(start_paused = true)]
async fn duplicates_homonyms_and_shared_emails_are_told_apart() {
    let stage = stage(vec![
        typed("Marta", "Lindqvist"),
        with(typed("Marta", "L."), &json!({ "firstName": "M." })),
        with(typed("Otto", "Berg"), &json!({ "emails": ["o.berg@elsewhere.example"] })),
    ])
    .await;
    let twin = with(person(4, "Ines", "Falk"), &json!({ "firstName": "I." }));
    let rows = [person(1, "Marta", "Lindqvist"), person(2, "Otto", "Berg"), person(3, "Ines", "Falk")];
    stage.bms(&[account(1, "Northwind Traders")]).await;
    stage.bms(&rows).await;
    stage.bms(&[with(twin, &json!({ "email": "ines@northwind.example" }))]).await;
    stage.deliver().await;
    assert_eq!(stage.found().await, [(1, "duplicate"), (2, "homonym"), (3, "sharedEmail"), (4, "sharedEmail")]);
    assert_eq!(stage.finding(1).await.finding.contacts.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn two_people_of_one_name_are_no_homonyms_when_bms_knows_both() {
    let stage = stage(vec![with(typed("Marta", "Berg"), &json!({ "emails": ["m.berg@northwind.example"] }))]).await;
    let other = with(person(2, "Marta", "Berg"), &json!({ "email": "m.berg@northwind.example" }));
    stage.bms(&[account(1, "Northwind Traders"), person(1, "Marta", "Berg"), other]).await;
    stage.deliver().await;
    assert_eq!(stage.found().await, [(1, "missing"), (2, "different")]);
}

#[tokio::test(start_paused = true)]
async fn organizations_are_declared_or_of_the_accounts_name() {
    let mut block = organizations();
    block["organizations"].as_array_mut().unwrap().push(json!({ "id": 60, "name": "Fabrikam" }));
    let mut stage = Stage::new(Delivery::Verify, block).await;
    let of = |id, name: &str| with(person(id, "Marta", "L"), &json!({ "account": name, "location": null }));
    stage.bms(&[account(1, "Northwind"), account(2, "Fabrikam"), account(3, "Harbor")]).await;
    stage.bms(&[of(1, "Northwind"), of(2, "Fabrikam"), of(3, "Harbor")]).await;
    stage.deliver().await;
    let expected = [(1, "organizationMissing"), (2, "organizationAmbiguous"), (3, "organizationMissing")];
    assert_eq!(stage.found().await, expected);
    stage.declared.organizations.insert("Northwind".into(), NameOrId::Name("Northwind Traders".into()));
    stage.declared.organizations.insert("Fabrikam".into(), NameOrId::Id(60));
    stage.declared.organizations.insert("Harbor".into(), NameOrId::Id(NORTHWIND + 1));
    // Other settings: everything is compared again.
    stage.deliver().await;
    assert_eq!(stage.found().await, [(1, "missing"), (2, "missing"), (3, "organizationMissing")]);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_active_need_not_be_there_and_employees_do_not_count() {
    let stage = stage(vec![typed("Otto", "Berg")]).await;
    let gone = |id, first: &str| with(person(id, first, "Berg"), &json!({ "status": "inactive" }));
    let employee = json!({ "kind": "employee", "id": 9, "status": "active", "username": "x", "email": "x@y.example",
        "firstName": "X", "lastName": "Y" });
    stage.bms(&[account(1, "Northwind Traders"), gone(1, "Marta"), gone(2, "Otto"), employee]).await;
    assert_eq!(stage.deliver().await, [(Did::Matched, 1), (Did::Left, 1)]);
    assert_eq!(stage.finding(2).await.finding.fields, ["contactType"]);
    assert_eq!(stage.found().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_when_nothing_changed() {
    let stage = stage(Vec::new()).await;
    let people: Vec<Value> = (1..=30).map(|id| person(id, &format!("P{id}"), "L")).collect();
    stage.bms(&[account(1, "Northwind Traders")]).await;
    stage.bms(&people).await;
    let mut outbox = stage.outbox().await;
    stage.settle(&mut outbox).await;
    let asked = stage.service.requests();
    // Thirty contacts cost a few lists, not thirty look-ups.
    assert!(asked < 10, "{asked}");
    stage.settle(&mut outbox).await;
    drop(outbox);
    stage.deliver().await;
    assert_eq!(stage.service.requests(), asked);
    stage.bms(&[with(person(7, "P7", "L"), &json!({ "jobTitle": "Chief" }))]).await;
    stage.deliver().await;
    assert!(stage.service.requests() - asked < 10);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_says_less_than_it_has_is_not_taken_for_all() {
    let stage = stage((1..=20).map(|id| typed(&format!("P{id}"), "L")).collect()).await;
    let people: Vec<Value> = (1..=20).map(|id| person(id, &format!("P{id}"), "L")).collect();
    stage.bms(&[account(1, "Northwind Traders")]).await;
    stage.bms(&people).await;
    stage.service.trouble("not-json=0.4");
    stage.service.trouble("cut-before=0.2");
    stage.deliver().await;
    assert!(stage.found().await.iter().all(|(_, word)| *word == "different"), "{:?}", stage.found().await);
}
