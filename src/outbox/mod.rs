//! The outbox: contacts that changed in BMS, on their way to a system that shows them too. The trait of such a system, what
//! is handed to it and what it answers. Knows neither rules nor directories; employees are not its business.

mod deliver;
mod finding;
pub mod itglue;
mod pace;
mod queue;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::actual::Actual;
use crate::http::Fate;
use crate::model::Record;

pub use deliver::{Outbox, OutboxError, Step};
pub use finding::{Finding, FindingCode};
pub use pace::Pace;
pub use queue::{Found, Target, findings};

/// A system that shows contacts too.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Brings the newest state of some contacts of one account there, or says what is different. Of each at most one
    /// receipt; of whom there is none, nothing is known to have happened, and they are brought again.
    ///
    /// Whatever it is about to create it first notes, durably: after a crash or a lost answer it is looked for, never
    /// created again blindly.
    async fn put(&self, parcel: Parcel<'_>, notes: &dyn Notes) -> Delivered;
}

/// Contacts of one account.
#[derive(Debug)]
pub struct Parcel<'a> {
    /// The account, as BMS spells it; blank for contacts without one.
    pub account: &'a str,
    /// What BMS holds, the contacts included.
    pub actual: &'a Actual,
    /// The contacts.
    pub items: Vec<Item>,
}

/// A contact to be brought.
#[derive(Clone, Debug)]
pub struct Item {
    /// As BMS holds it now.
    pub record: Record,
    /// What is remembered of it.
    pub memory: Memory,
}

/// What is remembered of a contact between deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// Its ID there.
    pub contact: Option<u64>,
    /// The email that was last seen to be there because BMS has it.
    pub email: Option<String>,
    /// The same of the phone.
    pub phone: Option<String>,
    /// The contact type that it had before it was deactivated.
    pub type_before: Option<u64>,
    /// When it was sent to be created, while nothing is known of what became of that.
    pub creating: Option<Timestamp>,
    /// What was refused; the same is not sent again.
    pub refused: Option<Refused>,
}

/// What a service did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// Stands for what was sent.
    pub digest: String,
    /// What was found then, which stands until something else is sent.
    pub finding: Finding,
}

/// Where memories are made durable while a parcel is under way.
#[async_trait]
pub trait Notes: Send + Sync {
    /// Keeps what is remembered of contacts, by their IDs in BMS.
    ///
    /// # Errors
    /// When it is not certain to be durable; then nothing may be created.
    async fn remember(&self, memories: Vec<(u64, Memory)>) -> Result<(), SinkError>;

    /// Which contacts of BMS are known to be these contacts there, by the ID there.
    ///
    /// # Errors
    /// When that cannot be read.
    async fn owners(&self, there: &[u64]) -> Result<BTreeMap<u64, u64>, SinkError>;
}

/// What became of a parcel.
#[derive(Debug, Default)]
pub struct Delivered {
    /// One per contact of which something is known.
    pub receipts: Vec<Receipt>,
    /// Why the rest was not tried.
    pub stopped: Option<SinkError>,
}

/// What became of one contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its ID in BMS.
    pub id: u64,
    /// What is remembered of it from now on.
    pub memory: Memory,
    /// How it ended.
    pub end: End,
}

/// How the delivery of a contact ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing more is to be done until the contact changes.
    Settled(Did, Option<Finding>),
    /// It must be brought again, not before so long.
    Again(Duration),
}

/// What was done for a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Did {
    /// It is there as it should be, or need not be there.
    Matched,
    /// It was created.
    Created,
    /// It was updated.
    Updated,
    /// It was left as it is, with a finding that says why.
    Left,
}

impl Did {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Matched, Self::Created, Self::Updated, Self::Left];

    /// The word in metrics and JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Left => "left",
        }
    }
}

/// Why a sink could not go on. Never holds a key.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct SinkError {
    /// Whether it passes by itself.
    pub class: SinkErrorClass,
    /// What happened: a lower-case fragment.
    pub message: String,
    /// The next step for a person.
    pub hint: Option<String>,
    /// How long the service asks to wait.
    pub wait: Option<Duration>,
    /// What may have come of the request.
    pub fate: Fate,
    /// The cause, if there is more to say.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Whether an error passes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkErrorClass {
    /// Try again later.
    Transient,
    /// A person must change something.
    Person,
    /// The service answered with what it must not.
    Protocol,
}

impl SinkErrorClass {
    /// The word of conditions.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Transient => "Unreachable",
            Self::Person => "Refused",
            Self::Protocol => "Misunderstood",
        }
    }
}
