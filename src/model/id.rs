//! Object IDs of the directory.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// An object ID of the directory, compared as lower-case text (rule R1).
///
/// A GUID takes 16 bytes; anything else is kept as text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id(Repr);

#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Repr {
    Guid([u8; 16]),
    Text(Box<str>),
}

/// Text for people, its 16 bytes for machines.
impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer).map(Self::from)
        } else {
            Repr::deserialize(deserializer).map(Self)
        }
    }
}

impl Id {
    /// Reads an ID; surrounding blanks and letter case do not count.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text = text.trim();
        guid(text).map_or_else(|| Self(Repr::Text(text.to_lowercase().into())), |guid| Self(Repr::Guid(guid)))
    }

    /// Hands out the text, without an allocation.
    pub fn with_text<T>(&self, take: impl FnOnce(&str) -> T) -> T {
        match &self.0 {
            Repr::Guid(guid) => take(std::str::from_utf8(&write_guid(guid)).unwrap_or_default()),
            Repr::Text(text) => take(text),
        }
    }

    /// The first bytes of the text, as a number that compares as they do: tells most IDs apart without a look at the rest.
    #[must_use]
    pub fn first_bytes(&self) -> u64 {
        let mut first = [0; 8];
        match &self.0 {
            Repr::Guid([a, b, c, d, ..]) => {
                for (digits, byte) in first.chunks_exact_mut(2).zip([a, b, c, d]) {
                    digits.copy_from_slice(&HEX[usize::from(*byte)]);
                }
            }
            Repr::Text(text) => {
                first.iter_mut().zip(text.bytes()).for_each(|(slot, byte)| *slot = byte);
            }
        }
        u64::from_be_bytes(first)
    }

    /// Whether this is a GUID, as tenant and group IDs must be.
    #[must_use]
    pub const fn is_guid(&self) -> bool {
        matches!(self.0, Repr::Guid(_))
    }
}

/// Length of a GUID's text.
const GUID_LENGTH: usize = 36;

/// Writes the 8-4-4-4-12 form.
fn write_guid(guid: &[u8; 16]) -> [u8; GUID_LENGTH] {
    let mut out = [b'-'; GUID_LENGTH];
    let mut at = 0;
    for (slot, byte) in guid.iter().enumerate() {
        at += usize::from(matches!(slot, 4 | 6 | 8 | 10));
        out[at..at + 2].copy_from_slice(&HEX[usize::from(*byte)]);
        at += 2;
    }
    out
}

/// The two digits of each byte.
const HEX: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [[0; 2]; 256];
    let mut byte = 0;
    while byte < hex.len() {
        hex[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    hex
};

/// Parses the 8-4-4-4-12 form.
fn guid(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    if bytes.len() != GUID_LENGTH {
        return None;
    }
    let mut out = [0_u8; 16];
    let mut at = 0;
    for (slot, byte) in out.iter_mut().enumerate() {
        if matches!(slot, 4 | 6 | 8 | 10) {
            if bytes[at] != b'-' {
                return None;
            }
            at += 1;
        }
        *byte = hex_digit(bytes[at])? << 4 | hex_digit(bytes[at + 1])?;
        at += 2;
    }
    Some(out)
}

const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Guid(a), Repr::Guid(b)) => a.cmp(b),
            (Repr::Text(a), Repr::Text(b)) => a.cmp(b),
            (Repr::Guid(_), Repr::Text(_)) | (Repr::Text(_), Repr::Guid(_)) => self.to_string().cmp(&other.to_string()),
        }
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<String> for Id {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.to_string()
    }
}
