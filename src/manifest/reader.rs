//! Reads serde types from a tree and reports everything that is wrong, not only the first thing: what goes wrong inside
//! a [`Written`](super::written::Written) ends there. Knows no kind of manifest.

use std::fmt;

use serde::de::{Deserializer, Error, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::access::{EntryByEntry, KeyByKey, OneKey, PlaceThenValue};
use super::nouns::{COMPLAINT_HINT, SECRET_REFERENCE};
use super::problem::{Code, Problem, Sink};
use super::secret;
use super::tree::{Entry, Node, Value};
use super::word::{meant, one_of, quoted};
use super::written::{Span, WRITTEN};

/// Why a value could not be read.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It has been reported.
    Reported,
    /// It is still to be reported, where the place is known: what is wrong, and perhaps a hint.
    Said(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported => f.write_str("reported"),
            Self::Said(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Refusal {}

impl Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Said(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Said(format!("expected {expected}"))
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub node: &'a Node,
    /// The key that it is the value of.
    pub name: &'a str,
    /// Where that key is.
    place: Span,
    /// Whether the value may hold a secret, and is not repeated in messages then.
    is_secret: bool,
    pub sink: &'a Sink,
}

impl<'a> Reader<'a> {
    /// Reads a whole document.
    pub fn of_document(root: &'a Node, sink: &'a Sink) -> Self {
        let place = match &root.value {
            Value::Map(entries) => entries.first().map_or(root.span, |entry| entry.key_span),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List => root.span,
        };
        Self { node: root, name: "the document", place, is_secret: false, sink }
    }

    /// Reads the value of an entry, as the field of that name.
    pub fn of_entry(self, entry: &'a Entry, name: &'a str) -> Self {
        let Entry { key, key_span, value } = entry;
        let is_secret = self.is_secret || secret::is_secret_key(key) || secret::is_secret_key(name);
        Self { node: value, name, place: *key_span, is_secret, sink: self.sink }
    }

    /// Where to point: at the value, or at its key where the value is a block or nothing.
    pub fn span(self) -> Span {
        match &self.node.value {
            Value::Bool(_) | Value::Number(_) | Value::Text(_) => self.node.span,
            Value::Null | Value::List | Value::Map(_) => self.place,
        }
    }

    fn report(self, problem: Problem) -> Refusal {
        self.sink.report(problem);
        Refusal::Reported
    }

    fn wrong_type(self, expected: &str) -> Refusal {
        let message = format!("`{}` wants {expected}, but this is {}", self.name, self.what());
        let mut problem = Problem::new(self.span(), Code::WrongType, message);
        problem.hint = self.type_hint(expected);
        self.report(problem)
    }

    fn what(self) -> String {
        match (&self.node.value, self.is_secret) {
            (Value::Null, _) => "nothing".to_owned(),
            (Value::Bool(_) | Value::Number(_) | Value::Text(_), true) => "something else".to_owned(),
            (Value::Bool(text), false) => format!("the boolean {}", quoted(text)),
            (Value::Number(text), false) => format!("the number {}", quoted(text)),
            (Value::Text(text), false) => format!("the text {}", quoted(text)),
            (Value::List, _) => "a list".to_owned(),
            (Value::Map(_), _) => "a mapping".to_owned(),
        }
    }

    fn type_hint(self, expected: &str) -> Option<String> {
        match &self.node.value {
            Value::Null => Some("give it a value, or remove the key".to_owned()),
            Value::Bool(text) | Value::Number(text) if expected == TEXT && !self.is_secret => {
                Some(format!("quote it: \"{text}\""))
            }
            Value::Bool(text) if expected == BOOLEAN => Some(format!("write {}", text.to_lowercase())),
            Value::Text(text) if expected == BOOLEAN => spelled_boolean(text).map(|word| format!("write {word}")),
            Value::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => Some("remove the quotes".to_owned()),
            Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List | Value::Map(_) => None,
        }
    }

    fn text(self) -> Result<&'a str, Refusal> {
        match &self.node.value {
            Value::Text(text) => Ok(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List | Value::Map(_) => Err(self.wrong_type(TEXT)),
        }
    }

    /// A whole number, written plainly: no sign, no leading zero, no fraction.
    fn whole(self) -> Result<u64, Refusal> {
        let Value::Number(text) = &self.node.value else { return Err(self.wrong_type(WHOLE)) };
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        text.parse().ok().filter(|_| plain).ok_or_else(|| self.wrong_type(WHOLE))
    }

    /// Reports what a noun said of its text: the message, and the hint after it.
    pub fn report_said(self, said: &str) -> Refusal {
        let (message, hint) = said.split_once(COMPLAINT_HINT).map_or((said, None), |(said, hint)| (said, Some(hint)));
        let mut problem = Problem::new(self.span(), Code::InvalidValue, format!("`{}` {message}", self.name));
        problem.hint = hint.map(str::to_owned);
        self.report(problem)
    }

    fn unknown_key(self, entry: &Entry, fields: &[&str]) {
        let message = if self.is_secret {
            format!("this is not a key that `{}` knows", self.name)
        } else if self.name == "the document" {
            format!("unknown key {}", quoted(&entry.key))
        } else {
            format!("unknown key {} in `{}`", quoted(&entry.key), self.name)
        };
        let hint = match meant(&entry.key, fields.iter().copied()) {
            _ if entry.key == "<<" => "merge keys are not read: repeat the keys".to_owned(),
            Some(key) => format!("did you mean `{key}`?"),
            None if fields.len() == 1 => format!("it holds only {}", one_of(fields)),
            None => format!("it may hold {}", one_of(fields)),
        };
        self.sink.report(Problem::new(entry.key_span, Code::UnknownKey, message).hint(hint));
    }

    fn unknown_word(self, word: &str, words: &[&str]) -> Refusal {
        let message = format!("`{}` must be {}, not {}", self.name, one_of(words), quoted(word));
        let mut problem = Problem::new(self.span(), Code::UnknownWord, message);
        problem.hint = meant(word, words.iter().copied()).map(|word| format!("did you mean `{word}`?"));
        self.report(problem)
    }

    fn literal_secret(self) -> Refusal {
        let name = self.name;
        let message = format!("`{name}` must say where the secret is, never the secret itself");
        let hint = format!(
            "write `{name}: {{ env: NAME }}` or `{name}: {{ file: PATH }}`; if a secret stood here, replace it: the history keeps it"
        );
        self.report(Problem::new(self.span(), Code::LiteralSecret, message).hint(hint))
    }
}

const TEXT: &str = "text";
const BOOLEAN: &str = "true or false";
const WHOLE: &str = "a whole number from 0";
const MAPPING: &str = "a mapping";

fn spelled_boolean(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "y" | "on" | "true" => Some("true"),
        "no" | "n" | "off" | "false" => Some("false"),
        _ => None,
    }
}

impl<'de, 'a: 'de> Deserializer<'de> for Reader<'a> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match &self.node.value {
            Value::Number(_) => visitor.visit_u64(self.whole()?),
            Value::Text(text) => visitor.visit_str(text),
            Value::Bool(_) => Err(self.wrong_type("a number or text")),
            Value::Null | Value::List | Value::Map(_) => Err(self.wrong_type("a value")),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match &self.node.value {
            Value::Bool(text) if text == "true" => visitor.visit_bool(true),
            Value::Bool(text) if text == "false" => visitor.visit_bool(false),
            Value::Bool(_) | Value::Null | Value::Number(_) | Value::Text(_) | Value::List | Value::Map(_) => {
                Err(self.wrong_type(BOOLEAN))
            }
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_u64(self.whole()?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Refusal> {
        if name == WRITTEN {
            visitor.visit_seq(PlaceThenValue { span: Some(self.span()), value: Some(self) })
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let Value::Map(entries) = &self.node.value else { return Err(self.wrong_type(MAPPING)) };
        for entry in entries.iter().filter(|entry| !fields.contains(&entry.key.as_str())) {
            self.unknown_key(entry, fields);
        }
        visitor.visit_map(KeyByKey { mapping: self, entries, names: fields, fields: fields.iter(), value: None })
    }

    /// A mapping whose keys are names of the admin's own.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let Value::Map(entries) = &self.node.value else { return Err(self.wrong_type(MAPPING)) };
        visitor.visit_map(EntryByEntry { mapping: self, entries: entries.iter(), value: None })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        if name == SECRET_REFERENCE {
            return visitor.visit_enum(self.reference(variants)?);
        }
        let word = self.text()?;
        if variants.contains(&word) {
            visitor.visit_enum(word.into_deserializer())
        } else {
            Err(self.unknown_word(word, variants))
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple tuple_struct
        identifier ignored_any
    }
}

impl<'a> Reader<'a> {
    /// A mapping with exactly one of the keys that say where a secret is.
    fn reference(self, keys: &'static [&'static str]) -> Result<OneKey<'a>, Refusal> {
        let Value::Map(entries) = &self.node.value else {
            return Err(match self.node.value {
                Value::Null => self.wrong_type(MAPPING),
                Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List | Value::Map(_) => {
                    self.literal_secret()
                }
            });
        };
        let (known, unknown): (Vec<&Entry>, Vec<&Entry>) =
            entries.iter().partition(|entry| keys.contains(&entry.key.as_str()));
        for entry in &unknown {
            self.unknown_key(entry, keys);
        }
        match known[..] {
            [entry] => {
                let name = keys.iter().find(|key| **key == entry.key).copied().unwrap_or_default();
                Ok(OneKey(self.of_entry(entry, name)))
            }
            [] if !unknown.is_empty() => Err(Refusal::Reported),
            [] => Err(self.report_said(&format!("needs {}", one_of(keys)))),
            [..] => Err(self.report_said(&format!("takes {}, not both", one_of(keys)))),
        }
    }
}
