//! What is different about a record afterwards, packed: a first plan of a million users has twelve million of these.
//!
//! Knows nothing of who is meant. How it is packed is nobody else's business: it is never stored.

use std::fmt;

use super::{Provenance, Slot};

/// One field before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldChange<'a> {
    /// Which.
    pub slot: Slot,
    /// What BMS holds.
    pub before: Option<&'a str>,
    /// What it will hold.
    pub after: Option<&'a str>,
    /// Where the value comes from.
    pub from: Provenance,
}

/// Field changes, in their order, in one piece of text.
///
/// Each is a head and its two values. The head is ASCII: the slot, the provenance, and how long each value is (0 when
/// there is none, else one more than its length) in digits of six bits, the lowest first, each but the last with the
/// seventh bit set.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FieldChanges(Box<str>);

impl FieldChanges {
    /// The changes, in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter(&self.0)
    }

    /// Whether nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a slot holds afterwards, if that is different.
    #[must_use]
    pub fn after(&self, slot: Slot) -> Option<&str> {
        self.iter().find(|change| change.slot == slot)?.after
    }
}

impl fmt::Debug for FieldChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl<'a> FromIterator<FieldChange<'a>> for FieldChanges {
    fn from_iter<I: IntoIterator<Item = FieldChange<'a>>>(changes: I) -> Self {
        // Packed with room to spare first, so that what is kept takes what it needs and not more.
        let mut packed = String::with_capacity(512);
        for change in changes {
            pack(&mut packed, change);
        }
        Self(Box::from(packed.as_str()))
    }
}

impl<'a> IntoIterator for &'a FieldChanges {
    type Item = FieldChange<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Field changes, unpacked one by one.
#[derive(Clone, Debug)]
pub struct Iter<'a>(&'a str);

impl<'a> Iterator for Iter<'a> {
    type Item = FieldChange<'a>;

    fn next(&mut self) -> Option<FieldChange<'a>> {
        let [slot, from, before, after] = self.head()?;
        let (slot, from) = (*Slot::ALL.get(slot)?, *Provenance::ALL.get(from)?);
        Some(FieldChange { slot, before: self.value(before), after: self.value(after), from })
    }
}

impl<'a> Iter<'a> {
    /// The four numbers of a head; most are of one digit each.
    fn head(&mut self) -> Option<[usize; 4]> {
        if let Some(head) = self.0.as_bytes().first_chunk::<4>().map(|head| head.map(usize::from))
            && head.iter().fold(0, |all, digit| all | digit) & MORE == 0
        {
            self.0 = self.0.get(head.len()..)?;
            return Some(head);
        }
        Some([self.number()?, self.number()?, self.number()?, self.number()?])
    }

    fn number(&mut self) -> Option<usize> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let digit = usize::from(*self.0.as_bytes().first()?);
            self.0 = self.0.get(1..)?;
            number |= (digit & DIGIT) << shift;
            if digit & MORE == 0 {
                return Some(number);
            }
            shift += DIGIT_BITS;
        }
    }

    fn value(&mut self, length: usize) -> Option<&'a str> {
        let (value, rest) = self.0.split_at_checked(length.checked_sub(1)?)?;
        self.0 = rest;
        Some(value)
    }
}

const DIGIT_BITS: u32 = 6;
const DIGIT: usize = (1 << DIGIT_BITS) - 1;
const MORE: usize = 1 << DIGIT_BITS;

fn pack(packed: &mut String, FieldChange { slot, before, after, from }: FieldChange<'_>) {
    let length = |value: Option<&str>| value.map_or(0, |value| value.len() + 1);
    for number in [slot.number(), from as usize, length(before), length(after)] {
        push(packed, number);
    }
    packed.push_str(before.unwrap_or_default());
    packed.push_str(after.unwrap_or_default());
}

fn push(packed: &mut String, mut number: usize) {
    let ascii = |digit: usize| char::from(u8::try_from(digit).unwrap_or_default());
    while number > DIGIT {
        packed.push(ascii(number & DIGIT | MORE));
        number >>= DIGIT_BITS;
    }
    packed.push(ascii(number));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out_as_it_was() {
        let long = "ü".repeat(70_000);
        let values = [None, Some(""), Some("a"), Some(&"b".repeat(62)), Some(&"c".repeat(63)), Some(long.as_str())]
            .map(|value| value.map(str::to_owned));
        let mut changes = Vec::new();
        for (at, before) in values.iter().enumerate() {
            for after in &values {
                let slot = Slot::ALL[changes.len() % Slot::ALL.len()];
                let from = Provenance::ALL[at % Provenance::ALL.len()];
                changes.push(FieldChange { slot, before: before.as_deref(), after: after.as_deref(), from });
            }
        }
        let packed: FieldChanges = changes.iter().copied().collect();
        assert_eq!(packed.iter().collect::<Vec<_>>(), changes);
        assert_eq!(packed.after(changes[2].slot), Some("a"));
        assert!(FieldChanges::default().is_empty() && !packed.is_empty());
    }

    #[test]
    fn a_length_whose_digits_all_say_that_more_follows_is_one() {
        let long = "x".repeat(4095);
        let change =
            FieldChange { slot: Slot::ALL[0], before: Some(&long), after: Some(&long), from: Provenance::ALL[0] };
        let packed: FieldChanges = std::iter::once(change).collect();
        assert_eq!(packed.iter().collect::<Vec<_>>(), [change]);
    }

    #[test]
    fn provenances_and_slots_are_numbered_in_their_order() {
        assert!(Provenance::ALL.iter().enumerate().all(|(at, from)| *from as usize == at));
        assert!(Slot::ALL.iter().enumerate().all(|(at, slot)| slot.number() == at));
    }
}
