//! A value together with the place where it was written. Knows nothing of YAML or of what the value means.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// The name under which a [`Written`] asks its deserializer for the place.
pub(super) const WRITTEN: &str = "$bmsync::Written";

/// A line and a column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

/// A stretch of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Index of the file among those that are loaded.
    pub file: u32,
    /// First character.
    pub start: Position,
    /// After the last character.
    pub end: Position,
}

impl Span {
    pub(super) const fn to_numbers(self) -> [u32; 5] {
        [self.file, self.start.line, self.start.column, self.end.line, self.end.column]
    }

    const fn from_numbers([file, line, column, end_line, end_column]: [u32; 5]) -> Self {
        Self { file, start: Position { line, column }, end: Position { line: end_line, column: end_column } }
    }
}

/// A value as written, and where.
///
/// Read from a manifest it is always there: a value that is missing or wrong has been reported, and is `None` then, so
/// that the rest can still be read and all problems come out at once. Read by any other deserializer it fails as usual.
#[derive(Clone, Debug)]
pub struct Written<T> {
    value: Option<T>,
    /// Where it was written; where it is missing, the place that lacks it.
    pub span: Span,
}

impl<T> Written<T> {
    /// The value, unless it was missing or wrong.
    pub const fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(WRITTEN, WrittenVisitor(PhantomData))
    }
}

struct WrittenVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for WrittenVisitor<T> {
    type Value = Written<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    /// From a manifest: the place, then the value unless it is missing.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let span = seq.next_element()?.map(Span::from_numbers).unwrap_or_default();
        let value = seq.next_element().unwrap_or_default();
        Ok(Written { value, span })
    }

    /// From any other deserializer, which knows no places.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Ok(Written { value: Some(T::deserialize(deserializer)?), span: Span::default() })
    }
}

/// The place does not show in a schema.
impl<T: JsonSchema> JsonSchema for Written<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
