//! The text form of a plan: everything that is decided, exactly, and none of the free wording.

use bmsync::model::Field;
use bmsync::plan::{
    Blocked, Change, Code, FieldChange, Plan, Preserved, PreservedField, Slot, TenantHead, TenantState, Touch, UserRef,
};
use serde_json::Value;

use super::script::Names;

/// The plan as `plan.snap` has it, without the comment on top.
pub fn show(plan: &Plan, names: &Names) -> String {
    let Plan { basis, changes, touched, preserved, blocked, unchanged: _ } = plan;
    let head = |one: &TenantHead| format!("tenant {}: {}\n", names.of(&one.tenant.to_string()), state(one));
    let parts: [String; 6] = [
        basis.tenants.iter().map(head).collect(),
        format!("summary: {}\n", summary(plan)),
        changes.iter().map(|one| change(one, names)).collect(),
        touched.iter().map(|one| touch(one, names)).collect(),
        preserved.iter().map(|one| preserve(one, names)).collect(),
        blocked.iter().map(|one| block(one, names)).collect(),
    ];
    parts.concat()
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
    let Change { action, kind, id, user, rule, reason: _, held, fields, link: _, hand: _ } = change;
    let id = id.map(|id| format!(" {id}")).unwrap_or_default();
    let rule = rule.as_ref().map(|rule| format!(" by {rule}")).unwrap_or_default();
    let held = held.map(|held| format!(", held {}", held.word())).unwrap_or_default();
    let line = format!("\n{} {kind}{id} for {}{rule}{held}\n", action.word(), person(user, names));
    line + &fields.iter().map(field_change).collect::<String>()
}

fn field_change(change: FieldChange<'_>) -> String {
    let FieldChange { slot, before, after, from } = change;
    let (before, after) = (value(slot, before), value(slot, after));
    format!("  {}: {before} → {after} ({})\n", slot.word(), from.word())
}

fn touch(touch: &Touch, names: &Names) -> String {
    let Touch { record, user, seen: _ } = touch;
    format!("\ntouch {record} for {}\n", person(user, names))
}

fn preserve(preserved: &Preserved, names: &Names) -> String {
    let Preserved { record, user, fields } = preserved;
    let head = format!("\npreserve {record} for {}\n", person(user, names));
    head + &fields.iter().map(preserved_field).collect::<String>()
}

fn preserved_field(field: &PreservedField) -> String {
    let PreservedField { slot, actual, desired } = field;
    let (actual, desired) = (value(*slot, actual.as_deref()), value(*slot, desired.as_deref()));
    format!("  {}: {actual} instead of {desired}\n", slot.word())
}

/// Candidates are shown where the contract names them: of an ambiguous email.
fn block(blocked: &Blocked, names: &Names) -> String {
    let Blocked { user, rule, code, message: _, candidates } = blocked;
    let candidates: Vec<String> = candidates.iter().map(ToString::to_string).collect();
    let candidates = if *code == Code::AmbiguousEmail { format!(": {}", candidates.join(", ")) } else { String::new() };
    format!("\nblock {} {} by {rule}{candidates}\n", code.word(), person(user, names))
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
