//! A folder as the origin of manifests: waits until it has changed and come to rest, then reads it whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::burst::{Burst, Step, Timing};
use super::events::Events;
use super::reading::{Named, Reading};
use super::survey::Survey;
use crate::manifest::load_folder;
use crate::store::local::Clock;

/// Readings after which a folder that does not come to rest is left for later.
const MAX_READINGS: u32 = 20;

/// Before what was read is looked at again, or a reading is repeated.
const BETWEEN_READINGS: Duration = Duration::from_millis(100);

/// A watched folder, or a single file.
pub(super) struct Folder {
    path: PathBuf,
    timing: Timing,
    clock: Clock,
    events: Events,
    /// The folder as it was when it was last read; `None` until then.
    read: Option<Survey>,
}

impl Folder {
    /// Begins to watch. The path is made absolute, for the working directory may change.
    pub(super) fn new(path: &Path, timing: Timing, clock: Clock) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self { path, timing, clock, events: Events::none(), read: None }
    }

    /// Resolves with the moment a change was noticed, once the folder differs from what was read and is at rest.
    /// Dropping the future loses nothing.
    pub(super) async fn changed(&mut self) -> Timestamp {
        loop {
            tokio::select! {
                () = self.events.stirred() => {}
                () = sleep(self.timing.poll) => {}
            }
            let noticed = (self.clock)();
            let found = self.survey().await;
            if self.read.as_ref() != Some(&found) && self.read.as_ref() != Some(&self.at_rest(found).await) {
                return noticed;
            }
        }
    }

    /// The folder once nothing stirs in it any more: no event, and on file systems that tell of none, no difference.
    async fn at_rest(&self, mut last: Survey) -> Survey {
        let mut burst = Burst::begin(Instant::now());
        while let Step::Wait(wait) = burst.step(Instant::now(), &self.timing) {
            tokio::select! {
                () = self.events.stirred() => burst.stir(Instant::now()),
                () = sleep(wait) => {
                    let found = self.survey().await;
                    if found != last {
                        last = found;
                        burst.stir(Instant::now());
                    }
                }
            }
        }
        last
    }

    /// Reads everything, as often as it takes to find it unchanged afterwards; nothing when it never rests.
    pub(super) async fn read(&mut self) -> Option<Reading> {
        for _ in 0..MAX_READINGS {
            let before = self.watched_survey().await;
            let path = self.path.clone();
            let loaded = spawn_blocking(move || load_folder(&path)).await.ok()?;
            if self.read.as_ref() != Some(&before) {
                // A file that is just being written was emptied first: what is new must stand for a moment.
                sleep(BETWEEN_READINGS).await;
            }
            if self.survey().await == before {
                return Some(self.take(before, loaded));
            }
            sleep(BETWEEN_READINGS).await;
        }
        None
    }

    fn take(&mut self, survey: Survey, loaded: crate::manifest::Loaded) -> Reading {
        let nothing = Survey::default();
        let changed = survey.changed(self.read.as_ref().unwrap_or(&nothing));
        let named = Named { files: survey.files(), changed: Some(changed.len()), commit: None };
        self.read = Some(survey);
        Reading { loaded, named }
    }

    /// A survey of what is being watched: the watch begins first, so that nothing falls between the two.
    async fn watched_survey(&mut self) -> Survey {
        let found = self.survey().await;
        self.events.watch(&found);
        let again = self.survey().await;
        self.events.watch(&again);
        again
    }

    async fn survey(&self) -> Survey {
        let path = self.path.clone();
        spawn_blocking(move || Survey::of(&path)).await.unwrap_or_default()
    }
}
