//! Fields of records and their values, and how text is trimmed and names are compared.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Kind, Text};

/// A field of a record. Closed, so that a new field fails to compile wherever it must be handled.
///
/// The order is that of the record's JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "each variant is the BMS field of that name; the meaning is in docs/reference/records.md"
)]
pub enum Field {
    Account,
    Location,
    Username,
    Email,
    FirstName,
    LastName,
    Phone,
    JobTitle,
    Department,
    Manager,
    EmploymentType,
    EmployeeRole,
    PortalAccess,
    SecurityRole,
}

impl Field {
    /// All fields, in order.
    pub const ALL: [Self; 14] = [
        Self::Account,
        Self::Location,
        Self::Username,
        Self::Email,
        Self::FirstName,
        Self::LastName,
        Self::Phone,
        Self::JobTitle,
        Self::Department,
        Self::Manager,
        Self::EmploymentType,
        Self::EmployeeRole,
        Self::PortalAccess,
        Self::SecurityRole,
    ];

    /// The fields of an employee, in the order of its JSON.
    pub const EMPLOYEE: [Self; 12] = [
        Self::Username,
        Self::Email,
        Self::FirstName,
        Self::LastName,
        Self::Phone,
        Self::JobTitle,
        Self::Department,
        Self::Location,
        Self::Manager,
        Self::EmploymentType,
        Self::EmployeeRole,
        Self::SecurityRole,
    ];

    /// The fields of a contact, in the order of its JSON.
    pub const CONTACT: [Self; 10] = [
        Self::Account,
        Self::Location,
        Self::Email,
        Self::FirstName,
        Self::LastName,
        Self::Phone,
        Self::JobTitle,
        Self::PortalAccess,
        Self::Username,
        Self::SecurityRole,
    ];

    /// The fields that a kind of record has, in the order of its JSON.
    #[must_use]
    pub const fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Employee => &Self::EMPLOYEE,
            Kind::Contact => &Self::CONTACT,
        }
    }

    /// The key in JSON, YAML and CSV.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Location => "location",
            Self::Username => "username",
            Self::Email => "email",
            Self::FirstName => "firstName",
            Self::LastName => "lastName",
            Self::Phone => "phone",
            Self::JobTitle => "jobTitle",
            Self::Department => "department",
            Self::Manager => "manager",
            Self::EmploymentType => "employmentType",
            Self::EmployeeRole => "employeeRole",
            Self::PortalAccess => "portalAccess",
            Self::SecurityRole => "securityRole",
        }
    }

    /// The field of that key.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.word() == word)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The values of a record, by [`Field`]. A value is trimmed and never blank; blank means not set.
///
/// `portalAccess` is held as the text `true` or `false`, so that one comparison serves all fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields([Option<Text>; Field::ALL.len()]);

impl Fields {
    /// The value, unless it is blank.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        self.0[field as usize].as_deref()
    }

    /// Sets a value; blank text clears it.
    pub fn set(&mut self, field: Field, value: Option<&str>) {
        self.0[field as usize] = value.and_then(filled).map(Text::from);
    }

    /// The same with a value set, for building.
    #[must_use]
    pub fn with(mut self, field: Field, value: &str) -> Self {
        self.set(field, Some(value));
        self
    }

    /// The values that are set, in the order of [`Field::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Field, &str)> {
        Field::ALL.into_iter().filter_map(|field| Some((field, self.get(field)?)))
    }

    /// `portalAccess`, false where it is not set.
    #[must_use]
    pub fn portal_access(&self) -> bool {
        self.get(Field::PortalAccess) == Some("true")
    }
}

/// The text without surrounding blanks, unless nothing is left.
#[must_use]
pub fn filled(text: &str) -> Option<&str> {
    let text = trimmed(text);
    (!text.is_empty()).then_some(text)
}

/// The text without surrounding blanks; most has none, which two bytes tell.
fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

/// A name as it is compared: trimmed, in Unicode lower case.
#[must_use]
pub fn folded(name: &str) -> Text {
    let name = trimmed(name);
    if name.is_ascii() {
        let mut name = Text::from(name);
        name.make_ascii_lowercase();
        name
    } else {
        name.chars().flat_map(char::to_lowercase).collect()
    }
}

/// Hands out a name as it is compared; a short one in ASCII, as most are, without an allocation.
pub fn with_folded<T>(name: &str, take: impl FnOnce(&str) -> T) -> T {
    let name = trimmed(name);
    let mut buffer = [0_u8; 96];
    match buffer.get_mut(..name.len()) {
        Some(short) if name.is_ascii() => {
            short.copy_from_slice(name.as_bytes());
            short.make_ascii_lowercase();
            take(std::str::from_utf8(short).unwrap_or_default())
        }
        Some(_) | None => take(&folded(name)),
    }
}

/// Whether two names are the same as names are compared.
#[must_use]
pub fn same_name(a: &str, b: &str) -> bool {
    let (a, b) = (trimmed(a), trimmed(b));
    if a.is_ascii() && b.is_ascii() { a.eq_ignore_ascii_case(b) } else { folded(a) == folded(b) }
}
