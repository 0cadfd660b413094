//! Manifests that change underneath a running bmsync: in a folder, and in a git repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bmsync::controller::manifests::{InForce, LiveManifests, OpenError, Origin, Timing};
use bmsync::manifest::Code;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::sync::watch::Receiver;
use tokio::time::timeout;

mod folders;
mod repositories;

/// Nothing here takes so long, on whatever machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Manifests that can be told apart: the poll interval is a number of seconds.
fn policy(seconds: u64) -> String {
    format!(
        "apiVersion: bmsync/v1\nkind: SyncPolicy\nmetadata: {{ name: policy }}\nspec: {{ pollInterval: {seconds}s }}\n"
    )
}

fn tenant(number: u32) -> String {
    format!(
        "apiVersion: bmsync/v1\nkind: Tenant\nmetadata: {{ name: t{number} }}\nspec:\n  \
         domain: 00000000-0000-4000-8000-{number:012}\n  applicationId: 00000000-0000-4000-8000-000000000001\n  \
         applicationKey: {{ env: KEY }}\n"
    )
}

/// A change must be noticed by the system's events, for there is no poll within the test's patience.
fn events_alone() -> Timing {
    Timing { poll: Duration::from_hours(1), ..Timing::default() }
}

async fn open(origin: Origin, timing: Timing) -> Result<LiveManifests, OpenError> {
    LiveManifests::open(origin, timing, Arc::new(Timestamp::now)).await
}

fn seconds(in_force: &InForce) -> u64 {
    in_force.config.policy.poll_interval.as_secs()
}

/// Waits until what is in force is as it should be.
async fn until(live: &LiveManifests, is_so: impl Fn(&InForce) -> bool) -> Arc<InForce> {
    let mut changes = live.subscribe();
    let reached = timeout(PATIENCE, changes.wait_for(|in_force| is_so(in_force))).await;
    let Ok(reached) = reached else { panic!("still {:?}", live.in_force()) };
    Arc::clone(&reached.expect("somebody keeps them"))
}

/// The next change, whatever it is.
async fn next(changes: &mut Receiver<Arc<InForce>>) -> Arc<InForce> {
    timeout(PATIENCE, changes.changed()).await.expect("a change").expect("somebody keeps them");
    Arc::clone(&changes.borrow_and_update())
}

/// The codes of what is wrong at the start.
fn codes(opened: Result<LiveManifests, OpenError>) -> Vec<Code> {
    match opened {
        Err(OpenError::Invalid(diagnostics)) => diagnostics.into_iter().map(|diagnostic| diagnostic.code).collect(),
        other => panic!("{other:?}"),
    }
}

/// A temporary folder.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, text).unwrap();
    }
}
