//! Proposals and deactivations written down as the changes and blocked users of a plan.

use std::collections::HashSet;

use crate::actual::Namespace;
use crate::model::{Field, Kind, Link, Record, Status, Text, folded};

use super::judge::Judgement;
use super::names::Standing;
use super::proposal::{Proposal, Retire, status_change};
use super::{Action, Blocked, Change, FieldChange, Hold, LinkChange, Provenance, Slot};

/// Writes proposals and deactivations down as changes and blocked entries; keeps the names that archives get apart.
pub(super) struct Writer<'j, 'p, 'a> {
    judgement: &'j Judgement<'p, 'a>,
    given: HashSet<(Field, Text)>,
    changes: Vec<Change>,
    blocked: Vec<Blocked>,
}

impl<'j, 'p, 'a> Writer<'j, 'p, 'a> {
    pub fn new(judgement: &'j Judgement<'p, 'a>) -> Self {
        Self { judgement, given: HashSet::new(), changes: Vec::new(), blocked: Vec::new() }
    }

    /// Changes and blocked users.
    pub fn into_parts(self) -> (Vec<Change>, Vec<Blocked>) {
        (self.changes, self.blocked)
    }

    pub fn proposal(&mut self, at: usize, proposal: &Proposal<'a>) {
        match self.judgement.names.standing(at) {
            Standing::Blocked => {
                let obstacle = self.judgement.names.obstacle(at);
                self.blocked.push(Blocked {
                    user: proposal.user_ref(),
                    rule: proposal.person.rule.name.clone(),
                    code: obstacle.code,
                    message: obstacle.message,
                    candidates: obstacle.candidates,
                });
            }
            Standing::Held => self.change(proposal, self.judgement.hold(&proposal.user.tenant, &proposal.actions())),
            Standing::Happens => self.change(proposal, None),
        }
    }

    pub fn retire(&mut self, retire: &Retire<'a>) {
        let held = self.judgement.hold(&retire.user.key.tenant, &std::iter::once(Action::Deactivate));
        self.changes.push(deactivate(retire, held));
    }

    fn change(&mut self, proposal: &Proposal<'a>, held: Option<Hold>) {
        for record in &proposal.archives {
            let change = self.archive(proposal, record, held);
            self.changes.push(change);
        }
        let all = 1 + Field::of(proposal.kind()).len();
        let mut fields = Vec::with_capacity(if proposal.target.record().is_none() { all } else { 0 });
        fields.extend(proposal.status_change());
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
        let mut fields = vec![status_change(Some(record.status), Status::Archived)];
        fields.extend(self.archived_names(record));
        let rule = &proposal.person.rule.name;
        let reason = match proposal.linked {
            Some(linked) if linked.key == record.key => {
                format!("rule `{rule}` makes this user {}", proposal.kind().with_article())
            }
            Some(_) | None => {
                format!("it holds the login of this user, whom rule `{rule}` makes {}", proposal.kind().with_article())
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
        let fields = Field::of(record.key.kind).iter().filter(|field| matches!(field, Field::Username | Field::Email));
        let names: Vec<(Field, &str)> = fields.filter_map(|field| Some((*field, record.fields.get(*field)?))).collect();
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
        let spaces = [Namespace::LoginUsername, Namespace::LoginEmail, Namespace::Email(Kind::Contact)];
        let wanted =
            spaces.into_iter().any(|space| space.field() == field && self.judgement.names.is_given(space, name));
        let actual = self.judgement.names.actual();
        let held = if field == Field::Username { actual.has_username(name) } else { actual.has_email(name) };
        wanted || held || self.given.contains(&(field, name.clone()))
    }
}

fn deactivate(retire: &Retire<'_>, held: Option<Hold>) -> Change {
    let Retire { user, record, rule, seen, reason } = retire;
    let link = Link { user: user.key.clone(), user_principal_name: user.user_principal_name.clone(), seen: *seen };
    Change {
        action: Action::Deactivate,
        kind: record.key.kind,
        id: Some(record.key.id),
        user: user.clone(),
        rule: rule.cloned(),
        reason: (*reason).to_owned(),
        held,
        fields: vec![status_change(Some(record.status), Status::Inactive)],
        link: LinkChange::Set(link),
    }
}
