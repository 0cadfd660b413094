//! What BMS holds at one revision: records, accounts, and what they are found by: email, username and owner.

mod accounts;
mod index;
mod records;

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::quality::RandomState;

use self::accounts::Accounts;
use self::index::{Entry, Index, Marks, Sought};
use self::records::Records;
use crate::model::{Account, Field, Id, Kind, Record, RecordKey, Revision, Status, UserKey, same_name};

/// The actual state. Changed only through its own functions, which keep what records are found by true.
///
/// A clone shares everything with the original. When one of the two changes, they part with what is changed and its
/// neighbours alone: so the store, the rounds and a question about everybody each have their own, and memory holds one.
#[derive(Clone, Debug, Default)]
pub struct Actual {
    /// The revision that this is.
    pub revision: Revision,
    held: Arc<Held>,
}

/// Records and accounts with what they are found by.
#[derive(Clone, Debug, Default)]
struct Held {
    records: Records,
    index: Index,
    tenants: HashMap<Id, Owned, RandomState>,
    accounts: Arc<Accounts>,
}

/// How many records the users of one tenant own.
#[derive(Clone, Copy, Debug, Default)]
struct Owned {
    all: u64,
    active: u64,
}

/// Prepares records for [`Actual::put_all`], on any thread.
#[derive(Clone, Debug)]
pub struct Preparation(Marks);

/// Records with what they are found by.
#[derive(Debug)]
pub struct Prepared {
    records: Vec<Record>,
    entries: Vec<Entry>,
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
        self.held.records.get(key)
    }

    /// All records by (kind, ID).
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.held.records.iter()
    }

    /// All records by (kind, ID), as a list.
    #[must_use]
    pub fn sorted_records(&self) -> Vec<&Record> {
        self.records().collect()
    }

    /// The first records of a kind with an ID above `after`, by ID.
    #[must_use]
    pub fn page(&self, kind: Kind, after: u64, limit: usize) -> Vec<&Record> {
        self.held.records.after(kind, after).take(limit).collect()
    }

    /// The record that the user owns.
    #[must_use]
    pub fn owned_by(&self, user: &UserKey) -> Option<&Record> {
        self.held.find(Sought::Owner(user)).find(|record| record.is_owned_by(user))
    }

    /// The users that own a record, with it, by (kind, ID).
    pub fn owners(&self) -> impl Iterator<Item = (&UserKey, &Record)> {
        self.records().filter_map(|record| Some((&record.link.as_ref()?.user, record)))
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
        let found = self.held.find(Sought::ArchivedFrom(user));
        found.filter(move |record| record.archived_from.as_ref() == Some(user))
    }

    /// The records that hold a name in a namespace, by key.
    pub fn holders(&self, namespace: Namespace, name: &str) -> impl Iterator<Item = &Record> {
        let found = match namespace {
            Namespace::LoginUsername => self.held.find(Sought::Username(name)),
            Namespace::LoginEmail | Namespace::Email(_) => self.held.find(Sought::Email(name)),
        };
        found.filter(move |record| namespace.admits(record) && has(record, namespace.field(), name))
    }

    /// Whether any record of any status has that username.
    #[must_use]
    pub fn has_username(&self, name: &str) -> bool {
        self.held.find(Sought::Username(name)).any(|record| has(record, Field::Username, name))
    }

    /// Whether any record of any status has that email.
    #[must_use]
    pub fn has_email(&self, name: &str) -> bool {
        self.held.find(Sought::Email(name)).any(|record| has(record, Field::Email, name))
    }

    /// The account of that exact name; the oldest of several.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.held.accounts.named(name)
    }

    /// The account of that ID.
    #[must_use]
    pub fn account_by_id(&self, id: u64) -> Option<&Account> {
        self.held.accounts.get(id)
    }

    /// All accounts by ID.
    #[must_use]
    pub fn sorted_accounts(&self) -> Vec<&Account> {
        self.held.accounts.sorted()
    }

    /// Puts a record in place of the one with its key.
    pub fn put(&mut self, record: Record) {
        Arc::make_mut(&mut self.held).put(record);
    }

    /// What prepares records for [`Actual::put_all`].
    #[must_use]
    pub fn preparation(&self) -> Preparation {
        Preparation(self.held.index.marks().clone())
    }

    /// Puts many records in, each in place of the one with its key: cheaper than one by one. Neighbours that come
    /// together and sorted are kept as they come. They must be prepared by the preparation of this state.
    pub fn put_all(&mut self, prepared: impl IntoIterator<Item = Prepared>) {
        let held = Arc::make_mut(&mut self.held);
        let prepared: Vec<Prepared> = prepared.into_iter().collect();
        let mut all = Vec::with_capacity(prepared.iter().map(|some| some.entries.len()).sum());
        for Prepared { records, entries } in prepared {
            all.extend(entries);
            held.take(records);
        }
        held.index.add_all(all);
    }

    /// Takes a record out: only for undoing, BMS records are never deleted.
    pub fn forget(&mut self, key: RecordKey) {
        let held = Arc::make_mut(&mut self.held);
        if let Some(old) = held.records.remove(key) {
            held.let_go(&old);
        }
    }

    /// Puts an account in place of the one with its ID.
    pub fn put_account(&mut self, account: Account) {
        Arc::make_mut(&mut Arc::make_mut(&mut self.held).accounts).put(account);
    }
}

impl Preparation {
    /// Prepares records.
    #[must_use]
    pub fn prepare(&self, records: Vec<Record>) -> Prepared {
        let entries = records.iter().flat_map(|record| entries(&self.0, record)).collect();
        Prepared { records, entries }
    }

    /// Prepares records that come in any order, neighbours with each other. Of several with one key the last counts.
    #[must_use]
    pub fn prepare_all(&self, records: Vec<Record>) -> Vec<Prepared> {
        // New records mostly come in the order of their IDs, but both kinds mixed: then nothing is left to sort.
        let (employees, contacts) = records.into_iter().partition(|record| record.key.kind == Kind::Employee);
        [employees, contacts].into_iter().flat_map(records::neighbours).map(|some| self.prepare(some)).collect()
    }
}

impl Held {
    /// The records that may be what is sought, by key.
    fn find<'h>(&'h self, sought: Sought<'_>) -> impl Iterator<Item = &'h Record> + use<'h> {
        self.index.find(sought).filter_map(|key| self.records.get(key))
    }

    fn put(&mut self, record: Record) {
        let found_by: Vec<Entry> = entries(self.index.marks(), &record).collect();
        for entry in found_by {
            self.index.add(entry);
        }
        self.place(record);
    }

    /// Puts records in, but not what they are found by.
    fn take(&mut self, records: Vec<Record>) {
        match self.records.put_bucket(records) {
            Ok(bucket) => {
                let owned = bucket.iter().filter_map(owned);
                owned.for_each(|(tenant, status)| Owned::of(&mut self.tenants, tenant).add(status));
            }
            Err(records) => records.into_iter().for_each(|record| self.place(record)),
        }
    }

    /// Puts a record in that is indexed, or is going to be.
    fn place(&mut self, record: Record) {
        if let Some((tenant, status)) = owned(&record) {
            Owned::of(&mut self.tenants, tenant).add(status);
        }
        let kept: Vec<Entry> = entries(self.index.marks(), &record).collect();
        if let Some(old) = self.records.put(record) {
            self.let_go_but(&old, &kept);
        }
    }

    fn let_go(&mut self, old: &Record) {
        self.let_go_but(old, &[]);
    }

    /// Forgets what a record that is no longer held was found by, but for what its successor is found by.
    fn let_go_but(&mut self, old: &Record, kept: &[Entry]) {
        if let Some((tenant, status)) = owned(old) {
            Owned::of(&mut self.tenants, tenant).subtract(status);
        }
        for entry in entries(self.index.marks(), old).collect::<Vec<Entry>>() {
            if !kept.contains(&entry) {
                self.index.remove(&entry);
            }
        }
    }
}

impl Owned {
    /// Those of a tenant.
    fn of<'a>(tenants: &'a mut HashMap<Id, Self, RandomState>, tenant: &Id) -> &'a mut Self {
        tenants.entry(tenant.clone()).or_default()
    }

    fn add(&mut self, status: Status) {
        self.all += 1;
        self.active += u64::from(status == Status::Active);
    }

    fn subtract(&mut self, status: Status) {
        self.all -= 1;
        self.active -= u64::from(status == Status::Active);
    }
}

/// The tenant whose user owns the record, and the record's status.
fn owned(record: &Record) -> Option<(&Id, Status)> {
    Some((&record.link.as_ref()?.user.tenant, record.status))
}

/// Whether the record has that name.
fn has(record: &Record, field: Field, name: &str) -> bool {
    record.fields.get(field).is_some_and(|held| same_name(held, name))
}

/// What the record is found by.
fn entries<'a>(marks: &'a Marks, record: &'a Record) -> impl Iterator<Item = Entry> + 'a {
    let username = record.fields.get(Field::Username).map(Sought::Username);
    let email = record.fields.get(Field::Email).map(Sought::Email);
    let owner = record.link.as_ref().map(|link| Sought::Owner(&link.user));
    let archived = record.archived_from.as_ref().map(Sought::ArchivedFrom);
    [username, email, owner, archived].into_iter().flatten().map(|sought| marks.entry(sought, record.key))
}
