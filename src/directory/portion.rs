//! A directory in portions, so that it can be kept and read back without being in memory twice.

use serde::{Deserialize, Serialize};

use super::groups::Groups;
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
    Objects(Vec<(Id, Option<User>, Groups)>),
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
        std::iter::once_with(|| Portion(Part::Groups(self.groups.clone()))).chain(objects)
    }

    /// Takes a portion in; all portions of a directory make it whole again.
    pub fn absorb(&mut self, Portion(part): Portion) {
        match part {
            Part::Groups(groups) => {
                self.group_numbers = (0_u32..).zip(&groups).map(|(number, group)| (group.id.clone(), number)).collect();
                self.member_counts = vec![0; groups.len()];
                self.groups = groups;
            }
            Part::Objects(objects) => {
                for (id, user, groups) in objects {
                    self.count(&groups);
                    self.objects.insert(id, user, groups);
                }
            }
        }
    }

    fn count(&mut self, groups: &Groups) {
        for number in groups.as_slice() {
            if let Some(count) = self.member_counts.get_mut(*number as usize) {
                *count += 1;
            }
        }
    }
}
