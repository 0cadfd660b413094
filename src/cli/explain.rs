//! `bmsync explain USER`: everything that bears on one user.

use crate::directory::User;
use crate::model::UserKey;
use crate::plan::explain::{explain, find};
use crate::plan::{Observed, TenantState};
use crate::report::explanation;

use super::args::{ExplainArgs, Format, Global};
use super::asked;
use super::error::{Error, Exit};
use super::output::Output;
use super::round::{Round, Wanted};
use super::server;
use super::state::State;

/// Finds the user and explains it; asks a server if one is meant.
pub async fn run(args: &ExplainArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    match server::remote(global)? {
        Some(remote) => asked::explain::run(&remote, args, global, output).await,
        None => here(args, global, output).await,
    }
}

async fn here(args: &ExplainArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let round = Round::make(global, &Wanted::All, State::Look, output).await?;
    round.tell_failures(output);
    let user = one(&args.user, &round)?;
    let explained = explain(&user, &round.config, &round.observed, &round.plan);
    match global.output {
        Format::Json => {
            let value = explanation::value(&explained)
                .map_err(|error| Error::new("cannot write the explanation").because(&error))?;
            output.data(format!("{value:#}\n"))?;
        }
        Format::Text | Format::Markdown | Format::Yaml | Format::Csv => {
            output.data(explanation::text(&explained, output.palette()))?;
        }
    }
    Ok(if has_failed(&user, &round) { Exit::Failed } else { Exit::Done })
}

/// The one user that is meant.
fn one(wanted: &str, round: &Round) -> Result<UserKey, Error> {
    let mut found = find(wanted, &round.observed);
    match found.len() {
        0 => Err(nobody(wanted)),
        1 => Ok(found.swap_remove(0)),
        _ => Err(several(wanted, found.iter().map(|user| called(user, &round.observed)))),
    }
}

/// That nobody has that name.
pub(super) fn nobody(wanted: &str) -> Error {
    Error::new(format!("no user is called `{wanted}`"))
        .hint("give a user principal name, an email or an object ID, of a user or of the owner of a record")
}

/// That more than one has that name.
pub(super) fn several(wanted: &str, found: impl Iterator<Item = String>) -> Error {
    Error { causes: found.take(20).collect(), ..Error::new(format!("several users are called `{wanted}`")) }
        .hint("give the object ID of the one that is meant")
}

fn called(user: &UserKey, observed: &Observed) -> String {
    let known = observed.directory.tenant(&user.tenant).and_then(|tenant| tenant.user(&user.user));
    let name = known.and_then(User::user_principal_name).unwrap_or_default();
    format!("{} {name} of tenant {}", user.user, user.tenant)
}

fn has_failed(user: &UserKey, round: &Round) -> bool {
    let mut heads = round.plan.basis.tenants.iter();
    heads.any(|head| head.tenant == user.tenant && head.state == TenantState::Failed)
}
