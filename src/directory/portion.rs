//! A directory in portions, so that it can be kept and read back without being in memory twice.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::group::Groups;
use super::memberships::Memberships;
use super::{Group, TenantDirectory, User};
use crate::model::Id;

/// A part of a directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Portion(Part);

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Part {
    /// All groups, by number.
    Groups(Vec<Group>),
    /// Some users and members.
    Objects(Vec<(Id, Option<User>, Memberships)>),
}

impl TenantDirectory {
    /// The whole directory in portions of at most so many users or members; the groups come first, in one portion.
    pub fn portions(&self, size: usize) -> impl Iterator<Item = Portion> {
        let mut objects = self.objects.iter();
        let objects = std::iter::from_fn(move || {
            let some = objects.by_ref().take(size);
            let some: Vec<_> = some.map(|(id, user, groups)| (id.clone(), user.clone(), groups.clone())).collect();
            (!some.is_empty()).then_some(Portion(Part::Objects(some)))
        });
        std::iter::once_with(|| Portion(Part::Groups(self.groups.list.clone()))).chain(objects)
    }

    /// Takes a portion in; all portions of a directory make it whole again.
    pub fn absorb(&mut self, Portion(part): Portion) {
        match part {
            Part::Groups(groups) => {
                let numbers = (0_u32..).zip(&groups).map(|(number, group)| (group.id.clone(), number)).collect();
                let member_counts = vec![0; groups.len()];
                self.groups = Arc::new(Groups { list: groups, numbers, member_counts });
            }
            Part::Objects(objects) => {
                let counts = &mut Arc::make_mut(&mut self.groups).member_counts;
                let known = Arc::make_mut(&mut self.objects);
                for (id, user, groups) in objects {
                    for number in groups.as_slice() {
                        if let Some(count) = counts.get_mut(*number as usize) {
                            *count += 1;
                        }
                    }
                    known.insert(id, user, groups);
                }
            }
        }
    }
}
