//! One-time codes from a shared secret and the time (RFC 6238, with HMAC-SHA-1, six digits and thirty seconds, as
//! authenticator apps make them). It knows nothing of signing in.

use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

const STEP_S: u64 = 30;
const DIGITS: usize = 6;

/// The code of that second since 1970; nothing where the secret is not Base32.
pub(super) fn code(secret: &SecretString, second: u64) -> Option<SecretString> {
    let key = base32(secret.expose_secret()).filter(|key| !key.is_empty())?;
    let number = truncated(&key, second / STEP_S) % 10_u32.pow(u32::try_from(DIGITS).ok()?);
    Some(SecretString::from(format!("{number:0DIGITS$}")))
}

/// The dynamic truncation of RFC 4226, 5.3.
fn truncated(key: &[u8], counter: u64) -> u32 {
    let tag = sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, key), &counter.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[bytes.len() - 1] & 0xf);
    let word = [bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]];
    u32::from_be_bytes(word) & 0x7fff_ffff
}

/// Base32 of RFC 4648 as people copy it: any case, with blanks or hyphens, with or without padding.
fn base32(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() * 5 / 8));
    let (mut held, mut bits) = (0_u32, 0_u32);
    for sign in text.trim_end_matches('=').bytes().filter(|sign| !matches!(sign, b' ' | b'-')) {
        let value = match sign.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        held = (held << 5 | u32::from(value)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of appendix B of RFC 6238 for SHA-1.
    const KEY: &[u8] = b"12345678901234567890";

    #[test]
    fn the_vectors_of_the_rfc_come_out() {
        for (second, eight_digits) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            assert_eq!(truncated(KEY, second / STEP_S) % 100_000_000, eight_digits, "{second}");
        }
    }

    #[test]
    fn a_secret_is_read_as_people_copy_it() {
        for secret in ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "gezd gnbv gy3t qojq gezd gnbv gy3t qojq=="] {
            assert_eq!(base32(secret).unwrap().as_slice(), KEY, "{secret}");
            assert_eq!(code(&secret.into(), 59).unwrap().expose_secret(), "287082");
            assert_eq!(code(&secret.into(), 1_111_111_109).unwrap().expose_secret(), "081804", "zeros lead");
        }
        for (plain, text) in
            [("f", "MY"), ("fo", "MZXQ===="), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(text).unwrap().as_slice(), plain.as_bytes());
        }
        for secret in ["", "0189", "ä", "===="] {
            assert!(code(&secret.into(), 59).is_none(), "{secret}");
        }
    }
}
