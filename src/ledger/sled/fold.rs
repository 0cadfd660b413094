//! The current records, folded from the log into buckets of neighbouring IDs, so that opening need not read all history.
//!
//! A bucket holds the records of one kind whose IDs share all but their low bits. Folding writes the records that the
//! log changed into their buckets, some at a time, each batch together with the [`Mark`]; only the last batch of a step
//! moves the mark's head. A fold that is killed is done again: the log holds whole records, so the result is the same.

use std::collections::BTreeMap;

use ::sled::{Batch, Tree};
use serde::{Deserialize, Serialize};

use super::frame::{self, Flaw};
use super::segment::{Content, Head, Segment};
use crate::model::{Account, Kind, Record};

/// Key of the mark.
pub const MARK: &[u8] = b"m";
/// IDs of a bucket differ in so many low bits.
const LOW_BITS: u32 = 7;
/// What one batch of sled dirties cannot be evicted from memory: no more keys than that.
pub const BATCH: usize = 256;

/// How far the log is folded, and what the buckets must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The log up to here is in the buckets.
    pub head: Head,
    /// Number of buckets.
    pub buckets: u64,
    /// Wrapping sum of their seals: a missing or exchanged bucket is seen.
    pub sum: u64,
    /// Their length.
    pub bytes: u64,
}

/// What a bucket is of. The byte is the first of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shelf {
    /// Accounts.
    Accounts,
    /// Records of a kind.
    Records(Kind),
}

impl Shelf {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Accounts, Self::Records(Kind::Employee), Self::Records(Kind::Contact)];

    /// First byte of the keys.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        match self {
            Self::Accounts => b'a',
            Self::Records(Kind::Employee) => b'e',
            Self::Records(Kind::Contact) => b'c',
        }
    }

    fn key(self, id: u64) -> Vec<u8> {
        let mut key = vec![self.prefix()];
        key.extend_from_slice(&(id >> LOW_BITS).to_be_bytes());
        key
    }
}

/// What the log changed, not yet in buckets, in the order of the log.
#[derive(Debug, Default)]
pub struct Changed {
    records: Vec<Record>,
    accounts: Vec<Account>,
}

impl Changed {
    /// Takes in what a segment wrote.
    pub fn add(&mut self, segment: Segment) {
        let Content { events, touched, accounts } = segment.content;
        self.records.extend(events.into_iter().map(|event| event.after).chain(touched));
        self.accounts.extend(accounts);
    }

    /// Versions taken in: a measure of memory.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.records.len() + self.accounts.len()
    }

    /// Writes all of it, and the mark that the log is folded up to `head`.
    pub fn write(&self, tree: &Tree, mark: &mut Mark, head: Head) -> Result<(), FoldError> {
        write(tree, mark, head, self.records.iter(), &self.accounts)
    }
}

/// Puts records and accounts into their buckets, the last one of each, and marks the log as folded up to `head`.
pub fn write<'a>(
    tree: &Tree,
    mark: &mut Mark,
    head: Head,
    records: impl Iterator<Item = &'a Record>,
    accounts: &'a [Account],
) -> Result<(), FoldError> {
    let mut writer = Writer { tree, mark: *mark, batch: Batch::default(), keys: 0 };
    writer.shelve(accounts.iter(), |account| (Shelf::Accounts, account.id))?;
    writer.shelve(records, |record| (Shelf::Records(record.key.kind), record.key.id))?;
    writer.mark.head = head;
    writer.finish()?;
    *mark = writer.mark;
    Ok(())
}

/// Why folding stopped.
#[derive(Debug)]
pub enum FoldError {
    /// sled could not.
    Sled(::sled::Error),
    /// A value is not what was written.
    Flaw(String),
}

impl From<::sled::Error> for FoldError {
    fn from(error: ::sled::Error) -> Self {
        Self::Sled(error)
    }
}

struct Writer<'a> {
    tree: &'a Tree,
    mark: Mark,
    batch: Batch,
    keys: usize,
}

impl Writer<'_> {
    /// Puts versions into the buckets of their places; of several with one place the last counts.
    fn shelve<'a, T>(
        &mut self,
        versions: impl Iterator<Item = &'a T>,
        place: fn(&T) -> (Shelf, u64),
    ) -> Result<(), FoldError>
    where
        T: Serialize + serde::de::DeserializeOwned + 'a,
    {
        let mut versions: Vec<&T> = versions.collect();
        versions.sort_by_key(|version| place(version));
        let bucket = |version: &T| {
            let (shelf, id) = place(version);
            (shelf, id >> LOW_BITS)
        };
        for neighbours in versions.chunk_by(|one, next| bucket(one) == bucket(next)) {
            let (shelf, id) = place(neighbours[0]);
            self.merge(&shelf.key(id), neighbours, |version| place(version).1)?;
        }
        Ok(())
    }

    fn merge<T>(&mut self, key: &[u8], new: &[&T], id: impl Fn(&T) -> u64) -> Result<(), FoldError>
    where
        T: Serialize + serde::de::DeserializeOwned,
    {
        let held = self.tree.get(key)?;
        let old: Vec<T> = match &held {
            Some(value) => frame::unseal(key, value).map_err(|flaw| name(key, flaw))?,
            None => Vec::new(),
        };
        let versions = old.iter().chain(new.iter().copied());
        let merged: BTreeMap<u64, &T> = versions.map(|version| (id(version), version)).collect();
        let value = frame::seal(key, &merged.into_values().collect::<Vec<&T>>()).map_err(|flaw| name(key, flaw))?;
        self.mark.replace(held.as_deref(), &value);
        self.batch.insert(key, value);
        self.keys += 1;
        if self.keys + 1 == BATCH { self.finish() } else { Ok(()) }
    }

    /// Writes the batch with the mark, whose head is still the old one until the last batch.
    fn finish(&mut self) -> Result<(), FoldError> {
        let mut batch = std::mem::take(&mut self.batch);
        batch.insert(MARK, frame::seal(MARK, &self.mark).map_err(|flaw| name(MARK, flaw))?);
        self.tree.apply_batch(batch)?;
        self.keys = 0;
        Ok(())
    }
}

impl Mark {
    /// Reads the mark; that of nothing where there is none.
    pub fn read(tree: &Tree) -> Result<Self, FoldError> {
        match tree.get(MARK)? {
            Some(value) => frame::unseal(MARK, &value).map_err(|flaw| name(MARK, flaw)),
            None => Ok(Self::default()),
        }
    }

    /// Adds buckets that were counted apart.
    pub fn add(&mut self, Self { head: _, buckets, sum, bytes }: &Self) {
        self.buckets += buckets;
        self.sum = self.sum.wrapping_add(*sum);
        self.bytes += bytes;
    }

    /// Counts a bucket in place of an old one.
    pub fn replace(&mut self, old: Option<&[u8]>, new: &[u8]) {
        match old {
            Some(old) => {
                self.sum = self.sum.wrapping_sub(frame::seal_of(old));
                self.bytes = self.bytes.saturating_sub(old.len() as u64);
            }
            None => self.buckets += 1,
        }
        self.sum = self.sum.wrapping_add(frame::seal_of(new));
        self.bytes += new.len() as u64;
    }
}

/// Names what is damaged, as a person can report it.
pub fn name(key: &[u8], flaw: Flaw) -> FoldError {
    FoldError::Flaw(describe(key, flaw))
}

/// Names a key with what is wrong with its value.
#[must_use]
pub fn describe(key: &[u8], flaw: Flaw) -> String {
    let number =
        |from: usize| key.get(from..from + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
    match key.first() {
        Some(b'm') => format!("the mark of the folded log {flaw}"),
        Some(b's') => format!("segment {} of the log {flaw}", number(9)),
        Some(b'a') => format!("bucket {} of accounts {flaw}", number(1)),
        Some(b'e') => format!("bucket {} of employees {flaw}", number(1)),
        Some(b'c') => format!("bucket {} of contacts {flaw}", number(1)),
        Some(_) | None => format!("an unknown value {flaw}"),
    }
}
