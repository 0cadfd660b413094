//! What a directory is made of: object IDs, attributes, members, and whether an object still exists.
//! Knows nothing of HTTP and nothing of who asks.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::generated::Person;
use super::properties::known_name;

/// An object ID. A GUID in Graph's spelling takes sixteen bytes; anything else is kept as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum ObjectId {
    Guid(u128),
    Text(Arc<str>),
}

impl ObjectId {
    pub(super) fn parse(text: &str) -> Self {
        guid(text).map_or_else(|| Self::Text(text.into()), Self::Guid)
    }

    /// Appends the ID as a JSON string.
    pub(super) fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Guid(number) => {
                out.push(b'"');
                out.extend_from_slice(&guid_text(*number));
                out.push(b'"');
            }
            Self::Text(text) => write_text(out, text),
        }
    }
}

impl Display for ObjectId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guid(number) => guid_text(*number).iter().try_for_each(|byte| write!(f, "{}", char::from(*byte))),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Where the four dashes of a GUID stand.
const DASHES: [usize; 4] = [8, 13, 18, 23];

fn guid(text: &str) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    text.bytes().enumerate().try_fold(0_u128, |number, (at, byte)| match byte {
        b'-' if DASHES.contains(&at) => Some(number),
        b'0'..=b'9' if !DASHES.contains(&at) => Some(number << 4 | u128::from(byte - b'0')),
        b'a'..=b'f' if !DASHES.contains(&at) => Some(number << 4 | u128::from(byte - b'a' + 10)),
        _ => None,
    })
}

fn guid_text(number: u128) -> [u8; 36] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let mut nibbles = number.to_be_bytes().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    for (at, place) in text.iter_mut().enumerate() {
        if !DASHES.contains(&at) {
            *place = nibbles.next().map_or(b'0', |nibble| HEX[usize::from(nibble)]);
        }
    }
    text
}

/// A random GUID as text, for request and trace IDs.
pub(super) fn random_guid(rng: &mut fastrand::Rng) -> String {
    ObjectId::Guid(rng.u128(..)).to_string()
}

/// Appends a JSON string.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(Value::from(text).to_string().as_bytes());
}

/// An attribute's name; those of the schema cost no allocation.
pub(super) type Name = Cow<'static, str>;

/// Turns a name into one that is cheap to keep.
pub(super) fn name(text: &str) -> Name {
    known_name(text).map_or_else(|| Cow::Owned(text.to_owned()), Cow::Borrowed)
}

/// What is known of an object. A missing name was never set; a `null` was cleared.
#[derive(Clone, Debug)]
pub(super) enum Attributes {
    /// Each value as JSON text, so that serving it is a copy.
    Written(Vec<(Name, Box<str>)>),
    /// Computed when asked for, so that a million people cost next to nothing.
    Generated(Person),
}

impl Attributes {
    pub(super) fn from_map(map: Map<String, Value>) -> Self {
        Self::Written(map.into_iter().map(|(key, value)| (name(&key), value.to_string().into())).collect())
    }

    /// Appends the value of an attribute as JSON; false when it was never set.
    pub(super) fn write_value(&self, name: &str, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Written(pairs) => match pairs.iter().find(|(key, _)| key == name) {
                Some((_, value)) => {
                    out.extend_from_slice(value.as_bytes());
                    true
                }
                None => false,
            },
            Self::Generated(person) => person.write_value(name, out),
        }
    }

    /// The attribute as text, if it is text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.value(name)?.as_str().map(str::to_owned)
    }

    /// The attribute's value; `None` when it was never set.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        let mut out = Vec::new();
        self.write_value(name, &mut out).then(|| serde_json::from_slice(&out).unwrap_or(Value::Null))
    }

    /// All attributes, for the directory file.
    pub(super) fn to_map(&self) -> Map<String, Value> {
        let names: Vec<Name> = match self {
            Self::Written(pairs) => pairs.iter().map(|(key, _)| key.clone()).collect(),
            Self::Generated(_) => Person::ATTRIBUTES.iter().map(|name| Cow::Borrowed(*name)).collect(),
        };
        names.into_iter().filter_map(|name| self.value(&name).map(|value| (name.into_owned(), value))).collect()
    }

    /// Sets what is given and tells which names now have another value.
    pub(super) fn merge(&mut self, patch: Map<String, Value>) -> Vec<Name> {
        let changed: Vec<_> = patch.into_iter().filter(|(key, value)| self.differs(key, value)).collect();
        if changed.is_empty() {
            return Vec::new();
        }
        let mut pairs = self.take_written();
        let mut names = Vec::new();
        for (key, value) in changed {
            let key = name(&key);
            pairs.retain(|(other, _)| *other != key);
            pairs.push((key.clone(), value.to_string().into()));
            names.push(key);
        }
        *self = Self::Written(pairs);
        names
    }

    /// Clearing what was never set changes nothing.
    fn differs(&self, name: &str, value: &Value) -> bool {
        self.value(name).unwrap_or(Value::Null) != *value
    }

    fn take_written(&mut self) -> Vec<(Name, Box<str>)> {
        match self {
            Self::Written(pairs) => std::mem::take(pairs),
            Self::Generated(_) => {
                self.to_map().iter().map(|(key, value)| (name(key), value.to_string().into())).collect()
            }
        }
    }
}

/// Whether an object still exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Live,
    /// In the recycle bin: it can be restored.
    SoftDeleted,
    /// Gone for good; only its ID is remembered.
    Purged,
}

/// A user or a group.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) id: ObjectId,
    pub(super) attributes: Attributes,
    pub(super) presence: Presence,
}

/// An object that only ever occurs as a member: a device, a service principal, a contact.
#[derive(Clone, Debug)]
pub(super) struct Other {
    pub(super) id: ObjectId,
    /// What follows `#microsoft.graph.`.
    pub(super) kind: String,
}

/// A member of a group, by its number in the tenant's table of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Member {
    User(u32),
    Group(u32),
    Other(u32),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        for text in ["84841066-274d-4ec0-a5c1-276be684bdd3", "84841066-274D-4EC0-A5C1-276BE684BDD3", "sam \"x\"", ""] {
            assert_eq!(ObjectId::parse(text).to_string(), text);
            let mut out = Vec::new();
            ObjectId::parse(text).write_json(&mut out);
            assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), json!(text));
        }
    }

    #[test]
    fn merging_tells_what_changed() {
        let Value::Object(map) = json!({ "jobTitle": "Fitter", "mail": null }) else { panic!("a map") };
        let mut attributes = Attributes::from_map(map);
        let Value::Object(patch) = json!({ "jobTitle": "Fitter", "mail": "a@b.example", "department": null }) else {
            panic!("a map")
        };
        assert_eq!(attributes.merge(patch), ["mail"]);
        assert_eq!(attributes.text("mail").as_deref(), Some("a@b.example"));
        assert_eq!(attributes.value("department"), None);
    }
}
