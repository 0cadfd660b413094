//! Plays a walk twice, by bmsync and by the model, and says where they part; checks what must hold after every apply.
//! Knows no rule beyond those checks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};

use bmsync::actual::Actual;
use bmsync::approved::Consent;
use bmsync::manifest::config::Config;
use bmsync::model::{Field, Kind, Record, RecordKey, Status, folded};
use bmsync::plan::{Action, Change, Observed, Plan, Scope, plan};
use fastrand::Rng;

use super::bms::Bms;
use super::model::{self, Verdict};
use super::translate;
use super::world::{Round, Walk, World};

/// Why a walk failed: a word for the kind of failure, the round, and what differs.
#[derive(Debug)]
pub struct Failure {
    pub class: &'static str,
    pub round: usize,
    pub text: String,
}

type Played = Result<(), Failure>;

fn failure(class: &'static str, text: String) -> Failure {
    Failure { class, round: 0, text }
}

/// Plays all rounds of a walk; says how many changes were compared.
pub fn play(walk: &Walk) -> Result<Tally, Failure> {
    let mut world = walk.world.clone();
    world.settle();
    let bms = Bms::new();
    bms.import(&world);
    let mut tally = Tally::default();
    for (number, round) in walk.rounds.iter().enumerate() {
        for op in &round.ops {
            op.happen(&mut world);
            bms.import(&world);
        }
        play_round(&mut world, &bms, round, &mut tally).map_err(|failure| Failure { round: number, ..failure })?;
    }
    Ok(tally)
}

/// What was seen in all plans, so that a test can tell that its worlds are not dull.
#[derive(Clone, Debug, Default)]
pub struct Tally(pub BTreeMap<String, u64>);

impl Tally {
    pub fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(word, count)| *self.0.entry(word.clone()).or_default() += count);
    }

    fn count(&mut self, word: impl Into<String>) {
        *self.0.entry(word.into()).or_default() += 1;
    }

    /// Whether that was seen at all.
    pub fn has(&self, word: &str) -> bool {
        self.0.contains_key(word)
    }

    fn see(&mut self, world: &World, verdict: &Verdict, consent: bool) {
        verdict.changes.iter().for_each(|change| self.count(change.action));
        verdict.changes.iter().filter_map(|change| change.held).for_each(|held| self.count(held));
        verdict.blocked.iter().for_each(|blocked| self.count(format!("{:?}", blocked.code)));
        verdict.preserved.iter().for_each(|_| self.count("preserved"));
        verdict.touched.iter().for_each(|_| self.count("touched"));
        verdict.tenants.iter().for_each(|(_, state)| self.count(*state));
        let held = verdict.changes.iter().filter(|change| consent && change.held.is_some());
        held.for_each(|_| self.count("held and approved"));
        let archives = verdict.changes.windows(2).filter(|two| two.iter().all(|change| change.action == "archive"));
        archives.filter(|two| two[0].user == two[1].user).for_each(|_| self.count("two archives of one user"));
        let merges = verdict.changes.iter().filter(|change| change.action == "merge");
        let owned = merges.filter_map(|change| world.record(change.kind, change.id?)?.link.as_ref());
        owned.for_each(|_| self.count("merge of a gone user's record"));
    }
}

fn play_round(world: &mut World, bms: &Bms, round: &Round, tally: &mut Tally) -> Played {
    let config = translate::config(world);
    let expected = model::plan(world);
    tally.see(world, &expected, round.consent);
    let before = bms.read();
    let found = observe_and_plan(world, &before, &config, 1);
    one_change_of_a_record(&found)?;
    agree("plan", &expected, &translate::verdict(&found))?;
    summaries_agree(&expected, &found)?;
    order_does_not_count(world, &before, &config, &found)?;
    let consent = if round.consent { Consent::Given } else { Consent::Withheld };
    bms.apply(found.clone(), consent).map_err(|text| failure("refused", text))?;
    let after = bms.read();
    *world = model::apply(world, &expected, round.consent);
    same_records(world, &after)?;
    nothing_lost(&before, &after)?;
    names_are_unique(&found, &before, &after)?;
    only_what_is_planned(&found, &before, &after)?;
    second_plan_is_empty(world, &after, &config, &found, consent)
}

fn observe_and_plan(world: &World, actual: &Actual, config: &Config, seed: u64) -> Plan {
    let mut rng = Rng::with_seed(seed);
    let directory = translate::directory(world, &mut rng);
    plan(config, &Observed { directory, actual: actual.clone(), ..Observed::default() }, &Scope::All)
}

/// No record is two users' to change.
fn one_change_of_a_record(found: &Plan) -> Played {
    let keys: Vec<RecordKey> = found.changes.iter().filter_map(Change::record).collect();
    let distinct: BTreeSet<&RecordKey> = keys.iter().collect();
    if keys.len() == distinct.len() { Ok(()) } else { Err(failure("double", format!("  {keys:?}"))) }
}

/// Reasons and messages are for people; everything else is compared.
fn agree(class: &'static str, expected: &Verdict, found: &Verdict) -> Played {
    let expected = Verdict { seen: BTreeMap::new(), upns: BTreeMap::new(), ..expected.clone() };
    if expected == *found {
        return Ok(());
    }
    let mut text = String::new();
    let both = |text: &mut String, what: &str, expected: &[String], found: &[String]| {
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|one| !those.contains(one)).cloned().collect()
        };
        for (who, lines) in [("model ", only(expected, found)), ("bmsync", only(found, expected))] {
            for line in lines {
                let _ = writeln!(text, "  only {who} {what}: {line}");
            }
        }
        if text.is_empty() && expected != found {
            let _ = writeln!(text, "  {what} in another order: {expected:?} but {found:?}");
        }
    };
    both(&mut text, "tenant", &lines(&expected.tenants), &lines(&found.tenants));
    both(&mut text, "change", &lines(&expected.changes), &lines(&found.changes));
    both(&mut text, "preserved", &lines(&expected.preserved), &lines(&found.preserved));
    both(&mut text, "blocked", &lines(&expected.blocked), &lines(&found.blocked));
    both(&mut text, "touched", &lines(&expected.touched), &lines(&found.touched));
    both(&mut text, "unchanged", &[expected.unchanged.to_string()], &[found.unchanged.to_string()]);
    Err(failure(class, text))
}

fn lines<T: Debug>(list: impl IntoIterator<Item = T>) -> Vec<String> {
    list.into_iter().map(|one| format!("{one:?}")).collect()
}

/// Section 6: "The summary counts changes by action without the held ones, `held` changes, …".
fn summaries_agree(expected: &Verdict, found: &Plan) -> Played {
    let count = |action: &str| {
        expected.changes.iter().filter(|change| change.action == action && change.held.is_none()).count() as u64
    };
    let summary = found.summary();
    let found = [
        [summary.archive, summary.create, summary.merge, summary.restore].as_slice(),
        &[summary.update, summary.deactivate, summary.reactivate, summary.unchanged, summary.touched],
        &[summary.preserved, summary.blocked, summary.held],
    ]
    .concat();
    let mut wanted: Vec<u64> = model::ACTIONS.into_iter().map(count).collect();
    wanted.extend([expected.unchanged, expected.touched.len() as u64, expected.preserved.len() as u64]);
    wanted.push(expected.blocked.len() as u64);
    wanted.push(expected.changes.iter().filter(|change| change.held.is_some()).count() as u64);
    if found == wanted { Ok(()) } else { Err(failure("summary", format!("  {wanted:?} but {summary:?}"))) }
}

/// R12: "The result depends on the inputs only: not on the order of files, users, pages or notifications."
fn order_does_not_count(world: &World, actual: &Actual, config: &Config, found: &Plan) -> Played {
    let mut records: Vec<&Record> = actual.sorted_records();
    records.reverse();
    let mut reordered = Actual::default();
    reordered.revision = actual.revision;
    for record in records {
        reordered.put(record.clone());
    }
    actual.sorted_accounts().into_iter().rev().for_each(|account| reordered.put_account(account.clone()));
    let again = observe_and_plan(world, &reordered, config, 2);
    let parts = |plan: &Plan| {
        let Plan { basis, changes, touched, preserved, blocked, unchanged } = plan;
        let digests: Vec<_> = basis.tenants.iter().map(|head| (head.tenant.clone(), head.digest.clone())).collect();
        format!("{digests:?} {changes:?} {touched:?} {preserved:?} {blocked:?} {unchanged}")
    };
    let (one, other) = (parts(found), parts(&again));
    if one == other { Ok(()) } else { Err(failure("order", format!("  {one}\n  {other}"))) }
}

fn same_records(world: &World, after: &Actual) -> Played {
    let expected: BTreeMap<_, _> =
        world.records.iter().map(|record| ((record.kind, record.id), translate::shown(record))).collect();
    let found = translate::shown_by_bmsync(after);
    if expected == found {
        return Ok(());
    }
    let mut text = String::new();
    for key in expected.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
        if expected.get(key) != found.get(key) {
            let _ = writeln!(text, "  {key:?}\n    model  {:?}\n    bmsync {:?}", expected.get(key), found.get(key));
        }
    }
    Err(failure("records", text))
}

/// "never deletes"; section 7: "IDs are positive integers, per kind, never reused".
fn nothing_lost(before: &Actual, after: &Actual) -> Played {
    let highest = |kind: Kind| before.records().map(|r| r.key).filter(|key| key.kind == kind).map(|key| key.id).max();
    for record in before.records() {
        if after.record(record.key).is_none() {
            return Err(failure("deleted", format!("  {} is gone", record.key)));
        }
    }
    for record in after.records().filter(|record| before.record(record.key).is_none()) {
        if record.key.id == 0 || Some(record.key.id) <= highest(record.key.kind) {
            return Err(failure("reused", format!("  {} is not a new ID", record.key)));
        }
    }
    Ok(())
}

/// R5: "Username and email are each unique among all non-archived records that have a login …; email also among all
/// non-archived records of one kind": whatever a change newly set has one holder.
fn names_are_unique(found: &Plan, before: &Actual, after: &Actual) -> Played {
    let written: Vec<&Record> = after.records().filter(|record| before.record(record.key) != Some(*record)).collect();
    for record in written.into_iter().filter(|record| record.status != Status::Archived) {
        let old = before.record(record.key);
        for field in [Field::Username, Field::Email] {
            for scope in [Uniqueness::Logins, Uniqueness::Kind] {
                let Some(name) = name_in(record, field, scope) else { continue };
                if old.and_then(|old| name_in(old, field, scope)).as_ref() == Some(&name) {
                    continue;
                }
                let rival = after.records().find(|other| {
                    other.key != record.key
                        && (scope == Uniqueness::Logins || other.key.kind == record.key.kind)
                        && name_in(other, field, scope).as_ref() == Some(&name)
                });
                if let Some(rival) = rival {
                    let text = format!("  {} and {} both have {name}\n{:?}", record.key, rival.key, found.changes);
                    return Err(failure("twice", text));
                }
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Uniqueness {
    Logins,
    Kind,
}

fn name_in(record: &Record, field: Field, scope: Uniqueness) -> Option<String> {
    let counts = match scope {
        Uniqueness::Logins => record.has_login(),
        Uniqueness::Kind => field == Field::Email && record.status != Status::Archived,
    };
    record.fields.get(field).filter(|_| counts).map(|name| folded(name).to_string())
}

/// Section 2: "bmsync changes a record it does not own only to take it over by a merge, or to archive it (rule 6)"; and
/// a record that the plan does not name stays as it is.
fn only_what_is_planned(found: &Plan, before: &Actual, after: &Actual) -> Played {
    let named = |key: RecordKey| found.changes.iter().find(|change| change.record() == Some(key));
    for record in before.records() {
        let changed = after.record(record.key) != Some(record);
        let touched = found.touched.iter().any(|touch| touch.record == record.key);
        let allowed = match named(record.key) {
            None => touched,
            Some(change) => record.is_owned_by(&change.user.key) || takes_over(change),
        };
        if changed && !allowed {
            return Err(failure("unowned", format!("  {} was changed", record.key)));
        }
    }
    Ok(())
}

fn takes_over(change: &Change) -> bool {
    match change.action {
        Action::Archive | Action::Merge | Action::Restore => true,
        Action::Create | Action::Update | Action::Deactivate | Action::Reactivate => false,
    }
}

/// R12: "Planning right after a complete apply gives no changes"; section 9: `touched` "is 0 right after a complete
/// apply", and "A round that approves held changes may leave work for one more round". What stays held stays held.
fn second_plan_is_empty(world: &World, actual: &Actual, config: &Config, first: &Plan, consent: Consent) -> Played {
    let second = observe_and_plan(world, actual, config, 3);
    let summary = second.summary();
    let excused = (consent == Consent::Given && first.changes.iter().any(|change| change.held.is_some()))
        || an_ambiguity_was_resolved(first);
    if excused || (summary.changes() == 0 && summary.touched == 0) {
        return Ok(());
    }
    Err(failure(
        "restless",
        format!("  first {:#?}\n  second {:#?}", translate::verdict(first), translate::verdict(&second)),
    ))
}

/// R4 counts candidates "before the plan", so a change of one of them may decide in the next round what was ambiguous.
fn an_ambiguity_was_resolved(first: &Plan) -> bool {
    let candidates: BTreeSet<RecordKey> =
        first.blocked.iter().flat_map(|blocked| blocked.candidates.iter().copied()).collect();
    let changes = first.changes.iter().filter(|change| change.held.is_none());
    changes.filter_map(Change::record).any(|key| candidates.contains(&key))
}
