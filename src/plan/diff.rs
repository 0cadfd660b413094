//! Desired against actual: the one function that decides everything (rules R1 to R12).

use std::collections::{BTreeMap, HashSet};

use crate::actual::Actual;
use crate::desired::{Desired, Want, project};
use crate::manifest::config::Config;
use crate::model::{Id, RecordKey, UserKey};

use super::basis::{Imprint, heads};
use super::contest::Contest;
use super::decide::Decider;
use super::judge::Judgement;
use super::names::Names;
use super::proposal::{Draft, Proposal, Retire, make_room};
use super::write::Writer;
use super::{Basis, Observed, Plan, Preserved, Scope, Touch};

/// Plans a round. Total: what cannot be decided is [`Blocked`](super::Blocked), what must wait for a person is held.
#[must_use]
pub fn plan(config: &Config, observed: &Observed, scope: &Scope) -> Plan {
    let desired = project(config, &observed.directory);
    let drafts = Drafts::collect(&desired, &observed.actual, scope);
    let names = Names::settle(&drafts.proposals, &drafts.contest, &observed.actual);
    let judgement = Judgement::new(&desired, names, &drafts.proposals, &drafts.retires);
    let Written { changes, blocked } = write(&drafts, &judgement);
    let Drafts { touched, preserved, unchanged, imprints, .. } = drafts;
    let taken = &judgement.taken;
    let unchanged =
        unchanged.count(taken) + touched.iter().filter(|touch| !taken.contains(&touch.record)).count() as u64;
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

/// What is written down of proposals and deactivations.
struct Written {
    changes: Vec<super::Change>,
    blocked: Vec<super::Blocked>,
}

fn write(drafts: &Drafts<'_>, judgement: &Judgement<'_, '_>) -> Written {
    let mut writer = Writer::new(judgement);
    for (at, proposal) in drafts.proposals.iter().enumerate() {
        writer.proposal(at, proposal);
    }
    for retire in drafts.retires.iter().filter(|retire| !judgement.taken.contains(&retire.record.key)) {
        writer.retire(retire);
    }
    let (mut changes, blocked) = writer.into_parts();
    changes.sort_by(|a, b| (&a.user.key, a.action, a.kind, a.id).cmp(&(&b.user.key, b.action, b.kind, b.id)));
    Written { changes, blocked }
}

/// Every user's draft, sorted by what it is.
#[derive(Default)]
struct Drafts<'a> {
    proposals: Vec<Proposal<'a>>,
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
    fn collect(desired: &'a Desired<'a>, actual: &'a Actual, scope: &Scope) -> Self {
        let mut drafts = Self::default();
        drafts.decide_all(&Decider { desired, actual }, scope);
        drafts.proposals.sort_unstable_by(|a, b| a.user.cmp(&b.user));
        drafts.contest = Contest::new(&drafts.proposals);
        make_room(&mut drafts.proposals, &drafts.contest);
        drafts.touched.sort_unstable_by(|a, b| a.user.key.cmp(&b.user.key));
        drafts.preserved.sort_unstable_by(|a, b| a.user.key.cmp(&b.user.key));
        drafts
    }

    fn decide_all(&mut self, decider: &Decider<'a>, scope: &Scope) {
        match scope {
            Scope::All | Scope::Tenant(_) => self.decide_tenants(decider, scope),
            Scope::Users(users) => {
                let mut ignored = Imprint::default();
                for key in users {
                    self.add(decider, key, &decider.desired.of(key), &mut ignored);
                }
            }
        }
    }

    fn decide_tenants(&mut self, decider: &Decider<'a>, scope: &Scope) {
        let Decider { desired, actual } = *decider;
        for (tenant, planned) in desired.tenants().filter(|(tenant, _)| scope.covers(tenant)) {
            let mut imprint = Imprint::of_rules(&planned.reach);
            for (id, user) in planned.known.users() {
                let key = UserKey { tenant: tenant.clone(), user: id.clone() };
                let want = desired.of_known(planned, id, user);
                self.add(decider, &key, &want, &mut imprint);
            }
            self.imprints.insert(tenant.clone(), imprint);
        }
        for (key, _) in actual.owners().filter(|(key, _)| scope.covers(&key.tenant) && desired.is_gone(key)) {
            let mut imprint = self.imprints.remove(&key.tenant).unwrap_or_default();
            self.add(decider, key, &Want::Gone, &mut imprint);
            self.imprints.insert(key.tenant.clone(), imprint);
        }
    }

    fn add(&mut self, decider: &Decider<'a>, key: &UserKey, want: &Want<'a>, imprint: &mut Imprint) {
        let linked = decider.actual.owned_by(key);
        if linked.is_some() || matches!(want, Want::Person(_) | Want::Suspended(..)) {
            imprint.add(&key.user, decider.desired.seen(want));
        }
        match (decider.decide(key, want), linked) {
            (Draft::Nothing, _) | (Draft::Unchanged, None) => {}
            (Draft::Unchanged, Some(record)) if matches!(want, Want::Gone) => self.unchanged.orphaned.push(record.key),
            (Draft::Unchanged, Some(_)) => self.unchanged.living += 1,
            (Draft::Touched(touch), _) => self.touched.push(touch),
            (Draft::Preserved(preserved), _) => self.preserved.push(preserved),
            (Draft::Retire(retire), _) => self.retires.push(retire),
            (Draft::Proposal(proposal), _) => self.proposals.push(*proposal),
        }
    }
}
