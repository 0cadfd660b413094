//! Writes: what they do, what they leave, and what is said when nobody knows whether they happened.

use bmsync::store::kaseya::api::{Activity, AddressEdit, BmsError, ContactSearch, Edit, NewAddress, PathStyle, Rank};
use serde_json::json;

use super::stage::{Served, id, new_contact};

#[expect(clippy::unnecessary_wraps, reason = "what BMS may leave blank")]
fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

#[tokio::test]
async fn a_contact_is_made_with_its_anchor_and_nothing_that_bms_does_not_take() {
    for faults in [&[][..], &["pascal-case=always"], &["bare=always"]] {
        let served = Served::with(faults).await;
        let made = served.bms.create_contact(&new_contact("olof@harbor.example")).await.unwrap();
        let contact = served.bms.contact(made).await.unwrap().unwrap();
        assert_eq!((contact.first_name, contact.last_name, contact.job_title), (text("Olof"), text("Dahl"), None));
        assert_eq!((contact.location_name, contact.activity), (text("Yard"), Activity::Active));
        assert_eq!(contact.emails[0].rank, Rank::Default);
        assert_eq!(contact.phones[0].type_id, Some(id(2)));
        assert_eq!(served.bms.anchor(made).await.unwrap().as_deref(), Some("a1c00000-0000-4000-8000-000000000001"));
    }
}

#[tokio::test]
async fn an_email_that_is_in_use_is_a_clash_and_nothing_is_made() {
    for faults in [&[][..], &["status-errors=always"], &["pascal-case=always"]] {
        let served = Served::with(faults).await;
        let error = served.bms.create_contact(&new_contact("NILS@harbor.example")).await.unwrap_err();
        assert!(matches!(&error, BmsError::Clash { message } if message.contains("Email is in use")), "{error:?}");
        let edit = AddressEdit::Update {
            from: "marta@harbor.example".to_owned(),
            to: NewAddress { value: "nils@harbor.example".to_owned(), type_id: id(1) },
            rank: Rank::Default,
        };
        assert!(matches!(served.bms.edit_emails(id(5120), &[edit]).await, Err(BmsError::Clash { .. })), "{faults:?}");
        assert_eq!(served.company(|company| company.contacts()), 10);
    }
}

#[tokio::test]
async fn only_what_is_edited_changes() {
    let served = Served::start().await;
    served
        .company(|company| company.change("contacts", 5120, json!({ "middleName": "Eva", "billByContact": true })))
        .unwrap();
    let edits = [Edit::JobTitle(text("Lead Engineer")), Edit::Activity(Activity::Inactive), Edit::LocationId(id(78))];
    let after = served.bms.edit_contact(id(5120), &edits).await.unwrap();
    assert_eq!(
        (after.job_title, after.activity, after.location_name),
        (text("Lead Engineer"), Activity::Inactive, text("Yard"))
    );
    let held = served.company(|company| company.get("contacts", 5120)).unwrap();
    assert_eq!(
        (&held["middleName"], &held["billByContact"], &held["firstName"]),
        (&json!("Eva"), &json!(true), &json!("Marta"))
    );
    let after =
        served.bms.edit_contact(id(5120), &[Edit::JobTitle(None), Edit::FirstName(text("Märta"))]).await.unwrap();
    assert_eq!((after.job_title, after.first_name), (None, text("Märta")));
    let gone = served.bms.edit_contact(id(9999), &[Edit::JobTitle(None)]).await.unwrap_err();
    assert!(matches!(gone, BmsError::NotFound { .. }), "{gone:?}");
}

#[tokio::test]
async fn emails_and_phones_are_added_updated_and_removed() {
    let served = Served::start().await;
    let address = |value: &str| NewAddress { value: value.to_owned(), type_id: id(1) };
    let edits = [
        AddressEdit::Update {
            from: "marta@harbor.example".into(),
            to: address("marta.l@harbor.example"),
            rank: Rank::Default,
        },
        AddressEdit::Remove { value: "m.l@harbor.example".into(), type_id: Some(id(2)) },
        AddressEdit::Add { address: address("extra@harbor.example"), rank: Rank::Further },
    ];
    served.bms.edit_emails(id(5120), &edits).await.unwrap();
    let phone = NewAddress { value: "+46 8 1".to_owned(), type_id: id(1) };
    served.bms.edit_phones(id(5120), &[AddressEdit::Add { address: phone, rank: Rank::Default }]).await.unwrap();
    let contact = served.bms.contact(id(5120)).await.unwrap().unwrap();
    let emails: Vec<_> = contact.emails.iter().map(|email| (email.value.as_str(), email.rank)).collect();
    assert_eq!(emails, [("marta.l@harbor.example", Rank::Default), ("extra@harbor.example", Rank::Further)]);
    assert_eq!((contact.phones.len(), contact.phone().map(|phone| phone.value.as_str())), (2, Some("+46 8 1")));
}

#[tokio::test]
async fn operations_that_mean_something_else_are_noticed() {
    let served = Served::with(&["other-operations=always"]).await;
    let edits = [AddressEdit::Update {
        from: "marta@harbor.example".to_owned(),
        to: NewAddress { value: "marta.l@harbor.example".to_owned(), type_id: id(1) },
        rank: Rank::Default,
    }];
    // What was meant as an update is an addition there, of an address that is there already.
    assert!(matches!(served.bms.edit_emails(id(5120), &edits).await, Err(BmsError::Refused { .. })));
    let remove = [AddressEdit::Remove { value: "m.l@harbor.example".to_owned(), type_id: Some(id(2)) }];
    let error = served.bms.edit_emails(id(5120), &remove).await.unwrap_err();
    assert!(matches!(error, BmsError::Unknown { .. }), "{error:?}");
}

#[tokio::test]
async fn a_lost_answer_leaves_open_what_happened_and_nothing_is_done_twice() {
    for (fault, there) in
        [("cut-before=next1@contacts", 0), ("cut-after=next1@contacts", 1), ("not-json=next1@contacts", 1)]
    {
        let served = Served::with(&[fault]).await;
        let error = served.bms.create_contact(&new_contact("olof@harbor.example")).await.unwrap_err();
        assert!(matches!(error, BmsError::Unknown { .. }), "{fault}: {error:?}");
        assert_eq!(served.company(|company| company.contacts()), 10 + there, "{fault}");
        let search = ContactSearch { email: text("olof@harbor.example"), ..ContactSearch::default() };
        assert_eq!(served.bms.search_contacts(&search).await.unwrap().items.len(), there, "{fault}");
        assert_eq!(served.calls("POST /v2/crm/contacts/summary"), 1, "{fault}");
    }
    let served = Served::with(&["server-error=next1@5120"]).await;
    let error = served.bms.edit_contact(id(5120), &[Edit::JobTitle(None)]).await.unwrap_err();
    assert!(matches!(error, BmsError::Unknown { .. }), "{error:?}");
}

#[tokio::test]
async fn a_contact_made_without_its_job_title_is_finished_later() {
    let served = Served::start().await;
    let made = served.bms.create_contact(&new_contact("olof@harbor.example")).await.unwrap();
    served.fault("cut-before=next1");
    assert!(matches!(
        served.bms.edit_contact(made, &[Edit::JobTitle(text("Stoker"))]).await,
        Err(BmsError::Unknown { .. })
    ));
    let search = ContactSearch { email: text("olof@harbor.example"), ..ContactSearch::default() };
    let found = served.bms.search_contacts(&search).await.unwrap().items;
    assert_eq!((found.len(), found[0].job_title.as_deref()), (1, None));
    served.bms.edit_contact(found[0].id, &[Edit::JobTitle(text("Stoker"))]).await.unwrap();
    assert_eq!(served.bms.contact(made).await.unwrap().unwrap().job_title.as_deref(), Some("Stoker"));
}

#[tokio::test]
async fn the_spelling_of_paths_is_found_out_once_and_remembered() {
    for (fault, style, patches) in [
        ("slow=off", PathStyle::Bare, 1),
        ("slashed-paths=always", PathStyle::Slashed, 2),
        ("deaf-paths=always", PathStyle::Slashed, 2),
    ] {
        let served = Served::with(&[fault]).await;
        let patch = |title: &str| [Edit::JobTitle(text(title))];
        let after = served.bms.edit_contact(id(5120), &patch("One")).await.unwrap();
        assert_eq!((after.job_title, served.bms.offers().paths()), (text("One"), Some(style)), "{fault}");
        assert_eq!(served.calls("PATCH /v2/crm/contacts/{id}"), patches, "{fault}");
        served.bms.edit_contact(id(5120), &patch("Two")).await.unwrap();
        assert_eq!(served.calls("PATCH /v2/crm/contacts/{id}"), patches + 1, "{fault}");
        assert_eq!(served.bms.memory().offers.paths(), Some(style));
    }
}

#[tokio::test]
async fn a_change_that_is_refused_is_not_tried_in_another_spelling_once_that_is_known() {
    let served = Served::start().await;
    served.bms.edit_contact(id(5120), &[Edit::JobTitle(text("One"))]).await.unwrap();
    let long = Edit::JobTitle(Some("x".repeat(300)));
    let error = served.bms.edit_contact(id(5120), &[long]).await.unwrap_err();
    assert!(matches!(&error, BmsError::Refused { message, .. } if message.contains("too long")), "{error:?}");
    assert_eq!(served.calls("PATCH /v2/crm/contacts/{id}"), 2);
}

#[tokio::test]
async fn an_anchor_is_read_and_set() {
    let served = Served::start().await;
    assert_eq!(served.bms.anchor(id(5120)).await.unwrap().as_deref(), Some("5c0a7e14"));
    assert_eq!(served.bms.anchor(id(5121)).await.unwrap(), None);
    served.bms.set_anchor(id(5121), "a/b?c").await.unwrap();
    assert_eq!(served.company(|company| company.custom_field(12, 14, 5121).map(str::to_owned)), text("a/b?c"));
}
