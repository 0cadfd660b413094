//! What BMS holds, as bmsync reads it: contacts, employees, accounts and what is looked up. It knows nothing of JSON, nor
//! of what bmsync makes of it.

use std::collections::BTreeSet;

use super::id::{BmsId, Moment};

/// Items of a list, each once, and whether these are all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// In the order in which they came; what came twice stands where it came first, as it came last.
    pub items: Vec<T>,
    /// Whether something may be missing.
    pub extent: Extent,
}

/// Whether a list is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything that BMS counts came, or BMS does not count.
    Whole,
    /// BMS counts more than came: what is not in the list may exist all the same.
    Short {
        /// How many came.
        came: u64,
        /// How many BMS counts.
        counted: u64,
    },
}

/// A contact of CRM. What BMS writes blank is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub struct Contact {
    pub id: BmsId,
    pub account_id: Option<BmsId>,
    pub account_name: Option<String>,
    pub location_id: Option<BmsId>,
    pub location_name: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub job_title: Option<String>,
    pub activity: Activity,
    pub emails: Vec<Address>,
    pub phones: Vec<Address>,
    pub created_on: Option<Moment>,
    pub modified_on: Option<Moment>,
}

impl Contact {
    /// The email that counts: the default one, else the first.
    #[must_use]
    pub fn email(&self) -> Option<&Address> {
        Address::main(&self.emails)
    }

    /// The phone that counts: the default one, else the first.
    #[must_use]
    pub fn phone(&self) -> Option<&Address> {
        Address::main(&self.phones)
    }
}

/// Whether a record is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Activity {
    Active,
    Inactive,
}

/// An email or a phone of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address or the number.
    pub value: String,
    /// Its type, like the one that is called `Work`.
    pub type_id: Option<BmsId>,
    /// How BMS calls the type.
    pub type_name: Option<String>,
    /// Whether it is the one that counts.
    pub rank: Rank,
}

/// Whether an address is the one that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Rank {
    Default,
    Further,
}

impl Address {
    fn main(of: &[Self]) -> Option<&Self> {
        of.iter().find(|address| address.rank == Rank::Default).or(of.first())
    }
}

/// A contact as the search shows it: less than a [`Contact`], but whether it may use the client portal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub struct FoundContact {
    pub id: BmsId,
    pub account_id: Option<BmsId>,
    pub location_id: Option<BmsId>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub job_title: Option<String>,
    pub email: Option<String>,
    pub activity: Activity,
    pub portal: Portal,
}

/// Whether a contact may use the client portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Portal {
    Open,
    Closed,
}

/// Which contacts are searched for; what is left out does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactSearch {
    /// Only these.
    pub ids: BTreeSet<BmsId>,
    /// Only with this email.
    pub email: Option<String>,
    /// Only those who may, or may not, use the client portal.
    pub portal: Option<Portal>,
    /// Only those in use, or not.
    pub activity: Option<Activity>,
}

/// An employee of HR. BMS does not let anybody change them over its API.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub struct Employee {
    pub id: BmsId,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    pub username: Option<String>,
    pub job_title: Option<String>,
    pub activity: Activity,
}

/// An account of CRM with its locations.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub struct Account {
    pub id: BmsId,
    pub name: String,
    pub activity: Activity,
    /// The main one first.
    pub locations: Vec<Location>,
    pub modified_on: Option<Moment>,
}

/// A location of an account, or of the company itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub struct Location {
    pub id: BmsId,
    pub name: String,
    pub main: Main,
    pub activity: Activity,
}

/// Whether a location is the main one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Main {
    Yes,
    No,
}

/// One value of a list of values, like a department or a type of phone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub struct Named {
    pub id: BmsId,
    pub name: String,
    /// What BMS takes where nothing else is said.
    pub rank: Rank,
    pub activity: Activity,
}

/// A list of values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Lookup {
    Departments,
    JobTitles,
    /// Those of the company, where employees work.
    Locations,
    /// What an employee does.
    EmployeeRoles,
    SecurityRoles,
    /// The table of the types of emails; its name is a setting.
    EmailTypes,
    /// The table of the types of phones; its name is a setting.
    PhoneTypes,
    /// Any other table of the system, by its name.
    Table(String),
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub struct UserInfo {
    pub user_id: Option<BmsId>,
    pub username: Option<String>,
    pub company: Option<String>,
    pub administrator: Administrator,
    /// The names of the rights, as BMS calls them.
    pub rights: Vec<String>,
}

/// Whether the user may do everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Administrator {
    Yes,
    No,
}

/// Whether BMS passes its changes on to IT Glue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Bridge {
    On,
    Off,
}

/// The contact of IT Glue that belongs to one of BMS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub struct Twin {
    pub id: u64,
    pub name: Option<String>,
}
