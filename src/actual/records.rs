//! Records by key, in buckets of neighbouring IDs. Clones share the buckets that neither has changed, so a copy of
//! everything costs little, and a change of one record the bucket that it is in.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::model::{Kind, Record, RecordKey};

/// IDs of a bucket differ in so many low bits: those of a bucket on disk, which then is one here as it is read.
const LOW_BITS: u32 = 7;

/// Records, each key once.
#[derive(Clone, Debug, Default)]
pub(super) struct Records(BTreeMap<(Kind, u64), Arc<Vec<Record>>>);

impl Records {
    /// The record of that key.
    pub fn get(&self, key: RecordKey) -> Option<&Record> {
        let bucket = self.0.get(&bucket_of(key))?;
        bucket.get(place(bucket, key.id).ok()?)
    }

    /// All, by key.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.0.values().flat_map(|bucket| bucket.iter())
    }

    /// Those of a kind with an ID above `after`, by ID.
    pub fn after(&self, kind: Kind, after: u64) -> impl Iterator<Item = &Record> {
        let from = RecordKey { kind, id: after.saturating_add(1) };
        let buckets = self.0.range(bucket_of(from)..).take_while(move |((of, _), _)| *of == kind);
        buckets.flat_map(|(_, bucket)| bucket.iter()).filter(move |record| record.key.id > after)
    }

    /// Puts a record in; gives the one that it replaces.
    pub fn put(&mut self, record: Record) -> Option<Record> {
        let bucket = Arc::make_mut(self.0.entry(bucket_of(record.key)).or_default());
        match place(bucket, record.key.id) {
            Ok(at) => Some(std::mem::replace(&mut bucket[at], record)),
            Err(at) => {
                if bucket.is_empty() {
                    bucket.reserve_exact(1);
                }
                bucket.insert(at, record);
                None
            }
        }
    }

    /// Puts records in that are one bucket, sorted, where there is none yet; otherwise gives them back.
    pub fn put_bucket(&mut self, records: Vec<Record>) -> Result<&[Record], Vec<Record>> {
        let Some(first) = records.first().map(|record| bucket_of(record.key)) else { return Ok(&[]) };
        let sorted = records.is_sorted_by(|one, next| one.key < next.key);
        let whole = sorted && records.iter().all(|record| bucket_of(record.key) == first);
        match self.0.entry(first) {
            Entry::Vacant(place) if whole => Ok(place.insert(Arc::new(records))),
            Entry::Vacant(_) | Entry::Occupied(_) => Err(records),
        }
    }

    /// Takes a record out.
    pub fn remove(&mut self, key: RecordKey) -> Option<Record> {
        let bucket = Arc::make_mut(self.0.get_mut(&bucket_of(key))?);
        let at = place(bucket, key.id).ok()?;
        let record = bucket.remove(at);
        if bucket.is_empty() {
            self.0.remove(&bucket_of(key));
        }
        Some(record)
    }
}

/// Records of one kind by the bucket that they belong to, each sorted.
pub(super) fn neighbours(mut records: Vec<Record>) -> Vec<Vec<Record>> {
    records.sort_by_key(|record| record.key);
    let mut buckets: Vec<Vec<Record>> = Vec::new();
    for record in records {
        match buckets.last_mut() {
            Some(bucket) if bucket.last().is_some_and(|last| bucket_of(last.key) == bucket_of(record.key)) => {
                bucket.push(record);
            }
            Some(_) | None => buckets.push(vec![record]),
        }
    }
    buckets
}

const fn bucket_of(key: RecordKey) -> (Kind, u64) {
    (key.kind, key.id >> LOW_BITS)
}

/// Where the record is, or belongs. IDs mostly leave no gaps: then the first one tells.
fn place(bucket: &[Record], id: u64) -> Result<usize, usize> {
    let guess = bucket.first().and_then(|first| usize::try_from(id.checked_sub(first.key.id)?).ok());
    match guess {
        Some(guess) if bucket.get(guess).is_some_and(|record| record.key.id == id) => Ok(guess),
        Some(_) | None => bucket.binary_search_by_key(&id, |record| record.key.id),
    }
}
