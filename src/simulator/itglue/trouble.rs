//! What can be wrong with the simulated IT Glue, and when. Knows nothing of requests.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::simulator::settings::When;

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The connection ends before the request is looked at.
    CutBefore,
    /// The connection ends after what was asked is done, in place of the answer. Not on reads.
    CutAfter,
    /// 401, as for a wrong key.
    Unauthorized,
    /// 403, as for a wrong key.
    Forbidden,
    /// 429 with `Retry-After`.
    Throttle,
    /// 500.
    Error,
    /// 200 with a page of HTML.
    NotJson,
    /// The answer takes so many milliseconds.
    Slow,
}

/// Name and usual value of each.
const TABLE: [(Trouble, &str, u64); 8] = [
    (Trouble::CutBefore, "cut-before", 0),
    (Trouble::CutAfter, "cut-after", 0),
    (Trouble::Unauthorized, "unauthorized", 0),
    (Trouble::Forbidden, "forbidden", 0),
    (Trouble::Throttle, "throttle", 30),
    (Trouble::Error, "server-error", 0),
    (Trouble::NotJson, "not-json", 0),
    (Trouble::Slow, "slow", 250),
];

/// Why a trouble cannot be set.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "`{text}` sets no trouble of IT Glue; write NAME=WHEN[:VALUE], like cut-after=next1, with a name of {}",
    names()
)]
pub struct TroubleError {
    /// As it was written.
    pub text: String,
}

fn names() -> String {
    TABLE.map(|(_, name, _)| name).join(", ")
}

/// The troubles that are on.
#[derive(Clone, Debug, Default)]
pub struct Troubles(BTreeMap<Trouble, (When, u64)>);

impl Troubles {
    /// The names of all troubles, in the order of the documentation.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TABLE.into_iter().map(|(_, name, _)| name)
    }

    pub(super) fn set(&mut self, text: &str) -> Result<(), TroubleError> {
        let (trouble, when, value) = parse(text).ok_or_else(|| TroubleError { text: text.to_owned() })?;
        self.0.insert(trouble, (when, value));
        Ok(())
    }

    /// Whether it strikes now, with its value; asking uses up a chance.
    pub(super) fn strikes(&mut self, trouble: Trouble, rng: &mut fastrand::Rng) -> Option<u64> {
        let (when, value) = self.0.get_mut(&trouble)?;
        when.strikes(rng).then_some(*value)
    }
}

fn parse(text: &str) -> Option<(Trouble, When, u64)> {
    let (name, rest) = text.split_once('=')?;
    let (trouble, _, usual) = TABLE.into_iter().find(|(_, known, _)| *known == name.trim())?;
    let (when, value) = rest.split_once(':').map_or((rest, None), |(when, value)| (when, Some(value)));
    let value = match value {
        Some(value) => value.trim().parse().ok()?,
        None => usual,
    };
    Some((trouble, when.trim().parse().ok()?, value))
}
