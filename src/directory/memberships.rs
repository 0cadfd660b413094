//! What an object is a direct member of.

use serde::{Deserialize, Serialize};

/// Numbers of groups, ascending. Nearly everybody is in few.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<u32>", into = "Vec<u32>")]
pub(super) enum Memberships {
    /// As many as fit here.
    Few {
        /// How many.
        count: u8,
        /// The first of these count.
        numbers: [u32; FEW],
    },
    /// More.
    Many(Vec<u32>),
}

/// So many take no more room than the list does.
const FEW: usize = 3;

impl Memberships {
    /// The numbers.
    pub fn as_slice(&self) -> &[u32] {
        match self {
            Self::Few { count, numbers } => numbers.get(..usize::from(*count)).unwrap_or_default(),
            Self::Many(numbers) => numbers,
        }
    }

    /// Adds a number; false when it was there already.
    pub fn insert(&mut self, number: u32) -> bool {
        let Err(at) = self.as_slice().binary_search(&number) else { return false };
        match self {
            Self::Few { count, numbers } if usize::from(*count) < FEW => {
                numbers.copy_within(at..usize::from(*count), at + 1);
                numbers[at] = number;
                *count += 1;
            }
            Self::Few { count: _, numbers } => {
                let mut many = Vec::with_capacity(2 * FEW);
                many.extend_from_slice(&numbers[..at]);
                many.push(number);
                many.extend_from_slice(&numbers[at..]);
                *self = Self::Many(many);
            }
            Self::Many(numbers) => numbers.insert(at, number),
        }
        true
    }

    /// Takes a number out; false when it was not there.
    pub fn remove(&mut self, number: u32) -> bool {
        let Ok(at) = self.as_slice().binary_search(&number) else { return false };
        match self {
            Self::Few { count, numbers } => {
                numbers.copy_within(at + 1..usize::from(*count), at);
                *count -= 1;
            }
            Self::Many(numbers) => {
                numbers.remove(at);
            }
        }
        true
    }
}

impl Default for Memberships {
    fn default() -> Self {
        Self::Few { count: 0, numbers: [0; FEW] }
    }
}

impl From<Vec<u32>> for Memberships {
    fn from(numbers: Vec<u32>) -> Self {
        let mut groups = Self::default();
        for number in numbers {
            groups.insert(number);
        }
        groups
    }
}

impl From<Memberships> for Vec<u32> {
    fn from(groups: Memberships) -> Self {
        match groups {
            Memberships::Few { .. } => groups.as_slice().to_vec(),
            Memberships::Many(numbers) => numbers,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_are_a_set_in_order_whatever_their_count() {
        let (mut groups, mut set) = (Memberships::default(), BTreeSet::new());
        for step in 0_u32..400 {
            let number = step.wrapping_mul(2_654_435_761) % 11;
            if step % 3 == 0 {
                assert_eq!(groups.remove(number), set.remove(&number));
            } else {
                assert_eq!(groups.insert(number), set.insert(number));
            }
            assert_eq!(groups.as_slice(), set.iter().copied().collect::<Vec<_>>());
        }
    }

    #[test]
    fn few_groups_take_little_room() {
        assert_eq!(size_of::<Memberships>(), size_of::<Vec<u32>>());
    }
}
