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
    /// Whether groups themselves changed in a way that may matter to any of their members.
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

impl TenantDirectory {
    /// Takes in what a read brought, and says whom it touches.
    pub fn take(&mut self, news: News) -> Touched {
        match news {
            News::Everything(whole) => {
                *self = *whole;
                Touched { users: HashSet::new(), everybody: true }
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
                touched.everybody |=
                    self.group(&id).map(super::Group::bearing) != before.as_ref().map(super::Group::bearing);
            }
            Told::GroupGone(id) => {
                touched.everybody |= self.group(&id).is_some();
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

    /// A member that is a group brings its own members along.
    fn touch_member(&self, member: Id, touched: &mut Touched) {
        if self.group_number(&member).is_some() {
            touched.everybody = true;
        } else {
            touched.users.insert(member);
        }
    }
}
