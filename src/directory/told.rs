//! What a source tells of a directory, one thing at a time, and whom that touches.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{GroupPatch, Removal, TenantDirectory, UserPatch};
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

impl TenantDirectory {
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
