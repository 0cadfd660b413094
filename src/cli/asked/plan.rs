//! `bmsync plan --server`: sends the manifests, and shows the plan that a server makes of them.

use jiff::Timestamp;

use crate::display::safe;
use crate::plan::TenantState;
use crate::remote::{Manifests, Remote};
use crate::report::decode::{self, Decoded};
use crate::report::palette::Palette;
use crate::report::shown::Shown;
use crate::report::text::{Detail, People, View};
use crate::report::{markdown, text};

use super::super::args::{Format, Global, PlanArgs};
use super::super::error::{Error, Exit};
use super::super::manifests;
use super::super::output::{self, Output};
use super::{diagnostics, misread};

/// Sends, shows and saves.
pub async fn run(remote: &Remote, args: &PlanArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let files = manifests::files(global, output)?;
    let stream = Manifests::of(&files);
    let answer = remote.plan(&stream, args.tenant.as_deref()).await;
    let bytes = answer.map_err(|error| diagnostics::refused(remote, &error, &stream, &files, global, output))?;
    let plan = decode::plan(&bytes).map_err(|error| misread(remote, &error))?;
    show(&plan, &bytes, global.output, output)?;
    if let Some(path) = &args.out {
        output::save(path, |out| out.write_all(&bytes))?;
        let path = safe(&path.display().to_string()).into_owned();
        output.note(format!("saved in {path}; once these manifests are the server's: bmsync apply {path}"));
    }
    Ok(super::super::plan::exit(&plan.shown(), args.detailed_exitcode))
}

fn show(plan: &Decoded, bytes: &[u8], format: Format, output: &Output) -> Result<(), Error> {
    let shown = plan.shown();
    tell_failures(&shown, output);
    match format {
        Format::Json => output.stream(|out| out.write_all(bytes)),
        Format::Markdown => output.data(markdown::shown(&shown, plan.created_at)),
        Format::Text | Format::Yaml | Format::Csv => {
            output.data(text::shown(&shown, view(plan.created_at, output.palette())))
        }
    }
}

/// How a plan is shown.
pub fn view(now: Timestamp, palette: Palette) -> View {
    View { now, palette, preserved: Detail::Listed, people: People::All, blocked: Detail::Listed }
}

/// Tells of every tenant that could not be read.
pub fn tell_failures(shown: &Shown<'_>, output: &Output) {
    for head in shown.basis.tenants.iter().filter(|head| head.state == TenantState::Failed) {
        let name = head.name.as_ref().map_or_else(|| head.tenant.to_string(), ToString::to_string);
        let causes = head.message.iter().cloned().collect();
        output.error(&Error { causes, ..Error::new(format!("cannot read tenant `{name}`; nothing of it changes")) });
    }
}
