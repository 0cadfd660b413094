//! What stands: names settled, guards asked, and the records of gone owners that others take over.

use std::collections::{BTreeMap, HashSet};

use crate::desired::Desired;
use crate::model::{Id, Record, RecordKey};

use super::guard::{Tally, Tripped};
use super::names::{Names, Standing};
use super::proposal::{Proposal, Retire, Who};
use super::{Action, Hold};

/// The verdicts on all proposals and deactivations of a plan.
pub(super) struct Judgement<'p, 'a> {
    pub names: Names<'p, 'a>,
    /// Records whose gone owners want nothing more, because others take them over.
    pub taken: HashSet<RecordKey>,
    pub tripped: Tripped,
}

impl<'p, 'a> Judgement<'p, 'a> {
    /// Guards on what the names have left, then the names once more without what is held (rules R5, R10).
    pub fn new(
        desired: &Desired<'_>,
        mut names: Names<'p, 'a>,
        proposals: &'p [Proposal<'a>],
        entangled: &[usize],
        retires: &[Retire<'_>],
    ) -> Self {
        let actual = names.actual();
        let tallies = tally(proposals, entangled, &names, retires);
        let tripped = Tripped::new(&tallies, distrust(desired), &desired.config().policy.guards, actual);
        let is_held = |at: &usize| {
            let proposal = &proposals[*at];
            names.standing(*at) == Standing::Happens && tripped.hold(proposal.who.tenant, &proposal.actions()).is_some()
        };
        if !tripped.is_empty() {
            let held: Vec<usize> = (0..proposals.len()).filter(is_held).collect();
            names.hold(&held);
        }
        let taken = taken_over(proposals, entangled, &names);
        Self { names, taken, tripped }
    }

    /// The first reason to hold changes of these actions of a tenant.
    pub fn hold(&self, tenant: &Id, actions: &(impl Iterator<Item = Action> + Clone)) -> Option<Hold> {
        self.tripped.hold(tenant, actions)
    }
}

/// The tenants whose absences prove nothing: a rule is broken, or what is absent is suspicious (rule R9).
fn distrust(desired: &Desired<'_>) -> Tripped {
    let mut tripped = Tripped::default();
    for (id, tenant) in desired.tenants() {
        if !tenant.known.sight.missing().is_empty() {
            tripped.add(id, Hold::PermissionsShrank);
            if tenant.known.sight.is_blanked() {
                tripped.distrust_updates(id);
            }
        }
        if tenant.known.suspicion.is_some() {
            tripped.add(id, Hold::SourceUnhealthy);
        }
        if !tenant.reach.broken().is_empty() {
            tripped.add(id, Hold::RuleBroken);
        }
    }
    tripped
}

/// Counts what the guards limit: once, after blocking, before holding.
fn tally(
    proposals: &[Proposal<'_>],
    entangled: &[usize],
    names: &Names<'_, '_>,
    retires: &[Retire<'_>],
) -> BTreeMap<Id, Tally> {
    let mut tallies: BTreeMap<Id, Tally> = BTreeMap::new();
    let mut at = 0;
    for tenant in proposals.chunk_by(|one, next| one.who.tenant == next.who.tenant) {
        let tally = tallies.entry(tenant[0].who.tenant.clone()).or_default();
        for proposal in tenant {
            if names.standing(at) == Standing::Happens {
                proposal.actions().for_each(|action| tally.count(action));
            }
            at += 1;
        }
    }
    let taken = taken_over(proposals, entangled, names);
    for retire in retires.iter().filter(|retire| !taken.contains(&retire.record.key)) {
        tallies.entry(retire.user.key.tenant.clone()).or_default().count(Action::Deactivate);
    }
    tallies
}

/// The records of gone owners that others take over, now or once a person consents: their owners want nothing more.
fn taken_over(proposals: &[Proposal<'_>], entangled: &[usize], names: &Names<'_, '_>) -> HashSet<RecordKey> {
    let standing = entangled.iter().filter(|at| names.standing(**at) != Standing::Blocked);
    let foreign = standing.flat_map(|at| {
        let own = proposals[*at].who;
        let others = move |record: &&Record| record.link.as_ref().is_some_and(|link| Who::of(&link.user) != own);
        proposals[*at].touches().filter(others).map(|record| record.key)
    });
    foreign.collect()
}
