//! An object of BMS's JSON, member by member: names in any case, null and blank as nothing, and an error where a value is
//! not of its type, because what it meant is unknown. It knows nothing of contacts.

use serde_json::{Map, Value};

use super::envelope::{Garbled, find};
use super::id::{BmsId, Moment};

/// Longest text that a record may hold.
const MAX_TEXT: usize = 4000;

/// An object.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a>(&'a Map<String, Value>);

impl<'a> Entry<'a> {
    pub fn of(value: &'a Value) -> Result<Self, Garbled> {
        value.as_object().map(Self).ok_or_else(|| Garbled("an item is no object".to_owned()))
    }

    /// Nothing where it is null or not there.
    pub fn get(self, name: &str) -> Option<&'a Value> {
        find(self.0, name).filter(|value| !value.is_null())
    }

    /// Zero is nothing, as BMS means it.
    pub fn id(self, name: &str) -> Result<Option<BmsId>, Garbled> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.as_u64() {
            Some(0) => Ok(None),
            Some(number) => BmsId::new(number).map(Some).ok_or_else(|| wrong(name, "an ID")),
            None => Err(wrong(name, "an ID")),
        }
    }

    pub fn own_id(self) -> Result<BmsId, Garbled> {
        self.id("id")?.ok_or_else(|| Garbled("an item has no ID".to_owned()))
    }

    /// Without blanks around it; nothing where only they are there.
    pub fn text(self, name: &str) -> Result<Option<String>, Garbled> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.as_str().map(str::trim) {
            Some("") => Ok(None),
            Some(text) if text.len() <= MAX_TEXT => Ok(Some(text.to_owned())),
            Some(_) | None => Err(wrong(name, "a short text")),
        }
    }

    /// The first of these that is there.
    pub fn text_of(self, names: &[&str]) -> Result<Option<String>, Garbled> {
        names.iter().find(|name| self.get(name).is_some()).map_or(Ok(None), |name| self.text(name))
    }

    pub fn id_of(self, names: &[&str]) -> Result<Option<BmsId>, Garbled> {
        names.iter().find(|name| self.get(name).is_some()).map_or(Ok(None), |name| self.id(name))
    }

    pub fn flag(self, name: &str) -> Result<Option<bool>, Garbled> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| wrong(name, "true or false"))
    }

    pub fn moment(self, name: &str) -> Result<Option<Moment>, Garbled> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        Moment::parse(&text).map(Some).ok_or_else(|| wrong(name, "a date and time"))
    }

    /// Empty where it is not there.
    pub fn list(self, name: &str) -> Result<&'a [Value], Garbled> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(wrong(name, "a list")),
        }
    }
}

fn wrong(name: &str, wanted: &str) -> Garbled {
    Garbled(format!("`{name}` is not {wanted}"))
}
