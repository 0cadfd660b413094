//! The store whose records live in a Kaseya BMS, behind its REST API V2. The book keeps what was last read of it, with our
//! links and events; what is written goes to BMS first and into the book once BMS shows it.

pub mod api;
mod contact;
mod edits;
mod importing;
mod notes;
mod picture;
mod places;
mod reading;
mod secrets;
mod writing;

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::MutexGuard;

use self::api::{Bms, BmsError, Endpoint, Offer};
use self::notes::Notes;
use self::picture::Lens;
use self::places::Known;
use self::reading::Cursor;
pub use self::secrets::Referenced;
use super::book::{Book, Clock, ImportError, ImportReport};
use super::standing::{Calls, Standing};
use super::{Store, StoreError};
use crate::applied::{Applied, Batch};
use crate::interchange::row::Row;
use crate::ledger::Ledger;
use crate::model::{RecordKey, Text};
use crate::plan::{Means, ToDo};

/// Where the place in the changes of BMS is stashed.
const CURSOR: &str = "bms/cursor";
/// Where what the client learned is stashed, the calls of the last hour among it.
const MEMORY: &str = "bms/memory";

/// Where it is kept which BMS a state belongs to.
const HOME: &str = "bms/home";
/// The shortest wait between two reads.
const REST: Duration = Duration::from_mins(1);

/// How a BMS is read and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Habits {
    /// Which BMS it is: its address and company. A state belongs to one.
    pub home: String,
    /// The type of phone that is synchronized; the default phone where none is named.
    pub phone_type: Option<Text>,
    /// The type that a new email gets; the default one where none is named.
    pub email_type: Option<Text>,
    /// Between full reads.
    pub full_read_interval: Duration,
    /// How long one batch may be written before the rest waits for the next round; no limit without it.
    pub patience: Option<Duration>,
}

/// Records in a BMS. One at a time reads or writes.
pub struct KaseyaStore {
    book: Book,
    api: Arc<Bms>,
    habits: Habits,
    lens: Lens,
    desk: tokio::sync::Mutex<Desk>,
    standing: Mutex<Standing>,
}

/// What whoever reads or writes works with.
#[derive(Default)]
struct Desk {
    /// None where they must be read from the ledger first.
    notes: Option<Notes>,
    cursor: Cursor,
    known: Known,
}

impl KaseyaStore {
    /// Opens the book of a BMS; nothing is asked of BMS yet.
    pub async fn open(
        ledger: Arc<dyn Ledger>,
        clock: Clock,
        api: Arc<Bms>,
        habits: Habits,
    ) -> Result<Self, StoreError> {
        let cursor = Cursor::load(&*ledger).await?;
        let Cursor { read_at, full_at, .. } = cursor;
        let standing = Mutex::new(Standing { read_at, full_at, rest: REST, ..Standing::default() });
        settle_in(&*ledger, &habits.home).await?;
        let book = Book::open(ledger, clock).await?;
        let lens = Lens { phone_type: habits.phone_type.clone() };
        let desk = tokio::sync::Mutex::new(Desk { notes: None, cursor, known: Known::default() });
        Ok(Self { book, api, habits, lens, desk, standing })
    }

    /// What the client of this BMS learned before: nothing where nothing is kept, or where that is damaged.
    pub async fn memory(ledger: &dyn Ledger) -> Result<api::Memory, StoreError> {
        let kept = ledger.stashed(MEMORY).await?;
        Ok(kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    /// The client.
    #[must_use]
    pub fn api(&self) -> &Bms {
        &self.api
    }

    fn note_standing(&self, change: impl FnOnce(&mut Standing)) {
        change(&mut self.standing.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Stores what the rows say of what BMS does not show; nothing else can be imported into a live BMS.
    pub async fn import(&self, rows: Vec<Row>) -> Result<ImportReport, ImportError> {
        self.book.import(rows, importing::permit).await
    }

    /// A person says that what is owed to a record was done; gives what that was.
    pub async fn confirm(&self, record: RecordKey) -> Result<Option<ToDo>, StoreError> {
        let mut desk = self.desk().await?;
        let found = desk.notes()?.owed.get(&record).map(|owed| owed.to_do.clone());
        if found.is_some() {
            self.note(&mut desk, vec![notes::Note::Owed(record, None)]).await?;
        }
        Ok(found)
    }

    /// The desk, with the notes on it.
    async fn desk(&self) -> Result<MutexGuard<'_, Desk>, StoreError> {
        let mut desk = self.desk.lock().await;
        if desk.notes.is_none() {
            let notes = Notes::load(self.book.ledger()).await?;
            self.note_standing(|standing| standing.owed = notes.owed.len());
            desk.notes = Some(notes);
        }
        Ok(desk)
    }

    /// Changes notes. When that fails they are in doubt, and are read anew.
    async fn note(&self, desk: &mut Desk, changes: Vec<notes::Note>) -> Result<(), StoreError> {
        let mut notes = desk.notes.take().ok_or_else(in_doubt)?;
        notes.write(self.book.ledger(), changes).await?;
        self.note_standing(|standing| standing.owed = notes.owed.len());
        desk.notes = Some(notes);
        Ok(())
    }

    /// Keeps what a restart must not forget. A cache: when it cannot be kept, a restart reads more.
    async fn remember(&self, cursor: &Cursor) {
        let entries = [(CURSOR, serde_json::to_vec(cursor)), (MEMORY, serde_json::to_vec(&self.api.memory()))];
        let entries =
            entries.into_iter().filter_map(|(key, bytes)| Some((key.to_owned(), Some(bytes.ok()?)))).collect();
        if let Err(error) = self.book.ledger().stash(entries).await {
            tracing::warn!(%error, "what is known of BMS could not be kept; a restart reads more");
        }
    }
}

/// Which BMS a state belongs to; none for one whose records are its own.
pub async fn home(ledger: &dyn Ledger) -> Result<Option<String>, StoreError> {
    let kept = ledger.kept(HOME).await?.into_iter().next();
    Ok(kept.map(|(_, home)| String::from_utf8_lossy(&home).into_owned()))
}

/// A state belongs to one BMS: the IDs of another one would be other people's records.
async fn settle_in(ledger: &dyn Ledger, home: &str) -> Result<(), StoreError> {
    match self::home(ledger).await? {
        Some(known) if known == home => Ok(()),
        Some(known) => Err(StoreError::Foreign { detail: format!("this state belongs to {known}, not to {home}") }),
        None if ledger.load().await?.revision != crate::model::Revision(0) => {
            let detail = format!("this state has records of its own, so it cannot be the book of {home}");
            Err(StoreError::Foreign { detail })
        }
        None => {
            let after = Some(home.as_bytes().to_vec());
            Ok(ledger.keep(vec![crate::ledger::Keep { key: HOME.to_owned(), before: None, after }]).await?)
        }
    }
}

impl Desk {
    fn notes(&self) -> Result<&Notes, StoreError> {
        self.notes.as_ref().ok_or_else(in_doubt)
    }
}

fn in_doubt() -> StoreError {
    let what = "what is noted of BMS is in doubt".to_owned();
    StoreError::Bms { attempt: "go on with BMS", cause: BmsError::Unexpected { what } }
}

impl Deref for KaseyaStore {
    type Target = Book;

    fn deref(&self) -> &Book {
        &self.book
    }
}

#[async_trait]
impl Store for KaseyaStore {
    fn book(&self) -> &Book {
        &self.book
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        self.look().await
    }

    async fn write(&self, batch: Batch) -> Result<Applied, StoreError> {
        self.write_batch(batch).await
    }

    fn is_ready(&self) -> bool {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).read_at.is_some()
    }

    fn standing(&self) -> Option<Standing> {
        let (budget, now) = (self.api.budget(), self.book.now());
        let calls = |endpoint: Endpoint| {
            let (made, left) = (budget.made(endpoint, now), budget.room(endpoint, now));
            Calls { operation: endpoint.name(), made, left }
        };
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        standing.calls =
            Endpoint::ALL.into_iter().map(calls).filter(|calls| calls.made > 0 || calls.left == 0).collect();
        Some(standing)
    }

    fn means(&self) -> Means {
        match self.api.offers().of(Endpoint::PatchEmployee) {
            Some(Offer::There) => Means::ContactsAndEmployees,
            Some(Offer::Missing { .. }) | None => Means::Contacts,
        }
    }

    async fn to_do(&self) -> Result<Vec<ToDo>, StoreError> {
        let desk = self.desk().await?;
        let mut owed: Vec<_> = desk.notes()?.owed.values().collect();
        owed.sort_by_key(|owed| owed.since);
        Ok(owed.into_iter().map(|owed| owed.to_do.clone()).collect())
    }
}
