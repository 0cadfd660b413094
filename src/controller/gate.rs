//! The gate that every commit goes through, one at a time, until bmsync stops: then it is shut behind the last one.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Open until it is shut. Clones are the same gate.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Gate {
    /// Lets a commit in as long as the result lives; nothing once the gate is shut.
    pub async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).acquire_owned().await.ok()
    }

    /// Waits for the commit that is under way, and lets no other in.
    pub async fn shut(&self) {
        let _last = self.enter().await;
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_shut_behind_the_last_commit() {
        let gate = Gate::default();
        let commit = gate.enter().await;
        assert!(commit.is_some());
        let shutting = tokio::spawn({
            let gate = gate.clone();
            async move { gate.shut().await }
        });
        tokio::task::yield_now().await;
        assert!(!shutting.is_finished(), "a commit is under way");
        drop(commit);
        shutting.await.unwrap();
        assert!(gate.enter().await.is_none());
        gate.shut().await;
    }
}
