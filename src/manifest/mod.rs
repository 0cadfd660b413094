//! Manifests: what the admin wrote, and what it means.
//!
//! Bytes go through `text` (checked, cut into lines), `tree` (YAML with places), `reader` (serde types, all problems at
//! once), `documents`, `checks` and `resolve` to a [`Config`]. Only [`folder`] touches a disk.

use std::cell::RefCell;
use std::collections::BTreeMap;

pub mod config;

pub mod folder;

mod text;

mod tree;

mod events;

mod written;

mod secret;

mod word;

mod problem;

mod reader;

mod access;

mod nouns;

mod quantities;

pub mod schema;

mod documents;

mod checks;

mod advice;

mod resolve;

mod digest;

mod diagnostic;

mod json_schema;

pub use diagnostic::{Color, Diagnostic, Excerpt, SHOWN, render_json, render_text, summary};
pub use documents::KINDS;
pub use events::{MAX_DEPTH, MAX_DOCUMENTS, MAX_VALUES};
pub use folder::{load_folder, read_folder};
pub use json_schema::{schema, schemas};
pub use problem::{Code, Severity};
pub use text::MAX_FILE_BYTES;

pub use written::Position;

use config::Config;
use documents::Documents;
use events::{End, Part};
use problem::{Problem, Sink};
use secret::Syntax;
use text::Text;

use written::Span;

/// Problems after which the rest of a file is not looked at.
const MAX_PROBLEMS: usize = 1_000;

/// A file of manifests, or what stands for one: the body of a request.
#[derive(Clone, Debug)]
pub struct ManifestFile {
    /// As diagnostics name it.
    pub name: String,
    /// What is in it.
    pub content: Content,
}

/// What is in a file.
#[derive(Clone, Debug)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// It could not be read, and why.
    Unreadable(String),
}

impl ManifestFile {
    /// A file of these bytes.
    #[must_use]
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), content: Content::Bytes(bytes.into()) }
    }
}

/// What came of loading manifests.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What they declare; `None` when there is an error.
    pub config: Option<Config>,
    /// Everything that is wrong or worth a look, by (file, line, column).
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Whether there is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    pub(crate) fn failed(diagnostic: Diagnostic) -> Self {
        Self { config: None, diagnostics: vec![diagnostic] }
    }
}

/// Reads manifests. Never fails: what is wrong is in the diagnostics. The order of the files does not matter.
#[must_use]
pub fn load(files: &[ManifestFile]) -> Loaded {
    load_from("manifests", files)
}

/// The same, with the name of the place that the files come from, for when there is nothing in them.
pub(crate) fn load_from(place: &str, files: &[ManifestFile]) -> Loaded {
    let mut files: Vec<&ManifestFile> = files.iter().collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let mut loading =
        Loading { files: &files, texts: Vec::new(), documents: Documents::default(), problems: Vec::new() };
    for (index, file) in files.iter().enumerate() {
        loading.read(number(index), file);
    }
    loading.finish(place)
}

/// Files on the way to a configuration.
struct Loading<'a> {
    files: &'a [&'a ManifestFile],
    texts: Vec<Option<Text<'a>>>,
    documents: Documents,
    problems: Vec<Problem>,
}

impl<'a> Loading<'a> {
    fn read(&mut self, index: u32, file: &'a ManifestFile) {
        let sink = Sink::new(MAX_PROBLEMS);
        let text = match &file.content {
            Content::Bytes(bytes) => Some(self.read_bytes(index, bytes, &sink)),
            Content::Unreadable(why) => {
                let message = format!("cannot be read: {why}");
                sink.report(Problem::new(Span { file: index, ..Span::default() }, Code::Unreadable, message));
                self.documents.hides_tenant = true;
                None
            }
        };
        self.texts.push(text);
        if sink.is_full() {
            self.problems.push(too_many(index));
            self.documents.hides_tenant = true;
        }
        self.problems.extend(sink.into_problems());
    }

    fn read_bytes(&mut self, index: u32, bytes: &'a [u8], sink: &Sink) -> Text<'a> {
        match Text::new(index, bytes) {
            Ok(text) => {
                self.read_text(&text, sink);
                text
            }
            Err((text, problem)) => {
                sink.report(problem);
                self.documents.hides_tenant = true;
                text
            }
        }
    }

    /// Reads documents; where one is given up, goes on with the next.
    fn read_text(&mut self, text: &Text<'a>, sink: &Sink) {
        let mut part = Some(Part { file: text.file, text: text.content, lines_before: 0 });
        while let Some(now) = part.take().filter(|_| !sink.is_full()) {
            let documents = RefCell::new(&mut self.documents);
            let end = events::read(now, sink, |root| documents.borrow_mut().add(&root, sink));
            if let End::GivenUp { line } = end {
                let next = text.next_document(line);
                let given_up = text.lines_between(line, next.map(|(_, lines_before)| lines_before));
                self.documents.hides_tenant |= given_up.contains("Tenant");
                self.documents.hides_rule |= given_up.contains("MappingRule");
                self.documents.count += 1;
                part = next.map(|(text, lines_before)| Part { file: now.file, text, lines_before });
            }
        }
    }

    fn finish(mut self, place: &str) -> Loaded {
        if self.documents.count == 0 && self.problems.is_empty() {
            return Loaded::failed(no_documents(place));
        }
        let sink = Sink::new(usize::MAX);
        let locate = |span: Span| format!("{}:{}:{}", self.name(span), span.start.line, span.start.column);
        for check in checks::CHECKS {
            check(&self.documents, &locate, &sink);
        }
        self.problems.extend(sink.into_problems());
        self.problems.sort();
        let secrets = secret_places(&self.problems);
        let diagnostics = self.problems.iter().map(|problem| self.diagnostic(problem, &secrets)).collect();
        let mut loaded = Loaded { config: None, diagnostics };
        if !loaded.has_errors() {
            loaded.config = resolve::resolve(&self.documents);
        }
        loaded
    }

    fn name(&self, span: Span) -> &str {
        self.files.get(span.file as usize).map_or("", |file| &file.name)
    }

    fn diagnostic(&self, problem: &Problem, secrets: &SecretPlaces) -> Diagnostic {
        let Problem { span, code, message, hint } = problem;
        let syntax = if *code == Code::InvalidYaml { Syntax::Broken } else { Syntax::Sound };
        let text = self.texts.get(span.file as usize).and_then(Option::as_ref).filter(|text| !text.content.is_empty());
        Diagnostic {
            line: span.start.line.max(1),
            column: span.start.column.max(1),
            end: span.end,
            excerpt: text
                .and_then(|text| text.excerpt(*span, syntax, secrets.get(&(span.file, span.start.line)).copied())),
            ..Diagnostic::of_file(self.name(*span), *code, message.as_str(), hint.as_deref())
        }
    }
}

/// The column from which a line of a file holds a secret that was found.
type SecretPlaces = BTreeMap<(u32, u32), u32>;

/// The lines of secrets that are written literally: no other diagnostic may quote them either.
fn secret_places(problems: &[Problem]) -> SecretPlaces {
    let literal = problems.iter().filter(|problem| problem.code == Code::LiteralSecret);
    let lines = literal.flat_map(|Problem { span, .. }| {
        let column_in = |line| if line == span.start.line { span.start.column } else { 1 };
        (span.start.line..=span.end.line).take(MAX_PROBLEMS).map(move |line| ((span.file, line), column_in(line)))
    });
    lines.collect()
}

fn too_many(file: u32) -> Problem {
    let message = format!("more than {MAX_PROBLEMS} problems: the rest of this file was not looked at");
    Problem::new(Span { file, ..Span::default() }, Code::TooManyProblems, message)
}

pub(crate) fn no_documents(place: &str) -> Diagnostic {
    let hint = "add *.yaml files, or start with `bmsync init`";
    Diagnostic::of_file(place, Code::NoDocuments, "there is no manifest here", Some(hint))
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
