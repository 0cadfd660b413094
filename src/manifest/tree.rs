//! A YAML document as a small tree in which every value knows its place. Does not know what the values mean.

use std::rc::Rc;

use super::written::Span;

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub span: Span,
    pub value: Value,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    /// As written: `true`, `True`, `TRUE`, ….
    Bool(String),
    /// As written.
    Number(String),
    Text(String),
    List,
    Map(Vec<Entry>),
}

/// A key of a mapping with its value. Keys of one mapping differ.
#[derive(Debug)]
pub(super) struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Rc<Node>,
}

/// What a plain scalar is: the core schema of YAML 1.2.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Value::Bool(text.to_owned()),
        _ if is_number(text) => Value::Number(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    let starts = unsigned.trim_start_matches('.').starts_with(|first: char| first.is_ascii_digit());
    starts && unsigned.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for text in ["42", "-1", "+1", "0.5", ".5", "1e3", "0x1F", "0o17", "007", ".inf", "-.INF", ".nan"] {
            assert!(matches!(plain(text), Value::Number(_)), "{text}");
        }
        for text in
            ["yes", "no", "On", "1_000", "10%", "24h", "1.2.3", "inf", "nan", "infinity", "2026-01-01", "-", "..1"]
        {
            assert!(matches!(plain(text), Value::Text(_)), "{text}");
        }
        for text in ["", "~", "null"] {
            assert!(matches!(plain(text), Value::Null), "{text}");
        }
    }
}
