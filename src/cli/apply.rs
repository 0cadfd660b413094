//! `bmsync apply [FILE]`: plan, show it, ask, make it true.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::approved::Consent;
use crate::display::count;
use crate::engine::{self, Failure, Report, Waiting};
use crate::model::{Id, Revision};
use crate::plan::{Action, Plan, Summary, UserRef};
use crate::report::palette::Palette;
use crate::report::saved::Saved;
use crate::report::shown::Shown;
use crate::report::{json, moved, text};

use super::args::{ApplyArgs, Format, Global};
use super::asked;
use super::error::{Error, Exit};
use super::output::{self, Output};
use super::progress::Progress;
use super::round::{Round, Wanted};
use super::server;
use super::state::State;

/// A saved plan may be as big as this, in bytes.
const MAX_SAVED: u64 = 1 << 30;

/// Applies, and says what came of it; asks a server if one is meant.
pub async fn run(args: &ApplyArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    match server::remote(global)? {
        Some(remote) => asked::apply::run(&remote, args, global, output).await,
        None => here(args, global, output).await,
    }
}

async fn here(args: &ApplyArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let saved = args.plan.as_deref().map(load).transpose()?;
    let round = match &saved {
        None => Round::make(global, &args.tenant.as_deref().into(), State::Create, output).await?,
        Some(saved) => repeat(saved, args, global, output).await?,
    };
    round.tell_failures(output);
    match global.output {
        Format::Text => output.data(text::text(&round.plan, round.view(output)))?,
        Format::Json | Format::Markdown | Format::Yaml | Format::Csv => {}
    }
    let consent = if args.approve_held { Consent::Given } else { Consent::Withheld };
    let shown = Shown::of(&round.plan);
    let exit = standing(&shown, consent);
    confirm(&shown.summary, |_| text::text(&round.plan, round.aside_view(output)), args, global, output)?;
    let shown = (global.output == Format::Json).then(|| round.plan.clone());
    let Round { config, store, observed, plan, created_at } = round;
    let approved = plan.approve(consent);
    let changes: usize = approved.batch().users.iter().map(|user| user.changes.len()).sum();
    let progress = Progress::new(output).applying(changes as u64);
    let report = engine::apply(&*store, approved).await?;
    drop(progress);
    tell(&report, shown.as_ref().map(|plan| (plan, created_at)), output)?;
    if config.it_glue.is_some() && !report.written.is_empty() {
        output.note("what contacts changed waits for IT Glue: `bmsync run` brings it there, or `bmsync deliver` once");
    }
    let exit = if report.failures.is_empty() { exit } else { exit.or(Exit::Failed) };
    drop(store);
    // As in `Round::end`: the rest is given back by the end of the process.
    std::mem::forget((config, observed, shown, report));
    Ok(exit)
}

/// How an apply of this plan ends if everything is written.
pub(super) fn standing(plan: &Shown<'_>, consent: Consent) -> Exit {
    let summary = &plan.summary;
    let held = consent == Consent::Withheld && summary.held > 0;
    let attention = if held || summary.blocked > 0 { Exit::Attention } else { Exit::Done };
    if plan.failed() { attention.or(Exit::Failed) } else { attention }
}

/// Asks, unless there is nothing to ask about; whoever is asked has seen the plan.
pub(super) fn confirm(
    summary: &Summary,
    plan: impl FnOnce(Palette) -> String,
    args: &ApplyArgs,
    global: &Global,
    output: &Output,
) -> Result<(), Error> {
    let changes = summary.changes() + if args.approve_held { summary.held } else { 0 };
    if args.yes || changes == 0 {
        return Ok(());
    }
    if global.output != Format::Text {
        output.aside(plan(output.aside_palette()));
    }
    let question = format!("\nApply {} to BMS? Only `yes` goes on: ", changes_text(changes));
    match output::ask(&question) {
        Some(answer) if answer == "yes" => Ok(()),
        Some(_) => Err(Error::new("the plan was not confirmed, so nothing was changed")),
        None => Err(Error::new("nobody is there to confirm the plan, so nothing was changed").hint(
            "look at it with `bmsync plan`, then give --yes, or save it with --out and apply the file with --yes",
        )),
    }
}

fn changes_text(changes: u64) -> String {
    if changes == 1 { "this change".into() } else { format!("these {} changes", count(changes)) }
}

/// Reads a saved plan.
fn load(path: &Path) -> Result<Saved, Error> {
    Saved::read(load_bytes(path)?).map_err(|cause| unusable(cause, failed(path)))
}

pub(super) fn failed(path: &Path) -> Error {
    Error::new(format!("cannot use the plan in {}", path.display()))
}

/// Reads the file of a saved plan.
pub(super) fn load_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = || failed(path);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failed().because(&error))?;
    file.take(MAX_SAVED + 1).read_to_end(&mut bytes).map_err(|error| failed().because(&error))?;
    if bytes.len() as u64 > MAX_SAVED {
        return Err(Error { causes: vec!["it is bigger than 1 GiB".into()], ..failed() });
    }
    Ok(bytes)
}

pub(super) fn unusable(cause: String, error: Error) -> Error {
    Error { causes: vec![cause], ..error }.hint("save a plan with `bmsync plan --out FILE`")
}

/// Plans again what a saved plan is about; refused unless the result is the same.
async fn repeat(saved: &Saved, args: &ApplyArgs, global: &Global, output: &Output) -> Result<Round, Error> {
    let mut tenants = saved.tenants();
    let only = tenants.next().filter(|_| tenants.next().is_none()).map(Id::new);
    let wanted = match (args.tenant.as_deref(), only) {
        (None, Some(only)) => Wanted::TenantOnce(only),
        (name, _) => name.into(),
    };
    let round = Round::make(global, &wanted, State::Create, output).await?;
    let mut fresh = Vec::new();
    let incomparable = || Error::new("cannot compare the plans");
    json::write(&round.plan, round.created_at, &mut fresh).map_err(|error| incomparable().because(&error))?;
    if saved.is(&fresh) {
        return Ok(round);
    }
    let saved = saved.value().map_err(|cause| unusable(cause, incomparable()))?;
    let fresh = moved::parse(&fresh).map_err(|cause| unusable(cause, incomparable()))?;
    let moves = moved::moved(&saved, &fresh);
    if moves.is_empty() {
        return Ok(round);
    }
    for line in moved::diff(&saved, &fresh) {
        output.aside(format!("{line}\n"));
    }
    let causes = moves.into_iter().map(|what| format!("moved: {what}")).collect();
    Err(Error { causes, ..Error::new("the plan is stale: it is not what would be planned now; nothing was changed") }
        .hint("plan again, look at it, and apply that"))
}

/// Says what was written.
fn tell(report: &Report, plan: Option<(&Plan, Timestamp)>, output: &Output) -> Result<(), Error> {
    for failure in &report.failures {
        let name =
            failure.user.user_principal_name.as_deref().map_or_else(|| failure.user.key.to_string(), str::to_owned);
        output.error(&Error {
            causes: vec![failure.message.clone()],
            ..Error::new(format!("the changes of {name} were not written for certain"))
        });
    }
    match plan {
        None => output.data(format!("{}\n", report_text(report))),
        Some((plan, created_at)) => {
            let document = Told { plan: json::document(plan, created_at), applied: report_json(report) };
            output.stream(|out| {
                let mut out = BufWriter::with_capacity(1 << 16, out);
                serde_json::to_writer_pretty(&mut out, &document)?;
                out.write_all(b"\n")?;
                out.flush()
            })
        }
    }
}

/// What is said as JSON, the plan with what came of it: written as it is walked, for a tree of it would be many times as
/// big as the plan.
#[derive(Serialize)]
struct Told<P: Serialize> {
    #[serde(flatten)]
    plan: P,
    applied: Value,
}

/// What waits, and what a person has to do, each in a sentence.
fn aside_text(report: &Report) -> String {
    let waiting = report.waits_until().map(|until| {
        let users = crate::display::counted(report.waiting.len() as u64, "user");
        let for_what = report.waiting.first().map_or("", |waiting| waiting.what.as_str());
        format!(
            " The changes of {users} wait, because BMS takes only so many calls in an hour ({for_what}): apply again \
             after {until}."
        )
    });
    let by_hand = (!report.by_hand.is_empty()).then(|| {
        let users = crate::display::counted(report.by_hand.len() as u64, "user");
        format!(" The changes of {users} are to be made by hand: `bmsync get worklist` says how.")
    });
    [waiting, by_hand].into_iter().flatten().collect()
}

/// What was written, in a sentence.
pub(super) fn report_text(report: &Report) -> String {
    let number = |action: Action| report.written.get(action.word()).copied().unwrap_or(0);
    let done: Vec<String> = Action::ALL
        .into_iter()
        .filter(|action| number(*action) > 0)
        .map(|action| format!("{} {}", count(number(action)), past(action)))
        .collect();
    let Revision(revision) = report.applied.revision;
    let failed = match report.failures.len() {
        0 => String::new(),
        failures => format!(" {} not written for certain.", crate::display::counted(failures as u64, "user")),
    };
    let aside = aside_text(report);
    if done.is_empty() {
        return format!("Nothing written.{failed} BMS state is at revision {revision}.{aside}");
    }
    format!("Applied: {}.{failed} BMS state is at revision {revision}.{aside}", done.join(", "))
}

const fn past(action: Action) -> &'static str {
    match action {
        Action::Archive => "archived",
        Action::Create => "created",
        Action::Merge => "merged",
        Action::Restore => "restored",
        Action::Update => "updated",
        Action::Deactivate => "deactivated",
        Action::Reactivate => "reactivated",
    }
}

fn report_json(report: &Report) -> Value {
    let written: serde_json::Map<String, Value> = Action::ALL
        .into_iter()
        .map(|action| (action.word().to_owned(), report.written.get(action.word()).copied().unwrap_or(0).into()))
        .collect();
    let failure =
        |failure: &Failure| serde_json::json!({ "user": user_json(&failure.user), "message": failure.message });
    let failures: Vec<Value> = report.failures.iter().map(failure).collect();
    let mut told =
        serde_json::json!({ "stateRevision": report.applied.revision.0, "written": written, "failures": failures });
    let waiting = |waiting: &Waiting| serde_json::json!({ "user": user_json(&waiting.user), "until": waiting.until, "for": waiting.what });
    if !report.waiting.is_empty() {
        told["waiting"] = report.waiting.iter().map(waiting).collect();
        told["waitsUntil"] = report.waits_until().map(|until| until.to_string()).into();
    }
    if !report.by_hand.is_empty() {
        told["byHand"] = report.by_hand.iter().map(user_json).collect();
    }
    told
}

fn user_json(user: &UserRef) -> Value {
    serde_json::json!({
        "tenantId": user.key.tenant.to_string(),
        "id": user.key.user.to_string(),
        "userPrincipalName": user.user_principal_name.as_deref(),
    })
}
