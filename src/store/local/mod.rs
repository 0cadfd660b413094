//! The store whose BMS is the ledger: the records live here, and the newest state stays in memory.

mod history;
mod ids;
mod import;
mod names;
mod stage;

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::{Mutex, MutexGuard};

use self::history::{Delta, History};
use self::ids::Ids;
use self::import::Laid;
use self::stage::Draft;
use super::{Store, StoreError};
use crate::actual::Actual;
use crate::applied::{Applied, Batch, Event, Outcome};
use crate::interchange::export;
use crate::interchange::row::{Row, RowErrors};
use crate::ledger::{Commit, Ledger, LedgerError};
use crate::model::{Record, RecordKey, Revision, Text};
use crate::plan::{Change, Touch};

/// Tells the time for events.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Records in a ledger. One at a time reads or writes.
pub struct LocalStore {
    ledger: Arc<dyn Ledger>,
    clock: Clock,
    held: Mutex<Held>,
}

/// The state in memory.
struct Held {
    actual: Actual,
    ids: Ids,
    last_event: u64,
    history: History,
    trust: Trust,
}

/// Whether what is in memory is what the ledger holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Certain,
    /// A commit did not come back, or came back as failed: it may have happened.
    Doubtful,
}

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// The revision afterwards.
    pub revision: Revision,
    /// Records and accounts that are new.
    pub created: u64,
    /// Those that were changed.
    pub updated: u64,
    /// Those that were already so.
    pub unchanged: u64,
    /// Rows that gave a username or security role to a contact without portal access; these were not kept.
    pub logins_dropped: u64,
}

/// Why an import did not happen; nothing of it is stored then.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the message of each says it")]
pub enum ImportError {
    #[error(transparent)]
    Rows(#[from] RowErrors),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LocalStore {
    /// Reads the whole state from the ledger.
    pub async fn open(ledger: Arc<dyn Ledger>, clock: Clock) -> Result<Self, StoreError> {
        let held = Held::load(ledger.as_ref()).await?;
        Ok(Self { ledger, clock, held: Mutex::new(held) })
    }

    /// Looks at the newest state without copying it.
    pub async fn view<T: Send>(&self, look: impl FnOnce(&Actual) -> T + Send) -> Result<T, StoreError> {
        Ok(look(&self.certain().await?.actual))
    }

    /// Writes the whole state in the import format; equal states give equal bytes.
    pub async fn export(&self, out: &mut (dyn Write + Send)) -> Result<std::io::Result<()>, StoreError> {
        self.view(|actual| export::write(actual, out)).await
    }

    /// Up to `limit` events with an ID above `after`, oldest first.
    pub async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        Ok(self.ledger.events(after, limit).await?)
    }

    /// The ID of the newest event; 0 when there is none.
    pub async fn last_event(&self) -> Result<u64, StoreError> {
        Ok(self.ledger.last_event().await?)
    }

    /// Stores what the rows say, as one commit; none when they say nothing new.
    pub async fn import(&self, rows: Vec<Row>) -> Result<ImportReport, ImportError> {
        let mut held = self.certain().await?;
        let mut ids = held.ids;
        let laid = import::lay(&held.actual, &mut ids, rows)?;
        let (commit, mut report) = held.import(laid, (self.clock)());
        report.revision = self.commit(&mut held, ids, commit).await?;
        Ok(report)
    }

    /// The state in memory, read again if it is in doubt.
    async fn certain(&self) -> Result<MutexGuard<'_, Held>, StoreError> {
        let mut held = self.held.lock().await;
        if held.trust == Trust::Doubtful {
            *held = Held::load(self.ledger.as_ref()).await?;
        }
        Ok(held)
    }

    /// Commits, and keeps memory in step. Until the ledger has answered, and when it has not said yes, memory is in
    /// doubt: a caller that goes away in the middle leaves it so, too.
    async fn commit(&self, held: &mut Held, ids: Ids, commit: Commit) -> Result<Revision, StoreError> {
        let planned = held.actual.revision;
        if commit.is_empty() {
            return Ok(planned);
        }
        held.trust = Trust::Doubtful;
        let (events, accounts) = (commit.events.len() as u64, commit.accounts.clone());
        let written = Commit { events: Vec::new(), touched: commit.records().cloned().collect(), accounts };
        match self.ledger.commit(planned, commit).await {
            Ok(revision) => held.advance(revision, ids, events, written),
            Err(LedgerError::Stale { expected: _, found }) => return Err(StoreError::Stale { planned, found }),
            Err(error) => return Err(error.into()),
        }
        Ok(held.actual.revision)
    }
}

#[async_trait]
impl Store for LocalStore {
    async fn read(&self, actual: &mut Actual) -> Result<(), StoreError> {
        let held = self.certain().await?;
        held.history.bring_up(actual, &held.actual);
        Ok(())
    }

    async fn write(&self, batch: Batch) -> Result<Applied, StoreError> {
        let mut held = self.certain().await?;
        let found = held.actual.revision;
        if batch.revision != found {
            return Err(StoreError::Stale { planned: batch.revision, found });
        }
        let mut ids = held.ids;
        let (commit, outcomes) = held.write(&batch, &mut ids, (self.clock)());
        let revision = self.commit(&mut held, ids, commit).await?;
        Ok(Applied { revision, outcomes })
    }
}

impl Held {
    async fn load(ledger: &dyn Ledger) -> Result<Self, StoreError> {
        let actual = ledger.load().await?;
        let last_event = ledger.last_event().await?;
        let ids = Ids::of(&actual);
        Ok(Self { actual, ids, last_event, history: History::default(), trust: Trust::Certain })
    }

    fn advance(&mut self, revision: Revision, ids: Ids, events: u64, written: Commit) {
        let records = written.records().map(|record| record.key).collect();
        self.history.push(Delta { revision, records, accounts: written.accounts.clone() });
        self.last_event += events;
        written.put_into(&mut self.actual);
        self.actual.revision = revision;
        self.ids = ids;
        self.trust = Trust::Certain;
    }

    /// An event of the next revision, numbered after `others`.
    fn event(&self, others: &[Event], at: Timestamp, before: Option<&Record>, after: Record) -> Event {
        Event {
            id: self.last_event + 1 + others.len() as u64,
            at,
            revision: Revision(self.actual.revision.0 + 1),
            action: Text::const_new("import"),
            user: None,
            user_principal_name: None,
            rule: None,
            reason: Text::default(),
            config_digest: None,
            before: before.cloned(),
            after,
        }
    }

    fn import(&self, laid: Laid, at: Timestamp) -> (Commit, ImportReport) {
        let Laid { records, accounts, logins_dropped } = laid;
        let revision = self.actual.revision;
        let mut report = ImportReport { revision, created: 0, updated: 0, unchanged: 0, logins_dropped };
        let mut commit = Commit::default();
        for account in accounts {
            if report.count(self.actual.account_by_id(account.id), &account) == News::Some {
                commit.accounts.push(account);
            }
        }
        for (after, place) in records {
            let before = self.actual.record(after.key);
            if report.count(before, &after) == News::Some {
                let event = self.event(&commit.events, at, before, after);
                commit.events.push(Event { reason: import::reason(&place), ..event });
            }
        }
        (commit, report)
    }

    fn write(&self, batch: &Batch, ids: &mut Ids, at: Timestamp) -> (Commit, Vec<Outcome>) {
        let Batch { revision: _, users, touched, config_digest } = batch;
        let mut refused: Vec<Option<String>> = vec![None; users.len()];
        let mut drafts = Vec::new();
        let (mut taken, mut spare) = (HashSet::new(), *ids);
        for (user, changes) in users.iter().enumerate() {
            match stage::drafts(&self.actual, user, changes, &mut taken, &mut spare) {
                Ok(more) => drafts.extend(more),
                Err(reason) => refused[user] = Some(reason),
            }
        }
        names::refuse_taken(&self.actual, &drafts, &mut refused);
        let mut keys: Vec<Vec<RecordKey>> = vec![Vec::new(); users.len()];
        let mut commit = Commit::default();
        for draft in drafts {
            if refused[draft.user].is_some() {
                continue;
            }
            let user = draft.user;
            match self.written(draft, &commit.events, ids, at, config_digest) {
                Ok(event) => {
                    keys[user].push(event.after.key);
                    commit.events.push(event);
                }
                Err(reason) => refused[user] = Some(reason),
            }
        }
        commit.touched = self.touched(touched, &commit.events);
        let outcome = |(refused, keys): (Option<String>, _)| refused.map_or(Outcome::Done(keys), Outcome::Refused);
        (commit, refused.into_iter().zip(keys).map(outcome).collect())
    }

    fn written(
        &self,
        draft: Draft<'_>,
        others: &[Event],
        ids: &mut Ids,
        at: Timestamp,
        config_digest: &str,
    ) -> Result<Event, String> {
        let Draft { user: _, change, before, mut after } = draft;
        if before.is_none() {
            after.key.id = ids.next(after.key.kind)?;
        }
        let Change { action, kind: _, id: _, user, rule, reason, held: _, fields: _, link: _ } = change;
        Ok(Event {
            action: Text::const_new(action.word()),
            user: Some(user.key.clone()),
            user_principal_name: user.user_principal_name.clone(),
            rule: rule.clone(),
            reason: Text::from(reason.as_str()),
            config_digest: Some(config_digest).filter(|digest| !digest.is_empty()).map(Text::from),
            ..self.event(others, at, before, after)
        })
    }

    /// Links that move on without anything else; those that a change has set are up to date.
    fn touched(&self, touched: &[Touch], events: &[Event]) -> Vec<Record> {
        let changed: HashSet<RecordKey> = events.iter().map(|event| event.after.key).collect();
        let fresh = |touch: &&Touch| !changed.contains(&touch.record);
        touched.iter().filter(fresh).filter_map(|touch| self.touch(touch)).collect()
    }

    fn touch(&self, Touch { record, user, seen }: &Touch) -> Option<Record> {
        let held = self.actual.record(*record).filter(|held| held.is_owned_by(&user.key))?;
        let mut moved = held.clone();
        let link = moved.link.as_mut()?;
        link.seen = *seen;
        if user.user_principal_name.is_some() {
            link.user_principal_name.clone_from(&user.user_principal_name);
        }
        (moved != *held).then_some(moved)
    }
}

/// Whether a row says something new.
#[derive(PartialEq, Eq)]
enum News {
    Some,
    None,
}

impl ImportReport {
    fn count<T: PartialEq>(&mut self, before: Option<&T>, after: &T) -> News {
        let (count, news) = match before {
            None => (&mut self.created, News::Some),
            Some(before) if before != after => (&mut self.updated, News::Some),
            Some(_) => (&mut self.unchanged, News::None),
        };
        *count += 1;
        news
    }

    /// Adds up what the changes were of.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.created + self.updated
    }
}
