//! 64 bits that stand for content that is only watched for changes.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

/// Stands for an attribute's content; 0 where there is none.
pub(super) type Fingerprint = u64;

/// What is hashed in one go: nearly everything.
const ROOM: usize = 256;

/// Fingerprint of parts, each framed by its length; 0 only when there are none.
///
/// It becomes part of digests that are stored, so it never changes: SipHash-1-3 with an empty key. Whoever finds two
/// values that collide hides a change of their own attribute, and nothing else.
pub(super) fn fingerprint<'a>(parts: impl Iterator<Item = &'a [u8]> + Clone) -> Fingerprint {
    let (mut room, mut used) = ([0; ROOM], 0);
    for part in parts.clone() {
        let (start, end) = (used + 8, used + 8 + part.len());
        let Some(place) = room.get_mut(start..end) else { return long(parts) };
        place.copy_from_slice(part);
        room[used..start].copy_from_slice(&length(part));
        used = end;
    }
    if used == 0 { 0 } else { SipHasher13::new().hash(&room[..used]) }
}

/// The same, of any length.
fn long<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Fingerprint {
    let mut hash = SipHasher13::new();
    for part in parts {
        hash.write(&length(part));
        hash.write(part);
    }
    hash.finish()
}

fn length(part: &[u8]) -> [u8; 8] {
    u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[&[u8]]) -> Fingerprint {
        fingerprint(parts.iter().copied())
    }

    #[test]
    fn fingerprints_are_the_same_for_good() {
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[b"Service Desk"]), 0x0de3_1822_ed6c_8655);
        assert_ne!(of(&[b"a", b"bc"]), of(&[b"ab", b"c"]));
    }

    #[test]
    fn long_content_is_hashed_as_short_content_is() {
        for length in [0, 1, 119, 120, 121, 240, 247, 248, 249, 4000] {
            let part = vec![b'x'; length];
            assert_eq!(of(&[&part]), long([part.as_slice()].into_iter()), "{length}");
            assert_eq!(of(&[&part, b"y"]), long([part.as_slice(), b"y"].into_iter()), "{length}");
        }
    }
}
