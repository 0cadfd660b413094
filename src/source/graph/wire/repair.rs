//! Repairing the text of a page that is not quite JSON: an unpaired surrogate or a byte that is no UTF-8 becomes U+FFFD,
//! and a bare control character in a text counts as an escaped one. All else stays as it is.

use std::fmt::Write as _;

/// What stands for an unpaired surrogate: one for each byte that it would take.
const UNPAIRED: &str = "\u{fffd}\u{fffd}\u{fffd}";
/// Length of an escaped UTF-16 unit.
const UNIT: usize = 6;

/// The text with everything odd replaced.
pub(super) fn repaired(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (mut rest, mut is_inside) = (&*text, false);
    let mut out = String::with_capacity(text.len());
    while let Some(at) = rest.find(|c: char| c == '"' || is_inside && (c == '\\' || c < ' ')) {
        let (plain, odd) = rest.split_at(at);
        out.push_str(plain);
        let length = match odd.as_bytes()[0] {
            b'"' => {
                is_inside = !is_inside;
                out.push('"');
                1
            }
            b'\\' => escape(odd, &mut out),
            control => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{control:04x}");
                1
            }
        };
        rest = &odd[length..];
    }
    out.push_str(rest);
    out
}

/// Writes the escape that the text starts with; how long it was.
fn escape(text: &str, out: &mut String) -> usize {
    let length = match (surrogate(text), text.get(UNIT..).and_then(surrogate)) {
        (None, _) => 1 + text[1..].chars().next().map_or(0, char::len_utf8),
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 2 * UNIT,
        (Some(_), _) => {
            out.push_str(UNPAIRED);
            return UNIT;
        }
    };
    out.push_str(&text[..length]);
    length
}

/// The surrogate that the text starts with.
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let unit = u16::from_str_radix(digits, 16).ok()?;
    (0xd800..=0xdfff).contains(&unit).then_some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_odd_is_replaced() {
        for (odd, sound) in [
            (r#"{"a":"\\ud83d \"\ud83d\ude00\u00e9é"}"#, r#"{"a":"\\ud83d \"\ud83d\ude00\u00e9é"}"#),
            (
                r#""\ud83d\ud83d\ude00\ude00\uD83D""#,
                "\"\u{fffd}\u{fffd}\u{fffd}\\ud83d\\ude00\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\"",
            ),
            ("{\n\"a\":\"\t\u{1f}\"}\n", "{\n\"a\":\"\\u0009\\u001f\"}\n"),
            (r#""\uzzzz\u+d83\u12""#, r#""\uzzzz\u+d83\u12""#),
            ("\"\\", "\"\\"),
            ("\"\\é\\ud8", "\"\\é\\ud8"),
        ] {
            assert_eq!(repaired(odd.as_bytes()), sound);
        }
        assert_eq!(repaired(b"\"\xff\xe2\x82\""), "\"\u{fffd}\u{fffd}\"");
    }
}
