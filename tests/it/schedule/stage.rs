//! A controller on a ledger in memory, with fakes as its directories, and a watch that shows how long it has run.

use std::sync::Arc;
use std::time::Duration;

use bmsync::controller::metrics::Metrics;
use bmsync::controller::{Connect, Connected, Controller, Notification, Operations as _, Parts, TenantStatus};
use bmsync::ledger::Ledger;
use bmsync::ledger::memory::MemoryLedger;
use bmsync::manifest::{ManifestFile, load};
use bmsync::model::{Id, Kind, Record, Status};
use bmsync::store::local::{Clock, LocalStore};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::time::Instant;

use super::directory::{Fake, GROUP};
use crate::desk::desk;

/// The first tenant.
pub const CONTOSO: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
/// The second tenant.
pub const FABRIKAM: &str = "94841066-274d-4ec0-a5c1-276be684bdd3";

/// Shows how long a test has run, by the time of the runtime.
#[derive(Clone)]
pub struct Watch(Instant);

impl Watch {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn elapsed(&self) -> SignedDuration {
        SignedDuration::try_from(self.0.elapsed()).unwrap()
    }

    /// What time it is when a test begins.
    pub fn beginning() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    pub fn now(&self) -> Timestamp {
        Self::beginning() + self.elapsed()
    }
}

pub struct Stage {
    pub contoso: Fake,
    pub fabrikam: Fake,
    controller: Controller,
    store: Arc<LocalStore>,
}

/// How changes are learnt of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Learning {
    Polled,
    Told,
}

impl Stage {
    /// Two tenants of eight users each, and a policy.
    pub async fn start(policy: &str, learning: Learning) -> Self {
        let watch = Watch::start();
        let fakes = (Fake::new(&watch, "contoso", 8), Fake::new(&watch, "fabrikam", 8));
        Self::with(policy, learning, &watch, fakes).await
    }

    pub async fn with(policy: &str, learning: Learning, watch: &Watch, fakes: (Fake, Fake)) -> Self {
        Self::on(Arc::new(MemoryLedger::new()), policy, learning, watch, fakes).await
    }

    pub async fn on(
        ledger: Arc<dyn Ledger>,
        policy: &str,
        learning: Learning,
        watch: &Watch,
        (contoso, fabrikam): (Fake, Fake),
    ) -> Self {
        let clock: Clock = Arc::new({
            let watch = watch.clone();
            move || watch.now()
        });
        let store = Arc::new(LocalStore::open(Arc::clone(&ledger), Arc::clone(&clock)).await.unwrap());
        let loaded = load(&[ManifestFile::new("all.yaml", manifests(policy))]);
        let config = Arc::new(loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics)));
        let connect: Connect = Arc::new({
            let (contoso, fabrikam) = (contoso.clone(), fabrikam.clone());
            move |tenant, _meter| {
                let fake = if tenant.id == Id::new(CONTOSO) { &contoso } else { &fabrikam };
                Ok(Connected { source: Box::new(fake.clone()), subscriptions: Box::new(fake.clone()) })
            }
        });
        let notification_url = match learning {
            Learning::Polled => None,
            Learning::Told => Some(String::from("https://bmsync.example/webhooks/graph")),
        };
        let metrics = Arc::new(Metrics::new(watch.now()));
        let shared = Arc::clone(&store);
        let desk = desk(Arc::clone(&ledger));
        let parts =
            Parts { config, commit: None, ledger, store: shared, connect, notification_url, metrics, clock, desk };
        Self { contoso, fabrikam, controller: Controller::start(parts).await, store }
    }

    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    pub async fn contoso_status(&self) -> TenantStatus {
        let id = Id::new(CONTOSO);
        self.controller.tenants().await.into_iter().find(|tenant| tenant.tenant_id == id).unwrap()
    }

    pub async fn employees(&self) -> Vec<Record> {
        self.controller.records(Kind::Employee, 0, 1000).await.unwrap()
    }

    pub async fn inactive(&self) -> usize {
        self.employees().await.iter().filter(|one| one.status == Status::Inactive).count()
    }

    /// Whether the metrics have this line.
    pub fn counts(&self, line: &str) -> bool {
        self.controller.metrics().lines().any(|one| one == line)
    }

    /// Tells of a change of Contoso's users, with this secret.
    pub fn notify(&self, secret: &str) {
        let client_state = SecretString::from(secret);
        self.controller.notified(Notification { subscription: String::from("users"), client_state, lifecycle: None });
    }

    pub async fn stop(&self) {
        self.controller.stop(Duration::from_secs(8)).await;
    }

    pub async fn revision(&self) -> u64 {
        self.store.view(|actual| actual.revision.0).await.unwrap()
    }
}

/// Lets so many seconds pass.
pub async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn manifests(policy: &str) -> String {
    let tenant = |name: &str, id: &str| {
        format!(
            "apiVersion: bmsync/v1\nkind: Tenant\nmetadata: {{ name: {name} }}\nspec:\n  domain: {name}.onmicrosoft.com\n  \
             tenantId: {id}\n  applicationId: 1f3c5d7e-0000-4000-8000-000000000001\n  applicationKey: {{ env: KEY }}\n  \
             signIn: application\n---\napiVersion: bmsync/v1\nkind: MappingRule\nmetadata: {{ name: {name}-staff }}\n\
             spec: {{ tenantId: {id}, groupId: {GROUP}, order: 10, record: employee }}\n---\n"
        )
    };
    format!(
        "{}{}apiVersion: bmsync/v1\nkind: EmployeeDefaults\nmetadata: {{ name: defaults }}\nspec: {{ department: \
         Operations, location: HQ, manager: jsmith, jobTitle: Technician, employmentType: Full Time, employeeRole: \
         Engineer, securityRole: User }}\n---\napiVersion: bmsync/v1\nkind: SyncPolicy\nmetadata: {{ name: policy }}\n\
         spec: {policy}\n",
        tenant("contoso", CONTOSO),
        tenant("fabrikam", FABRIKAM)
    )
}
