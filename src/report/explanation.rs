//! An explanation of one user as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::display::{quoted, safe};
use crate::interchange::record::record;
use crate::model::{Field, Record, Text};
use crate::plan::explain::{ExplainedField, Presence, RuleVerdict, Verdict};
use crate::plan::{Action, Explanation};

use super::json::{BlockedJson, ChangeJson, PreservedJson, UserJson, ValueJson};
use super::palette::{Palette, Tone};
use super::words;

/// The explanation as JSON.
///
/// # Errors
/// None that an explanation can cause; they are those of the serialiser.
pub fn value(explanation: &Explanation) -> serde_json::Result<Value> {
    let Explanation {
        user,
        display_name,
        tenant,
        presence,
        rules,
        fields,
        record: owned,
        changes,
        blocked,
        preserved,
        touched,
    } = explanation;
    Ok(json!({
        "user": serde_json::to_value(UserJson::of(user))?,
        "displayName": display_name.as_deref(),
        "tenant": tenant.as_deref(),
        "presence": presence.word(),
        "rules": rules.iter().map(rule_json).collect::<Vec<_>>(),
        "fields": fields.iter().map(field_json).collect::<serde_json::Result<Vec<_>>>()?,
        "record": owned.as_ref().map(record),
        "changes": changes.iter().map(|change| serde_json::to_value(ChangeJson::of(change))).collect::<Result<Vec<_>, _>>()?,
        "blocked": blocked.as_ref().map(|blocked| serde_json::to_value(BlockedJson::of(blocked))).transpose()?,
        "preserved": preserved.as_ref().map(|kept| serde_json::to_value(PreservedJson::of(kept))).transpose()?,
        "touched": touched.is_some(),
    }))
}

fn rule_json(verdict: &RuleVerdict) -> Value {
    let RuleVerdict { rule, order, group, group_name, kind, verdict, why } = verdict;
    json!({
        "rule": rule.as_str(),
        "order": order,
        "groupId": group.to_string(),
        "groupName": group_name.as_deref(),
        "record": kind.word(),
        "verdict": verdict.word(),
        "why": why,
    })
}

fn field_json(explained: &ExplainedField) -> serde_json::Result<Value> {
    let ExplainedField { field, actual, desired, from } = explained;
    let slot = crate::plan::Slot::Field(*field);
    Ok(json!({
        "name": field.word(),
        "actual": serde_json::to_value(ValueJson::of(slot, actual.as_deref()))?,
        "desired": serde_json::to_value(ValueJson::of(slot, desired.as_deref()))?,
        "from": from.word(),
    }))
}

/// The explanation as text.
#[must_use]
pub fn text(explanation: &Explanation, palette: Palette) -> String {
    let mut out = String::new();
    who(&mut out, explanation, palette);
    rules(&mut out, &explanation.rules, palette);
    owned(&mut out, explanation.record.as_ref());
    fields(&mut out, &explanation.fields, palette);
    outcome(&mut out, explanation, palette);
    out
}

fn who(out: &mut String, explanation: &Explanation, palette: Palette) {
    let Explanation { user, display_name, tenant, presence, .. } = explanation;
    let name = palette.paint(Tone::Strong, words::user_name(user));
    let called = display_name.as_ref().map_or_else(String::new, |name| format!(" ({})", safe(name)));
    let tenant_id = user.key.tenant.to_string();
    let tenant = safe(tenant.as_ref().map_or(&tenant_id, |tenant| tenant.as_str()));
    let _ = writeln!(out, "{name}{called}");
    let _ = writeln!(out, "  tenant {tenant}, object ID {}", safe(&user.key.user.to_string()));
    let _ = writeln!(out, "  {}", presence_text(*presence));
}

const fn presence_text(presence: Presence) -> &'static str {
    match presence {
        Presence::Present => "in the directory",
        Presence::Disabled => "in the directory, its account is disabled",
        Presence::Gone => "not in the directory: deleted, or never there",
        Presence::Unknown => "its tenant was not read, so nothing is known of it",
    }
}

fn rules(out: &mut String, rules: &[RuleVerdict], palette: Palette) {
    let _ = writeln!(out, "\nRules of its tenant, those that match first");
    if rules.is_empty() {
        let _ = writeln!(out, "  none");
    }
    for RuleVerdict { rule, order, group, group_name, kind, verdict, why } in rules {
        let (words, tone) = match verdict {
            Verdict::Wins => ("✔ wins", Tone::Good),
            Verdict::Suspended => ("⏸ wins, suspended", Tone::Wait),
            Verdict::Loses => ("· loses", Tone::Dim),
            Verdict::NoMatch => ("· no match", Tone::Dim),
            Verdict::Broken => ("! broken", Tone::Bad),
        };
        let verdict = palette.paint(tone, words);
        let group = group_name.as_ref().map_or_else(|| group.to_string(), Text::to_string);
        let _ = writeln!(
            out,
            "  {verdict}  {} (order {order}, group {}, makes {})",
            safe(rule),
            safe(&group),
            kind.with_article()
        );
        let _ = writeln!(out, "      {}", safe(why));
    }
}

fn owned(out: &mut String, record: Option<&Record>) {
    let _ = match record {
        Some(record) => writeln!(out, "\nIts record: {}, {}", record.key, record.status),
        None => writeln!(out, "\nIt owns no record"),
    };
}

fn fields(out: &mut String, fields: &[ExplainedField], palette: Palette) {
    if fields.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nFields, as they are to be, and where each comes from");
    for ExplainedField { field, actual, desired, from } in fields {
        let from = palette.paint(Tone::Dim, format!("({})", from.word()));
        let now = if actual == desired { String::new() } else { format!(", now {}", shown(*field, actual.as_ref())) };
        let _ = writeln!(out, "  {}: {} {from}{now}", field.word(), shown(*field, desired.as_ref()));
    }
}

fn shown(field: Field, value: Option<&Text>) -> String {
    words::shown(crate::plan::Slot::Field(field), value.map(Text::as_str))
}

fn outcome(out: &mut String, explanation: &Explanation, palette: Palette) {
    let Explanation { changes, blocked, preserved, touched, .. } = explanation;
    let _ = writeln!(out, "\nWhat would happen");
    for change in changes {
        let held = change.held.map_or_else(String::new, |hold| format!(" (held back: {})", hold.word()));
        let what =
            palette.paint(tone(change.action), format!("{} {}", change.action.word(), words::record_name(change)));
        let _ = writeln!(out, "  {what}{held}: {}", safe(&change.reason()));
        for field in &change.fields {
            let _ = writeln!(out, "      {}: {}", field.slot.word(), words::transition(field));
        }
    }
    if let Some(blocked) = blocked {
        let code = palette.paint(Tone::Bad, format!("blocked {}", blocked.code.word()));
        let _ = writeln!(out, "  {code}: {}", safe(&blocked.message));
        let candidates: Vec<String> = blocked.candidates.iter().map(ToString::to_string).collect();
        if !candidates.is_empty() {
            let _ = writeln!(out, "      candidates: {}", candidates.join(", "));
        }
    }
    for field in preserved.iter().flat_map(|kept| &kept.fields) {
        let (actual, desired) = (quoted(field.actual.as_deref()), quoted(field.desired.as_deref()));
        let _ = writeln!(out, "  kept as edited in BMS: {}: {actual}, the rules say {desired}", field.slot.word());
    }
    if changes.is_empty() && blocked.is_none() {
        let seen = if touched.is_some() { "; that the user changed is noted" } else { "" };
        let _ = writeln!(out, "  nothing{seen}");
    }
}

const fn tone(action: Action) -> Tone {
    match action {
        Action::Create | Action::Restore | Action::Reactivate => Tone::Good,
        Action::Merge | Action::Update => Tone::Change,
        Action::Archive | Action::Deactivate => Tone::Bad,
    }
}
