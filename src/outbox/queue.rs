//! What an outbox keeps, so that nothing is lost whenever bmsync dies: how far it has read the events, which contacts are
//! due, what is remembered of each, and what was found. Each event is written in the commit of its change, so a place in
//! the events and the contacts that are due are the whole outbox. Knows nothing of what is delivered where.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{End, Finding, FindingCode, Memory, Receipt};
use crate::actual::Actual;
use crate::ledger::{Keep, Ledger, LedgerError};
use crate::model::{Digest, Field, Kind, Record, RecordKey};

/// Where everything is kept.
const ROOT: &str = "outbox/itglue";

/// So many contacts are due at a time at most; the rest waits in the events.
const MOST_DUE: usize = 4_000;

/// Events, or contacts, that are read at a time.
const PAGE: usize = 500;

/// No contact is told to wait longer than this.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(10);

/// Contacts in one parcel.
const PARCEL: usize = 500;

/// Where an outbox leads to, and under which settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Which system: what is remembered is of this one.
    pub place: String,
    /// Stands for the settings: with other ones everything is compared again.
    pub settings: Digest,
}

/// How far an outbox is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    place: String,
    settings: Digest,
    /// Events up to this one are taken in.
    event: u64,
    /// In a pass that compares everything: contacts up to this one are taken in.
    pass: Option<u64>,
    /// When the last such pass had taken everything in.
    passed_at: Option<Timestamp>,
}

/// A contact that is due.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Due {
    /// Since when.
    since: Timestamp,
    /// Deliveries that came to nothing.
    tries: u32,
    /// Not before then.
    after: Option<Timestamp>,
}

/// A finding with the contact that it is of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The contact's ID in BMS.
    pub contact: u64,
    /// Since when it stands.
    pub since: Timestamp,
    /// What it is.
    pub finding: Finding,
}

impl Found {
    /// As `get itglue` and `/v1/itglue` show it.
    #[must_use]
    pub fn told(&self, record: Option<&Record>) -> Value {
        let Self { contact, since, finding: Finding { code, message, fields, contacts } } = self;
        let field = |field| record.and_then(|record| record.fields.get(field));
        json!({
            "contact": contact,
            "account": field(Field::Account),
            "email": field(Field::Email),
            "code": code.word(),
            "message": message,
            "fields": fields,
            "itGlueContacts": contacts,
            "since": since.to_string(),
        })
    }
}

/// A value with the bytes under which it is kept: a change names what it was decided from.
#[derive(Clone, Debug)]
struct Kept<T> {
    value: T,
    bytes: Vec<u8>,
}

pub(super) struct Queue {
    ledger: Arc<dyn Ledger>,
    head: Kept<Head>,
    due: BTreeMap<u64, Kept<Due>>,
    /// How many findings of each code stand.
    pub found: BTreeMap<FindingCode, u64>,
}

fn head_key() -> String {
    format!("{ROOT}/head")
}

fn key(of: &str, id: u64) -> String {
    format!("{ROOT}/{of}/{id:020}")
}

fn number(key: &str) -> Option<u64> {
    key.rsplit('/').next()?.parse().ok()
}

fn damaged(key: &str) -> LedgerError {
    LedgerError::Damaged { path: "state".to_owned(), detail: format!("what is kept as {key} cannot be read") }
}

fn encoded<T: Serialize>(key: &str, value: &T) -> Result<Vec<u8>, LedgerError> {
    serde_json::to_vec(value).map_err(|_| damaged(key))
}

fn decoded<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, LedgerError> {
    serde_json::from_slice(bytes).map_err(|_| damaged(key))
}

/// What is found at present, by contact.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn findings(ledger: &dyn Ledger) -> Result<Vec<Found>, LedgerError> {
    let kept = ledger.kept(&format!("{ROOT}/finding/")).await?;
    kept.iter().map(|(key, bytes)| decoded(key, bytes)).collect()
}

/// A finding that gives way to another one.
type Turn = (Option<FindingCode>, Option<FindingCode>);

/// How many findings of each code stand.
async fn counts(ledger: &dyn Ledger) -> Result<BTreeMap<FindingCode, u64>, LedgerError> {
    let mut counts = BTreeMap::new();
    for found in findings(ledger).await? {
        *counts.entry(found.finding.code).or_default() += 1;
    }
    Ok(counts)
}

/// What is remembered of contacts, with its bytes.
pub(super) type Memories = BTreeMap<u64, (Memory, Option<Vec<u8>>)>;

/// What is kept of a contact under a key of its own.
async fn one<T: DeserializeOwned>(ledger: &dyn Ledger, key: &str) -> Result<Option<(T, Vec<u8>)>, LedgerError> {
    let found = ledger.kept(key).await?.into_iter().find(|(known, _)| known == key);
    found.map(|(key, bytes)| Ok((decoded(&key, &bytes)?, bytes))).transpose()
}

impl Queue {
    /// Goes on where the last one left off. To another system everything is taken in anew, under other settings compared
    /// again.
    pub async fn open(ledger: Arc<dyn Ledger>, target: &Target) -> Result<Self, LedgerError> {
        let known: Option<(Head, Vec<u8>)> = one(&*ledger, &head_key()).await?;
        let (head, before) = match known {
            Some((head, bytes)) if head.place == target.place && head.settings == target.settings => {
                let (due, found) = (due(&*ledger).await?, counts(&*ledger).await?);
                return Ok(Self { ledger, head: Kept { value: head, bytes }, due, found });
            }
            Some((head, bytes)) if head.place == target.place => {
                (Head { settings: target.settings, pass: Some(0), ..head }, Some(bytes))
            }
            Some((_, bytes)) => {
                forget(&*ledger).await?;
                (Self::beginning(&*ledger, target).await?, Some(bytes))
            }
            None => (Self::beginning(&*ledger, target).await?, None),
        };
        let bytes = encoded(&head_key(), &head)?;
        ledger.keep(vec![Keep { key: head_key(), before, after: Some(bytes.clone()) }]).await?;
        let (due, found) = (due(&*ledger).await?, counts(&*ledger).await?);
        Ok(Self { ledger, head: Kept { value: head, bytes }, due, found })
    }

    /// Everything is compared once, beginning with the contacts as they are now.
    async fn beginning(ledger: &dyn Ledger, target: &Target) -> Result<Head, LedgerError> {
        let event = ledger.last_event().await?;
        let Target { place, settings } = target.clone();
        Ok(Head { place, settings, event, pass: Some(0), passed_at: None })
    }

    /// Contacts that are due, and since when the oldest is.
    pub fn waiting(&self) -> (usize, Option<Timestamp>) {
        (self.due.len(), self.due.values().map(|due| due.value.since).min())
    }

    /// Takes in what the events say that is new. Writes nothing where no contact changed.
    pub async fn pull(&mut self) -> Result<(), LedgerError> {
        while self.due.len() < MOST_DUE {
            let events = self.ledger.events(self.head.value.event, PAGE).await?;
            let Some(last) = events.last().map(|event| event.id) else { return Ok(()) };
            let contacts = events.iter().filter(|event| event.after.key.kind == Kind::Contact);
            let changed: BTreeMap<u64, Timestamp> =
                contacts.rev().map(|event| (event.after.key.id, event.at)).collect();
            self.advance(Head { event: last, ..self.head.value.clone() }, changed).await?;
        }
        Ok(())
    }

    /// Takes in the next contacts of a pass that compares everything; begins one when it is time.
    pub async fn pass(&mut self, actual: &Actual, recheck: Duration, now: Timestamp) -> Result<(), LedgerError> {
        let is_future = self.head.value.passed_at.is_some_and(|at| at > now);
        if self.head.value.pass.is_none() && (is_future || self.next_pass(recheck).is_none_or(|at| at <= now)) {
            self.head.value.pass = Some(0);
        }
        while let Some(after) = self.head.value.pass.filter(|_| self.due.len() < MOST_DUE / 2) {
            let page = actual.page(Kind::Contact, after, PAGE);
            let next: BTreeMap<u64, Timestamp> = page.iter().map(|record| (record.key.id, now)).collect();
            let Some(last) = next.keys().next_back().copied() else {
                let ended = Head { pass: None, passed_at: Some(now), ..self.head.value.clone() };
                let (keep, head) = self.head_change(ended)?;
                self.ledger.keep(vec![keep]).await?;
                self.head = head;
                return Ok(());
            };
            self.advance(Head { pass: Some(last), ..self.head.value.clone() }, next).await?;
        }
        Ok(())
    }

    fn next_pass(&self, recheck: Duration) -> Option<Timestamp> {
        let recheck = SignedDuration::try_from(recheck).unwrap_or(SignedDuration::MAX);
        self.head.value.passed_at.and_then(|at| at.checked_add(recheck).ok())
    }

    /// Moves on, with contacts that are due from now on, in one change.
    async fn advance(&mut self, head: Head, next: BTreeMap<u64, Timestamp>) -> Result<(), LedgerError> {
        if next.is_empty() {
            // Not worth a write: what is read again after a restart says nothing new.
            self.head.value = head;
            return Ok(());
        }
        let (keep, head) = self.head_change(head)?;
        let (mut changes, mut fresh) = (vec![keep], Vec::new());
        for (id, since) in next {
            let known = self.due.get(&id);
            let since = known.map_or(since, |known| known.value.since);
            let (keep, kept) = due_change(id, known, Due { since, tries: 0, after: None })?;
            changes.push(keep);
            fresh.push((id, kept));
        }
        self.ledger.keep(changes).await?;
        self.head = head;
        self.due.extend(fresh);
        Ok(())
    }

    fn head_change(&self, head: Head) -> Result<(Keep, Kept<Head>), LedgerError> {
        let bytes = encoded(&head_key(), &head)?;
        let keep = Keep { key: head_key(), before: Some(self.head.bytes.clone()), after: Some(bytes.clone()) };
        Ok((keep, Kept { value: head, bytes }))
    }

    /// The contacts of one account that are to be brought now: those that wait longest.
    pub fn parcel(&self, actual: &Actual, now: Timestamp) -> Option<(String, Vec<u64>)> {
        let account = |id: u64| {
            let record = actual.record(RecordKey { kind: Kind::Contact, id });
            record.and_then(|record| record.fields.get(Field::Account)).unwrap_or_default()
        };
        let mut ready: Vec<(Timestamp, u64)> = self
            .due
            .iter()
            .filter(|(_, due)| due.value.ready_at(now) <= now)
            .map(|(id, due)| (due.value.since, *id))
            .collect();
        ready.sort_unstable();
        let first = account(ready.first()?.1);
        let same = ready.iter().map(|(_, id)| *id).filter(|id| account(*id) == first).take(PARCEL);
        Some((first.to_owned(), same.collect()))
    }

    /// When the next thing is to be done, if nothing changes before.
    pub fn next(&self, recheck: Duration, now: Timestamp) -> Option<Timestamp> {
        let due = self.due.values().map(|due| due.value.ready_at(now)).min();
        due.into_iter().chain(self.next_pass(recheck)).min()
    }

    /// What is remembered of contacts.
    pub async fn memories(&self, ids: &[u64]) -> Result<Memories, LedgerError> {
        let mut memories = Memories::new();
        for id in ids {
            let (memory, bytes) = one(&*self.ledger, &key("memory", *id)).await?.unzip();
            memories.insert(*id, (memory.unwrap_or_default(), bytes));
        }
        Ok(memories)
    }

    /// Writes down what became of contacts, in one change.
    pub async fn settle(
        &mut self,
        receipts: &[Receipt],
        memories: &Memories,
        now: Timestamp,
        wait: impl Fn(u32) -> Duration,
    ) -> Result<(), LedgerError> {
        let (mut changes, mut dues, mut turns) = (Vec::new(), Vec::new(), Vec::new());
        for Receipt { id, memory, end } in receipts {
            let key = key("memory", *id);
            let (known, before) = memories.get(id).cloned().unwrap_or_default();
            if known.contact != memory.contact {
                changes.extend(self.claim(*id, known.contact, memory.contact).await?);
            }
            if known != *memory {
                changes.push(Keep { after: Some(encoded(&key, memory)?), key, before });
            }
            match end {
                End::Settled(_, finding) => {
                    if let Some((keep, turn)) = self.note(*id, finding.as_ref(), now).await? {
                        changes.push(keep);
                        turns.push(turn);
                    }
                    changes.extend(self.due.get(id).map(|due| dropped(*id, due)));
                    dues.push((*id, None));
                }
                End::Again(least) => {
                    let Some(known) = self.due.get(id) else { continue };
                    let tries = known.value.tries.saturating_add(1);
                    let wait = SignedDuration::try_from(wait(tries).max(*least)).unwrap_or(SignedDuration::MAX);
                    let after = Some(now.checked_add(wait).unwrap_or(Timestamp::MAX));
                    let (keep, kept) = due_change(*id, Some(known), Due { tries, after, ..known.value.clone() })?;
                    changes.push(keep);
                    dues.push((*id, Some(kept)));
                }
            }
        }
        if changes.is_empty() {
            return Ok(());
        }
        self.ledger.keep(settled(changes)).await?;
        for (before, after) in turns {
            if let Some(before) = before.and_then(|code| self.found.get_mut(&code)) {
                *before = before.saturating_sub(1);
            }
            if let Some(after) = after {
                *self.found.entry(after).or_default() += 1;
            }
        }
        for (id, due) in dues {
            match due {
                Some(due) => self.due.insert(id, due),
                None => self.due.remove(&id),
            };
        }
        Ok(())
    }

    /// The changes that let a contact there be this one of BMS, in place of another one there.
    async fn claim(&self, id: u64, before: Option<u64>, after: Option<u64>) -> Result<Vec<Keep>, LedgerError> {
        let mut changes = Vec::new();
        if let Some(there) = before {
            let key = key("owner", there);
            let known: Option<(u64, Vec<u8>)> = one(&*self.ledger, &key).await?;
            let own = known.filter(|(owner, _)| *owner == id);
            changes.extend(own.map(|(_, bytes)| Keep { key, before: Some(bytes), after: None }));
        }
        if let Some(there) = after {
            let key = key("owner", there);
            let known: Option<(u64, Vec<u8>)> = one(&*self.ledger, &key).await?;
            if known.as_ref().is_none_or(|(owner, _)| *owner != id) {
                let after = Some(encoded(&key, &id)?);
                changes.push(Keep { key, before: known.map(|(_, bytes)| bytes), after });
            }
        }
        Ok(changes)
    }

    /// The change that leaves this finding, or none, of a contact; nothing where it stands already.
    async fn note(
        &self,
        id: u64,
        finding: Option<&Finding>,
        now: Timestamp,
    ) -> Result<Option<(Keep, Turn)>, LedgerError> {
        let key = key("finding", id);
        let known: Option<(Found, Vec<u8>)> = one(&*self.ledger, &key).await?;
        let stands = known.as_ref().map(|(found, _)| &found.finding);
        if stands == finding {
            return Ok(None);
        }
        let since = known.as_ref().filter(|(found, _)| finding.is_some_and(|new| new.code == found.finding.code));
        let since = since.map_or(now, |(found, _)| found.since);
        let after = finding.map(|finding| Found { contact: id, since, finding: finding.clone() });
        let after = after.map(|found| encoded(&key, &found)).transpose()?;
        let turn = (stands.map(|stands| stands.code), finding.map(|finding| finding.code));
        Ok(Some((Keep { key, before: known.map(|(_, bytes)| bytes), after }, turn)))
    }

    /// Drops contacts that are no longer there.
    pub async fn drop_gone(&mut self, ids: &[u64]) -> Result<(), LedgerError> {
        let changes = ids.iter().filter_map(|id| Some(dropped(*id, self.due.get(id)?))).collect();
        self.ledger.keep(changes).await?;
        self.due.retain(|id, _| !ids.contains(id));
        Ok(())
    }
}

impl Due {
    /// When it may be brought; a wait longer than any that is given comes of a clock that was set back, and is over.
    fn ready_at(&self, now: Timestamp) -> Timestamp {
        let latest = now.checked_add(LONGEST_WAIT).unwrap_or(Timestamp::MAX);
        self.after.filter(|after| *after <= latest).unwrap_or(now)
    }
}

/// Without those by which somebody lets go of what somebody else takes over in the same moment.
fn settled(mut changes: Vec<Keep>) -> Vec<Keep> {
    let taken: BTreeSet<String> =
        changes.iter().filter(|change| change.after.is_some()).map(|change| change.key.clone()).collect();
    changes.retain(|change| change.after.is_some() || !taken.contains(&change.key));
    changes
}

/// Which contacts of BMS are known to be these there.
pub(super) async fn owners(ledger: &dyn Ledger, there: &[u64]) -> Result<BTreeMap<u64, u64>, LedgerError> {
    let mut owners = BTreeMap::new();
    for id in there {
        owners.extend(one(ledger, &key("owner", *id)).await?.map(|(owner, _): (u64, Vec<u8>)| (*id, owner)));
    }
    Ok(owners)
}

/// Keeps what is remembered of contacts, each decided from what was known.
pub(super) async fn remember(
    ledger: &dyn Ledger,
    memories: &mut Memories,
    new: Vec<(u64, Memory)>,
) -> Result<(), LedgerError> {
    let mut changes = Vec::new();
    for (id, memory) in &new {
        let key = key("memory", *id);
        let before = memories.get(id).and_then(|(_, bytes)| bytes.clone());
        changes.push(Keep { after: Some(encoded(&key, memory)?), key, before });
    }
    let after: Vec<Option<Vec<u8>>> = changes.iter().map(|change| change.after.clone()).collect();
    ledger.keep(changes).await?;
    memories.extend(new.into_iter().zip(after).map(|((id, memory), bytes)| (id, (memory, bytes))));
    Ok(())
}

fn due_change(id: u64, known: Option<&Kept<Due>>, due: Due) -> Result<(Keep, Kept<Due>), LedgerError> {
    let key = key("due", id);
    let bytes = encoded(&key, &due)?;
    let keep = Keep { key, before: known.map(|known| known.bytes.clone()), after: Some(bytes.clone()) };
    Ok((keep, Kept { value: due, bytes }))
}

fn dropped(id: u64, due: &Kept<Due>) -> Keep {
    Keep { key: key("due", id), before: Some(due.bytes.clone()), after: None }
}

async fn due(ledger: &dyn Ledger) -> Result<BTreeMap<u64, Kept<Due>>, LedgerError> {
    let kept = ledger.kept(&format!("{ROOT}/due/")).await?;
    let read = |(key, bytes): (String, Vec<u8>)| {
        let id = number(&key).ok_or_else(|| damaged(&key))?;
        Ok((id, Kept { value: decoded(&key, &bytes)?, bytes }))
    };
    kept.into_iter().map(read).collect()
}

/// Forgets all but the head, which goes on to say that it is of another place until the end: so a crash in the middle is
/// made good by the next start.
async fn forget(ledger: &dyn Ledger) -> Result<(), LedgerError> {
    for of in ["due", "memory", "owner", "finding"] {
        let kept = ledger.kept(&format!("{ROOT}/{of}/")).await?;
        let gone: Vec<Keep> =
            kept.into_iter().map(|(key, bytes)| Keep { key, before: Some(bytes), after: None }).collect();
        for some in gone.chunks(10_000) {
            ledger.keep(some.to_vec()).await?;
        }
    }
    Ok(())
}
