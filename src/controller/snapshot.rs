//! What is known at one moment, for questions about everybody: rounds go on while they are answered.
//!
//! Taking it copies nothing large, for a clone of a directory or of the records shares them until one of the two changes.
//! A round that writes while a snapshot is in use copies what it changes; how many snapshots there can be
//! at a time is limited by whoever lets the questions in.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::core::Core;
use crate::manifest::config::Config;
use crate::model::{Text, UserKey};
use crate::plan::explain::find;
use crate::plan::{Explanation, Observed, Plan, Scope, explain, plan};
use crate::spans::TARGET;

/// What is known at one moment.
pub(super) struct Snapshot {
    /// The configuration in force.
    pub config: Arc<Config>,
    commit: Option<Text>,
    observed: Observed,
    /// Whom earlier rounds left open.
    open: Vec<UserKey>,
}

impl Core {
    /// What is known now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            config: Arc::clone(&self.config),
            commit: self.commit.clone(),
            observed: self.observed.clone(),
            open: self.open.users().cloned().collect(),
        }
    }
}

impl Snapshot {
    /// What the configuration in force makes of it.
    pub fn plan(&self, scope: &Scope) -> Plan {
        let span = tracing::info_span!(target: TARGET, "plan");
        span.in_scope(|| plan(&self.config, &self.observed, scope)).of_commit(self.commit.clone())
    }

    /// What another configuration would make of it. Nobody says of which commit that is.
    pub fn plan_of(&self, candidate: &Config, scope: &Scope) -> Plan {
        tracing::info_span!(target: TARGET, "plan").in_scope(|| plan(candidate, &self.observed, scope))
    }

    /// Explains everybody of that name; nobody may have it.
    pub fn explain(&self, wanted: &str) -> Vec<Explanation> {
        let found = find(wanted, &self.observed);
        if found.is_empty() {
            return Vec::new();
        }
        let users: BTreeSet<UserKey> = found.iter().chain(&self.open).cloned().collect();
        let plan = self.plan(&Scope::Users(users));
        found.iter().map(|key| explain(key, &self.config, &self.observed, &plan)).collect()
    }
}
