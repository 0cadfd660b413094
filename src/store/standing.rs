//! How things stand with a BMS behind a network, for whoever watches: when it was read, what waits, what troubles it. A
//! value.

use std::time::Duration;

use jiff::Timestamp;

/// How things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// When BMS was last read to its end.
    pub read_at: Option<Timestamp>,
    /// When everything was last read.
    pub full_at: Option<Timestamp>,
    /// Why the last read or write came to nothing, for a person to read.
    pub trouble: Option<String>,
    /// Failures to read it, in a row.
    pub failures: u32,
    /// Users whose changes waited at the end of the last round, because BMS may not be asked more often.
    pub waiting: usize,
    /// Until when they wait, as far as is known.
    pub waits_until: Option<Timestamp>,
    /// How long to wait before BMS is read again.
    pub rest: Duration,
    /// The calls that it takes, by operation.
    pub calls: Vec<Calls>,
    /// What a person owes to records that are written otherwise.
    pub owed: usize,
}

/// The calls of one operation in the last hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    /// Method and path.
    pub operation: &'static str,
    /// Made.
    pub made: u32,
    /// Left.
    pub left: u32,
}
