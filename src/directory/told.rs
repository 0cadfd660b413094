//! What a source tells of a directory, one thing at a time, and whom that touches.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Coverage, DeltaLinks, GroupPatch, Removal, TenantDirectory, UserPatch};
use crate::model::Id;

/// One thing that a source tells. Telling it again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// A user is there, or changed.
    User(Id, Box<UserPatch>),
    /// A user was deleted.
    UserGone(Id, Removal),
    /// A group is there, or changed.
    Group(Id, GroupPatch),
    /// A group was deleted.
    GroupGone(Id),
    /// An object is a direct member of a group.
    #[expect(missing_docs, reason = "the names say it")]
    Joined { group: Id, member: Id },
    /// An object is no direct member of a group any more.
    #[expect(missing_docs, reason = "the names say it")]
    Left { group: Id, member: Id },
}

/// Whom the things that were told touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Users that changed, came, went, or joined or left a group.
    pub users: HashSet<Id>,
    /// Groups that came, went, or changed in what rules read of them.
    pub groups: HashSet<Id>,
    /// Groups that joined or left another group: where groups nest, that touches whoever is under them.
    pub moved: HashSet<Id>,
    /// Whether everything was read anew.
    pub everybody: bool,
}

/// What a complete read brings.
#[derive(Clone, Debug)]
pub enum News {
    /// The whole directory.
    Everything(Box<TenantDirectory>),
    /// What changed since the links of the last read.
    Changes(Changes),
}

/// What changed between two reads, and where the next one goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Changes {
    /// In the order in which they are to be taken in.
    pub told: Vec<Told>,
    /// When the read ended.
    pub read_at: Timestamp,
    /// Where the next read goes on.
    pub links: DeltaLinks,
}

impl Touched {
    /// Whether nobody is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { users, groups, moved, everybody } = self;
        users.is_empty() && groups.is_empty() && moved.is_empty() && !everybody
    }
}

impl TenantDirectory {
    /// Takes in what a read brought, and says whom it touches.
    pub fn take(&mut self, news: News) -> Touched {
        match news {
            News::Everything(whole) => {
                let (suspicion, sight) = (self.suspicion.take(), std::mem::take(&mut self.sight));
                *self = *whole;
                (self.suspicion, self.sight) = (suspicion, sight);
                Touched { everybody: true, ..Touched::default() }
            }
            News::Changes(changes) => self.follow(changes),
        }
    }

    /// Takes in what changed.
    pub fn follow(&mut self, changes: Changes) -> Touched {
        let Changes { told, read_at, links } = changes;
        let mut touched = Touched::default();
        for one in told {
            self.hear(one, &mut touched);
        }
        self.coverage = Coverage::Complete;
        self.read_at = Some(read_at);
        self.links = Some(links);
        touched
    }

    /// Takes in one thing that was told, and notes whom it touches.
    pub fn hear(&mut self, told: Told, touched: &mut Touched) {
        match told {
            Told::User(id, patch) => {
                let before = self.user(&id).cloned();
                self.upsert_user(id.clone(), *patch);
                if before.as_ref() != self.user(&id) {
                    touched.users.insert(id);
                }
            }
            Told::UserGone(id, removal) => {
                if self.user(&id).is_some() {
                    touched.users.insert(id.clone());
                }
                self.remove_user(&id, removal);
            }
            Told::Group(id, patch) => {
                let before = self.group(&id).cloned();
                self.upsert_group(&id, patch);
                if self.group(&id).map(super::Group::bearing) != before.as_ref().map(super::Group::bearing) {
                    touched.groups.insert(id);
                }
            }
            Told::GroupGone(id) => {
                if self.group(&id).is_some() {
                    touched.groups.insert(id.clone());
                }
                self.remove_group(&id);
            }
            Told::Joined { group, member } => {
                if self.add_member(&group, &member) {
                    self.touch_member(member, touched);
                }
            }
            Told::Left { group, member } => {
                if self.remove_member(&group, &member) {
                    self.touch_member(member, touched);
                }
            }
        }
    }

    /// Whether a member is a user or a group is known only once the group has been heard of. One that is heard of later
    /// counts as a user until then, and as a group that came when it comes.
    fn touch_member(&self, member: Id, touched: &mut Touched) {
        if self.group_number(&member).is_some() {
            touched.moved.insert(member);
        } else {
            touched.users.insert(member);
        }
    }
}
