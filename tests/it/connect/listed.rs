//! `bmsync get tenants` on the local state: who signed in, until when, and whether a person is needed, without a secret.

use std::sync::Arc;

use bmsync::ledger::sled::SledLedger;
use bmsync::model::Id;
use bmsync::source::grant::{Grant, Grants as _};
use bmsync::vault::{Keys, Vault};
use jiff::{Timestamp, ToSpan};

use super::place::Place;
use super::world::{ADMIN, HOME};

#[tokio::test]
async fn who_signed_in_is_told_without_a_key_or_a_network() {
    let place = Place::new().await;
    let (exit, said) = place.done(&["get", "tenants"]).await;
    assert!(exit == 0 && said.contains("nobody") && said.contains("run `bmsync connect harbor`"), "{said}");

    let (exit, said) = place.connect(&[]).await;
    assert_eq!(exit, 0, "{said}");
    std::fs::remove_file(place.path().join(".bmsync/state.key")).unwrap();
    place.control().clear_stats();
    let (exit, told) = place.json(&["get", "tenants", "harbor", "-o", "json"]).await;
    let signed_in = &told["signedIn"];
    assert_eq!((exit, &signed_in["account"], &told["personNeeded"]), (0, &ADMIN.into(), &false.into()), "{told:#}");
    let at = |key: &str| signed_in[key].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert_eq!(at("goodUntil"), at("lastUsedAt") + (90 * 24).hours());
    assert!(signed_in["scopes"].as_array().unwrap().len() >= 4 && told["nextStep"].is_null(), "{told:#}");
    let (_, text) = place.done(&["get", "tenants"]).await;
    assert!(text.contains("SIGNED IN") && text.contains(ADMIN) && !text.contains("bmsync connect"), "{text}");
    let (_, csv) = place.done(&["get", "tenants", "-o", "csv"]).await;
    assert!(csv.contains("signedIn.account") && csv.contains(ADMIN), "{csv}");
    assert_eq!(place.control().stats().total(), 0, "nobody was asked");

    place.declare("endpoints:", "signIn: application\n  endpoints:");
    let (_, told) = place.json(&["get", "tenants", "harbor", "-o", "json"]).await;
    assert_eq!((told["signedIn"].is_null(), &told["personNeeded"]), (true, &false.into()), "{told:#}");
}

#[tokio::test]
async fn one_that_lies_idle_is_told_before_it_ends() {
    let place = Place::signed_in().await;
    let state = place.path().join(".bmsync/state");
    for (days, needed) in [(74, false), (76, true), (91, true)] {
        {
            let vault = Vault::open(Arc::new(SledLedger::open(&state).unwrap()), Keys::beside(&state));
            let of = vault.of(&Id::new(HOME));
            let grant = of.grant().await.unwrap().unwrap();
            let refreshed_at = Timestamp::now() - (days * 24).hours();
            of.keep(&Grant { refreshed_at, ..grant }).await.unwrap();
        }
        let (_, told) = place.json(&["get", "tenants", "harbor", "-o", "json"]).await;
        assert_eq!(told["personNeeded"], needed, "{days} days: {told:#}");
        assert_eq!(told["nextStep"].is_string(), needed, "{days} days: {told:#}");
    }
}

#[tokio::test]
async fn what_is_damaged_is_told_and_the_others_too() {
    let place = Place::signed_in().await;
    let state = place.path().join(".bmsync/state");
    {
        use bmsync::ledger::{Keep, Ledger as _};
        let ledger = SledLedger::open(&state).unwrap();
        let [(key, before)] = &ledger.kept("grant/").await.unwrap()[..] else { panic!("one") };
        let change = Keep { key: key.clone(), before: Some(before.clone()), after: Some(vec![1, 2, 3]) };
        ledger.keep(vec![change]).await.unwrap();
    }
    let (exit, told) = place.json(&["get", "tenants", "harbor", "-o", "json"]).await;
    assert_eq!((exit, &told["personNeeded"]), (0, &true.into()), "{told:#}");
    assert!(told["nextStep"].as_str().unwrap().contains("bmsync disconnect"), "{told:#}");
}
