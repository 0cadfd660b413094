//! Single values of a page, borrowed from it where that is possible. It knows nothing of users and groups.
//!
//! Types are read strictly: an attribute of another type is an error, never "not set".

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::slice;

use jiff::Timestamp;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, de};

use crate::directory::{Identity, Patch, Removal};
use crate::model::{Id, Text};

/// Objects on one page; Graph itself stops at 999. Small objects would otherwise grow a large page to gigabytes.
pub(super) const MAX_OBJECTS: usize = 50_000;

/// Room for so many is made at once: those of a full page.
const USUAL_OBJECTS: usize = 999;

/// Text, borrowed from the page when it is written there without escapes.
#[derive(Debug)]
pub(super) struct Str<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsText;
        impl<'de> Visitor<'de> for AsText {
            type Value = Str<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(AsText)
    }
}

/// The objects of a page: a list of bounded length.
#[derive(Debug)]
pub(super) struct Objects<T>(pub Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Objects<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsObjects<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for AsObjects<T> {
            type Value = Objects<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of objects")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Objects<T>, A::Error> {
                let mut objects = Vec::with_capacity(USUAL_OBJECTS);
                while let Some(object) = list.next_element()? {
                    if objects.len() == MAX_OBJECTS {
                        return Err(A::Error::custom(format_args!("more than {MAX_OBJECTS} objects")));
                    }
                    objects.push(object);
                }
                Ok(Objects(objects))
            }
        }
        deserializer.deserialize_seq(AsObjects(PhantomData))
    }
}

/// A list that mostly holds one value, and then needs no room of its own.
#[derive(Debug)]
pub(super) enum List<T> {
    /// Nothing, or null.
    Empty,
    /// One value.
    One(T),
    /// More.
    Many(Vec<T>),
}

impl<T> List<T> {
    /// Its values.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::Empty => &[],
            Self::One(value) => slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    fn push(self, value: T) -> Self {
        match self {
            Self::Empty => Self::One(value),
            Self::One(first) => Self::Many(vec![first, value]),
            Self::Many(mut values) => {
                values.push(value);
                Self::Many(values)
            }
        }
    }
}

impl<'de> Deserialize<'de> for List<Cow<'de, str>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(AsList(|Str(text)| text, PhantomData))
    }
}

impl<'de> Deserialize<'de> for List<Identity<'de>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = |text: Option<Str<'de>>| text.map(|Str(text)| text);
        let read = |WrittenIdentity { sign_in_type, issuer, issuer_assigned_id }| Identity {
            sign_in_type: text(sign_in_type),
            issuer: text(issuer),
            issuer_assigned_id: text(issuer_assigned_id),
        };
        deserializer.deserialize_option(AsList(read, PhantomData))
    }
}

/// Reads a list of `W`s, or null.
struct AsList<W, F>(F, PhantomData<W>);

impl<'de, W: Deserialize<'de>, T, F: Fn(W) -> T> Visitor<'de> for AsList<W, F> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_none<E: de::Error>(self) -> Result<List<T>, E> {
        Ok(List::Empty)
    }

    fn visit_unit<E: de::Error>(self) -> Result<List<T>, E> {
        Ok(List::Empty)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<List<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
        let mut values = List::Empty;
        while let Some(value) = list.next_element()? {
            values = values.push((self.0)(value));
        }
        Ok(values)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenIdentity<'a> {
    #[serde(default, borrow)]
    sign_in_type: Option<Str<'a>>,
    #[serde(default, borrow)]
    issuer: Option<Str<'a>>,
    #[serde(default, borrow)]
    issuer_assigned_id: Option<Str<'a>>,
}

/// An object's ID; one that is empty is none.
pub(super) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
    let Str(text) = Str::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Err(D::Error::custom("an ID that is empty"));
    }
    Ok(Id::new(&text))
}

/// What is said of a single value: null clears it.
pub(super) fn patch<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Patch<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map_or(Patch::Clear, Patch::Set))
}

/// What is said of a text.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Patch<Text>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map_or(Patch::Clear, |Str(text)| Patch::Set(Text::from(text))))
}

/// An instant with any offset; text that is none counts as not known, which makes the group the youngest (rule R1).
pub(super) fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Patch<Timestamp>, D::Error> {
    let text: Option<Str<'_>> = Option::deserialize(deserializer)?;
    Ok(text.and_then(|Str(text)| text.trim().parse().ok()).map_or(Patch::Clear, Patch::Set))
}

/// That an object was removed.
#[derive(Debug, Deserialize)]
pub(super) struct Removed {
    /// Whether it can come back.
    #[serde(default = "soft", deserialize_with = "removal")]
    pub reason: Removal,
}

const fn soft() -> Removal {
    Removal::Soft
}

/// An unknown reason is taken for the milder one, which keeps the memberships.
fn removal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Removal, D::Error> {
    match Option::deserialize(deserializer)? {
        Some(Str(reason)) if reason.eq_ignore_ascii_case("deleted") => Ok(Removal::Hard),
        Some(Str(_)) | None => Ok(Removal::Soft),
    }
}
