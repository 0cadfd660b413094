//! A key: 32 random bytes that are wiped and never shown, how they are written, and the ID by which one is told from
//! another. Knows nothing of files.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Bytes of a key.
const LENGTH: usize = 32;

/// What grants are sealed with. Its `Debug` shows the ID alone.
pub struct Key {
    bytes: SecretBox<[u8; LENGTH]>,
    id: KeyId,
}

/// Tells keys apart: the first 8 bytes of a SHA-256 over the key. It says nothing of the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyId([u8; 8]);

/// What was read is no key; what it was is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 32 bytes written as 44 characters of base64 or 64 hex digits")]
pub struct NotAKey;

impl Key {
    /// A new one, from the operating system's randomness.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut filled = Ok(());
        let bytes = SecretBox::init_with_mut(|bytes: &mut [u8; LENGTH]| filled = getrandom::fill(bytes));
        filled.map(|()| Self::of(bytes))
    }

    /// Reads one, blanks around it left out.
    ///
    /// # Errors
    /// When it is not 32 bytes in base64 or hex, or all of them are the same: nobody drew that.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let bytes = decode(text.trim())?;
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(NotAKey);
        }
        Ok(Self::of(SecretBox::init_with_mut(|key: &mut [u8; LENGTH]| key.copy_from_slice(&*bytes))))
    }

    fn of(bytes: SecretBox<[u8; LENGTH]>) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"bmsync key id\0");
        hash.update(bytes.expose_secret());
        let full = hash.finalize();
        let mut id = [0; 8];
        id.copy_from_slice(&full[..8]);
        Self { bytes, id: KeyId(id) }
    }

    /// Tells it from others.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// As it is written into a file: base64.
    #[must_use]
    pub fn written(&self) -> SecretString {
        // Exactly as long as it gets, so that no copy is left behind.
        let mut text = Zeroizing::new([0; 44]);
        let length = STANDARD.encode_slice(self.bytes.expose_secret(), &mut *text).unwrap_or_default();
        SecretString::from(std::str::from_utf8(&text[..length]).unwrap_or_default())
    }

    /// The bytes, for the cipher.
    pub(super) fn expose(&self) -> &[u8; LENGTH] {
        self.bytes.expose_secret()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Key({})", self.id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "KeyId({self})")
    }
}

fn decode(text: &str) -> Result<Zeroizing<[u8; LENGTH]>, NotAKey> {
    match text.len() {
        64 => hex(text.as_bytes()),
        43 | 44 => base64(text),
        _other => Err(NotAKey),
    }
}

fn base64(text: &str) -> Result<Zeroizing<[u8; LENGTH]>, NotAKey> {
    let engine = match (text.len(), text.contains(['-', '_'])) {
        (44, _) => &STANDARD,
        (_, true) => &URL_SAFE_NO_PAD,
        (_, false) => &STANDARD_NO_PAD,
    };
    // A decoder may write more than comes out.
    let mut room = Zeroizing::new([0; LENGTH + 4]);
    let length = engine.decode_slice(text, &mut *room).map_err(|_| NotAKey)?;
    let mut bytes = Zeroizing::new([0; LENGTH]);
    bytes.copy_from_slice(room[..length].get(..LENGTH).filter(|_| length == LENGTH).ok_or(NotAKey)?);
    Ok(bytes)
}

fn hex(text: &[u8]) -> Result<Zeroizing<[u8; LENGTH]>, NotAKey> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or(NotAKey);
    let mut bytes = Zeroizing::new([0; LENGTH]);
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
    const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn one_key_in_three_spellings_is_one_key() {
        let key = Key::parse(HEX).unwrap();
        for text in [BASE64, BASE64.trim_end_matches('='), &format!(" {BASE64}\r\n"), &HEX.to_lowercase()] {
            assert_eq!(Key::parse(text).unwrap().id(), key.id(), "{text}");
        }
        assert_eq!(key.written().expose_secret(), BASE64);
        assert_eq!(Key::parse(key.written().expose_secret()).unwrap().id(), key.id());
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        let short = &BASE64[..40];
        let zeros = "0".repeat(64);
        let long = format!("{HEX}00");
        let umlauts = "ä".repeat(32);
        for text in ["", "secret", short, &zeros, &long, &umlauts, &"!".repeat(44), &"g".repeat(64), &"=".repeat(44)] {
            let error = Key::parse(text).unwrap_err();
            assert!(text.is_empty() || !format!("{error} {error:?}").contains(text), "{text}");
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        let key = Key::random().unwrap();
        assert_ne!(key.id(), Key::random().unwrap().id());
        assert_eq!(format!("{key:?}"), format!("Key({})", key.id()));
        assert_eq!(key.id().to_string().len(), 16);
    }
}
