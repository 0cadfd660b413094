//! A plan as Markdown for a comment on a pull request: what takes away is always open, what adds is folded.
//!
//! The whole fits [`LIMIT`] characters. It is built of pieces that are kept or left out as a whole, so that no cut falls
//! inside a table row, a code span or a fold; what was left out is counted at the end.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::display::{code, count, prose};
use crate::plan::{Action, Blocked, Cause, Change, Plan, Preserved, TenantHead, UserRef};

use super::shown::{Part, Shown};
use super::{text, words};

mod page;

use page::{Page, Section};

/// As long as the comment may get, in characters; GitHub takes 65,536.
pub const LIMIT: usize = 60_000;

/// The whole plan, or as much of it as fits.
#[must_use]
pub fn markdown(plan: &Plan, now: Timestamp) -> String {
    shown(&Shown::of(plan), now)
}

/// The whole plan, wherever it comes from, or as much of it as fits.
#[must_use]
pub fn shown(plan: &Shown<'_>, now: Timestamp) -> String {
    let Shown { basis, changes: _, causes: _, preserved, blocked, summary: _ } = plan;
    let parts = plan.parts();
    let mut page = Page::new(LIMIT);
    page.opening(&opening(plan));
    let mut open = vec![
        Section::table(TABLE, basis.tenants.iter().map(|head| tenant_row(plan, head, now))),
        Section::list("", "message", basis.tenants.iter().filter_map(message_item)),
    ];
    open.extend(parts.iter().flat_map(|part| urgent(plan, part)));
    let blocked = blocked.iter().map(|blocked| blocked_item(plan, blocked));
    open.push(Section::list("### Blocked\n\n", "blocked user", blocked));
    page.open(open);
    for part in &parts {
        fold(&mut page, plan, part);
    }
    page.fold("Kept as edited in BMS", "kept local edit", preserved.iter(), |kept| kept_item(plan, kept));
    page.close()
}

/// What is never folded: what is held, and what takes away.
fn urgent(plan: &Shown<'_>, part: &Part<'_>) -> [Section; 2] {
    let item = |change: &Change| change_item(plan, change);
    let removals = format!("### {}\n\n", part.titled("Archives and deactivations"));
    let taken = part.going().filter(|change| takes_away(change));
    [
        Section::list(&held_title(part), "held change", part.held().map(item)),
        Section::list(&removals, "archive or deactivation", taken.map(item)),
    ]
}

fn fold(page: &mut Page, plan: &Shown<'_>, part: &Part<'_>) {
    let item = |change: &Change| change_item(plan, change);
    let title = part.titled("Creates, merges, restores and reactivations");
    let added = part.going().filter(|change| adds(change));
    page.fold(&title, "create, merge, restore or reactivation", added, item);
    let updated = part.going().filter(|change| change.action == Action::Update);
    page.fold(&part.titled("Updates"), "update", updated, item);
}

const fn takes_away(change: &Change) -> bool {
    matches!(change.action, Action::Archive | Action::Deactivate)
}

const fn adds(change: &Change) -> bool {
    matches!(change.action, Action::Create | Action::Merge | Action::Restore | Action::Reactivate)
}

fn opening(plan: &Shown<'_>) -> String {
    let basis = plan.basis;
    let commit =
        basis.config_commit.as_deref().map(|commit| format!(" (commit {})", code(&words::short_commit(commit))));
    let config = code(&words::short(&basis.config_digest)) + commit.as_deref().unwrap_or_default();
    format!(
        "## bmsync plan\n\n**{}**\n\nMade from configuration {config} and BMS state at revision {}.\n\n",
        super::sum::sum(plan),
        basis.state_revision
    )
}

const TABLE: &str = "\
| Tenant | State | Directory | Create | Merge | Update | Archive | Restore | Deactivate | Reactivate | Held | Blocked |
|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
";

fn tenant_row(plan: &Shown<'_>, head: &TenantHead, now: Timestamp) -> String {
    // Changes are in the order of tenants.
    let first = plan.changes.partition_point(|change| change.user.key.tenant < head.tenant);
    let changes = plan.changes[first..].iter().take_while(|change| change.user.key.tenant == head.tenant);
    let mut numbers = [0_u64; Action::ALL.len() + 2];
    for change in changes {
        numbers[if change.held.is_some() { Action::ALL.len() } else { column(change.action) }] += 1;
    }
    let blocked = plan.blocked.iter().filter(|blocked| blocked.user.key.tenant == head.tenant).count();
    numbers[Action::ALL.len() + 1] = blocked as u64;
    let numbers: Vec<String> = numbers.iter().map(|number| count(*number)).collect();
    let name = prose(&words::tenant_name(head));
    let state = head.state.word();
    format!("| {name} | {state} | {} | {} |\n", prose(&words::reading(head, now)), numbers.join(" | "))
}

/// The column of an action in the table.
const fn column(action: Action) -> usize {
    match action {
        Action::Create => 0,
        Action::Merge => 1,
        Action::Update => 2,
        Action::Archive => 3,
        Action::Restore => 4,
        Action::Deactivate => 5,
        Action::Reactivate => 6,
    }
}

fn message_item(head: &TenantHead) -> Option<String> {
    let message = head.message.as_ref()?;
    Some(format!("- ⚠ {}: {}\n", prose(&words::tenant_name(head)), prose(message)))
}

fn held_title(part: &Part<'_>) -> String {
    let held: Vec<&Change> = part.held().collect();
    let why: Vec<&str> = text::holds(&held).into_iter().map(text::why_held).collect();
    let how = match part.cause {
        None => "Not applied without `bmsync apply --approve-held`",
        Some(Cause::Manifests) => "Not applied until a person approves it once the manifests are deployed",
        Some(Cause::Pending) => "Not applied without `bmsync approve TENANT`",
    };
    format!("### {}\n\n{}. {how}.\n\n", part.titled("Held back"), why.join("; "))
}

fn change_item(plan: &Shown<'_>, change: &Change) -> String {
    let Change { action, kind: _, id: _, user, rule, reason: _, held: _, fields, link: _, hand } = change;
    let what = format!("**{}** {}", action.word(), words::record_name(change));
    let mut item = format!("- {what} of {}: {}\n", whose(plan, user, rule.as_deref()), prose(&change.reason()));
    for field in fields {
        let after = value(field.after);
        let change = match field.before {
            Some(before) => format!("{} → {after}", value(Some(before))),
            None => after,
        };
        let _ = writeln!(item, "  - {}: {change} ({})", field.slot.word(), field.from.word());
    }
    if let Some(title) = words::by_hand(*hand) {
        let _ = writeln!(item, "  - {title}");
    }
    for (number, step) in (1..).zip(change.steps()) {
        let _ = writeln!(item, "    {number}. {}", prose(&step));
    }
    item
}

fn blocked_item(plan: &Shown<'_>, blocked: &Blocked) -> String {
    let Blocked { user, rule, code, message, candidates } = blocked;
    let mut item = format!("- **{}** {}: {}\n", code.word(), whose(plan, user, Some(rule)), prose(message));
    if !candidates.is_empty() {
        let names: Vec<String> = candidates.iter().take(50).map(ToString::to_string).collect();
        let _ = writeln!(item, "  - candidates: {}", names.join(", "));
    }
    item
}

fn kept_item(plan: &Shown<'_>, kept: &Preserved) -> String {
    let Preserved { record, user, fields } = kept;
    let mut item = format!("- {record} of {}\n", whose(plan, user, None));
    for field in fields {
        let (actual, desired) = (value(field.actual.as_deref()), value(field.desired.as_deref()));
        let _ = writeln!(item, "  - {}: {actual} stays, the rules say {desired}", field.slot.word());
    }
    item
}

/// The user, and which tenant and rule it belongs to.
fn whose(plan: &Shown<'_>, user: &UserRef, rule: Option<&str>) -> String {
    let tenant = prose(&words::tenant_called(plan.basis, &user.key.tenant));
    let rule = rule.map_or_else(String::new, |rule| format!(", rule {}", prose(rule)));
    format!("{} ({tenant}{rule})", code(&words::user_name(user)))
}

fn value(value: Option<&str>) -> String {
    value.map_or_else(|| "∅".into(), code)
}
