//! A running bmsync in a simulation: started from what the disk holds, killed at any await, or stopped as it should be.

use std::sync::Arc;
use std::time::Duration;

use bmsync::approved::Consent;
use bmsync::controller::metrics::Metrics;
use bmsync::controller::{Connect, Connected, Controller, Held, Notification, Operations as _, Parts, Refusal};
use bmsync::engine::{self, Sources};
use bmsync::ledger::Ledger;
use bmsync::ledger::memory::MemoryLedger;
use bmsync::manifest::config::Tenant;
use bmsync::plan::{Change, Scope, plan};
use bmsync::source::{Progress, Source, SourceError};
use bmsync::store::local::LocalStore;

use super::beside;
use super::disk::Disk;
use super::service::Service;
use super::stage::Stage;
use crate::desk::desk;
use crate::oracle::translate::guid;

pub struct Process {
    pub controller: Controller,
    pub disk: Arc<Disk>,
    stage: Arc<Stage>,
}

impl Process {
    /// Starts from what the disk holds.
    pub async fn start(platters: &Arc<MemoryLedger>, stage: &Arc<Stage>) -> Self {
        let disk = Disk::new(platters, stage);
        let ledger = Arc::clone(&disk) as Arc<dyn Ledger>;
        let store = LocalStore::open(Arc::clone(&ledger), stage.clock()).await.expect("the disk can be read");
        let here = Arc::clone(stage);
        let connect: Connect = Arc::new(move |tenant: &Tenant, _meter| {
            let service = || Box::new(Service { stage: Arc::clone(&here), tenant: tenant.id.clone() });
            Ok(Connected { source: service(), subscriptions: service() })
        });
        let desk = desk(Arc::clone(&ledger));
        let parts = Parts {
            config: stage.config(),
            commit: None,
            ledger,
            store: Arc::new(store),
            connect,
            notification_url: stage.dice(fastrand::Rng::bool).then(|| "https://bmsync.test/webhooks/graph".to_owned()),
            metrics: Arc::new(Metrics::new(stage.now())),
            clock: stage.clock(),
            desk,
        };
        let controller = Controller::start(parts).await;
        if stage.it_glue.is_some() {
            controller.deliver(beside::open(stage));
        }
        Self { controller, disk, stage: Arc::clone(stage) }
    }

    /// Kills it: nothing it was about to do happens.
    pub async fn kill(self) {
        self.disk.kill();
        self.controller.stop(Duration::ZERO).await;
    }

    /// Stops it as it should be.
    pub async fn stop(self) {
        self.controller.stop(Duration::from_secs(10)).await;
        self.disk.kill();
    }

    /// A notification for each subscription of a tenant: genuine ones, or with another secret.
    pub fn notify(&self, tenant: &str, genuine: bool) {
        for (subscription, secret) in self.stage.subscriptions_of(&guid(tenant)) {
            let client_state = if genuine { secret } else { format!("{secret}x") };
            self.controller.notified(Notification { subscription, client_state: client_state.into(), lifecycle: None });
        }
    }

    /// A person approves what is held of a tenant just now; nothing when nothing is. An approval that fails may hold all
    /// the same: its answer may have been lost.
    pub async fn approve(&self, tenant: &str) -> Option<Result<Held, Refusal>> {
        let tenant = guid(tenant).to_string();
        let held = self.controller.held(&tenant).await.ok().filter(|held| !held.changes.is_empty())?;
        Some(self.controller.approve(&tenant, &held.digest).await)
    }

    /// What a guard holds back of a tenant.
    pub async fn held(&self, tenant: &str) -> Vec<Change> {
        self.controller.held(&guid(tenant).to_string()).await.map(|held| held.changes).unwrap_or_default()
    }
}

struct Services(Arc<Stage>);

impl Sources for Services {
    fn source(&self, tenant: &Tenant) -> Result<Box<dyn Source>, SourceError> {
        Ok(Box::new(Service { stage: Arc::clone(&self.0), tenant: tenant.id.clone() }))
    }

    fn progress(&self, _tenant: &Tenant) -> Box<dyn Progress> {
        Box::new(())
    }
}

/// Another process, `bmsync apply`, at the same time on the same state.
pub async fn apply_once(platters: &Arc<MemoryLedger>, stage: &Arc<Stage>) {
    let ledger = Arc::clone(platters) as Arc<dyn Ledger>;
    let store = LocalStore::open(ledger, stage.clock()).await.expect("the disk can be read");
    let config = stage.config();
    let observed = engine::observe(&config, &store, &Services(Arc::clone(stage)), &Scope::All).await;
    let observed = observed.expect("the state can be read");
    // Whoever is slow finds that the state has moved on, and is refused.
    let _ = engine::apply(&store, plan(&config, &observed, &Scope::All).approve(Consent::Withheld)).await;
}
