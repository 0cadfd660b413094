//! A diagnostic: what is wrong, where, and what to do; as JSON and as text. It is complete in itself: the line it shows
//! is in it, with secrets hidden and control characters escaped.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::problem::{Code, Severity};
use super::secret::Syntax;
use super::text::Text;
use super::word::escaped;
use super::written::{Position, Span};
use super::{Content, ManifestFile};

/// Diagnostics that the text shows; the rest is counted.
pub const SHOWN: usize = 100;

/// Something wrong, at a place. Serializes as `validate -o json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file's name as it was given, or the folder's.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// After the last character concerned.
    #[serde(skip)]
    pub end: Position,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, as a stable word.
    pub code: Code,
    /// What is wrong, for a person to read. Never holds a secret.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The line, where there is one.
    #[serde(skip)]
    pub excerpt: Option<Excerpt>,
}

/// A source line as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Escaped, secrets hidden, cut when it is long.
    pub text: String,
    /// What is underlined starts here, in bytes.
    pub start: usize,
    /// And ends here.
    pub end: usize,
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// With ANSI escapes.
    Ansi,
    /// Without.
    Plain,
}

impl Diagnostic {
    /// A diagnostic about a whole file or folder.
    #[must_use]
    pub fn of_file(file: impl Into<String>, code: Code, message: impl Into<String>, hint: Option<&str>) -> Self {
        Self {
            file: file.into(),
            line: 1,
            column: 1,
            end: Position { line: 1, column: 1 },
            severity: code.severity(),
            code,
            message: message.into(),
            hint: hint.map(str::to_owned),
            excerpt: None,
        }
    }

    /// The same at another place, with its line out of these files; they must be free of literal secrets, as files are that
    /// load without errors.
    #[must_use]
    pub fn at(self, line: u32, column: u32, files: &[ManifestFile]) -> Self {
        let (line, column) = (line.max(1), column.max(1));
        let excerpt = files.iter().find(|file| file.name == self.file).and_then(|file| excerpt_of(file, line, column));
        Self { line, column, end: Position { line, column }, excerpt, ..self }
    }

    /// As text, the way rustc does it, without a newline at the end.
    #[must_use]
    pub fn render(&self, color: Color) -> String {
        let Self { file, line, column, end: _, severity, code, message, hint, excerpt } = self;
        let level = match severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let file = escaped(file);
        let mut group = Group::with_title(level.primary_title(message.as_str()).id(code.to_string()));
        group = match excerpt {
            Some(Excerpt { text, start, end }) => {
                let underline = AnnotationKind::Primary.span(*start..*end);
                let snippet = Snippet::source(text.as_str()).line_start(*line as usize).annotation(underline);
                let shown_column = text.get(..*start).map_or(0, |lead| lead.chars().count() + 1);
                if shown_column == *column as usize {
                    group.element(snippet.path(file))
                } else {
                    let origin = Origin::path(file).line(*line as usize).char_column(*column as usize);
                    group.element(origin).element(snippet)
                }
            }
            None => group.element(Origin::path(file)),
        };
        let help = hint.as_ref().map(|hint| Level::HELP.message(hint.as_str()));
        renderer(color).render(&[group.elements(help)])
    }
}

/// A line of a file, underlined from a column to its end.
fn excerpt_of(file: &ManifestFile, line: u32, column: u32) -> Option<Excerpt> {
    let Content::Bytes(bytes) = &file.content else { return None };
    let text = Text::new(0, bytes).ok()?;
    let end = Position { line: line.saturating_add(1), column: 1 };
    text.excerpt(Span { file: 0, start: Position { line, column }, end }, Syntax::Sound, None)
}

fn renderer(color: Color) -> Renderer {
    match color {
        Color::Ansi => Renderer::styled(),
        Color::Plain => Renderer::plain(),
    }
}

/// Diagnostics as text, in their order, the first [`SHOWN`] of them, each with an empty line after it. Ends with how
/// many there are.
#[must_use]
pub fn render_text(diagnostics: &[Diagnostic], color: Color) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(SHOWN) {
        let _ = writeln!(out, "{}\n", diagnostic.render(color));
    }
    if diagnostics.len() > SHOWN {
        let _ = writeln!(out, "and {} more\n", diagnostics.len() - SHOWN);
    }
    if !diagnostics.is_empty() {
        let _ = writeln!(out, "{}", summary(diagnostics));
    }
    out
}

/// How many there are: `2 errors, 1 warning`.
#[must_use]
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let words = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning")];
    let words = words.into_iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> =
        words.map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" })).collect();
    if words.is_empty() { "no problems".to_owned() } else { words.join(", ") }
}

/// Diagnostics as JSON: `{"diagnostics":[…]}`, with a newline at the end.
#[must_use]
pub fn render_json(diagnostics: &[Diagnostic]) -> String {
    let mut out = format!("{:#}", serde_json::json!({ "diagnostics": diagnostics }));
    out.push('\n');
    out
}
