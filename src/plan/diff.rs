//! Desired against actual: the one function that decides everything (rules R1 to R12).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::actual::{Actual, Namespace};
use crate::desired::{Desired, Want, project};
use crate::manifest::config::Config;
use crate::model::{Field, Id, Record, RecordKey, Status, Text, UserKey, folded};

use super::basis::{Imprint, heads};
use super::decide::Decider;
use super::guard::{Tally, Tripped};
use super::names::{Names, Standing};
use super::proposal::{Draft, Proposal, Retire, Target, status_change};
use super::{
    Action, Basis, Blocked, Change, FieldChange, Hold, LinkChange, Observed, Plan, Preserved, Provenance, Scope, Slot,
    Touch, UserRef,
};
use crate::model::Link;

/// Plans a round. Total: what cannot be decided is [`Blocked`], what must wait for a person is held.
#[must_use]
pub fn plan(config: &Config, observed: &Observed, scope: &Scope) -> Plan {
    let desired = project(config, &observed.directory);
    let mut drafts = Drafts::default();
    drafts.collect(&desired, &observed.actual, scope);
    let Drafts { mut proposals, retires, touched, preserved, unchanged, imprints } = drafts;
    proposals.sort_unstable_by(|a, b| a.user.cmp(&b.user));

    let mut names = Names::settle(&proposals, &observed.actual);
    let broken = desired.tenants().filter(|(_, tenant)| !tenant.reach.broken().is_empty());
    let broken: BTreeSet<Id> = broken.map(|(id, _)| id.clone()).collect();
    let tallies = tally(&proposals, &names, &retires);
    let tripped = Tripped::new(&tallies, &broken, &config.policy.guards, &observed.actual);
    let holds: Vec<Option<Hold>> = proposals.iter().map(|one| tripped.hold(&one.user.tenant, &one.actions())).collect();
    let stands = |at: &usize| holds[*at].is_some() && names.standing(*at) == Standing::Happens;
    let held: Vec<usize> = (0..proposals.len()).filter(stands).collect();
    names.hold(&held);

    let taken = taken_over(&proposals, &names);
    let mut writer = Writer { names: &names, given: HashSet::new(), changes: Vec::new(), blocked: Vec::new() };
    for (at, proposal) in proposals.iter().enumerate() {
        writer.write(at, proposal, holds[at]);
    }
    let Writer { mut changes, blocked, .. } = writer;
    let retires = retires.into_iter().filter(|retire| !taken.contains(&retire.record.key));
    changes.extend(retires.map(|retire| {
        let reason = tripped.hold(&retire.user.key.tenant, &std::iter::once(Action::Deactivate));
        deactivate(retire, reason)
    }));
    changes.sort_by(|a, b| (&a.user.key, a.action, a.kind, a.id).cmp(&(&b.user.key, b.action, b.kind, b.id)));

    let mut touched: Vec<Touch> = touched.into_iter().filter(|touch| !taken.contains(&touch.record)).collect();
    touched.sort_unstable_by(|a, b| a.user.key.cmp(&b.user.key));
    let mut preserved: Vec<Preserved> = preserved.into_iter().filter(|one| !taken.contains(&one.record)).collect();
    preserved.sort_unstable_by(|a, b| a.user.key.cmp(&b.user.key));
    let unchanged = unchanged.count(&taken) + touched.len() as u64;
    let tenants = heads(&desired, observed, scope, imprints);
    let basis = Basis { config_digest: config.digest.clone(), state_revision: observed.actual.revision, tenants };
    Plan { basis, changes, touched, preserved, blocked, unchanged }
}

/// Every user's draft, sorted by what it is.
#[derive(Default)]
struct Drafts<'a> {
    proposals: Vec<Proposal<'a>>,
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
    fn collect(&mut self, desired: &'a Desired<'a>, actual: &'a Actual, scope: &Scope) {
        let decider = Decider { desired, actual };
        for (tenant, planned) in desired.tenants().filter(|(tenant, _)| scope.covers(tenant)) {
            let mut imprint = Imprint::of_rules(&planned.reach);
            for (id, user) in planned.known.users() {
                let key = UserKey { tenant: tenant.clone(), user: id.clone() };
                let want = desired.of_known(planned, id, user);
                self.add(&decider, &key, &want, &mut imprint);
            }
            self.imprints.insert(tenant.clone(), imprint);
        }
        for (key, _) in actual.owners().filter(|(key, _)| scope.covers(&key.tenant) && desired.is_gone(key)) {
            let mut imprint = self.imprints.remove(&key.tenant).unwrap_or_default();
            self.add(&decider, key, &Want::Gone, &mut imprint);
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

impl Proposal<'_> {
    /// What is done to the wanted record.
    fn action(&self) -> Action {
        match self.target {
            Target::Create => Action::Create,
            Target::Merge(_) => Action::Merge,
            Target::Restore(_) => Action::Restore,
            Target::Update(record) if record.status == Status::Active => Action::Update,
            Target::Update(_) => Action::Reactivate,
        }
    }

    /// Everything that is done, archives first.
    fn actions(&self) -> impl Iterator<Item = Action> + Clone {
        std::iter::repeat_n(Action::Archive, self.archives.len()).chain(std::iter::once(self.action()))
    }
}

/// Turns proposals into changes and blocked entries; keeps the names that archives get apart from each other.
struct Writer<'n, 'p, 'a> {
    names: &'n Names<'p, 'a>,
    given: HashSet<(Field, Text)>,
    changes: Vec<Change>,
    blocked: Vec<Blocked>,
}

impl<'a> Writer<'_, '_, 'a> {
    fn write(&mut self, at: usize, proposal: &Proposal<'a>, hold: Option<Hold>) {
        match self.names.standing(at) {
            Standing::Blocked => {
                let obstacle = self.names.obstacle(at);
                self.blocked.push(Blocked {
                    user: proposal.user_ref(),
                    rule: proposal.person.rule.name.clone(),
                    code: obstacle.code,
                    message: obstacle.message,
                    candidates: obstacle.candidates,
                });
            }
            Standing::Held => self.change(proposal, hold),
            Standing::Happens => self.change(proposal, None),
        }
    }

    fn change(&mut self, proposal: &Proposal<'a>, held: Option<Hold>) {
        for record in &proposal.archives {
            let change = self.archive(proposal, record, held);
            self.changes.push(change);
        }
        let mut fields: Vec<FieldChange> = proposal.status_change().into_iter().collect();
        fields.extend(proposal.field_changes());
        self.changes.push(Change {
            action: proposal.action(),
            kind: proposal.kind(),
            id: proposal.target.record().map(|record| record.key.id),
            user: proposal.user_ref(),
            rule: Some(proposal.person.rule.name.clone()),
            reason: proposal.reason.clone(),
            held,
            fields,
            link: LinkChange::Set(proposal.link.clone()),
        });
    }

    fn archive(&mut self, proposal: &Proposal<'a>, record: &Record, held: Option<Hold>) -> Change {
        let mut fields = vec![status_change(Some(record.status), Status::Archived, Provenance::Rule)];
        fields.extend(self.archived_names(record));
        let rule = &proposal.person.rule.name;
        let reason = match proposal.linked {
            Some(linked) if linked.key == record.key => format!("rule `{rule}` makes this user a {}", proposal.kind()),
            Some(_) | None => {
                format!("it holds the login of this user, whom rule `{rule}` makes a {}", proposal.kind())
            }
        };
        Change {
            action: Action::Archive,
            kind: record.key.kind,
            id: Some(record.key.id),
            user: proposal.user_ref(),
            rule: Some(rule.clone()),
            reason,
            held,
            fields,
            link: LinkChange::Archived,
        }
    }

    /// The names of an archived record: the first suffix that no record of any status has or gets (rule R6).
    fn archived_names(&mut self, record: &Record) -> Vec<FieldChange> {
        let held = [Field::Username, Field::Email].map(|field| (field, record.fields.get(field)));
        let names = held.into_iter().filter_map(|(field, name)| Some((field, name?)));
        let names: Vec<(Field, &str)> = names.collect();
        let suffixes =
            std::iter::once(String::from("_Archived")).chain((2_u64..).map(|number| format!("_Archived{number}")));
        let free = |suffix: &String| {
            names.iter().all(|(field, name)| !self.is_used(*field, &folded(&format!("{name}{suffix}"))))
        };
        let suffix = suffixes.into_iter().find(free).unwrap_or_default();
        let change = |(field, name): &(Field, &str)| FieldChange {
            slot: Slot::Field(*field),
            before: Some(Text::from(*name)),
            after: Some(Text::from(format!("{name}{suffix}"))),
            from: Provenance::Rule,
        };
        let changes: Vec<FieldChange> = names.iter().map(change).collect();
        self.given.extend(names.iter().map(|(field, name)| (*field, folded(&format!("{name}{suffix}")))));
        changes
    }

    fn is_used(&self, field: Field, name: &Text) -> bool {
        let spaces = [Namespace::LoginUsername, Namespace::LoginEmail, Namespace::Email(crate::model::Kind::Contact)];
        let wanted = spaces.into_iter().any(|space| space.field() == field && self.names.is_given(space, name));
        let held = match field {
            Field::Username => self.names.actual().has_username(name),
            Field::Email => self.names.actual().has_email(name),
            Field::Account
            | Field::Location
            | Field::FirstName
            | Field::LastName
            | Field::Phone
            | Field::JobTitle
            | Field::Department
            | Field::Manager
            | Field::EmploymentType
            | Field::EmployeeRole
            | Field::PortalAccess
            | Field::SecurityRole => false,
        };
        wanted || held || self.given.contains(&(field, name.clone()))
    }
}

fn deactivate(retire: Retire<'_>, held: Option<Hold>) -> Change {
    let Retire { user, record, rule, seen, reason } = retire;
    let link = Link { user: user.key.clone(), user_principal_name: user.user_principal_name.clone(), seen };
    Change {
        action: Action::Deactivate,
        kind: record.key.kind,
        id: Some(record.key.id),
        user: UserRef { key: user.key, user_principal_name: user.user_principal_name },
        rule: rule.cloned(),
        reason: reason.to_owned(),
        held,
        fields: vec![status_change(Some(record.status), Status::Inactive, Provenance::Directory)],
        link: LinkChange::Set(link),
    }
}
