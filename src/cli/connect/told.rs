//! How the end of a sign-in is told, whether it was made here or by a server.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

use crate::cli::args::Format;
use crate::cli::error::{Error, Exit};
use crate::cli::output::Output;
use crate::display::safe;
use crate::report::palette::{Palette, Tone};
use crate::source::SourceError;

/// Why nobody was let in.
pub fn cannot(tenant: &str, error: &SourceError) -> Error {
    let told = Error::new(format!("cannot sign in to tenant `{tenant}`")).because(error);
    match &error.hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// The same of a sign-in that ended elsewhere.
pub fn failed(tenant: &str, message: String, hint: Option<String>) -> Error {
    let told = Error { causes: vec![message], ..Error::new(format!("cannot sign in to tenant `{tenant}`")) };
    match hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// Somebody who was let in, as JSON has it.
#[derive(Debug, Deserialize)]
struct Told {
    tenant: String,
    application: String,
    account: Option<String>,
    kept: bool,
    permissions: Vec<Permission>,
}

#[derive(Debug, Deserialize)]
struct Permission {
    name: String,
    gives: String,
    needed: bool,
    found: String,
    message: Option<String>,
}

/// Tells who was let in and what can be read; fails when directories cannot.
///
/// # Errors
/// When the document is none, or stdout cannot be written.
pub fn welcome(document: &Value, format: Format, output: &Output) -> Result<Exit, Error> {
    let told =
        Told::deserialize(document).map_err(|error| Error::new("cannot read what came of it").because(&error))?;
    match format {
        Format::Json => output.data(format!("{document:#}\n"))?,
        Format::Text | Format::Markdown | Format::Yaml | Format::Csv => output.data(told.text(output.palette()))?,
    }
    let lacks = told.permissions.iter().any(|one| one.needed && !one.is_there());
    if let Some(advice) = told.advice() {
        output.warn(safe(&advice));
    }
    Ok(if lacks || !told.kept { Exit::Failed } else { Exit::Done })
}

impl Permission {
    fn is_there(&self) -> bool {
        self.found == "readable"
    }

    fn line(&self, palette: Palette) -> String {
        let Self { name, gives, needed: _, found, message } = self;
        let (sign, end) = match (found.as_str(), message) {
            ("readable", _) => (palette.paint(Tone::Good, "✓"), String::new()),
            ("denied", _) => (palette.paint(Tone::Bad, "✗"), ": not granted".to_owned()),
            (_, message) => {
                let why = message.as_deref().unwrap_or("not known");
                (palette.paint(Tone::Bad, "?"), format!(": {why}"))
            }
        };
        format!("  {sign} {:<20} {}{}", safe(name), safe(gives), safe(&end))
    }
}

impl Told {
    fn text(&self, palette: Palette) -> String {
        let account = self.account.as_deref().unwrap_or("Somebody");
        let mut text = format!("{} signed in to tenant {}.\n", safe(account), safe(&self.tenant));
        for permission in &self.permissions {
            let _ = writeln!(text, "{}", permission.line(palette));
        }
        if self.kept {
            text.push_str("The sign-in is kept; bmsync reads the tenant with it from now on.\n");
        } else {
            text.push_str(
                "It is not kept, for it cannot read what bmsync needs; the sign-in of before stays in use.\n",
            );
        }
        text
    }

    /// Where what is missing is granted.
    fn advice(&self) -> Option<String> {
        let Self { tenant, application, permissions, .. } = self;
        let missing: Vec<&str> =
            permissions.iter().filter(|one| one.found == "denied").map(|one| one.name.as_str()).collect();
        (!missing.is_empty()).then(|| {
            format!(
                "not granted: {}. Under Entra > App registrations > {application} > API permissions add them (Microsoft Graph, \
                 delegated), let an administrator grant consent there or run `bmsync connect {tenant} --admin-consent`, and \
                 let the account be one that may read the directory",
                missing.join(", ")
            )
        })
    }
}
