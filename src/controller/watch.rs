//! One tenant's task: look, wait, look again. What it waits for carries no data; it only ends the waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use super::connection::{Connection, FullRead, jittered};
use super::core::Converged;
use super::mirror::{Found, Mirror};
use super::running::Shared;
use crate::directory::News;
use crate::manifest::config::Tenant;
use crate::source::{Source, SourceError, SourceErrorClass};

/// A notification may come before the delta shows its change: so often it is looked again, after so long.
const RELOOKS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15)];

/// Ends a tenant's waiting.
#[derive(Debug, Default)]
pub(super) struct Nudge {
    notify: Notify,
    relooks: AtomicU32,
}

impl Nudge {
    /// Look again.
    pub fn look(&self) {
        self.notify.notify_one();
    }

    /// Look again, and if nothing is found, again a little later.
    pub fn look_closely(&self) {
        self.relooks.store(u32::try_from(RELOOKS.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
        self.look();
    }

    /// How long to wait before the next closer look, if one is left.
    fn closer_look(&self, found: Finding) -> Option<Duration> {
        let left = self.relooks.load(Ordering::Relaxed) as usize;
        if found == Finding::Something || left == 0 {
            self.relooks.store(0, Ordering::Relaxed);
            return None;
        }
        self.relooks.fetch_sub(1, Ordering::Relaxed);
        RELOOKS.get(RELOOKS.len() - left).copied()
    }
}

/// Whether a look found anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    Something,
    Nothing,
}

/// Watches a tenant until it is told to stop.
pub(super) async fn watch_tenant(
    shared: Arc<Shared>,
    tenant: Tenant,
    nudge: Arc<Nudge>,
    mut stop: watch::Receiver<bool>,
) {
    let mut eye = match Eye::open(&shared, tenant).await {
        Ok(eye) => eye,
        Err(error) => {
            tracing::error!(%error, "the mirror cannot be read: the tenant is not watched");
            return;
        }
    };
    while !*stop.borrow() {
        let wait = eye.look(&nudge).await;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = nudge.notify.notified() => {}
            _ = stop.changed() => {}
        }
    }
}

/// What a task holds on to between looks.
struct Eye {
    shared: Arc<Shared>,
    tenant: Tenant,
    mirror: Mirror,
    source: Option<Box<dyn Source>>,
    random: fastrand::Rng,
}

impl Eye {
    async fn open(shared: &Arc<Shared>, tenant: Tenant) -> Result<Self, crate::ledger::LedgerError> {
        let Found { mirror, directory, full_at } = Mirror::open(Arc::clone(&shared.ledger), &tenant).await?;
        if let Some(full_at) = full_at {
            shared.set_connection(&tenant.id, Connection::resumed(Some(full_at)));
            shared.core.lock().await.resume(tenant.id.clone(), directory);
        }
        Ok(Self { shared: Arc::clone(shared), tenant, mirror, source: None, random: fastrand::Rng::new() })
    }

    /// One look; says how long to wait before the next.
    async fn look(&mut self, nudge: &Nudge) -> Duration {
        let policy = self.shared.config().policy.clone();
        let full = self.shared.connection(&self.tenant.id, |connection| connection.begin(Timestamp::now(), &policy));
        let share = self.random.f64();
        match self.read(full).await {
            Ok((news, full)) => {
                self.shared.connection(&self.tenant.id, |connection| connection.succeeded(Timestamp::now(), full));
                let found = self.converge(news).await;
                nudge.closer_look(found).unwrap_or_else(|| jittered(policy.poll_interval, share))
            }
            Err(error) => {
                let SourceError { class, message, hint, source: _ } = error;
                let message = hint.map_or_else(|| message.clone(), |hint| format!("{message} ({hint})"));
                self.fail(message, class, &policy).await
            }
        }
    }

    async fn fail(
        &mut self,
        message: String,
        class: SourceErrorClass,
        policy: &crate::manifest::config::Policy,
    ) -> Duration {
        let lost = self.shared.core.lock().await.lose(&self.tenant.id, message.clone(), Timestamp::now()).await;
        if let Err(error) = lost {
            tracing::error!(tenant = %self.tenant.name, %error, "the round could not be written; it is made again");
        }
        let shown = crate::display::safe(&message).into_owned();
        let wait = self.shared.connection(&self.tenant.id, |connection| connection.failed(message, class, policy));
        tracing::warn!(tenant = %self.tenant.name, error = %shown, retry_in_s = wait.as_secs(), "the tenant could not be read");
        wait
    }

    /// Reads without holding the core: other tenants go on meanwhile.
    async fn read(&mut self, full: FullRead) -> Result<(News, FullRead), SourceError> {
        let links = match full {
            FullRead::Due => None,
            FullRead::NotDue => self.shared.core.lock().await.links(&self.tenant.id),
        };
        let source = match &self.source {
            Some(source) => source,
            None => self.source.insert((self.shared.connect)(&self.tenant)?),
        };
        let news = source.read(links.as_ref(), &()).await?;
        let read = match &news {
            News::Everything(_) => FullRead::Due,
            News::Changes(_) => FullRead::NotDue,
        };
        Ok((news, read))
    }

    /// Takes the news in, saves them, and makes BMS follow.
    async fn converge(&mut self, news: News) -> Finding {
        let noticed = std::time::Instant::now();
        let changes = match &news {
            News::Changes(changes) => Some(changes.clone()),
            News::Everything(_) => None,
        };
        let mut core = self.shared.core.lock().await;
        if core.config.tenant(&self.tenant.id) != Some(&self.tenant) {
            return Finding::Nothing;
        }
        let heard = core.hear(&self.tenant.id, news);
        if let Some(corrected @ 1..) = heard.corrected {
            tracing::info!(tenant = %self.tenant.name, users = corrected, "the full read corrected what the changes had missed");
        }
        let found = if heard.touched.is_empty() { Finding::Nothing } else { Finding::Something };
        if let Some(known) = core.observed.directory.tenant(&self.tenant.id) {
            let saved = match &changes {
                Some(changes) => self.mirror.append(changes, known.suspicion.clone()).await,
                None => self.mirror.replace(known).await,
            };
            let saved = match saved {
                Ok(()) if self.mirror.is_due() => self.mirror.renew(known).await,
                saved => saved,
            };
            if let Err(error) = saved {
                tracing::warn!(tenant = %self.tenant.name, %error, "the mirror could not be saved; a restart reads more");
            }
        }
        match core.converge(&self.tenant.id, heard.touched, Timestamp::now()).await {
            Ok(converged) => tell(&self.tenant, &converged, noticed.elapsed()),
            Err(error) => {
                tracing::error!(tenant = %self.tenant.name, %error, "the round could not be written; it is made again");
            }
        }
        found
    }
}

/// One line per round that did something.
fn tell(tenant: &Tenant, converged: &Converged, took: Duration) {
    let Converged { report, planned } = converged;
    let Some(report) = report else { return };
    let mut written: Vec<String> = report.written.iter().map(|(action, count)| format!("{action}: {count}")).collect();
    written.sort_unstable();
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let (revision, refused) = (report.applied.revision.0, report.failures.len());
    tracing::info!(tenant = %tenant.name, planned, written = written.join(", "), refused, revision, took_ms, "round");
}
