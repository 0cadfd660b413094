//! A sign-in that is about to end is told ahead by a running bmsync, and forgotten on order.

use std::sync::Arc;
use std::time::Duration;

use bmsync::controller::metrics::Metrics;
use bmsync::controller::{Condition, Connect, Connected, Controller, Operations, Parts, Refusal, Truth};
use bmsync::ledger::memory::MemoryLedger;
use bmsync::manifest::config::{SignIn, Tenant};
use bmsync::manifest::load_folder;
use bmsync::simulator::{Options, Simulator, World};
use bmsync::source::grant::{Grant, Grants};
use bmsync::source::graph::{GraphSource, Http, Pace};
use bmsync::store::local::LocalStore;
use bmsync::vault::{Keys, Vault};
use jiff::{Timestamp, ToSpan};

use super::stage::{grant, id};
use crate::run::world::{CONTOSO, DEFAULTS};

/// Nothing here takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_mins(1);

/// Reads a delegated tenant with the application's own sign-in: what is tested is what is told of the kept one.
fn connect() -> Connect {
    let http = Http::new();
    Arc::new(move |tenant, _meter| {
        let tenant = Tenant { sign_in: SignIn::Application, ..tenant.clone() };
        let source = || GraphSource::new(&tenant, &http, Pace::new(1));
        Ok(Connected { source: Box::new(source()?), subscriptions: Box::new(source()?) })
    })
}

async fn condition(controller: &Controller) -> Option<Condition> {
    let status = controller.tenants().await.remove(0);
    status.conditions.into_iter().find(|condition| condition.kind == "CredentialsCurrent")
}

/// The condition, once it is as it should be.
async fn until(controller: &Controller, is_so: impl Fn(Option<&Condition>) -> bool) -> Option<Condition> {
    let look = async {
        loop {
            let found = condition(controller).await;
            if is_so(found.as_ref()) {
                return found;
            }
            controller.nudge_all();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.expect("the condition is told")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_sign_in_is_told_ahead_and_forgotten_on_order() {
    let simulator =
        Simulator::start(World::from_yaml(&CONTOSO.directory(2)).unwrap(), Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, CONTOSO.key).unwrap();
    let from = format!("{{ env: {} }}", CONTOSO.variable);
    let manifest = CONTOSO.manifest(&simulator.url()).replace(&from, &format!("{{ file: {} }}", secret.display()));
    let manifest = manifest.replace("signIn: application", "signIn: delegated");
    let manifests = folder.path().join("manifests");
    std::fs::create_dir(&manifests).unwrap();
    std::fs::write(manifests.join("all.yaml"), format!("{manifest}---\n{}---\n{DEFAULTS}", CONTOSO.rule("{}")))
        .unwrap();
    let loaded = load_folder(&manifests);
    let config = Arc::new(loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics)));

    let ledger = Arc::new(MemoryLedger::new());
    let vault = Vault::open(ledger.clone(), Keys::beside(&folder.path().join("state")));
    let idle_since = Timestamp::now() - (80 * 24).hours();
    vault.of(&id(CONTOSO.id)).keep(&Grant { refreshed_at: idle_since, ..grant("idle") }).await.unwrap();
    let store = Arc::new(LocalStore::open(ledger.clone(), Arc::new(Timestamp::now)).await.unwrap());
    let metrics = Arc::new(Metrics::new(Timestamp::now()));
    let parts = Parts {
        config,
        commit: None,
        ledger,
        store,
        connect: connect(),
        notification_url: None,
        metrics,
        clock: Arc::new(Timestamp::now),
    };
    let controller = Controller::start(parts).await;

    let near = until(&controller, |found| found.is_some()).await.unwrap();
    assert_eq!((near.status, near.reason.as_str()), (Truth::False, "ExpiresSoon"));
    assert!(near.message.starts_with("the sign-in ends in 9 days"), "{}", near.message);
    let series =
        format!("bmsync_credential_expiry_timestamp_seconds{{tenant=\"{}\",credential=\"grant\"}}", CONTOSO.name);
    assert!(controller.metrics().contains(&series), "{}", controller.metrics());

    let done = controller.disconnect(CONTOSO.name).await.unwrap();
    assert_eq!((done.forgotten, done.account.as_deref()), (true, Some("ada@contoso.com")));
    until(&controller, |found| found.is_none()).await;
    assert!(vault.list().await.unwrap().is_empty());
    assert!(!controller.metrics().contains(&series));
    assert!(!controller.disconnect(CONTOSO.id).await.unwrap().forgotten);
    assert!(matches!(controller.disconnect("nobody").await, Err(Refusal::NotFound(_))));
    controller.stop(PATIENCE).await;
    simulator.stop().await;
}
