//! A directory in portions, so that it can be kept and read back without being in memory twice.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Group, Groups, TenantDirectory, User};
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
        std::iter::once_with(|| Portion::Groups(self.groups.list.clone())).chain(users).chain(members)
    }

    /// Takes a portion in; all portions of a directory make it whole again.
    pub fn absorb(&mut self, portion: Portion) {
        match portion {
            Portion::Groups(groups) => {
                let numbers = (0_u32..).zip(&groups).map(|(number, group)| (group.id.clone(), number)).collect();
                let member_counts = vec![0; groups.len()];
                self.groups = Arc::new(Groups { list: groups, numbers, member_counts });
            }
            Portion::Users(users) => Arc::make_mut(&mut self.users).extend(users),
            Portion::Members(members) => {
                let groups = Arc::make_mut(&mut self.groups);
                for number in members.iter().flat_map(|(_, groups)| groups) {
                    if let Some(count) = groups.member_counts.get_mut(*number as usize) {
                        *count += 1;
                    }
                }
                Arc::make_mut(&mut self.member_of).extend(members);
            }
        }
    }
}
