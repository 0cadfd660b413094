//! Single values of a page: what is read leniently and what strictly. It knows nothing of users and groups.
//!
//! Text is read leniently: an unpaired surrogate or a byte that is no UTF-8 becomes U+FFFD, because one odd name must
//! not stop a tenant for good. Types are read strictly: an attribute of another type is an error, never "not set".

use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, de};

use crate::directory::{Identity, Patch};
use crate::model::{Id, Text};

/// Objects on one page; Graph itself stops at 999. Small objects would otherwise grow a large page to gigabytes.
pub(super) const MAX_OBJECTS: usize = 50_000;

/// Room for so many is made at once: those of a full page.
const USUAL_OBJECTS: usize = 999;

/// Text that is repaired rather than refused.
#[derive(Debug)]
pub(super) struct Lossy(pub Text);

impl<'de> Deserialize<'de> for Lossy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsText;
        impl Visitor<'_> for AsText {
            type Value = Lossy;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Lossy, E> {
                Ok(Lossy(Text::new(text)))
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Lossy, E> {
                Ok(Lossy(std::str::from_utf8(bytes).map_or_else(|_| Text::from_utf8_lossy(bytes), Text::new)))
            }
        }
        deserializer.deserialize_bytes(AsText)
    }
}

/// A list of bounded length.
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

/// An object's ID; one that is empty is none.
pub(super) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
    let Lossy(text) = Lossy::deserialize(deserializer)?;
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
    Ok(Option::deserialize(deserializer)?.map_or(Patch::Clear, |Lossy(text)| Patch::Set(text)))
}

/// What is said of a list of texts.
pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Patch<Vec<Text>>, D::Error> {
    let texts: Option<Vec<Lossy>> = Option::deserialize(deserializer)?;
    Ok(texts.map_or(Patch::Clear, |texts| Patch::Set(texts.into_iter().map(|Lossy(text)| text).collect())))
}

/// What is said of a user's ways of signing in.
pub(super) fn identities<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Patch<Vec<Identity>>, D::Error> {
    let written: Option<Vec<WrittenIdentity>> = Option::deserialize(deserializer)?;
    let read = |WrittenIdentity { sign_in_type, issuer, issuer_assigned_id }| Identity {
        sign_in_type: sign_in_type.map(|Lossy(text)| text),
        issuer: issuer.map(|Lossy(text)| text),
        issuer_assigned_id: issuer_assigned_id.map(|Lossy(text)| text),
    };
    Ok(written.map_or(Patch::Clear, |written| Patch::Set(written.into_iter().map(read).collect())))
}

/// An instant with any offset; text that is none counts as not known, which makes the group the youngest (rule R1).
pub(super) fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Patch<Timestamp>, D::Error> {
    let text: Option<Lossy> = Option::deserialize(deserializer)?;
    Ok(text.and_then(|Lossy(text)| text.trim().parse().ok()).map_or(Patch::Clear, Patch::Set))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenIdentity {
    #[serde(default)]
    sign_in_type: Option<Lossy>,
    #[serde(default)]
    issuer: Option<Lossy>,
    #[serde(default)]
    issuer_assigned_id: Option<Lossy>,
}
