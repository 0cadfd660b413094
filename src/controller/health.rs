//! Whether a complete read is to be believed: who was there a moment ago and is absent now may be hidden, not gone.

use std::collections::BTreeMap;

use crate::directory::TenantDirectory;
use crate::manifest::config::Config;
use crate::model::Id;

/// What is compared before and after a read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Vital {
    users: usize,
    members: BTreeMap<Id, u32>,
}

/// So few may vanish at once without raising suspicion, as with the guards (rule R10).
const FEW: u32 = 5;

impl Vital {
    /// How many users there are, and how many members each group of a rule has.
    pub fn of(tenant: &Id, known: &TenantDirectory, config: &Config) -> Self {
        let rules = config.rules_of(tenant).filter(|rule| known.group(&rule.group).is_some());
        let members = rules.map(|rule| (rule.group.clone(), known.member_count(&rule.group))).collect();
        Self { users: known.user_count(), members }
    }

    /// Why absences after a read are suspicious, if they are.
    pub fn suspicion(&self, after: &Self) -> Option<String> {
        if self.users > FEW as usize && after.users == 0 {
            return Some(format!(
                "the directory had {} users and suddenly has none: removals wait for a person",
                self.users
            ));
        }
        let empty = |(group, before): &(&Id, &u32)| **before > FEW && after.members.get(group) == Some(&0);
        let (group, before) = self.members.iter().find(empty)?;
        Some(format!("group {group} had {before} members and suddenly has none: removals wait for a person"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vital(users: usize, members: u32) -> Vital {
        Vital { users, members: BTreeMap::from([(Id::new("g"), members)]) }
    }

    #[test]
    fn a_tenant_or_a_group_that_is_suddenly_empty_is_suspicious() {
        assert!(vital(100, 50).suspicion(&vital(0, 50)).is_some());
        assert!(vital(100, 50).suspicion(&vital(100, 0)).is_some());
    }

    #[test]
    fn few_who_leave_and_groups_that_are_gone_are_not() {
        assert_eq!(vital(100, 5).suspicion(&vital(95, 0)), None);
        assert_eq!(vital(100, 50).suspicion(&vital(99, 1)), None);
        assert_eq!(vital(100, 50).suspicion(&Vital { users: 100, members: BTreeMap::new() }), None);
    }
}
