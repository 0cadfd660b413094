//! From YAML events to trees, one per document: bounded in depth, size and number, whatever the text says. Does not know
//! what the values mean.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use super::problem::{Code, Problem, Sink};
use super::secret;
use super::tree::{Entry, Node, Value, plain};
use super::word::{escaped, quoted};
use super::written::{Position, Span};

/// Deepest nesting that is read.
pub const MAX_DEPTH: usize = 64;

/// Most values in one document, with those that aliases repeat. The largest manifest has about thirty.
pub const MAX_VALUES: usize = 10_000;

/// Most documents in one file, empty ones too. A document that says something has more than 80 bytes, so that no file
/// within its size has more.
pub const MAX_DOCUMENTS: usize = 100_000;

/// The text of one file from some line on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub file: u32,
    pub text: &'a str,
    /// Lines before it.
    pub lines_before: u32,
}

/// What came of reading a part.
#[derive(Debug)]
pub(super) enum End {
    /// Everything was read.
    File,
    /// A document was given up; it starts in this line of the file.
    GivenUp { line: u32 },
}

/// Reads documents one by one and hands each to `each`. Problems go to the sink; when that is full, reading ends.
pub(super) fn read(part: Part<'_>, sink: &Sink, mut each: impl FnMut(Node)) -> End {
    let mut builder = Builder::new(part, sink);
    let mut parser = Parser::new_from_str(part.text);
    while !sink.is_full() {
        match builder.step(&mut parser) {
            Ok(Step::More) => {}
            Ok(Step::Document(node)) => each(node),
            Ok(Step::End) => return End::File,
            Err(problem) => {
                let line = builder.document_line.min(problem.span.start.line);
                sink.report(problem);
                return End::GivenUp { line };
            }
        }
    }
    End::File
}

enum Step {
    More,
    Document(Node),
    End,
}

struct Builder<'a> {
    part: Part<'a>,
    sink: &'a Sink,
    open: Vec<Open>,
    root: Option<Rc<Node>>,
    anchors: HashMap<usize, (Rc<Node>, usize)>,
    values: usize,
    documents: usize,
    document_line: u32,
}

/// A collection that has begun.
struct Open {
    span: Span,
    anchor: usize,
    values_before: usize,
    kind: OpenKind,
}

enum OpenKind {
    List,
    Map { entries: Vec<Entry>, seen: HashMap<String, Span>, key: PendingKey },
}

/// What the next value in a mapping is.
enum PendingKey {
    /// A key.
    Wanted,
    /// The value of this key.
    Given(String, Span),
    /// The value of a key that was refused.
    Refused,
}

impl<'a> Builder<'a> {
    fn new(part: Part<'a>, sink: &'a Sink) -> Self {
        let document_line = part.lines_before + 1;
        let (open, anchors) = (Vec::new(), HashMap::new());
        Self { part, sink, open, root: None, anchors, values: 0, documents: 0, document_line }
    }

    fn step(&mut self, parser: &mut Parser<'a, StrInput<'a>>) -> Result<Step, Problem> {
        let (event, span) = match parser.next_event() {
            None => return Ok(Step::End),
            Some(Err(error)) => return Err(self.invalid_yaml(&error)),
            Some(Ok((event, span))) => (event, self.span(span)),
        };
        match event {
            Event::Nothing | Event::StreamStart => {}
            Event::StreamEnd => return Ok(Step::End),
            Event::DocumentStart(_) => return Ok(self.begin_document(span)),
            Event::DocumentEnd => return Ok(self.end_document()),
            Event::Alias(anchor) => self.alias(anchor, span)?,
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), span);
                self.count(1, span)?;
                self.complete(Node { span, value }, anchor, 1);
            }
            Event::SequenceStart(anchor, tag) => self.begin(OpenKind::List, anchor, tag.as_deref(), span)?,
            Event::MappingStart(anchor, tag) => {
                let kind = OpenKind::Map { entries: Vec::new(), seen: HashMap::new(), key: PendingKey::Wanted };
                self.begin(kind, anchor, tag.as_deref(), span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
        }
        Ok(Step::More)
    }

    fn begin_document(&mut self, span: Span) -> Step {
        self.documents += 1;
        if self.documents > MAX_DOCUMENTS {
            let message = format!("more than {MAX_DOCUMENTS} documents in one file: the rest was not looked at");
            self.sink.report(Problem::new(span, Code::TooManyDocuments, message).hint("split it into several files"));
            return Step::End;
        }
        self.document_line = span.start.line;
        self.open.clear();
        self.anchors.clear();
        self.root = None;
        self.values = 0;
        Step::More
    }

    fn end_document(&mut self) -> Step {
        self.anchors.clear();
        let root = self.root.take().and_then(|node| Rc::try_unwrap(node).ok());
        self.document_line = u32::MAX;
        match root {
            Some(Node { value: Value::Null, .. }) | None => Step::More,
            Some(node) => Step::Document(node),
        }
    }

    fn begin(&mut self, kind: OpenKind, anchor: usize, tag: Option<&Tag>, span: Span) -> Result<(), Problem> {
        self.count(1, span)?;
        if self.open.len() >= MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(Problem::new(span, Code::TooDeep, message).hint("no manifest nests deeper than five"));
        }
        self.refuse_tag(tag, span);
        self.open.push(Open { span, anchor, values_before: self.values, kind });
        Ok(())
    }

    fn end(&mut self) {
        let Some(Open { span, anchor, values_before, kind }) = self.open.pop() else { return };
        let value = match kind {
            OpenKind::List => Value::List,
            OpenKind::Map { entries, .. } => Value::Map(entries),
        };
        self.complete(Node { span, value }, anchor, 1 + self.values - values_before);
    }

    /// A value is complete: it goes where it belongs.
    fn complete(&mut self, node: Node, anchor: usize, values: usize) {
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, (Rc::clone(&node), values));
        }
        self.place(node);
    }

    fn place(&mut self, node: Rc<Node>) {
        let hush = self.is_secret();
        let Some(Open { kind, .. }) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        let OpenKind::Map { entries, seen, key } = kind else { return };
        *key = match std::mem::replace(key, PendingKey::Wanted) {
            PendingKey::Wanted => new_key(&node, seen, hush, self.sink),
            PendingKey::Refused => PendingKey::Wanted,
            PendingKey::Given(key, key_span) => {
                entries.push(Entry { key, key_span, value: node });
                PendingKey::Wanted
            }
        };
    }

    /// Whether we are inside the value of a key that holds secrets.
    fn is_secret(&self) -> bool {
        self.open.iter().any(|open| match &open.kind {
            OpenKind::Map { key: PendingKey::Given(key, _), .. } => secret::is_secret_key(key),
            OpenKind::Map { .. } | OpenKind::List => false,
        })
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Problem> {
        let Some((node, values)) = self.anchors.get(&anchor).map(|(node, values)| (Rc::clone(node), *values)) else {
            return Err(Problem::new(span, Code::InvalidYaml, "this alias is inside the value that it repeats"));
        };
        self.count(values, span)?;
        self.place(node);
        Ok(())
    }

    fn count(&mut self, values: usize, span: Span) -> Result<(), Problem> {
        self.values += values;
        if self.values <= MAX_VALUES {
            return Ok(());
        }
        let message = format!("more than {MAX_VALUES} values in one document, with those that aliases repeat");
        Err(Problem::new(span, Code::TooManyValues, message).hint("separate documents with a line `---`"))
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Value {
        match tag {
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => Value::Text(text.to_owned()),
            None if style == ScalarStyle::Plain => plain(text),
            tag => {
                self.refuse_tag(tag, span);
                Value::Text(text.to_owned())
            }
        }
    }

    fn refuse_tag(&self, tag: Option<&Tag>, span: Span) {
        if tag.is_some() {
            let problem = Problem::new(span, Code::UnsupportedTag, "YAML tags mean nothing here");
            self.sink.report(problem.hint("remove the `!` and the word after it"));
        }
    }

    fn span(&self, span: saphyr_parser::Span) -> Span {
        let position = |mark: saphyr_parser::Marker| Position {
            line: number(mark.line()).saturating_add(self.part.lines_before),
            column: number(mark.col()).saturating_add(1),
        };
        Span { file: self.part.file, start: position(span.start), end: position(span.end) }
    }

    /// The first tab that indents, from this line of the part on: the parser names the value before it.
    fn indenting_tab(&self, from: usize) -> Option<Position> {
        let lines = self.part.text.lines().enumerate().skip(from.saturating_sub(1));
        let mut tabs = lines.filter_map(|(at, line)| {
            let indent = line.len() - line.trim_start().len();
            Some((at + 1, line[..indent].chars().position(|sign| sign == '\t')?))
        });
        tabs.next().map(|(line, column)| Position {
            line: number(line).saturating_add(self.part.lines_before),
            column: number(column).saturating_add(1),
        })
    }

    fn invalid_yaml(&self, error: &saphyr_parser::ScanError) -> Problem {
        let mut span = self.span(saphyr_parser::Span::empty(*error.marker()));
        if let Some(tab) = error.info().contains("tab").then(|| self.indenting_tab(error.marker().line())).flatten() {
            span = Span { start: tab, end: tab, ..span };
        }
        if error.info().contains("recursion limit") {
            return Problem::new(span, Code::TooDeep, format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let mut problem = Problem::new(span, Code::InvalidYaml, format!("this is not YAML: {}", escaped(error.info())));
        problem.hint = yaml_hint(error.info()).map(str::to_owned);
        problem
    }
}

/// What to do about the parser's commonest complaints.
fn yaml_hint(info: &str) -> Option<&'static str> {
    let hints = [
        ("tab", "indent with blanks, not with tabs"),
        ("flow mapping", "a `{` is not closed before this"),
        ("flow sequence", "a `[` is not closed before this"),
        ("escape", "in double quotes a `\\` starts an escape; single quotes take it as it is"),
        ("quoted scalar", "a quote is not closed before this"),
        ("mapping values are not allowed", "indent it like its neighbours, or quote a text that holds `: `"),
        ("simple key expect", "a `:` is missing, or the indentation is wrong"),
        ("unknown anchor", "an alias repeats an anchor of the same document; quote a text that starts with `*`"),
        ("start any token", "quote a text that starts with such a character"),
    ];
    hints.into_iter().find(|(word, _)| info.contains(word)).map(|(_, hint)| hint)
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn new_key(node: &Node, seen: &mut HashMap<String, Span>, hush: bool, sink: &Sink) -> PendingKey {
    let key = match &node.value {
        Value::Text(text) | Value::Number(text) | Value::Bool(text) => text.clone(),
        Value::Null => String::new(),
        Value::List | Value::Map(_) => {
            let problem = Problem::new(node.span, Code::ComplexKey, "a key must be a word, not a list or a mapping");
            sink.report(problem.hint("quote it if it is meant as text"));
            return PendingKey::Refused;
        }
    };
    if let Some(first) = seen.get(&key) {
        let shown = if hush { "a key here".to_owned() } else { format!("key {}", quoted(&key)) };
        let problem = Problem::new(node.span, Code::DuplicateKey, format!("{shown} is given twice"));
        sink.report(problem.hint(format!("the first is in line {}; keep one", first.start.line)));
        return PendingKey::Refused;
    }
    seen.insert(key.clone(), node.span);
    PendingKey::Given(key, node.span)
}
