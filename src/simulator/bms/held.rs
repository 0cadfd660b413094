//! What the simulated BMS holds, in the shape of the directory file's `bms`, and how that is read and written back. Knows
//! nothing of the REST API.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::file::FileError;
use super::Company;

/// Everything that is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Held {
    pub company: String,
    /// Who may use the API; anybody, when there is none.
    pub users: Vec<User>,
    pub calls_per_hour: usize,
    pub token_lifetime_s: u32,
    /// Whether the IT Glue integration is on.
    pub it_glue: bool,
    /// Lists of values by name: tables of the system, departments and the like.
    pub lists: BTreeMap<String, Vec<Choice>>,
    pub custom_fields: Vec<CustomField>,
    pub accounts: Vec<Account>,
    pub employees: Table<Employee>,
    pub contacts: Table<Contact>,
    /// Contacts by email in lower case, how often each is there.
    #[serde(skip)]
    pub emails: HashMap<String, Vec<u32>>,
}

impl Default for Held {
    fn default() -> Self {
        let list = |names: &[&str]| (1..).zip(names).map(|(id, name)| Choice::new(id, name)).collect();
        let lists = [
            ("EmailType", list(&["Work", "Home", "Other"])),
            ("PhoneType", list(&["Mobile", "Office", "Home", "Fax"])),
            ("ContactType", list(&["Client", "Vendor"])),
            ("departments", list(&["Operations", "Service Desk"])),
            ("jobTitles", list(&["Technician", "Engineer"])),
            ("locations", list(&["Headquarters"])),
            ("employeeRoles", list(&["Engineer", "Manager"])),
            ("securityRoles", list(&["Administrator", "User", "Technician", "External User", "External Manager"])),
        ];
        Self {
            company: "Harbor IT".to_owned(),
            users: Vec::new(),
            calls_per_hour: 1500,
            token_lifetime_s: 900,
            it_glue: false,
            lists: lists.into_iter().map(|(name, list)| (name.to_owned(), list)).collect(),
            custom_fields: Vec::new(),
            accounts: Vec::new(),
            employees: Table::default(),
            contacts: Table::default(),
            emails: HashMap::new(),
        }
    }
}

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
    fn new(id: u32, name: &str) -> Self {
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
    #[serde(default)]
    pub employee_role: Option<String>,
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
    #[serde(default)]
    pub bill_by_contact: bool,
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

impl Company {
    /// The company that the directory file's `bms` describes.
    pub(in super::super) fn from_json(value: Value) -> Result<Self, FileError> {
        let held: Result<Held, _> = serde_path_to_error::deserialize(value);
        let mut held = held.map_err(|error| FileError::Content {
            at: format!("bms.{}", error.path()),
            message: error.inner().to_string(),
        })?;
        held.finish()?;
        Ok(Self::of(held))
    }

    /// Everything as it is now, in the shape of the directory file.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(&self.held).unwrap_or_default()
    }
}

impl Held {
    /// Numbers what has no number, and checks what one thing says of another.
    fn finish(&mut self) -> Result<(), FileError> {
        self.lists.values_mut().for_each(|list| number(list));
        let mut next = 1;
        for account in &mut self.accounts {
            for location in &mut account.locations {
                if location.id == 0 {
                    location.id = next;
                }
                next = next.max(location.id + 1);
            }
        }
        for contact in self.contacts.rows.values() {
            self.check(contact)?;
        }
        let usual = Self::default().lists;
        for (name, list) in usual {
            self.lists.entry(name).or_insert(list);
        }
        self.index();
        Ok(())
    }

    fn check(&self, contact: &Contact) -> Result<(), FileError> {
        let at = format!("bms.contacts.{}", contact.id);
        let wrong = |message: String| Err(FileError::Content { at: at.clone(), message });
        let Some(account) = self.account(&contact.account) else {
            return wrong(format!("there is no account {}", contact.account));
        };
        match &contact.location {
            Some(location) if !account.locations.iter().any(|known| known.name == *location) => {
                wrong(format!("the account {} has no location {location}", account.name))
            }
            Some(_) | None => Ok(()),
        }
    }

    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.name == name)
    }

    /// Finds emails again after contacts were changed from outside.
    fn index(&mut self) {
        self.emails.clear();
        for contact in self.contacts.rows.values() {
            for email in &contact.emails {
                self.emails.entry(email.value.to_lowercase()).or_default().push(contact.id);
            }
        }
    }

    /// Puts a contact in the place of what was there under its ID.
    pub fn put_contact(&mut self, contact: Contact) -> Result<u32, FileError> {
        self.check(&contact)?;
        for email in self.contacts.rows.get(&contact.id).into_iter().flat_map(|old| &old.emails) {
            if let Some(holders) = self.emails.get_mut(&email.value.to_lowercase()) {
                holders.retain(|holder| *holder != contact.id);
            }
        }
        let emails: Vec<String> = contact.emails.iter().map(|email| email.value.to_lowercase()).collect();
        let id = self.contacts.put(contact);
        for email in emails {
            self.emails.entry(email).or_default().push(id);
        }
        Ok(id)
    }

    /// Whether another contact has that email.
    pub fn has_email(&self, email: &str, but: u32) -> bool {
        self.emails.get(&email.to_lowercase()).is_some_and(|holders| holders.iter().any(|holder| *holder != but))
    }
}

fn number(list: &mut [Choice]) {
    for (place, choice) in (1..).zip(list) {
        if choice.id == 0 {
            choice.id = place;
        }
    }
}
