//! The keys of a row, as they are spelled in CSV headers; in JSON the dotted ones are nested.

use crate::model::Field;

use super::row::RowKind;

/// A key of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Kind,
    Id,
    Status,
    Field(Field),
    Name,
    Locations,
    SourceTenant,
    SourceUser,
    Tickets,
    Invoices,
    ArchivedFromTenant,
    ArchivedFromUser,
}

/// Keys that are objects in JSON.
pub const NESTED: [&str; 3] = ["source", "references", "archivedFrom"];

const OTHERS: [Key; 11] = [
    Key::Kind,
    Key::Id,
    Key::Status,
    Key::Name,
    Key::Locations,
    Key::SourceTenant,
    Key::SourceUser,
    Key::Tickets,
    Key::Invoices,
    Key::ArchivedFromTenant,
    Key::ArchivedFromUser,
];

impl Key {
    fn all() -> impl Iterator<Item = Self> {
        OTHERS.into_iter().chain(Field::ALL.into_iter().map(Self::Field))
    }

    /// As in a CSV header.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Id => "id",
            Self::Status => "status",
            Self::Field(field) => field.word(),
            Self::Name => "name",
            Self::Locations => "locations",
            Self::SourceTenant => "source.tenantId",
            Self::SourceUser => "source.userId",
            Self::Tickets => "references.tickets",
            Self::Invoices => "references.invoices",
            Self::ArchivedFromTenant => "archivedFrom.tenantId",
            Self::ArchivedFromUser => "archivedFrom.userId",
        }
    }

    /// The key of that spelling.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::all().find(|key| key.word() == word)
    }

    /// Whether rows of that kind have it.
    pub fn belongs_to(self, kind: RowKind) -> bool {
        match (self, kind) {
            (Self::Kind | Self::Id, _) => true,
            (Self::Name | Self::Locations, kind) => kind == RowKind::Account,
            (Self::Field(field), RowKind::Person(kind)) => Field::of(kind).contains(&field),
            (Self::Field(_), RowKind::Account) => false,
            (
                Self::Status
                | Self::SourceTenant
                | Self::SourceUser
                | Self::Tickets
                | Self::Invoices
                | Self::ArchivedFromTenant
                | Self::ArchivedFromUser,
                kind,
            ) => kind != RowKind::Account,
        }
    }
}

/// Says that there is no such key, and which one may be meant.
pub fn unknown(word: &str) -> String {
    let shown: String = word.chars().flat_map(char::escape_default).take(80).collect();
    let candidates = Key::all().map(Key::word).chain(NESTED);
    match nearest(word, candidates) {
        Some(near) => format!("there is no key `{shown}`; did you mean `{near}`?"),
        None => format!("there is no key `{shown}`"),
    }
}

/// The candidate that the word may be a slip of.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 80 {
        return None;
    }
    let plain = |text: &str| text.chars().filter(|sign| sign.is_alphanumeric()).collect::<String>().to_lowercase();
    let wanted = plain(word);
    let distance = |candidate: &'a str| (strsim::damerau_levenshtein(&wanted, &plain(candidate)), candidate);
    let (edits, near) = candidates.map(distance).min()?;
    (edits <= wanted.chars().count() / 3).then_some(near)
}
