//! Operations that a BMS may not have.

use std::time::Duration;

use bmsync::simulator::World;
use bmsync::store::kaseya::api::{BmsError, Edit, Endpoint, Memory, Offer};
use serde_json::json;

use super::stage::{HARBOR, Near, Served, id, settings};

const PATCH: &str = "PATCH /v2/crm/contacts/{id}";

fn title() -> [Edit; 1] {
    [Edit::JobTitle(Some("Stoker".to_owned()))]
}

#[tokio::test(start_paused = true)]
async fn what_is_not_offered_is_asked_for_once_a_day() {
    for status in [404, 405] {
        let near = Near::new(World::from_yaml(HARBOR).unwrap().bms().unwrap().clone());
        near.look(|company| company.set_fault(&format!("not-offered=next2@contacts/5120:{status}"))).unwrap();
        let bms = near.client(settings(), Memory::default());
        for _ in 0..3 {
            let error = bms.edit_contact(id(5120), &title()).await.unwrap_err();
            assert!(matches!(error, BmsError::NotOffered { endpoint: Endpoint::PatchContact }), "{error:?}");
        }
        assert_eq!(near.calls(PATCH), 1);
        let bms = near.client(settings(), bms.memory());
        assert!(bms.edit_contact(id(5120), &title()).await.is_err(), "after a restart, too");
        assert_eq!(near.calls(PATCH), 1);
        tokio::time::sleep(Duration::from_hours(24)).await;
        assert!(bms.edit_contact(id(5120), &title()).await.is_err());
        assert_eq!(near.calls(PATCH), 2);
        tokio::time::sleep(Duration::from_hours(24)).await;
        bms.edit_contact(id(5120), &title()).await.unwrap();
    }
}

#[tokio::test]
async fn a_probe_tells_what_is_there_and_changes_nothing() {
    let served = Served::with(&["not-offered=always@phones:405"]).await;
    let before = served.company(|company| company.to_json());
    let offers = served.bms.probe(Some(id(5120)), Some(id(11))).await.unwrap();
    assert_eq!(offers.of(Endpoint::PatchContact), Some(Offer::There));
    assert_eq!(offers.of(Endpoint::PatchEmails), Some(Offer::There));
    assert!(matches!(offers.of(Endpoint::PatchPhones), Some(Offer::Missing { .. })));
    assert!(matches!(offers.of(Endpoint::PatchEmployee), Some(Offer::Missing { .. })));
    assert_eq!(served.company(|company| company.to_json()), before);
    served.fault("not-offered=off");
    let offers = served.bms.probe(Some(id(5120)), None).await.unwrap();
    assert_eq!(offers.of(Endpoint::PatchPhones), Some(Offer::There), "a probe does not wait for tomorrow");
}

#[tokio::test]
async fn employees_are_changed_where_a_bms_lets_them_be() {
    let served = Served::start().await;
    let error = served.bms.edit_employee(id(11), &title()).await.unwrap_err();
    assert!(matches!(error, BmsError::NotOffered { .. }), "{error:?}");
    served.fault("writable-employees=always");
    served.bms.probe(None, Some(id(11))).await.unwrap();
    served.bms.edit_employee(id(11), &title()).await.unwrap();
    assert_eq!(served.company(|company| company.get("employees", 11)).unwrap()["jobTitle"], json!("Stoker"));
}

#[tokio::test]
async fn a_question_that_nobody_answers_for_a_moment_is_asked_again() {
    let served = Served::with(&["not-offered=next1@contacts/summary"]).await;
    let error = served.bms.contacts(None).await.unwrap_err();
    assert!(matches!(error, BmsError::NotOffered { endpoint: Endpoint::ContactsSummary }), "{error:?}");
    assert_eq!(served.bms.contacts(None).await.unwrap().items.len(), 10);
    served.fault("not-offered=next1@contacts/summary");
    let error = served.bms.contacts(None).await.unwrap_err();
    assert!(matches!(error, BmsError::NotFound { .. }), "it was there before: {error:?}");
}
