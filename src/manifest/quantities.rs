//! The small nouns of manifests that count something: durations, limits, failures. Each is made from what was written, or
//! says why not and what to do. Knows no kind of manifest.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::config::{Limit, NameOrId};
use super::nouns::{COMPLAINT_HINT, Complaint, complain};
use super::word::{is_unprintable, quoted};
use crate::model::{Text, filled};

/// Longest duration: a year.
const MAX_SECONDS: u64 = 366 * 24 * 3600;

/// A number, or a percentage of the tenant's active records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuardLimit(pub Limit);

/// How many failures in a row are tolerated: from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures(pub u32);

/// Requests in 5 minutes: from 10 to 3,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimit(pub u32);

/// Calls of one endpoint in an hour: from 60, one a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallsPerHour(pub u32);

/// A duration of at least a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval(pub Duration);

fn interval(text: &str) -> Result<Duration, Complaint> {
    const HINT: &str = "a whole number with s, m or h: 90s, 5m, 24h";
    let unit = text.chars().last().and_then(|unit| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3600),
        _ => None,
    });
    let digits = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
    let digits = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let Some((number, unit)) = digits.and_then(|digits| digits.parse::<u64>().ok()).zip(unit) else {
        return complain(format!("is not a duration: {}", quoted(text)), HINT);
    };
    match number.saturating_mul(unit) {
        seconds @ 1..=MAX_SECONDS => Ok(Duration::from_secs(seconds)),
        0 => complain("must be longer than nothing", HINT),
        _ => complain("is longer than a year", HINT),
    }
}

fn percentage(text: &str) -> Result<Limit, Complaint> {
    const HINT: &str = "a number like 20, or a percentage like 10%";
    let number = text.strip_suffix('%').unwrap_or_default();
    let plain = number.starts_with(|first: char| first.is_ascii_digit())
        && number.ends_with(|last: char| last.is_ascii_digit())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match number.parse::<f64>() {
        Ok(share) if plain && share <= 100.0 => Ok(Limit::Percent(share)),
        Ok(_) if plain => complain(format!("is more than everything: {}", quoted(text)), "at most 100%"),
        Ok(_) | Err(_) => complain(format!("is not a limit: {}", quoted(text)), HINT),
    }
}

impl<'de> Deserialize<'de> for GuardLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GuardLimitVisitor).map(Self)
    }
}

struct GuardLimitVisitor;

impl Visitor<'_> for GuardLimitVisitor {
    type Value = Limit;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a percentage")
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<Limit, E> {
        Ok(Limit::Count(count))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Limit, E> {
        percentage(text.trim()).map_err(E::custom)
    }
}

impl JsonSchema for GuardLimit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "GuardLimit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)%$" },
        ] })
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntervalVisitor).map(Self)
    }
}

struct IntervalVisitor;

impl Visitor<'_> for IntervalVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Duration, E> {
        Err(E::custom(format_args!("needs a unit{COMPLAINT_HINT}write {number}s, {number}m or {number}h")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        interval(text.trim()).map_err(E::custom)
    }
}

impl JsonSchema for Interval {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Interval".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[1-9][0-9]*(s|m|h)$" })
    }
}

impl<'de> Deserialize<'de> for Failures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::try_from(u64::deserialize(deserializer)?).ok().filter(|number| *number > 0);
        number.map(Self).ok_or_else(|| D::Error::custom("must be a whole number from 1 to 4294967295"))
    }
}

impl JsonSchema for Failures {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Failures".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": u32::MAX })
    }
}

impl<'de> Deserialize<'de> for RequestLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::try_from(u64::deserialize(deserializer)?).ok().filter(|number| (10..=3000).contains(number));
        number.map(Self).ok_or_else(|| D::Error::custom("must be a whole number from 10 to 3000"))
    }
}

impl JsonSchema for RequestLimit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "RequestLimit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 10, "maximum": 3000 })
    }
}

impl<'de> Deserialize<'de> for NameOrId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrIdVisitor)
    }
}

struct NameOrIdVisitor;

impl Visitor<'_> for NameOrIdVisitor {
    type Value = NameOrId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name or an ID")
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<NameOrId, E> {
        if id == 0 { Err(E::custom("must be a name, or an ID from 1")) } else { Ok(NameOrId::Id(id)) }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<NameOrId, E> {
        match filled(text) {
            Some(name) if !name.chars().any(is_unprintable) => Ok(NameOrId::Name(Text::from(name))),
            Some(_) => Err(E::custom("holds characters that cannot be seen")),
            None => Err(E::custom("is blank")),
        }
    }
}

impl JsonSchema for NameOrId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "NameOrId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": "\\S" }] })
    }
}

/// Fewest and most calls of an hour: with fewer a read would not end, and BMS itself allows fewer than the most.
const CALLS: std::ops::RangeInclusive<u64> = 60..=100_000;

impl<'de> Deserialize<'de> for CallsPerHour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Some(u64::deserialize(deserializer)?).filter(|number| CALLS.contains(number));
        let number = number.and_then(|number| u32::try_from(number).ok());
        number.map(Self).ok_or_else(|| D::Error::custom("must be a whole number from 60 to 100000"))
    }
}

impl JsonSchema for CallsPerHour {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CallsPerHour".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": CALLS.start(), "maximum": CALLS.end() })
    }
}
