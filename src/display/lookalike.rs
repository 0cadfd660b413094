//! Letters that pretend to be Latin ones: which they are, and in which words. Knows nothing of how they are shown.
//!
//! A name in Greek or Cyrillic is honest. A word that mixes such letters with Latin ones is not, and neither is an address:
//! `аdele@contoso.com` with a Cyrillic а is somebody else's mail. A word is what spaces and punctuation leave; an
//! address, known by its `@`, is one word as a whole.

/// The words of a text, as far as they pretend.
pub(super) struct Words {
    /// Where each begins and ends, in bytes, from the left, and what it is.
    pretending: Vec<(usize, usize, Word)>,
}

#[derive(Clone, Copy)]
enum Word {
    Plain,
    Address,
}

impl Words {
    pub(super) fn of(text: &str) -> Self {
        let mut pretending = Vec::new();
        // Nearly all text is ASCII, or has no such letter; that costs nothing.
        if !text.is_ascii() && text.chars().any(|char| Word::Address.bars(char)) {
            for (start, token) in pieces(text, is_gap) {
                if token.contains('@') {
                    pretending.extend(pretender(start, token, Word::Address));
                } else {
                    let words = pieces(token, |char| !char.is_alphanumeric());
                    pretending.extend(words.filter_map(|(at, word)| pretender(start + at, word, Word::Plain)));
                }
            }
        }
        Self { pretending }
    }

    /// Whether none pretends.
    pub(super) const fn are_honest(&self) -> bool {
        self.pretending.is_empty()
    }

    /// Whether the letter at this place is one of those that pretend.
    pub(super) fn pretends(&self, at: usize, char: char) -> bool {
        let next = self.pretending.partition_point(|(_, end, _)| *end <= at);
        self.pretending.get(next).is_some_and(|(start, _, word)| *start <= at && word.bars(char))
    }
}

impl Word {
    /// Whether it may not have this letter beside Latin ones. Names have accents that stand alone, letters of phonetic
    /// alphabets and a dotless i; addresses have not.
    const fn bars(self, char: char) -> bool {
        match self {
            Self::Plain => is_double(char),
            Self::Address => is_double(char) || is_odd_latin(char),
        }
    }
}

const fn is_gap(char: char) -> bool {
    char.is_whitespace() || matches!(char, '"' | '`' | '\'' | ',' | ';' | '(' | ')' | '<' | '>')
}

/// What the separators leave, each with its place.
fn pieces(text: &str, separates: fn(char) -> bool) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    let pieces = text.split_inclusive(separates).map(move |piece| {
        let start = next;
        next += piece.len();
        (start, piece.trim_end_matches(separates))
    });
    pieces.filter(|(_, piece)| !piece.is_empty())
}

fn pretender(start: usize, text: &str, word: Word) -> Option<(usize, usize, Word)> {
    let mixes = text.chars().any(|char| word.bars(char)) && text.chars().any(|char| char.is_ascii_alphabetic());
    mixes.then_some((start, start + text.len(), word))
}

/// Letters of the scripts that have doubles of Latin letters (Greek, Cyrillic, Armenian, Cherokee, Coptic, Lisu), and Latin
/// letters in another dress: letter-like signs, Roman numerals, full width, mathematical.
const fn is_double(char: char) -> bool {
    matches!(char,
        '\u{0370}'..='\u{058f}' | '\u{13a0}'..='\u{13ff}' | '\u{1c80}'..='\u{1c8f}' | '\u{1f00}'..='\u{1fff}'
        | '\u{2100}'..='\u{218b}' | '\u{2c80}'..='\u{2cff}' | '\u{2de0}'..='\u{2dff}' | '\u{a4d0}'..='\u{a4ff}'
        | '\u{a640}'..='\u{a69f}' | '\u{ab70}'..='\u{abbf}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}'
        | '\u{1d400}'..='\u{1d7ff}')
}

/// Dotless i, long s, phonetic letters, modifiers, accents that stand alone.
const fn is_odd_latin(char: char) -> bool {
    matches!(char, '\u{0131}' | '\u{017f}' | '\u{0250}'..='\u{036f}' | '\u{1d00}'..='\u{1dff}' | '\u{ab30}'..='\u{ab6f}')
}
