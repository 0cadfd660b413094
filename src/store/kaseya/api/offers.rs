//! What a BMS turned out to offer: operations that are not there, and how it spells the paths of a JSON Patch. A pure
//! value that is told the time.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;

/// What is known of a BMS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offers {
    known: BTreeMap<Endpoint, Offer>,
    paths: Option<PathStyle>,
}

/// Whether an operation is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Offer {
    /// It answered.
    There,
    /// It was found missing at that time.
    Missing {
        /// When.
        since: Timestamp,
    },
}

/// How a BMS spells the path of a field in a JSON Patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathStyle {
    /// `jobTitle`
    Bare,
    /// `/jobTitle`, as the standard has it.
    Slashed,
}

impl Offers {
    /// What is known of an operation.
    #[must_use]
    pub fn of(&self, endpoint: Endpoint) -> Option<Offer> {
        self.known.get(&endpoint).copied()
    }

    /// Whether it is known to be missing, and not for so long that it is worth another try.
    #[must_use]
    pub fn is_missing(&self, endpoint: Endpoint, now: Timestamp, ask_again_after: Duration) -> bool {
        match self.of(endpoint) {
            Some(Offer::Missing { since }) => {
                let patience = SignedDuration::try_from(ask_again_after).unwrap_or(SignedDuration::MAX);
                (SignedDuration::ZERO..patience).contains(&now.duration_since(since))
            }
            Some(Offer::There) | None => false,
        }
    }

    /// It answered.
    pub fn found(&mut self, endpoint: Endpoint) {
        self.known.insert(endpoint, Offer::There);
    }

    /// It is missing.
    pub fn missed(&mut self, endpoint: Endpoint, now: Timestamp) {
        self.known.insert(endpoint, Offer::Missing { since: now });
    }

    /// Nothing is known of it any more.
    pub(super) fn forget(&mut self, endpoint: Endpoint) {
        self.known.remove(&endpoint);
    }

    /// How paths are spelled, once that is known.
    #[must_use]
    pub const fn paths(&self) -> Option<PathStyle> {
        self.paths
    }

    /// How paths are spelled.
    pub const fn learned(&mut self, paths: PathStyle) {
        self.paths = Some(paths);
    }
}

impl PathStyle {
    /// The one that is not this.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Bare => Self::Slashed,
            Self::Slashed => Self::Bare,
        }
    }

    /// The path of a field.
    #[must_use]
    pub fn path(self, field: &str) -> String {
        match self {
            Self::Bare => field.to_owned(),
            Self::Slashed => format!("/{field}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_asked_for_again_after_a_while() {
        let (now, day) = (Timestamp::UNIX_EPOCH, Duration::from_hours(24));
        let later = |hours| now + SignedDuration::from_hours(hours);
        let mut offers = Offers::default();
        assert!(!offers.is_missing(Endpoint::PatchContact, now, day));
        offers.missed(Endpoint::PatchContact, now);
        assert!(offers.is_missing(Endpoint::PatchContact, later(23), day));
        assert!(!offers.is_missing(Endpoint::PatchContact, later(24), day));
        assert!(!offers.is_missing(Endpoint::PatchContact, later(-1), day), "a clock that was set back");
        offers.found(Endpoint::PatchContact);
        assert!(!offers.is_missing(Endpoint::PatchContact, later(1), day));
    }
}
