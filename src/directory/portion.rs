//! A directory in portions, so that it can be kept and read back without being in memory twice.

use serde::{Deserialize, Serialize};

use super::{Group, TenantDirectory, User};
use crate::model::Id;

/// A part of a directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Portion {
    /// All groups, by number.
    Groups(Vec<Group>),
    /// Some users.
    Users(Vec<(Id, User)>),
    /// Some members with the numbers of their groups.
    Members(Vec<(Id, Vec<u32>)>),
}

impl TenantDirectory {
    /// The whole directory in portions of at most so many users or members; the groups come first, in one portion.
    pub fn portions(&self, size: usize) -> impl Iterator<Item = Portion> {
        let (mut users, mut members) = (self.users.iter(), self.member_of.iter());
        let users = std::iter::from_fn(move || {
            let some: Vec<_> = users.by_ref().take(size).map(|(id, user)| (id.clone(), user.clone())).collect();
            (!some.is_empty()).then_some(Portion::Users(some))
        });
        let members = std::iter::from_fn(move || {
            let some: Vec<_> = members.by_ref().take(size).map(|(id, groups)| (id.clone(), groups.clone())).collect();
            (!some.is_empty()).then_some(Portion::Members(some))
        });
        std::iter::once_with(|| Portion::Groups(self.groups.clone())).chain(users).chain(members)
    }

    /// Takes a portion in; all portions of a directory make it whole again.
    pub fn absorb(&mut self, portion: Portion) {
        match portion {
            Portion::Groups(groups) => {
                self.group_numbers = (0_u32..).zip(&groups).map(|(number, group)| (group.id.clone(), number)).collect();
                self.groups = groups;
            }
            Portion::Users(users) => self.users.extend(users),
            Portion::Members(members) => self.member_of.extend(members),
        }
    }
}
