//! The values of a record in one piece of memory. Knows which fields there are, nothing of what they mean.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, SeqAccess, Visitor};
use serde::ser::SerializeTuple as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Field, filled};

/// How many fields there are.
const COUNT: usize = Field::ALL.len();

/// The values of a record, by [`Field`]. A value is trimmed and never blank; blank means not set.
///
/// `portalAccess` is held as the text `true` or `false`, so that one comparison serves all fields. It serializes as an
/// optional text for each field, in their order.
#[derive(Clone, PartialEq, Eq)]
pub struct Fields(Packed);

/// Values one after the other, with where each ends. Which of the two it is follows from the length alone, so equal
/// values are equal here.
#[derive(Clone, PartialEq, Eq)]
enum Packed {
    /// Up to 255 bytes of text, as nearly all records have.
    Short { ends: [u8; COUNT], text: Box<str> },
    /// More.
    Long(Box<Long>),
}

#[derive(Clone, PartialEq, Eq)]
struct Long {
    ends: [usize; COUNT],
    text: Box<str>,
}

impl Fields {
    /// The value, unless it is blank.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&str> {
        let at = field as usize;
        let value = match &self.0 {
            Packed::Short { ends, text } => text.get(usize::from(before(ends, at))..usize::from(ends[at])),
            Packed::Long(long) => long.text.get(before(&long.ends, at)..long.ends[at]),
        };
        value.filter(|value| !value.is_empty())
    }

    /// Sets a value; blank text clears it.
    pub fn set(&mut self, field: Field, value: Option<&str>) {
        self.set_all([(field, value)]);
    }

    /// Sets some values at once, which costs hardly more than setting one. Of several for one field the last counts.
    pub fn set_all<'v>(&mut self, values: impl IntoIterator<Item = (Field, Option<&'v str>)>) {
        let mut all: [Option<&str>; COUNT] = Field::ALL.map(|field| self.get(field));
        for (field, value) in values {
            all[field as usize] = value.and_then(filled);
        }
        let mut packer = Packer::with_room(all.iter().flatten().map(|value| value.len()).sum());
        for value in all {
            packer.push(value.unwrap_or_default());
        }
        *self = packer.packed();
    }

    /// The same with a value set, for building.
    #[must_use]
    pub fn with(mut self, field: Field, value: &str) -> Self {
        self.set(field, Some(value));
        self
    }

    /// The values that are set, in the order of [`Field::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Field, &str)> {
        Field::ALL.into_iter().filter_map(|field| Some((field, self.get(field)?)))
    }

    /// `portalAccess`, false where it is not set.
    #[must_use]
    pub fn portal_access(&self) -> bool {
        self.get(Field::PortalAccess) == Some("true")
    }
}

/// Where the value at a place begins.
fn before<T: Copy + Default>(ends: &[T; COUNT], at: usize) -> T {
    at.checked_sub(1).map_or_else(T::default, |at| ends[at])
}

impl Default for Fields {
    fn default() -> Self {
        Self(Packed::Short { ends: [0; COUNT], text: Box::default() })
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Takes one value after the other.
struct Packer {
    ends: [usize; COUNT],
    count: usize,
    text: String,
}

impl Packer {
    fn with_room(bytes: usize) -> Self {
        Self { ends: [0; COUNT], count: 0, text: String::with_capacity(bytes) }
    }

    fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.close();
    }

    /// Ends a value.
    fn close(&mut self) {
        if let Some(end) = self.ends.get_mut(self.count) {
            *end = self.text.len();
        }
        self.count += 1;
    }

    fn packed(self) -> Fields {
        let Self { ends, count: _, text } = self;
        let text = text.into_boxed_str();
        let mut short = [0_u8; COUNT];
        let fits = short.iter_mut().zip(ends).all(|(short, end)| u8::try_from(end).map(|end| *short = end).is_ok());
        Fields(if fits { Packed::Short { ends: short, text } } else { Packed::Long(Box::new(Long { ends, text })) })
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(COUNT)?;
        for field in Field::ALL {
            tuple.serialize_element(&self.get(field))?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(COUNT, Values)
    }
}

/// Reads all values.
struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{COUNT} values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Fields, A::Error> {
        let mut packer = Packer::with_room(usize::from(u8::MAX));
        for at in 0..COUNT {
            if values.next_element_seed(Onto(&mut packer.text))?.is_none() {
                return Err(A::Error::invalid_length(at, &self));
            }
            packer.close();
        }
        Ok(packer.packed())
    }
}

/// Reads an optional text to the end of another.
struct Onto<'t>(&'t mut String);

impl<'de> DeserializeSeed<'de> for Onto<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Onto<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or nothing")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Text;

    /// Every field its own word and more.
    fn long() -> Vec<Option<Text>> {
        Field::ALL.iter().map(|field| Some(Text::from(field.word().repeat(7_000)))).collect()
    }

    fn packed(values: &[Option<Text>]) -> Fields {
        let mut fields = Fields::default();
        fields.set_all(Field::ALL.into_iter().zip(values.iter().map(Option::as_deref)));
        fields
    }

    #[test]
    fn values_of_any_length_come_back() {
        let mut values: Vec<Option<Text>> = vec![None; COUNT];
        values[3] = Some("ada@x.example".into());
        values[13] = Some("Üser".into());
        for values in [vec![None; COUNT], values, long()] {
            let fields = packed(&values);
            let held: Vec<Option<Text>> = Field::ALL.iter().map(|field| fields.get(*field).map(Text::from)).collect();
            assert_eq!(held, values);
        }
    }

    #[test]
    fn equal_values_are_equal_however_they_were_set() {
        let mut fields = packed(&long());
        for field in Field::ALL {
            fields.set(field, Some(" short "));
        }
        let mut others = Fields::default();
        for field in Field::ALL.into_iter().rev() {
            others.set(field, Some("short"));
        }
        assert_eq!(fields, others);
        fields.set_all([(Field::Email, Some("x")), (Field::Email, Some("  ")), (Field::Phone, None)]);
        assert_eq!((fields.get(Field::Email), fields.get(Field::Phone)), (None, None));
        assert_eq!(fields.iter().count(), COUNT - 2);
    }

    #[test]
    fn on_disk_it_is_a_text_or_nothing_for_each_field() {
        let mut values = long();
        values[0] = None;
        let plain: [Option<Text>; COUNT] = values.clone().try_into().unwrap();
        let bytes = postcard::to_stdvec(&plain).unwrap();
        assert_eq!(postcard::to_stdvec(&packed(&values)).unwrap(), bytes);
        assert_eq!(postcard::from_bytes::<Fields>(&bytes).unwrap(), packed(&values));
        assert!(postcard::from_bytes::<Fields>(&bytes[..bytes.len() - 1]).is_err());
    }
}
