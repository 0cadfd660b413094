//! One tenant's task: look, wait, look again. What it waits for carries no data; it only ends the waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::Instrument as _;

use super::Phase;
use super::connection::{Connection, FullRead, jittered};
use super::core::{Converged, Core};
use super::metrics::{Metrics, RoundResult};
use super::mirror::{Found, Mirror};
use super::queue::{Queue, Work};
use super::running::{Connected, Shared};
use super::secret;
use super::tend::tend;
use crate::directory::{DeltaLinks, News, Permissions};
use crate::manifest::config::{Config, SignIn, Tenant};
use crate::model::{Id, Status, Text};
use crate::plan::{Action, unseen};
use crate::source::expiry::Expiring;
use crate::source::{Source, SourceError, SourceErrorClass};
use crate::spans::TARGET;
use crate::vault;

/// A notification may come before the delta shows its change: so often it is looked again, after so long.
const RELOOKS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(4), Duration::from_secs(15)];

/// Ends a tenant's waiting.
#[derive(Debug)]
pub(super) struct Nudge {
    queue: Arc<Queue>,
    tenant: Id,
    /// Sent to whenever somebody wants a look; what is sent before a look begins is one.
    wanted: watch::Sender<()>,
    relooks: AtomicU32,
}

impl Nudge {
    /// Of a tenant that waits for its first look.
    pub fn new(queue: Arc<Queue>, tenant: Id) -> Self {
        queue.add(&tenant);
        Self { queue, tenant, wanted: watch::Sender::new(()), relooks: AtomicU32::default() }
    }

    /// The look begins.
    fn take(&self) -> Work {
        self.queue.take(&self.tenant)
    }

    /// Waits for so long, or until somebody asks for a look or tells it to stop.
    async fn wait(time: Duration, wanted: &mut watch::Receiver<()>, stop: &mut watch::Receiver<bool>) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            _ = wanted.changed() => {}
            _ = stop.changed() => {}
        }
    }

    /// Look again.
    pub fn look(&self) {
        self.queue.add(&self.tenant);
        self.wanted.send_replace(());
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
    let mut eye = match Eye::open(&shared, tenant.clone()).await {
        Ok(eye) => eye,
        Err(error) => {
            tracing::error!(%error, "the mirror cannot be read: the tenant is not watched");
            return;
        }
    };
    let mut wanted = nudge.wanted.subscribe();
    while !*stop.borrow() {
        match (shared.connect)(&tenant, shared.metrics.meter(&tenant.name)) {
            Ok(Connected { source, subscriptions }) => {
                // On its own: who makes a long plan still renews its subscriptions, and ends them when it is to stop.
                let tending = tend(Arc::clone(&shared), tenant.clone(), subscriptions, stop.clone());
                let tending = tokio::spawn(tending);
                eye.watch(&*source, &nudge, &mut wanted, stop.clone()).await;
                let _ = tending.await;
            }
            Err(error) => {
                let work = nudge.take();
                work.failed();
                let wait = eye.fail(error).await;
                drop(work);
                eye.wait(wait, &mut wanted, &mut stop).await;
            }
        }
    }
}

/// What a task holds on to between looks.
struct Eye {
    shared: Arc<Shared>,
    tenant: Tenant,
    mirror: Mirror,
    random: fastrand::Rng,
}

impl Eye {
    async fn open(shared: &Arc<Shared>, tenant: Tenant) -> Result<Self, crate::ledger::LedgerError> {
        let Found { mirror, directory, full_at } = Mirror::open(Arc::clone(&shared.ledger), &tenant).await?;
        if let Some(full_at) = full_at {
            shared.set_connection(&tenant.id, Connection::resumed(Some(full_at)));
            shared.core.lock().await.resume(tenant.id.clone(), directory);
        }
        Ok(Self { shared: Arc::clone(shared), tenant, mirror, random: fastrand::Rng::new() })
    }

    /// Looks, waits, looks again.
    async fn watch(
        &mut self,
        source: &dyn Source,
        nudge: &Nudge,
        wanted: &mut watch::Receiver<()>,
        mut stop: watch::Receiver<bool>,
    ) {
        while !*stop.borrow() {
            let work = nudge.take();
            let span = tracing::info_span!(target: TARGET, "round", tenant = %self.tenant.name);
            let Some(wait) = self.look(source, nudge, &work, &mut stop).instrument(span).await else { return };
            drop(work);
            self.wait(wait, wanted, &mut stop).await;
        }
    }

    /// Waits, but no longer than until somebody calls, or the secret is replaced that a person was waited for to replace.
    async fn wait(&self, wait: Duration, wanted: &mut watch::Receiver<()>, stop: &mut watch::Receiver<bool>) {
        let awaits = self.shared.connection(&self.tenant.id, |connection| connection.awaits());
        tokio::select! {
            () = Nudge::wait(wait, wanted, stop) => {}
            () = secret::replaced(self.tenant.credential.place()), if awaits.is_some() => {
                tracing::info!(tenant = %self.tenant.name, "the secret was replaced: looking again");
            }
        }
    }

    /// One look; says how long to wait before the next. `None` when it was told to stop.
    async fn look(
        &mut self,
        source: &dyn Source,
        nudge: &Nudge,
        work: &Work,
        stop: &mut watch::Receiver<bool>,
    ) -> Option<Duration> {
        let policy = self.shared.config().policy.clone();
        let (began, now) = (Instant::now(), self.shared.now());
        let full = self.shared.connection(&self.tenant.id, |connection| connection.begin(now, &policy));
        let links = match full {
            FullRead::Due => None,
            FullRead::NotDue => self.shared.core.lock().await.links(&self.tenant.id),
        };
        // Nothing is held while the network is waited for: other tenants go on.
        let read = tokio::select! {
            read = self.read(source, links.as_ref()) => read,
            _ = stop.wait_for(|stop| *stop) => return None,
        };
        self.look_at_credentials(source).await;
        Some(match read {
            Ok((news, permissions)) => {
                let full = if matches!(news, News::Everything(_)) { FullRead::Due } else { FullRead::NotDue };
                self.shared.connection(&self.tenant.id, |connection| connection.succeeded(self.shared.now(), full));
                let (found, result) = self.converge(news, permissions, work.noticed()).await;
                if result == RoundResult::Failed {
                    work.failed();
                }
                self.count(result, began.elapsed(), None);
                nudge.closer_look(found).unwrap_or_else(|| jittered(policy.poll_interval, self.random.f64()))
            }
            Err(error) => {
                let class = error.class;
                work.failed();
                let wait = self.fail(error).await;
                self.count(RoundResult::Failed, began.elapsed(), Some(class));
                wait
            }
        })
    }

    /// Reads what changed; everything, when bmsync may read something else than when it last read everything, for the
    /// changes do not tell what that hides or shows.
    async fn read(
        &self,
        source: &dyn Source,
        links: Option<&DeltaLinks>,
    ) -> Result<(News, Option<Permissions>), SourceError> {
        let read = read_with_permissions(source, links).await?;
        // A token that was replaced on the way counts at once: what it shows more, the changes do not tell.
        let (News::Changes(_), Some(newest)) = (&read.0, source.permissions().await) else { return Ok(read) };
        let known = self.shared.core.lock().await.sight(&self.tenant.id);
        if !known.differs(&newest) {
            return Ok(read);
        }
        tracing::info!(tenant = %self.tenant.name, "what bmsync may read has changed: reading everything");
        read_with_permissions(source, None).await
    }

    /// What the tenant signs in with may end: that is told ahead.
    async fn look_at_credentials(&self, source: &dyn Source) {
        let (tenant, now) = (&self.tenant, self.shared.now());
        let mut expiring = source.credentials().await;
        if tenant.sign_in == SignIn::Delegated {
            match vault::of(&*self.shared.ledger, &tenant.id).await {
                Ok(kept) => expiring.extend(kept.map(|kept| Expiring::grant(kept.refreshed_at))),
                Err(error) => tracing::debug!(tenant = %tenant.name, %error, "nothing is known of the sign-in"),
            }
        }
        self.shared.metrics.credentials(&tenant.name, &expiring);
        let due = self.shared.credentials().found(&tenant.id, expiring, now);
        for (Expiring { credential, at: _ }, warning) in due {
            tracing::warn!(tenant = %tenant.name, credential = credential.word(), "{warning}");
        }
    }

    /// Once when permissions are missed that were not, and once when they are back.
    fn tell_of_missing(&self, before: &[Text], core: &Core) {
        let missing = core.sight(&self.tenant.id).missing();
        let unseen = core.observed.directory.tenant(&self.tenant.id).and_then(|known| unseen(&self.tenant, known));
        match unseen {
            Some(unseen) if missing != before => tracing::warn!(tenant = %self.tenant.name, "{unseen}"),
            None if !before.is_empty() => {
                tracing::info!(tenant = %self.tenant.name, "bmsync may read again what it could: nothing is held for that");
            }
            Some(_) | None => {}
        }
    }

    fn count(&self, result: RoundResult, took: Duration, failing: Option<SourceErrorClass>) {
        let (metrics, name) = (&self.shared.metrics, &self.tenant.name);
        metrics.round(name, result, took, self.shared.now());
        let (phase, failures) =
            self.shared.connection(&self.tenant.id, |connection| (connection.phase(), connection.failures()));
        metrics.connection(name, phase, failures, failing);
    }

    async fn fail(&mut self, error: SourceError) -> Duration {
        let SourceError { class, job, code: _, message, hint, source: _ } = error;
        let message = hint.map_or_else(|| message.clone(), |hint| format!("{message} ({hint})"));
        let turn = self.shared.turn().await;
        let scope = self.shared.core.lock().await.lose(&self.tenant.id, message.clone());
        let lost = self.shared.round(&turn, scope).await;
        drop(turn);
        if let Err(error) = &lost {
            tracing::error!(tenant = %self.tenant.name, error = error.in_full(), "the round could not be written; it is made again");
        }
        let shown = crate::display::safe(&message).into_owned();
        let policy = self.shared.config().policy.clone();
        let (wait, phase) = self.shared.connection(&self.tenant.id, |connection| {
            (connection.failed(message, class, job, &policy), connection.phase())
        });
        let planned = lost.map_or(0, |lost| lost.planned);
        self.shared.observe(&*self.shared.core.lock().await, &self.tenant, planned);
        // Tenants that failed together are not to come back together.
        let wait = if phase == Phase::BackingOff { jittered(wait, self.random.f64()) } else { wait };
        let retry_in_s = wait.as_secs();
        tracing::warn!(tenant = %self.tenant.name, error = %shown, retry_in_s, "the tenant could not be read");
        wait
    }

    /// Takes the news in, saves them, and makes BMS follow.
    async fn converge(
        &mut self,
        news: News,
        permissions: Option<Permissions>,
        noticed: Instant,
    ) -> (Finding, RoundResult) {
        let changes = match &news {
            News::Changes(changes) => Some(changes.clone()),
            News::Everything(_) => None,
        };
        let turn = self.shared.turn().await;
        let mut core = self.shared.core.lock().await;
        if core.config.tenant(&self.tenant.id) != Some(&self.tenant) {
            return (Finding::Nothing, RoundResult::Quiet);
        }
        let missed = core.sight(&self.tenant.id).missing();
        let heard = core.hear(&self.tenant.id, news, permissions);
        self.tell_of_missing(&missed, &core);
        if let Some(corrected @ 1..) = heard.corrected {
            tracing::info!(tenant = %self.tenant.name, users = corrected, "the full read corrected what the changes had missed");
        }
        let found = if heard.touched.is_empty() { Finding::Nothing } else { Finding::Something };
        if let Some(known) = core.observed.directory.tenant(&self.tenant.id) {
            let saved = match &changes {
                Some(changes) => self.mirror.append(changes, known).await,
                None => self.mirror.replace(known).await,
            };
            let saved = match saved {
                Ok(()) if self.mirror.is_due() => self.mirror.renew(known).await,
                saved => saved,
            };
            if let Err(error) = saved {
                tracing::warn!(tenant = %self.tenant.name, error = error.in_full(), "the mirror could not be saved; a restart reads more");
            }
        }
        let groups_moved = heard.touched.everybody || !heard.touched.groups.is_empty();
        let scope = core.reach(&self.tenant.id, heard.touched, self.shared.now());
        drop(core);
        let converged = self.shared.round(&turn, scope).await;
        let core = self.shared.core.lock().await;
        tally(&self.shared.metrics, &self.tenant, &core, heard.corrected, converged.as_ref().ok());
        self.shared.observe(&core, &self.tenant, converged.as_ref().map_or(0, |converged| converged.planned));
        if groups_moved {
            self.shared.conditions().rules(&core, self.shared.now());
        }
        drop(core);
        drop(turn);
        let result = match converged {
            Ok(converged) => {
                tell(&self.shared.metrics, &self.shared.config(), &self.tenant, &converged, noticed.elapsed())
            }
            Err(error) => {
                tracing::error!(tenant = %self.tenant.name, error = error.in_full(), "the round could not be written; it is made again");
                RoundResult::Failed
            }
        };
        (found, result)
    }
}

/// Reads, and says with which permissions: those that it had from the beginning to the end.
async fn read_with_permissions(
    source: &dyn Source,
    links: Option<&DeltaLinks>,
) -> Result<(News, Option<Permissions>), SourceError> {
    let before = source.permissions().await;
    let reading = tracing::info_span!(target: TARGET, "read", full = links.is_none());
    let news = source.read(links, &()).instrument(reading).await?;
    let permissions = match (before, source.permissions().await) {
        (Some(before), Some(after)) => Some(before.common(&after)),
        (None | Some(_), after) => after,
    };
    Ok((news, permissions))
}

/// The standing figures of a tenant: what of it is known, and, after a round that planned somebody, what is left open.
fn tally(metrics: &Metrics, tenant: &Tenant, core: &Core, corrected: Option<usize>, converged: Option<&Converged>) {
    let name = tenant.name.as_str();
    let known = core.observed.directory.tenant(&tenant.id);
    if let Some((known, read_at)) = known.and_then(|known| Some((known, known.read_at?))) {
        metrics.directory(name, known.user_count() as u64, known.group_count() as u64, read_at);
    }
    if let Some(corrected) = corrected {
        metrics.full_read(name, corrected as u64);
    }
    metrics.state(core.observed.actual.revision);
    if converged.is_none_or(|converged| converged.planned == 0) {
        return;
    }
    for tenant in &core.config.tenants {
        tally_open(metrics, tenant, core);
    }
}

/// What rounds have left open of a tenant, and what it owns.
fn tally_open(metrics: &Metrics, tenant: &Tenant, core: &Core) {
    let name = tenant.name.as_str();
    let open: Vec<_> = core.open.of(&tenant.id).collect();
    metrics.blocked(name, open.iter().filter_map(|open| Some((open.blocked.as_ref()?.code, 1))));
    metrics.held(name, open.iter().flat_map(|open| &open.held).filter_map(|held| Some((held.held?, 1))));
    metrics.preserved(name, core.open.preserved(&tenant.id));
    let actual = &core.observed.actual;
    let active = actual.owned_active(&tenant.id);
    let all = actual.owning_tenants().find(|(id, _)| **id == tenant.id).map_or(0, |(_, all)| all);
    metrics.owned(name, [(Status::Active, active), (Status::Inactive, all - active)]);
}

/// One line per round that did something, and its figures.
fn tell(metrics: &Metrics, config: &Config, tenant: &Tenant, converged: &Converged, took: Duration) -> RoundResult {
    let Converged { report, planned } = converged;
    let Some(report) = report else { return RoundResult::Quiet };
    for (action, tenant) in
        Action::ALL.into_iter().flat_map(|action| config.tenants.iter().map(move |one| (action, one)))
    {
        let count = report.by_tenant.get(&(tenant.id.clone(), action.word()));
        metrics.changes(&tenant.name, action, count.copied().unwrap_or_default());
    }
    let (revision, refused) = (report.applied.revision.0, report.failures.len());
    metrics.refused(&tenant.name, refused as u64);
    metrics.freshness(&tenant.name, took);
    let mut written: Vec<String> = report.written.iter().map(|(action, count)| format!("{action}: {count}")).collect();
    written.sort_unstable();
    let (written, took_ms) = (written.join(", "), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    tracing::info!(tenant = %tenant.name, planned, written, refused, revision, took_ms, "round");
    if refused > 0 { RoundResult::Refused } else { RoundResult::Changed }
}
