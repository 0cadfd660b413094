//! `bmsync export`: the whole BMS state in the import format.

use crate::interchange::export;

use super::args::{ExportArgs, Global};
use super::asked;
use super::error::{Error, Exit};
use super::output::{self, Output};
use super::server;
use super::state::State;

/// Writes it to stdout or a file; asks a server if one is meant.
pub async fn run(args: &ExportArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    match server::remote(global)? {
        Some(remote) => asked::export::run(&remote, args, output).await,
        None => here(args, global, output).await,
    }
}

async fn here(args: &ExportArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let actual = State::Look.open(global, output)?.load().await?;
    match &args.out {
        Some(path) => output::save(path, |out| export::write(&actual, out))?,
        None => output.stream(|out| export::write(&actual, out))?,
    }
    Ok(Exit::Done)
}
