//! How things stand with BMS, for whoever watches: when it was read, what keeps it from being read or written. A value.

use jiff::Timestamp;

use super::api::BmsError;
use super::reading::Cursor;

/// How things stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// When BMS was last read to its end.
    pub read_at: Option<Timestamp>,
    /// When everything was last read.
    pub full_at: Option<Timestamp>,
    /// Why the last read or write came to nothing, for a person to read.
    pub trouble: Option<String>,
    /// Users whose changes wait until BMS may be asked again.
    pub waiting: usize,
    /// Until when they wait, as far as is known.
    pub waits_until: Option<Timestamp>,
    /// The most calls of one operation that the last read took.
    pub calls: u32,
}

impl Standing {
    /// As it was when this was last known.
    pub(super) fn of(cursor: &Cursor) -> Self {
        Self { read_at: cursor.read_at, full_at: cursor.full_at, ..Self::default() }
    }

    pub(super) fn troubled(&mut self, error: &BmsError) {
        self.trouble = Some(error.to_string());
    }
}
