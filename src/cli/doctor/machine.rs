//! Checks of what all tenants share: the manifests, the state and its disk, the address for notifications.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::actual::Actual;
use crate::cli::args::Global;
use crate::cli::error::Error;
use crate::display::counted;
use crate::ledger::memory::MemoryLedger;
use crate::ledger::sled::SledLedger;
use crate::ledger::{Ledger, LedgerError};
use crate::manifest::{self, config::Config};
use crate::source::graph::{Http, handshake};
use crate::store::Store as _;
use crate::store::local::LocalStore;

use super::finding::{Finding, Remedy, Verdict};

/// With less space than this nothing more is written safely.
const TOO_LITTLE: u64 = 64 << 20;
/// With less space than this somebody should look.
const LITTLE: u64 = 512 << 20;

/// The manifests, and what is wrong with them.
pub fn manifests(global: &Global) -> (Option<Config>, Vec<Finding>) {
    let loaded = manifest::load_folder(&global.manifests);
    let shown = global.manifests.display().to_string();
    let found = manifest::summary(&loaded.diagnostics);
    let verdict = match &loaded.config {
        None => Verdict::Bad(Remedy::new(format!("{shown}: {found}"), "`bmsync validate` shows them with their lines")),
        Some(_) if !loaded.diagnostics.is_empty() => {
            Verdict::Worth(Remedy::new(format!("{shown}: {found}"), "`bmsync validate` shows them with their lines"))
        }
        Some(config) => Verdict::Good(format!(
            "{shown}: {}, {}",
            counted(config.tenants.len() as u64, "tenant"),
            counted(config.rules.len() as u64, "rule")
        )),
    };
    (loaded.config, vec![Finding::of_machine("manifests", verdict)])
}

/// What a state holds: records, and the sign-ins of people.
pub struct Opened {
    /// The records; nothing where there is no state yet.
    pub actual: Option<Actual>,
    /// Where sign-ins are kept.
    pub ledger: Arc<dyn Ledger>,
}

impl Opened {
    /// As if there were none.
    pub fn nothing() -> Self {
        Self { actual: None, ledger: Arc::new(MemoryLedger::new()) }
    }
}

/// The state, as far as it can be opened; and how it and its disk are.
pub async fn state(global: &Global) -> (Option<Opened>, Vec<Finding>) {
    let path = match global.state_path() {
        Ok(path) => path,
        Err(error) => return (None, vec![Finding::of_machine("state", told(error))]),
    };
    let (opened, verdict) = open(path).await;
    (opened, vec![Finding::of_machine("state", verdict), Finding::of_machine("disk", disk(path))])
}

async fn open(path: &Path) -> (Option<Opened>, Verdict) {
    let shown = path.display();
    if !path.exists() {
        return (
            Some(Opened::nothing()),
            Verdict::Good(format!("there is none at {shown} yet: `import` or `apply` makes it")),
        );
    }
    match SledLedger::open(path) {
        Err(error @ LedgerError::InUse { .. }) => {
            let hint = "it is the other one that writes; ask it with --server, or look again when it has ended";
            (None, Verdict::Worth(Remedy::new(error.to_string(), hint)))
        }
        Err(error) => (None, told(error.into())),
        Ok(ledger) => {
            let ledger: Arc<dyn Ledger> = Arc::new(ledger);
            match read(Arc::clone(&ledger)).await {
                Ok(actual) => {
                    let records = counted(actual.records().count() as u64, "record");
                    let good = format!("{shown}: {records} at revision {}", actual.revision);
                    (Some(Opened { actual: Some(actual), ledger }), Verdict::Good(good))
                }
                Err(error) => (None, told(error)),
            }
        }
    }
}

async fn read(ledger: Arc<dyn Ledger>) -> Result<Actual, Error> {
    let store = LocalStore::open(ledger, Arc::new(Timestamp::now)).await?;
    let mut actual = Actual::default();
    store.read(&mut actual).await?;
    Ok(actual)
}

fn told(error: Error) -> Verdict {
    let Error { what, causes, hint, exit: _ } = error;
    let message = [&[what], causes.as_slice()].concat().join(": ");
    Verdict::Bad(Remedy { hint, ..Remedy::new(message, "") })
}

/// The disk that the state is on, or will be.
fn disk(path: &Path) -> Verdict {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let Some(place) = absolute.ancestors().find(|place| place.exists()) else {
        return Verdict::Unknown("there is no folder to look at".to_owned());
    };
    free(place)
}

#[cfg(unix)]
fn free(place: &Path) -> Verdict {
    let shown = place.display();
    if let Err(error) = rustix::fs::access(place, rustix::fs::Access::WRITE_OK) {
        let hint = "let it belong to the user that bmsync runs as, or give --state another path";
        return Verdict::Bad(Remedy::new(format!("{shown} cannot be written: {error}"), hint));
    }
    match rustix::fs::statvfs(place) {
        Err(error) => Verdict::Unknown(format!("{shown} does not tell its free space: {error}")),
        Ok(found) => judged(found.f_bavail.saturating_mul(found.f_frsize), &shown.to_string()),
    }
}

#[cfg(not(unix))]
fn free(place: &Path) -> Verdict {
    Verdict::Unknown(format!("the free space of {} is not known on this system", place.display()))
}

fn judged(free: u64, place: &str) -> Verdict {
    let message = format!("{} MiB are free at {place}", free >> 20);
    let remedy = |message| Remedy::new(message, "make room, or give --state a path on another disk");
    match free {
        ..TOO_LITTLE => Verdict::Bad(remedy(message)),
        TOO_LITTLE..LITTLE => Verdict::Worth(remedy(message)),
        LITTLE.. => Verdict::Good(message),
    }
}

/// Whether the address for notifications answers as Microsoft Graph wants it.
pub async fn public_url(public: &str) -> Finding {
    let url = format!("{}/webhooks/graph", public.trim_end_matches('/'));
    let verdict = match handshake(&Http::new(), &url).await {
        Ok(()) => Verdict::Good("the webhook gives a validation token back, as seen from this machine".to_owned()),
        Err(error) => Verdict::from(&error),
    };
    Finding::of_machine("public-url", verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_runs_full_is_told_in_time() {
        assert!(matches!(judged(1 << 20, "/x"), Verdict::Bad(_)));
        assert!(matches!(judged(100 << 20, "/x"), Verdict::Worth(_)));
        assert_eq!(judged(1 << 30, "/x"), Verdict::Good("1024 MiB are free at /x".to_owned()));
    }
}
