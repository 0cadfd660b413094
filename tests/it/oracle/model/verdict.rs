//! The result in the words of a plan: section 6, R6 for the names of what is archived.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::{filled, folded};
use super::intent::status_change;
use super::names::loses;
use super::people::heads;
use super::round::{Round, Set};
use super::{ACTIONS, Blocked, Change, FieldChange, Person, Preserved, Standing, Verdict};
use crate::oracle::world::{Record, Rule, Status, fields_of};

impl Round<'_> {
    pub(super) fn verdict(
        &self,
        blocked: &Set,
        held: &Set,
        tripped: &BTreeMap<String, BTreeSet<&'static str>>,
    ) -> Verdict {
        let mut verdict = Verdict { tenants: heads(self.world), ..Verdict::default() };
        for (at, person) in self.people.iter().enumerate() {
            verdict.seen.insert(person.key.clone(), person.now.clone());
            verdict.upns.insert(person.key.clone(), last_name(person));
            if blocked.contains(&at) {
                verdict.blocked.extend(self.blocked(at, blocked, held));
                continue;
            }
            let reason = self.hold(at, blocked, tripped);
            let mut changes = self.changes(at, blocked);
            for change in &mut changes {
                change.held = reason;
            }
            if changes.is_empty() {
                self.rest(at, blocked, &mut verdict);
            }
            verdict.changes.extend(changes);
        }
        self.name_archives(&mut verdict.changes);
        // Reading: two archives of one user are listed by ID, though the linked record chose its names first.
        verdict.changes.sort_by_key(|change| {
            let action = ACTIONS.iter().position(|action| *action == change.action);
            (change.user.clone(), action, change.id)
        });
        verdict
    }

    /// "with one entry, the first that applies".
    fn blocked(&self, at: usize, blocked: &Set, held: &Set) -> Option<Blocked> {
        let intent = self.intent(at)?;
        let lost = loses(self.world, &self.people, at).code();
        let taken = self.stays_taken(at, blocked, held).code();
        let code = [intent.early, lost, taken].into_iter().flatten().min()?;
        Some(Blocked { user: self.people[at].key.clone(), rule: intent.rule.name.clone(), code })
    }

    fn changes(&self, at: usize, blocked: &Set) -> Vec<Change> {
        let person = &self.people[at];
        let change = |action, kind, id, rule: Option<&Rule>, fields| {
            let (user, upn) = (person.key.clone(), last_name(person));
            Change { action, kind, id, user, upn, rule: rule.map(|rule| rule.name.clone()), held: None, fields }
        };
        let Some(intent) = &person.intent else {
            // Section 9: "`rule` is null where no rule decided".
            let rule = if let Standing::Disabled(rule) = person.standing { Some(rule) } else { None };
            let record = self.retirement(at, blocked).filter(|_| self.retires(at));
            return record
                .into_iter()
                .map(|record| {
                    let fields = vec![status_change(record, Status::Inactive, "directory")];
                    change("deactivate", record.kind, Some(record.id), rule, fields)
                })
                .collect();
        };
        let Some(action) = intent.action else { return Vec::new() };
        let archive = |record: &&Record| {
            let fields = vec![status_change(record, Status::Archived, "directory")];
            change("archive", record.kind, Some(record.id), Some(intent.rule), fields)
        };
        let id = intent.target.map(|target| target.id);
        let write = change(action, intent.rule.kind, id, Some(intent.rule), intent.fields.clone());
        intent.archives.iter().map(archive).chain([write]).collect()
    }

    /// A user with nothing to write: preserved, or unchanged and perhaps touched.
    fn rest(&self, at: usize, blocked: &Set, verdict: &mut Verdict) {
        let person = &self.people[at];
        let Some(record) = person.linked else { return };
        if matches!(person.standing, Standing::Gone) && self.is_taken_over(record, at, blocked) {
            return;
        }
        let drift = self.drift(at, record, blocked);
        if !drift.is_empty() {
            let (kind, id, user) = (record.kind, record.id, person.key.clone());
            verdict.preserved.push(Preserved { kind, id, user, fields: drift });
            return;
        }
        verdict.unchanged += 1;
        // R8: "When a change leaves nothing to write, apply still stores that it was seen". Reading: not where the rules
        // say "left alone" (a suspended winning rule, a record archived by hand).
        let alone = matches!(person.standing, Standing::Suspended) || record.status == Status::Archived;
        if person.changed && !alone {
            verdict.touched.insert((person.key.clone(), record.kind, record.id));
        }
    }

    fn drift(&self, at: usize, record: &Record, blocked: &Set) -> Vec<(&'static str, Option<String>, Option<String>)> {
        match self.intent(at) {
            Some(intent) => intent.drift.clone(),
            None if self.retirement(at, blocked).is_some() => {
                vec![("status", Some(record.status.word().to_owned()), Some("inactive".to_owned()))]
            }
            None => Vec::new(),
        }
    }

    /// R6: "username `<username>_Archived`, email `<email>_Archived`; when any record of any status had either before
    /// this plan, or this plan gives it, both get `_Archived2`, `_Archived3`, …". Several archives take their names in
    /// the order of the plan.
    fn name_archives(&self, changes: &mut [Change]) {
        let mut used = BTreeSet::new();
        for record in &self.world.records {
            used.extend(["username", "email"].iter().filter_map(|name| Some((*name, folded(record.get(name)?)))));
        }
        for field in changes.iter().flat_map(|change| &change.fields) {
            if let ("username" | "email", Some(after)) = (field.name, &field.after) {
                used.insert((field.name, folded(after)));
            }
        }
        for change in changes.iter_mut().filter(|change| change.action == "archive") {
            let record = change.id.and_then(|id| self.world.record(change.kind, id));
            let both = fields_of(change.kind).iter().copied().filter(|name| ["username", "email"].contains(name));
            let names: Vec<(&'static str, &str)> = both.filter_map(|name| Some((name, record?.get(name)?))).collect();
            let suffixes = std::iter::once("_Archived".to_owned()).chain((2..).map(|n| format!("_Archived{n}")));
            let free = |suffix: &String| {
                names.iter().all(|(name, value)| !used.contains(&(*name, folded(&format!("{value}{suffix}")))))
            };
            let suffix = suffixes.into_iter().find(free).unwrap_or_default();
            for (name, value) in names {
                let after = format!("{value}{suffix}");
                used.insert((name, folded(&after)));
                change.fields.push(FieldChange {
                    name,
                    before: Some(value.to_owned()),
                    after: Some(after),
                    from: "rule",
                });
            }
        }
    }
}

/// Section 9: "`userPrincipalName` of a gone user is the last one known".
fn last_name(person: &Person) -> Option<String> {
    let current = person.user.and_then(|user| filled(&user.upn)).map(str::to_owned);
    current.or_else(|| person.linked?.link.as_ref()?.upn.clone())
}
