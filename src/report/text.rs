//! A plan as text for a terminal or a log: head, one block per person by tenant, what waits, what is blocked, the sum.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::display::{count, safe};
use crate::plan::{Action, Basis, Blocked, Cause, Change, Hold, Plan, Preserved, TenantHead, TenantState};

use super::palette::{Palette, Tone};
use super::shown::{Part, Shown};
use super::words;

/// How a plan is shown.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The time that ages are counted from.
    pub now: Timestamp,
    /// Coloured or not.
    pub palette: Palette,
    /// Whether every kept local edit is listed.
    pub preserved: Detail,
    /// How many people are shown of each action in each tenant.
    pub people: People,
    /// Whether every blocked user is listed.
    pub blocked: Detail,
}

/// How many people are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum People {
    /// Everybody.
    All,
    /// So many of each action (and the first action of each person counts), and how many more there are.
    Some(usize),
}

/// Whether a list is shown or only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Its count alone.
    Counted,
    /// Every entry.
    Listed,
}

/// The whole plan.
#[must_use]
pub fn text(plan: &Plan, view: View) -> String {
    shown(&Shown::of(plan), view)
}

/// The whole plan, wherever it comes from.
#[must_use]
pub fn shown(shown: &Shown<'_>, view: View) -> String {
    let Shown { basis, changes, causes: _, preserved, blocked, summary: _ } = shown;
    let mut page = Page { out: String::with_capacity(512 + changes.len() * 400), basis, view };
    let parts = shown.parts();
    page.head();
    for part in &parts {
        page.changes(part);
    }
    for part in &parts {
        page.held(part);
    }
    page.blocked(blocked);
    page.preserved(preserved);
    page.sum(shown);
    page.out
}

/// What is held back, and why, by tenant.
#[must_use]
pub fn held(basis: &Basis, changes: &[Change], view: View) -> String {
    let mut page = Page { out: String::new(), basis, view };
    page.held_changes(&changes.iter().collect::<Vec<_>>());
    page.out
}

/// One outcome in a line: `Plan: 3 to create, 1 to update. 12 unchanged.`
#[must_use]
pub fn sum(plan: &Plan) -> String {
    super::sum::sum(&Shown::of(plan))
}

struct Page<'a> {
    out: String,
    basis: &'a Basis,
    view: View,
}

impl Page<'_> {
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.out, "{text}");
    }

    fn head(&mut self) {
        let Basis { config_digest, config_commit, state_revision, tenants } = self.basis;
        let config = words::short(config_digest) + &words::of_commit(config_commit.as_deref());
        self.line(format_args!("Made from configuration {config}, BMS state at revision {state_revision} and"));
        let widest = tenants.iter().map(|head| words::tenant_name(head).chars().count()).max().unwrap_or(0);
        for head in tenants {
            self.tenant(head, widest);
        }
        if tenants.is_empty() {
            self.line(format_args!("  no tenant"));
        }
    }

    fn tenant(&mut self, head: &TenantHead, widest: usize) {
        let palette = self.view.palette;
        let tone = match head.state {
            TenantState::Complete => Tone::Good,
            TenantState::Failed => Tone::Bad,
            TenantState::Suspended | TenantState::Undeclared => Tone::Wait,
        };
        let name = format!("{:widest$}", words::tenant_name(head));
        let state = palette.paint(tone, format!("{:10}", head.state.word()));
        let reading = words::reading(head, self.view.now);
        self.line(format_args!("  {}  {state}  {reading}", palette.paint(Tone::Strong, name)));
        if let Some(message) = &head.message {
            self.line(format_args!("  {:widest$}  ! {}", "", palette.paint(tone_of(head.state), safe(message))));
        }
    }

    fn changes(&mut self, part: &Part<'_>) {
        let changes: Vec<&Change> = part.going().collect();
        if let (Some(title), false) = (part.title(), changes.is_empty()) {
            let title = self.view.palette.paint(Tone::Strong, format!("{title}:"));
            self.line(format_args!("\n{title}"));
        }
        for tenant in changes.chunk_by(|a, b| a.user.key.tenant == b.user.key.tenant) {
            let name = words::tenant_called(self.basis, &tenant[0].user.key.tenant);
            let heading = self.view.palette.paint(Tone::Strong, name);
            self.line(format_args!("\n{heading}"));
            self.people(tenant);
        }
    }

    /// The people of one tenant.
    fn people(&mut self, changes: &[&Change]) {
        let mut hidden = 0;
        let mut people: BTreeMap<Action, usize> = BTreeMap::new();
        for person in changes.chunk_by(|a, b| a.user.key == b.user.key) {
            let shown = people.entry(person[0].action).or_default();
            *shown += 1;
            match self.view.people {
                People::Some(most) if *shown > most => hidden += 1,
                People::Some(_) | People::All => self.person(person),
            }
        }
        if hidden > 0 {
            self.line(format_args!("  … and {} more", count(hidden)));
        }
    }

    fn person(&mut self, changes: &[&Change]) {
        let name = self.view.palette.paint(Tone::Strong, words::user_name(&changes[0].user));
        self.line(format_args!("  {name}"));
        for change in changes {
            self.change(change);
        }
    }

    fn change(&mut self, change: &Change) {
        let palette = self.view.palette;
        let Change { action, kind: _, id: _, user: _, rule, reason: _, held, fields, link: _, hand } = change;
        let symbol = if held.is_some() { "⏸" } else { symbol(*action) };
        let tone = if held.is_some() { Tone::Wait } else { tone(*action) };
        let what = palette.paint(tone, format!("{symbol} {} {}", action.word(), words::record_name(change)));
        let rule = rule.as_ref().map_or_else(String::new, |rule| format!(" (rule {})", safe(rule)));
        self.line(format_args!("    {what}{}: {}", palette.paint(Tone::Dim, rule), safe(&change.reason())));
        for field in fields {
            let from = palette.paint(Tone::Dim, format!("({})", field.from.word()));
            self.line(format_args!("        {}: {} {from}", field.slot.word(), words::transition(field)));
        }
        if let Some(title) = words::by_hand(*hand) {
            self.line(format_args!("        {}", palette.paint(Tone::Wait, title)));
        }
        for (number, step) in (1..).zip(change.steps()) {
            self.line(format_args!("          {number}. {}", safe(&step)));
        }
    }

    fn held(&mut self, part: &Part<'_>) {
        let held: Vec<&Change> = part.held().collect();
        if held.is_empty() {
            return;
        }
        let title = format!("{}: {}", part.titled("Held back"), count(held.len() as u64));
        let title = self.view.palette.paint(Tone::Wait, title);
        let how = match part.cause {
            None => "To approve exactly these: `bmsync apply --approve-held`",
            Some(Cause::Manifests) => "They wait for a person once the manifests are deployed",
            Some(Cause::Pending) => "To approve what a server holds: `bmsync approve TENANT`",
        };
        self.line(format_args!("\n{title}. {how}"));
        self.held_changes(&held);
    }

    fn held_changes(&mut self, held: &[&Change]) {
        for tenant in held.chunk_by(|a, b| a.user.key.tenant == b.user.key.tenant) {
            let name = words::tenant_called(self.basis, &tenant[0].user.key.tenant);
            for hold in holds(tenant) {
                self.line(format_args!("  {name}: {}", why_held(hold)));
            }
            self.people(tenant);
        }
    }

    fn blocked(&mut self, blocked: &[Blocked]) {
        if blocked.is_empty() {
            return;
        }
        let number = count(blocked.len() as u64);
        let title = self.view.palette.paint(Tone::Bad, format!("Blocked: {number}"));
        self.line(format_args!("\n{title}. These users are left as they are until somebody decides"));
        if self.view.blocked == Detail::Counted {
            return;
        }
        for Blocked { user, rule, code, message, candidates } in blocked {
            let tenant = words::tenant_called(self.basis, &user.key.tenant);
            let code = self.view.palette.paint(Tone::Bad, format!("! {}", code.word()));
            let name = self.view.palette.paint(Tone::Strong, words::user_name(user));
            self.line(format_args!("  {name} ({tenant}, rule {})", safe(rule)));
            self.line(format_args!("    {code}: {}", safe(message)));
            if !candidates.is_empty() {
                let names: Vec<String> = candidates.iter().map(ToString::to_string).collect();
                self.line(format_args!("        candidates: {}", names.join(", ")));
            }
        }
    }

    fn preserved(&mut self, preserved: &[Preserved]) {
        if preserved.is_empty() {
            return;
        }
        let number = count(preserved.len() as u64);
        self.line(format_args!("\nKept as edited in BMS: {number}"));
        if self.view.preserved == Detail::Listed {
            for kept in preserved {
                self.kept(kept);
            }
        }
    }

    fn kept(&mut self, kept: &Preserved) {
        let Preserved { record, user, fields } = kept;
        self.line(format_args!("  {} ({record})", words::user_name(user)));
        for field in fields {
            let (actual, desired) =
                (words::shown(field.slot, field.actual.as_deref()), words::shown(field.slot, field.desired.as_deref()));
            self.line(format_args!("        {}: {actual} stays, the rules say {desired}", field.slot.word()));
        }
    }

    fn sum(&mut self, shown: &Shown<'_>) {
        let sum = self.view.palette.paint(Tone::Strong, super::sum::sum(shown));
        self.line(format_args!("\n{sum}"));
        if shown.failed() {
            let warning = self.view.palette.paint(Tone::Bad, "Not every tenant could be read; see the head.");
            self.line(format_args!("{warning}"));
        }
    }
}

/// Readable without colour: what comes, what changes, what goes.
const fn symbol(action: Action) -> &'static str {
    match action {
        Action::Create | Action::Restore | Action::Reactivate => "+",
        Action::Merge | Action::Update => "~",
        Action::Archive | Action::Deactivate => "-",
    }
}

const fn tone(action: Action) -> Tone {
    match action {
        Action::Create | Action::Restore | Action::Reactivate => Tone::Good,
        Action::Merge | Action::Update => Tone::Change,
        Action::Archive | Action::Deactivate => Tone::Bad,
    }
}

const fn tone_of(state: TenantState) -> Tone {
    match state {
        TenantState::Failed => Tone::Bad,
        TenantState::Complete | TenantState::Suspended | TenantState::Undeclared => Tone::Wait,
    }
}

/// The reasons among held changes, each once, the first that counts first.
pub(super) fn holds(changes: &[&Change]) -> Vec<Hold> {
    let mut holds: Vec<Hold> = changes.iter().filter_map(|change| change.held).collect();
    holds.sort_unstable();
    holds.dedup();
    holds
}

/// What a hold means, for a person to read.
pub(super) const fn why_held(hold: Hold) -> &'static str {
    match hold {
        Hold::PermissionsShrank => {
            "PermissionsShrank: bmsync may read less than before, so who is absent may only be hidden"
        }
        Hold::SourceUnhealthy => "SourceUnhealthy: who is absent now was there a moment ago, in suspicious number",
        Hold::RuleBroken => "RuleBroken: a rule of this tenant is broken, so nobody is taken for unmatched",
        Hold::MaxDeactivations => "maxDeactivations: more deactivations than the policy's guard allows in one round",
        Hold::MaxArchives => "maxArchives: more archives than the policy's guard allows in one round",
        Hold::MaxCreates => "maxCreates: more creates than the policy's guard allows in one round",
    }
}
