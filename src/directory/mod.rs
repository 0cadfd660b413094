//! What the tenants' directories hold: users, groups and direct memberships, and how complete that knowledge is.
//!
//! Pure: sources write into it, the rules read from it. It knows nothing of HTTP and nothing of BMS.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::quality::RandomState;
use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Id, Text};

mod portion;
mod told;
mod user;

pub use portion::Portion;
pub use told::{Changes, News, Told, Touched};
pub use user::{EXT, GroupPatch, Identity, Patch, User, UserPatch, Watched, find_ext};

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
    users: Arc<IndexMap<Id, User, RandomState>>,
    groups: Arc<Groups>,
    member_of: Arc<HashMap<Id, Vec<u32>, RandomState>>,
}

/// The groups of a tenant, by number.
#[derive(Clone, Debug, Default)]
struct Groups {
    list: Vec<Group>,
    numbers: HashMap<Id, u32, RandomState>,
    /// Direct members of each.
    member_counts: Vec<u32>,
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
        self.users.get(id)
    }

    /// All users that exist, in no order.
    pub fn users(&self) -> impl Iterator<Item = (&Id, &User)> {
        self.users.iter()
    }

    /// How many users exist.
    #[must_use]
    pub fn user_count(&self) -> usize {
        self.users.len()
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
        self.member_of.get(member).map_or(&[], Vec::as_slice)
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
        let changed = self.users.iter().filter(|(id, user)| differs(id, user)).count();
        changed + other.users.keys().filter(|id| !self.users.contains_key(*id)).count()
    }

    /// Adds a user, or changes what is given of it.
    pub fn upsert_user(&mut self, id: Id, patch: UserPatch) {
        Arc::make_mut(&mut self.users).entry(id).or_default().apply(patch);
    }

    /// Takes a user out. Its memberships outlive a soft deletion, because a restore does not report them again.
    pub fn remove_user(&mut self, id: &Id, removal: Removal) {
        if self.users.contains_key(id) {
            Arc::make_mut(&mut self.users).swap_remove(id);
        }
        match removal {
            Removal::Hard if self.member_of.contains_key(id) => {
                let groups = Arc::make_mut(&mut self.groups);
                for number in Arc::make_mut(&mut self.member_of).remove(id).unwrap_or_default() {
                    groups.member_counts[number as usize] -= 1;
                }
            }
            Removal::Soft | Removal::Hard => {}
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
        match self.groups_of(member).binary_search(&number) {
            Ok(_) => false,
            Err(at) => {
                Arc::make_mut(&mut self.member_of).entry(member.clone()).or_default().insert(at, number);
                Arc::make_mut(&mut self.groups).member_counts[number as usize] += 1;
                true
            }
        }
    }

    /// Ends a direct membership; false when there was none.
    pub fn remove_member(&mut self, group: &Id, member: &Id) -> bool {
        let Some(number) = self.group_number(group) else { return false };
        match self.groups_of(member).binary_search(&number) {
            Err(_) => false,
            Ok(at) => {
                if let Some(groups) = Arc::make_mut(&mut self.member_of).get_mut(member) {
                    groups.remove(at);
                }
                Arc::make_mut(&mut self.groups).member_counts[number as usize] -= 1;
                true
            }
        }
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
        let members = self.member_of.iter().filter(|(_, groups)| is_under(groups)).map(|(member, _)| member);
        members.filter(|member| self.group_number(member).is_none()).cloned().collect()
    }

    fn number_group(&mut self, id: &Id) -> u32 {
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

/// A group as far as the rules read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Object ID.
    pub id: Id,
    /// False when it was removed, or is so far known only as somebody's group.
    pub exists: bool,
    /// For people to read.
    pub display_name: Option<Text>,
    /// When it was created; without it the group is the youngest (rule R1).
    pub created: Option<Timestamp>,
    /// A rule's group must say true.
    pub security_enabled: Option<bool>,
}

impl Group {
    /// What of a group matters to the rules.
    const fn bearing(&self) -> (Option<Timestamp>, Option<bool>) {
        (self.created, self.security_enabled)
    }
}
