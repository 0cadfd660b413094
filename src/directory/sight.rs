//! What the reads of a directory may see, by the names of permissions, and when they saw the most that is believed. It
//! knows nothing of tokens, and not what a permission gives.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::Text;

/// The permissions that a read had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions(BTreeSet<Text>);

impl Permissions {
    /// Those of these names.
    pub fn of(names: impl IntoIterator<Item = Text>) -> Self {
        Self(names.into_iter().collect())
    }

    /// What both have.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// What the other has not, in the order of names.
    #[must_use]
    pub fn without(&self, other: &Self) -> Vec<Text> {
        self.0.difference(&other.0).cloned().collect()
    }
}

/// What the reads of a directory may see. What cannot be known says nothing and changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// With what everything was read last.
    now: Option<Permissions>,
    /// With what it was read when what was absent was last believed to be gone.
    believed: Option<Permissions>,
    /// Users of whom something became blank since there are fewer permissions than are believed.
    blanked: usize,
}

impl Sight {
    /// The permissions that reads had and have no more: while there are any, who is absent may only be hidden.
    #[must_use]
    pub fn missing(&self) -> Vec<Text> {
        match (&self.believed, &self.now) {
            (Some(believed), Some(now)) => believed.without(now),
            (None, _) | (_, None) => Vec::new(),
        }
    }

    /// Whether permissions are missing, and something became blank meanwhile: that too may only be hidden.
    #[must_use]
    pub const fn is_blanked(&self) -> bool {
        self.blanked > 0
    }

    /// Whether a read with these permissions sees something else than the last read of everything.
    #[must_use]
    pub fn differs(&self, permissions: &Permissions) -> bool {
        self.now.as_ref().is_some_and(|now| now != permissions)
    }

    /// Everything was read with these permissions. With no fewer than are believed, absences are believed again.
    pub fn read_everything(&mut self, permissions: Permissions) {
        self.now = Some(permissions);
        if self.missing().is_empty() {
            self.believe();
        }
    }

    /// What changed was read with these permissions: of a directory of which none were known, that is a beginning.
    pub fn read_changes(&mut self, permissions: Permissions) {
        if self.now.is_none() {
            self.read_everything(permissions);
        }
    }

    /// Notes that so many users lost an attribute.
    pub fn note_blanks(&mut self, users: usize) {
        self.blanked += users;
    }

    /// What is absent now is believed: it is there again, or a person let it go, or nothing was lost.
    pub fn believe(&mut self) {
        self.believed.clone_from(&self.now);
        self.blanked = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(names: &[&'static str]) -> Permissions {
        Permissions::of(names.iter().map(|name| Text::const_new(name)))
    }

    fn read(sets: &[&[&'static str]]) -> Sight {
        let mut sight = Sight::default();
        for set in sets {
            sight.read_everything(permissions(set));
        }
        sight
    }

    #[test]
    fn what_was_there_and_is_not_any_more_is_missing() {
        assert_eq!(read(&[&["A", "B"], &["B"]]).missing(), ["A"]);
        assert_eq!(read(&[&["A", "B"], &["B"], &["C"]]).missing(), ["A", "B"]);
    }

    #[test]
    fn more_is_believed_at_once_and_less_never_by_itself() {
        for sets in [&[&["A"][..], &["A", "B"]][..], &[&["A", "B"], &["A"], &["A", "B"]], &[&["A"]], &[]] {
            assert_eq!(read(sets).missing(), Vec::<Text>::new(), "{sets:?}");
        }
        assert_eq!(read(&[&["A"], &["A", "B"], &["A"]]).missing(), ["B"]);
    }

    #[test]
    fn what_a_person_let_go_is_not_missed() {
        let mut sight = read(&[&["A", "B"], &["B"]]);
        sight.note_blanks(3);
        assert!(sight.is_blanked());
        sight.believe();
        assert_eq!((sight.missing(), sight.is_blanked()), (Vec::new(), false));
    }

    #[test]
    fn changes_teach_only_whoever_knows_nothing() {
        let mut sight = Sight::default();
        assert!(!sight.differs(&permissions(&["A"])), "nothing is known to compare with");
        sight.read_changes(permissions(&["A"]));
        sight.read_changes(permissions(&[]));
        assert!(sight.differs(&permissions(&[])) && !sight.differs(&permissions(&["A"])));
        assert_eq!(sight.missing(), Vec::<Text>::new());
    }
}
