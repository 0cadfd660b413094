//! Which records to look at for a name or an owner. Holds numbers instead of text: 16 bytes for each, whatever it is of.
//!
//! Two names may have the same mark, so whoever asks compares the records with what is sought. Clones share the leaves
//! that neither has changed.

use std::hash::{BuildHasher as _, Hash};
use std::sync::Arc;

use foldhash::quality::RandomState;

use crate::model::{Kind, RecordKey, UserKey, with_folded};

/// A leaf is divided when it has more entries; so many are moved at most to put one in.
const LEAF: usize = 1024;
/// A new leaf has so many: room for some more.
const FILLED: usize = 768;

/// What stands for a name or an owner, and the record that has it.
pub(super) type Entry = (u64, Packed);

/// A record's key in 8 bytes, in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Packed(u64);

/// What records are found by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sought<'a> {
    /// The username, as it is compared.
    Username(&'a str),
    /// The email, as it is compared.
    Email(&'a str),
    /// Who owns it.
    Owner(&'a UserKey),
    /// Whose rule had it archived.
    ArchivedFrom(&'a UserKey),
}

/// Gives what stands for a name or an owner. The key is another one in each process, so nobody can choose names that agree.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks(RandomState);

impl Marks {
    /// The entry of a record.
    pub fn entry(&self, sought: Sought<'_>, key: RecordKey) -> Entry {
        (self.mark(sought), Packed::from(key))
    }

    fn mark(&self, sought: Sought<'_>) -> u64 {
        match sought {
            Sought::Username(name) => self.name(0, name),
            Sought::Email(name) => self.name(1, name),
            Sought::Owner(user) => self.of((2_u8, user)),
            Sought::ArchivedFrom(user) => self.of((3_u8, user)),
        }
    }

    fn name(&self, space: u8, name: &str) -> u64 {
        with_folded(name, |name| self.of((space, name)))
    }

    fn of(&self, value: impl Hash) -> u64 {
        self.0.hash_one(value)
    }
}

/// Entries in order, in leaves.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    marks: Marks,
    /// The first entry of each leaf but the first one, which may begin anywhere.
    bounds: Vec<Entry>,
    leaves: Vec<Arc<Vec<Entry>>>,
}

impl Index {
    /// What gives the entries of this index.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// The records that may be it, by key.
    pub fn find<'i>(&'i self, sought: Sought<'_>) -> impl Iterator<Item = RecordKey> + use<'i> {
        let (mark, first) = if self.leaves.is_empty() { (0, 0) } else { self.first(sought) };
        let leaves = self.leaves.get(first..).unwrap_or_default().iter();
        let entries = leaves.flat_map(move |leaf| {
            let from = leaf.partition_point(|entry| entry.0 < mark);
            leaf[from..].iter()
        });
        entries.take_while(move |entry| entry.0 == mark).map(|entry| entry.1.into())
    }

    /// The mark, and the first leaf that may have it.
    fn first(&self, sought: Sought<'_>) -> (u64, usize) {
        let mark = self.marks.mark(sought);
        (mark, self.leaf(&(mark, Packed(0))))
    }

    /// Where an entry is or belongs.
    fn leaf(&self, entry: &Entry) -> usize {
        self.bounds.partition_point(|bound| bound <= entry)
    }

    /// Adds an entry, unless it is there.
    pub fn add(&mut self, entry: Entry) {
        if self.leaves.is_empty() {
            self.leaves.push(Arc::default());
        }
        let number = self.leaf(&entry);
        let Some(leaf) = self.leaves.get_mut(number).map(Arc::make_mut) else { return };
        let Err(at) = leaf.binary_search(&entry) else { return };
        leaf.insert(at, entry);
        if leaf.len() > LEAF {
            let more = leaf.split_off(leaf.len() / 2);
            self.bounds.insert(number, more[0]);
            self.leaves.insert(number + 1, Arc::new(more));
        }
    }

    /// Takes an entry out.
    pub fn remove(&mut self, entry: &Entry) {
        let number = self.leaf(entry);
        let Some(leaf) = self.leaves.get_mut(number).map(Arc::make_mut) else { return };
        if let Ok(at) = leaf.binary_search(entry) {
            leaf.remove(at);
        }
        if leaf.is_empty() && self.leaves.len() > 1 {
            self.leaves.remove(number);
            self.bounds.remove(number.saturating_sub(1));
        }
    }

    /// Adds many entries: all is put in order once, where that is cheaper.
    pub fn add_all(&mut self, entries: Vec<Entry>) {
        let held: usize = self.leaves.iter().map(|leaf| leaf.len()).sum();
        if entries.len() < held / 8 {
            for entry in entries {
                self.add(entry);
            }
            return;
        }
        let mut all = entries;
        all.reserve_exact(held);
        all.extend(self.leaves.drain(..).flat_map(|leaf| leaf.to_vec()));
        all.sort_unstable();
        all.dedup();
        self.leaves = all.chunks(FILLED).map(|leaf| Arc::new(leaf.to_vec())).collect();
        self.bounds = self.leaves.iter().skip(1).map(|leaf| leaf[0]).collect();
    }
}

/// IDs are below this bit.
const CONTACT: u64 = 1 << 63;

impl From<RecordKey> for Packed {
    fn from(RecordKey { kind, id }: RecordKey) -> Self {
        match kind {
            Kind::Employee => Self(id & !CONTACT),
            Kind::Contact => Self(id | CONTACT),
        }
    }
}

impl From<Packed> for RecordKey {
    fn from(Packed(bits): Packed) -> Self {
        let kind = if bits < CONTACT { Kind::Employee } else { Kind::Contact };
        Self { kind, id: bits & !CONTACT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: RecordKey = RecordKey { kind: Kind::Contact, id: 7 };

    fn found(index: &Index, name: &str) -> Vec<u64> {
        index.find(Sought::Email(name)).map(|key| key.id).collect()
    }

    /// Enough for many leaves, added one by one, then all at once, then mixed.
    #[test]
    fn what_was_added_and_not_removed_is_found() {
        let names: Vec<String> = (0..5_000).map(|number| format!("User{number}@x.example")).collect();
        let entries = |index: &Index, from: usize| -> Vec<Entry> {
            let key = |id: usize| RecordKey { kind: Kind::Employee, id: id as u64 };
            (from..5_000).map(|id| index.marks().entry(Sought::Email(&names[id]), key(id))).collect()
        };
        for at_once in [0, 1_000, 4_900, 5_000] {
            let mut index = Index::default();
            let all = entries(&index, 0);
            all[..at_once].iter().rev().for_each(|entry| index.add(*entry));
            index.add_all(all[at_once..].to_vec());
            let shared = index.clone();
            for (id, name) in names.iter().enumerate() {
                assert_eq!(found(&index, &name.to_uppercase()), [id as u64], "{at_once}");
                index.remove(&all[id]);
                assert!(found(&index, name).is_empty());
            }
            assert!(names.iter().all(|name| found(&shared, name).len() == 1), "a clone is not changed");
        }
    }

    #[test]
    fn many_records_of_one_name_are_found_by_key() {
        let mut index = Index::default();
        let keys = (1..=3_000).rev().flat_map(|id| Kind::ALL.map(|kind| RecordKey { kind, id }));
        let entries: Vec<Entry> = keys.map(|key| index.marks().entry(Sought::Username("same"), key)).collect();
        for entry in &entries {
            index.add(*entry);
        }
        let found: Vec<RecordKey> = index.find(Sought::Username("SAME")).collect();
        assert!(found.is_sorted() && found.len() == 6_000);
        assert!(index.find(Sought::Email("same")).next().is_none());
    }

    #[test]
    fn a_key_is_what_it_was() {
        for key in [KEY, RecordKey { kind: Kind::Employee, id: (1 << 53) - 1 }] {
            assert_eq!(RecordKey::from(Packed::from(key)), key);
        }
    }
}
