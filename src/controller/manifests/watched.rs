//! Where manifests come from, a folder or a repository, behind one face: when to look, and what a look brings.

use std::sync::Arc;

use jiff::Timestamp;

use super::burst::Timing;
use super::folder::Folder;
use super::git::{Checkout, Failure};
use super::reading::Reading;
use super::{OpenError, Origin, Problem};
use crate::store::local::Clock;

/// An origin that is being watched.
pub(super) enum Watched {
    Folder(Box<Folder>),
    Git(Box<Checkout>),
}

/// What a look brought.
pub(super) enum Look {
    /// Manifests.
    Read(Box<Reading>),
    /// They are those that were read before, or do not come to rest; there will be another look.
    Nothing,
    /// They cannot be reached.
    Failed(Failure),
}

impl Watched {
    pub(super) fn new(origin: Origin, timing: Timing, clock: &Clock) -> Self {
        match origin {
            Origin::Folder(path) => Self::Folder(Box::new(Folder::new(&path, timing, Arc::clone(clock)))),
            Origin::Git(repository) => Self::Git(Box::new(Checkout::new(*repository, Arc::clone(clock)))),
        }
    }

    /// The first reading, with a problem when it is an old one.
    pub(super) async fn begin(&mut self) -> Result<(Reading, Option<Problem>), OpenError> {
        match self {
            Self::Folder(folder) => folder.read().await.map(|reading| (reading, None)).ok_or(OpenError::Restless),
            Self::Git(checkout) => checkout.begin().await.map_err(OpenError::Git),
        }
    }

    /// Resolves with the moment a change was noticed, or when it is time to look.
    pub(super) async fn changed(&mut self) -> Timestamp {
        match self {
            Self::Folder(folder) => folder.changed().await,
            Self::Git(checkout) => checkout.due().await,
        }
    }

    pub(super) async fn look(&mut self) -> Look {
        match self {
            Self::Folder(folder) => read(folder.read().await),
            Self::Git(checkout) => match checkout.look().await {
                Ok(reading) => read(reading),
                Err(failure) => Look::Failed(failure),
            },
        }
    }

    /// Remembers on disk which commit is good.
    pub(super) async fn keep(&mut self, commit: Option<&str>) {
        match (self, commit) {
            (Self::Git(checkout), Some(commit)) => checkout.keep(commit).await,
            (Self::Git(_), None) | (Self::Folder(_), _) => {}
        }
    }
}

fn read(reading: Option<Reading>) -> Look {
    reading.map_or(Look::Nothing, |reading| Look::Read(Box::new(reading)))
}
