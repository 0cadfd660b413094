//! The text of one file: checked before it is parsed, cut into lines, quoted in diagnostics. Knows nothing of YAML but
//! its line breaks.

use super::diagnostic::Excerpt;
use super::problem::{Code, Problem};
use super::secret::{HIDDEN, Syntax, hidden};
use super::word::push_escaped;
use super::written::{Position, Span};

/// Largest file that is read.
pub const MAX_FILE_BYTES: usize = 8 * 1024 * 1024;

/// Characters of a line that a diagnostic shows.
const EXCERPT_CHARS: usize = 120;

/// Of these, at most so many before what is underlined.
const LEAD_CHARS: usize = 60;

/// Characters of a line that are looked at for secrets; of a longer line nothing is shown beyond.
const LINE_CHARS: usize = 1_000;

/// Every so many lines the start of a line is remembered: files of only line breaks must not cost eight times their size.
const STRIDE: usize = 128;

/// A file's text.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub file: u32,
    pub content: &'a str,
    /// Where every [`STRIDE`]th line starts, in bytes.
    starts: Vec<usize>,
}

impl<'a> Text<'a> {
    /// Checks bytes. What is not text is a problem at its first wrong byte.
    pub fn new(file: u32, bytes: &'a [u8]) -> Result<Self, (Self, Problem)> {
        if bytes.len() > MAX_FILE_BYTES {
            return Err((Self::of(file, ""), too_large(file)));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::of(file, text.strip_prefix('\u{feff}').unwrap_or(text)).checked(),
            Err(error) => {
                let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
                let text = Self::of(file, valid);
                let problem = Problem::new(text.span_at(valid.len()), Code::NotUtf8, "this is not UTF-8 text");
                Err((text, problem.hint(encoding_hint(bytes))))
            }
        }
    }

    fn of(file: u32, text: &'a str) -> Self {
        let starts = line_starts(text, 0).step_by(STRIDE).collect();
        Self { file, content: text, starts }
    }

    /// Starts of the lines from `index` (from 0) on, in bytes.
    fn starts_from(&self, index: usize) -> impl Iterator<Item = usize> {
        let mark = self.starts.get(index / STRIDE).copied();
        mark.into_iter().flat_map(|mark| line_starts(self.content, mark)).skip(index % STRIDE)
    }

    fn checked(self) -> Result<Self, (Self, Problem)> {
        let Some((at, character)) = self.content.char_indices().find(|(_, character)| !is_yaml(*character)) else {
            return Ok(self);
        };
        let message = format!("control character U+{:04X}", u32::from(character));
        let problem = Problem::new(self.span_at(at), Code::ControlCharacter, message);
        Err((self, problem.hint("remove it; a manifest is plain text")))
    }

    fn span_at(&self, byte: usize) -> Span {
        let before = self.starts.partition_point(|start| *start <= byte).saturating_sub(1) * STRIDE;
        let starts = self.starts_from(before).take_while(|start| *start <= byte).enumerate();
        let (line, start) = starts.last().map_or((1, 0), |(index, start)| (before + index + 1, start));
        let column = self.content[start..byte].chars().count() + 1;
        let start = Position { line: number(line), column: number(column) };
        Span { file: self.file, start, end: Position { column: start.column.saturating_add(1), ..start } }
    }

    /// The text from the first line after `line` (from 1) that starts a document, and the number of lines before it.
    pub fn next_document(&self, line: u32) -> Option<(&'a str, u32)> {
        let starts = self.starts_from(line as usize).enumerate();
        let mut rests = starts.map(|(index, start)| (&self.content[start..], line.saturating_add(number(index))));
        rests.find(|(rest, _)| {
            let after = rest.strip_prefix("---");
            after.is_some_and(|after| after.is_empty() || after.starts_with([' ', '\t', '\r', '\n']))
        })
    }

    /// The text from the line `first` (from 1) on, up to and without the line before which there are `end` lines.
    pub fn lines_between(&self, first: u32, end: Option<u32>) -> &'a str {
        let start_of = |index: usize| self.starts_from(index).next().unwrap_or(self.content.len());
        let start = start_of((first as usize).saturating_sub(1));
        let end = end.map_or(self.content.len(), |end| start_of(end as usize));
        &self.content[start.min(end)..end]
    }

    /// The line (from 0), without its break; very long ones are cut.
    fn line(&self, index: usize) -> Option<String> {
        let mut starts = self.starts_from(index);
        let start = starts.next()?;
        let end = starts.next().unwrap_or(self.content.len());
        let line: String = self.content[start..end].chars().take(LINE_CHARS).collect();
        Some(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The line that a span starts in, as a diagnostic shows it: secrets hidden, escaped, and cut around the span.
    /// From the column `secret` on it holds a secret.
    pub fn excerpt(&self, span: Span, syntax: Syntax, secret: Option<u32>) -> Option<Excerpt> {
        let index = (span.start.line as usize).checked_sub(1)?;
        let line: Vec<char> = self.line(index)?.chars().collect();
        let from = (span.start.column as usize - 1).min(line.len());
        let to = if span.end.line == span.start.line { span.end.column as usize - 1 } else { line.len() };
        let to = to.clamp(from, line.len());
        let hide = hidden(|line| self.line(line), index, syntax).map_or(line.len(), |hide| hide.start);
        let hide = hide.min(secret.map_or(line.len(), |column| column.saturating_sub(1) as usize))..line.len();
        let first = from.saturating_sub(LEAD_CHARS);
        let last = line.len().min(first + EXCERPT_CHARS);
        let mut out = Excerpt { text: String::new(), start: 0, end: 0 };
        if first > 0 {
            out.text.push('…');
        }
        for (at, character) in line.iter().enumerate().take(last).skip(first) {
            let before = out.text.len();
            if !hide.contains(&at) {
                push_escaped(&mut out.text, *character);
            } else if at == hide.start.max(first) {
                out.text.push_str(HIDDEN);
            }
            if at <= from {
                out.start = if hide.contains(&at) { out.text.len().saturating_sub(HIDDEN.len()) } else { before };
            }
            if at < to {
                out.end = out.text.len();
            }
        }
        if from >= last {
            out.start = out.text.len();
        }
        out.end = out.end.max(out.start);
        if last < line.len() {
            out.text.push('…');
        }
        Some(out)
    }
}

/// Starts of lines from one that starts at `from`: after `\n`, `\r\n`, or `\r`.
fn line_starts(text: &str, from: usize) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    let next = move |start: &usize| {
        let broken = start + bytes[*start..].iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
        let is_pair = bytes[broken] == b'\r' && bytes.get(broken + 1) == Some(&b'\n');
        Some(broken + if is_pair { 2 } else { 1 })
    };
    std::iter::successors(Some(from), next)
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The problem of a file that is too large.
pub(super) fn too_large(file: u32) -> Problem {
    let message = format!("larger than {} MiB", MAX_FILE_BYTES / 1024 / 1024);
    let start = Position { line: 1, column: 1 };
    Problem::new(Span { file, start, end: start }, Code::TooLarge, message).hint("split it into several files")
}

fn encoding_hint(bytes: &[u8]) -> &'static str {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        "it looks like UTF-16: save it as UTF-8"
    } else {
        "save the file as UTF-8"
    }
}

/// The characters that YAML allows, without the byte order mark, which belongs at the start only.
const fn is_yaml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}
