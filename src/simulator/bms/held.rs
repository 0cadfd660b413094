//! What the simulated BMS holds, in the shape of the directory file's `bms`, and how that is read and written back. Knows
//! nothing of the REST API.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Company;
use super::rows::{Account, Choice, Contact, CustomField, Employee, Table, User};
use crate::simulator::file::FileError;

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

impl Company {
    /// The company that the directory file's `bms` describes.
    pub(in crate::simulator) fn from_json(value: Value) -> Result<Self, FileError> {
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
