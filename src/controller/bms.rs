//! The task that follows a live BMS: read what it shows, have those planned whom that concerns, and go on with what waits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::running::Shared;
use crate::model::UserKey;
use crate::store::{Standing, StoreError};

/// So many events are looked at for whom they concern; more concern everybody.
const EVENTS: usize = 10_000;
/// The shortest wait for the next turn of what waits.
const TURN: Duration = Duration::from_secs(1);

/// Reads BMS, waits, reads again, until it is told to stop.
pub(super) async fn follow(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut next_read = Instant::now();
    while !*stop.borrow() {
        let mut owners = BTreeSet::new();
        if next_read <= Instant::now() {
            tokio::select! {
                found = look(&shared) => owners = found,
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let Some(standing) = shared.store.standing() else { return };
            next_read = Instant::now() + standing.rest;
        }
        // What is being written ends, even when it is told to stop.
        go_on(&shared, owners).await;
        let turn = tell(&shared).await;
        tokio::select! {
            () = tokio::time::sleep(turn.min(next_read.saturating_duration_since(Instant::now()))) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Tells how things stand; gives how long the first of those that wait has to.
async fn tell(shared: &Shared) -> Duration {
    let (waiting, first, last) = shared.core.lock().await.open.waiting();
    if let Some(standing) = shared.store.standing() {
        shared.metrics.bms(&Standing { waiting, waits_until: last, ..standing });
    }
    let turn = first.map(|first| Duration::try_from(first.duration_since(shared.now())).unwrap_or_default());
    turn.map_or(Duration::MAX, |turn| turn.max(TURN))
}

/// Reads BMS; gives the owners of what has changed.
async fn look(shared: &Shared) -> BTreeSet<UserKey> {
    let before = shared.store.book().last_event().await;
    let read = shared.store.refresh().await;
    match (before, read) {
        (Ok(before), Ok(())) => {
            shared.written.notify_one();
            owners(shared, before).await.unwrap_or_default()
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!(error = error.in_full(), "BMS could not be read; it is tried again");
            BTreeSet::new()
        }
    }
}

async fn owners(shared: &Shared, after: u64) -> Result<BTreeSet<UserKey>, StoreError> {
    let events = shared.store.book().events(after, EVENTS).await?;
    let records = events.iter().flat_map(|event| event.before.iter().chain([&event.after]));
    let users = records.flat_map(|record| record.link.iter().map(|link| &link.user).chain(&record.archived_from));
    Ok(users.cloned().collect())
}

/// One round of whom the read concerns and whom earlier ones left open.
async fn go_on(shared: &Shared, owners: BTreeSet<UserKey>) {
    let turn = shared.turn().await;
    let scope = shared.core.lock().await.reach_owners(owners, shared.now());
    match shared.round(&turn, scope).await {
        Ok(converged) => {
            if let Some(report) = &converged.report {
                let written: u64 = report.written.values().sum();
                let (waiting, refused, by_hand) = (report.waiting.len(), report.failures.len(), report.by_hand.len());
                tracing::info!(
                    planned = converged.planned,
                    written,
                    waiting,
                    refused,
                    by_hand,
                    "round after a look at BMS"
                );
            }
        }
        Err(error) => tracing::error!(error = error.in_full(), "the round could not be written; it is made again"),
    }
}
