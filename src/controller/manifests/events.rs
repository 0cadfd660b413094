//! What the operating system tells of changes in folders. It only ever means "look again": what is lost is found by
//! polling. Does not know what a manifest is.

use std::path::PathBuf;
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tracing::warn;

use super::survey::Survey;

/// A watch of the places of a survey. Dropping it ends it.
pub(super) struct Events {
    stirred: Arc<Notify>,
    /// What is watched, and the watch itself, where the system has one.
    watch: Option<(Survey, RecommendedWatcher)>,
    complaint: Complaint,
}

/// Whether it was already said that the system refuses to watch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Complaint {
    Unsaid,
    Said,
}

impl Events {
    pub(super) fn none() -> Self {
        Self { stirred: Arc::default(), watch: None, complaint: Complaint::Unsaid }
    }

    /// Resolves when something stirred since the last time.
    pub(super) async fn stirred(&self) {
        self.stirred.notified().await;
    }

    /// Watches the places of this survey from now on. What changes meanwhile may be missed: survey again afterwards.
    pub(super) fn watch(&mut self, survey: &Survey) {
        if self.watch.as_ref().is_some_and(|(watched, _)| watched.has_places_of(survey)) {
            return;
        }
        match watcher(survey, Arc::clone(&self.stirred)) {
            Ok(watcher) => self.watch = Some((survey.clone(), watcher)),
            Err(error) => self.complain(&error),
        }
    }

    fn complain(&mut self, error: &notify::Error) {
        self.watch = None;
        if self.complaint == Complaint::Unsaid {
            warn!(%error, "the system does not watch the manifests; they are polled");
            self.complaint = Complaint::Said;
        }
    }
}

/// A watch of each place by itself: a recursive one would look into `.git` and follow no links.
fn watcher(survey: &Survey, stirred: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let known = survey.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if event.map_or(true, |event| tells_of_a_change(&event, &known)) {
            stirred.notify_one();
        }
    })?;
    for place in survey.places() {
        match watcher.watch(place, RecursiveMode::NonRecursive) {
            Err(error) if !is_gone(&error) => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(watcher)
}

/// A place that vanished since the survey is no reason not to watch the others.
fn is_gone(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => error.kind() == std::io::ErrorKind::NotFound,
        notify::ErrorKind::Generic(_)
        | notify::ErrorKind::WatchNotFound
        | notify::ErrorKind::InvalidConfig(_)
        | notify::ErrorKind::MaxFilesWatch => false,
    }
}

/// Reading is no change: it is what we do ourselves.
fn tells_of_a_change(event: &Event, watched: &Survey) -> bool {
    let is_change = match event.kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    };
    event.need_rescan() || (is_change && event.paths.iter().any(|path: &PathBuf| watched.concerns(path)))
}
