//! What the store must not forget between two steps: creates that were begun, archives that a person makes, logins that a
//! person sets. Kept durably beside the commits. It knows nothing of BMS.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::api::Portal;
use crate::ledger::{Keep, Ledger, LedgerError};
use crate::model::{Field, RecordKey, Text, UserKey};
use crate::plan::ToDo;

const INTENTS: &str = "bms/intent/";
const ARCHIVES: &str = "bms/archive/";
const OWED: &str = "bms/owed/";

/// Everything that is noted.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Creates that were begun.
    pub intents: BTreeMap<UserKey, Intent>,
    /// Records that are to be archived, with the user because of whom.
    pub archives: BTreeMap<RecordKey, UserKey>,
    /// What a person owes to records that are written otherwise.
    pub owed: BTreeMap<RecordKey, Owed>,
}

/// A create that was begun: the contact may be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The email that it was given.
    pub email: Option<Text>,
    /// When it was last asked for.
    pub at: Timestamp,
}

/// What a person owes to a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// For a person to read.
    pub to_do: ToDo,
    /// Which values.
    pub fields: BTreeSet<Field>,
    /// Whether the client portal shall be open, where that is part of it; this much can be seen.
    pub portal: Option<bool>,
    /// Since when.
    pub since: Timestamp,
}

impl Owed {
    /// Whether what BMS shows of the portal is what is owed.
    #[must_use]
    pub fn is_met(&self, shown: Portal) -> bool {
        self.portal == Some(shown == Portal::Open)
    }
}

/// One note that changes.
#[derive(Clone, Debug)]
pub enum Note {
    /// Of a create.
    Intent(UserKey, Option<Intent>),
    /// Of an archive.
    Archive(RecordKey, Option<UserKey>),
    /// Of what a person owes.
    Owed(RecordKey, Option<Box<Owed>>),
}

impl Notes {
    /// Reads them all.
    pub async fn load(ledger: &dyn Ledger) -> Result<Self, LedgerError> {
        Ok(Self {
            intents: all(ledger, INTENTS).await?,
            archives: all(ledger, ARCHIVES).await?,
            owed: all(ledger, OWED).await?,
        })
    }

    /// Changes notes, all at once, durably.
    pub async fn write(&mut self, ledger: &dyn Ledger, notes: Vec<Note>) -> Result<(), LedgerError> {
        let changes = notes.iter().filter_map(|note| self.keep(note).transpose()).collect::<Result<Vec<_>, _>>()?;
        if !changes.is_empty() {
            ledger.keep(changes).await?;
        }
        for note in notes {
            self.put(note);
        }
        Ok(())
    }

    /// The change on disk; none where it says nothing new.
    fn keep(&self, note: &Note) -> Result<Option<Keep>, LedgerError> {
        match note {
            Note::Intent(user, after) => change(INTENTS, user, self.intents.get(user), after.as_ref()),
            Note::Archive(record, after) => change(ARCHIVES, record, self.archives.get(record), after.as_ref()),
            Note::Owed(record, after) => change(OWED, record, self.owed.get(record), after.as_deref()),
        }
    }

    fn put(&mut self, note: Note) {
        match note {
            Note::Intent(user, after) => put(&mut self.intents, user, after),
            Note::Archive(record, after) => put(&mut self.archives, record, after),
            Note::Owed(record, after) => put(&mut self.owed, record, after.map(|owed| *owed)),
        }
    }
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

/// What stands under a key: the key itself too, so that it need not be read out of its name.
fn bytes<K: Serialize, V: Serialize>(key: &K, value: &V) -> Result<Vec<u8>, LedgerError> {
    serde_json::to_vec(&(key, value)).map_err(|error| LedgerError::Io {
        path: OWED.to_owned(),
        attempt: "write a note in",
        source: Box::new(error),
    })
}

fn change<K: Serialize, V: Serialize + PartialEq>(
    prefix: &str,
    key: &K,
    before: Option<&V>,
    after: Option<&V>,
) -> Result<Option<Keep>, LedgerError> {
    if before == after {
        return Ok(None);
    }
    let name = crate::model::Digest::of([bytes(key, &())?.as_slice()]);
    let of = |value: Option<&V>| value.map(|value| bytes(key, value)).transpose();
    Ok(Some(Keep { key: format!("{prefix}{name}"), before: of(before)?, after: of(after)? }))
}

async fn all<K: DeserializeOwned + Ord, V: DeserializeOwned>(
    ledger: &dyn Ledger,
    prefix: &str,
) -> Result<BTreeMap<K, V>, LedgerError> {
    let read = |(key, bytes): (String, Vec<u8>)| {
        serde_json::from_slice(&bytes).map_err(|error| LedgerError::Damaged { path: key, detail: error.to_string() })
    };
    ledger.kept(prefix).await?.into_iter().map(read).collect()
}
