//! The whole state as JSON Lines: accounts, employees, contacts, each by ID, so equal states give equal bytes.

use std::io::{self, Write};

use super::record::{account, record};
use crate::actual::Actual;

/// Writes everything, a line each, with all keys. What a link has seen is not part of it.
pub fn write(actual: &Actual, out: &mut dyn Write) -> io::Result<()> {
    for found in actual.sorted_accounts() {
        writeln!(out, "{}", account(found))?;
    }
    for found in actual.sorted_records() {
        writeln!(out, "{}", record(found))?;
    }
    Ok(())
}
