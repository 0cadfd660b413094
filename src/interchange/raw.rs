//! A value before its type is checked, from CSV or JSON, and the types that keys want.

use serde_json::Value;

use super::keys::{Key, nearest};
use super::row::LARGEST_ID;
use crate::model::{Status, Text, filled};

/// A value before its type is checked.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    /// A CSV cell, not blank: its type is what the key wants.
    Cell(String),
    /// Blank in CSV, null in JSON.
    Null,
    /// JSON, not null.
    Json(Value),
}

impl Raw {
    /// A CSV cell.
    pub fn cell(text: &str) -> Self {
        filled(text).map_or(Self::Null, |text| Self::Cell(text.to_owned()))
    }

    /// A JSON value; blank text is null.
    pub fn json(value: Value) -> Self {
        match &value {
            Value::Null => Self::Null,
            Value::String(text) if filled(text).is_none() => Self::Null,
            Value::String(_) | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Self::Json(value)
            }
        }
    }

    fn wrong(&self, key: Key, wanted: &str) -> String {
        let key = key.word();
        match self {
            Self::Cell(text) => format!("`{key}` must be {wanted}, not `{}`", excerpt(text)),
            Self::Json(value) => format!("`{key}` must be {wanted}, not {}", describe(value)),
            Self::Null => format!("`{key}` must be {wanted}"),
        }
    }

    /// Text; `None` when null.
    pub fn text(&self, key: Key) -> Result<Option<Text>, String> {
        match self {
            Self::Null => Ok(None),
            Self::Cell(text) | Self::Json(Value::String(text)) => Ok(filled(text).map(Text::from)),
            Self::Json(_) => Err(self.wrong(key, "text")),
        }
    }

    /// A number from 0.
    pub fn count(&self, key: Key) -> Result<Option<u64>, String> {
        let number = match self {
            Self::Null => return Ok(None),
            Self::Cell(text) => text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit())),
            Self::Json(value) => value.as_u64(),
        };
        let number = number.filter(|number| *number <= LARGEST_ID);
        number.map(Some).ok_or_else(|| self.wrong(key, "a whole number from 0"))
    }

    /// A number from 1.
    pub fn id(&self, key: Key) -> Result<Option<u64>, String> {
        match self.count(key) {
            Ok(None) => Ok(None),
            Ok(Some(id)) if id > 0 => Ok(Some(id)),
            Ok(Some(_)) | Err(_) => Err(self.wrong(key, "a whole number from 1 to 9007199254740991")),
        }
    }

    /// True or false, as a field holds it.
    pub fn flag(&self, key: Key) -> Result<Option<Text>, String> {
        let flag = match self {
            Self::Null => return Ok(None),
            Self::Cell(text) if text.eq_ignore_ascii_case("true") => true,
            Self::Cell(text) if text.eq_ignore_ascii_case("false") => false,
            Self::Json(Value::Bool(flag)) => *flag,
            Self::Cell(_) | Self::Json(_) => return Err(self.wrong(key, "true or false")),
        };
        Ok(Some(Text::from(if flag { "true" } else { "false" })))
    }

    /// A list of texts, each once; empty when null.
    pub fn names(&self, key: Key) -> Result<Option<Vec<Text>>, String> {
        let wanted = "a list of texts";
        let names: Vec<&str> = match self {
            Self::Null => Vec::new(),
            Self::Cell(text) => text.split(';').collect(),
            Self::Json(Value::Array(values)) => {
                let names: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
                names.ok_or_else(|| self.wrong(key, wanted))?
            }
            Self::Json(_) => return Err(self.wrong(key, wanted)),
        };
        let mut once: Vec<Text> = Vec::new();
        for name in names.into_iter().filter_map(filled) {
            if !once.iter().any(|known| known == name) {
                once.push(Text::from(name));
            }
        }
        Ok(Some(once))
    }
}

impl Raw {
    /// The word of a status.
    pub fn status(&self, key: Key) -> Result<Option<Status>, String> {
        let Some(word) = self.text(key)? else { return Ok(None) };
        let known = [Status::Active, Status::Inactive, Status::Archived];
        let status = known.into_iter().find(|status| status.word() == word);
        status.map(Some).ok_or_else(|| unknown_word(key, &word, known.map(Status::word)))
    }
}

/// Says that a key cannot have that word, and which it can have.
pub fn unknown_word<const N: usize>(key: Key, word: &str, known: [&'static str; N]) -> String {
    let (key, shown) = (key.word(), excerpt(word));
    match nearest(word, known.into_iter()) {
        Some(near) => format!("`{key}` cannot be `{shown}`; did you mean `{near}`?"),
        None => format!("`{key}` cannot be `{shown}`; it is one of {}", known.join(", ")),
    }
}

fn excerpt(text: &str) -> String {
    let mut shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("the text \"{}\"", excerpt(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
