//! What the client of BMS must be told: who signs in, how much it may ask, where things are that differ from one BMS to
//! the next. It knows nothing of manifests.

use std::error::Error;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::budget::{DOCUMENTED_PER_HOUR, Spent};
use super::id::BmsId;
use super::offers::Offers;

/// Who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiUser {
    /// The name of the company, as My Settings has it; BMS calls it the tenant.
    pub company: String,
    /// The name of the user.
    pub username: String,
}

/// What the user signs in with.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The password.
    pub password: SecretString,
    /// The secret of the one-time codes, in Base32 as it was shown; left out where none are asked for.
    pub totp: Option<SecretString>,
}

/// Where the secrets come from. They are read anew for each sign-in, so that they can be replaced without a restart.
pub trait Credentials: fmt::Debug + Send + Sync {
    /// Reads them.
    ///
    /// # Errors
    /// When they are not there; the error says where they were looked for, never what was found.
    fn secrets(&self) -> Result<Secrets, NoSecrets>;
}

/// Why there are no secrets to sign in with.
#[derive(Debug)]
pub struct NoSecrets {
    /// What is wrong: a lower-case fragment.
    pub what: String,
    /// The cause.
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Credentials for Secrets {
    fn secrets(&self) -> Result<Secrets, NoSecrets> {
        Ok(self.clone())
    }
}

/// How BMS is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Calls of each operation in an hour.
    pub calls_per_hour: NonZeroU32,
    /// Items of a page.
    pub page_size: NonZeroU32,
    /// The custom field of contacts that holds the directory's ID of a person.
    pub anchor: Option<Anchor>,
    /// The table of the types of emails.
    pub email_types: String,
    /// The table of the types of phones.
    pub phone_types: String,
    /// How long an operation that BMS does not offer is not asked for again.
    pub ask_again_after: Duration,
}

impl Default for Settings {
    /// As the documentation of BMS has it. The names of the tables are not in it and must be said where they differ.
    fn default() -> Self {
        Self {
            calls_per_hour: DOCUMENTED_PER_HOUR,
            page_size: NonZeroU32::new(100).unwrap_or(NonZeroU32::MIN),
            anchor: None,
            email_types: "EmailType".to_owned(),
            phone_types: "PhoneType".to_owned(),
            ask_again_after: Duration::from_hours(24),
        }
    }
}

/// A custom field of contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The number of the module of contacts.
    pub module_id: BmsId,
    /// The number of the field.
    pub field_id: BmsId,
}

/// What the client learned that a restart must not forget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// The calls of the last hour.
    pub spent: Spent,
    /// What this BMS offers, and how it wants to be asked.
    pub offers: Offers,
}
