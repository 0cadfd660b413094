//! Lists and single records, in every spelling and paging that a BMS may have.

use bmsync::store::kaseya::api::{
    Activity, Administrator, BmsError, Bridge, Contact, ContactSearch, Extent, Lookup, Main, Memory, Moment, Portal,
    Rank, Settings,
};

use super::stage::{Near, Served, crowd, id};

/// What a BMS may do to its lists without changing what they say.
const SPELLINGS: &[&[&str]] = &[
    &[],
    &["pascal-case=always"],
    &["bare=always"],
    &["no-total=always"],
    &["no-offset=always"],
    &["duplicate=always:2"],
    &["small-pages=always:2"],
    &["small-pages=always:2", "no-total=always", "pascal-case=always"],
    &["duplicate=always:1", "no-total=always", "bare=always"],
];

#[tokio::test]
async fn contacts_read_alike_in_every_spelling() {
    let plain = Served::start().await.bms.contacts(None).await.unwrap();
    assert_eq!((plain.items.len(), plain.extent), (10, Extent::Whole));
    let marta = &plain.items[0];
    assert_eq!((marta.id, marta.account_id, marta.location_id), (id(5120), Some(id(301)), Some(id(77))));
    assert_eq!(
        marta.email().map(|email| (email.value.as_str(), email.rank)),
        Some(("marta@harbor.example", Rank::Default))
    );
    assert_eq!(marta.phone().and_then(|phone| phone.type_name.as_deref()), Some("Office"));
    assert_eq!((marta.emails.len(), marta.activity), (2, Activity::Active));
    let nils = &plain.items[1];
    assert_eq!((nils.location_id, nils.phone(), nils.last_name.as_deref()), (None, None, None));
    assert_eq!((plain.items[2].last_name.as_deref(), plain.items[2].activity), (None, Activity::Inactive));
    for faults in SPELLINGS {
        let listing = Served::with(faults).await.bms.contacts(None).await.unwrap();
        assert_eq!(listing.extent, Extent::Whole, "{faults:?}");
        let found = |at: usize| {
            let mut contact = listing.items[at].clone();
            (contact.created_on, contact.modified_on) = (None, None);
            contact
        };
        for (at, contact) in plain.items.iter().enumerate() {
            let mut contact = contact.clone();
            (contact.created_on, contact.modified_on) = (None, None);
            assert_eq!(found(at), contact, "{faults:?}");
        }
        let instants =
            |list: &[Contact]| list.iter().map(|contact| contact.modified_on.map(Moment::at)).collect::<Vec<_>>();
        assert_eq!(instants(&listing.items), instants(&plain.items), "{faults:?}");
    }
}

#[tokio::test]
async fn what_changed_since_is_asked_for_in_the_words_of_bms() {
    for faults in [&[][..], &["no-offset=always"]] {
        let served = Served::with(faults).await;
        let all = served.bms.contacts(None).await.unwrap();
        let since = all.items.iter().filter_map(|contact| contact.modified_on).max();
        let changed = served.bms.contacts(since).await.unwrap();
        assert_eq!(changed.items.iter().map(|contact| contact.id).collect::<Vec<_>>(), [id(5121)], "{faults:?}");
        let earlier = since.map(|since| since.earlier(std::time::Duration::from_hours(96)));
        assert_eq!(served.bms.contacts(earlier).await.unwrap().items.len(), 2);
    }
}

#[tokio::test]
async fn a_list_that_ends_early_is_not_taken_for_whole() {
    let served = Served::with(&["missing-last-page=always"]).await;
    let listing = served.bms.contacts(None).await.unwrap();
    assert_eq!((listing.items.len(), listing.extent), (9, Extent::Short { came: 9, counted: 10 }));
    let served = Served::with(&["same-page=always"]).await;
    let listing = served.bms.contacts(None).await.unwrap();
    assert_eq!(listing.extent, Extent::Short { came: 3, counted: 10 });
    let error = served.bms.search_contacts(&ContactSearch::default()).await.unwrap_err();
    assert!(matches!(&error, BmsError::Unexpected { what } if what.contains("repeat")), "{error:?}");
}

#[tokio::test]
async fn one_contact_comes_wrapped_or_bare_or_not_at_all() {
    for faults in [&[][..], &["bare=always"], &["pascal-case=always"], &["bare=always", "pascal-case=always"]] {
        let served = Served::with(faults).await;
        let contact = served.bms.contact(id(5120)).await.unwrap().unwrap();
        assert_eq!(contact.job_title.as_deref(), Some("Field Engineer"), "{faults:?}");
        assert_eq!(served.bms.contact(id(9999)).await.unwrap(), None, "{faults:?}");
    }
}

#[tokio::test]
async fn a_search_knows_who_may_use_the_portal() {
    let served = Served::start().await;
    let portal = ContactSearch { portal: Some(Portal::Open), ..ContactSearch::default() };
    let found = served.bms.search_contacts(&portal).await.unwrap().items;
    assert_eq!(found.iter().map(|one| (one.id, one.portal)).collect::<Vec<_>>(), [(id(5121), Portal::Open)]);
    let email = ContactSearch { email: Some("M.L@harbor.example".to_owned()), ..ContactSearch::default() };
    assert_eq!(
        served.bms.search_contacts(&email).await.unwrap().items[0].id,
        id(5120),
        "a further email, in another case"
    );
    let ids = ContactSearch { ids: [5123, 5129, 77].map(id).into(), ..ContactSearch::default() };
    assert_eq!(served.bms.search_contacts(&ids).await.unwrap().items.len(), 2);
    let idle = ContactSearch { activity: Some(Activity::Inactive), ..ContactSearch::default() };
    assert_eq!(served.bms.search_contacts(&idle).await.unwrap().items.len(), 1);
    assert_eq!(served.bms.search_contacts(&ContactSearch::default()).await.unwrap().items.len(), 10);
}

#[tokio::test]
async fn employees_accounts_and_values_are_read() {
    let served = Served::start().await;
    let bms = &served.bms;
    let employees = bms.employees().await.unwrap().items;
    assert_eq!((employees.len(), employees[0].username.as_deref()), (2, Some("jo")));
    assert_eq!(employees[1].activity, Activity::Inactive);
    let accounts = bms.accounts().await.unwrap().items;
    let places = accounts[0].locations.iter().map(|one| (one.name.as_str(), one.main)).collect::<Vec<_>>();
    assert_eq!(places, [("Pier 4", Main::Yes), ("Yard", Main::No)]);
    assert_eq!(bms.accounts_named("lighthouse").await.unwrap().items[0].activity, Activity::Inactive);
    assert_eq!(bms.locations(id(301)).await.unwrap()[0].name, "Pier 4");
    assert!(matches!(bms.locations(id(9)).await, Err(BmsError::NotFound { .. })));
    for (what, first) in [
        (Lookup::Departments, "Operations"),
        (Lookup::JobTitles, "Technician"),
        (Lookup::Locations, "Headquarters"),
        (Lookup::EmployeeRoles, "Engineer"),
        (Lookup::SecurityRoles, "Administrator"),
        (Lookup::EmailTypes, "Work"),
        (Lookup::PhoneTypes, "Mobile"),
        (Lookup::Table("ContactType".to_owned()), "Client"),
    ] {
        let values = bms.lookup(&what).await.unwrap();
        assert_eq!((values[0].name.as_str(), values[0].rank), (first, Rank::Default), "{what:?}");
    }
    let odd = Lookup::Table("../contacts?x".to_owned());
    assert!(matches!(bms.lookup(&odd).await, Err(BmsError::Refused { .. })), "a name is one segment of a path");
}

#[tokio::test]
async fn tickets_rights_and_the_bridge_to_it_glue_are_read() {
    for faults in [&[][..], &["pascal-case=always"], &["bare=always"]] {
        let served = Served::with(faults).await;
        let bms = &served.bms;
        assert_eq!((bms.tickets_of(id(5120)).await.unwrap(), bms.tickets_of(id(5121)).await.unwrap()), (3, 0));
        let who = bms.user_info().await.unwrap();
        assert_eq!((who.company.as_deref(), who.administrator), (Some("Harbor IT"), Administrator::No));
        assert_eq!(who.rights, ["CRM", "HR"]);
        assert_eq!(bms.itglue().await.unwrap(), Bridge::On);
        let twin = bms.itglue_contact(id(5120)).await.unwrap().unwrap();
        assert_eq!((twin.id, twin.name.as_deref()), (730_155_000_000, Some("Marta Lindqvist")));
        assert_eq!(bms.itglue_contact(id(5121)).await.unwrap(), None, "{faults:?}");
        assert_eq!(bms.itglue_contact(id(1)).await.unwrap(), None, "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_ids_are_asked_for_in_parts() {
    let near = Near::new(crowd(200));
    let bms = near.client(Settings::default(), Memory::default());
    let search = ContactSearch { ids: (61..=180).map(id).collect(), ..ContactSearch::default() };
    let found = bms.search_contacts(&search).await.unwrap().items;
    assert_eq!(found.iter().map(|one| one.id.number()).collect::<Vec<_>>(), (61..=180).collect::<Vec<_>>());
    assert_eq!(near.calls("GET /v2/crm/contacts/search"), 6, "three parts, each with a look at a second page");
}
