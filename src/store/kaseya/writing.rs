//! Writing a batch: one user after the other, each to BMS first and then, as BMS shows it, into the book. It decides
//! nothing; what is not as the plan took it to be is refused, and what BMS has no room for waits.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::api::{BmsError, Endpoint};
use super::notes::{Note, Owed};
use super::{Desk, KaseyaStore};
use crate::actual::{Actual, Namespace};
use crate::applied::{Applied, Batch, Event, Outcome};
use crate::ledger::Commit;
use crate::model::{Field, Kind, Record, RecordKey, same_name};
use crate::plan::{Action, Change, Hand, SeenBy, ToDo, unseen_fields, unseen_steps};
use crate::store::StoreError;
use crate::store::book::{MadeFrom, Reviewed};

/// Why a user's changes were not written.
pub enum Stop {
    /// They cannot be, as things are.
    Refused(String),
    /// They may have been.
    Unknown(String),
    /// Not now.
    Waiting(Timestamp, String),
    /// BMS does not answer, or does not let us in: nobody's are.
    Down(BmsError),
    /// The book cannot be written.
    Store(StoreError),
}

impl From<BmsError> for Stop {
    fn from(error: BmsError) -> Self {
        match error {
            BmsError::Refused { .. }
            | BmsError::Clash { .. }
            | BmsError::NotFound { .. }
            | BmsError::NotOffered { .. }
            | BmsError::Unexpected { .. }
            | BmsError::TooLarge { .. } => Self::Refused(error.to_string()),
            BmsError::Throttled { endpoint, until } => Self::Waiting(until, endpoint.name().to_owned()),
            BmsError::Unknown { .. } => Self::Unknown(error.to_string()),
            BmsError::Unauthorized { .. }
            | BmsError::Forbidden { .. }
            | BmsError::Unreachable { .. }
            | BmsError::Credentials { .. } => Self::Down(error),
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// One user's changes, with the records as they are and as they shall be.
struct Job<'a> {
    user: usize,
    steps: Vec<Step<'a>>,
    /// How often it made way for others.
    yielded: usize,
}

/// One change.
pub struct Step<'a> {
    /// What is asked for.
    pub change: &'a Change,
    /// The record as it is; none where the change makes one.
    pub before: Option<Record>,
    /// The record as it shall be.
    pub after: Record,
}

impl KaseyaStore {
    /// Writes a batch.
    pub(super) async fn write_batch(&self, batch: Batch) -> Result<Applied, StoreError> {
        let mut desk = self.desk().await?;
        let began = tokio::time::Instant::now();
        let (mut jobs, mut outcomes) = self.review(&batch).await?;
        let mut down: Option<String> = None;
        while let Some(mut job) = jobs.pop_front() {
            let user = job.user;
            if let Some(why) = &down {
                outcomes[user] = Outcome::Refused(why.clone());
                continue;
            }
            if self.habits.patience.is_some_and(|patience| began.elapsed() >= patience) {
                let what = "its turn: a round writes for a while only, so that others have theirs".to_owned();
                outcomes[user] = Outcome::Waiting { until: self.book.now(), what };
                continue;
            }
            match self.name_in_use(&job).await? {
                // Another user of the batch may be about to give the name up.
                Some(_) if job.yielded < jobs.len() => {
                    job.yielded += 1;
                    jobs.push_back(job);
                    continue;
                }
                Some(why) => {
                    outcomes[user] = Outcome::Refused(why);
                    continue;
                }
                None => {}
            }
            outcomes[user] = match self.one(&mut desk, &batch, job).await {
                Ok(outcome) => outcome,
                Err(Stop::Refused(why)) => Outcome::Refused(why),
                Err(Stop::Unknown(why)) => Outcome::Unknown(why),
                Err(Stop::Waiting(until, what)) => Outcome::Waiting { until, what },
                Err(Stop::Store(error)) => return Err(error),
                Err(Stop::Down(error)) => {
                    self.note_standing(|standing| standing.trouble = Some(error.to_string()));
                    Outcome::Refused(down.insert(error.to_string()).clone())
                }
            };
            self.remember(&desk.cursor).await;
        }
        self.note_waiting(&outcomes);
        let revision = self.book.view(|actual| actual.revision).await?;
        Ok(Applied { revision, outcomes })
    }

    /// Compares the batch with the book, brings links up to date that are only touched, and says what is left to write.
    async fn review<'b>(&self, batch: &'b Batch) -> Result<(VecDeque<Job<'b>>, Vec<Outcome>), StoreError> {
        let mut held = self.book.certain().await?;
        held.expect(batch.revision)?;
        let Reviewed { drafts, refused } = held.review(&batch.users);
        let mut jobs: VecDeque<Job<'b>> = VecDeque::new();
        for draft in drafts.into_iter().filter(|draft| refused[draft.user].is_none()) {
            // The change is looked up in the batch, which outlives the look at the book.
            let known = jobs.back_mut().filter(|job| job.user == draft.user);
            let place = known.as_ref().map_or(0, |job| job.steps.len());
            let Some(change) = batch.users[draft.user].changes.get(place) else { continue };
            let step = Step { change, before: draft.before.cloned(), after: draft.after };
            match known {
                Some(job) => job.steps.push(step),
                None => jobs.push_back(Job { user: draft.user, steps: vec![step], yielded: 0 }),
            }
        }
        let outcome = |refused: Option<String>| refused.map_or(Outcome::Done(Vec::new()), Outcome::Refused);
        let outcomes = refused.into_iter().map(outcome).collect();
        let touched = held.touched(&batch.touched, &[]);
        let ids = held.ids;
        self.book.commit(&mut held, ids, Commit { touched, ..Commit::default() }).await?;
        Ok((jobs, outcomes))
    }

    /// Whether a name that the user newly sets is in use in the book now: users are written one by one.
    async fn name_in_use(&self, job: &Job<'_>) -> Result<Option<String>, StoreError> {
        let own: Vec<RecordKey> = job.steps.iter().filter_map(|step| Some(step.before.as_ref()?.key)).collect();
        let wanted: Vec<(Namespace, String)> = job.steps.iter().flat_map(newly_set).collect();
        let look = move |actual: &Actual| {
            wanted.into_iter().find_map(|(space, name)| {
                let holder = actual.holders(space, &name).find(|record| !own.contains(&record.key))?;
                Some(format!("the {} {name} is still taken by {}", space.field(), holder.key))
            })
        };
        self.book.view(look).await
    }

    /// Writes what one user is about.
    async fn one(&self, desk: &mut Desk, batch: &Batch, job: Job<'_>) -> Result<Outcome, Stop> {
        let means = crate::store::Store::means(self);
        let hands: Vec<Hand> = job.steps.iter().map(|step| means.hand(step.change)).collect();
        if hands.contains(&Hand::All) {
            self.await_archives(desk, &job, &hands).await?;
            return Ok(Outcome::ByHand);
        }
        let mut written = Vec::new();
        for step in &job.steps {
            written.push(match (step.change.kind, means) {
                (Kind::Contact, _) => self.contact(desk, step).await?,
                (Kind::Employee, _) => self.employee(step).await?,
            });
        }
        self.settle(desk, batch, &job, written).await.map(Outcome::Done)
    }

    /// Notes which records a person is asked to archive, so that it is known because of whom when it is seen.
    async fn await_archives(&self, desk: &mut Desk, job: &Job<'_>, hands: &[Hand]) -> Result<(), StoreError> {
        let archives = job
            .steps
            .iter()
            .zip(hands)
            .filter(|(step, hand)| step.change.action == Action::Archive && **hand == Hand::All);
        let notes = archives
            .filter_map(|(step, _)| Some(Note::Archive(step.change.record()?, Some(step.change.user.key.clone()))));
        self.note(desk, notes.collect()).await
    }

    /// An employee of whom nothing is left to write that BMS shows, or whom this BMS lets us write.
    async fn employee(&self, step: &Step<'_>) -> Result<Record, Stop> {
        let Step { change: _, before, after } = step;
        let Some(before) = before else { return Err(Stop::Refused("employees are made by hand".to_owned())) };
        let edits = super::edits::of_employee(before, after);
        if !edits.is_empty() {
            let id =
                super::api::BmsId::new(after.key.id).ok_or_else(|| Stop::Refused("this is no ID of BMS".to_owned()))?;
            self.api.edit_employee(id, &edits).await?;
        }
        Ok(after.clone())
    }

    /// Commits what BMS shows of the records, with what a person still owes them.
    async fn settle(
        &self,
        desk: &mut Desk,
        batch: &Batch,
        job: &Job<'_>,
        written: Vec<Record>,
    ) -> Result<Vec<RecordKey>, Stop> {
        let now = self.book.now();
        let owed: Vec<Note> =
            job.steps.iter().zip(&written).filter_map(|(step, record)| owed(desk, step, record, now)).collect();
        // What a person owes is noted before the book says that it is so: read in between, it would be a local edit.
        self.note(desk, owed).await?;
        let mut held = self.book.certain().await?;
        let mut events: Vec<Event> = Vec::new();
        for (step, record) in job.steps.iter().zip(written) {
            let before = held.actual.record(record.key);
            let event = held.applied(step.change, &events, now, before, record, MadeFrom::of(batch));
            events.push(event);
        }
        let keys: Vec<RecordKey> = events.iter().map(|event| event.after.key).collect();
        let mut ids = held.ids;
        for key in &keys {
            ids.used(*key);
        }
        self.book.commit(&mut held, ids, Commit { events, ..Commit::default() }).await?;
        drop(held);
        let user = &job.steps[0].change.user.key;
        let archives = keys.iter().map(|key| Note::Archive(*key, None));
        self.note(desk, archives.chain([Note::Intent(user.clone(), None)]).collect()).await?;
        Ok(keys)
    }

    fn note_waiting(&self, outcomes: &[Outcome]) {
        let waiting = outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Waiting { until, what: _ } => Some(*until),
            Outcome::Done(_) | Outcome::Refused(_) | Outcome::Unknown(_) | Outcome::ByHand => None,
        });
        let (count, until) = waiting.fold((0, None), |(count, last), until| (count + 1, last.max(Some(until))));
        self.note_standing(|standing| (standing.waiting, standing.waits_until) = (count, until));
    }

    /// Waits where the calls that a change may need are not all to be had now: none is begun that cannot be ended.
    pub(super) fn room(&self, endpoints: &[(Endpoint, u32)]) -> Result<(), Stop> {
        let (budget, now) = (self.api.budget(), self.book.now());
        // Reading searches too: a tenth of these calls is left to it.
        let kept = |endpoint| if endpoint == Endpoint::ContactsSearch { budget.per_hour() / 10 } else { 0 };
        let wanted = endpoints.iter().map(|(endpoint, calls)| (*endpoint, calls + kept(*endpoint)));
        let short = wanted.filter(|(endpoint, calls)| budget.room(*endpoint, now) < *calls);
        let latest = short.map(|(endpoint, calls)| (budget.free_for(endpoint, calls, now), endpoint)).max();
        match latest {
            None => Ok(()),
            Some((until, endpoint)) => Err(Stop::Waiting(until, endpoint.name().to_owned())),
        }
    }
}

/// What a person owes a record, for what is owed already too.
fn owed(desk: &Desk, step: &Step<'_>, record: &Record, since: Timestamp) -> Option<Note> {
    let mut fields = unseen_fields(step.change);
    if fields.is_empty() {
        return None;
    }
    let known = desk.notes.as_ref().and_then(|notes| notes.owed.get(&record.key));
    fields.extend(known.iter().flat_map(|known| known.fields.iter().copied()));
    let portal = fields.contains(&Field::PortalAccess).then(|| record.fields.portal_access());
    let seen_by = if portal.is_some() { SeenBy::Read } else { SeenBy::Person };
    let mut to_do = ToDo::from_change(step.change, seen_by);
    (to_do.id, to_do.steps) = (Some(record.key.id), unseen_steps(record, &fields));
    Some(Note::Owed(record.key, Some(Box::new(Owed { to_do, fields, portal, since }))))
}

/// The names that a step newly sets.
fn newly_set(step: &Step<'_>) -> Vec<(Namespace, String)> {
    let spaces = [Namespace::LoginUsername, Namespace::LoginEmail, Namespace::Email(step.after.key.kind)];
    let named = |record: &Record, space: Namespace| {
        if space.admits(record) { record.fields.get(space.field()).map(str::to_owned) } else { None }
    };
    let new = spaces.into_iter().filter_map(|space| {
        let name = named(&step.after, space)?;
        let had = step.before.as_ref().and_then(|before| named(before, space));
        (!had.is_some_and(|had| same_name(&had, &name))).then_some((space, name))
    });
    new.collect()
}
