//! Reading BMS: what changed since the last look, or everything, and what of it is news to the book.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::api::{self, BmsError, BmsId, ContactSearch, Endpoint, Extent, Listing, Moment, Portal};
use super::notes::{Note, Notes};
use super::{CURSOR, Desk, KaseyaStore, REST, picture};
use crate::applied::Event;
use crate::ledger::{Commit, Ledger, LedgerError};
use crate::model::{Kind, Record, RecordKey, Status, Text};
use crate::store::StoreError;
use crate::store::book::Held;

/// What changed so long before the newest change that was seen is read again: BMS may show changes late.
const OVERLAP: Duration = Duration::from_mins(5);
/// So many IDs are asked for at a time.
const IDS: usize = 50;
/// So many contacts that a full list lacks are looked for one by one; more are left for the next full read.
const MISSED: usize = 50;

/// Where reading goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The newest change of a contact that was seen.
    since: Option<Moment>,
    /// When that was first seen.
    #[serde(default)]
    since_at: Option<Timestamp>,
    /// When BMS was last read.
    pub read_at: Option<Timestamp>,
    /// When everything was last read.
    pub full_at: Option<Timestamp>,
}

impl Cursor {
    /// The one that is stashed; a new one where there is none.
    pub async fn load(ledger: &dyn Ledger) -> Result<Self, LedgerError> {
        let kept = ledger.stashed(CURSOR).await?;
        Ok(kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    /// From when on changes are read; everything without it.
    fn start(&self, now: Timestamp, interval: Duration) -> Option<Moment> {
        let interval = SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX);
        let fresh = self.full_at.is_some_and(|full_at| now.duration_since(full_at) < interval);
        // What showed late has shown by then; without this a quiet look would read the last big change again and again.
        let overlap = SignedDuration::try_from(2 * OVERLAP).unwrap_or(SignedDuration::MAX);
        let settled = self.since_at.is_some_and(|at| now.duration_since(at) > overlap);
        let since = self.since.filter(|_| fresh)?;
        Some(if settled { since } else { since.earlier(OVERLAP) })
    }
}

/// What BMS showed.
struct Shown {
    /// From when on; everything without it.
    since: Option<Moment>,
    contacts: Listing<api::Contact>,
    employees: Listing<api::Employee>,
    accounts: Listing<api::Account>,
    portals: BTreeMap<BmsId, Portal>,
    /// Contacts that the book has and BMS has not.
    gone: Vec<RecordKey>,
}

impl KaseyaStore {
    /// Brings the book up to what BMS shows now.
    pub(super) async fn look(&self) -> Result<(), StoreError> {
        let mut desk = self.desk().await?;
        let made = |endpoint| self.api.budget().made(endpoint, self.book.now());
        let before = Endpoint::ALL.map(made);
        let shown = self.shown(&mut desk).await;
        let calls = Endpoint::ALL.map(made).into_iter().zip(before).map(|(after, before)| after.saturating_sub(before));
        let calls = calls.max().unwrap_or_default();
        match shown {
            Ok(shown) => {
                self.note_standing(|standing| standing.rest = rest(calls, self.api.budget().per_hour()));
                self.take_in(&mut desk, shown).await
            }
            Err(Stopped::Store(error)) => Err(error),
            Err(Stopped::Bms(cause)) => {
                self.note_standing(|standing| {
                    standing.trouble = Some(cause.to_string());
                    standing.failures = standing.failures.saturating_add(1);
                    standing.rest = REST.saturating_mul(1 << standing.failures.min(5));
                });
                self.remember(&desk.cursor).await;
                Err(StoreError::Bms { attempt: "read BMS", cause })
            }
        }
    }

    async fn shown(&self, desk: &mut Desk) -> Result<Shown, Stopped> {
        let since = desk.cursor.start(self.book.now(), self.habits.full_read_interval);
        if since.is_none() {
            desk.known.forget();
        }
        let accounts = self.api.accounts().await?;
        let employees = self.api.employees().await?;
        if since.is_none()
            && let Some(employee) = employees.items.first()
        {
            // Whether this BMS lets employees be changed; one that does not tell does not.
            let _ = self.api.probe(None, Some(employee.id)).await;
        }
        let contacts = self.api.contacts(since).await?;
        contacts.items.iter().for_each(|contact| desk.known.learn(contact));
        let gone = if since.is_none() && contacts.extent == Extent::Whole {
            self.gone(&contacts.items).await?
        } else {
            Vec::new()
        };
        let portals = self.portals(desk, since, &contacts.items).await?;
        Ok(Shown { since, contacts, employees, accounts, portals, gone })
    }

    /// Contacts of the book that a whole list lacks, and that BMS does not know either when it is asked for each. A list
    /// that lacks many proves nothing.
    async fn gone(&self, listed: &[api::Contact]) -> Result<Vec<RecordKey>, Stopped> {
        let listed: BTreeSet<u64> = listed.iter().map(|contact| contact.id.number()).collect();
        let (known, missed) = self.book.view(move |actual| missed(actual, &listed)).await.map_err(Stopped::Store)?;
        if missed.len() > MISSED.min(5 + known / 10) {
            let what = format!("it lists {} of {known} contacts that it had", known - missed.len());
            return Err(Stopped::Bms(BmsError::Unexpected { what }));
        }
        let mut gone = Vec::new();
        for key in missed {
            if let Some(id) = BmsId::new(key.id)
                && self.api.contact(id).await?.is_none()
            {
                gone.push(key);
            }
        }
        Ok(gone)
    }

    /// Who may use the client portal: of everybody, or of those that changed and those whose login a person is to set.
    async fn portals(
        &self,
        desk: &Desk,
        since: Option<Moment>,
        contacts: &[api::Contact],
    ) -> Result<BTreeMap<BmsId, Portal>, Stopped> {
        if since.is_none() {
            let search = ContactSearch { portal: Some(Portal::Open), ..ContactSearch::default() };
            let open = match self.api.search_contacts(&search).await {
                Ok(open) => open,
                Err(BmsError::NotOffered { .. }) => return Ok(BTreeMap::new()),
                Err(error) => return Err(error.into()),
            };
            // A list that may lack some tells only who has access.
            let closed =
                contacts.iter().map(|contact| (contact.id, Portal::Closed)).filter(|_| open.extent == Extent::Whole);
            let open = open.items.into_iter().map(|found| (found.id, found.portal));
            return Ok(closed.chain(open).collect());
        }
        let owed = desk.notes().map_err(Stopped::Store)?.owed.iter().filter(|(_, owed)| owed.portal.is_some());
        let owed = owed.filter_map(|(key, _)| BmsId::new(key.id));
        let ids: BTreeSet<BmsId> = contacts.iter().map(|contact| contact.id).chain(owed).collect();
        let ids: Vec<BmsId> = ids.into_iter().collect();
        let mut portals = BTreeMap::new();
        for ids in ids.chunks(IDS) {
            let search = ContactSearch { ids: ids.iter().copied().collect(), ..ContactSearch::default() };
            match self.api.search_contacts(&search).await {
                Ok(found) => portals.extend(found.items.into_iter().map(|found| (found.id, found.portal))),
                Err(BmsError::NotOffered { .. }) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(portals)
    }

    /// Commits what is news.
    async fn take_in(&self, desk: &mut Desk, shown: Shown) -> Result<(), StoreError> {
        let now = self.book.now();
        let mut held = self.book.certain().await?;
        let mut news = News { held: &held, notes: desk.notes()?, at: now, commit: Commit::default(), done: Vec::new() };
        news.accounts(&shown.accounts.items);
        for employee in &shown.employees.items {
            let key = RecordKey { kind: Kind::Employee, id: employee.id.number() };
            news.record(picture::employee(employee, held.actual.record(key)), "read from BMS");
        }
        for contact in &shown.contacts.items {
            let key = RecordKey { kind: Kind::Contact, id: contact.id.number() };
            let portal = news.portal(key, shown.portals.get(&contact.id).copied());
            news.record(self.lens.contact(contact, held.actual.record(key), portal), "read from BMS");
        }
        news.unread_portals(&shown);
        for key in &shown.gone {
            news.gone(*key);
        }
        let News { commit, mut done, .. } = news;
        let ids = held.ids;
        self.book.commit(&mut held, ids, commit).await?;
        let owners = desk.notes()?.intents.keys().filter(|user| held.actual.owned_by(user).is_some());
        done.extend(owners.map(|user| Note::Intent(user.clone(), None)));
        drop(held);
        self.note(desk, done).await?;
        let newest = shown.contacts.items.iter().filter_map(|contact| contact.modified_on).max();
        let Cursor { since, since_at, read_at, full_at } = &mut desk.cursor;
        if newest > *since {
            (*since, *since_at) = (newest, Some(now));
        }
        *read_at = Some(now);
        // A list that is not whole is no full read, but what it shows is true.
        if shown.since.is_none() && shown.contacts.extent == Extent::Whole {
            *full_at = Some(now);
        }
        self.note_standing(|standing| {
            (standing.read_at, standing.full_at) = (*read_at, *full_at);
            (standing.trouble, standing.failures) = (None, 0);
        });
        self.remember(&desk.cursor).await;
        Ok(())
    }
}

/// How long to wait before BMS is read again: reading takes at most a tenth of the calls of an hour.
fn rest(calls: u32, per_hour: u32) -> Duration {
    let seconds = u64::from(calls) * 3600 * 10 / u64::from(per_hour.max(1));
    Duration::from_secs(seconds).max(REST)
}

/// How many contacts are known that are not archived, and which of them are not listed.
fn missed(actual: &crate::actual::Actual, listed: &BTreeSet<u64>) -> (usize, Vec<RecordKey>) {
    let contacts =
        actual.records().filter(|record| record.key.kind == Kind::Contact && record.status != Status::Archived);
    let known: Vec<RecordKey> = contacts.map(|record| record.key).collect();
    let missed = known.iter().copied().filter(|key| !listed.contains(&key.id)).collect();
    (known.len(), missed)
}

/// What is news, as a commit in the making.
struct News<'a> {
    held: &'a Held,
    notes: &'a Notes,
    at: Timestamp,
    commit: Commit,
    /// Notes that are settled by it.
    done: Vec<Note>,
}

impl News<'_> {
    fn accounts(&mut self, accounts: &[api::Account]) {
        let accounts = accounts.iter().map(picture::account);
        let new = accounts.filter(|account| self.held.actual.account_by_id(account.id) != Some(account));
        self.commit.accounts.extend(new);
    }

    /// What is shown of a contact's portal, unless a person is still to set it.
    fn portal(&mut self, key: RecordKey, shown: Option<Portal>) -> Option<Portal> {
        let owed = self.notes.owed.get(&key).filter(|owed| owed.portal.is_some());
        match (owed, shown) {
            (Some(owed), Some(portal)) if owed.is_met(portal) => {
                self.done.push(Note::Owed(key, None));
                None
            }
            (Some(_), _) => None,
            (None, shown) => shown,
        }
    }

    /// Logins that a person has set, of contacts that did not change otherwise.
    fn unread_portals(&mut self, shown: &Shown) {
        let read: BTreeSet<BmsId> = shown.contacts.items.iter().map(|contact| contact.id).collect();
        for (id, portal) in shown.portals.iter().filter(|(id, _)| !read.contains(id)) {
            self.portal(RecordKey { kind: Kind::Contact, id: id.number() }, Some(*portal));
        }
    }

    /// A record as BMS shows it. One that was to be archived for a user, and now is, belongs to nobody any more (rule R6).
    fn record(&mut self, mut after: Record, why: &'static str) {
        let before = self.held.actual.record(after.key);
        let was_archived = before.is_some_and(|before| before.status == Status::Archived);
        if after.status == Status::Archived
            && let Some(user) = self.notes.archives.get(&after.key)
        {
            if !was_archived {
                after.link = None;
                after.archived_from = Some(user.clone());
            }
            self.done.push(Note::Archive(after.key, None));
        }
        // Nobody has to look after an archived record, unless its portal login may still be open.
        let is_over = after.status == Status::Archived && !after.fields.portal_access();
        if is_over && self.notes.owed.contains_key(&after.key) {
            self.done.push(Note::Owed(after.key, None));
        }
        if before == Some(&after) {
            return;
        }
        let event = self.held.event(&self.commit.events, self.at, before, after);
        self.commit.events.push(Event { reason: Text::const_new(why), ..event });
    }

    /// A contact that BMS has no longer: nobody can log in with it, and its names are free.
    fn gone(&mut self, key: RecordKey) {
        let Some(known) = self.held.actual.record(key) else { return };
        self.record(Record { status: Status::Archived, ..known.clone() }, "BMS does not have it any more");
    }
}

/// Why BMS was not read.
enum Stopped {
    Bms(BmsError),
    Store(StoreError),
}

impl From<BmsError> for Stopped {
    fn from(error: BmsError) -> Self {
        Self::Bms(error)
    }
}
