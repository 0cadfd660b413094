//! Desired against actual: the one function that decides everything (rules R1 to R12).

use std::collections::{BTreeMap, HashSet};

use crate::actual::Actual;
use crate::desired::{Desired, Want, project};
use crate::manifest::config::Config;
use crate::model::{Id, Mark, Marks, Record, RecordKey};

use super::basis::{Imprint, heads};
use super::contest::Contest;
use super::decide::Decider;
use super::judge::Judgement;
use super::names::Names;
use super::proposal::{Draft, Proposal, Retire, Who, make_room};
use super::write::{self, Aside, Fate};
use super::{Action, Basis, Change, Observed, Plan, Preserved, Scope, Touch};

/// Plans a round. Total: what cannot be decided is [`Blocked`](super::Blocked), what must wait for a person is held.
#[must_use]
pub fn plan(config: &Config, observed: &Observed, scope: &Scope) -> Plan {
    let desired = project(config, &observed.directory);
    let drafts = Drafts::collect(&desired, &observed.actual, scope);
    let Drafts { proposals, entangled, claims: _, contest, retires, touched, preserved, unchanged, imprints } = drafts;
    let names = Names::settle(&proposals, &entangled, &contest, &observed.actual);
    let judgement = Judgement::new(&desired, names, &proposals, &entangled, &retires);
    let Aside { archives, blocked, fates } = Aside::new(&judgement, &proposals, &entangled);
    let Judgement { names: _, taken, tripped } = judgement;
    let retires = retires.into_iter().filter(|retire| !taken.contains(&retire.record.key)).map(|retire| {
        let held = tripped.hold(&retire.user.key.tenant, &std::iter::once(Action::Deactivate));
        write::deactivate(retire, held)
    });
    let mut changes = written(proposals, &fates);
    changes.extend(archives);
    changes.extend(retires);
    changes.sort_by(|a, b| (&a.user.key, a.action, a.kind, a.id).cmp(&(&b.user.key, b.action, b.kind, b.id)));
    observed.means.divide(&mut changes);
    let unchanged =
        unchanged.count(&taken) + touched.iter().filter(|touch| !taken.contains(&touch.record)).count() as u64;
    Plan {
        basis: Basis {
            config_digest: config.digest.clone(),
            config_commit: None,
            state_revision: observed.actual.revision,
            tenants: heads(&desired, observed, scope, imprints),
        },
        changes,
        touched: touched.into_iter().filter(|touch| !taken.contains(&touch.record)).collect(),
        preserved: preserved.into_iter().filter(|one| !taken.contains(&one.record)).collect(),
        blocked,
        unchanged,
    }
}

/// The changes of the wanted records, of all proposals that are not blocked. A change is no larger than a proposal, so
/// they take the proposals' place in memory.
fn written(proposals: Vec<Proposal<'_>>, fates: &[(usize, Fate)]) -> Vec<Change> {
    let mut fates = fates.iter().peekable();
    let change = |(at, proposal)| match fates.next_if(|(other, _)| *other == at) {
        None => Some(write::change(proposal, None)),
        Some((_, Fate::Held(held))) => Some(write::change(proposal, *held)),
        Some((_, Fate::Blocked)) => None,
    };
    proposals.into_iter().enumerate().filter_map(change).collect()
}

/// Every user's draft, sorted by what it is.
#[derive(Default)]
struct Drafts<'a> {
    proposals: Vec<Proposal<'a>>,
    /// The places of the proposals that write records that exist.
    entangled: Vec<usize>,
    /// The names that proposals want, by their places.
    claims: Vec<(Mark, u32)>,
    contest: Contest,
    retires: Vec<Retire<'a>>,
    touched: Vec<Touch>,
    preserved: Vec<Preserved>,
    unchanged: Unchanged,
    imprints: BTreeMap<Id, Imprint>,
}

/// Records with nothing to do; those of users that are gone may still be taken over by others.
#[derive(Default)]
struct Unchanged {
    living: u64,
    orphaned: Vec<RecordKey>,
}

impl Unchanged {
    fn count(&self, taken: &HashSet<RecordKey>) -> u64 {
        self.living + self.orphaned.iter().filter(|key| !taken.contains(key)).count() as u64
    }
}

impl<'a> Drafts<'a> {
    /// Decides every user that is spoken of, each list by user.
    fn collect(desired: &'a Desired<'a>, actual: &'a Actual, scope: &'a Scope) -> Self {
        let mut drafts = Self::default();
        let decider = Decider { desired, actual, marks: Marks::default() };
        drafts.decide_all(&decider, scope);
        let claims = std::mem::take(&mut drafts.claims).into_iter().collect();
        drafts.contest = Contest::new(&drafts.proposals, claims, decider.marks);
        make_room(&mut drafts.proposals, &drafts.entangled, &drafts.contest);
        drafts.touched.sort_unstable_by(|a, b| a.user.key.cmp(&b.user.key));
        drafts.preserved.sort_unstable_by(|a, b| a.user.key.cmp(&b.user.key));
        drafts
    }

    fn decide_all(&mut self, decider: &Decider<'a>, scope: &'a Scope) {
        match scope {
            Scope::All | Scope::Tenant(_) => self.decide_tenants(decider, scope),
            Scope::Users(users) => {
                let mut ignored = Imprint::default();
                for key in users {
                    let linked = decider.actual.owned_by(key);
                    self.add(decider, Who::of(key), linked, &decider.desired.of(key), &mut ignored);
                }
            }
        }
    }

    fn decide_tenants(&mut self, decider: &Decider<'a>, scope: &Scope) {
        let Decider { desired, actual, marks: _ } = *decider;
        for (tenant, planned) in desired.tenants().filter(|(tenant, _)| scope.covers(tenant)) {
            let mut imprint = Imprint::of_rules(&planned.reach);
            for (user, known, groups) in planned.known.users_by_id() {
                let who = Who { tenant, user };
                let linked = actual.owned_by(&who.key());
                let want = desired.of_known(planned, known, groups);
                self.add(decider, who, linked, &want, &mut imprint);
            }
            self.imprints.insert(tenant.clone(), imprint);
        }
        for (key, record) in actual.owners().filter(|(key, _)| scope.covers(&key.tenant) && desired.is_gone(key)) {
            let mut imprint = self.imprints.remove(&key.tenant).unwrap_or_default();
            self.add(decider, Who::of(key), Some(record), &Want::Gone, &mut imprint);
            self.imprints.insert(key.tenant.clone(), imprint);
        }
    }

    fn add(
        &mut self,
        decider: &Decider<'a>,
        who: Who<'a>,
        linked: Option<&'a Record>,
        want: &Want<'a>,
        imprint: &mut Imprint,
    ) {
        if linked.is_some() || matches!(want, Want::Person(_) | Want::Suspended(..)) {
            imprint.add(who.user, decider.desired.seen(want));
        }
        match (decider.decide(who, linked, want), linked) {
            (Draft::Nothing, _) | (Draft::Unchanged, None) => {}
            (Draft::Unchanged, Some(record)) if matches!(want, Want::Gone) => self.unchanged.orphaned.push(record.key),
            (Draft::Unchanged, Some(_)) => self.unchanged.living += 1,
            (Draft::Touched(touch), _) => self.touched.push(touch),
            (Draft::Preserved(preserved), _) => self.preserved.push(preserved),
            (Draft::Retire(retire), _) => self.retires.push(retire),
            (Draft::Proposal(proposal), _) => self.propose(proposal),
        }
    }

    fn propose(&mut self, proposal: Proposal<'a>) {
        let at = self.proposals.len();
        let claims = proposal.claims().map(|mark| (mark, u32::try_from(at).unwrap_or(u32::MAX)));
        self.claims.extend(claims);
        if !proposal.is_apart() {
            self.entangled.push(at);
        }
        self.proposals.push(proposal);
    }
}
