//! Words in messages: quoting what somebody wrote so that it can be shown, and guessing what was meant.

use std::fmt::Write as _;

use super::secret;

/// Longer ones are cut when they are quoted.
const QUOTED_CHARS: usize = 60;

/// Longer ones are not compared: nobody mistypes a word of three, and comparing costs their product.
const COMPARED_BYTES: usize = 64;

/// Whether a character would do something to a terminal or to a reader's eye instead of being seen.
pub(super) const fn is_unprintable(character: char) -> bool {
    matches!(character,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

/// Appends a character, as an escape when it is not printable. A tab becomes a blank.
pub(super) fn push_escaped(out: &mut String, character: char) {
    if character == '\t' {
        out.push(' ');
    } else if is_unprintable(character) {
        let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
    } else {
        out.push(character);
    }
}

/// The text with what is not printable escaped.
pub(super) fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, character| {
        push_escaped(&mut out, character);
        out
    })
}

/// The text in backquotes, escaped and cut; hidden where it looks like a key with a secret behind it.
pub(super) fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(QUOTED_CHARS).collect();
    if shown.lines().any(secret::holds_secret) {
        return format!("`{}`", secret::HIDDEN);
    }
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", escaped(&shown))
}

/// A list of words in backquotes: `a`, `b` or `c`.
pub(super) fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => format!("`{only}`"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|word| format!("`{word}`")).collect();
            format!("{} or `{last}`", first.join(", "))
        }
    }
}

/// The candidate that was probably meant: the same but for case and punctuation, or few letters away.
pub(super) fn meant<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > COMPARED_BYTES {
        return None;
    }
    let word = bare(word);
    let near = candidates.into_iter().filter_map(|candidate| Some((distance(&word, candidate)?, candidate)));
    near.min().map(|(_, candidate)| candidate)
}

/// How many letters away a candidate is, if that is near. Lengths tell most apart, without a look at the letters.
fn distance(word: &str, candidate: &str) -> Option<usize> {
    let (bare, limit) = (bare(candidate), candidate.len() / 3);
    if word.chars().count().abs_diff(bare.chars().count()) > limit {
        return None;
    }
    Some(strsim::osa_distance(word, &bare)).filter(|distance| *distance <= limit)
}

/// Letters and digits alone, in lower case.
pub(super) fn bare(word: &str) -> String {
    if word.is_ascii() {
        let mut bare = word.to_owned();
        bare.retain(|character| character.is_ascii_alphanumeric());
        bare.make_ascii_lowercase();
        bare
    } else {
        word.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_guessed() {
        let keys = ["applicationId", "applicationKey", "domain", "order"];
        assert_eq!(meant("applicationkey", keys), Some("applicationKey"));
        assert_eq!(meant("application_id", keys), Some("applicationId"));
        assert_eq!(meant("ordre", keys), Some("order"));
        assert_eq!(meant("colour", keys), None);
        assert_eq!(meant(&"a".repeat(100_000), keys), None);
    }

    #[test]
    fn hostile_text_is_defused() {
        assert_eq!(quoted("a\u{1b}[31mb\u{202e}c\u{0}"), "`a\\u{1b}[31mb\\u{202e}c\\u{0}`");
        assert_eq!(quoted(&"ä".repeat(61)), format!("`{}…`", "ä".repeat(60)));
        assert_eq!(one_of(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
