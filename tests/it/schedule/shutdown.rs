//! How a controller stops while something is under way, and what it says of when that was.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bmsync::actual::Actual;
use bmsync::applied::Event;
use bmsync::controller::Truth;
use bmsync::ledger::memory::MemoryLedger;
use bmsync::ledger::{Commit, Keep, Ledger, LedgerError, Stashed};
use bmsync::model::Revision;
use bmsync::source::SourceErrorClass;
use tokio::sync::Semaphore;

use super::directory::Fake;
use super::stage::{Learning, Stage, Watch, pass};

/// A ledger in which a commit takes until it is let through.
struct Slow {
    inner: MemoryLedger,
    begun: Semaphore,
    through: Semaphore,
}

#[async_trait]
impl Ledger for Slow {
    async fn load(&self) -> Result<Actual, LedgerError> {
        self.inner.load().await
    }

    async fn commit(&self, expected: Revision, commit: Commit) -> Result<Revision, LedgerError> {
        self.begun.add_permits(1);
        self.through.acquire().await.unwrap().forget();
        self.inner.commit(expected, commit).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, LedgerError> {
        self.inner.events(after, limit).await
    }

    async fn last_event(&self) -> Result<u64, LedgerError> {
        self.inner.last_event().await
    }

    async fn stash(&self, entries: Vec<Stashed>) -> Result<(), LedgerError> {
        self.inner.stash(entries).await
    }

    async fn stashed(&self, key: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        self.inner.stashed(key).await
    }

    async fn keep(&self, changes: Vec<Keep>) -> Result<(), LedgerError> {
        self.inner.keep(changes).await
    }

    async fn kept(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        self.inner.kept(prefix).await
    }
}

/// A stage whose first commit is under way, and its ledger.
async fn committing() -> (Stage, Arc<Slow>) {
    let slow = Slow { inner: MemoryLedger::new(), begun: Semaphore::new(0), through: Semaphore::new(0) };
    let (slow, watch) = (Arc::new(slow), Watch::start());
    let fakes = (Fake::new(&watch, "contoso", 8), Fake::new(&watch, "fabrikam", 8));
    let ledger = Arc::clone(&slow) as Arc<dyn Ledger>;
    let stage = Stage::on(ledger, "{ pollInterval: 60s }", Learning::Polled, &watch, fakes).await;
    slow.begun.acquire().await.unwrap().forget();
    (stage, slow)
}

#[tokio::test(start_paused = true)]
async fn the_commit_under_way_is_waited_for_and_none_follows() {
    let (stage, slow) = committing().await;
    stage.contoso.remove(1);
    {
        let stopping = stage.stop();
        tokio::pin!(stopping);
        assert!(tokio::time::timeout(Duration::from_secs(5), &mut stopping).await.is_err(), "a commit is under way");
        slow.through.add_permits(1);
        tokio::time::timeout(Duration::from_secs(1), stopping).await.expect("it ends as soon as that is written");
    }
    slow.through.add_permits(100);
    pass(600).await;
    assert_eq!((stage.revision().await, slow.begun.available_permits()), (1, 0), "nothing is written after it");
    assert_eq!(stage.inactive().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_does_not_end_keeps_nobody_longer_than_it_may() {
    let (stage, slow) = committing().await;
    let began = tokio::time::Instant::now();
    stage.stop().await;
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    assert_eq!(slow.inner.load().await.unwrap().revision, Revision(0), "it did not happen in part");
}

#[tokio::test(start_paused = true)]
async fn a_condition_tells_since_when_it_holds_although_nobody_asked() {
    let stage = Stage::start("{ pollInterval: 60s }", Learning::Polled).await;
    pass(90).await;
    stage.contoso.fail(Some(SourceErrorClass::Transient));
    pass(3600).await;
    let failed = stage.contoso.looks().into_iter().find(|look| *look > 90.0).unwrap();
    for kind in ["Connected", "Synchronized"] {
        let status = stage.contoso_status().await;
        let condition = status.conditions.into_iter().find(|condition| condition.kind == kind).unwrap();
        assert_eq!(condition.status, Truth::False);
        let since = condition.last_transition_time.duration_since(Watch::beginning()).as_secs_f64();
        assert!(
            (since - failed).abs() < 0.01,
            "{kind} has been so since {since}, and the first failure was at {failed}"
        );
    }
}
