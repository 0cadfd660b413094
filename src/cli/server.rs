//! Which server is meant: the one of `--server`, else that of the environment. Knows nothing of what is asked of it.

use secrecy::SecretString;

use crate::remote::{Remote, RemoteError, TOKEN_VARIABLE};

use super::args::{Global, Stance, Verb};
use super::error::{Error, Exit};

/// Environment variable with the address.
const SERVER_VARIABLE: &str = "BMSYNC_SERVER";

/// Who named the server.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    Option(String),
    Environment(String),
}

fn named(global: &Global) -> Option<Named> {
    let variable = || std::env::var(SERVER_VARIABLE).ok().filter(|url| !url.trim().is_empty()).map(Named::Environment);
    global.server.clone().map(Named::Option).or_else(variable)
}

/// The options with the server that the verb asks, if it asks one.
///
/// # Errors
/// Wrong usage: a verb that asks none was given one, or one that needs one was not.
pub fn settle(verb: &Verb, global: &Global) -> Result<Global, Error> {
    let server = match (verb.stance(), named(global)) {
        (Stance::Either | Stance::Server, Some(Named::Option(url) | Named::Environment(url))) => Some(url),
        (Stance::Server, None) => return Err(none(verb.word())),
        (Stance::State | Stance::Neither, Some(Named::Option(_))) => return Err(useless(verb.word())),
        (Stance::State, Some(Named::Environment(_))) => return Err(surprising(verb.word())),
        (Stance::Either | Stance::State, None) | (Stance::Neither, None | Some(Named::Environment(_))) => None,
    };
    Ok(Global { server, ..global.clone() })
}

fn none(verb: &str) -> Error {
    Error::usage(format!("`{verb}` asks a running bmsync, and none is named"))
        .hint(format!("give --server URL, or set {SERVER_VARIABLE}"))
}

fn useless(verb: &str) -> Error {
    Error::usage(format!("`{verb}` asks no server")).hint(format!("leave --server out: {}", why(verb)))
}

fn surprising(verb: &str) -> Error {
    Error::usage(format!("`{verb}` would change the local state, but {SERVER_VARIABLE} names a server"))
        .hint(format!("unset {SERVER_VARIABLE} to work on the local state"))
}

fn why(verb: &str) -> &'static str {
    match verb {
        "doctor" => {
            "it looks from this machine, so run it where bmsync runs; `bmsync get tenants --server` tells what the server found"
        }
        "import" => "it loads into the local state, while no `bmsync run` has it open",
        "rekey" => "it changes what the local state keeps, while no `bmsync run` has it open",
        "run" => "it is the server",
        "validate" => "manifests are checked here; `bmsync plan --server` has a server check them too",
        _ => "it works on this machine alone",
    }
}

/// The server that is meant, if one is.
///
/// # Errors
/// When its address or the token cannot be used.
pub fn remote(global: &Global) -> Result<Option<Remote>, Error> {
    let Some(url) = &global.server else { return Ok(None) };
    let token = std::env::var(TOKEN_VARIABLE).ok().map(|token| SecretString::from(token.trim().to_owned()));
    Remote::new(url, token.as_ref()).map(Some).map_err(|error| unusable(&error))
}

/// The server of a verb that cannot do without.
///
/// # Errors
/// As [`remote`].
pub fn required(global: &Global) -> Result<Remote, Error> {
    remote(global)?.ok_or_else(|| none("this"))
}

/// An address or a token that cannot be used is wrong usage; that nothing can be reached from here is not.
fn unusable(error: &RemoteError) -> Error {
    let exit = if matches!(error, RemoteError::Address(_) | RemoteError::Token) { Exit::Usage } else { Exit::Failed };
    let told = Error { exit, ..Error::new("cannot ask the server").because(error) };
    match error.hint() {
        Some(hint) => told.hint(hint),
        None => told,
    }
}
