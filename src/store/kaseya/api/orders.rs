//! What BMS can be told to do: make a contact, set its fields, change its emails and phones. It knows nothing of JSON.

use super::id::BmsId;
use super::shapes::{Activity, Rank};

/// A contact that is to be. BMS takes neither a job title nor a status with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContact {
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Of the account.
    pub account_id: BmsId,
    /// One of the account's.
    pub location_id: BmsId,
    /// Its email, which becomes the default one.
    pub email: Option<NewAddress>,
    /// Its phone, which becomes the default one.
    pub phone: Option<NewAddress>,
    /// What the custom field of the settings shall hold; left out where there is none.
    pub anchor: Option<String>,
}

/// An email or a phone that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAddress {
    /// The address or the number.
    pub value: String,
    /// Its type.
    pub type_id: BmsId,
}

/// A field of a contact and what it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Edit {
    FirstName(Option<String>),
    LastName(Option<String>),
    JobTitle(Option<String>),
    AccountId(BmsId),
    LocationId(BmsId),
    Activity(Activity),
}

/// One change of the emails or the phones of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressEdit {
    /// One more.
    Add {
        /// What.
        address: NewAddress,
        /// Whether it becomes the one that counts.
        rank: Rank,
    },
    /// Another value, type or rank.
    Update {
        /// As it is now.
        from: String,
        /// As it shall be.
        to: NewAddress,
        /// Whether it becomes, or stays, the one that counts.
        rank: Rank,
    },
    /// One less.
    Remove {
        /// As it is now.
        value: String,
        /// Its type.
        type_id: Option<BmsId>,
    },
}
