//! What a server finds wrong with manifests, told as `validate` tells it: with the local files' names and lines.

use crate::display::safe;
use crate::manifest::{self, Code, Diagnostic, ManifestFile};
use crate::remote::{Manifests, Remote, RemoteDiagnostic, RemoteError};

use super::super::args::Global;
use super::super::error::Error;
use super::super::manifests::color;
use super::super::output::Output;
use super::cannot;

/// Tells why a server did not plan manifests.
pub fn refused(
    remote: &Remote,
    error: &RemoteError,
    stream: &Manifests,
    files: &[ManifestFile],
    global: &Global,
    output: &Output,
) -> Error {
    let told = error.refused().map(|refused| refused.diagnostics.as_slice()).unwrap_or_default();
    if told.is_empty() {
        return cannot("plan", remote, error);
    }
    let (known, unknown): (Vec<_>, Vec<_>) =
        told.iter().map(|told| placed(told, stream, files)).partition(|(diagnostic, _)| diagnostic.is_some());
    let known: Vec<Diagnostic> = known.into_iter().filter_map(|(known, _)| known).collect();
    output.aside(manifest::render_text(&known, color(output)));
    let causes = unknown.into_iter().map(|(_, text)| text).take(manifest::SHOWN).collect();
    let path = global.manifests.display();
    Error { causes, ..Error::new(format!("{} does not accept the manifests in {path}", remote.address())) }
        .hint("what is wrong is listed above")
}

/// The diagnostic at its place here, if its code is known, and in any case its text.
fn placed(told: &RemoteDiagnostic, stream: &Manifests, files: &[ManifestFile]) -> (Option<Diagnostic>, String) {
    let RemoteDiagnostic { line, column, severity: _, code, message, hint } = told;
    let (file, line) = stream.place(*line).map_or(("", *line), |(file, line)| (file, line));
    let message = safe(message).into_owned();
    let text = format!("{file}:{line}:{column}: {code}: {message}");
    let code = Code::ALL.into_iter().find(|known| known.to_string() == *code);
    let hint = hint.as_deref().map(|hint| safe(hint).into_owned());
    let diagnostic = code.map(|code| {
        let diagnostic = Diagnostic::of_file(file, code, message, hint.as_deref());
        diagnostic.at(line, *column, files)
    });
    (diagnostic, text)
}
