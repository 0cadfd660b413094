//! Manifests live: keeps the newest configuration that is valid in force while the manifests change underneath, be they
//! in a folder or in a git repository. Knows nothing of tenants and rounds; who wants to know of changes subscribes.

mod burst;

mod survey;

mod events;

mod reading;

mod folder;

mod watched;

mod task;

pub mod git;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};

pub use burst::Timing;

use crate::display::safe;
use crate::manifest::config::Config;
use crate::manifest::{Diagnostic, summary};
use crate::store::local::Clock;
use git::{Failure, Repository};
use reading::Named;
use task::{Asked, keep};
use watched::Watched;

/// The newest configuration that is valid, kept so until this is dropped.
///
/// Whatever happens to the manifests later, there is always a configuration in force: one that does not validate, or
/// that cannot be reached, is a [`Problem`] beside the last good one.
#[derive(Debug)]
pub struct LiveManifests {
    in_force: watch::Receiver<Arc<InForce>>,
    asked: Arc<Notify>,
    task: JoinHandle<()>,
}

/// Where manifests come from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A folder, or a single file.
    Folder(PathBuf),
    /// A git repository of which bmsync itself keeps a copy.
    Git(Box<Repository>),
}

/// What is in force.
#[derive(Clone, Debug)]
pub struct InForce {
    /// The configuration. The same [`Arc`] as before where only something else has changed.
    pub config: Arc<Config>,
    /// Since when this configuration is in force.
    pub loaded_at: Timestamp,
    /// When the change that brought it was first noticed.
    pub noticed_at: Timestamp,
    /// The commit it is of, as hex digits, where bmsync itself keeps a copy of the repository.
    pub commit: Option<String>,
    /// What keeps newer manifests from being used.
    pub problem: Option<Problem>,
}

/// Why the newest manifests are not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Since when.
    pub since: Timestamp,
    /// What it is.
    pub cause: Cause,
}

/// What keeps manifests from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// They do not validate.
    Invalid {
        /// The errors, at least one, by (file, line, column).
        diagnostics: Vec<Diagnostic>,
        /// The commit that they are of.
        commit: Option<String>,
    },
    /// The repository cannot be read.
    Unreachable {
        /// What went wrong, for a person to read.
        message: String,
        /// What to do.
        hint: String,
    },
}

/// Why there is nothing to begin with.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The manifests do not validate.
    #[error("the manifests are not valid: {}", summary(.0))]
    Invalid(Vec<Diagnostic>),
    /// The repository cannot be read, and there is no copy of an earlier time.
    #[error("cannot read the manifests from their repository")]
    Git(#[source] Failure),
    /// The folder changes faster than it can be read.
    #[error("the folder of the manifests does not come to rest")]
    Restless,
}

impl LiveManifests {
    /// Loads the manifests and keeps them in force from then on. Needs a tokio runtime with time and IO.
    ///
    /// # Errors
    /// When there is no valid configuration to begin with. A repository that cannot be reached is no error as long as
    /// the commit that was last in force is still in the copy.
    pub async fn open(origin: Origin, timing: Timing, clock: Clock) -> Result<Self, OpenError> {
        let noticed_at = clock();
        let mut watched = Watched::new(origin, timing, &clock);
        let (reading, problem) = watched.begin().await?;
        let Some(config) = reading.loaded.config else { return Err(OpenError::Invalid(reading.loaded.diagnostics)) };
        let Named { files, changed: _, commit } = reading.named;
        info!(files, digest = config.digest, commit, "manifests loaded");
        let first = InForce { config: Arc::new(config), loaded_at: clock(), noticed_at, commit, problem };
        if let Some(problem) = &first.problem {
            warn!(problem = problem.message(), "the repository cannot be read; the last good commit is in force");
        }
        watched.keep(first.commit.as_deref()).await;
        let (sender, in_force) = watch::channel(Arc::new(first));
        let asked = Arc::new(Notify::new());
        let task = tokio::spawn(keep(watched, sender, Asked::of(Arc::clone(&asked)), clock));
        Ok(Self { in_force, asked, task })
    }

    /// What is in force now.
    #[must_use]
    pub fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force.borrow())
    }

    /// Tells of every change of what is in force, problems included; what was not seen is overtaken by the newest.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<InForce>> {
        self.in_force.clone()
    }

    /// Looks again at once, whether or not anything seems to have changed. SIGHUP does the same.
    pub fn reload(&self) {
        self.asked.notify_one();
    }
}

impl Drop for LiveManifests {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Problem {
    /// The first file that is wrong.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match &self.cause {
            Cause::Invalid { diagnostics, commit: _ } => diagnostics.first().map(|first| first.file.as_str()),
            Cause::Unreachable { .. } => None,
        }
    }

    /// What is wrong, on one line, fit to be shown.
    #[must_use]
    pub fn message(&self) -> String {
        match &self.cause {
            Cause::Invalid { diagnostics, commit: _ } => told(diagnostics),
            Cause::Unreachable { message, hint } => format!("{}; {hint}", safe(message)),
        }
    }
}

/// The first of the diagnostics, with its place, and how many there are.
fn told(diagnostics: &[Diagnostic]) -> String {
    diagnostics.first().map_or_else(String::new, |first| {
        let Diagnostic { file, line, column, message, .. } = first;
        let all = if diagnostics.len() > 1 { format!(" ({} in all)", summary(diagnostics)) } else { String::new() };
        format!("{}:{line}:{column}: {}{all}", safe(file), safe(message))
    })
}
