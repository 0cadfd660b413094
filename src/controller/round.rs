//! One round: plan, write, take in what came of it. Rounds are made one at a time; the core is free while a store is
//! written, so that a slow one holds up no look and no answer.

use tracing::Instrument as _;

use super::core::Converged;
use super::running::Shared;
use crate::approved::Approved;
use crate::engine::{self, Report};
use crate::plan::Scope;
use crate::spans::TARGET;
use crate::store::StoreError;

/// How often a round is made again when somebody else wrote in between.
const TRIES: u32 = 3;

/// The right to make rounds.
pub(super) type Turn<'a> = tokio::sync::MutexGuard<'a, ()>;

impl Shared {
    /// Waits for the right to make rounds: from the news on until they are settled.
    pub async fn turn(&self) -> Turn<'_> {
        self.rounds.lock().await
    }

    /// Plans those of the scope and applies it.
    ///
    /// # Errors
    /// When the state cannot be read or written; whoever was to be planned is planned again in the next round.
    pub async fn round(&self, turn: &Turn<'_>, scope: Option<Scope>) -> Result<Converged, StoreError> {
        let Some(scope) = scope else { return Ok(Converged::default()) };
        if !self.store.is_ready() {
            self.core.lock().await.give_back(&scope);
            return Ok(Converged::default());
        }
        for attempt in 1.. {
            let approved = self.core.lock().await.prepare(&scope, self.now()).await?;
            match self.write(turn, approved).await {
                Ok(report) => {
                    let planned = self.core.lock().await.settle(report.as_ref(), &scope).await?;
                    return Ok(Converged { report, planned });
                }
                Err(StoreError::Stale { .. }) if attempt < TRIES => {}
                Err(error) => {
                    self.core.lock().await.give_back(&scope);
                    return Err(error);
                }
            }
        }
        Ok(Converged::default())
    }

    /// Writes what may be written.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn write(&self, _: &Turn<'_>, approved: Option<Approved>) -> Result<Option<Report>, StoreError> {
        let Some(approved) = approved else { return Ok(None) };
        // Nothing is written once bmsync stops.
        let Some(_writing) = self.gate.enter().await else { return Ok(None) };
        let span = tracing::info_span!(target: TARGET, "apply", users = approved.batch().users.len());
        let report = engine::apply(&*self.store, approved).instrument(span).await?;
        self.written.notify_one();
        Ok(Some(report))
    }
}
