//! Text from outside, made fit to be seen: no control character, direction override, endless name or foreign letter that
//! looks like a Latin one reaches a reader.
//!
//! Pure; knows nothing of what the text means. Everything that is printed for people passes through here, data formats
//! (JSON, YAML, CSV) do not.

use std::borrow::Cow;
use std::fmt::Write as _;

mod lookalike;

use lookalike::Words;

/// Longer texts are cut: a name of 64 kB says nothing that its first line does not.
pub const MAX_CHARS: usize = 400;

/// The text with everything invisible or misleading written as a visible escape, on one line and of bounded length.
///
/// Letters of other scripts are misleading where they stand in one word with Latin ones: `аdele` with a Cyrillic а.
#[must_use]
pub fn safe(text: &str) -> Cow<'_, str> {
    let words = Words::of(text);
    if text.len() <= MAX_CHARS && words.are_honest() && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(MAX_CHARS) + 32);
    for (at, char) in text.char_indices().take(MAX_CHARS) {
        if words.pretends(at, char) {
            push_escape(&mut out, char);
        } else {
            push_visible(&mut out, char);
        }
    }
    let chars = text.chars().count();
    if chars > MAX_CHARS {
        let _ = write!(out, "… ({chars} characters)");
    }
    Cow::Owned(out)
}

/// The text in double quotes, as it is shown for a value; nothing is shown as `∅`, so that it differs from `"null"`.
#[must_use]
pub fn quoted(value: Option<&str>) -> Cow<'static, str> {
    value.map_or(Cow::Borrowed("∅"), |text| Cow::Owned(format!("\"{}\"", safe(text).replace('"', "\\\""))))
}

/// A count with a comma between thousands.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 user`, `2 users`.
#[must_use]
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// The text as a Markdown code span, in which nothing is interpreted: no mention, link, image or HTML.
///
/// Not for table cells, where a pipe ends even a code span: use [`prose`] there.
#[must_use]
pub fn code(text: &str) -> String {
    let text = safe(text);
    let fence = "`".repeat(longest_run(&text, '`') + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.trim().is_empty() { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The text as Markdown prose: punctuation is escaped, and mentions, issue numbers and links are broken.
#[must_use]
pub fn prose(text: &str) -> String {
    let text = safe(text);
    let mut out = String::with_capacity(text.len() + 16);
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        push_markdown(&mut out, char);
        if wakes_a_link(before, char, rest.peek().copied()) {
            out.push_str("&#8203;");
        }
        before = char;
    }
    out
}

/// Whether a character may be shown as it is.
fn is_plain(char: char) -> bool {
    !(char.is_control() || is_misleading(char))
}

/// Characters that are not seen, or change how others are seen: line and paragraph separators, marks and overrides of
/// writing direction, zero-width characters, fillers, annotations, tags.
const fn is_misleading(char: char) -> bool {
    matches!(char,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn push_visible(out: &mut String, char: char) {
    match char {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        char if is_plain(char) => out.push(char),
        char => push_escape(out, char),
    }
}

fn push_escape(out: &mut String, char: char) {
    let _ = write!(out, "\\u{{{:x}}}", u32::from(char));
}

fn push_markdown(out: &mut String, char: char) {
    match char {
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '&' => out.push_str("&amp;"),
        '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~' | '$' => {
            out.push('\\');
            out.push(char);
        }
        char => out.push(char),
    }
}

/// Whether GitHub would make something live at this place: `@name`, `#12`, `GH-12`, `scheme://`, `www.`.
fn wakes_a_link(before: char, char: char, after: Option<char>) -> bool {
    match char {
        '@' => !before.is_ascii_alphanumeric(),
        '#' => after.is_some_and(|after| after.is_ascii_digit()),
        '-' => before.eq_ignore_ascii_case(&'h') && after.is_some_and(|after| after.is_ascii_digit()),
        ':' => after == Some('/'),
        'w' | 'W' => after == Some('.'),
        _ => false,
    }
}

fn longest_run(text: &str, wanted: char) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for char in text.chars() {
        run = if char == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}
