//! What serde asks of a value piece by piece: place and value, key by key, the only key. Knows no kind of manifest.

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::problem::{Code, Problem};
use super::reader::{Reader, Refusal};
use super::tree::Entry;
use super::word::meant;
use super::written::Span;

/// What a [`Written`](super::written::Written) asks for.
pub(super) struct PlaceThenValue<'a> {
    pub span: Option<Span>,
    pub value: Option<Reader<'a>>,
}

impl<'de, 'a: 'de> SeqAccess<'de> for PlaceThenValue<'a> {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refusal> {
        if let Some(span) = self.span.take() {
            return seed.deserialize(SeqDeserializer::new(span.to_numbers().into_iter())).map(Some);
        }
        let Some(reader) = self.value.take() else { return Ok(None) };
        seed.deserialize(reader).map(Some).map_err(|refusal| match refusal {
            Refusal::Reported => Refusal::Reported,
            Refusal::Said(said) => reader.report_said(&said),
        })
    }
}

/// Gives a struct every field that it has, also those that are not there.
pub(super) struct KeyByKey<'a> {
    pub mapping: Reader<'a>,
    pub entries: &'a [Entry],
    /// All field names.
    pub names: &'static [&'static str],
    /// Those that are still to come.
    pub fields: std::slice::Iter<'static, &'static str>,
    pub value: Option<&'static str>,
}

impl<'de, 'a: 'de> MapAccess<'de> for KeyByKey<'a> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        self.value = self.fields.next().copied();
        self.value.map(|field| seed.deserialize(StrDeserializer::new(field))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        let field = self.value.take().unwrap_or_default();
        match self.entry(field) {
            Some(entry) => seed.deserialize(self.mapping.of_entry(entry, field)),
            None => seed.deserialize(Absent { mapping: self.mapping, field }),
        }
    }
}

impl<'a> KeyByKey<'a> {
    /// The entry of a field; where there is none, the mistyped one that was meant, so that one mistake gives one
    /// diagnostic.
    fn entry(&self, field: &str) -> Option<&'a Entry> {
        let is_meant = |entry: &&Entry| {
            !self.names.contains(&entry.key.as_str()) && meant(&entry.key, self.names.iter().copied()) == Some(field)
        };
        self.entries.iter().find(|entry| entry.key == field).or_else(|| self.entries.iter().find(is_meant))
    }
}

/// Gives a map every entry that there is.
pub(super) struct EntryByEntry<'a> {
    pub mapping: Reader<'a>,
    /// Those that are still to come.
    pub entries: std::slice::Iter<'a, Entry>,
    pub value: Option<&'a Entry>,
}

impl<'de, 'a: 'de> MapAccess<'de> for EntryByEntry<'a> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        self.value = self.entries.next();
        self.value.map(|entry| seed.deserialize(StrDeserializer::new(&entry.key))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        match self.value.take() {
            Some(entry) => seed.deserialize(self.mapping.of_entry(entry, &entry.key)),
            None => Err(Refusal::Reported),
        }
    }
}

/// A field that is not there: fine where it is optional.
struct Absent<'a> {
    mapping: Reader<'a>,
    field: &'static str,
}

impl<'de> Deserializer<'de> for Absent<'_> {
    type Error = Refusal;

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_none()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refusal> {
        let Self { mapping, field } = self;
        let message = format!("{} needs `{field}`", in_backquotes(mapping.name));
        mapping.sink.report(Problem::new(mapping.span(), Code::MissingKey, message));
        visitor.visit_seq(PlaceThenValue { span: Some(mapping.span()), value: None })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refusal> {
        Err(Refusal::Said(format!("needs `{}`", self.field)))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

fn in_backquotes(name: &str) -> String {
    if name == "the document" { name.to_owned() } else { format!("`{name}`") }
}

/// A variant named by the only key of a mapping.
pub(super) struct OneKey<'a>(pub Reader<'a>);

impl<'de, 'a: 'de> EnumAccess<'de> for OneKey<'a> {
    type Error = Refusal;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refusal> {
        Ok((seed.deserialize(StrDeserializer::<Refusal>::new(self.0.name))?, self))
    }
}

impl<'de, 'a: 'de> VariantAccess<'de> for OneKey<'a> {
    type Error = Refusal;

    fn unit_variant(self) -> Result<(), Refusal> {
        Err(Refusal::Said("takes no value".to_owned()))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refusal> {
        seed.deserialize(self.0).map_err(|refusal| match refusal {
            Refusal::Reported => Refusal::Reported,
            Refusal::Said(said) => self.0.report_said(&said),
        })
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Refusal> {
        self.unit_variant().and(Err(Refusal::Reported))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Refusal> {
        self.unit_variant().and(Err(Refusal::Reported))
    }
}
