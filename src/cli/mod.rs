//! The command line: one file per verb. Parses, calls the rooms, and tells what came of it; decides nothing itself.

pub mod args;
pub mod error;
pub mod log;
pub mod output;
pub mod progress;
pub mod reference;

mod completions;
mod help;

use std::process::ExitCode;

pub use args::Cli;
use args::Verb;
use error::{Error, Exit};
use output::Output;

/// Runs a command line that was read.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let output = Output::new(&cli.global);
    let exit = cli.check().and_then(|()| dispatch(cli, &output)).unwrap_or_else(|error| {
        output.error(&error);
        error.exit
    });
    exit.into()
}

/// Answers a command line that could not be read: help and version are no failure.
#[must_use]
pub fn refuse(error: &clap::Error) -> ExitCode {
    output::usage(error);
    // The parser counts help that was asked for, and the version, as no failure.
    if error.exit_code() == 0 { Exit::Done.into() } else { Exit::Usage.into() }
}

fn dispatch(cli: Cli, output: &Output) -> Result<Exit, Error> {
    match cli.verb {
        Verb::Completions(args) => completions::run(&args, output),
        Verb::Reference => reference::run(output),
        Verb::Validate
        | Verb::Plan(_)
        | Verb::Apply(_)
        | Verb::Get(_)
        | Verb::Explain(_)
        | Verb::Import(_)
        | Verb::Export(_)
        | Verb::Simulate(_)
        | Verb::Demo(_)
        | Verb::Init(_)
        | Verb::Schema(_) => Err(Error::new(format!("this build has no `{}`", cli.verb.word()))),
    }
}
