//! Who is blocked and what is held: R5, R7, R10.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{Name, Taken, had, holds, loses, names, same_record};
use super::people::is_broken;
use super::{Intent, Person, Standing, Verdict};
use crate::oracle::world::{Limit, Record, Status, World};

pub(super) struct Round<'w> {
    pub(super) world: &'w World,
    pub(super) people: Vec<Person<'w>>,
}

pub(super) type Set = BTreeSet<usize>;

impl<'w> Round<'w> {
    pub(super) fn decide(&self) -> Verdict {
        // Phase 1, without regard to guards: early codes, conflicts between users, then names that stay taken.
        let mut blocked: Set = (0..self.people.len()).filter(|&at| self.is_blocked_at_once(at)).collect();
        self.block(&mut blocked, &Set::new());
        // R10: "counted once, after blocking".
        let tripped = self.tripped(&blocked);
        let held: Set = (0..self.people.len()).filter(|&at| self.hold(at, &blocked, &tripped).is_some()).collect();
        // R5: "A blocked or held change does not happen, so the names it would have freed stay taken".
        self.block(&mut blocked, &held);
        self.verdict(&blocked, &held, &tripped)
    }

    pub(super) fn intent(&self, at: usize) -> Option<&Intent<'w>> {
        self.people[at].intent.as_ref()
    }

    pub(super) fn is_blocked_at_once(&self, at: usize) -> bool {
        self.intent(at).is_some_and(|intent| intent.early.is_some())
            || loses(self.world, &self.people, at).code().is_some()
    }

    /// Blocks whoever wants a name that stays taken, until nobody more is blocked.
    pub(super) fn block(&self, blocked: &mut Set, held: &Set) {
        loop {
            let more: Vec<usize> = (0..self.people.len())
                .filter(|at| !blocked.contains(at))
                .filter(|&at| self.stays_taken(at, blocked, held).code().is_some())
                .collect();
            if more.is_empty() {
                return;
            }
            blocked.extend(more);
        }
    }

    /// "a name counts as taken when, after this plan, another record still has it". Section 9: "Held changes are judged
    /// as if they all happened".
    pub(super) fn stays_taken(&self, at: usize, blocked: &Set, held: &Set) -> Taken {
        let mut taken = Taken::default();
        let Some(intent) = self.intent(at).filter(|intent| intent.action.is_some()) else { return taken };
        let happens = |other: usize| {
            let judged_with_held = held.contains(&at) && !blocked.contains(&at);
            other == at || (!blocked.contains(&other) && (judged_with_held || !held.contains(&other)))
        };
        let had = had(intent);
        for name in names(intent.rule.kind, &intent.after).iter().filter(|name| !had.contains(name)) {
            let others = self.world.records.iter().filter(|record| !same_record(Some(record), intent.target));
            if others.filter(|record| holds(record).contains(name)).any(|record| self.still_has(record, name, &happens))
            {
                taken.add(name);
            }
        }
        taken
    }

    pub(super) fn still_has(&self, record: &Record, name: &Name, happens: &dyn Fn(usize) -> bool) -> bool {
        (0..self.people.len()).filter(|&at| happens(at)).filter_map(|at| self.intent(at)).all(|intent| {
            let archived = intent.archives.iter().any(|archive| same_record(Some(archive), Some(record)));
            let rewritten = intent.action.is_some() && same_record(intent.target, Some(record));
            !archived && (!rewritten || names(intent.rule.kind, &intent.after).contains(name))
        })
    }

    /// For every tenant, the reasons that hold something of it back.
    pub(super) fn tripped(&self, blocked: &Set) -> BTreeMap<String, BTreeSet<&'static str>> {
        let mut tripped: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
        let policy = &self.world.policy;
        for (id, tenant) in &self.world.tenants {
            let mine = || (0..self.people.len()).filter(|&at| self.people[at].key.tenant == *id);
            let count = |action: &str| {
                mine().flat_map(|at| self.actions(at, blocked)).filter(|done| *done == action).count() as u64
            };
            let reasons = tripped.entry(id.clone()).or_default();
            // R9: "A broken rule holds back every archive and deactivate of its tenant".
            if self.world.declared_rules().any(|rule| rule.tenant == *id && is_broken(tenant, rule)) {
                reasons.insert("RuleBroken");
            }
            let guards = [
                ("maxDeactivations", "deactivate", policy.max_deactivations),
                ("maxArchives", "archive", policy.max_archives),
                ("maxCreates", "create", policy.max_creates),
            ];
            for (reason, action, limit) in guards {
                if self.limit(id, limit).is_some_and(|limit| count(action) > limit) {
                    reasons.insert(reason);
                }
            }
        }
        tripped
    }

    /// R10: "A number, or a percentage (rounded down, at least 5) of the records that the tenant owned and that were
    /// active before the round."
    pub(super) fn limit(&self, tenant: &str, limit: Limit) -> Option<u64> {
        let owned = |record: &&Record| record.link.as_ref().is_some_and(|link| link.user.tenant == tenant);
        let active = self.world.records.iter().filter(owned).filter(|record| record.status == Status::Active).count();
        match limit {
            Limit::None => None,
            Limit::Count(count) => Some(count),
            Limit::Percent(percent) => Some((active as u64 * u64::from(percent) / 100).max(5)),
        }
    }

    /// "all changes of that class of that tenant are *held* (both halves of a change of kind)"; "Of several reasons to
    /// hold the first counts: `RuleBroken`, maxDeactivations, maxArchives, maxCreates."
    pub(super) fn hold(
        &self,
        at: usize,
        blocked: &Set,
        tripped: &BTreeMap<String, BTreeSet<&'static str>>,
    ) -> Option<&'static str> {
        let actions = self.actions(at, blocked);
        let reasons = tripped.get(&self.people[at].key.tenant)?;
        let concerns = [
            ("RuleBroken", ["archive", "deactivate"]),
            ("maxDeactivations", ["deactivate", "deactivate"]),
            ("maxArchives", ["archive", "archive"]),
            ("maxCreates", ["create", "create"]),
        ];
        let counts = |(reason, classes): &(&'static str, [&str; 2])| {
            reasons.contains(reason) && actions.iter().any(|action| classes.contains(action))
        };
        concerns.into_iter().find(counts).map(|(reason, _)| reason)
    }

    /// What is done because of this user.
    pub(super) fn actions(&self, at: usize, blocked: &Set) -> Vec<&'static str> {
        if blocked.contains(&at) {
            return Vec::new();
        }
        match self.intent(at) {
            Some(intent) => intent.archives.iter().map(|_| "archive").chain(intent.action).collect(),
            None => {
                self.retirement(at, blocked).filter(|_| self.retires(at)).map(|_| "deactivate").into_iter().collect()
            }
        }
    }

    /// The active record of a user that the rules want inactive: gone, unmatched or disabled; unless somebody takes it
    /// over ("if the take-over is blocked, it is").
    pub(super) fn retirement(&self, at: usize, blocked: &Set) -> Option<&'w Record> {
        let person = &self.people[at];
        let retire = match person.standing {
            Standing::Gone | Standing::Disabled(_) => true,
            Standing::Unmatched => !self.world.policy.keep_unmatched,
            Standing::Suspended | Standing::Wanted(_) => false,
        };
        person
            .linked
            .filter(|record| retire && record.status == Status::Active && !self.is_taken_over(record, at, blocked))
    }

    /// R8: "Status works alike: a record that a person activated … stays so under `preserve` until the directory user
    /// changes".
    pub(super) fn retires(&self, at: usize) -> bool {
        self.people[at].changed || self.world.policy.enforce
    }

    /// Section 9: "A gone owner's record that a held change would take over is not also deactivated". Reading: an
    /// archive for another's login (R6) takes it over too.
    pub(super) fn is_taken_over(&self, record: &Record, owner: usize, blocked: &Set) -> bool {
        (0..self.people.len())
            .filter(|at| *at != owner && !blocked.contains(at))
            .filter_map(|at| self.intent(at))
            .filter(|intent| intent.action.is_some())
            .any(|intent| {
                same_record(intent.target, Some(record))
                    || intent.archives.iter().any(|archive| same_record(Some(archive), Some(record)))
            })
    }
}
