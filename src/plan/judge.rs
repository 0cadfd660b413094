//! What stands: names settled, guards asked, and the records of gone owners that others take over.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::actual::Actual;
use crate::desired::Desired;
use crate::model::{Id, Record, RecordKey};

use super::guard::{Tally, Tripped};
use super::names::{Names, Standing};
use super::proposal::{Proposal, Retire};
use super::{Action, Hold};

/// The verdicts on all proposals and deactivations of a plan.
pub(super) struct Judgement<'p, 'a> {
    pub names: Names<'p, 'a>,
    /// Records whose gone owners want nothing more, because others take them over.
    pub taken: HashSet<RecordKey>,
    tripped: Tripped,
}

impl<'p, 'a> Judgement<'p, 'a> {
    /// Names first, then guards on what is left, then the names once more without what is held (rules R5, R10).
    pub fn new(
        desired: &Desired<'_>,
        actual: &'a Actual,
        proposals: &'p [Proposal<'a>],
        retires: &[Retire<'_>],
    ) -> Self {
        let mut names = Names::settle(proposals, actual);
        let broken = desired.tenants().filter(|(_, tenant)| !tenant.reach.broken().is_empty());
        let broken: BTreeSet<Id> = broken.map(|(id, _)| id.clone()).collect();
        let tallies = tally(proposals, &names, retires);
        let tripped = Tripped::new(&tallies, &broken, &desired.config().policy.guards, actual);
        let is_held = |at: &usize| {
            let proposal = &proposals[*at];
            names.standing(*at) == Standing::Happens
                && tripped.hold(&proposal.user.tenant, &proposal.actions()).is_some()
        };
        let held: Vec<usize> = (0..proposals.len()).filter(is_held).collect();
        names.hold(&held);
        let taken = taken_over(proposals, &names);
        Self { names, taken, tripped }
    }

    /// The first reason to hold changes of these actions of a tenant.
    pub fn hold(&self, tenant: &Id, actions: &(impl Iterator<Item = Action> + Clone)) -> Option<Hold> {
        self.tripped.hold(tenant, actions)
    }
}

/// Counts what the guards limit: once, after blocking, before holding.
fn tally(proposals: &[Proposal<'_>], names: &Names<'_, '_>, retires: &[Retire<'_>]) -> BTreeMap<Id, Tally> {
    let mut tallies: BTreeMap<Id, Tally> = BTreeMap::new();
    for (at, proposal) in proposals.iter().enumerate() {
        if names.standing(at) == Standing::Happens {
            let tally = tallies.entry(proposal.user.tenant.clone()).or_default();
            proposal.actions().for_each(|action| tally.count(action));
        }
    }
    let taken = taken_over(proposals, names);
    for retire in retires.iter().filter(|retire| !taken.contains(&retire.record.key)) {
        tallies.entry(retire.user.key.tenant.clone()).or_default().count(Action::Deactivate);
    }
    tallies
}

/// The records of gone owners that others take over, now or once a person consents: their owners want nothing more.
fn taken_over(proposals: &[Proposal<'_>], names: &Names<'_, '_>) -> HashSet<RecordKey> {
    let standing = proposals.iter().enumerate().filter(|(at, _)| names.standing(*at) != Standing::Blocked);
    let foreign = standing.flat_map(|(_, proposal)| {
        let others = |record: &&Record| record.link.as_ref().is_some_and(|link| link.user != proposal.user);
        proposal.touches().filter(others).map(|record| record.key)
    });
    foreign.collect()
}
