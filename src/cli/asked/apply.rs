//! `bmsync apply FILE --server`: shows a saved plan, asks, and has a server apply it if it is what it would do itself.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::approved::Consent;
use crate::display::count;
use crate::remote::{AppliedPlan, Remote};
use crate::report::decode::{self, Decoded};
use crate::report::text;

use super::super::apply::{confirm, failed, load_bytes, standing, unusable};
use super::super::args::{ApplyArgs, Format, Global};
use super::super::error::{Error, Exit};
use super::super::output::Output;
use super::cannot;
use super::plan::{tell_failures, view};

/// Applies a saved plan, and says what came of it.
pub async fn run(remote: &Remote, args: &ApplyArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let Some(path) = args.plan.as_deref() else { return Err(needless()) };
    if args.tenant.is_some() {
        return Err(Error::usage("a saved plan is applied as it is").hint("leave --tenant out: plan that tenant alone"));
    }
    let bytes = load_bytes(path)?;
    let plan = decode::plan(&bytes).map_err(|error| unusable(error.to_string(), failed(path)))?;
    show(&plan, global, output)?;
    let shown = plan.shown();
    let question = |palette| text::shown(&shown, view(Timestamp::now(), palette));
    confirm(&shown.summary, question, args, global, output)?;
    let consent = if args.approve_held { Consent::Given } else { Consent::Withheld };
    let applied = remote.apply(bytes.clone(), consent).await.map_err(|error| refused(remote, &error))?;
    tell(&applied, &bytes, global, output)?;
    let exit = standing(&shown, consent);
    Ok(if applied.failures.is_empty() { exit } else { exit.or(Exit::Failed) })
}

fn needless() -> Error {
    Error::usage("a server applies its own manifests by itself, so only a saved plan can be applied there").hint(
        "`bmsync sync` has it look now, `bmsync approve TENANT` lets through what it holds back, \
         and `bmsync plan --out FILE` saves a plan",
    )
}

fn show(plan: &Decoded, global: &Global, output: &Output) -> Result<(), Error> {
    let shown = plan.shown();
    tell_failures(&shown, output);
    match global.output {
        Format::Text => output.data(text::shown(&shown, view(Timestamp::now(), output.palette()))),
        Format::Json | Format::Markdown | Format::Yaml | Format::Csv => Ok(()),
    }
}

fn refused(remote: &Remote, error: &crate::remote::RemoteError) -> Error {
    let told = cannot("apply the plan", remote, error);
    match error.status() {
        Some(409) => told.hint(
            "nothing was written; a server applies only what its own manifests make now: deploy these first, then plan again",
        ),
        Some(_) | None => told,
    }
}

fn tell(applied: &AppliedPlan, plan: &[u8], global: &Global, output: &Output) -> Result<(), Error> {
    let AppliedPlan { revision, written, failures } = applied;
    for failure in failures {
        output.error(&Error { causes: vec![failure.clone()], ..Error::new("changes were not written for certain") });
    }
    if global.output != Format::Json {
        let failed = match failures.len() {
            0 => String::new(),
            failures => format!(" {} not written for certain.", crate::display::counted(failures as u64, "user")),
        };
        let written =
            if *written == 0 { "Nothing written.".into() } else { format!("Applied: {} written.", count(*written)) };
        return output.data(format!("{written}{failed} BMS state is at revision {revision}.\n"));
    }
    let mut told: Map<String, Value> = serde_json::from_slice(plan).unwrap_or_default();
    let applied = json!({ "stateRevision": revision, "written": written, "failures": failures });
    told.insert("applied".to_owned(), applied);
    output.data(format!("{:#}\n", Value::Object(told)))
}
