//! The words that text and Markdown share: names of users and tenants, ages, the summary line.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::display::{count, counted, safe};
use crate::model::{Field, Id};
use crate::plan::{Action, Basis, Change, FieldChange, Hand, Slot, Summary, TenantHead, TenantState, UserRef};

/// What is said of a change that is left to a person, or a part of it.
pub(super) const fn by_hand(hand: Hand) -> Option<&'static str> {
    match hand {
        Hand::Nothing => None,
        Hand::Part => Some("by hand afterwards, because the API of BMS cannot do it:"),
        Hand::All => Some("by hand in BMS, because its API cannot do it:"),
        Hand::After => Some("written once what is by hand is done"),
    }
}

/// A user for people to read, safe: the principal name, else the object ID.
pub fn user_name(user: &UserRef) -> String {
    let UserRef { key, user_principal_name } = user;
    match user_principal_name.as_deref() {
        Some(name) => safe(name).into_owned(),
        None => safe(&key.user.to_string()).into_owned(),
    }
}

/// A tenant for people to read, safe: its name, else its ID.
pub fn tenant_name(head: &TenantHead) -> String {
    safe(&head.name.as_deref().map_or_else(|| head.tenant.to_string(), str::to_owned)).into_owned()
}

/// The head of a tenant in a plan.
pub fn head_of<'a>(basis: &'a Basis, tenant: &Id) -> Option<&'a TenantHead> {
    basis.tenants.iter().find(|head| head.tenant == *tenant)
}

/// The name of a tenant in a plan, safe.
pub fn tenant_called(basis: &Basis, tenant: &Id) -> String {
    head_of(basis, tenant).map_or_else(|| safe(&tenant.to_string()).into_owned(), tenant_name)
}

/// The record that a change is about: `employee 7`, `new employee`.
pub fn record_name(change: &Change) -> String {
    let kind = change.kind;
    change.id.map_or_else(|| format!("new {kind}"), |id| format!("{kind} {id}"))
}

/// What was read of a tenant and how long ago.
pub fn reading(head: &TenantHead, now: Timestamp) -> String {
    match head.state {
        TenantState::Complete => {
            let read = format!("{}, {}", counted(head.users, "user"), counted(head.groups, "group"));
            head.read_at.map_or_else(|| read.clone(), |at| format!("{read}, read {}", age(at, now)))
        }
        TenantState::Failed => "could not be read: nothing of it changes".into(),
        TenantState::Suspended => "suspended: nothing of it changes".into(),
        TenantState::Undeclared => "no manifest declares it: its records are left alone".into(),
    }
}

/// How long ago something was, in its biggest unit.
pub fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second());
    match seconds {
        ..=0 => "just now".into(),
        1..=119 => format!("{seconds} s ago"),
        120..=7_199 => format!("{} min ago", seconds / 60),
        7_200..=172_799 => format!("{} h ago", seconds / 3_600),
        172_800.. => format!("{} days ago", seconds / 86_400),
    }
}

/// The first digits of a digest, enough to recognise it.
pub fn short(digest: &str) -> String {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    safe(&hex.chars().take(12).collect::<String>()).into_owned()
}

/// The first digits of a commit, safe.
pub fn short_commit(commit: &str) -> String {
    safe(&commit.chars().take(12).collect::<String>()).into_owned()
}

/// ` (commit 0123456789ab)`; nothing without one.
pub fn of_commit(commit: Option<&str>) -> String {
    commit.map(|commit| format!(" (commit {})", short_commit(commit))).unwrap_or_default()
}

/// `3 to create, 1 to update`; `None` when nothing changes.
pub fn to_do(summary: &Summary) -> Option<String> {
    let parts: Vec<String> = Action::ALL
        .into_iter()
        .map(|action| (action, of_action(summary, action)))
        .filter(|(_, number)| *number > 0)
        .map(|(action, number)| format!("{} to {}", count(number), action.word()))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The count of an action, without held changes.
pub const fn of_action(summary: &Summary, action: Action) -> u64 {
    match action {
        Action::Archive => summary.archive,
        Action::Create => summary.create,
        Action::Merge => summary.merge,
        Action::Restore => summary.restore,
        Action::Update => summary.update,
        Action::Deactivate => summary.deactivate,
        Action::Reactivate => summary.reactivate,
    }
}

/// What stays as it is: `1,199 unchanged, 3 kept as edited in BMS`.
pub fn standing(summary: &Summary) -> String {
    let mut text = format!("{} unchanged", count(summary.unchanged));
    for (number, words) in [
        (summary.preserved, "kept as edited in BMS"),
        (summary.touched, "to note as seen"),
        (summary.held, "held back"),
        (summary.blocked, "blocked"),
    ] {
        if number > 0 {
            let _ = write!(text, ", {} {words}", count(number));
        }
    }
    text
}

/// Whether the value of a slot is a flag or a status, shown without quotes.
const fn is_word(slot: Slot) -> bool {
    matches!(slot, Slot::Status | Slot::Field(Field::PortalAccess))
}

/// A value as it is shown: text in quotes, words without, nothing as `∅`.
pub fn shown(slot: Slot, value: Option<&str>) -> String {
    match value {
        Some(value) if is_word(slot) => safe(value).into_owned(),
        value => crate::display::quoted(value).into_owned(),
    }
}

/// `"a" → "b"`, or only the new value where there was none.
pub fn transition(change: FieldChange<'_>) -> String {
    let FieldChange { slot, before, after, from: _ } = change;
    let after = shown(slot, after);
    match before {
        Some(before) => format!("{} → {after}", shown(slot, Some(before))),
        None => after,
    }
}
