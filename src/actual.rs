//! What BMS holds at one revision: records, accounts, and the indexes by email, username and owner.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::quality::RandomState;

use crate::model::{Account, Field, Id, Kind, Record, RecordKey, Revision, Status, Text, UserKey, folded, with_folded};

/// The actual state. Changed only through [`Actual::put`] and [`Actual::put_account`], which keep the indexes true.
///
/// A clone shares everything with the original, until one of the two changes: so a question about everybody can be
/// answered beside the rounds, and only a change that comes meanwhile pays for a copy.
#[derive(Clone, Debug, Default)]
pub struct Actual {
    /// The revision that this is.
    pub revision: Revision,
    held: Arc<Held>,
}

/// Records and accounts with their indexes.
#[derive(Clone, Debug, Default)]
struct Held {
    records: HashMap<RecordKey, Record, RandomState>,
    keys: BTreeSet<RecordKey>,
    owned: HashMap<UserKey, RecordKey, RandomState>,
    tenants: HashMap<Id, Owned, RandomState>,
    archived_from: HashMap<UserKey, Vec<RecordKey>, RandomState>,
    by_username: HashMap<Text, Vec<RecordKey>, RandomState>,
    by_email: HashMap<Text, Vec<RecordKey>, RandomState>,
    accounts: HashMap<u64, Account, RandomState>,
    account_ids: HashMap<Text, Vec<u64>, RandomState>,
}

/// How many records the users of one tenant own.
#[derive(Clone, Copy, Debug, Default)]
struct Owned {
    all: u64,
    active: u64,
}

/// Where a name must be unique (rule R5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespace {
    /// Usernames of all logins.
    LoginUsername,
    /// Emails of all logins.
    LoginEmail,
    /// Emails of one kind.
    Email(Kind),
}

impl Namespace {
    /// The field whose values are unique in it.
    #[must_use]
    pub const fn field(self) -> Field {
        match self {
            Self::LoginUsername => Field::Username,
            Self::LoginEmail | Self::Email(_) => Field::Email,
        }
    }

    /// Whether the record's name counts in it.
    #[must_use]
    pub fn admits(self, record: &Record) -> bool {
        match self {
            Self::LoginUsername | Self::LoginEmail => record.has_login(),
            Self::Email(kind) => record.key.kind == kind && record.status != Status::Archived,
        }
    }
}

impl Actual {
    /// A record.
    #[must_use]
    pub fn record(&self, key: RecordKey) -> Option<&Record> {
        self.held.records.get(&key)
    }

    /// All records, in no order.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.held.records.values()
    }

    /// All records by (kind, ID).
    #[must_use]
    pub fn sorted_records(&self) -> Vec<&Record> {
        self.held.keys.iter().filter_map(|key| self.held.records.get(key)).collect()
    }

    /// The first records of a kind with an ID above `after`, by ID.
    #[must_use]
    pub fn page(&self, kind: Kind, after: u64, limit: usize) -> Vec<&Record> {
        let from = RecordKey { kind, id: after.saturating_add(1) };
        let keys = self.held.keys.range(from..).take_while(|key| key.kind == kind).take(limit);
        keys.filter_map(|key| self.held.records.get(key)).collect()
    }

    /// The record that the user owns.
    #[must_use]
    pub fn owned_by(&self, user: &UserKey) -> Option<&Record> {
        self.held.owned.get(user).and_then(|key| self.held.records.get(key))
    }

    /// The users that own a record, with it, in no order.
    pub fn owners(&self) -> impl Iterator<Item = (&UserKey, &Record)> {
        self.held.owned.iter().filter_map(|(user, key)| Some((user, self.held.records.get(key)?)))
    }

    /// How many active records the users of a tenant own.
    #[must_use]
    pub fn owned_active(&self, tenant: &Id) -> u64 {
        self.held.tenants.get(tenant).map_or(0, |owned| owned.active)
    }

    /// The tenants whose users own records, with how many, in no order.
    pub fn owning_tenants(&self) -> impl Iterator<Item = (&Id, u64)> {
        self.held.tenants.iter().filter(|(_, owned)| owned.all > 0).map(|(id, owned)| (id, owned.all))
    }

    /// The archived records that the user's rules left behind, by key.
    pub fn archived_from(&self, user: &UserKey) -> impl Iterator<Item = &Record> {
        self.held.archived_from.get(user).into_iter().flatten().filter_map(|key| self.held.records.get(key))
    }

    /// The records that hold a name in a namespace, by key.
    pub fn holders(&self, namespace: Namespace, name: &str) -> impl Iterator<Item = &Record> {
        let index = match namespace {
            Namespace::LoginUsername => &self.held.by_username,
            Namespace::LoginEmail | Namespace::Email(_) => &self.held.by_email,
        };
        let keys = keys_of(index, name).map_or(&[][..], Vec::as_slice);
        keys.iter().filter_map(|key| self.held.records.get(key)).filter(move |record| namespace.admits(record))
    }

    /// Whether any record of any status has that username.
    #[must_use]
    pub fn has_username(&self, name: &str) -> bool {
        keys_of(&self.held.by_username, name).is_some()
    }

    /// Whether any record of any status has that email.
    #[must_use]
    pub fn has_email(&self, name: &str) -> bool {
        keys_of(&self.held.by_email, name).is_some()
    }

    /// The account of that exact name; the oldest of several.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.held.account_ids.get(name)?.first().and_then(|id| self.held.accounts.get(id))
    }

    /// The account of that ID.
    #[must_use]
    pub fn account_by_id(&self, id: u64) -> Option<&Account> {
        self.held.accounts.get(&id)
    }

    /// All accounts by ID.
    #[must_use]
    pub fn sorted_accounts(&self) -> Vec<&Account> {
        let mut accounts: Vec<&Account> = self.held.accounts.values().collect();
        accounts.sort_unstable_by_key(|account| account.id);
        accounts
    }

    /// Parts with whatever it shares: later changes cost what they change. Copies everything that is shared.
    pub fn part(&mut self) {
        Arc::make_mut(&mut self.held);
    }

    /// Puts a record in place of the one with its key.
    pub fn put(&mut self, record: Record) {
        Arc::make_mut(&mut self.held).put(record);
    }

    /// Takes a record out: only for undoing, BMS records are never deleted.
    pub fn forget(&mut self, key: RecordKey) {
        Arc::make_mut(&mut self.held).forget(key);
    }

    /// Puts an account in place of the one with its ID.
    pub fn put_account(&mut self, account: Account) {
        Arc::make_mut(&mut self.held).put_account(account);
    }
}

impl Held {
    fn put(&mut self, record: Record) {
        if let Some(old) = self.records.remove(&record.key) {
            self.unindex(&old);
        }
        self.index(&record);
        self.keys.insert(record.key);
        self.records.insert(record.key, record);
    }

    fn forget(&mut self, key: RecordKey) {
        if let Some(old) = self.records.remove(&key) {
            self.keys.remove(&key);
            self.unindex(&old);
        }
    }

    fn put_account(&mut self, account: Account) {
        if let Some(old) = self.accounts.remove(&account.id)
            && let Some(ids) = self.account_ids.get_mut(&old.name)
        {
            ids.retain(|id| *id != old.id);
            if ids.is_empty() {
                self.account_ids.remove(&old.name);
            }
        }
        let ids = self.account_ids.entry(account.name.clone()).or_default();
        if let Err(at) = ids.binary_search(&account.id) {
            ids.insert(at, account.id);
        }
        self.accounts.insert(account.id, account);
    }

    fn index(&mut self, record: &Record) {
        if let Some(link) = &record.link {
            self.owned.insert(link.user.clone(), record.key);
            let owned = self.tenants.entry(link.user.tenant.clone()).or_default();
            owned.all += 1;
            owned.active += u64::from(record.status == Status::Active);
        }
        if let Some(user) = &record.archived_from {
            add(&mut self.archived_from, user.clone(), record.key);
        }
        if let Some(username) = record.fields.get(Field::Username) {
            add(&mut self.by_username, folded(username), record.key);
        }
        if let Some(email) = record.fields.get(Field::Email) {
            add(&mut self.by_email, folded(email), record.key);
        }
    }

    fn unindex(&mut self, record: &Record) {
        if let Some(link) = &record.link {
            if self.owned.get(&link.user) == Some(&record.key) {
                self.owned.remove(&link.user);
            }
            if let Some(owned) = self.tenants.get_mut(&link.user.tenant) {
                owned.all -= 1;
                owned.active -= u64::from(record.status == Status::Active);
            }
        }
        if let Some(user) = &record.archived_from {
            remove(&mut self.archived_from, user, record.key);
        }
        if let Some(username) = record.fields.get(Field::Username) {
            remove(&mut self.by_username, &folded(username), record.key);
        }
        if let Some(email) = record.fields.get(Field::Email) {
            remove(&mut self.by_email, &folded(email), record.key);
        }
    }
}

fn keys_of<'i>(index: &'i HashMap<Text, Vec<RecordKey>, RandomState>, name: &str) -> Option<&'i Vec<RecordKey>> {
    if index.is_empty() { None } else { with_folded(name, |name| index.get(name)) }
}

fn add<K: std::hash::Hash + Eq>(index: &mut HashMap<K, Vec<RecordKey>, RandomState>, name: K, key: RecordKey) {
    let keys = index.entry(name).or_default();
    if let Err(at) = keys.binary_search(&key) {
        keys.insert(at, key);
    }
}

fn remove<K: std::hash::Hash + Eq>(index: &mut HashMap<K, Vec<RecordKey>, RandomState>, name: &K, key: RecordKey) {
    if let Some(keys) = index.get_mut(name) {
        keys.retain(|held| *held != key);
        if keys.is_empty() {
            index.remove(name);
        }
    }
}
