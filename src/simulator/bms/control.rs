//! What a person could do in the web interface of BMS, and a look behind the scenes: employees, contacts and accounts made
//! and changed, people archived, portal access given, faults, counts. Nothing of it counts as a call.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::rows::{Account, Contact, Employee};
use super::{BmsFaultError, BmsFaults, Company};
use crate::simulator::file::FileError;

/// Why something could not be done behind the scenes.
#[derive(Debug, Error)]
pub enum BmsControlError {
    /// No such record, or kind of records.
    #[error("there is no {what} in BMS")]
    NotFound {
        /// Like `contacts/7`.
        what: String,
    },
    /// The record does not say what a record says.
    #[error(transparent)]
    Content(#[from] FileError),
    /// The fault cannot be set.
    #[error(transparent)]
    Fault(#[from] BmsFaultError),
}

impl Company {
    /// A record in the words of the directory file: `contacts`, `employees` or `accounts`, by ID.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, kind: &str, id: u32) -> Result<Value, BmsControlError> {
        let shown = match kind {
            "contacts" => self.held.contacts.rows.get(&id).and_then(|row| serde_json::to_value(row).ok()),
            "employees" => self.held.employees.rows.get(&id).and_then(|row| serde_json::to_value(row).ok()),
            "accounts" => {
                let account = self.held.accounts.iter().find(|account| account.id == id);
                account.and_then(|account| serde_json::to_value(account).ok())
            }
            _ => None,
        };
        shown.ok_or_else(|| BmsControlError::NotFound { what: format!("{kind}/{id}") })
    }

    /// Makes a record, or puts it in the place of the one that has its ID; without an ID it gets a new one. Says which.
    ///
    /// # Errors
    /// When it is no such record, or names an account or location that there is not.
    pub fn put(&mut self, kind: &str, value: Value) -> Result<u32, BmsControlError> {
        let value = self.stamped(value);
        match kind {
            "contacts" => Ok(self.held.put_contact(read::<Contact>(kind, value)?)?),
            "employees" => Ok(self.held.employees.put(read::<Employee>(kind, value)?)),
            "accounts" => {
                let account = read::<Account>(kind, value)?;
                let id = account.id;
                self.held.accounts.retain(|known| known.id != id);
                self.held.accounts.push(account);
                self.held.accounts.sort_by_key(|account| account.id);
                Ok(id)
            }
            _ => Err(BmsControlError::NotFound { what: kind.to_owned() }),
        }
    }

    /// Sets what is given of a record, and leaves the rest.
    ///
    /// # Errors
    /// When there is none, or it is none afterwards.
    pub fn change(&mut self, kind: &str, id: u32, changes: Value) -> Result<(), BmsControlError> {
        let mut value = self.get(kind, id)?;
        if let (Value::Object(map), Value::Object(changes)) = (&mut value, changes) {
            map.remove("modifiedOn");
            map.extend(changes);
            map.insert("id".to_owned(), id.into());
        }
        self.put(kind, value).map(drop)
    }

    /// Archives an employee as BMS does: `_Archived` behind username and email, and no login any more.
    ///
    /// # Errors
    /// When there is none.
    pub fn archive(&mut self, employee: u32) -> Result<(), BmsControlError> {
        let value = self.get("employees", employee)?;
        let archived = |name: &str| format!("{}_Archived", value[name].as_str().unwrap_or_default());
        let changes = json!({ "username": archived("username"), "email": archived("email"), "active": false });
        self.change("employees", employee, changes)
    }

    /// What an anchor's custom field holds of a record.
    pub fn custom_field(&self, module: u32, field: u32, record: u32) -> Option<&str> {
        let known = self.held.custom_fields.iter().find(|known| known.module == module && known.field == field)?;
        known.values.get(&record).map(String::as_str)
    }

    /// How many contacts there are.
    pub fn contacts(&self) -> usize {
        self.held.contacts.rows.len()
    }

    /// Sets one fault from text like `cut-after=next1@contacts/summary` or `throttle=0.05:30`.
    ///
    /// # Errors
    /// When there is no such fault, or it is not said sensibly when it strikes.
    pub fn set_fault(&mut self, text: &str) -> Result<(), BmsFaultError> {
        self.faults.set(text)
    }

    /// Switches every fault off.
    pub fn clear_faults(&mut self) {
        self.faults = BmsFaults::default();
    }

    /// The faults that were switched on, each as it was written.
    pub fn faults(&self) -> BTreeMap<String, String> {
        self.faults.iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
    }

    /// How many calls an operation had, by its name, whatever came of them.
    pub fn calls(&self, name: &str) -> u64 {
        self.counts.iter().filter(|((known, _), _)| *known == name).map(|(_, count)| count).sum()
    }

    /// Calls by operation and status.
    pub fn stats(&self) -> Value {
        let mut stats: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for ((name, status), count) in &self.counts {
            stats.entry(name).or_default().insert(status.to_string(), json!(count));
        }
        json!(stats)
    }

    /// Ends every token, as if its time were up; they can be refreshed.
    pub fn expire_tokens(&mut self) {
        let now = self.now;
        self.tokens.values_mut().for_each(|token| token.end(now));
    }

    /// How many calls of an operation an hour allows.
    pub fn limit_calls(&mut self, per_hour: usize) {
        self.held.calls_per_hour = per_hour;
    }

    /// A record that was changed now, unless it says when.
    fn stamped(&self, mut value: Value) -> Value {
        if let Value::Object(map) = &mut value {
            map.entry("modifiedOn").or_insert_with(|| json!(self.now));
        }
        value
    }
}

fn read<T: DeserializeOwned + Serialize>(kind: &str, value: Value) -> Result<T, FileError> {
    serde_path_to_error::deserialize(value).map_err(|error| FileError::Content {
        at: format!("{kind}.{}", error.path()),
        message: error.inner().to_string(),
    })
}
