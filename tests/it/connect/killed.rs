//! The program is killed between the login service's answer and its own disk: the newest sign-in that can be used is there,
//! or it is said that a person must connect again.

use std::time::Duration;

use tokio::time::sleep;

use super::place::Place;
use super::program::command;

/// Has a plan exchange the sign-in and kills it when the service has answered but the answer has not come.
async fn kill_in_between(place: &Place) {
    let before = place.tokens(200);
    place.fault("slow=next1@oauth2/v2.0/token:60000");
    let mut plan = command(place.path(), &["plan"]).spawn().unwrap();
    while place.tokens(200) == before {
        sleep(Duration::from_millis(10)).await;
    }
    plan.kill().await.unwrap();
    plan.wait().await.unwrap();
    place.control().clear_faults();
}

#[tokio::test]
async fn the_one_before_is_still_good() {
    let place = Place::signed_in().await;
    for _ in 0..3 {
        kill_in_between(&place).await;
        let (exit, said) = place.done(&["plan"]).await;
        assert!(exit == 0 && said.contains("2 users"), "{said}");
    }
    let (exit, said) = place.done(&["doctor", "harbor"]).await;
    assert!(exit == 0, "{said}");
}

#[tokio::test]
async fn where_the_service_took_it_back_a_person_is_asked_for_and_nobody_else() {
    let place = Place::signed_in().await;
    place.fault("retire-refresh-token=next1");
    let before = place.tokens(200);
    place.fault("slow=next1@oauth2/v2.0/token:60000");
    let mut plan = command(place.path(), &["plan"]).spawn().unwrap();
    while place.tokens(200) == before {
        sleep(Duration::from_millis(10)).await;
    }
    plan.kill().await.unwrap();
    place.control().clear_faults();

    let (exit, said) = place.done(&["plan"]).await;
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("sign-in") && said.contains("`bmsync connect harbor`"), "{said}");
    let (exit, told) = place.json(&["doctor", "harbor", "-o", "json"]).await;
    let checks = told["checks"].as_array().unwrap();
    let failed = checks.iter().find(|one| one["check"] == "sign-in").unwrap();
    assert_eq!((exit, &failed["status"], &failed["job"]), (1, &"failed".into(), &"user".into()), "{failed}");
    let (exit, said) = place.connect(&[]).await;
    assert_eq!(exit, 0, "{said}");
    assert_eq!(place.done(&["plan"]).await.0, 0);
}

#[tokio::test]
async fn at_any_moment() {
    let place = Place::signed_in().await;
    let mut random = fastrand::Rng::with_seed(43);
    for kill in 0..12 {
        let mut plan = command(place.path(), &["plan"]).spawn().unwrap();
        sleep(Duration::from_micros(random.u64(0..250_000))).await;
        plan.kill().await.unwrap();
        plan.wait().await.unwrap();
        let (exit, said) = place.done(&["plan"]).await;
        assert!(exit == 0 && said.contains("2 users"), "kill {kill}: {said}");
    }
    let (_, told) = place.json(&["get", "tenants", "harbor", "-o", "json"]).await;
    assert_eq!((&told["signedIn"]["account"], &told["personNeeded"]), (&"marta@harbor.example".into(), &false.into()));
}
