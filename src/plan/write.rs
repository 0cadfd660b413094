//! Proposals and deactivations written down as the changes and blocked users of a plan.

use std::collections::HashSet;

use crate::actual::Namespace;
use crate::model::{Field, Kind, Record, Status, Text, folded};

use super::judge::Judgement;
use super::names::Standing;
use super::proposal::{Proposal, Retire, status_change};
use super::{Action, Blocked, Change, FieldChange, Hand, Hold, LinkChange, Provenance, Reason, Slot};

/// What becomes of a proposal whose changes do not simply happen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Blocked,
    Held(Option<Hold>),
}

/// What there is to write beside the changes of the wanted records: everything that needs a look at other proposals.
#[derive(Debug)]
pub(super) struct Aside {
    pub archives: Vec<Change>,
    pub blocked: Vec<Blocked>,
    /// By the place of the proposal, ascending.
    pub fates: Vec<(usize, Fate)>,
}

impl Aside {
    /// Writes down who is blocked and what is archived. `entangled` are the proposals that write existing records.
    pub fn new(judgement: &Judgement<'_, '_>, proposals: &[Proposal<'_>], entangled: &[usize]) -> Self {
        let mut aside = Self { archives: Vec::new(), blocked: Vec::new(), fates: Vec::new() };
        for (at, standing) in judgement.names.not_happening() {
            let fate = match standing {
                Standing::Blocked => Fate::Blocked,
                Standing::Happens | Standing::Held => Fate::Held(hold(judgement, &proposals[at])),
            };
            if standing == Standing::Blocked {
                aside.blocked.push(blocked(judgement, at, &proposals[at]));
            }
            aside.fates.push((at, fate));
        }
        let mut archiver = Archiver { judgement, given: HashSet::new() };
        for at in entangled {
            let proposal = &proposals[*at];
            let held = match judgement.names.standing(*at) {
                Standing::Blocked => continue,
                Standing::Happens => None,
                Standing::Held => hold(judgement, proposal),
            };
            aside.archives.extend(proposal.archives.iter().map(|record| archiver.archive(proposal, record, held)));
        }
        aside
    }
}

fn hold(judgement: &Judgement<'_, '_>, proposal: &Proposal<'_>) -> Option<Hold> {
    judgement.hold(proposal.who().tenant, &proposal.actions())
}

fn blocked(judgement: &Judgement<'_, '_>, at: usize, proposal: &Proposal<'_>) -> Blocked {
    let obstacle = judgement.names.obstacle(at);
    Blocked {
        user: proposal.user.clone(),
        rule: proposal.rule().clone(),
        code: obstacle.code,
        message: obstacle.message,
        candidates: obstacle.candidates,
    }
}

/// Writes archives down; keeps the names that they get apart.
struct Archiver<'j, 'p, 'a> {
    judgement: &'j Judgement<'p, 'a>,
    given: HashSet<(Field, Text)>,
}

impl Archiver<'_, '_, '_> {
    fn archive(&mut self, proposal: &Proposal<'_>, record: &Record, held: Option<Hold>) -> Change {
        let rule = proposal.rule();
        let reason = match proposal.linked {
            Some(linked) if linked.key == record.key => {
                format!("rule `{rule}` makes this user {}", proposal.kind().with_article())
            }
            Some(_) | None => {
                format!("it holds the login of this user, whom rule `{rule}` makes {}", proposal.kind().with_article())
            }
        };
        let names = self.archived_names(record);
        let renamed = names.iter().map(|(field, name)| FieldChange {
            slot: Slot::Field(*field),
            before: record.fields.get(*field),
            after: Some(name),
            from: Provenance::Rule,
        });
        let status = status_change(Some(record.status), Status::Archived);
        Change {
            action: Action::Archive,
            kind: record.key.kind,
            id: Some(record.key.id),
            user: proposal.user.clone(),
            rule: Some(rule.clone()),
            reason: Reason::from(reason),
            held,
            fields: std::iter::once(status).chain(renamed).collect(),
            link: LinkChange::Archived,
            hand: Hand::Nothing,
        }
    }

    /// The names of an archived record: the first suffix that no record of any status has or gets (rule R6).
    fn archived_names(&mut self, record: &Record) -> Vec<(Field, String)> {
        let fields = Field::of(record.key.kind).iter().filter(|field| matches!(field, Field::Username | Field::Email));
        let names: Vec<(Field, &str)> = fields.filter_map(|field| Some((*field, record.fields.get(*field)?))).collect();
        let suffixes =
            std::iter::once(String::from("_Archived")).chain((2_u64..).map(|number| format!("_Archived{number}")));
        let free = |suffix: &String| {
            names.iter().all(|(field, name)| !self.is_used(*field, &folded(&format!("{name}{suffix}"))))
        };
        let suffix = suffixes.into_iter().find(free).unwrap_or_default();
        let names: Vec<(Field, String)> =
            names.into_iter().map(|(field, name)| (field, format!("{name}{suffix}"))).collect();
        self.given.extend(names.iter().map(|(field, name)| (*field, folded(name))));
        names
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

/// The change of the wanted record.
pub(super) fn change(proposal: Proposal<'_>, held: Option<Hold>) -> Change {
    let (action, kind, seen) = (proposal.action(), proposal.kind(), proposal.seen());
    Change {
        action,
        kind,
        id: proposal.target.record().map(|record| record.key.id),
        rule: Some(proposal.rule().clone()),
        user: proposal.user,
        reason: proposal.reason,
        held,
        fields: proposal.fields,
        link: LinkChange::Set(seen),
        hand: Hand::Nothing,
    }
}

/// The change of a record whose user may not log in any more.
pub(super) fn deactivate(retire: Retire<'_>, held: Option<Hold>) -> Change {
    let Retire { user, record, rule, seen, reason } = retire;
    Change {
        action: Action::Deactivate,
        kind: record.key.kind,
        id: Some(record.key.id),
        user,
        rule: rule.cloned(),
        reason: Reason::Fixed(reason),
        held,
        fields: std::iter::once(status_change(Some(record.status), Status::Inactive)).collect(),
        link: LinkChange::Set(seen),
        hand: Hand::Nothing,
    }
}
