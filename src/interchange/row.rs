//! A row of an import: what a file says of one record or account, key by key, and where it says so.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::model::{Field, Kind, Status, Text, UserKey};

/// No ID is larger: every consumer of JSON can hold it exactly.
pub const LARGEST_ID: u64 = (1 << 53) - 1;
/// So many errors are shown; the others are counted.
const SHOWN: usize = 100;

/// Something to import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A CRM account.
    Account(AccountRow),
    /// An employee or a contact.
    Person(PersonRow),
}

/// What a row can be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// A CRM account.
    Account,
    /// An employee or a contact.
    Person(Kind),
}

impl RowKind {
    /// All of them, in the order of an export.
    pub const ALL: [Self; 3] = [Self::Account, Self::Person(Kind::Employee), Self::Person(Kind::Contact)];

    /// The word in the key `kind`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Person(kind) => kind.word(),
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What a row says of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Where.
    pub place: Place,
    /// `None` asks for one.
    pub id: Option<u64>,
    /// `None` leaves it as it is.
    pub name: Option<Text>,
    /// `None` leaves them as they are.
    pub locations: Option<Vec<Text>>,
}

/// What a row says of an employee or a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRow {
    /// Where.
    pub place: Place,
    /// Which.
    pub kind: Kind,
    /// `None` asks for one.
    pub id: Option<u64>,
    /// `None` leaves it as it is; a new record is active.
    pub status: Option<Status>,
    /// The fields that are given; `None` clears one.
    pub fields: Vec<(Field, Option<Text>)>,
    /// The owner.
    pub source: Given<UserKey>,
    /// The user whose rule had it archived.
    pub archived_from: Given<UserKey>,
    /// `None` leaves it as it is.
    pub tickets: Option<u64>,
    /// `None` leaves it as it is.
    pub invoices: Option<u64>,
}

/// A key that may be left out, null, or filled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Given<T> {
    /// Left out: stays as it is.
    #[default]
    Absent,
    /// Null: cleared.
    Null,
    /// This.
    Value(T),
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As the file was named.
    pub file: Arc<str>,
    /// From 1.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line } = self;
        write!(f, "{file}:{line}")
    }
}

/// Why a line cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}: {message}")]
pub struct RowError {
    /// Where.
    pub place: Place,
    /// What is wrong: a sentence without a capital and a full stop.
    pub message: String,
}

/// All that is wrong with an import; the first hundred in full.
#[derive(Clone, Debug, Default, PartialEq, Eq, Error)]
pub struct RowErrors {
    /// In the order of the files.
    pub shown: Vec<RowError>,
    /// How many more there are.
    pub hidden: u64,
}

impl fmt::Display for RowErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shown, hidden } = self;
        for (at, error) in shown.iter().enumerate() {
            write!(f, "{}{error}", if at == 0 { "" } else { "\n" })?;
        }
        if *hidden > 0 {
            write!(f, "\nand {hidden} more")?;
        }
        Ok(())
    }
}

impl RowErrors {
    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.shown.is_empty() && self.hidden == 0
    }

    /// Adds one.
    pub fn push(&mut self, place: Place, message: String) {
        if self.shown.len() < SHOWN {
            self.shown.push(RowError { place, message });
        } else {
            self.hidden += 1;
        }
    }

    /// Adds those of another file.
    pub fn extend(&mut self, other: Self) {
        let Self { shown, hidden } = other;
        for RowError { place, message } in shown {
            self.push(place, message);
        }
        self.hidden += hidden;
    }
}
