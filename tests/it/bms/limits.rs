//! The calls of an hour: kept, told of, and not forgotten.

use std::num::NonZeroU32;
use std::time::Duration;

use bmsync::simulator::World;
use bmsync::store::kaseya::api::{BmsError, Edit, Endpoint, Extent, Memory, Settings};

use super::stage::{HARBOR, Near, Served, crowd, id, settings};

const LIST: &str = "GET /v2/crm/contacts/summary";

fn an_hour_of(calls: u32) -> Settings {
    Settings { calls_per_hour: NonZeroU32::new(calls).unwrap(), page_size: NonZeroU32::new(100).unwrap(), ..settings() }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_contacts_are_read_within_the_limit_over_hours() {
    let near = Near::new(crowd(10_000));
    near.look(|company| company.limit_calls(30));
    let bms = near.client(an_hour_of(30), Memory::default());
    let mut pages = bms.pages();
    let mut hours = 0;
    while let Err(error) = bms.read_contacts(None, &mut pages).await {
        let BmsError::Throttled { endpoint: Endpoint::ContactsSummary, until } = error else { panic!("{error:?}") };
        assert_eq!(bms.budget().free_at(Endpoint::ContactsSummary, bms.now()), until);
        let wait = Duration::try_from(until.duration_since(bms.now())).unwrap();
        tokio::time::sleep(wait).await;
        hours += 1;
        assert!(hours < 10, "it does not come to an end");
    }
    let listing = pages.listing();
    assert_eq!((listing.items.len(), listing.extent), (10_000, Extent::Whole));
    assert_eq!(near.calls(LIST), 100);
    let stats = near.look(|company| company.stats());
    assert_eq!(stats[LIST]["429"], serde_json::Value::Null, "BMS never had to refuse");
    assert_eq!(hours, 3);
}

#[tokio::test(start_paused = true)]
async fn a_restart_does_not_make_room() {
    let near = Near::new(World::from_yaml(HARBOR).unwrap().bms().unwrap().clone());
    let first = near.client(an_hour_of(2), Memory::default());
    first.contacts(None).await.unwrap();
    first.contacts(None).await.unwrap();
    let kept = serde_json::to_string(&first.memory()).unwrap();
    let second = near.client(an_hour_of(2), serde_json::from_str(&kept).unwrap());
    assert!(matches!(second.contacts(None).await, Err(BmsError::Throttled { .. })));
    assert_eq!(near.calls(LIST), 2);
    assert_eq!(second.budget().room(Endpoint::PatchContact, second.now()), 2, "each operation by itself");
    tokio::time::sleep(Duration::from_mins(61)).await;
    second.contacts(None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_bms_sets_lower_is_kept_to_as_well() {
    for (fault, wait) in
        [("throttle=next1@crm:90", 90), ("throttle-403=next1@crm:90", 90), ("throttle-403=next1@crm:0", 120)]
    {
        let near = Near::new(World::from_yaml(HARBOR).unwrap().bms().unwrap().clone());
        near.look(|company| company.set_fault(fault)).unwrap();
        let bms = near.client(settings(), Memory::default());
        let error = bms.contacts(None).await.unwrap_err();
        let BmsError::Throttled { until, .. } = error else { panic!("{fault}: {error:?}") };
        assert_eq!(until.duration_since(bms.now()).as_secs(), wait, "{fault}");
        assert!(matches!(bms.contacts(None).await, Err(BmsError::Throttled { .. })));
        assert_eq!(near.calls(LIST), 1, "nothing is asked before");
        tokio::time::sleep(Duration::from_secs(u64::try_from(wait).unwrap())).await;
        assert_eq!(bms.contacts(None).await.unwrap().items.len(), 10, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_changed_when_the_change_could_not_be_looked_at() {
    let near = Near::new(World::from_yaml(HARBOR).unwrap().bms().unwrap().clone());
    let bms = near.client(an_hour_of(1), Memory::default());
    bms.contact(id(5120)).await.unwrap();
    let error = bms.edit_contact(id(5120), &[Edit::JobTitle(None)]).await.unwrap_err();
    assert!(matches!(error, BmsError::Throttled { endpoint: Endpoint::ContactSummary, .. }), "{error:?}");
    assert_eq!(near.calls("PATCH /v2/crm/contacts/{id}"), 0);
}

#[tokio::test]
async fn a_right_that_is_missing_is_no_limit() {
    let served = Served::with(&["refuse=always@crm", "status-errors=always"]).await;
    let error = served.bms.contacts(None).await.unwrap_err();
    assert!(matches!(&error, BmsError::Refused { message, code: Some(400) } if message == "No."), "{error:?}");
    assert_eq!(served.calls(LIST), 1, "what is refused is not asked again");
}
