//! Records as CSV for spreadsheets, and back without loss.
//!
//! A cell that a spreadsheet would run as a formula (it starts with `=`, `@`, or a `+` or `-` that is no plain phone
//! number) is written with an apostrophe before it; reading takes one away. Cells that already look like that get one
//! more, so that what was written is what is read.

use std::io::{self, Write};

use super::keys::Key;
use crate::model::{Field, Kind, Record, UserKey};

/// Writes records of one kind, with a header.
pub fn write<'a>(kind: Kind, records: impl Iterator<Item = &'a Record>, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = ::csv::Writer::from_writer(out);
    writer.write_record(columns(kind).map(Key::word))?;
    for record in records {
        writer.write_record(columns(kind).map(|key| cell(record, key)))?;
    }
    writer.flush()
}

fn columns(kind: Kind) -> impl Iterator<Item = Key> {
    let first = [Key::Kind, Key::Id, Key::Status].into_iter();
    let last = [
        Key::SourceTenant,
        Key::SourceUser,
        Key::Tickets,
        Key::Invoices,
        Key::ArchivedFromTenant,
        Key::ArchivedFromUser,
    ];
    first.chain(Field::of(kind).iter().copied().map(Key::Field)).chain(last)
}

fn cell(record: &Record, key: Key) -> String {
    let Record { key: identity, status, fields, link, archived_from, references } = record;
    let tenant = |user: &UserKey| guard(&user.tenant.to_string());
    let user = |user: &UserKey| guard(&user.user.to_string());
    let owner = link.as_ref().map(|link| &link.user);
    match key {
        Key::Kind => identity.kind.word().to_owned(),
        Key::Id => identity.id.to_string(),
        Key::Status => status.word().to_owned(),
        Key::Field(Field::PortalAccess) => fields.portal_access().to_string(),
        Key::Field(field) => guard(fields.get(field).unwrap_or_default()),
        Key::SourceTenant => owner.map(tenant).unwrap_or_default(),
        Key::SourceUser => owner.map(user).unwrap_or_default(),
        Key::Tickets => references.tickets.to_string(),
        Key::Invoices => references.invoices.to_string(),
        Key::ArchivedFromTenant => archived_from.as_ref().map(tenant).unwrap_or_default(),
        Key::ArchivedFromUser => archived_from.as_ref().map(user).unwrap_or_default(),
        Key::Name | Key::Locations => String::new(),
    }
}

/// The text as a cell that no spreadsheet runs.
#[must_use]
pub fn guard(text: &str) -> String {
    if is_guarded(text) { format!("'{text}") } else { text.to_owned() }
}

/// The text that a cell stands for.
#[must_use]
pub fn unguard(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_guarded(text) => text,
        Some(_) | None => cell,
    }
}

/// Whether the text, or what is left of it without apostrophes, would be run.
fn is_guarded(text: &str) -> bool {
    let text = text.trim_start_matches('\'');
    match text.as_bytes().first() {
        Some(b'=' | b'@' | b'\t' | b'\r') => true,
        Some(b'+' | b'-') => !text.bytes().skip(1).all(|byte| byte.is_ascii_digit() || b" ()./-".contains(&byte)),
        Some(_) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{guard, unguard};

    #[test]
    fn phones_stay_plain_and_formulas_do_not() {
        assert_eq!(guard("+1 425 555 0109"), "+1 425 555 0109");
        assert_eq!(guard("=1+1"), "'=1+1");
        assert_eq!(guard("+1+cmd|' /C calc'!A0"), "'+1+cmd|' /C calc'!A0");
        assert_eq!(guard("-2+3"), "'-2+3");
        assert_eq!(guard("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(guard("O'Neil"), "O'Neil");
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in ["", "'", "=", "'=x", "''=x", "'x", "+1 2", "'+1 2", "-a", "''-a", "@", "it's"] {
            assert_eq!(unguard(&guard(text)), text, "{text}");
        }
    }
}
