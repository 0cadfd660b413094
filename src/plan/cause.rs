//! Why a change is in a plan that was made of candidate manifests: a word beside the change, decided by whoever compares.

use serde::Serialize;

/// Why a change is in a plan of candidate manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Only because of the candidate manifests.
    Manifests,
    /// It would happen anyway.
    Pending,
}

impl Cause {
    /// Both causes, what the candidate manifests cause first.
    pub const ALL: [Self; 2] = [Self::Manifests, Self::Pending];

    /// The word used in JSON and text.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Manifests => "manifests",
            Self::Pending => "pending",
        }
    }
}
