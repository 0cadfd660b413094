//! The values that a record has afterwards, each with where it comes from (rules R2, R3, R11).

use crate::actual::Actual;
use crate::desired::Person;
use crate::desired::source::{attribute, email, username};
use crate::model::{Field, Fields, Kind, Record};

use super::Provenance;

/// Values with their provenance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced {
    /// The values.
    pub fields: Fields,
    from: [Provenance; Field::ALL.len()],
}

impl Sourced {
    /// Where the value of a field comes from.
    #[must_use]
    pub const fn from(&self, field: Field) -> Provenance {
        self.from[field as usize]
    }

    fn set(&mut self, field: Field, value: Option<(&str, Provenance)>) {
        self.fields.set(field, value.map(|(value, _)| value));
        self.from[field as usize] = value.map_or(Provenance::Record, |(_, from)| from);
    }

    fn clear(&mut self, field: Field, from: Provenance) {
        self.fields.set(field, None);
        self.from[field as usize] = from;
    }
}

/// What a person's record has to start from.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The record that is written, unless a new one is made.
    pub record: Option<&'a Record>,
    /// The email to keep where the directory gives none.
    pub email: Option<&'a str>,
    /// The username to keep where the directory gives none.
    pub username: Option<&'a str>,
}

impl<'a> Ground<'a> {
    /// A new record; the email of the record that it replaces may serve.
    #[must_use]
    pub fn blank(replaced: Option<&'a Record>) -> Self {
        Self { record: None, email: replaced.and_then(|record| record.fields.get(Field::Email)), username: None }
    }

    /// A record with names of its own.
    #[must_use]
    pub fn record(record: &'a Record, replaced: Option<&'a Record>) -> Self {
        let own = record.fields.get(Field::Email);
        let email = own.or_else(|| replaced.and_then(|record| record.fields.get(Field::Email)));
        Self { record: Some(record), email, username: record.fields.get(Field::Username) }
    }

    /// An archived record: its names are those that archiving gave it, so they do not count.
    #[must_use]
    pub fn archived(record: &'a Record, replaced: Option<&'a Record>) -> Self {
        Self { record: Some(record), ..Self::blank(replaced) }
    }

    fn get(&self, field: Field) -> Option<(&'a str, Provenance)> {
        let value = if field == Field::Email {
            self.email
        } else if field == Field::Username {
            self.username
        } else {
            self.record.and_then(|record| record.fields.get(field))
        };
        value.map(|value| (value, Provenance::Record))
    }
}

/// The values of a person's record: for each field the first that is not blank of the directory's, the rule's, what the
/// record holds, and for employees the default's.
#[must_use]
pub fn values(person: &Person<'_>, ground: &Ground<'_>, actual: &Actual, defaults: &Fields) -> Sourced {
    let mut sourced = Sourced { fields: Fields::default(), from: [Provenance::Record; Field::ALL.len()] };
    let (user, rule) = (person.user, person.rule);
    for &field in Field::of(rule.kind) {
        let ruled = || rule.values.get(field).map(|value| (value, Provenance::Rule));
        let directory = |value| (value, Provenance::Directory);
        match (field, rule.kind) {
            (Field::Username | Field::SecurityRole, Kind::Contact) if !rule.makes_login() => {
                sourced.clear(field, Provenance::Rule);
            }
            (Field::Username, _) => {
                let name = username(user);
                sourced.set(field, name.as_deref().map(directory).or_else(|| ground.get(field)));
            }
            (Field::Email, _) => {
                sourced.set(field, email(user, rule.email).map(directory).or_else(|| ground.get(field)));
            }
            (Field::Location, Kind::Contact) => {
                sourced.set(field, ruled().or_else(|| location(rule.account(), ground, actual)));
            }
            (_, Kind::Contact) => {
                sourced.set(field, attribute(user, field).map(directory).or_else(ruled).or_else(|| ground.get(field)));
            }
            (_, Kind::Employee) => {
                let default = || defaults.get(field).map(|value| (value, Provenance::Default));
                let given = attribute(user, field).map(directory).or_else(ruled);
                sourced.set(field, given.or_else(|| ground.get(field)).or_else(default));
            }
        }
    }
    sourced
}

/// A contact's location without a word from the rule: the record's, if the account has it, else the main one.
///
/// An account that vanished has no locations to compare with: the record keeps what it has.
fn location<'a>(account: Option<&str>, ground: &Ground<'a>, actual: &'a Actual) -> Option<(&'a str, Provenance)> {
    let held = ground.get(Field::Location);
    match account.and_then(|name| actual.account(name)) {
        None => held,
        Some(account) => {
            let main = account.locations.first().map(|main| (main.as_str(), Provenance::Default));
            held.filter(|(held, _)| account.locations.iter().any(|location| location == held)).or(main)
        }
    }
}
