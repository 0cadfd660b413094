//! The newest state in memory, and the commits that follow from it. Pure but for [`Held::load`]; writes nothing.

use std::collections::HashSet;

use jiff::Timestamp;

use super::ids::Ids;
use super::import::{self, Laid};
use super::names;
use super::stage::{self, Draft};
use crate::actual::Actual;
use crate::applied::{Batch, Event, Outcome, UserChanges};
use crate::ledger::{Commit, Ledger};
use crate::model::{Record, RecordKey, Revision, Text};
use crate::plan::{Change, Touch};
use crate::store::StoreError;

/// The state in memory.
pub struct Held {
    /// Records and accounts.
    pub actual: Actual,
    /// The highest in use.
    pub ids: Ids,
    last_event: u64,
    /// Whether the rest is so.
    pub trust: Trust,
}

/// Whether what is in memory is what the ledger holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It is.
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

impl Held {
    /// Reads everything.
    pub async fn load(ledger: &dyn Ledger) -> Result<Self, StoreError> {
        let actual = ledger.load().await?;
        let last_event = ledger.last_event().await?;
        let ids = Ids::of(&actual);
        Ok(Self { actual, ids, last_event, trust: Trust::Certain })
    }

    /// Takes in a commit that has happened: how many events it had, and what else it wrote.
    pub fn advance(&mut self, revision: Revision, ids: Ids, events: u64, written: Commit) {
        self.last_event += events;
        written.put_into(&mut self.actual);
        self.actual.revision = revision;
        self.ids = ids;
        self.trust = Trust::Certain;
    }

    /// An event of the next revision, numbered after `others`: an import, unless more is said.
    pub fn event(&self, others: &[Event], at: Timestamp, before: Option<&Record>, after: Record) -> Event {
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
            config_commit: None,
            before: before.cloned(),
            after,
        }
    }

    /// The commit that stores what rows say.
    pub fn import(&self, laid: Laid, at: Timestamp) -> (Commit, ImportReport) {
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

    /// Refuses a batch that was decided from another revision.
    ///
    /// # Errors
    /// [`StoreError::Stale`].
    pub fn expect(&self, planned: Revision) -> Result<(), StoreError> {
        let found = self.actual.revision;
        if planned == found { Ok(()) } else { Err(StoreError::Stale { planned, found }) }
    }

    /// What a batch would make of the records, and who is refused: whose records are not what the plan was made from, and
    /// whose names are not free.
    pub fn review<'a>(&'a self, users: &'a [UserChanges]) -> Reviewed<'a> {
        let mut refused: Vec<Option<String>> = vec![None; users.len()];
        let mut drafts = Vec::new();
        let (mut taken, mut spare) = (HashSet::new(), self.ids);
        for (user, changes) in users.iter().enumerate() {
            match stage::drafts(&self.actual, user, changes, &mut taken, &mut spare) {
                Ok(more) => drafts.extend(more),
                Err(reason) => refused[user] = Some(reason),
            }
        }
        names::refuse_taken(&self.actual, &drafts, &mut refused);
        Reviewed { drafts, refused }
    }

    /// The commit that writes a batch without what is refused of it, and what becomes of each user.
    pub fn write(&self, batch: &Batch, ids: &mut Ids, at: Timestamp) -> (Commit, Vec<Outcome>) {
        let Batch { revision: _, users, touched, config_digest: _, config_commit: _ } = batch;
        let made_from = MadeFrom::of(batch);
        let Reviewed { drafts, mut refused } = self.review(users);
        let mut keys: Vec<Vec<RecordKey>> = vec![Vec::new(); users.len()];
        let mut commit = Commit::default();
        for draft in drafts {
            if refused[draft.user].is_some() {
                continue;
            }
            let user = draft.user;
            match self.written(draft, &commit.events, ids, at, made_from) {
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
        made_from: MadeFrom<'_>,
    ) -> Result<Event, String> {
        let Draft { user: _, change, before, mut after } = draft;
        if before.is_none() {
            after.key.id = ids.next(after.key.kind)?;
        }
        Ok(self.applied(change, others, at, before, after, made_from))
    }

    /// The event of a change that has happened.
    pub fn applied(
        &self,
        change: &Change,
        others: &[Event],
        at: Timestamp,
        before: Option<&Record>,
        after: Record,
        made_from: MadeFrom<'_>,
    ) -> Event {
        let Change { action, kind: _, id: _, user, rule, reason: _, held: _, fields: _, link: _, hand: _ } = change;
        Event {
            action: Text::const_new(action.word()),
            user: Some(user.key.clone()),
            user_principal_name: user.user_principal_name.clone(),
            rule: rule.clone(),
            reason: Text::from(change.reason()),
            config_digest: Some(made_from.digest).filter(|digest| !digest.is_empty()).map(Text::from),
            config_commit: made_from.commit.cloned(),
            ..self.event(others, at, before, after)
        }
    }

    /// Links that move on without anything else; those that a change has set are up to date.
    pub fn touched(&self, touched: &[Touch], events: &[Event]) -> Vec<Record> {
        if touched.is_empty() {
            return Vec::new();
        }
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

/// The configuration that decided a batch.
#[derive(Clone, Copy)]
pub struct MadeFrom<'a> {
    digest: &'a str,
    commit: Option<&'a Text>,
}

impl<'a> MadeFrom<'a> {
    /// That of a batch.
    #[must_use]
    pub fn of(batch: &'a Batch) -> Self {
        Self { digest: &batch.config_digest, commit: batch.config_commit.as_ref() }
    }
}

/// What a batch would make of the records.
pub struct Reviewed<'a> {
    /// Those of a user side by side, in the order of the batch.
    pub drafts: Vec<Draft<'a>>,
    /// Why users are refused, with a place for every user of the batch.
    pub refused: Vec<Option<String>>,
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
