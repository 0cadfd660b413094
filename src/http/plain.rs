//! Text of a stranger, made short enough and harmless enough to stand in an error. It knows nothing of errors.

/// Text of a stranger, fit to be shown: one line, no control characters, at most `limit` characters.
#[must_use]
pub fn plain(text: &str, limit: usize) -> String {
    let mut words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    let mut line = String::new();
    let mut length = 0;
    for word in &mut words {
        let space = usize::from(!line.is_empty());
        if space == 1 {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| !is_invisible(*c)).take(limit.saturating_sub(length + space)));
        length += space + word.chars().count();
        if length > limit {
            line.push('…');
            break;
        }
    }
    line
}

/// Characters that turn or hide the text around them.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_strangers_text_becomes_one_short_line() {
        assert_eq!(plain("AADSTS1: no.\r\nTrace \u{1b}[31mID\u{202e}: x", 80), "AADSTS1: no. Trace [31mID: x");
        assert_eq!(plain("aaaa bbbb cccc", 7), "aaaa bb…");
        assert_eq!(plain(&"x".repeat(9000), 10), format!("{}…", "x".repeat(10)));
        assert_eq!(plain("  ", 5), "");
    }
}
