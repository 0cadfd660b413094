//! When a tenant is read: the poll, waits after failures, reconnecting, full reads, and what ends a wait.

use bmsync::controller::{Operations as _, Phase};
use bmsync::source::SourceErrorClass;

use super::directory::{Asked, gaps};
use super::stage::{Learning, Stage, pass};

/// Whether two lengths are the same but for the tenth by which waits are spread.
fn close(waited: &[f64], wanted: &[f64]) -> bool {
    let near = |(waited, wanted): (&f64, &f64)| (waited - wanted).abs() <= wanted * 0.101;
    waited.len() >= wanted.len() && waited.iter().zip(wanted).all(near)
}

#[tokio::test(start_paused = true)]
async fn it_polls_each_interval_spread_by_a_tenth() {
    let stage = Stage::start("{ pollInterval: 60s }", Learning::Polled).await;
    pass(3600).await;
    let gaps = gaps(&stage.contoso.looks());
    assert!((54..=67).contains(&gaps.len()), "{} looks", gaps.len());
    assert!(gaps.iter().all(|gap| (54.0..=66.0).contains(gap)), "{gaps:?}");
    let apart: Vec<f64> = gaps.iter().map(|gap| (gap - gaps[0]).abs()).collect();
    assert!(apart.iter().any(|apart| *apart > 0.1), "they are spread: {gaps:?}");
    assert_eq!(stage.contoso.asked(&[Asked::Everything]), [0.0], "the first alone reads everything");
    assert_eq!(stage.revision().await, 1, "one commit, and then nothing to do");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_in_the_state_within_one_interval() {
    let stage = Stage::start("{ pollInterval: 60s }", Learning::Polled).await;
    pass(90).await;
    stage.contoso.remove(1);
    assert_eq!(stage.inactive().await, 0);
    pass(67).await;
    assert_eq!(stage.inactive().await, 1);
}

#[tokio::test(start_paused = true)]
async fn after_failures_it_backs_off_and_after_five_it_reconnects_by_itself() {
    let stage = Stage::start("{ pollInterval: 60s }", Learning::Polled).await;
    pass(1).await;
    stage.contoso.fail(Some(SourceErrorClass::Transient));
    pass(600).await;
    let looks = stage.contoso.looks();
    let waits = gaps(&looks[1..]);
    assert!(close(&waits, &[2.0, 4.0, 8.0, 16.0, 120.0, 2.0, 4.0, 8.0, 16.0, 120.0]), "{waits:?}");
    assert!((waits[4] - 120.0).abs() < 0.1, "the wait before reconnecting is the manifest's: {waits:?}");
    assert_eq!(stage.inactive().await, 0);

    let status = stage.contoso_status().await;
    assert!(status.failures >= 10 && matches!(status.phase, Phase::BackingOff | Phase::Disconnected), "{status:?}");
    stage.contoso.fail(None);
    stage.contoso.remove(1);
    pass(121).await;
    let status = stage.contoso_status().await;
    assert_eq!((status.phase, status.failures), (Phase::Watching, 0));
    assert_eq!(stage.inactive().await, 1, "what changed meanwhile is caught up with");
    assert_eq!(stage.contoso.asked(&[Asked::Everything]).len(), 1, "from where it was, without reading everything");
}

#[tokio::test(start_paused = true)]
async fn the_manifest_says_how_many_failures_and_how_long() {
    let policy = "{ pollInterval: 5s, reconnect: { failures: 3, after: 300s } }";
    let stage = Stage::start(policy, Learning::Polled).await;
    pass(1).await;
    stage.contoso.fail(Some(SourceErrorClass::Transient));
    pass(400).await;
    let waits = gaps(&stage.contoso.looks()[1..]);
    assert!(close(&waits, &[2.0, 4.0, 300.0, 2.0, 4.0]), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn what_only_a_person_can_end_is_tried_ever_more_seldom() {
    let stage = Stage::start("{ pollInterval: 60s }", Learning::Polled).await;
    pass(1).await;
    stage.contoso.fail(Some(SourceErrorClass::Person));
    pass(2000).await;
    let waits = gaps(&stage.contoso.looks()[1..]);
    assert!(close(&waits, &[120.0, 240.0, 480.0, 960.0]) && waits.len() < 6, "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn one_tenants_failure_delays_no_other() {
    let stage = Stage::start("{ pollInterval: 60s }", Learning::Polled).await;
    pass(1).await;
    stage.contoso.fail(Some(SourceErrorClass::Transient));
    pass(3600).await;
    let gaps = gaps(&stage.fabrikam.looks());
    assert!(gaps.len() >= 54 && gaps.iter().all(|gap| *gap <= 66.0), "{gaps:?}");
    stage.fabrikam.remove(1);
    pass(67).await;
    assert_eq!(stage.inactive().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_person_who_says_look_ends_the_wait_before_reconnecting() {
    let stage = Stage::start("{ pollInterval: 60s }", Learning::Polled).await;
    pass(1).await;
    stage.contoso.fail(Some(SourceErrorClass::Person));
    pass(70).await;
    assert_eq!(stage.contoso_status().await.phase, Phase::Disconnected);
    stage.contoso.fail(None);
    let before = stage.contoso.looks().len();
    stage.controller().sync(Some("contoso")).unwrap();
    pass(1).await;
    assert_eq!(stage.contoso.looks().len(), before + 1);
    assert_eq!(stage.contoso_status().await.phase, Phase::Watching);
}

#[tokio::test(start_paused = true)]
async fn everything_is_read_each_full_sync_interval_and_corrects_what_was_missed() {
    let stage = Stage::start("{ pollInterval: 10m, fullSyncInterval: 24h }", Learning::Polled).await;
    pass(3600).await;
    stage.contoso.remove_silently(1);
    pass(20 * 3600).await;
    assert_eq!(stage.inactive().await, 0, "the changes do not tell");
    pass(5 * 3600).await;
    assert_eq!(stage.inactive().await, 1, "the full read corrects it");
    assert!(stage.counts("bmsync_full_reads_total{tenant=\"contoso\"} 2"), "{}", stage.controller().metrics());
    pass(48 * 3600).await;
    let full = gaps(&stage.contoso.asked(&[Asked::Everything]));
    // Due after 24 hours, and read with the next poll.
    assert!(full.len() == 3 && full.iter().all(|gap| (86_400.0..=86_400.0 + 660.0).contains(gap)), "{full:?}");
    let both = gaps(&stage.fabrikam.asked(&[Asked::Everything]));
    assert_eq!(both.len(), 3, "each tenant for itself");
}

#[tokio::test(start_paused = true)]
async fn orders_to_look_that_come_together_are_one_look() {
    let stage = Stage::start("{ pollInterval: 1h }", Learning::Polled).await;
    pass(10).await;
    let before = stage.contoso.looks().len();
    for _ in 0..1000 {
        stage.controller().sync(None).unwrap();
    }
    pass(10).await;
    assert_eq!(stage.contoso.looks().len(), before + 1);
}
