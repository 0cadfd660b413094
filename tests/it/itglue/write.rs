//! `mode: write`: what IT Glue has afterwards, whatever goes wrong on the way, and what bmsync leaves alone.

use bmsync::manifest::config::Delivery;
use bmsync::outbox::{Did, Step};
use serde_json::{Value, json};

use super::stage::{NORTHWIND, Stage, account, organizations, person, typed, with};

async fn stage(contacts: Vec<Value>) -> Stage {
    let mut block = organizations();
    block["contacts"] = contacts.into();
    Stage::new(Delivery::Write, block).await
}

fn people(count: u64) -> Vec<Value> {
    (1..=count).map(|id| person(id, &format!("P{id}"), "Lindqvist")).collect()
}

#[tokio::test(start_paused = true)]
async fn contacts_are_created_updated_and_kept_in_step() {
    let otto = with(
        typed("Otto", "Berg"),
        &json!({ "title": "Clerk", "notes": "likes tea",
        "emails": ["otto@northwind.example", "otto@home.example"] }),
    );
    let stage = stage(vec![otto]).await;
    stage.bms(&[account(1, "Northwind Traders"), person(1, "Marta", "Lindqvist"), person(2, "Otto", "Berg")]).await;
    let mut outbox = stage.outbox().await;
    assert_eq!(stage.settle(&mut outbox).await, [(Did::Created, 1), (Did::Updated, 1)]);
    let marta = stage.service.contact("marta@northwind.example");
    assert_eq!((&marta["title"], &marta["phones"]), (&json!("Buyer"), &json!(["14255550001"])));
    assert!(marta["location"].is_number());
    let otto = stage.service.contact("otto@northwind.example");
    assert_eq!(otto["emails"], json!(["otto@northwind.example", "otto@home.example"]));
    assert_eq!((&otto["title"], &otto["notes"]), (&json!("Buyer"), &json!("likes tea")));
    // A new email takes the old one's place and nobody else's; a blank value erases nothing.
    let changes = json!({ "email": "o.berg@northwind.example", "jobTitle": null, "lastName": "Berg-Falk" });
    stage.bms(&[with(person(2, "Otto", "Berg"), &changes)]).await;
    assert_eq!(stage.settle(&mut outbox).await, [(Did::Updated, 1)]);
    let otto = stage.service.contact("o.berg@northwind.example");
    assert_eq!(otto["emails"], json!(["o.berg@northwind.example", "otto@home.example"]));
    assert_eq!((&otto["title"], &otto["lastName"]), (&json!("Buyer"), &json!("Berg-Falk")));
    assert_eq!(stage.service.contacts().len(), 2);
    assert_eq!(stage.found().await, []);
}

#[tokio::test(start_paused = true)]
async fn lists_that_are_merged_instead_of_replaced_settle_too() {
    let mut block = organizations();
    block["lists"] = "merge".into();
    block["contacts"] = json!([typed("Otto", "Berg")]);
    let stage = Stage::new(Delivery::Write, block).await;
    stage.bms(&[account(1, "Northwind Traders"), person(2, "Otto", "Berg")]).await;
    let mut outbox = stage.outbox().await;
    stage.settle(&mut outbox).await;
    stage.bms(&[with(person(2, "Otto", "Berg"), &json!({ "email": "new@northwind.example" }))]).await;
    assert_eq!(stage.settle(&mut outbox).await, [(Did::Updated, 1)]);
    stage.service.contact("new@northwind.example");
    assert_eq!(stage.found().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_deactivation_shows_as_the_contact_type_and_a_return_brings_the_old_one_back() {
    let stage = stage(vec![with(typed("Otto", "Berg"), &json!({ "type": "Approver" }))]).await;
    stage.bms(&[account(1, "Northwind Traders"), person(2, "Otto", "Berg")]).await;
    let mut outbox = stage.outbox().await;
    stage.settle(&mut outbox).await;
    let kind = |stage: &Stage| stage.service.contact("otto@northwind.example")["type"].clone();
    let approver = kind(&stage);
    stage.bms(&[with(person(2, "Otto", "Berg"), &json!({ "status": "inactive" }))]).await;
    stage.settle(&mut outbox).await;
    assert_ne!(kind(&stage), approver);
    assert!(kind(&stage).is_number());
    stage.bms(&[person(2, "Otto", "Berg")]).await;
    stage.settle(&mut outbox).await;
    assert_eq!(kind(&stage), approver);
    assert_eq!(stage.service.count("DELETE contacts"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_archived_contact_keeps_its_names_there() {
    let stage = stage(vec![typed("Otto", "Berg")]).await;
    stage.bms(&[account(1, "Northwind Traders"), person(2, "Otto", "Berg")]).await;
    let mut outbox = stage.outbox().await;
    stage.settle(&mut outbox).await;
    let archived = json!({ "status": "archived", "email": "otto@northwind.example_Archived" });
    stage.bms(&[with(person(2, "Otto", "Berg"), &archived)]).await;
    stage.settle(&mut outbox).await;
    assert!(stage.service.contact("otto@northwind.example")["type"].is_number());
}

#[tokio::test(start_paused = true)]
async fn many_are_written_by_few_requests() {
    let stage = stage(Vec::new()).await;
    stage.bms(&[account(1, "Northwind Traders")]).await;
    stage.bms(&people(400)).await;
    let mut outbox = stage.outbox().await;
    assert_eq!(stage.settle(&mut outbox).await, [(Did::Created, 400)]);
    assert_eq!(stage.service.count("POST organizations"), 8);
    let changed: Vec<Value> = people(400).into_iter().map(|row| with(row, &json!({ "jobTitle": "Chief" }))).collect();
    stage.bms(&changed).await;
    assert_eq!(stage.settle(&mut outbox).await, [(Did::Updated, 400)]);
    assert_eq!(stage.service.count("PATCH contacts"), 8);
    assert_eq!(stage.service.contacts().len(), 400);
}

#[tokio::test(start_paused = true)]
async fn what_a_psa_owns_is_noted_and_not_fought() {
    let psa = json!({ "psa": { "type": "autotask", "id": "12" }, "title": "Clerk" });
    let stage = stage(vec![with(typed("P1", "Lindqvist"), &psa)]).await;
    stage.bms(&[account(1, "Northwind Traders")]).await;
    stage.bms(&people(6)).await;
    let mut outbox = stage.outbox().await;
    assert_eq!(stage.settle(&mut outbox).await, [(Did::Created, 5), (Did::Left, 1)]);
    assert_eq!(stage.found().await, [(1, "synced")]);
    let tried = stage.service.count("PATCH contacts");
    tokio::time::sleep(std::time::Duration::from_hours(50)).await;
    stage.settle(&mut outbox).await;
    assert_eq!(stage.service.count("PATCH contacts"), tried, "not until the contact changes");
    assert_eq!(stage.found().await, [(1, "synced")]);
    assert!(stage.finding(1).await.finding.message.contains("synced with an external integration"));
    stage.bms(&[with(person(1, "P1", "Lindqvist"), &json!({ "jobTitle": "Chief" }))]).await;
    stage.settle(&mut outbox).await;
    assert_eq!(stage.service.count("PATCH contacts"), tried + 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_does_not_stop_the_others_of_its_request() {
    let psa = json!({ "psa": { "type": "autotask", "id": "12" }, "title": "Clerk" });
    let stage =
        stage(vec![with(typed("P1", "Lindqvist"), &psa), typed("P2", "Lindqvist"), typed("P3", "Lindqvist")]).await;
    stage.bms(&[account(1, "Northwind Traders")]).await;
    stage.bms(&people(5)).await;
    assert_eq!(stage.deliver().await, [(Did::Created, 2), (Did::Updated, 2), (Did::Left, 1)]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_beside_bms() {
    let psa = json!({ "psa": { "type": "kaseya-bms", "id": "5120" } });
    let stage = stage(vec![with(typed("Otto", "Berg"), &psa), typed("P2", "Lindqvist")]).await;
    stage.bms(&[account(1, "Northwind Traders")]).await;
    stage.bms(&people(2)).await;
    stage.deliver().await;
    assert_eq!(stage.found().await, [(1, "twoWriters"), (2, "twoWriters")]);
    assert!(stage.finding(1).await.finding.message.contains("switch contact sync off"));
    assert_eq!(stage.service.count("POST organizations") + stage.service.count("PATCH contacts"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_one_message_and_no_storm() {
    for trouble in ["unauthorized=always", "forbidden=always"] {
        let stage = stage(Vec::new()).await;
        stage.bms(&[account(1, "Northwind Traders"), person(1, "Marta", "Lindqvist")]).await;
        stage.service.trouble(trouble);
        let mut outbox = stage.outbox().await;
        let before = stage.now();
        let mut said = String::new();
        while stage.now().duration_since(before).as_hours() < 1 {
            match outbox.step(stage.now()).await.unwrap() {
                Step::Failed(error, wait) => {
                    said = format!("{error}: {}", error.hint.as_deref().unwrap_or_default());
                    tokio::time::sleep(wait).await;
                }
                other @ (Step::Worked(_) | Step::Idle(_)) => panic!("{other:?}"),
            }
        }
        assert!(said.contains("refuses the API key") && said.contains("90 days"), "{said}");
        assert!(!said.contains("\"bmsync\""), "{said}");
        assert!(stage.service.requests() < 40, "{}", stage.service.requests());
        stage.service.with(bmsync::simulator::ItGlue::clear_troubles);
        assert_eq!(stage.settle(&mut outbox).await, [(Did::Created, 1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_kept_whatever_happens() {
    let mut stage = stage(Vec::new()).await;
    stage.declared.requests = 60;
    stage.service.with(|held| held.limit_to(60));
    let accounts: Vec<Value> = (1..=40).map(|id| account(id, &format!("Account {id}"))).collect();
    stage.bms(&accounts).await;
    let rows: Vec<Value> = (1..=40)
        .map(|id| with(person(id, &format!("P{id}"), "L"), &json!({ "account": format!("Account {id}") })))
        .collect();
    stage.bms(&rows).await;
    for id in 1..=40_u64 {
        let name = format!("Account {id}");
        stage.declared.organizations.insert(name.into(), bmsync::manifest::config::NameOrId::Id(NORTHWIND));
    }
    stage.service.trouble("slow=0.3:4000");
    assert_eq!(stage.deliver().await, [(Did::Created, 40)]);
    assert_eq!(stage.service.count("status 429"), 0);
    assert!(stage.now().as_second() > 1_772_323_200 + 600, "{}", stage.now());
}

#[tokio::test(start_paused = true)]
async fn being_throttled_is_waited_for() {
    let stage = stage(Vec::new()).await;
    stage.bms(&[account(1, "Northwind Traders"), person(1, "Marta", "Lindqvist")]).await;
    stage.service.trouble("throttle=next3:120");
    let before = stage.now();
    assert_eq!(stage.deliver().await, [(Did::Created, 1)]);
    assert!(stage.now().duration_since(before).as_secs() >= 360);
    assert_eq!(stage.service.count("status 429"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_makes_no_second_contact() {
    for trouble in ["cut-after=next1", "cut-after=next4", "cut-before=0.3", "server-error=0.3", "not-json=0.3"] {
        let stage = stage(Vec::new()).await;
        stage.bms(&[account(1, "Northwind Traders")]).await;
        stage.bms(&people(70)).await;
        stage.service.trouble(trouble);
        stage.deliver().await;
        let contacts = stage.service.contacts();
        assert_eq!(contacts.len(), 70, "{trouble}");
        assert_eq!(stage.found().await, []);
    }
}

#[tokio::test(start_paused = true)]
async fn names_that_move_between_people_lead_nobody_to_another_ones_contact() {
    let stage = stage(Vec::new()).await;
    stage.bms(&[account(1, "Northwind Traders"), person(1, "Marta", "Lindqvist"), person(2, "Otto", "Berg")]).await;
    let mut outbox = stage.outbox().await;
    stage.settle(&mut outbox).await;
    let marta = stage.service.contact("marta@northwind.example")["id"].clone();
    // Marta gives her address to somebody new, who is brought before her.
    let new = with(person(3, "Ines", "Falk"), &json!({ "email": "marta@northwind.example" }));
    stage.bms(&[new, with(person(1, "Marta", "Lindqvist"), &json!({ "email": "m.l@northwind.example" }))]).await;
    // Otto and Marta swap.
    stage.settle(&mut outbox).await;
    assert_eq!(stage.service.contact("m.l@northwind.example")["id"], marta);
    assert_eq!(stage.service.contact("marta@northwind.example")["firstName"], "Ines");
    let swap = [
        with(person(1, "Marta", "Lindqvist"), &json!({ "email": "otto@northwind.example" })),
        with(person(2, "Otto", "Berg"), &json!({ "email": "m.l@northwind.example" })),
    ];
    stage.bms(&swap).await;
    stage.settle(&mut outbox).await;
    assert_eq!(stage.service.contact("otto@northwind.example")["firstName"], "Marta");
    assert_eq!(stage.service.contact("m.l@northwind.example")["firstName"], "Otto");
    assert_eq!(stage.service.contacts().len(), 3);
    assert_eq!(stage.found().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_new_record_of_an_archived_person_takes_its_contact_over() {
    let stage = stage(Vec::new()).await;
    stage.bms(&[account(1, "Northwind Traders"), person(1, "Marta", "Lindqvist")]).await;
    let mut outbox = stage.outbox().await;
    stage.settle(&mut outbox).await;
    let archived = json!({ "status": "archived", "email": "marta@northwind.example_Archived" });
    stage.bms(&[with(person(1, "Marta", "Lindqvist"), &archived)]).await;
    stage.settle(&mut outbox).await;
    assert!(stage.service.contact("marta@northwind.example")["type"].is_number());
    let back = with(person(2, "Marta", "Lindqvist"), &json!({ "email": "marta@northwind.example" }));
    stage.bms(&[back]).await;
    stage.settle(&mut outbox).await;
    tokio::time::sleep(std::time::Duration::from_hours(60)).await;
    stage.settle(&mut outbox).await;
    let marta = stage.service.contact("marta@northwind.example");
    assert_eq!((stage.service.contacts().len(), &marta["type"]), (1, &Value::Null));
    assert_eq!(stage.found().await, []);
}
