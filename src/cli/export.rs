//! `bmsync export`: the whole BMS state in the import format.

use crate::interchange::export;

use super::args::{ExportArgs, Global};
use super::error::{Error, Exit};
use super::output::{self, Output};
use super::state::State;

/// Writes it to stdout or a file.
pub async fn run(args: &ExportArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let actual = State::Look.open(global, output)?.load().await?;
    match &args.out {
        Some(path) => output::save(path, |out| export::write(&actual, out))?,
        None => output.stream(|out| export::write(&actual, out))?,
    }
    Ok(Exit::Done)
}
