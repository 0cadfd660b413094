//! The text form of a plan: everything that is decided, exactly, and none of the free wording.

use std::fmt::Write as _;

use bmsync::model::Field;
use bmsync::plan::{Blocked, Change, Code, Plan, Preserved, Slot, TenantHead, TenantState, Touch, UserRef};
use serde_json::Value;

use super::script::Names;

/// The plan as `plan.snap` has it, without the comment on top.
pub fn show(plan: &Plan, names: &Names) -> String {
    let Plan { basis, changes, touched, preserved, blocked, unchanged: _ } = plan;
    let mut out = String::new();
    basis
        .tenants
        .iter()
        .for_each(|one| out += &format!("tenant {}: {}\n", names.of(&one.tenant.to_string()), state(one)));
    let _ = writeln!(out, "summary: {}", summary(plan));
    changes.iter().for_each(|one| out += &change(one, names));
    touched.iter().for_each(|one| out += &touch(one, names));
    preserved.iter().for_each(|one| out += &preserve(one, names));
    blocked.iter().for_each(|one| out += &block(one, names));
    out
}

fn state(head: &TenantHead) -> &'static str {
    match (head.state, &head.message) {
        (TenantState::Complete, None) => "complete",
        (TenantState::Complete, Some(_)) => "complete, with message",
        (TenantState::Failed, _) => "failed",
        (TenantState::Suspended, _) => "suspended",
        (TenantState::Undeclared, _) => "undeclared",
    }
}

fn summary(plan: &Plan) -> String {
    let Value::Object(counts) = serde_json::to_value(plan.summary()).unwrap() else { panic!("not an object") };
    let counts: Vec<String> =
        counts.iter().filter(|(_, count)| **count != 0).map(|(name, count)| format!("{name} {count}")).collect();
    if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
}

fn change(change: &Change, names: &Names) -> String {
    let Change { action, kind, id, user, rule, reason: _, held, fields, link: _ } = change;
    let mut out = format!("\n{} {kind}", action.word());
    id.iter().for_each(|id| out += &format!(" {id}"));
    out += &format!(" for {}", person(user, names));
    rule.iter().for_each(|rule| out += &format!(" by {rule}"));
    held.iter().for_each(|held| out += &format!(", held {}", held.word()));
    out.push('\n');
    for field in fields {
        let (slot, from) = (field.slot, field.from.word());
        let (before, after) = (value(slot, field.before.as_deref()), value(slot, field.after.as_deref()));
        let _ = writeln!(out, "  {}: {before} → {after} ({from})", slot.word());
    }
    out
}

fn touch(touch: &Touch, names: &Names) -> String {
    let Touch { record, user, seen: _ } = touch;
    format!("\ntouch {record} for {}\n", person(user, names))
}

fn preserve(preserved: &Preserved, names: &Names) -> String {
    let Preserved { record, user, fields } = preserved;
    let mut out = format!("\npreserve {record} for {}\n", person(user, names));
    for field in fields {
        let (actual, desired) =
            (value(field.slot, field.actual.as_deref()), value(field.slot, field.desired.as_deref()));
        let _ = writeln!(out, "  {}: {actual} instead of {desired}", field.slot.word());
    }
    out
}

/// Candidates are shown where the contract names them: of an ambiguous email.
fn block(blocked: &Blocked, names: &Names) -> String {
    let Blocked { user, rule, code, message: _, candidates } = blocked;
    let mut out = format!("\nblock {} {} by {rule}", code.word(), person(user, names));
    if *code == Code::AmbiguousEmail {
        let candidates: Vec<String> = candidates.iter().map(ToString::to_string).collect();
        out += &format!(": {}", candidates.join(", "));
    }
    out.push('\n');
    out
}

fn person(user: &UserRef, names: &Names) -> String {
    let UserRef { key, user_principal_name } = user;
    let (tenant, id) = (names.of(&key.tenant.to_string()), names.of(&key.user.to_string()));
    format!("{tenant}/{id} ({})", user_principal_name.as_deref().unwrap_or("-"))
}

fn value(slot: Slot, value: Option<&str>) -> Value {
    match (slot, value) {
        (_, None) => Value::Null,
        (Slot::Field(Field::PortalAccess), Some(text)) => Value::Bool(text == "true"),
        (_, Some(text)) => Value::from(text),
    }
}
