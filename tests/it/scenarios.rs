//! The rules R1 to R12, a folder per sentence in `tests/scenarios`; `tests/scenarios/README.md` says how one is written.
//!
//! Every round of every scenario is planned twice, the second time from everything in reversed order; it is compared
//! with its `plan.snap`, applied and planned again. A failure names all scenarios that fail.

mod bms;
mod people;
mod script;
mod snapshot;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bmsync::approved::Consent;
use bmsync::manifest::config::Config;
use bmsync::manifest::{self, Content, ManifestFile};
use bmsync::model::{Record, UserKey};
use bmsync::plan::{Basis, LinkChange, Observed, Plan, Scope, plan};
use bmsync::store::StoreError;
use serde_json::{Value, json};

use bms::Bms;
use people::Order;
use script::{Names, Shared, Step};

const RULES: [&str; 12] = ["r1-", "r2-", "r3-", "r4-", "r5-", "r6-", "r7-", "r8-", "r9-", "r10-", "r11-", "r12-"];

macro_rules! rules {
    ($($name:ident $prefix:literal)*) => { $(#[test] fn $name() { check_all($prefix); })* };
}

rules! {
    r1_precedence "r1-" r2_fields "r2-" r3_email "r3-" r4_match "r4-" r5_one_login_per_person "r5-" r6_change_of_kind "r6-"
    r7_gone "r7-" r8_local_changes "r8-" r9_only_complete_knowledge_removes "r9-" r10_guards "r10-" r11_accounts "r11-"
    r12_idempotence_and_order "r12-"
}

#[test]
fn every_scenario_belongs_to_a_rule() {
    for folder in folders("") {
        let name = folder.file_name().unwrap().to_str().unwrap();
        assert!(RULES.iter().any(|rule| name.starts_with(rule)) || name == "shared", "{name} names no rule");
    }
}

#[test]
fn r12_a_plan_is_applied_to_the_state_it_was_made_from_or_refused() {
    let step = Shared::read(root().join("shared")).steps(&root().join("r1-lowest-order-wins")).remove(0);
    let bms = Bms::new();
    bms.import(&step.records).unwrap();
    let config = load(&step.manifests, Order::Written).unwrap();
    let early = plan(&config, &observe(&bms, &step, Order::Written), &Scope::All);
    bms.import(r#"{"kind":"employee","username":"somebody","email":"somebody@example.com"}"#).unwrap();
    let state = bms.actual().sorted_records().into_iter().cloned().collect::<Vec<_>>();

    let refused = bms.try_apply(early.approve(Consent::Withheld)).unwrap_err();

    assert!(matches!(refused, StoreError::Stale { .. }), "{refused}");
    assert_eq!(bms.actual().sorted_records(), state.iter().collect::<Vec<_>>());
    let anew = plan(&config, &observe(&bms, &step, Order::Written), &Scope::All);
    bms.apply(anew.clone().approve(Consent::Withheld)).unwrap();
    assert!(matches!(bms.try_apply(anew.approve(Consent::Withheld)), Err(StoreError::Stale { .. })), "applied twice");
}

fn check_all(rule: &str) {
    let shared = Shared::read(root().join("shared"));
    let folders = folders(rule);
    assert!(!folders.is_empty(), "no scenario of {rule}");
    let mut report = String::new();
    let mut failed = 0;
    for folder in &folders {
        if let Err(problem) = check(&shared, folder) {
            failed += 1;
            let _ = writeln!(report, "\n=== {problem}");
        }
    }
    assert_eq!(failed, 0, "of {} scenarios {failed} failed:\n{report}", folders.len());
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

fn folders(rule: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let ours = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(rule);
    entries.filter(ours).collect::<BTreeSet<PathBuf>>().into_iter().collect()
}

/// Plays a scenario, all rounds of it.
fn check(shared: &Shared, folder: &Path) -> Result<(), String> {
    let bms = Bms::new();
    for step in shared.steps(folder) {
        let place = step.folder.strip_prefix(root()).unwrap().display().to_string();
        round(&shared.names, &bms, &step).map_err(|problem| format!("{place}: {problem}"))?;
    }
    Ok(())
}

fn round(names: &Names, bms: &Bms, step: &Step) -> Result<(), String> {
    bms.import(&step.records)?;
    let config = load(&step.manifests, Order::Written)?;
    let first = plan(&config, &observe(bms, step, Order::Written), &Scope::All);
    sane(&first)?;
    expected(step, &first, names)?;
    let reversed = plan(&load(&step.manifests, Order::Reversed)?, &observe(bms, step, Order::Reversed), &Scope::All);
    same("from everything in reversed order", &everything(&first, names), &everything(&reversed, names))?;
    let scoped = plan(&config, &observe(bms, step, Order::Written), &Scope::Users(users(&first)));
    same("for those users alone", &decided(&first, names), &decided(&scoped, names))?;
    bms.apply(first.clone().approve(if step.approve_held { Consent::Given } else { Consent::Withheld }))?;
    after(step, bms)?;
    let second = plan(&config, &observe(bms, step, Order::Written), &Scope::All);
    settled(&first, &second, names, step)
}

fn observe(bms: &Bms, step: &Step, order: Order) -> Observed {
    Observed { directory: people::directory(&step.directory, order), actual: bms.actual(), ..Observed::default() }
}

/// Everything that must not depend on any order: the plan in full, wording and digests too.
fn everything(plan: &Plan, names: &Names) -> String {
    format!("{}\n{plan:#?}", snapshot::show(plan, names))
}

/// What is decided of anybody, without the head of the plan and its count of those that have nothing to do.
fn decided(plan: &Plan, names: &Names) -> String {
    let plan = Plan { basis: Basis { tenants: Vec::new(), ..plan.basis.clone() }, unchanged: 0, ..plan.clone() };
    snapshot::show(&plan, names)
}

/// Everybody that a plan speaks of.
fn users(plan: &Plan) -> BTreeSet<UserKey> {
    let changes = plan.changes.iter().map(|one| &one.user);
    let others = plan.touched.iter().map(|one| &one.user).chain(plan.preserved.iter().map(|one| &one.user));
    changes.chain(others).chain(plan.blocked.iter().map(|one| &one.user)).map(|user| user.key.clone()).collect()
}

fn load(documents: &[Value], order: Order) -> Result<Config, String> {
    let text = |document: &Value| serde_yaml::to_string(document).unwrap();
    let files = match order {
        Order::Written => {
            documents.iter().enumerate().map(|(at, one)| file(&format!("{at}.yaml"), text(one))).collect()
        }
        Order::Reversed => {
            let texts: Vec<String> = documents.iter().rev().map(text).collect();
            vec![file("all.yaml", texts.join("---\n"))]
        }
    };
    let loaded = manifest::load(&files);
    let problems = || loaded.diagnostics.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>().join("\n");
    loaded.config.clone().ok_or_else(|| format!("the manifests are not valid:\n{}", problems()))
}

fn file(name: &str, text: String) -> ManifestFile {
    ManifestFile { name: name.to_owned(), content: Content::Bytes(text.into_bytes()) }
}

/// What holds of every plan: it says why, and every change says who owns the record afterwards.
fn sane(plan: &Plan) -> Result<(), String> {
    for change in &plan.changes {
        if change.reason().trim().is_empty() {
            return Err(format!("a change without a reason: {change:?}"));
        }
        let right = match &change.link {
            LinkChange::Set(_) => change.action.word() != "archive",
            LinkChange::Archived => change.action.word() == "archive",
        };
        if !right || change.id.is_none() != (change.action.word() == "create") {
            return Err(format!("a change of the wrong record or owner: {change:?}"));
        }
    }
    let messages = plan
        .blocked
        .iter()
        .map(|one| &one.message)
        .chain(plan.basis.tenants.iter().filter_map(|one| one.message.as_ref()));
    match messages.filter(|message| message.trim().is_empty()).count() {
        0 => Ok(()),
        _ => Err("a blocked user or a tenant with an empty message".to_owned()),
    }
}

/// Compares with `plan.snap`; `BMSYNC_BLESS=1` writes it anew, with its comment kept.
fn expected(step: &Step, plan: &Plan, names: &Names) -> Result<(), String> {
    let found = snapshot::show(plan, names);
    let Some(text) = &step.plan else { return complete(plan, &found) };
    let comment: usize = text.split_inclusive('\n').take_while(|line| line.starts_with('#')).map(str::len).sum();
    let (comment, expected) = text.split_at(comment);
    if std::env::var_os("BMSYNC_BLESS").is_some() && expected != found {
        fs::write(step.folder.join("plan.snap"), format!("{comment}{found}")).unwrap();
        return Ok(());
    }
    same(comment.lines().next().unwrap_or_default(), expected, &found)
}

/// Of a step that only sets the stage.
fn complete(plan: &Plan, found: &str) -> Result<(), String> {
    if plan.blocked.is_empty() && plan.changes.iter().all(|change| change.held.is_none()) {
        return Ok(());
    }
    Err(format!("a step that sets the stage must be applied completely:\n{found}"))
}

fn same(about: &str, expected: &str, found: &str) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(expected, found);
    Err(format!("{about}\n{}", diff.unified_diff().context_radius(4).header("expected", "found")))
}

/// After a complete apply nothing is left to do: what is held stays held, who is blocked stays blocked.
fn settled(first: &Plan, second: &Plan, names: &Names, step: &Step) -> Result<(), String> {
    let held = |plan: &Plan| {
        let held = plan.changes.iter().filter(|change| change.held.is_some() && !step.approve_held);
        held.map(|change| format!("{:?} {:?} {:?}", change.action, change.record(), change.user.key))
            .collect::<Vec<_>>()
    };
    let blocked = |plan: &Plan| plan.blocked.iter().map(|one| (one.user.clone(), one.code)).collect::<Vec<_>>();
    let quiet = second.touched.is_empty() && second.changes.iter().all(|change| change.held.is_some());
    if (quiet && held(first) == held(second) && blocked(first) == blocked(second)) != step.more_to_do {
        return Ok(());
    }
    Err(format!(
        "the plan after the apply, which is {}:\n{}",
        if quiet { "quiet" } else { "not empty" },
        snapshot::show(second, names)
    ))
}

/// Compares the keys that `after.jsonl` gives.
fn after(step: &Step, bms: &Bms) -> Result<(), String> {
    for wanted in &step.after {
        let held = bms
            .actual()
            .sorted_records()
            .into_iter()
            .map(written)
            .find(|one| one["kind"] == wanted["kind"] && one["id"] == wanted["id"]);
        let held = held.ok_or_else(|| format!("no record afterwards: {wanted}"))?;
        for (key, value) in wanted.as_object().unwrap() {
            if &held[key] != value {
                return Err(format!("{key} is {} afterwards, not {value}, of {held}", held[key]));
            }
        }
    }
    Ok(())
}

fn written(record: &Record) -> Value {
    let user = |user: &UserKey| json!({ "tenantId": user.tenant.to_string(), "userId": user.user.to_string() });
    let mut out = json!({
        "kind": record.key.kind.word(), "id": record.key.id, "status": record.status.word(),
        "source": record.link.as_ref().map(|link| user(&link.user)), "archivedFrom": record.archived_from.as_ref().map(user),
    });
    for (field, value) in record.fields.iter() {
        out[field.word()] = Value::from(value);
    }
    out
}
