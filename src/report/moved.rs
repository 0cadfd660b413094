//! A saved plan beside a fresh one: whether they are the same, and if not, what moved and what became of the plan.
//!
//! Works on the plans' JSON, for that is what a saved plan is. The times at which the plans were made and the
//! directories read do not count, nor how many users and groups were read: the digests say what matters of those.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::display::{counted, quoted, safe};

use super::json::FORMAT_VERSION;
use super::words::short;

/// The diff shows so many entries of the plans, and so many lines.
const MAX_ENTRIES: usize = 100;
const MAX_LINES: usize = 400;

/// What every saved plan has.
const KEYS: [&str; 7] = ["configDigest", "stateRevision", "tenants", "summary", "changes", "preserved", "blocked"];

/// Reads a plan as a tree.
///
/// # Errors
/// A lower-case fragment that says what is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Value, String> {
    let plan: Value = serde_json::from_slice(bytes).map_err(|error| format!("it is not JSON: {error}"))?;
    check_version(&plan)?;
    match KEYS.into_iter().find(|key| plan.get(key).is_none()) {
        Some(key) => Err(format!("it has no {key}, so it is not a whole plan")),
        None => Ok(plan),
    }
}

/// Checks that this bmsync can read the plan.
pub(super) fn check_version(plan: &Value) -> Result<(), String> {
    match plan.get("formatVersion").and_then(Value::as_str) {
        Some(FORMAT_VERSION) => Ok(()),
        Some(version) => Err(format!("it has formatVersion \"{version}\", and this bmsync reads \"{FORMAT_VERSION}\"")),
        None => Err("it has no formatVersion, so it is not a plan".into()),
    }
}

/// What is different between a saved plan and a fresh one, in words that are safe to show; nothing when they agree.
#[must_use]
pub fn moved(saved: &Value, fresh: &Value) -> Vec<String> {
    let mut moved = Vec::new();
    if saved["configDigest"] != fresh["configDigest"] {
        let digests = [saved, fresh].map(|plan| short(plan["configDigest"].as_str().unwrap_or("?")));
        moved.push(format!("the configuration: {} then, {} now", digests[0], digests[1]));
    }
    if saved["stateRevision"] != fresh["stateRevision"] {
        let revisions = [saved, fresh].map(|plan| safe(&plan["stateRevision"].to_string()).into_owned());
        moved.push(format!("the BMS state: revision {} then, {} now", revisions[0], revisions[1]));
    }
    moved.extend(moved_tenants(saved, fresh));
    moved.extend(
        ["changes", "preserved", "blocked"].into_iter().filter_map(|section| moved_entries(saved, fresh, section)),
    );
    moved
}

/// The two plans as a unified diff of text lines, safe to show, only where they differ.
#[must_use]
pub fn diff(saved: &Value, fresh: &Value) -> Vec<String> {
    let (then, now) = (entries(saved), entries(fresh));
    let keys = then.keys().chain(now.keys().filter(|key| !then.contains_key(*key)));
    let mut differing: Vec<&Key> = keys.filter(|key| then.get(*key) != now.get(*key)).collect();
    differing.sort_unstable();
    let beyond = differing.len().saturating_sub(MAX_ENTRIES);
    differing.truncate(MAX_ENTRIES);
    let lines = |plan: &BTreeMap<Key, Vec<&Value>>| -> Vec<String> {
        differing.iter().filter_map(|key| Some((key, plan.get(*key)?))).flat_map(|(key, all)| text(key, all)).collect()
    };
    let mut shown = unified(&lines(&then), &lines(&now));
    if beyond > 0 {
        shown.push(format!("… and {} more that differ", counted(beyond as u64, "entry").replace("entrys", "entries")));
    }
    shown
}

fn unified(then: &[String], now: &[String]) -> Vec<String> {
    let (then, now): (Vec<&str>, Vec<&str>) =
        (then.iter().map(String::as_str).collect(), now.iter().map(String::as_str).collect());
    let diff = similar::TextDiff::from_slices(&then, &now);
    let unified = diff.unified_diff().context_radius(3).header("the saved plan", "the plan now").to_string();
    let mut lines: Vec<String> = unified.lines().map(str::to_owned).collect();
    if lines.len() > MAX_LINES {
        let beyond = lines.len() - MAX_LINES;
        lines.truncate(MAX_LINES);
        lines.push(format!("… and {} more", counted(beyond as u64, "line")));
    }
    lines
}

fn moved_tenants(saved: &Value, fresh: &Value) -> Vec<String> {
    let by_id = |plan| -> BTreeMap<String, &Value> {
        list(plan, "tenants").iter().map(|tenant| (word(&tenant["tenantId"]), tenant)).collect()
    };
    let (then, now) = (by_id(saved), by_id(fresh));
    let mut moved = Vec::new();
    for (id, was) in &then {
        match now.get(id) {
            None => moved.push(format!("tenant {}: planned then, not now", called(was))),
            Some(is) if was["state"] != is["state"] => {
                moved.push(format!("tenant {}: {} then, {} now", called(is), word(&was["state"]), word(&is["state"])));
            }
            Some(is) if was["digest"] != is["digest"] => moved.push(format!("the directory of tenant {}", called(is))),
            Some(is) if was["message"] != is["message"] || was["name"] != is["name"] => {
                moved.push(format!("what is said of tenant {}", called(is)));
            }
            Some(_) => {}
        }
    }
    let new = now.iter().filter(|(id, _)| !then.contains_key(*id));
    moved.extend(new.map(|(_, is)| format!("tenant {}: planned now, not then", called(is))));
    moved
}

fn moved_entries(saved: &Value, fresh: &Value, section: &str) -> Option<String> {
    let (then, now) = (list(saved, section), list(fresh, section));
    let same = then.len() == now.len() && then.iter().zip(now).all(|(then, now)| holds(then, now));
    (!same).then(|| format!("the plan's {section}: {} then, {} now", then.len(), now.len()))
}

/// Whether the saved value says all that the fresh one says; keys that only the saved one has do not count.
fn holds(saved: &Value, fresh: &Value) -> bool {
    match (saved, fresh) {
        (Value::Object(saved), Value::Object(fresh)) => {
            fresh.iter().all(|(key, fresh)| saved.get(key).is_some_and(|saved| holds(saved, fresh)))
        }
        (Value::Array(saved), Value::Array(fresh)) => {
            saved.len() == fresh.len() && saved.iter().zip(fresh).all(|(saved, fresh)| holds(saved, fresh))
        }
        (saved, fresh) => saved == fresh,
    }
}

/// Where an entry stands: section, tenant, user.
type Key = (usize, String, String);

const SECTIONS: [&str; 3] = ["changes", "preserved", "blocked"];

fn entries(plan: &Value) -> BTreeMap<Key, Vec<&Value>> {
    let mut entries: BTreeMap<Key, Vec<&Value>> = BTreeMap::new();
    for (section, name) in SECTIONS.iter().enumerate() {
        for entry in list(plan, name) {
            let user = &entry["user"];
            entries.entry((section, word(&user["tenantId"]), word(&user["id"]))).or_default().push(entry);
        }
    }
    entries
}

fn text(key: &Key, entries: &[&Value]) -> Vec<String> {
    entries.iter().flat_map(|entry| if key.0 == 2 { blocked(entry) } else { change(entry) }).collect()
}

fn change(entry: &Value) -> Vec<String> {
    let action = entry["action"].as_str().unwrap_or("kept as edited in BMS:");
    let id = entry["id"].as_u64().map_or_else(|| "new".into(), |id| id.to_string());
    let held = entry["held"].as_str().map_or_else(String::new, |held| format!(" (held: {})", safe(held)));
    let mut lines = vec![format!("{}: {} {} {id}{held}", whose(entry), safe(action), word(&entry["kind"]))];
    lines.extend(entry["reason"].as_str().map(|reason| format!("    {}", safe(reason))));
    for field in list(entry, "fields") {
        let values = ["before", "after", "actual", "desired"].iter().filter_map(|key| field.get(key)).map(value);
        let values: Vec<String> = values.collect();
        let from = field["from"].as_str().map_or_else(String::new, |from| format!(" ({})", safe(from)));
        lines.push(format!("    {}: {}{from}", word(&field["name"]), values.join(" → ")));
    }
    lines
}

fn blocked(entry: &Value) -> Vec<String> {
    let candidates: Vec<String> =
        list(entry, "candidates").iter().map(|key| format!("{} {}", word(&key["kind"]), word(&key["id"]))).collect();
    let mut lines = vec![format!("{}: blocked {}", whose(entry), word(&entry["code"]))];
    lines.push(format!("    {}", word(&entry["message"])));
    if !candidates.is_empty() {
        lines.push(format!("    candidates: {}", candidates.join(", ")));
    }
    lines
}

fn whose(entry: &Value) -> String {
    let user = &entry["user"];
    word(if user["userPrincipalName"].is_string() { &user["userPrincipalName"] } else { &user["id"] })
}

fn called(tenant: &Value) -> String {
    word(if tenant["name"].is_string() { &tenant["name"] } else { &tenant["tenantId"] })
}

/// A value as it is shown.
fn value(value: &Value) -> String {
    match value {
        Value::Null => quoted(None).into_owned(),
        Value::String(text) => quoted(Some(text)).into_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => safe(&value.to_string()).into_owned(),
    }
}

/// A text as it is, anything else as JSON; safe.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| safe(&value.to_string()).into_owned(), |text| safe(text).into_owned())
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
