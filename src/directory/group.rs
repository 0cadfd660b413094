//! The groups of a tenant, and how many direct members each has.

use std::collections::HashMap;

use foldhash::quality::RandomState;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Id, Text};

/// The groups of a tenant, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    /// In the order in which they were first heard of.
    pub list: Vec<Group>,
    /// By ID.
    pub numbers: HashMap<Id, u32, RandomState>,
    /// Direct members of each.
    pub member_counts: Vec<u32>,
}

impl Groups {
    /// Counts a member less of each of these.
    pub fn uncount(&mut self, numbers: &[u32]) {
        for number in numbers {
            if let Some(count) = self.member_counts.get_mut(*number as usize) {
                *count -= 1;
            }
        }
    }
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
    pub(super) const fn bearing(&self) -> (Option<Timestamp>, Option<bool>) {
        (self.created, self.security_enabled)
    }
}
