//! Approvals hold for an hour, whatever keeps the changes from being made meanwhile.

use bmsync::controller::Operations as _;
use bmsync::source::SourceErrorClass;

use super::stage::{Learning, Stage, pass};

/// One deactivation is held; then the directory cannot be read, and a person approves what is held.
async fn approved_in_vain() -> Stage {
    let policy = "{ pollInterval: 60s, guards: { maxDeactivations: 0 } }";
    let stage = Stage::start(policy, Learning::Polled).await;
    pass(90).await;
    stage.contoso.remove(1);
    pass(70).await;
    let held = stage.controller().held("contoso").await.unwrap();
    assert_eq!((held.changes.len(), held.approved_until), (1, None));
    stage.contoso.fail(Some(SourceErrorClass::Transient));
    pass(300).await;
    let approved = stage.controller().approve("contoso", &held.digest).await.unwrap();
    assert!(approved.approved_until.is_some());
    assert_eq!(stage.inactive().await, 0, "of a tenant that cannot be read nothing changes");
    stage
}

#[tokio::test(start_paused = true)]
async fn an_approval_holds_for_an_hour() {
    let stage = approved_in_vain().await;
    pass(50 * 60).await;
    assert!(stage.controller().held("contoso").await.unwrap().approved_until.is_some());
    stage.contoso.fail(None);
    pass(250).await;
    assert_eq!(stage.inactive().await, 1);
}

#[tokio::test(start_paused = true)]
async fn and_no_longer() {
    let stage = approved_in_vain().await;
    pass(61 * 60).await;
    let held = stage.controller().held("contoso").await.unwrap();
    assert_eq!((held.changes.len(), held.approved_until), (1, None), "it is held again");
    stage.contoso.fail(None);
    pass(3600).await;
    assert_eq!(stage.inactive().await, 0);
    stage.controller().approve("contoso", &held.digest).await.unwrap();
    pass(1).await;
    assert_eq!(stage.inactive().await, 1, "approving it anew is all it needs");
}
