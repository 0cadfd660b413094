//! From keys and loose values to a [`Row`]: what is given, of the right type and for the right kind.

use serde_json::Value;

use super::keys::{Key, nearest};
use super::row::{AccountRow, Given, LARGEST_ID, PersonRow, Place, Row, RowKind};
use crate::model::{Field, Id, Kind, Status, Text, UserKey, filled};

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

    fn text(&self, key: Key) -> Result<Option<Text>, String> {
        match self {
            Self::Null => Ok(None),
            Self::Cell(text) | Self::Json(Value::String(text)) => Ok(filled(text).map(Text::from)),
            Self::Json(_) => Err(self.wrong(key, "text")),
        }
    }

    fn count(&self, key: Key) -> Result<Option<u64>, String> {
        let number = match self {
            Self::Null => return Ok(None),
            Self::Cell(text) => text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit())),
            Self::Json(value) => value.as_u64(),
        };
        let number = number.filter(|number| *number <= LARGEST_ID);
        number.map(Some).ok_or_else(|| self.wrong(key, "a whole number from 0"))
    }

    fn id(&self, key: Key) -> Result<Option<u64>, String> {
        match self.count(key) {
            Ok(None) => Ok(None),
            Ok(Some(id)) if id > 0 => Ok(Some(id)),
            Ok(Some(_)) | Err(_) => Err(self.wrong(key, "a whole number from 1 to 9007199254740991")),
        }
    }

    fn flag(&self, key: Key) -> Result<Option<Text>, String> {
        let flag = match self {
            Self::Null => return Ok(None),
            Self::Cell(text) if text.eq_ignore_ascii_case("true") => true,
            Self::Cell(text) if text.eq_ignore_ascii_case("false") => false,
            Self::Json(Value::Bool(flag)) => *flag,
            Self::Cell(_) | Self::Json(_) => return Err(self.wrong(key, "true or false")),
        };
        Ok(Some(Text::from(if flag { "true" } else { "false" })))
    }

    fn names(&self, key: Key) -> Result<Vec<Text>, String> {
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
        Ok(once)
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

/// The row that these pairs make. Every message names its key.
pub fn assemble(place: &Place, pairs: &[(Key, Raw)], default: Option<RowKind>) -> Result<Row, Vec<String>> {
    let kind = kind_of(pairs, default).map_err(|message| vec![message])?;
    let mut wrong: Vec<String> = pairs.iter().filter_map(|(key, raw)| foreign(*key, raw, kind)).collect();
    let row = match kind {
        RowKind::Account => account(place, pairs, &mut wrong).map(Row::Account),
        RowKind::Person(kind) => person(place, kind, pairs, &mut wrong).map(Row::Person),
    };
    match row {
        Some(row) if wrong.is_empty() => Ok(row),
        Some(_) | None => Err(wrong),
    }
}

fn kind_of(pairs: &[(Key, Raw)], default: Option<RowKind>) -> Result<RowKind, String> {
    let given = match value(pairs, Key::Kind) {
        Some(raw) => raw.text(Key::Kind)?,
        None => None,
    };
    match (given, default) {
        (None, None) => Err("the kind is not given: `account`, `employee` or `contact`".to_owned()),
        (None, Some(kind)) => Ok(kind),
        (Some(word), default) => {
            let kind = RowKind::from_word(&word)
                .ok_or_else(|| unknown_word("kind", &word, RowKind::ALL.map(RowKind::word)))?;
            match default {
                Some(default) if default != kind => {
                    Err(format!("the row is of kind {word}, but {} is asked for", default.word()))
                }
                Some(_) | None => Ok(kind),
            }
        }
    }
}

fn unknown_word<const N: usize>(key: &str, word: &str, known: [&'static str; N]) -> String {
    let word_shown = excerpt(word);
    match nearest(word, known.into_iter()) {
        Some(near) => format!("`{key}` cannot be `{word_shown}`; did you mean `{near}`?"),
        None => format!("`{key}` cannot be `{word_shown}`; it is one of {}", known.join(", ")),
    }
}

fn value(pairs: &[(Key, Raw)], key: Key) -> Option<&Raw> {
    pairs.iter().find(|(found, _)| *found == key).map(|(_, raw)| raw)
}

/// A key of another kind may stand there, as a column for other rows, but only blank.
fn foreign(key: Key, raw: &Raw, kind: RowKind) -> Option<String> {
    let article = if kind == RowKind::Person(Kind::Contact) { "a" } else { "an" };
    let stands = key.belongs_to(kind) || *raw == Raw::Null;
    (!stands).then(|| format!("{article} {} has no `{}`", kind.word(), key.word()))
}

fn account(place: &Place, pairs: &[(Key, Raw)], wrong: &mut Vec<String>) -> Option<AccountRow> {
    let id = take(pairs, Key::Id, wrong, Raw::id)?;
    let name = take(pairs, Key::Name, wrong, Raw::text)?;
    let locations = take(pairs, Key::Locations, wrong, |raw, key| raw.names(key).map(Some))?;
    if id.is_none() && name.is_none() {
        wrong.push("an account needs a `name`".to_owned());
    }
    Some(AccountRow { place: place.clone(), id, name, locations })
}

fn person(place: &Place, kind: Kind, pairs: &[(Key, Raw)], wrong: &mut Vec<String>) -> Option<PersonRow> {
    let id = take(pairs, Key::Id, wrong, Raw::id);
    let status = take(pairs, Key::Status, wrong, status);
    let tickets = take(pairs, Key::Tickets, wrong, Raw::count);
    let invoices = take(pairs, Key::Invoices, wrong, Raw::count);
    let source = user("source", Key::SourceTenant, Key::SourceUser, pairs, wrong);
    let archived_from = user("archivedFrom", Key::ArchivedFromTenant, Key::ArchivedFromUser, pairs, wrong);
    let fields = fields(kind, pairs, wrong);
    let (id, status, tickets, invoices) = (id?, status?, tickets?, invoices?);
    if id.is_none() && fields.iter().all(|(_, value)| value.is_none()) {
        wrong.push(format!("the row says nothing of the {kind}"));
    }
    Some(PersonRow { place: place.clone(), kind, id, status, fields, source, archived_from, tickets, invoices })
}

/// Reads a key; `None` when it is wrong, which is noted.
fn take<T>(
    pairs: &[(Key, Raw)],
    key: Key,
    wrong: &mut Vec<String>,
    read: impl FnOnce(&Raw, Key) -> Result<Option<T>, String>,
) -> Option<Option<T>> {
    match value(pairs, key).map_or(Ok(None), |raw| read(raw, key)) {
        Ok(read) => Some(read),
        Err(message) => {
            wrong.push(message);
            None
        }
    }
}

fn status(raw: &Raw, key: Key) -> Result<Option<Status>, String> {
    let Some(word) = raw.text(key)? else { return Ok(None) };
    let known = [Status::Active, Status::Inactive, Status::Archived];
    let status = known.into_iter().find(|status| status.word() == word);
    status.map(Some).ok_or_else(|| unknown_word("status", &word, known.map(Status::word)))
}

fn fields(kind: Kind, pairs: &[(Key, Raw)], wrong: &mut Vec<String>) -> Vec<(Field, Option<Text>)> {
    let mut fields = Vec::new();
    for (key, raw) in pairs {
        let Key::Field(field) = *key else { continue };
        if !Field::of(kind).contains(&field) {
            continue;
        }
        match if field == Field::PortalAccess { raw.flag(*key) } else { raw.text(*key) } {
            // A flag is never null: blank leaves it as it is.
            Ok(None) if field == Field::PortalAccess => {}
            Ok(value) => fields.push((field, value)),
            Err(message) => wrong.push(message),
        }
    }
    fields
}

fn user(word: &str, tenant: Key, user: Key, pairs: &[(Key, Raw)], wrong: &mut Vec<String>) -> Given<UserKey> {
    if value(pairs, tenant).is_none() && value(pairs, user).is_none() {
        return Given::Absent;
    }
    let (Some(tenant), Some(user)) = (take(pairs, tenant, wrong, Raw::text), take(pairs, user, wrong, Raw::text))
    else {
        return Given::Absent;
    };
    match (tenant, user) {
        (None, None) => Given::Null,
        (Some(tenant), Some(user)) => Given::Value(UserKey { tenant: Id::new(&tenant), user: Id::new(&user) }),
        (Some(_), None) | (None, Some(_)) => {
            wrong.push(format!("`{word}` needs both `tenantId` and `userId`"));
            Given::Absent
        }
    }
}
