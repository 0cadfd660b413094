//! `bmsync validate`: the manifests alone.

use crate::display::counted;
use crate::manifest::{self, Loaded};

use super::args::{Format, Global};
use super::error::{Error, Exit};
use super::manifests::color;
use super::output::Output;

/// Checks and says what is wrong.
pub fn run(global: &Global, output: &Output) -> Result<Exit, Error> {
    let loaded = manifest::load_folder(&global.manifests);
    match global.output {
        Format::Json => output.data(manifest::render_json(&loaded.diagnostics))?,
        Format::Text | Format::Markdown | Format::Yaml | Format::Csv => {
            output.aside(manifest::render_text(&loaded.diagnostics, color(output)));
            output.note(verdict(&loaded));
        }
    }
    Ok(if loaded.has_errors() { Exit::Failed } else { Exit::Done })
}

fn verdict(loaded: &Loaded) -> String {
    match &loaded.config {
        Some(config) => format!(
            "The manifests are valid: {}, {}.",
            counted(config.tenants.len() as u64, "tenant"),
            counted(config.rules.len() as u64, "rule")
        ),
        None => "The manifests are not valid.".into(),
    }
}
