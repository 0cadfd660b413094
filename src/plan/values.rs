//! The values that a record has afterwards, each with where it comes from (rules R2, R3, R11).

use std::borrow::Cow;

use crate::actual::Actual;
use crate::desired::Person;
use crate::desired::source::{attribute, email, username};
use crate::model::{Field, Fields, Kind, Record, filled};

use super::Provenance;

/// Values with their provenance, borrowed from wherever they come from. None is blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<'a> {
    values: [Option<Cow<'a, str>>; Field::ALL.len()],
    from: [Provenance; Field::ALL.len()],
}

impl<'a> Sourced<'a> {
    fn empty() -> Self {
        Self { values: [const { None }; Field::ALL.len()], from: [Provenance::Record; Field::ALL.len()] }
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        self.values[field as usize].as_deref()
    }

    /// The value of a field, to be kept.
    #[must_use]
    pub fn kept(&self, field: Field) -> Option<Cow<'a, str>> {
        self.values[field as usize].clone()
    }

    /// Where the value of a field comes from.
    #[must_use]
    pub const fn from(&self, field: Field) -> Provenance {
        self.from[field as usize]
    }

    /// Whether a record of that kind with these values has a login.
    #[must_use]
    pub fn login(&self, kind: Kind) -> bool {
        match kind {
            Kind::Employee => true,
            Kind::Contact => self.get(Field::PortalAccess) == Some("true"),
        }
    }

    fn set(&mut self, field: Field, value: Option<(&'a str, Provenance)>) {
        self.from[field as usize] = value.map_or(Provenance::Record, |(_, from)| from);
        self.values[field as usize] = value.and_then(|(value, _)| filled(value)).map(Cow::Borrowed);
    }

    fn clear(&mut self, field: Field, from: Provenance) {
        self.values[field as usize] = None;
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
pub fn values<'a>(person: &Person<'a>, ground: &Ground<'a>, actual: &'a Actual, defaults: &'a Fields) -> Sourced<'a> {
    let mut sourced = Sourced::empty();
    let (user, rule) = (person.user, person.rule());
    for &field in Field::of(rule.kind) {
        let ruled = || rule.values.get(field).map(|value| (value, Provenance::Rule));
        let directory = |value| (value, Provenance::Directory);
        match (field, rule.kind) {
            (Field::Username | Field::SecurityRole, Kind::Contact) if !rule.makes_login() => {
                sourced.clear(field, Provenance::Rule);
            }
            (Field::Username, _) => match username(user) {
                None => sourced.set(field, ground.get(field)),
                name @ Some(_) => {
                    sourced.values[field as usize] = name;
                    sourced.from[field as usize] = Provenance::Directory;
                }
            },
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
