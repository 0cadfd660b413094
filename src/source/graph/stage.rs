//! What two rounds side by side tell, gathered beside the live directory: a read that fails leaves that untouched. It
//! knows nothing of links and pages.

use std::collections::HashSet;

use jiff::Timestamp;

use super::wire::{GroupEntry, Membership, UserEntry};
use crate::directory::{Changes, Coverage, DeltaLinks, News, Removal, TenantDirectory, Told};
use crate::model::Id;

/// What was gathered so far.
#[derive(Debug)]
pub(super) struct Gathered {
    /// Where it waits.
    pub stage: Stage,
    /// Users told of, repetitions included.
    pub users: u64,
    /// Groups told of, repetitions included.
    pub groups: u64,
    /// Pages of both.
    pub pages: u64,
    /// Users, groups and memberships told of, repetitions included.
    pub things: u64,
}

/// Where pages wait until both rounds are complete: a read that fails leaves the live directory untouched.
#[derive(Debug)]
pub(super) enum Stage {
    /// Folded into a new directory that will replace the live one.
    Whole(Box<Fold>),
    /// Kept as they came, to be folded into the live directory: costs what changed, not what there is.
    Log {
        /// Of `users/delta`.
        users: Vec<UserEntry>,
        /// Of `groups/delta`.
        groups: Vec<GroupEntry>,
    },
}

impl Gathered {
    /// Nothing yet.
    pub const fn new(stage: Stage) -> Self {
        Self { stage, users: 0, groups: 0, pages: 0, things: 0 }
    }

    /// Adds the users of a page.
    pub fn add_users(&mut self, users: Vec<UserEntry>) {
        self.users += users.len() as u64;
        self.things += users.len() as u64;
        match &mut self.stage {
            Stage::Whole(fold) => fold.users(users),
            Stage::Log { users: log, groups: _ } => log.extend(users),
        }
    }

    /// Adds the groups of a page.
    pub fn add_groups(&mut self, groups: Vec<GroupEntry>) {
        self.groups += groups.len() as u64;
        self.things += groups.iter().map(GroupEntry::weight).sum::<u64>();
        match &mut self.stage {
            Stage::Whole(fold) => groups.into_iter().for_each(|group| fold.group(group)),
            Stage::Log { users: _, groups: log } => log.extend(groups),
        }
    }
}

impl Stage {
    /// For a full read.
    pub fn whole() -> Self {
        Self::Whole(Box::default())
    }

    /// For a read of changes.
    pub const fn log() -> Self {
        Self::Log { users: Vec::new(), groups: Vec::new() }
    }

    /// What both complete rounds say.
    pub fn news(self, links: DeltaLinks, read_at: Timestamp) -> News {
        match self {
            Self::Whole(fold) => {
                let mut directory = fold.end();
                directory.coverage = Coverage::Complete;
                directory.read_at = Some(read_at);
                directory.links = Some(links);
                News::Everything(Box::new(directory))
            }
            Self::Log { users, groups } => News::Changes(Changes { told: log(users, groups), read_at, links }),
        }
    }
}

/// What changed, users before groups. The memberships of users that are gone for good end last, because the group side
/// does not always report them.
fn log(users: Vec<UserEntry>, groups: Vec<GroupEntry>) -> Vec<Told> {
    let mut told = Vec::with_capacity(users.len() + groups.len());
    let mut purged: HashSet<Id> = HashSet::new();
    for user in users {
        let UserEntry { id, told: fate } = user;
        told.push(match fate {
            Ok(patch) => {
                purged.remove(&id);
                Told::User(id, Box::new(patch))
            }
            Err(Removal::Soft) => Told::UserGone(id, Removal::Soft),
            Err(Removal::Hard) => {
                purged.insert(id.clone());
                Told::UserGone(id, Removal::Soft)
            }
        });
    }
    for group in groups {
        log_group(group, &mut told);
    }
    told.extend(purged.into_iter().map(|id| Told::UserGone(id, Removal::Hard)));
    told
}

fn log_group(group: GroupEntry, told: &mut Vec<Told>) {
    let (group, fate, members) = group.told();
    told.push(match fate {
        Ok(patch) => Told::Group(group.clone(), patch),
        Err(_) => Told::GroupGone(group.clone()),
    });
    for member in members {
        match member.told() {
            Membership::Joined(member) => told.push(Told::Joined { group: group.clone(), member }),
            Membership::Left(member) => told.push(Told::Left { group: group.clone(), member }),
            Membership::Ignored => {}
        }
    }
}

/// So many memberships are taken in at a time.
const AHEAD: usize = 64;

/// A directory that is being changed. Users and groups may come in any order: what one says of the other is settled at
/// the end.
#[derive(Debug, Default)]
pub(super) struct Fold {
    directory: TenantDirectory,
    /// Memberships, by group number, in the order in which they were told: finding members is cheap when all are there.
    edges: Vec<(u32, Membership)>,
    purged: Vec<Id>,
}

impl Fold {
    fn users(&mut self, users: Vec<UserEntry>) {
        let mut directory = self.directory.own();
        directory.seek(users.iter().map(|user| &user.id));
        for UserEntry { id, told } in users {
            match told {
                Ok(patch) => directory.upsert_user(id, patch),
                Err(removal) => {
                    directory.remove_user(&id);
                    match removal {
                        Removal::Soft => {}
                        Removal::Hard => self.purged.push(id),
                    }
                }
            }
        }
    }

    fn group(&mut self, group: GroupEntry) {
        let (id, fate, members) = group.told();
        match fate {
            Ok(patch) => self.directory.upsert_group(&id, patch),
            Err(_) => self.directory.remove_group(&id),
        }
        let mut number = self.directory.group_number(&id);
        for member in members {
            match member.told() {
                Membership::Ignored => {}
                Membership::Joined(member) => {
                    let group = *number.get_or_insert_with(|| self.directory.number_group(&id));
                    self.edges.push((group, Membership::Joined(member)));
                }
                Membership::Left(member) => self.edges.extend(number.map(|group| (group, Membership::Left(member)))),
            }
        }
    }

    /// Drops the memberships of the users that are gone for good: the group side does not always report them.
    fn end(mut self) -> TenantDirectory {
        let mut directory = self.directory.own();
        for some in self.edges.chunks(AHEAD) {
            directory.seek(some.iter().filter_map(|(_, membership)| membership.member()));
            for (group, membership) in some {
                match membership {
                    Membership::Joined(member) => {
                        directory.join(*group, member.clone());
                    }
                    Membership::Left(member) => {
                        directory.leave(*group, member);
                    }
                    Membership::Ignored => {}
                }
            }
        }
        for id in self.purged {
            if self.directory.user(&id).is_none() {
                self.directory.remove_user(&id, Removal::Hard);
            }
        }
        self.directory
    }
}
