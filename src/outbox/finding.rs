//! What a person should know of a contact and the system that shows it too: a code and a sentence. Knows nothing of how it
//! was found.

use serde::{Deserialize, Serialize};

/// Something that is not as it should be, or that bmsync leaves alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What it is.
    pub code: FindingCode,
    /// For a person to read.
    pub message: String,
    /// The fields that are different, as the record calls them.
    #[serde(default)]
    pub fields: Vec<String>,
    /// The contacts there that it is about.
    #[serde(default)]
    pub contacts: Vec<u64>,
}

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FindingCode {
    /// The account has no organization there.
    OrganizationMissing,
    /// Several organizations have the account's name.
    OrganizationAmbiguous,
    /// The contact is not there.
    Missing,
    /// It is there and says something else.
    Different,
    /// It is there more than once.
    Duplicate,
    /// Somebody of its name is there, and nothing tells whether that is the same person.
    Homonym,
    /// It has no email to be found by.
    NoEmail,
    /// Another contact of the account has its email in BMS.
    SharedEmail,
    /// A PSA synchronizes it, and alone changes it.
    Synced,
    /// BMS itself keeps contacts of this organization in step: a second writer would make duplicates.
    TwoWriters,
    /// The service refused what was sent.
    Refused,
    /// The service took what was sent, and yet says something else.
    NotTaken,
}

impl FindingCode {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::OrganizationMissing,
        Self::OrganizationAmbiguous,
        Self::Missing,
        Self::Different,
        Self::Duplicate,
        Self::Homonym,
        Self::NoEmail,
        Self::SharedEmail,
        Self::Synced,
        Self::TwoWriters,
        Self::Refused,
        Self::NotTaken,
    ];

    /// The word in JSON and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::OrganizationMissing => "organizationMissing",
            Self::OrganizationAmbiguous => "organizationAmbiguous",
            Self::Missing => "missing",
            Self::Different => "different",
            Self::Duplicate => "duplicate",
            Self::Homonym => "homonym",
            Self::NoEmail => "noEmail",
            Self::SharedEmail => "sharedEmail",
            Self::Synced => "synced",
            Self::TwoWriters => "twoWriters",
            Self::Refused => "refused",
            Self::NotTaken => "notTaken",
        }
    }
}

impl Finding {
    /// One without fields and contacts.
    pub fn new(code: FindingCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fields: Vec::new(), contacts: Vec::new() }
    }

    /// The same, about these contacts there.
    #[must_use]
    pub fn of(mut self, contacts: impl IntoIterator<Item = u64>) -> Self {
        self.contacts = contacts.into_iter().collect();
        self
    }

    /// The same, with the fields that are different.
    #[must_use]
    pub fn in_fields(mut self, fields: &[&str]) -> Self {
        self.fields = fields.iter().map(|field| (*field).to_owned()).collect();
        self
    }
}
