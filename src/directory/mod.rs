//! What the tenants' directories hold: users, groups and direct memberships, and how complete that knowledge is.
//!
//! Pure: sources write into it, the rules read from it. It knows nothing of HTTP and nothing of BMS.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::quality::RandomState;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::Id;

mod fingerprint;
mod group;
mod memberships;
mod objects;
mod patch;
mod portion;
mod sight;
mod texts;
mod told;
mod user;

pub use group::Group;
pub use patch::{Attribute, Flag, GroupPatch, Identity, Listed, Patch, Said, UserPatch};
pub use portion::Portion;
pub use sight::{Permissions, Sight};
pub use told::{Changes, News, Told, Touched};
pub use user::{EXT, User, find_ext};

use group::Groups;
use objects::Objects;

/// The directories of all tenants, by tenant ID.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    tenants: BTreeMap<Id, TenantDirectory>,
}

impl Directory {
    /// What is known of a tenant; `None` when it was not read at all.
    #[must_use]
    pub fn tenant(&self, id: &Id) -> Option<&TenantDirectory> {
        self.tenants.get(id)
    }

    /// The tenant only if its snapshot is complete: the only knowledge that may remove anything (rule R9).
    #[must_use]
    pub fn complete(&self, id: &Id) -> Option<&TenantDirectory> {
        self.tenant(id).filter(|tenant| tenant.coverage == Coverage::Complete)
    }

    /// What is known of a tenant, to be brought up to date; nothing is known of one that was not read.
    pub fn tenant_mut(&mut self, id: &Id) -> &mut TenantDirectory {
        self.tenants.entry(id.clone()).or_default()
    }

    /// Forgets a tenant.
    pub fn forget(&mut self, id: &Id) {
        self.tenants.remove(id);
    }

    /// Puts a tenant's directory in place of what was known of it.
    pub fn insert(&mut self, id: Id, tenant: TenantDirectory) {
        self.tenants.insert(id, tenant);
    }

    /// The tenants in ID order.
    pub fn tenants(&self) -> impl Iterator<Item = (&Id, &TenantDirectory)> {
        self.tenants.iter()
    }
}

/// How much of a tenant is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Coverage {
    /// Nothing yet, or a read that has not reached its end.
    #[default]
    Partial,
    /// Everything, as of `read_at`.
    Complete,
    /// The last read failed; the text says why and what to do.
    Failed(String),
}

/// One tenant's users, groups and direct memberships.
///
/// Groups are numbered in the order they were first heard of; edges hold numbers. A removed group keeps its number and
/// its edges and grants nothing.
///
/// A clone shares what is large with the original, until one of the two changes: so a question about everybody can be
/// answered beside the rounds, and only a change that comes meanwhile pays for a copy.
#[derive(Clone, Debug, Default)]
pub struct TenantDirectory {
    /// How complete this is.
    pub coverage: Coverage,
    /// When the read that made it complete ended.
    pub read_at: Option<Timestamp>,
    /// Where the next read goes on.
    pub links: Option<DeltaLinks>,
    /// Why what is absent may be there all the same, although the read was complete; removals wait for a person then.
    pub suspicion: Option<String>,
    /// What the reads that made it may see; where that became less, what is absent may only be hidden.
    pub sight: Sight,
    objects: Arc<Objects>,
    groups: Arc<Groups>,
}

/// The delta links up to which a directory was read. They are secrets of a kind: never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeltaLinks {
    /// Of `users/delta`.
    pub users: String,
    /// Of `groups/delta`.
    pub groups: String,
}

impl std::fmt::Debug for DeltaLinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeltaLinks(…)")
    }
}

impl TenantDirectory {
    /// A tenant that could not be read, and why.
    #[must_use]
    pub fn failed(why: String) -> Self {
        Self { coverage: Coverage::Failed(why), ..Self::default() }
    }

    /// A user that exists (not deleted, softly or otherwise).
    #[must_use]
    pub fn user(&self, id: &Id) -> Option<&User> {
        self.objects.user(id)
    }

    /// All users that exist, in no order.
    pub fn users(&self) -> impl Iterator<Item = (&Id, &User)> {
        self.objects.users()
    }

    /// How many users exist.
    #[must_use]
    pub fn user_count(&self) -> usize {
        self.objects.user_count()
    }

    /// The groups ever heard of, by number; some may be gone.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups.list
    }

    /// How many groups exist.
    #[must_use]
    pub fn group_count(&self) -> usize {
        self.groups.list.iter().filter(|group| group.exists).count()
    }

    /// A group's number.
    #[must_use]
    pub fn group_number(&self, id: &Id) -> Option<u32> {
        self.groups.numbers.get(id).copied()
    }

    /// A group that exists.
    #[must_use]
    pub fn group(&self, id: &Id) -> Option<&Group> {
        self.group_number(id).map(|number| &self.groups.list[number as usize]).filter(|group| group.exists)
    }

    /// How many direct members a group has.
    #[must_use]
    pub fn member_count(&self, group: &Id) -> u32 {
        let number = self.group_number(group).filter(|number| self.groups.list[*number as usize].exists);
        number.and_then(|number| self.groups.member_counts.get(number as usize).copied()).unwrap_or_default()
    }

    /// Numbers of the groups that an object (user or group) is a direct member of, ascending.
    #[must_use]
    pub fn groups_of(&self, member: &Id) -> &[u32] {
        self.objects.groups_of(member)
    }

    /// How many users are otherwise in the other directory: changed, more, fewer, or in other groups.
    #[must_use]
    pub fn differences(&self, other: &Self) -> usize {
        let groups = |known: &Self, id: &Id| {
            let mut ids: Vec<Id> =
                known.groups_of(id).iter().map(|number| known.groups.list[*number as usize].id.clone()).collect();
            ids.sort_unstable();
            ids
        };
        let differs = |id: &Id, user: &User| other.user(id) != Some(user) || groups(self, id) != groups(other, id);
        let changed = self.users().filter(|(id, user)| differs(id, user)).count();
        changed + other.users().filter(|(id, _)| self.user(id).is_none()).count()
    }

    /// Adds a user, or changes what is mentioned of it.
    pub fn upsert_user(&mut self, id: Id, patch: impl Into<UserPatch>) {
        Arc::make_mut(&mut self.objects).upsert_user(id, patch.into());
    }

    /// Takes a user out. Its memberships outlive a soft deletion, because a restore does not report them again.
    pub fn remove_user(&mut self, id: &Id, removal: Removal) {
        if !self.objects.knows(id) {
            return;
        }
        let objects = Arc::make_mut(&mut self.objects);
        objects.remove_user(id);
        match removal {
            Removal::Soft => {}
            Removal::Hard => {
                let left = objects.leave_all(id);
                if !left.is_empty() {
                    Arc::make_mut(&mut self.groups).uncount(&left);
                }
            }
        }
    }

    /// Adds a group, or changes what is given of it; a removed one exists again.
    pub fn upsert_group(&mut self, id: &Id, patch: GroupPatch) {
        let number = self.number_group(id);
        let group = &mut Arc::make_mut(&mut self.groups).list[number as usize];
        let GroupPatch { display_name, created, security_enabled } = patch;
        group.exists = true;
        display_name.onto(&mut group.display_name);
        created.onto(&mut group.created);
        security_enabled.onto(&mut group.security_enabled);
    }

    /// Marks a group as gone. A group that was never heard of stays unknown.
    pub fn remove_group(&mut self, id: &Id) {
        if let Some(number) = self.group_number(id) {
            Arc::make_mut(&mut self.groups).list[number as usize].exists = false;
        }
    }

    /// Adds a direct membership; false when it was there already.
    pub fn add_member(&mut self, group: &Id, member: &Id) -> bool {
        let number = self.number_group(group);
        self.join(number, member.clone())
    }

    /// Adds a direct membership of a group of that number, which must be one that was given; false when it was there
    /// already.
    pub fn join(&mut self, group: u32, member: Id) -> bool {
        // Looking first costs as much as joining: only a copy is dearer.
        if Arc::strong_count(&self.objects) > 1 && self.objects.is_member(group, &member) {
            return false;
        }
        let joined = Arc::make_mut(&mut self.objects).join(group, member);
        if joined {
            Arc::make_mut(&mut self.groups).member_counts[group as usize] += 1;
        }
        joined
    }

    /// Ends a direct membership; false when there was none.
    pub fn remove_member(&mut self, group: &Id, member: &Id) -> bool {
        self.group_number(group).is_some_and(|group| self.leave(group, member))
    }

    /// Ends a direct membership of a group of that number; false when there was none.
    pub fn leave(&mut self, group: u32, member: &Id) -> bool {
        if !self.objects.is_member(group, member) {
            return false;
        }
        Arc::make_mut(&mut self.groups).uncount(&[group]);
        Arc::make_mut(&mut self.objects).leave(group, member)
    }

    /// The users that are in one of these groups now, directly or through other groups that exist. Costs a look at every
    /// member, but no plan.
    #[must_use]
    pub fn users_under<'a>(&self, groups: impl IntoIterator<Item = &'a Id>) -> Vec<Id> {
        let mut below: HashMap<u32, Vec<u32>, RandomState> = HashMap::default();
        for (number, group) in (0_u32..).zip(self.groups()).filter(|(_, group)| group.exists) {
            for parent in self.groups_of(&group.id) {
                below.entry(*parent).or_default().push(number);
            }
        }
        let mut waiting: Vec<u32> = groups.into_iter().filter_map(|group| self.group_number(group)).collect();
        let mut under = vec![false; self.groups().len()];
        while let Some(number) = waiting.pop() {
            if !std::mem::replace(&mut under[number as usize], true) {
                waiting.extend(below.get(&number).into_iter().flatten());
            }
        }
        let is_under = |groups: &[u32]| groups.iter().any(|number| under[*number as usize]);
        let objects = self.objects.iter().filter(|(_, _, groups)| is_under(groups.as_slice()));
        let members = objects.map(|(member, _, _)| member);
        members.filter(|member| self.group_number(member).is_none()).cloned().collect()
    }

    /// A group's number; one that was never heard of gets one.
    pub fn number_group(&mut self, id: &Id) -> u32 {
        if let Some(number) = self.group_number(id) {
            return number;
        }
        let groups = Arc::make_mut(&mut self.groups);
        let number = u32::try_from(groups.list.len()).unwrap_or(u32::MAX);
        groups.list.push(Group {
            id: id.clone(),
            exists: false,
            display_name: None,
            created: None,
            security_enabled: None,
        });
        groups.member_counts.push(0);
        groups.numbers.insert(id.clone(), number);
        number
    }
}

/// Whether a removed object can come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Removal {
    /// In the recycle bin.
    Soft,
    /// Gone for good.
    Hard,
}
