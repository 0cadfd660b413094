//! How a value lies on disk: format version, checksum, length, compressed postcard. Knows nothing of what it holds.
//!
//! ```text
//! byte 0      format version
//! bytes 1–8   first 8 bytes of SHA-256 over key, format version, length and compressed bytes
//! bytes 9–12  length before compression, little endian
//! then        zstd of postcard
//! ```

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// The newest format that this program reads, and the one that it writes.
pub const FORMAT: u32 = 1;

const HEAD: usize = 13;
const LEVEL: i32 = 1;
/// No value is larger: what claims to be is damage, and is not given memory.
const LARGEST: usize = 1 << 30;

/// Why a value cannot be read: a fragment that fits after the value's name.
pub type Flaw = &'static str;

/// A value as it is written under its key.
pub fn seal<T: Serialize>(key: &[u8], value: &T) -> Result<Vec<u8>, Flaw> {
    let plain = postcard::to_stdvec(value).map_err(|_| "cannot be encoded")?;
    seal_bytes(key, &plain)
}

/// The same for a value that is already encoded.
pub fn seal_bytes(key: &[u8], plain: &[u8]) -> Result<Vec<u8>, Flaw> {
    let length = u32::try_from(plain.len()).ok().filter(|_| plain.len() <= LARGEST).ok_or("is too large")?;
    let packed = zstd::bulk::compress(plain, LEVEL).map_err(|_| "cannot be compressed")?;
    let mut out = Vec::with_capacity(HEAD + packed.len());
    out.push(version());
    out.extend_from_slice(&checksum(key, length, &packed));
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&packed);
    Ok(out)
}

/// Reads a value back, if it is exactly what was written under that key.
pub fn unseal<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, Flaw> {
    postcard::from_bytes(&unseal_bytes(key, bytes)?).map_err(|_| "cannot be decoded")
}

/// The same for a value that its reader decodes.
pub fn unseal_bytes(key: &[u8], bytes: &[u8]) -> Result<Vec<u8>, Flaw> {
    let (head, packed) = bytes.split_at_checked(HEAD).ok_or("is cut short")?;
    if head[0] != version() {
        return Err("has an unknown format version");
    }
    let length = u32::from_le_bytes([head[9], head[10], head[11], head[12]]);
    if head[1..9] != checksum(key, length, packed) {
        return Err("does not match its checksum");
    }
    let room = usize::try_from(length).ok().filter(|length| *length <= LARGEST).ok_or("is too large")?;
    zstd::bulk::decompress(packed, room).map_err(|_| "cannot be decompressed")
}

/// The checksum inside a sealed value; stands for its content and its key.
#[must_use]
pub fn seal_of(bytes: &[u8]) -> u64 {
    let mut out = [0; 8];
    if let Some(sum) = bytes.get(1..9) {
        out.copy_from_slice(sum);
    }
    u64::from_le_bytes(out)
}

const fn version() -> u8 {
    FORMAT.to_le_bytes()[0]
}

fn checksum(key: &[u8], length: u32, packed: &[u8]) -> [u8; 8] {
    let mut hash = Sha256::new();
    hash.update(key.len().to_le_bytes());
    hash.update(key);
    hash.update([version()]);
    hash.update(length.to_le_bytes());
    hash.update(packed);
    let full = hash.finalize();
    let mut out = [0; 8];
    out.copy_from_slice(&full[..8]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let sealed = seal(b"k", &vec![1_u64, 2, 3]).unwrap();
        assert_eq!(unseal::<Vec<u64>>(b"k", &sealed), Ok(vec![1, 2, 3]));
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal::<Vec<u64>>(b"k", &flipped).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(unseal::<Vec<u64>>(b"k", &sealed[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn a_value_under_another_key_is_seen() {
        let sealed = seal(b"k", &7_u64).unwrap();
        assert_eq!(unseal::<u64>(b"l", &sealed), Err("does not match its checksum"));
    }
}
