//! What is recorded of the process: notifications, queues, manifests, HTTP requests and the state.

use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

use jiff::Timestamp;

use super::tenant::status_word;
use super::{Metrics, level, seconds};
use crate::model::{Revision, Text};
use crate::store::standing::{Calls, Standing};

/// Files with errors that are shown by name.
const MOST_FILES: usize = 20;
/// Characters of a file's name that are shown: the last ones.
const LONGEST_FILE: usize = 160;
/// The files beyond [`MOST_FILES`]; no manifest is called so.
const OTHER_FILES: &str = "(others)";
/// Folders in folders of the state that are looked into.
const DEEPEST: u32 = 3;

/// What a notification turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authenticity {
    /// Of a subscription that is known, with its clientState.
    Genuine,
    /// Of a subscription that is known, with another clientState.
    Forged,
    /// Of a subscription that is not known.
    Unknown,
}

/// A file that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileErrors<'a> {
    /// Its name, as diagnostics have it.
    pub file: &'a str,
    /// How many errors are in it.
    pub errors: u64,
}

impl Metrics {
    /// A notification arrived.
    pub fn notification(&self, authenticity: Authenticity) {
        let result = match authenticity {
            Authenticity::Genuine => "genuine",
            Authenticity::Forged => "forged",
            Authenticity::Unknown => "unknown",
        };
        self.process.notifications.at([result]).inc();
    }

    /// The state is at this revision.
    pub fn state(&self, revision: Revision) {
        self.process.revision.at([]).set(level(revision.0));
    }

    /// How things stand with a live BMS.
    pub fn bms(&self, standing: &Standing) {
        let Standing { read_at, full_at: _, trouble: _, failures, waiting, waits_until: _, rest: _, calls, owed } =
            standing;
        for Calls { operation, made, left } in calls {
            self.process.bms_calls.at([operation]).set((*made).into());
            self.process.bms_calls_left.at([operation]).set((*left).into());
        }
        if let Some(read_at) = read_at {
            self.process.bms_read.at([]).set(read_at.as_duration().as_secs_f64());
        }
        self.process.bms_failures.at([]).set((*failures).into());
        self.process.bms_waiting.at([]).set(level(*waiting as u64));
        self.process.worklist.at([]).set(level(*owed as u64));
    }

    /// The state lies in this folder; from now on its size is shown.
    pub fn measure(&self, folder: &Path) {
        // A second folder would be a second state, and there is one.
        let _ = self.folder.set(folder.to_owned());
    }

    /// Looks at the size of the state.
    pub(super) fn weigh(&self) {
        if let Some(folder) = self.folder.get() {
            self.process.size.at([]).set(level(bytes_in(folder, DEEPEST)));
        }
    }

    /// A request was answered. The route is its template (`/v1/employees/{id}`), `None` where there is no route; a
    /// method that no route has counts as `other`.
    pub fn http(&self, route: Option<&'static str>, method: &str, status: u16, took: Duration) {
        let route = route.unwrap_or("none");
        let method = match method {
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
            _ => "other",
        };
        self.process.requests.at([route, method, &status_word(status)]).inc();
        self.process.request_duration.at([route, method]).observe(took.as_secs_f64());
    }
}

/// Queues, named by what they hold. The depth is that after the step, so that it cannot drift.
impl Metrics {
    /// An item was put into the queue.
    pub fn queue_added(&self, name: &'static str, depth: usize) {
        self.process.queue_adds.at([name]).inc();
        self.queue_depth(name, depth);
    }

    /// An item was taken out after having waited so long.
    pub fn queue_taken(&self, name: &'static str, depth: usize, waited: Duration) {
        self.process.queue_waited.at([name]).observe(waited.as_secs_f64());
        self.queue_depth(name, depth);
    }

    /// The work on an item began then.
    pub fn queue_began(&self, name: &'static str, item: &str, now: Timestamp) {
        self.working.lock().unwrap_or_else(PoisonError::into_inner).insert((name, Text::from(item)), now);
    }

    /// The work on an item has ended after so long.
    pub fn queue_ended(&self, name: &'static str, item: &str, took: Duration) {
        self.working.lock().unwrap_or_else(PoisonError::into_inner).remove(&(name, Text::from(item)));
        self.process.queue_worked.at([name]).observe(took.as_secs_f64());
    }

    /// The work on an item failed, and it was put back.
    pub fn queue_retried(&self, name: &'static str) {
        self.process.queue_retries.at([name]).inc();
    }

    /// So many items wait; for queues whose items vanish without being taken.
    pub fn queue_depth(&self, name: &'static str, depth: usize) {
        self.process.queue_depth.at([name]).set(level(u64::try_from(depth).unwrap_or(u64::MAX)));
    }
}

/// Manifests.
impl Metrics {
    /// The manifests are in force: this configuration, of that commit where git is used.
    pub fn manifests_valid(&self, digest: &str, commit: Option<&str>, now: Timestamp) {
        let (digest, commit) = (Text::from(digest), Text::from(commit.unwrap_or_default()));
        self.process.configuration.at([&digest, &commit]).set(1.0);
        self.process.configuration.retain(|values| *values == [digest.clone(), commit.clone()]);
        self.process.manifest_errors.retain(|_| false);
        self.process.manifests_valid.at([]).set(1.0);
        self.process.manifests_loaded.at([]).set(seconds(now));
    }

    /// The manifests are wrong: what was in force stays so.
    pub fn manifests_invalid<'a>(&self, wrong: impl IntoIterator<Item = FileErrors<'a>>) {
        self.process.manifests_valid.at([]).set(0.0);
        self.process.manifest_errors.retain(|_| false);
        for (at, FileErrors { file, errors }) in wrong.into_iter().enumerate() {
            let name = if at < MOST_FILES { ending(file) } else { OTHER_FILES };
            self.process.manifest_errors.at([name]).inc_by(level(errors));
        }
    }
}

/// Bytes of the files in a folder; what cannot be read, or vanishes meanwhile, counts nothing. Links are not followed.
fn bytes_in(folder: &Path, deeper: u32) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match (entry.metadata(), deeper) {
        (Ok(metadata), _) if metadata.is_file() => metadata.len(),
        (Ok(metadata), 1..) if metadata.is_dir() => bytes_in(&entry.path(), deeper - 1),
        (Ok(_) | Err(_), _) => 0,
    });
    bytes.sum()
}

/// The end of a long name: that is where names differ.
fn ending(file: &str) -> &str {
    let from = file.char_indices().rev().nth(LONGEST_FILE - 1).map_or(0, |(at, _)| at);
    &file[from..]
}
