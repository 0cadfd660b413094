//! `bmsync plan`: shows what apply would do.

use crate::report::shown::Shown;
use crate::report::{json, markdown, text};

use super::args::{Format, Global, PlanArgs};
use super::asked;
use super::error::{Error, Exit};
use super::output::{self, Output};
use super::round::Round;
use super::server;
use super::state::State;

/// Plans, shows and saves; asks a server if one is meant.
pub async fn run(args: &PlanArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    match server::remote(global)? {
        Some(remote) => asked::plan::run(&remote, args, global, output).await,
        None => here(args, global, output).await,
    }
}

async fn here(args: &PlanArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let round = Round::make(global, &args.tenant.as_deref().into(), State::Look, output).await?;
    round.tell_failures(output);
    show(&round, global.output, output)?;
    if let Some(path) = &args.out {
        output::save(path, |out| json::write(&round.plan, round.created_at, out))?;
        output.note(format!(
            "saved in {0}; to apply it: bmsync apply {0}",
            crate::display::safe(&path.display().to_string())
        ));
    }
    let exit = exit(&Shown::of(&round.plan), args.detailed_exitcode);
    round.end();
    Ok(exit)
}

fn show(round: &Round, format: Format, output: &Output) -> Result<(), Error> {
    match format {
        Format::Json => output.stream(|out| json::write(&round.plan, round.created_at, out)),
        Format::Markdown => output.data(markdown::markdown(&round.plan, round.created_at)),
        Format::Text | Format::Yaml | Format::Csv => output.data(text::text(&round.plan, round.view(output))),
    }
}

/// The gravest of what the plan says.
pub(super) fn exit(plan: &Shown<'_>, detailed: bool) -> Exit {
    let summary = &plan.summary;
    let failed = if plan.failed() { Exit::Failed } else { Exit::Done };
    if !detailed {
        return failed;
    }
    let attention = if summary.held + summary.blocked > 0 { Exit::Attention } else { Exit::Done };
    let changes = if summary.changes() > 0 { Exit::Changes } else { Exit::Done };
    failed.or(attention).or(changes)
}
