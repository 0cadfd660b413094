//! The task behind live manifests: looks whenever there is a reason, weighs what it finds, and tells. Knows neither
//! folders nor repositories.

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use super::reading::{Moments, Named, Verdict, weigh, weigh_failure};
use super::watched::{Look, Watched};
use super::{InForce, Problem};
use crate::store::local::Clock;

/// Looks whenever something changed or somebody asks, until it is dropped or nobody listens.
pub(super) async fn keep(mut watched: Watched, sender: watch::Sender<Arc<InForce>>, mut asked: Asked, clock: Clock) {
    loop {
        let noticed = tokio::select! {
            noticed = watched.changed() => noticed,
            () = asked.heard() => clock(),
            () = sender.closed() => return,
        };
        let current = Arc::clone(&sender.borrow());
        let (verdict, named) = match watched.look().await {
            Look::Nothing => continue,
            Look::Read(reading) => {
                let named = reading.named.clone();
                (weigh(&current, *reading, Moments { noticed, now: clock() }), named)
            }
            Look::Failed(failure) => {
                (weigh_failure(&current, &failure, Moments { noticed, now: clock() }), Named::default())
            }
        };
        tell(&verdict, &named);
        match verdict {
            Verdict::Same => {}
            Verdict::Changed(next) | Verdict::Confirmed(next) => {
                watched.keep(next.commit.as_deref()).await;
                sender.send_replace(Arc::new(next));
            }
            Verdict::Rejected(next) => {
                sender.send_replace(Arc::new(next));
            }
        }
    }
}

/// One line per verdict that somebody must know.
fn tell(verdict: &Verdict, named: &Named) {
    let Named { files, changed, commit } = named;
    match verdict {
        Verdict::Same => {}
        Verdict::Changed(next) => info!(files, changed, digest = next.config.digest, commit, "manifests changed"),
        Verdict::Confirmed(next) => {
            info!(files, changed, digest = next.config.digest, commit, "manifests are valid and mean the same");
        }
        Verdict::Rejected(next) => {
            let problem = next.problem.as_ref().map(Problem::message);
            let digest = &next.config.digest;
            warn!(problem, digest, commit, "the newest manifests cannot be used; the last good ones stay in force");
        }
    }
}

/// Somebody who asks for a look.
pub(super) struct Asked {
    nudge: Arc<Notify>,
    hangup: Hangup,
}

impl Asked {
    /// Listens from now on; needs a tokio runtime.
    pub(super) fn of(nudge: Arc<Notify>) -> Self {
        Self { nudge, hangup: Hangup::listen() }
    }

    async fn heard(&mut self) {
        tokio::select! {
            () = self.nudge.notified() => {}
            () = self.hangup.heard() => {}
        }
    }
}

/// SIGHUP, where there is one.
struct Hangup {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangup {
    #[cfg(unix)]
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self { signal: signal(SignalKind::hangup()).ok() }
    }

    #[cfg(not(unix))]
    const fn listen() -> Self {
        Self {}
    }

    /// Resolves when the signal came; never without signals.
    async fn heard(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}
