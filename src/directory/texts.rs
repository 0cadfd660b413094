//! A user's texts in one piece of memory. Knows nothing of what they mean.

use serde::{Deserialize, Serialize};

/// What a processor fetches of memory at once.
const STRETCH: usize = 64;
/// How many there are.
pub(super) const COUNT: usize = 9;

/// Texts by number, each of which may be missing. Equal texts are stored equally.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Texts {
    /// One after the other.
    all: Box<str>,
    /// Where each ends.
    ends: [u32; COUNT],
    /// A bit for each that is there.
    present: u16,
}

impl Texts {
    /// Puts texts together.
    pub fn of(texts: [Option<&str>; COUNT]) -> Self {
        let mut all = String::with_capacity(texts.iter().flatten().map(|text| text.len()).sum());
        let (mut ends, mut present) = ([0; COUNT], 0);
        for (number, text) in texts.iter().enumerate() {
            if let Some(text) = text {
                all.push_str(text);
                present |= 1 << number;
            }
            // Pages are far smaller than 4 GiB; a text beyond that would read as missing.
            ends[number] = u32::try_from(all.len()).unwrap_or(u32::MAX);
        }
        Self { all: all.into_boxed_str(), ends, present }
    }

    /// A look at every stretch of memory that the texts take.
    pub fn glance(&self) -> u64 {
        let all = self.all.as_bytes();
        all.iter().step_by(STRETCH).chain(all.last()).map(|byte| u64::from(*byte)).sum()
    }

    /// The text of that number.
    pub fn get(&self, number: usize) -> Option<&str> {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        let range = start as usize..self.ends[number] as usize;
        if self.present & 1 << number == 0 { None } else { self.all.get(range) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_empty_texts_are_told_apart() {
        let mut texts = [None; COUNT];
        (texts[0], texts[3], texts[8]) = (Some("é"), Some(""), Some("last"));
        let packed = Texts::of(texts);
        assert_eq!(std::array::from_fn(|number| packed.get(number)), texts);
        assert_eq!(Texts::of([None; COUNT]), Texts::default());
    }

    #[test]
    fn texts_that_were_damaged_read_as_missing() {
        let damaged = Texts { all: "é".into(), ends: [1, 7, 0, 2, 2, 2, 2, 2, 2], present: u16::MAX };
        let read: [Option<&str>; COUNT] = std::array::from_fn(|number| damaged.get(number));
        assert_eq!(read, [None, None, None, Some("é"), Some(""), Some(""), Some(""), Some(""), Some("")]);
    }
}
