//! The manifests that a verb works from, with what is wrong in them.

use crate::display::counted;
use crate::manifest::config::{Config, Tenant};
use crate::manifest::{self, Color, Loaded, ManifestFile};
use crate::model::Id;

use super::args::Global;
use super::error::Error;
use super::output::{Loudness, Output};

/// Loads the manifests; what is wrong goes to stderr, warnings only when they are wanted.
///
/// # Errors
/// When they declare nothing that can be worked with.
pub fn load(global: &Global, output: &Output) -> Result<Config, Error> {
    let loaded = manifest::load_folder(&global.manifests);
    tell(&loaded, output);
    loaded.config.ok_or_else(|| useless(global))
}

/// The files of the manifests, to be sent to a server; they are checked as [`load`] does.
///
/// # Errors
/// As [`load`].
pub fn files(global: &Global, output: &Output) -> Result<Vec<ManifestFile>, Error> {
    let unreadable = |diagnostic: Box<manifest::Diagnostic>| {
        output.aside(manifest::render_text(&[*diagnostic], color(output)));
        useless(global)
    };
    let files = manifest::read_folder(&global.manifests).map_err(unreadable)?;
    let loaded = manifest::load_from(&global.manifests.display().to_string(), &files);
    tell(&loaded, output);
    if loaded.config.is_some() { Ok(files) } else { Err(useless(global)) }
}

fn useless(global: &Global) -> Error {
    Error::new(format!("cannot use the manifests in {}", global.manifests.display()))
        .hint("what is wrong is listed above; `bmsync validate` checks again")
}

/// Tells what is wrong with manifests that are about to be used: errors always, warnings in full only when asked for.
fn tell(loaded: &Loaded, output: &Output) {
    let warnings = loaded.diagnostics.len() as u64;
    if loaded.has_errors() || (output.loudness() == Loudness::Verbose && warnings > 0) {
        output.aside(manifest::render_text(&loaded.diagnostics, color(output)));
    } else if warnings > 0 {
        output.note(format!("the manifests have {}; `bmsync validate` shows all", counted(warnings, "warning")));
    }
}

/// How diagnostics are coloured on stderr.
pub fn color(output: &Output) -> Color {
    if output.aside_is_coloured() { Color::Ansi } else { Color::Plain }
}

/// The declared tenant of that name or ID.
///
/// # Errors
/// When there is none; the known names are in the hint.
pub fn tenant<'a>(config: &'a Config, wanted: &str) -> Result<&'a Tenant, Error> {
    let id = Id::new(wanted);
    let found = config.tenants.iter().find(|tenant| tenant.name == wanted || tenant.id == id);
    found.ok_or_else(|| {
        let names: Vec<&str> = config.tenants.iter().map(|tenant| tenant.name.as_str()).collect();
        let known =
            if names.is_empty() { "no tenant is declared".into() } else { format!("there are {}", names.join(", ")) };
        Error::new(format!("no tenant is called `{wanted}`")).hint(known)
    })
}
