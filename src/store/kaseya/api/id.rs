//! The IDs that BMS gives, and instants as it writes them. It knows nothing of what they belong to.

use std::fmt;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// An ID of BMS: an int32, and never less than 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct BmsId(u32);

impl BmsId {
    /// An ID, if the number can be one.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        let most = u64::from(i32::MAX.unsigned_abs());
        u32::try_from(number).ok().filter(|_| (1..=most).contains(&number)).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0.into()
    }
}

impl fmt::Display for BmsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<BmsId> for u64 {
    fn from(id: BmsId) -> Self {
        id.number()
    }
}

impl TryFrom<u64> for BmsId {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        Self::new(number).ok_or_else(|| format!("{number} is no ID of BMS"))
    }
}

/// An instant as BMS wrote it: with an offset, or without one. One without is taken for UTC, and is written back the
/// way it came, so that whatever zone BMS means, it is asked in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment {
    at: Timestamp,
    spelling: Spelling,
}

/// How BMS wrote an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Spelling {
    Offset,
    Bare,
}

impl Moment {
    /// Reads one; nothing where the text is no date and time.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(at) = text.parse() {
            return Some(Self { at, spelling: Spelling::Offset });
        }
        let local: DateTime = text.parse().ok()?;
        let at = TimeZone::UTC.to_timestamp(local).ok()?;
        Some(Self { at, spelling: Spelling::Bare })
    }

    /// The instant, where one without an offset counts as UTC.
    #[must_use]
    pub const fn at(self) -> Timestamp {
        self.at
    }

    /// So much earlier, written the same way.
    #[must_use]
    pub fn earlier(self, by: Duration) -> Self {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        Self { at: self.at.saturating_sub(by).unwrap_or(Timestamp::MIN), ..self }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.spelling {
            Spelling::Offset => self.at.fmt(f),
            Spelling::Bare => self.at.strftime("%Y-%m-%dT%H:%M:%S%.f").fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_positive_int32() {
        assert_eq!(BmsId::new(0), None);
        assert_eq!(BmsId::new(1).map(BmsId::number), Some(1));
        assert_eq!(BmsId::new(2_147_483_647).map(BmsId::number), Some(2_147_483_647));
        assert_eq!(BmsId::new(2_147_483_648), None);
        assert_eq!(BmsId::new(u64::MAX), None);
    }

    #[test]
    fn an_instant_is_written_back_as_it_came() {
        let written = |text| Moment::parse(text).map(|moment| moment.to_string());
        assert_eq!(written("2026-03-02T14:40:31Z").as_deref(), Some("2026-03-02T14:40:31Z"));
        assert_eq!(written("2026-03-02T15:40:31+01:00").as_deref(), Some("2026-03-02T14:40:31Z"));
        assert_eq!(written("2026-03-02T14:40:31").as_deref(), Some("2026-03-02T14:40:31"));
        assert_eq!(written("2026-03-02T14:40:31.5").as_deref(), Some("2026-03-02T14:40:31.5"));
        assert_eq!(written("2026-03-02 14:40:31").as_deref(), Some("2026-03-02T14:40:31"));
        for nonsense in ["", "yesterday", "14:40", "0001-13-01T00:00:00"] {
            assert_eq!(written(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn going_back_never_fails() {
        let moment = Moment::parse("2026-03-02T14:40:31").unwrap();
        assert_eq!(moment.earlier(Duration::from_secs(31)).to_string(), "2026-03-02T14:40:00");
        assert_eq!(moment.earlier(Duration::MAX).at(), Timestamp::MIN);
    }
}
