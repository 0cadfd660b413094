//! Subscriptions over weeks, and what a notification does to the waiting.

use bmsync::controller::Operations as _;

use super::directory::{Asked, gaps};
use super::stage::{Learning, Stage, pass};

const DAY: f64 = 86_400.0;
const DAYS: u64 = 86_400;

#[tokio::test(start_paused = true)]
async fn subscriptions_are_renewed_a_week_ahead_for_as_long_as_it_runs() {
    let stage = Stage::start("{ pollInterval: 1h }", Learning::Told).await;
    pass(40 * DAYS).await;
    assert_eq!(stage.contoso.asked(&[Asked::Subscribe]).len(), 2, "users and groups, once");
    let renewed = stage.contoso.asked(&[Asked::Renew]);
    // Two subscriptions that live 14 days, renewed when half of that is over, give or take a tenth.
    assert!((10..=12).contains(&renewed.len()), "{renewed:?}");
    assert!(renewed.iter().take(2).all(|at| (6.3 * DAY..=7.7 * DAY + 10.0).contains(at)), "{renewed:?}");
    assert!(gaps(&renewed).iter().all(|gap| *gap <= 7.7 * DAY + 10.0), "never later than a week before the end");
    stage.stop().await;
    assert_eq!(stage.contoso.asked(&[Asked::Unsubscribe]).len(), 2, "and ended when it stops");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_gone_when_it_is_renewed_is_made_anew() {
    let stage = Stage::start("{ pollInterval: 1h }", Learning::Told).await;
    stage.contoso.lose_subscription();
    pass(9 * DAYS).await;
    assert_eq!(stage.contoso.asked(&[Asked::Renew]).len(), 2);
    let made = stage.contoso.asked(&[Asked::Subscribe]);
    assert_eq!(made.len(), 3, "{made:?}");
    assert!((6.3 * DAY..=7.7 * DAY + 20.0).contains(&made[2]), "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_public_address_there_are_none() {
    let stage = Stage::start("{ pollInterval: 1h }", Learning::Polled).await;
    pass(9 * DAYS).await;
    assert_eq!(stage.contoso.asked(&[Asked::Subscribe, Asked::Renew, Asked::Unsubscribe]), [0.0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_notification_that_comes_before_its_change_is_looked_after_three_times() {
    let stage = Stage::start("{ pollInterval: 1h }", Learning::Told).await;
    pass(60).await;
    let before = stage.contoso.looks().len();
    stage.notify("secret");
    pass(60).await;
    let looks = stage.contoso.looks()[before..].to_vec();
    let after: Vec<f64> = looks.iter().map(|at| (at - 60.0).round()).collect();
    assert_eq!(format!("{after:?}"), "[0.0, 1.0, 5.0, 20.0]", "{looks:?}");
    assert_eq!(stage.fabrikam.looks().len(), before, "the other tenant is not bothered");
}

#[tokio::test(start_paused = true)]
async fn it_looks_no_more_once_the_change_is_there() {
    let stage = Stage::start("{ pollInterval: 1h }", Learning::Told).await;
    pass(60).await;
    let before = stage.contoso.looks().len();
    stage.notify("secret");
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    stage.contoso.remove(1);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(stage.inactive().await, 1, "within two seconds of the notification");
    pass(60).await;
    assert_eq!(stage.contoso.looks().len(), before + 2);
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_notifications_is_one_look_and_a_forged_one_none() {
    let stage = Stage::start("{ pollInterval: 1h }", Learning::Told).await;
    pass(60).await;
    let before = stage.contoso.looks().len();
    for _ in 0..1000 {
        stage.notify("another secret");
    }
    pass(60).await;
    assert_eq!(stage.contoso.looks().len(), before);
    stage.contoso.remove(1);
    for _ in 0..1000 {
        stage.notify("secret");
    }
    pass(60).await;
    assert_eq!(stage.contoso.looks().len(), before + 1, "it found what there was with the first look");
    assert_eq!(stage.inactive().await, 1);
    assert!(stage.counts("bmsync_notifications_total{result=\"forged\"} 1000"), "{}", stage.controller().metrics());
}
