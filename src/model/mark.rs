//! Marks of names: 64 bits that stand for a username or an email as it is compared, and who claims which.
//!
//! Nearly all names are wanted once, so a mark is enough to see that; where marks agree, names must be compared.

use std::hash::BuildHasher as _;

use foldhash::quality::RandomState;

use super::{Field, with_folded};

/// Stands for a name. The same name has the same mark; another one hardly ever does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(u64);

/// Gives marks. Its key is another one each time, so that nobody can choose names whose marks agree: nothing may follow
/// from marks but where to look closer.
#[derive(Clone, Debug, Default)]
pub struct Marks(RandomState);

impl Marks {
    /// The mark of a value of the username or the email; the two do not meet.
    #[must_use]
    pub fn of(&self, field: Field, name: &str) -> Mark {
        let salt = if field == Field::Username { 0x9e37_79b9_7f4a_7c15 } else { 0 };
        Mark(with_folded(name, |name| self.0.hash_one(name.as_bytes())) ^ salt)
    }
}

/// Who claims a name of which mark. Claimants are numbered; who claims a mark twice counts once.
#[derive(Clone, Debug, Default)]
pub struct Claims(Vec<(Mark, u32)>);

impl FromIterator<(Mark, u32)> for Claims {
    fn from_iter<I: IntoIterator<Item = (Mark, u32)>>(claims: I) -> Self {
        let mut claims: Vec<(Mark, u32)> = claims.into_iter().collect();
        claims.sort_unstable();
        claims.dedup();
        Self(claims)
    }
}

impl Claims {
    /// Who claims a name of that mark, in order.
    pub fn of(&self, mark: Mark) -> impl Iterator<Item = usize> + Clone {
        let first = self.0.partition_point(|claim| claim.0 < mark);
        self.0[first..].iter().take_while(move |claim| claim.0 == mark).map(|claim| claim.1 as usize)
    }

    /// The marks that several claim, each with who does, in order.
    pub fn shared(&self) -> impl Iterator<Item = (Mark, impl Iterator<Item = usize>)> {
        let runs = self.0.chunk_by(|one, next| one.0 == next.0).filter(|run| run.len() > 1);
        runs.map(|run| (run[0].0, run.iter().map(|claim| claim.1 as usize)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_the_name_as_it_is_compared() {
        let marks = Marks::default();
        let mark = |name: &str| marks.of(Field::Email, name);
        let long = "X".repeat(300);
        for (one, other) in
            [(" Ada@X.example ", "ada@x.EXAMPLE"), ("\u{212a}elvin", "kelvin"), (&long, &long.to_lowercase())]
        {
            assert_eq!(mark(one), mark(other), "{one} {other}");
        }
        assert_ne!(mark("ada"), mark("adb"));
        assert_ne!(mark("ada"), marks.of(Field::Username, "ada"));
    }

    #[test]
    fn claims_are_found_by_their_marks() {
        let claims: Claims =
            [(Mark(7), 4), (Mark(3), 1), (Mark(7), 2), (Mark(9), 0), (Mark(3), 1)].into_iter().collect();
        assert_eq!(claims.of(Mark(7)).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(claims.of(Mark(8)).count(), 0);
        let shared: Vec<(Mark, Vec<usize>)> = claims.shared().map(|(mark, who)| (mark, who.collect())).collect();
        assert_eq!(shared, [(Mark(7), vec![2, 4])]);
    }
}
