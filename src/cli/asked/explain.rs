//! `bmsync explain USER --server`: what a running bmsync knows of one user.

use crate::plan::Explanation;
use crate::plan::explain::Presence;
use crate::remote::{Collection, Remote};
use crate::report::{decode, explanation};

use super::super::args::{ExplainArgs, Format, Global};
use super::super::error::{Error, Exit};
use super::super::explain::{nobody, several};
use super::super::output::Output;
use super::{cannot, misread};

/// The phases of a tenant that cannot be read.
const FAILING: [&str; 2] = ["backingOff", "disconnected"];

/// Finds the user and explains it.
pub async fn run(remote: &Remote, args: &ExplainArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let answer = remote.explain(&args.user).await;
    let mut found = match answer {
        Err(error) if error.status() == Some(404) => return Err(nobody(&args.user)),
        answer => answer.map_err(|error| cannot("explain the user", remote, &error))?,
    };
    let mut explained = Vec::with_capacity(found.len());
    for told in &found {
        explained.push(decode::explanation(told).map_err(|error| misread(remote, &error))?);
    }
    let (Some(told), Some(one), true) = (found.pop(), explained.pop(), explained.is_empty()) else {
        return Err(ambiguous(&args.user, &explained));
    };
    let exit = failing(remote, &one, output).await?;
    match global.output {
        Format::Json => output.data(format!("{told:#}\n"))?,
        Format::Text | Format::Markdown | Format::Yaml | Format::Csv => {
            output.data(explanation::text(&one, output.palette()))?;
        }
    }
    Ok(exit)
}

fn ambiguous(wanted: &str, found: &[Explanation]) -> Error {
    if found.is_empty() {
        return nobody(wanted);
    }
    let name = |one: &Explanation| {
        let name = one.user.user_principal_name.clone().unwrap_or_default();
        format!("{} {name} of tenant {}", one.user.key.user, one.user.key.tenant)
    };
    several(wanted, found.iter().map(name))
}

/// Whether nothing is known of the user because its tenant cannot be read.
async fn failing(remote: &Remote, one: &Explanation, output: &Output) -> Result<Exit, Error> {
    if one.presence != Presence::Unknown {
        return Ok(Exit::Done);
    }
    let id = one.user.key.tenant.to_string();
    let tenant = match remote.one(Collection::Tenants, &id).await {
        Err(error) if error.status() == Some(404) => return Ok(Exit::Done),
        answer => answer.map_err(|error| cannot("see the tenant of the user", remote, &error))?,
    };
    if !tenant["phase"].as_str().is_some_and(|phase| FAILING.contains(&phase)) {
        return Ok(Exit::Done);
    }
    let name = tenant["name"].as_str().unwrap_or(&id);
    output.error(&Error::new(format!("the server cannot read tenant `{name}`; nothing of it changes")));
    Ok(Exit::Failed)
}
