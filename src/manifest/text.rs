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
const LINE_CHARS: usize = 4_000;

/// A file's text.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub file: u32,
    pub text: &'a str,
    /// Where each line starts, in bytes.
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
        let breaks = text.bytes().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            b'\r' => text.as_bytes().get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        let starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { file, text, starts }
    }

    fn checked(self) -> Result<Self, (Self, Problem)> {
        let Some((at, character)) = self.text.char_indices().find(|(_, character)| !is_yaml(*character)) else {
            return Ok(self);
        };
        let message = format!("control character U+{:04X}", u32::from(character));
        let problem = Problem::new(self.span_at(at), Code::ControlCharacter, message);
        Err((self, problem.hint("remove it; a manifest is plain text")))
    }

    fn span_at(&self, byte: usize) -> Span {
        let line = self.starts.partition_point(|start| *start <= byte);
        let column = self.text[self.starts[line - 1]..byte].chars().count() + 1;
        let start = Position { line: number(line), column: number(column) };
        Span { file: self.file, start, end: Position { column: start.column.saturating_add(1), ..start } }
    }

    /// The text from the first line after `line` that starts a document, and the number of lines before it.
    pub fn next_document(&self, line: u32) -> Option<(&'a str, u32)> {
        let (index, start) = self.starts.iter().enumerate().skip(line as usize).find(|(_, start)| {
            let rest = &self.text[**start..];
            rest.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
        })?;
        Some((&self.text[*start..], number(index)))
    }

    /// The text of the lines from `first` (from 1) up to, not including, the line after which `next` follows.
    pub fn lines_between(&self, first: u32, next: Option<u32>) -> &'a str {
        let start = self.starts.get((first as usize).saturating_sub(1)).copied().unwrap_or(self.text.len());
        let end = next.and_then(|next| self.starts.get(next as usize).copied()).unwrap_or(self.text.len());
        &self.text[start.min(end)..end]
    }

    /// The line (from 0), without its break; very long ones are cut.
    fn line(&self, index: usize) -> Option<String> {
        let start = *self.starts.get(index)?;
        let end = self.starts.get(index + 1).copied().unwrap_or(self.text.len());
        Some(
            self.text[start..end]
                .chars()
                .take(LINE_CHARS)
                .collect::<String>()
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
        )
    }

    /// The line that a span starts in, as a diagnostic shows it: secrets hidden, escaped, and cut around the span.
    pub fn excerpt(&self, span: Span, syntax: Syntax) -> Option<Excerpt> {
        let index = (span.start.line as usize).checked_sub(1)?;
        let line: Vec<char> = self.line(index)?.chars().collect();
        let from = (span.start.column as usize - 1).min(line.len());
        let to = if span.end.line == span.start.line { span.end.column as usize - 1 } else { line.len() };
        let to = to.clamp(from, line.len());
        let hide = hidden(|line| self.line(line), index, syntax).unwrap_or(line.len()..line.len());
        let first = from.saturating_sub(LEAD_CHARS);
        let last = line.len().min(first + EXCERPT_CHARS);
        let mut out = Excerpt { text: String::new(), start: 0, end: 0 };
        if first > 0 {
            out.text.push('…');
        }
        for at in first..=last {
            if at == from {
                out.start = out.text.len();
            }
            if at == to.min(last) {
                out.end = out.text.len();
            }
            match line.get(at).filter(|_| at < last) {
                Some(_) if hide.contains(&at) => {
                    if at == hide.start.max(first) {
                        out.text.push_str(HIDDEN);
                    }
                }
                Some(character) => push_escaped(&mut out.text, *character),
                None => {}
            }
        }
        if last < line.len() {
            out.text.push('…');
        }
        Some(out)
    }
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
