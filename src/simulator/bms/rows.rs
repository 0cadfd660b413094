//! The records of the simulated BMS as the directory file writes them, and tables that number them. Knows nothing of the
//! REST API.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A user of the API.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct User {
    pub username: String,
    pub password: String,
    /// Base32; with one, a code is asked for.
    #[serde(default)]
    pub totp: Option<String>,
    #[serde(default)]
    pub administrator: bool,
    #[serde(default)]
    pub rights: Vec<String>,
}

/// A value of a list: a name, or a name with more.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "WrittenChoice")]
pub(super) struct Choice {
    /// 0: its place in the list, from 1.
    pub id: u32,
    pub name: String,
    pub active: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenChoice {
    Name(String),
    Whole {
        #[serde(default)]
        id: u32,
        name: String,
        #[serde(default = "yes")]
        active: bool,
    },
}

impl From<WrittenChoice> for Choice {
    fn from(written: WrittenChoice) -> Self {
        match written {
            WrittenChoice::Name(name) => Self { id: 0, name, active: true },
            WrittenChoice::Whole { id, name, active } => Self { id, name, active },
        }
    }
}

impl Choice {
    pub fn new(id: u32, name: &str) -> Self {
        Self { id, name: name.to_owned(), active: true }
    }
}

/// A custom field of a module.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CustomField {
    pub module: u32,
    pub field: u32,
    pub name: String,
    /// What it holds, by the ID of the record.
    #[serde(default)]
    pub values: BTreeMap<u32, String>,
}

/// An account with its locations, the main one first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Account {
    pub id: u32,
    pub name: String,
    #[serde(default = "yes")]
    pub active: bool,
    #[serde(default)]
    pub locations: Vec<Choice>,
    #[serde(default = "long_ago")]
    pub modified_on: Timestamp,
}

/// What is known by an ID.
pub(super) trait Row {
    fn id(&mut self) -> &mut u32;
}

/// An employee: what a person sees and changes in HR.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Employee {
    #[serde(default)]
    pub id: u32,
    pub username: String,
    pub email: String,
    #[serde(default)]
    pub first_name: Option<String>,
    #[serde(default)]
    pub last_name: Option<String>,
    #[serde(default)]
    pub job_title: Option<String>,
    #[serde(default)]
    pub phone: Option<String>,
    #[serde(default)]
    pub department: Option<String>,
    #[serde(default)]
    pub location: Option<String>,
    #[serde(default)]
    pub manager: Option<String>,
    #[serde(default)]
    pub employment_type: Option<String>,
    #[serde(default, rename = "employeeRole")]
    pub role: Option<String>,
    #[serde(default)]
    pub security_role: Option<String>,
    #[serde(default = "yes")]
    pub active: bool,
    #[serde(default)]
    pub tickets: u32,
    #[serde(default = "long_ago")]
    pub modified_on: Timestamp,
}

/// A contact, with what a person sees and changes in CRM.
#[expect(clippy::struct_excessive_bools, reason = "they are boxes in a form, and keys of the file")]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Contact {
    #[serde(default)]
    pub id: u32,
    pub account: String,
    #[serde(default)]
    pub location: Option<String>,
    #[serde(default)]
    pub first_name: Option<String>,
    #[serde(default)]
    pub middle_name: Option<String>,
    #[serde(default)]
    pub last_name: Option<String>,
    #[serde(default)]
    pub job_title: Option<String>,
    #[serde(default)]
    pub poc: bool,
    #[serde(default, rename = "billByContact")]
    pub billed: bool,
    #[serde(default = "yes")]
    pub active: bool,
    #[serde(default)]
    pub emails: Vec<Address>,
    #[serde(default)]
    pub phones: Vec<Address>,
    #[serde(default)]
    pub portal_access: bool,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub security_role: Option<String>,
    #[serde(default)]
    pub tickets: u32,
    #[serde(default)]
    pub it_glue_id: Option<u64>,
    #[serde(default = "long_ago")]
    pub created_on: Timestamp,
    #[serde(default = "long_ago")]
    pub modified_on: Timestamp,
}

impl Row for Employee {
    fn id(&mut self) -> &mut u32 {
        &mut self.id
    }
}

impl Row for Contact {
    fn id(&mut self) -> &mut u32 {
        &mut self.id
    }
}

/// An email or a phone: its value, or its value with more.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "WrittenAddress", rename_all = "camelCase")]
pub(super) struct Address {
    pub value: String,
    #[serde(rename = "type")]
    pub type_id: u32,
    pub default: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenAddress {
    Value(String),
    Whole {
        value: String,
        #[serde(default = "one", rename = "type")]
        type_id: u32,
        #[serde(default)]
        default: bool,
    },
}

impl From<WrittenAddress> for Address {
    fn from(written: WrittenAddress) -> Self {
        match written {
            WrittenAddress::Value(value) => Self { value, type_id: 1, default: true },
            WrittenAddress::Whole { value, type_id, default } => Self { value, type_id, default },
        }
    }
}

/// Rows by ID; the IDs of those that go are not given again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<T>", into = "Vec<T>", bound = "T: Row + Clone + Serialize + for<'a> Deserialize<'a>")]
pub(super) struct Table<T: Row> {
    pub rows: BTreeMap<u32, T>,
    next: u32,
}

impl<T: Row> Default for Table<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), next: 1 }
    }
}

impl<T: Row> From<Vec<T>> for Table<T> {
    fn from(rows: Vec<T>) -> Self {
        let mut table = Self::default();
        for row in rows {
            table.put(row);
        }
        table
    }
}

impl<T: Row + Clone> From<Table<T>> for Vec<T> {
    fn from(table: Table<T>) -> Self {
        table.rows.into_values().collect()
    }
}

impl<T: Row> Table<T> {
    /// Puts a row in, under a new ID where it has none.
    pub fn put(&mut self, mut row: T) -> u32 {
        if *row.id() == 0 {
            *row.id() = self.next;
        }
        let id = *row.id();
        self.next = self.next.max(id.saturating_add(1));
        self.rows.insert(id, row);
        id
    }
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}

fn long_ago() -> Timestamp {
    Timestamp::new(1_767_225_600, 0).unwrap_or(Timestamp::UNIX_EPOCH)
}
