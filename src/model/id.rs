//! Object IDs of the directory.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// An object ID of the directory, compared as lower-case text (rule R1).
///
/// A GUID takes 16 bytes; anything else is kept as text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id(Repr);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Repr {
    Guid(Guid),
    Text(Box<str>),
}

/// The bytes of a GUID. Aligned, so that an ID is moved as whole words: the processor waits for odd bytes that were
/// written a moment ago.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(align(8))]
struct Guid([u8; 16]);

/// A GUID is a single number to a hash; text is never mistaken for one, because equality decides in the end.
impl Hash for Repr {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Guid(Guid(guid)) => state.write_u128(u128::from_ne_bytes(*guid)),
            Self::Text(text) => text.hash(state),
        }
    }
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
        Self(guid(text).map_or_else(|| odd(text.trim()), Repr::Guid))
    }

    /// Hands out the text, without an allocation.
    pub fn with_text<T>(&self, take: impl FnOnce(&str) -> T) -> T {
        match &self.0 {
            Repr::Guid(guid) => take(std::str::from_utf8(&write_guid(guid)).unwrap_or_default()),
            Repr::Text(text) => take(text),
        }
    }

    /// Hands out the bytes of the text, which costs less.
    pub fn with_bytes<T>(&self, take: impl FnOnce(&[u8]) -> T) -> T {
        match &self.0 {
            Repr::Guid(guid) => take(&write_guid(guid)),
            Repr::Text(text) => take(text.as_bytes()),
        }
    }

    /// The first bytes of the text, as a number that compares as they do: tells most IDs apart without a look at the rest.
    #[must_use]
    pub fn first_bytes(&self) -> u64 {
        let mut first = [0; 8];
        match &self.0 {
            Repr::Guid(Guid([a, b, c, d, ..])) => {
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
fn write_guid(Guid(guid): &Guid) -> [u8; GUID_LENGTH] {
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

/// What is not written as a GUID at once.
fn odd(text: &str) -> Repr {
    guid(text).map_or_else(|| Repr::Text(text.to_lowercase().into()), Repr::Guid)
}

/// Parses the 8-4-4-4-12 form.
fn guid(text: &str) -> Option<Guid> {
    const PAIRS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let text: &[u8; GUID_LENGTH] = text.as_bytes().try_into().ok()?;
    let (mut out, mut all) = ([0; 16], 0);
    for (byte, at) in out.iter_mut().zip(PAIRS) {
        let (high, low) = (WORTH[usize::from(text[at])], WORTH[usize::from(text[at + 1])]);
        all |= high | low;
        *byte = high << 4 | low;
    }
    (all < 16 && [8, 13, 18, 23].iter().all(|at| text[*at] == b'-')).then_some(Guid(out))
}

/// What each byte is worth as a hexadecimal digit; 255 when it is none.
const WORTH: [u8; 256] = {
    let mut worth = [u8::MAX; 256];
    let mut value = 0_u8;
    while value < 16 {
        worth[b"0123456789abcdef"[value as usize] as usize] = value;
        worth[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    worth
};

impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Guid(Guid(a)), Repr::Guid(Guid(b))) => u128::from_be_bytes(*a).cmp(&u128::from_be_bytes(*b)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_one_in_any_case_and_between_blanks() {
        let guid = Id::new("0123ABCD-ef00-4000-8000-0000000000fF");
        assert!(guid.is_guid());
        assert_eq!(guid, Id::new(" 0123abcd-EF00-4000-8000-0000000000ff\n"));
        assert_eq!(guid.to_string(), "0123abcd-ef00-4000-8000-0000000000ff");
    }

    #[test]
    fn what_is_no_guid_stays_text() {
        for text in [
            "0123abcd-ef00-4000-8000-0000000000fg",
            "0123abcd-ef00-4000-80000-000000000ff",
            "0123abcd0ef00-4000-8000-0000000000ff",
            "0123abcd-ef00-4000-8000-0000000000f",
            "0123abcd-ef00-4000-8000-0000000000é",
            "",
        ] {
            assert!(!Id::new(text).is_guid(), "{text}");
            assert_eq!(Id::new(text).to_string(), text);
        }
    }
}
