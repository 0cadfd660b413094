//! What must hold whatever happened, as docs/invariants.md has it: of the state, of the next plan, and of the history.

use std::collections::{BTreeMap, BTreeSet};

use bmsync::actual::Actual;
use bmsync::applied::Event;
use bmsync::directory::Directory;
use bmsync::model::{Field, Id, Record, RecordKey, Revision, Status, UserKey, folded};
use bmsync::plan::{Action, Change, Observed, Plan, Scope, plan};
use fastrand::Rng;

use crate::oracle::model::Verdict;
use crate::oracle::translate;
use crate::oracle::world::{Limit, Policy, World};

/// What is looked at when everything has settled.
pub struct Reckoning {
    /// The final directory and manifests, with the records as they are; what links have seen is taken for unknown.
    pub world: World,
    pub actual: Actual,
    pub events: Vec<Event>,
    /// What the running bmsync holds back.
    pub held: Vec<Change>,
    /// What the second implementation of the rules would do to the world.
    pub verdict: Verdict,
    /// Whether a person edited records on the way.
    pub edited: bool,
    /// Every policy that was in force; nothing when a person approved what the guards held back.
    pub guarded: Option<Vec<Policy>>,
}

type Held = Result<(), String>;

/// Whether all of them hold.
pub fn hold(it: &Reckoning) -> Held {
    let history = replay(it)?;
    nothing_is_lost_and_no_id_reused(it)?;
    only_what_may_be_touched_was(it)?;
    names_are_unique(&history)?;
    guards_were_kept(it, &history)?;
    undo(it)?;
    let next = next_plan(it);
    the_next_plan_is_empty(it, &next)?;
    the_state_is_what_the_rules_say(it, &next)
}

fn next_plan(it: &Reckoning) -> Plan {
    let directory: Directory = translate::directory(&it.world, &mut Rng::with_seed(1));
    let observed = Observed { directory, actual: it.actual.clone(), ..Observed::default() };
    plan(&translate::config(&it.world), &observed, &Scope::All)
}

/// I2: there is nothing left to do but what a guard holds back.
fn the_next_plan_is_empty(it: &Reckoning, next: &Plan) -> Held {
    let held_back = |change: &&Change| it.held.iter().any(|held| held.user.key == change.user.key);
    let left: Vec<&Change> =
        next.changes.iter().filter(|change| change.held.is_none()).filter(|one| !held_back(one)).collect();
    if left.is_empty() && next.touched.is_empty() {
        return Ok(());
    }
    Err(format!("the next plan is not empty: {left:#?} {:#?}", next.touched))
}

/// I1: the second implementation of the rules, which knows nothing of what was seen before, would write nothing but over
/// edits that the plan preserves.
fn the_state_is_what_the_rules_say(it: &Reckoning, next: &Plan) -> Held {
    let preserved: BTreeSet<(RecordKey, &str)> =
        next.preserved.iter().flat_map(|one| one.fields.iter().map(|field| (one.record, field.slot.word()))).collect();
    let held: BTreeSet<_> = it.held.iter().map(|change| translate::key(&change.user.key)).collect();
    for change in it.verdict.changes.iter().filter(|change| change.held.is_none() && !held.contains(&change.user)) {
        let key = change.id.map(|id| RecordKey { kind: change.kind, id });
        let stands = |name: &'static str| key.is_some_and(|key| preserved.contains(&(key, name)));
        let excused = it.edited && !change.fields.is_empty() && change.fields.iter().all(|field| stands(field.name));
        if !excused {
            return Err(format!("the rules would still do {change:#?}\npreserved: {preserved:?}"));
        }
    }
    Ok(())
}

/// I3: records are never deleted, and every record began with an event of its own.
fn nothing_is_lost_and_no_id_reused(it: &Reckoning) -> Held {
    let mut born = BTreeSet::new();
    for event in &it.events {
        let key = event.after.key;
        if event.before.is_none() && !born.insert(key) {
            return Err(format!("{key} was made twice"));
        }
        if event.before.as_ref().is_some_and(|before| before.key != key) {
            return Err(format!("event {} changed the ID of {key}", event.id));
        }
    }
    let there: BTreeSet<RecordKey> = it.actual.records().map(|record| record.key).collect();
    if there == born { Ok(()) } else { Err(format!("records {there:?}, but {born:?} were made")) }
}

/// I6: unless a person approved it, no commit has more deactivations or archives of a tenant than some policy allowed.
fn guards_were_kept(it: &Reckoning, history: &[Moment]) -> Held {
    let Some(policies) = &it.guarded else { return Ok(()) };
    for moment in history.iter().filter(|moment| !moment.imported) {
        let events = it.events.iter().filter(|event| event.revision == moment.revision);
        let mut counts: BTreeMap<(Id, &str), u64> = BTreeMap::new();
        for event in events.filter(|event| event.action == "deactivate" || event.action == "archive") {
            let Some(user) = &event.user else { continue };
            *counts.entry((user.tenant.clone(), event.action.as_str())).or_default() += 1;
        }
        for ((tenant, action), count) in counts {
            let owned = moment.before.values().filter(|record| {
                record.status == Status::Active && record.link.as_ref().is_some_and(|link| link.user.tenant == tenant)
            });
            let active = owned.count() as u64;
            let limit = |policy: &Policy| match action {
                "archive" => allowed_by(policy.max_archives, active),
                _ => allowed_by(policy.max_deactivations, active),
            };
            if policies.iter().all(|policy| limit(policy) < count) {
                let revision = moment.revision;
                let commit: Vec<&Event> = it.events.iter().filter(|event| event.revision == revision).collect();
                return Err(format!(
                    "revision {revision} has {count} × {action} of {tenant}: {policies:?} {commit:#?}"
                ));
            }
        }
    }
    Ok(())
}

/// R10: "A number, or a percentage (rounded down, at least 5)".
fn allowed_by(limit: Limit, active: u64) -> u64 {
    match limit {
        Limit::None => u64::MAX,
        Limit::Count(count) => count,
        Limit::Percent(percent) => (active * u64::from(percent) / 100).max(5),
    }
}

/// A state on the way: after each revision, with the records that it wrote.
pub struct Moment {
    revision: Revision,
    state: BTreeMap<RecordKey, Record>,
    before: BTreeMap<RecordKey, Record>,
    imported: bool,
}

/// I7: events are numbered without gaps, each begins where the one before of its record ended, and together they are
/// the state.
fn replay(it: &Reckoning) -> Result<Vec<Moment>, String> {
    let mut state: BTreeMap<RecordKey, Record> = BTreeMap::new();
    let mut moments = Vec::new();
    for commit in it.events.chunk_by(|one, next| one.revision == next.revision) {
        let before = state.clone();
        for event in commit {
            let known = state.get(&event.after.key).map(bare);
            if known != event.before.as_ref().map(bare) {
                return Err(format!("event {} does not begin where its record was: {known:#?} {event:#?}", event.id));
            }
            state.insert(event.after.key, event.after.clone());
        }
        let imported = commit.iter().any(|event| event.action == "import");
        moments.push(Moment { revision: commit[0].revision, state: state.clone(), before, imported });
    }
    let gaps = it.events.iter().zip(1..).find(|(event, number)| event.id != *number);
    if let Some((event, number)) = gaps {
        return Err(format!("event {number} is called {}", event.id));
    }
    let told: Vec<Record> = state.values().map(bare).collect();
    let found: Vec<Record> = it.actual.sorted_records().into_iter().map(bare).collect();
    if told == found { Ok(moments) } else { Err(format!("events say {told:#?}\nthe state is {found:#?}")) }
}

/// A record without what is stored of its owner beyond who it is: that moves without an event.
fn bare(record: &Record) -> Record {
    let mut bare = record.clone();
    if let Some(link) = &mut bare.link {
        (link.user_principal_name, link.seen) = (None, bmsync::model::Seen::Unknown);
    }
    bare
}

/// I8: replayed backwards, the events lead to nothing.
fn undo(it: &Reckoning) -> Held {
    let mut state: BTreeMap<RecordKey, Record> = it.actual.records().map(|record| (record.key, bare(record))).collect();
    for event in it.events.iter().rev() {
        let key = event.after.key;
        if state.get(&key) != Some(&bare(&event.after)) {
            return Err(format!("event {} cannot be undone", event.id));
        }
        match &event.before {
            Some(before) => state.insert(key, bare(before)),
            None => state.remove(&key),
        };
    }
    if state.is_empty() { Ok(()) } else { Err(format!("{state:#?} is left before the first event")) }
}

/// I5: what bmsync changes it owns, except what it takes over or archives out of the way.
fn only_what_may_be_touched_was(it: &Reckoning) -> Held {
    for event in it.events.iter().filter(|event| event.action != "import") {
        let action = Action::ALL.into_iter().find(|action| event.action == action.word());
        let Some(action) = action else { return Err(format!("event {} is of no action: {event:#?}", event.id)) };
        let user = event.user.as_ref().ok_or_else(|| format!("event {} is because of nobody", event.id))?;
        let owner = event.before.as_ref().and_then(|before| before.link.as_ref()).map(|link| &link.user);
        if !allowed(action, event, owner, user) {
            return Err(format!("event {} touches what is not its user's: {event:#?}", event.id));
        }
    }
    Ok(())
}

fn allowed(action: Action, event: &Event, owner: Option<&UserKey>, user: &UserKey) -> bool {
    let after = event.after.link.as_ref().map(|link| &link.user);
    match action {
        Action::Create => event.before.is_none() && after == Some(user),
        Action::Update | Action::Deactivate | Action::Reactivate => owner == Some(user) && after == Some(user),
        Action::Merge => event.before.is_some() && owner != Some(user) && after == Some(user),
        Action::Restore => {
            let before = event.before.as_ref();
            before.is_some_and(|one| one.status == Status::Archived && !one.references.any()) && after == Some(user)
        }
        Action::Archive => after.is_none() && event.after.archived_from.as_ref() == Some(user),
    }
}

/// I4: a name that a commit newly sets has one bearer afterwards.
fn names_are_unique(history: &[Moment]) -> Held {
    for moment in history.iter().filter(|moment| !moment.imported) {
        for (key, record) in &moment.state {
            let old = moment.before.get(key);
            for name in names(record).filter(|name| old.is_none_or(|old| !names(old).any(|had| had == *name))) {
                let rival = moment.state.values().find(|other| other.key != *key && names(other).any(|it| it == name));
                if let Some(rival) = rival {
                    let revision = moment.revision;
                    return Err(format!("since revision {revision} both {key} and {} have {name:?}", rival.key));
                }
            }
        }
    }
    Ok(())
}

/// The names a record holds, each in the space in which it has to be unique.
fn names(record: &Record) -> impl Iterator<Item = (String, String)> + '_ {
    let live = record.status != Status::Archived;
    let spaces = [
        (Field::Username, record.has_login(), "login username".to_owned()),
        (Field::Email, record.has_login(), "login email".to_owned()),
        (Field::Email, live, format!("email of {}", record.key.kind)),
    ];
    let held = spaces.into_iter().filter(|(_, counts, _)| *counts);
    held.filter_map(|(field, _, space)| Some((space, folded(record.fields.get(field)?).to_string())))
}
