//! Waiting until somebody replaces a secret. It looks at the file from outside, never into it.

use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::manifest::config::SecretRef;

/// How often the file is looked at.
const GLANCE: Duration = Duration::from_secs(1);

/// What of a file changes when its content is replaced.
#[derive(Debug, PartialEq, Eq)]
struct Looks {
    modified: Option<SystemTime>,
    length: u64,
    identity: (u64, u64),
}

/// Comes back once the file of a secret is no longer the one that it is now; never for a variable of the environment,
/// which nobody can change from outside.
pub(super) async fn replaced(place: &SecretRef) {
    match place {
        SecretRef::Env(_) => std::future::pending().await,
        SecretRef::File(path) => {
            let before = looks(path).await;
            while looks(path).await == before {
                tokio::time::sleep(GLANCE).await;
            }
        }
    }
}

/// Nothing where there is no such file.
async fn looks(path: &Path) -> Option<Looks> {
    let metadata = tokio::fs::metadata(path).await.ok()?;
    Some(Looks { modified: metadata.modified().ok(), length: metadata.len(), identity: identity(&metadata) })
}

/// Device and number of the file; all alike where a system has none.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

/// Device and number of the file; all alike where a system has none.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}
