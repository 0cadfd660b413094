//! From keys and loose values to a [`Row`]: what is given, of the right type and for the right kind.

use super::keys::Key;
use super::raw::{Raw, unknown_word};
use super::row::{AccountRow, Given, PersonRow, Place, Row, RowKind};
use crate::model::{Field, Id, Kind, Text, UserKey};

/// The row that these pairs make, or all that is wrong with it. Every message names its key.
pub fn assemble(place: Place, pairs: &[(Key, Raw)], default: Option<RowKind>) -> Result<Row, Vec<String>> {
    let kind = kind_of(pairs, default).map_err(|message| vec![message])?;
    let mut given = GivenKeys { pairs, wrong: Vec::new() };
    given.refuse_foreign(kind);
    let row = match kind {
        RowKind::Account => Row::Account(given.account(place)),
        RowKind::Person(kind) => Row::Person(given.person(place, kind)),
    };
    if given.wrong.is_empty() { Ok(row) } else { Err(given.wrong) }
}

fn kind_of(pairs: &[(Key, Raw)], default: Option<RowKind>) -> Result<RowKind, String> {
    let given = match value(pairs, Key::Kind) {
        Some(raw) => raw.text(Key::Kind)?,
        None => None,
    };
    let Some(word) = given else {
        return default.ok_or_else(|| "the kind is not given: `account`, `employee` or `contact`".to_owned());
    };
    let known = RowKind::ALL.map(RowKind::word);
    let kind = RowKind::from_word(&word).ok_or_else(|| unknown_word(Key::Kind, &word, known))?;
    match default.filter(|default| *default != kind) {
        Some(default) => Err(format!("the row is of kind {word}, but {} is asked for", default.word())),
        None => Ok(kind),
    }
}

fn value(pairs: &[(Key, Raw)], key: Key) -> Option<&Raw> {
    pairs.iter().find(|(found, _)| *found == key).map(|(_, raw)| raw)
}

/// What a row gives, and what was found wrong with it so far.
struct GivenKeys<'a> {
    pairs: &'a [(Key, Raw)],
    wrong: Vec<String>,
}

impl GivenKeys<'_> {
    /// A key of another kind may stand there, as a column for other rows, but only blank.
    fn refuse_foreign(&mut self, kind: RowKind) {
        let article = if kind == RowKind::Person(Kind::Contact) { "a" } else { "an" };
        for (key, raw) in self.pairs {
            if !key.belongs_to(kind) && *raw != Raw::Null {
                self.wrong.push(format!("{article} {} has no `{}`", kind.word(), key.word()));
            }
        }
    }

    /// The value of a key; `None` when it is absent, null or wrong, of which the last is noted.
    fn read<T>(&mut self, key: Key, read: impl FnOnce(&Raw, Key) -> Result<Option<T>, String>) -> Option<T> {
        let read = value(self.pairs, key).map_or(Ok(None), |raw| read(raw, key));
        read.unwrap_or_else(|message| {
            self.wrong.push(message);
            None
        })
    }

    fn account(&mut self, place: Place) -> AccountRow {
        let id = self.read(Key::Id, Raw::id);
        let name = self.read(Key::Name, Raw::text);
        let locations = self.read(Key::Locations, Raw::names);
        if id.is_none() && name.is_none() && self.wrong.is_empty() {
            self.wrong.push("an account needs a `name`".to_owned());
        }
        AccountRow { place, id, name, locations }
    }

    fn person(&mut self, place: Place, kind: Kind) -> PersonRow {
        let row = PersonRow {
            place,
            kind,
            id: self.read(Key::Id, Raw::id),
            status: self.read(Key::Status, Raw::status),
            fields: self.fields(kind),
            source: self.user("source", Key::SourceTenant, Key::SourceUser),
            archived_from: self.user("archivedFrom", Key::ArchivedFromTenant, Key::ArchivedFromUser),
            tickets: self.read(Key::Tickets, Raw::count),
            invoices: self.read(Key::Invoices, Raw::count),
        };
        if row.id.is_none() && row.fields.iter().all(|(_, value)| value.is_none()) && self.wrong.is_empty() {
            self.wrong.push(format!("the row says nothing of the {kind}"));
        }
        row
    }

    fn fields(&mut self, kind: Kind) -> Vec<(Field, Option<Text>)> {
        let mut fields = Vec::with_capacity(Field::of(kind).len());
        for (key, raw) in self.pairs {
            let Key::Field(field) = *key else { continue };
            if !Field::of(kind).contains(&field) {
                continue;
            }
            match if field == Field::PortalAccess { raw.flag(*key) } else { raw.text(*key) } {
                // A flag is never null: blank leaves it as it is.
                Ok(None) if field == Field::PortalAccess => {}
                Ok(value) => fields.push((field, value)),
                Err(message) => self.wrong.push(message),
            }
        }
        fields
    }

    fn user(&mut self, word: &str, tenant: Key, user: Key) -> Given<UserKey> {
        if value(self.pairs, tenant).is_none() && value(self.pairs, user).is_none() {
            return Given::Absent;
        }
        let wrong = self.wrong.len();
        match (self.read(tenant, Raw::text), self.read(user, Raw::text)) {
            (None, None) => Given::Null,
            (Some(tenant), Some(user)) => Given::Value(UserKey { tenant: Id::new(&tenant), user: Id::new(&user) }),
            (Some(_), None) | (None, Some(_)) => {
                if self.wrong.len() == wrong {
                    self.wrong.push(format!("`{word}` needs both `tenantId` and `userId`"));
                }
                Given::Absent
            }
        }
    }
}
