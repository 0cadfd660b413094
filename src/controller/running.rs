//! The running controller: its tasks, what they share, and how it starts and ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::connecting::Desk;
use super::connection::Connection;
use super::core::Core;
use super::credentials::Credentials;
use super::delivering::{Delivering, Delivery, OpenSink};
use super::gate::Gate;
use super::metrics::{Authenticity, Metrics};
use super::operations::kept_approvals;
use super::queue::Queue;
use super::status::{Conditions, Known};
use super::subscription::SubscriptionTable;
use super::watch::{Nudge, watch_tenant};
use super::{Notification, TenantStatus};
use crate::ledger::Ledger;
use crate::manifest::config::{Config, Tenant};
use crate::model::{Id, Text};
use crate::source::subscription::Subscriptions;
use crate::source::{Meter, Source, SourceError};
use crate::store::Store;
use crate::store::book::Clock;

/// Gives the connection of a tenant; what it asks is counted by the meter.
pub type Connect = Arc<dyn Fn(&Tenant, Arc<dyn Meter>) -> Result<Connected, SourceError> + Send + Sync>;

/// A tenant's directory service: read, and subscribed to.
pub struct Connected {
    /// Reads it.
    pub source: Box<dyn Source>,
    /// Has it tell of changes.
    pub subscriptions: Box<dyn Subscriptions>,
}

/// What a controller works with.
pub struct Parts {
    /// The configuration to start with.
    pub config: Arc<Config>,
    /// The commit that it is of, where bmsync itself keeps a copy of the repository.
    pub commit: Option<Text>,
    /// Where mirrors and approvals are kept.
    pub ledger: Arc<dyn Ledger>,
    /// The BMS.
    pub store: Arc<dyn Store>,
    /// How tenants are reached.
    pub connect: Connect,
    /// Where the service tells of changes; without it, it is only polled.
    pub notification_url: Option<String>,
    /// Where everything is counted.
    pub metrics: Arc<Metrics>,
    /// Tells the time: when a full read or a renewal is due, and how long an approval holds.
    pub clock: Clock,
    /// Where people sign in.
    pub desk: Desk,
}

/// How long tasks may take to end once nothing is written any more: as long as the services take to be told.
const FAREWELL: Duration = Duration::from_secs(4);

/// A bmsync that keeps converging until it is stopped.
pub struct Controller {
    shared: Arc<Shared>,
    /// Follows a live BMS, where there is one.
    bms: Mutex<Option<(watch::Sender<bool>, JoinHandle<()>)>>,
}

/// What tasks and operations share.
pub(super) struct Shared {
    pub ledger: Arc<dyn Ledger>,
    pub store: Arc<dyn Store>,
    /// Held by whoever makes a round.
    pub rounds: tokio::sync::Mutex<()>,
    pub core: tokio::sync::Mutex<Core>,
    pub gate: Gate,
    pub connect: Connect,
    pub notification_url: Option<String>,
    pub metrics: Arc<Metrics>,
    clock: Clock,
    pub desk: Desk,
    queue: Arc<Queue>,
    subscriptions: Mutex<SubscriptionTable>,
    conditions: Mutex<Conditions>,
    /// Why the newest manifests are not in force.
    problem: Mutex<Option<String>>,
    credentials: Mutex<Credentials>,
    config: RwLock<Arc<Config>>,
    tenants: Mutex<BTreeMap<Id, Watched>>,
    /// Told whenever a round has written, or a look at BMS may have.
    pub written: Arc<Notify>,
    /// How IT Glue is reached; nothing is delivered without it.
    pub open_sink: Mutex<Option<OpenSink>>,
    pub delivering: Mutex<Option<Delivering>>,
    pub delivery: Mutex<Delivery>,
}

/// A tenant with its task.
struct Watched {
    tenant: Tenant,
    connection: Connection,
    /// None while it is suspended.
    nudge: Option<Arc<Nudge>>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Controller {
    /// Starts watching every declared tenant.
    pub async fn start(parts: Parts) -> Self {
        let Parts { config, commit, ledger, store, connect, notification_url, metrics, clock, desk } = parts;
        metrics.declare(config.tenants.iter().map(|tenant| tenant.name.as_str()));
        let gate = Gate::default();
        let mut core = Core::new(Arc::clone(&config), commit, Arc::clone(&store));
        core.approvals = kept_approvals(&*ledger).await;
        let queue = Arc::new(Queue::new(Arc::clone(&metrics)));
        let shared = Arc::new(Shared {
            queue,
            ledger,
            store,
            rounds: tokio::sync::Mutex::default(),
            core: tokio::sync::Mutex::new(core),
            gate,
            connect,
            notification_url,
            metrics,
            clock,
            desk,
            subscriptions: Mutex::default(),
            conditions: Mutex::default(),
            problem: Mutex::default(),
            credentials: Mutex::default(),
            config: RwLock::new(config),
            tenants: Mutex::default(),
            written: Arc::default(),
            open_sink: Mutex::default(),
            delivering: Mutex::default(),
            delivery: Mutex::default(),
        });
        let following = shared.store.standing().map(|_| {
            let (stop, stopped) = watch::channel(false);
            (stop, tokio::spawn(super::bms::follow(Arc::clone(&shared), stopped)))
        });
        let controller = Self { shared, bms: Mutex::new(following) };
        controller.watch_declared();
        controller
    }

    /// What can be asked of it.
    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Puts another configuration in force: tenants that changed are connected anew, everybody is planned again. Where
    /// only the commit is another one, that is noted and nothing is looked at.
    pub async fn configure(&self, config: Arc<Config>, commit: Option<Text>) {
        self.shared.core.lock().await.configure(Arc::clone(&config), commit);
        if Arc::ptr_eq(&config, &self.shared.config()) {
            return;
        }
        self.shared.metrics.declare(config.tenants.iter().map(|tenant| tenant.name.as_str()));
        self.shared.credentials().retain(|tenant| config.tenant(tenant).is_some());
        *self.shared.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        self.watch_declared();
        self.deliver_declared();
        self.nudge_all();
    }

    /// Notes why the newest manifests are not in force, on one line fit to be shown; nothing when they are.
    pub fn note_problem(&self, problem: Option<String>) {
        let (config, now) = (self.shared.config(), self.shared.now());
        for tenant in &config.tenants {
            self.shared.conditions().observe_manifests(tenant, problem.as_deref(), now);
        }
        *self.shared.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    /// Makes the tasks those of the declared tenants.
    fn watch_declared(&self) {
        let config = self.shared.config();
        let mut tenants = self.shared.tenants();
        let ended = tenants.extract_if(.., |id, watched| config.tenant(id) != Some(&watched.tenant));
        let mut ended: BTreeMap<Id, Watched> = ended.collect();
        ended.values().for_each(Watched::stop);
        for tenant in &config.tenants {
            let before = ended.remove(&tenant.id).and_then(|watched| watched.task);
            tenants.entry(tenant.id.clone()).or_insert_with(|| Watched::start(&self.shared, tenant, before));
        }
        for tenant in ended.keys() {
            self.shared.queue.forget(tenant);
        }
    }

    /// Ends a tenant's task and starts it anew: what it held of a sign-in goes with it.
    pub fn reconnect(&self, tenant: &Id) {
        let mut tenants = self.shared.tenants();
        let Some(mut watched) = tenants.remove(tenant) else { return };
        watched.stop();
        let anew = Watched::start(&self.shared, &watched.tenant, watched.task.take());
        tenants.insert(tenant.clone(), anew);
    }

    /// Looks again at every tenant.
    pub fn nudge_all(&self) {
        self.shared.tenants().values().for_each(|watched| watched.ask(Nudge::look));
    }

    /// Stops: a commit that is under way ends, none begins after it, and the services are told. A plan that is being made
    /// is not waited for, for nothing will be written of it. What has not ended by then is left to die; nothing that was
    /// reported is lost by it.
    pub async fn stop(&self, within: Duration) {
        let delivering = self.shared.delivering().take();
        let until = tokio::time::Instant::now() + within;
        let mut tasks: Vec<JoinHandle<()>> = {
            let mut tenants = self.shared.tenants();
            tenants.values().for_each(Watched::stop);
            tenants.values_mut().filter_map(|watched| watched.task.take()).collect()
        };
        tasks.extend(delivering.map(|delivering| {
            delivering.stop();
            delivering.into_task()
        }));
        if let Some((stop, task)) = self.bms.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = stop.send(true);
            tasks.push(task);
        }
        if tokio::time::timeout_at(until, self.shared.gate.shut()).await.is_err() {
            tracing::warn!("the commit under way did not end in time; it will have happened as a whole or not at all");
        }
        let all = async {
            for task in &mut tasks {
                let _ = task.await;
            }
        };
        let soon = until.min(tokio::time::Instant::now() + FAREWELL);
        if tokio::time::timeout_at(soon, all).await.is_err() {
            tracing::warn!("not every task ended in time; what was reported is safe");
        }
        tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Watched {
    /// Tells its task to end; a task that has ended needs no telling.
    fn stop(&self) {
        let _ = self.stop.send(true);
    }

    /// Asks its task to look; a tenant that is not watched has none.
    fn ask(&self, how: impl FnOnce(&Nudge)) {
        if let Some(nudge) = &self.nudge {
            how(nudge);
        }
    }

    /// Watches a tenant once the task that watched it before has ended.
    fn start(shared: &Arc<Shared>, tenant: &Tenant, before: Option<JoinHandle<()>>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut connection = Connection::default();
        if tenant.suspend {
            connection.suspend();
            shared.queue.forget(&tenant.id);
            return Self { tenant: tenant.clone(), connection, nudge: None, stop, task: None };
        }
        let nudge = Arc::new(Nudge::new(Arc::clone(&shared.queue), tenant.id.clone()));
        let watching = watch_tenant(Arc::clone(shared), tenant.clone(), Arc::clone(&nudge), stopped);
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            watching.await;
        });
        Self { tenant: tenant.clone(), connection, nudge: Some(nudge), stop, task: Some(task) }
    }
}

impl Shared {
    /// What time it is.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why the newest manifests are not in force.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The conditions of tenants and rules.
    pub fn conditions(&self) -> MutexGuard<'_, Conditions> {
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a tenant's state, by its conditions: noted too, so that it is known since when each holds.
    pub fn status(&self, core: &Core, tenant: &Tenant) -> TenantStatus {
        let (problem, now) = (self.problem(), self.now());
        let connection = self.connection(&tenant.id, |connection| connection.clone());
        let expiring = self.credentials().of(&tenant.id).to_vec();
        let standing = self.store.standing();
        let known = Known { core, problem: problem.as_deref(), expiring: &expiring, standing: standing.as_ref() };
        self.conditions().tenant(tenant, &connection, known, now)
    }

    /// Notes since when what holds after a look: how its tenant is reached, and everything of all when it planned somebody.
    pub fn observe(&self, core: &Core, tenant: &Tenant, planned: usize) {
        if planned > 0 {
            core.config.tenants.iter().for_each(|tenant| drop(self.status(core, tenant)));
            return;
        }
        let connection = self.connection(&tenant.id, |connection| connection.clone());
        let expiring = self.credentials().of(&tenant.id).to_vec();
        self.conditions().observe(tenant, &connection, &expiring, self.now());
    }

    /// What the tenants sign in with.
    pub fn credentials(&self) -> MutexGuard<'_, Credentials> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The subscriptions of all tenants.
    pub fn subscriptions(&self) -> MutexGuard<'_, SubscriptionTable> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A notification came: if it is genuine, its tenant is looked at closely.
    pub fn notified(&self, notification: &Notification) {
        let tenant = self.subscriptions().notified(notification);
        let known = || self.subscriptions().iter().any(|(_, _, state)| state.id() == Some(&notification.subscription));
        let authenticity = match &tenant {
            Some(_) => Authenticity::Genuine,
            None if known() => Authenticity::Forged,
            None => Authenticity::Unknown,
        };
        self.metrics.notification(authenticity);
        if let Some(tenant) = tenant {
            self.nudge_closely(&tenant);
        }
    }

    fn tenants(&self) -> MutexGuard<'_, BTreeMap<Id, Watched>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes or reads a tenant's connection; a tenant that is no longer watched has a blank one.
    pub fn connection<T>(&self, tenant: &Id, work: impl FnOnce(&mut Connection) -> T) -> T {
        match self.tenants().get_mut(tenant) {
            Some(watched) => work(&mut watched.connection),
            None => work(&mut Connection::default()),
        }
    }

    /// Puts a connection in place.
    pub fn set_connection(&self, tenant: &Id, connection: Connection) {
        self.connection(tenant, |known| *known = connection);
    }

    /// A tenant as a person names it: by name or ID.
    pub fn find(&self, wanted: &str) -> Option<Tenant> {
        let id = Id::new(wanted);
        self.config().tenants.iter().find(|tenant| tenant.name == wanted || tenant.id == id).cloned()
    }

    /// Looks again at a tenant.
    pub fn nudge(&self, tenant: &Id) {
        if let Some(watched) = self.tenants().get(tenant) {
            watched.ask(Nudge::look);
        }
    }

    /// Looks again at a tenant of which a notification came.
    pub fn nudge_closely(&self, tenant: &Id) {
        if let Some(watched) = self.tenants().get(tenant) {
            watched.ask(Nudge::look_closely);
        }
    }

    /// Tenants that were neither read nor are known to be failing.
    pub fn unread(&self) -> Vec<String> {
        let settled = |connection: &Connection| connection.last_success().is_some() || connection.failures() > 0;
        let tenants = self.tenants();
        let unread = tenants.values().filter(|watched| !watched.tenant.suspend && !settled(&watched.connection));
        let unread = unread.map(|watched| format!("tenant {} has not been read yet", watched.tenant.name));
        let bms = (!self.store.is_ready()).then(|| "BMS has not been read yet".to_owned());
        unread.chain(bms).collect()
    }
}
