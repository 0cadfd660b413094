//! `bmsync completions SHELL`.

use clap::CommandFactory;

use super::args::{Cli, CompletionsArgs};
use super::error::{Error, Exit};
use super::output::Output;

/// Prints the script.
pub fn run(args: &CompletionsArgs, output: &Output) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "bmsync", &mut script);
    output.data(script)?;
    Ok(Exit::Done)
}
