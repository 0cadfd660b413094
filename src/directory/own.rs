//! A directory while much of it is changed at once: it parts with what clones share once, not at each change.

use super::UserPatch;
use super::group::Groups;
use super::objects::Objects;
use crate::model::Id;

/// What a directory holds, its own for as long as this lives.
#[derive(Debug)]
pub struct Own<'a> {
    pub(super) objects: &'a mut Objects,
    pub(super) groups: &'a mut Groups,
}

impl Own<'_> {
    /// Says which objects will be wanted next, up to some hundred: each is at hand then.
    pub fn seek<'i>(&self, ids: impl Iterator<Item = &'i Id>) {
        self.objects.seek(ids);
    }

    /// Adds a user, or changes what is mentioned of it.
    pub fn upsert_user(&mut self, id: Id, patch: impl Into<UserPatch>) {
        self.objects.upsert_user(id, patch.into());
    }

    /// Takes a user out; its memberships stay.
    pub fn remove_user(&mut self, id: &Id) {
        self.objects.remove_user(id);
    }

    /// Adds a direct membership of a group of that number, which must be one that was given; false when it was there
    /// already.
    pub fn join(&mut self, group: u32, member: Id) -> bool {
        let joined = self.objects.join(group, member);
        if joined {
            self.groups.member_counts[group as usize] += 1;
        }
        joined
    }

    /// Ends a direct membership of a group of that number; false when there was none.
    pub fn leave(&mut self, group: u32, member: &Id) -> bool {
        let left = self.objects.leave(group, member);
        if left {
            self.groups.uncount(&[group]);
        }
        left
    }
}
