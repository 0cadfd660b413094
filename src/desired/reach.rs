//! Which groups lead to which rules of a tenant, directly or through nested groups (rule R1).

use crate::directory::{Group, TenantDirectory};
use crate::manifest::config::{Config, Rule, Tenant};
use crate::model::Digest;

use super::{Age, Precedence};

/// The rules of a tenant in order of precedence, and for each group the rules that its members match.
#[derive(Debug)]
pub struct Reach<'a> {
    rules: Vec<Ranked<'a>>,
    broken: Vec<Broken<'a>>,
    /// By group number: ranks of the rules that a member of that group matches, ascending. Most groups match none.
    ranks: Vec<Vec<u32>>,
}

/// A rule that can match.
#[derive(Debug)]
pub struct Ranked<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Where it stands among all rules.
    pub precedence: Precedence<'a>,
    /// Stands for what of the rule counts as a change.
    pub digest: Digest,
}

/// A rule that cannot work, and why.
#[derive(Clone, Debug)]
pub struct Broken<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// What is wrong with its group.
    pub why: BrokenGroup,
}

/// What is wrong with a rule's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenGroup {
    /// The tenant has no such group, or it is in the recycle bin.
    Missing,
    /// It is not a security group.
    NotSecurityEnabled,
}

impl BrokenGroup {
    /// For people to read.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Missing => "the tenant has no such group",
            Self::NotSecurityEnabled => "the group is not a security group",
        }
    }
}

impl<'a> Reach<'a> {
    /// Works out the reach of every rule of the tenant.
    #[must_use]
    pub fn new(config: &'a Config, tenant: &'a Tenant, known: &'a TenantDirectory) -> Self {
        let mut reach = Self { rules: Vec::new(), broken: Vec::new(), ranks: vec![Vec::new(); known.groups().len()] };
        for rule in config.rules_of(&tenant.id) {
            reach.admit(rule, known.group(&rule.group));
        }
        reach.rules.sort_by_key(|ranked| ranked.precedence);
        let below = if tenant.nested_groups { nested(known) } else { Vec::new() };
        for (rank, ranked) in (0_u32..).zip(&reach.rules) {
            let group = known.group(&ranked.rule.group);
            if let Some(number) = group.and_then(|group| known.group_number(&group.id)) {
                spread(&mut reach.ranks, &below, number, rank);
            }
        }
        reach
    }

    fn admit(&mut self, rule: &'a Rule, group: Option<&Group>) {
        let why = match group {
            None => Some(BrokenGroup::Missing),
            Some(group) if group.security_enabled != Some(true) => Some(BrokenGroup::NotSecurityEnabled),
            Some(_) => None,
        };
        match why {
            Some(why) if !rule.suspend => self.broken.push(Broken { rule, why }),
            Some(_) | None => {
                let age = group.and_then(|group| group.created).map_or(Age::Unknown, Age::Since);
                let precedence = Precedence { order: rule.order, age, group: &rule.group };
                self.rules.push(Ranked { rule, precedence, digest: rule_digest(rule) });
            }
        }
    }

    /// The winning rule of a member of these groups.
    #[must_use]
    pub fn winner(&self, groups: &[u32]) -> Option<&Ranked<'a>> {
        let best = groups.iter().filter_map(|group| self.ranks.get(*group as usize)?.first()).min()?;
        self.rules.get(*best as usize)
    }

    /// All rules that a member of these groups matches, the winning one first.
    #[must_use]
    pub fn matches(&self, groups: &[u32]) -> Vec<&'a Rule> {
        let mut ranks: Vec<u32> =
            groups.iter().filter_map(|group| self.ranks.get(*group as usize)).flatten().copied().collect();
        ranks.sort_unstable();
        ranks.dedup();
        ranks.into_iter().map(|rank| self.rules[rank as usize].rule).collect()
    }

    /// The rules that can match, in order of precedence.
    pub fn rules(&self) -> impl Iterator<Item = (&'a Rule, Precedence<'a>)> {
        self.rules.iter().map(|ranked| (ranked.rule, ranked.precedence))
    }

    /// The rules that cannot work.
    #[must_use]
    pub fn broken(&self) -> &[Broken<'a>] {
        &self.broken
    }
}

/// By group number: the groups that are direct members of it. Groups that are gone pass nothing on.
fn nested(known: &TenantDirectory) -> Vec<Vec<u32>> {
    let mut below = vec![Vec::new(); known.groups().len()];
    for (number, group) in (0_u32..).zip(known.groups()) {
        if group.exists {
            for parent in known.groups_of(&group.id) {
                below[*parent as usize].push(number);
            }
        }
    }
    below
}

/// Notes the rank on a group and on everything nested in it; cycles end where the rank is noted already.
fn spread(ranks: &mut [Vec<u32>], below: &[Vec<u32>], from: u32, rank: u32) {
    let mut waiting = vec![from];
    while let Some(number) = waiting.pop() {
        let number = number as usize;
        let Some(noted) = ranks.get_mut(number).filter(|noted| noted.last() != Some(&rank)) else { continue };
        noted.push(rank);
        waiting.extend(below.get(number).into_iter().flatten());
    }
}

/// Digest of what of a rule counts as a change: group, kind, `email` and values; not its name or order (rule R8).
fn rule_digest(rule: &Rule) -> Digest {
    let Rule { name: _, tenant: _, group, order: _, kind, email, values, suspend: _ } = rule;
    let group = group.to_string();
    let email = format!("{email:?}");
    let head = [group.as_bytes(), kind.word().as_bytes(), email.as_bytes()];
    let values = values.iter().flat_map(|(field, value)| [field.word().as_bytes(), value.as_bytes()]);
    Digest::of(head.into_iter().chain(values))
}
