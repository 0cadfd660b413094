//! Plans and explanations read back from their JSON, as a server answers it or a file keeps it: what the renderers need,
//! and nothing that could be applied. Strict about the format and its words, tolerant of keys that were added since.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::model::{Id, Revision, Text};
use crate::plan::{Basis, Blocked, Cause, Change, Preserved, Summary, TenantHead, TenantState};

use super::json::FORMAT_VERSION;
use super::shown::Shown;

mod explanation;
mod parts;

pub use explanation::explanation;
use parts::{BlockedJson, ChangeJson, PreservedJson, word_of};

/// A plan that was read back.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// When it was made.
    pub created_at: Timestamp,
    basis: Basis,
    changes: Vec<Change>,
    causes: Vec<Option<Cause>>,
    preserved: Vec<Preserved>,
    blocked: Vec<Blocked>,
    summary: Summary,
}

/// Why JSON is not what it should be. Holds nothing of a secret; its words are a stranger's.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Not the JSON of this format.
    #[error("it is not the JSON expected: {0}")]
    Json(#[from] serde_json::Error),
    /// Of another version.
    #[error("it has formatVersion \"{0}\", and this bmsync reads \"{FORMAT_VERSION}\"")]
    Version(String),
    /// A word that is none of those known: it is of a newer bmsync, perhaps.
    #[error("its {what} is \"{word}\", which this bmsync does not know")]
    Word {
        /// Of what.
        what: &'static str,
        /// As it is there.
        word: String,
    },
}

impl Decoded {
    /// What the renderers need.
    #[must_use]
    pub fn shown(&self) -> Shown<'_> {
        let Self { created_at: _, basis, changes, causes, preserved, blocked, summary } = self;
        Shown { basis, changes, causes, preserved, blocked, summary: *summary }
    }
}

/// Reads a plan.
///
/// # Errors
/// When it is not a plan of this format.
pub fn plan(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let Version { format_version } = serde_json::from_slice(bytes)?;
    if format_version != FORMAT_VERSION {
        return Err(DecodeError::Version(format_version));
    }
    let PlanJson {
        created_at,
        config_digest,
        config_commit,
        state_revision,
        tenants,
        summary,
        changes,
        preserved,
        blocked,
    } = serde_json::from_slice(bytes)?;
    let causes = changes.iter().map(ChangeJson::cause).collect::<Result<_, _>>()?;
    let changes: Vec<Change> = changes.into_iter().map(ChangeJson::read).collect::<Result<_, _>>()?;
    let tenants = tenants.into_iter().map(TenantJson::read).collect::<Result<_, _>>()?;
    let preserved: Vec<Preserved> = preserved.into_iter().map(PreservedJson::read).collect::<Result<_, _>>()?;
    let blocked: Vec<Blocked> = blocked.into_iter().map(BlockedJson::read).collect::<Result<_, _>>()?;
    // What can be counted is counted: a sum that is not that of the list would mislead.
    let summary = Summary {
        unchanged: summary.unchanged,
        touched: summary.touched,
        preserved: preserved.len() as u64,
        blocked: blocked.len() as u64,
        ..Summary::of_changes(&changes)
    };
    let basis = Basis { config_digest, config_commit, state_revision: Revision(state_revision), tenants };
    Ok(Decoded { created_at, basis, changes, causes, preserved, blocked, summary })
}

/// Reads changes as a plan has them.
///
/// # Errors
/// When they are not changes of this format.
pub fn changes(values: &[Value]) -> Result<Vec<Change>, DecodeError> {
    values.iter().map(|value| ChangeJson::deserialize(value)?.read()).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    format_version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlanJson {
    created_at: Timestamp,
    config_digest: String,
    config_commit: Option<Text>,
    state_revision: u64,
    tenants: Vec<TenantJson>,
    summary: Counts,
    changes: Vec<ChangeJson>,
    preserved: Vec<PreservedJson>,
    blocked: Vec<BlockedJson>,
}

/// What a plan's lists do not tell.
#[derive(Deserialize)]
struct Counts {
    unchanged: u64,
    touched: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TenantJson {
    name: Option<Text>,
    tenant_id: Id,
    state: String,
    users: u64,
    message: Option<String>,
    #[serde(default)]
    groups: u64,
    read_at: Option<Timestamp>,
    digest: Option<String>,
}

impl TenantJson {
    fn read(self) -> Result<TenantHead, DecodeError> {
        let Self { name, tenant_id: tenant, state, users, message, groups, read_at, digest } = self;
        let state = word_of("tenant's state", &TenantState::ALL, TenantState::word, &state)?;
        Ok(TenantHead { name, tenant, state, users, groups, read_at, digest, message })
    }
}
