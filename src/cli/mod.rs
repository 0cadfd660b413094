//! The command line: one file per verb. Parses, calls the rooms, and tells what came of it; decides nothing itself.

pub mod args;
pub mod error;
pub mod init;
pub mod log;
pub mod output;
pub mod progress;
pub mod reference;

mod apply;
mod approve;
mod asked;
mod bms;
mod completions;
mod confirm;
mod connect;
mod deliver;
mod demo;
mod diagnosis;
mod disconnect;
mod doctor;
mod explain;
mod export;
mod get;
mod help;
mod import;
pub mod keys;
mod manifests;
mod options;
mod plan;
mod rekey;
mod round;
mod run;
mod schema;
mod server;
mod sign_ins;
mod simulate;
mod state;
mod stop;
mod sync;
mod table;
mod tenant_id;
mod traces;
mod validate;

use std::process::ExitCode;
use std::time::Duration;

pub use args::Cli;
use args::{Global, Verb};
use error::{Error, Exit};
use output::Output;

/// Runs a command line that was read.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    let output = Output::new(&cli.global);
    let exit = cli
        .check()
        .and_then(|()| dispatch(&cli.verb, &server::settle(&cli.verb, &cli.global)?, &output))
        .unwrap_or_else(|error| {
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

fn dispatch(verb: &Verb, global: &Global, output: &Output) -> Result<Exit, Error> {
    match verb {
        Verb::Validate => validate::run(global, output),
        Verb::Plan(args) => wait(plan::run(args, global, output)),
        Verb::Apply(args) => wait(apply::run(args, global, output)),
        Verb::Get(args) => wait(get::run(args, global, output)),
        Verb::Explain(args) => wait(explain::run(args, global, output)),
        Verb::Sync(args) => wait(sync::run(args, global, output)),
        Verb::Approve(args) => wait(approve::run(args, global, output)),
        Verb::Connect(args) => wait(connect::run(args, global, output)),
        Verb::Disconnect(args) => wait(disconnect::run(args, global, output)),
        Verb::Rekey(args) => wait(rekey::run(args, global, output)),
        Verb::Import(args) => wait(import::run(args, global, output)),
        Verb::Confirm(args) => wait(confirm::run(args, global, output)),
        Verb::Export(args) => wait(export::run(args, global, output)),
        Verb::Deliver => wait(deliver::run(global, output)),
        Verb::Run(args) => wait(run::run(args, global, output)),
        Verb::Simulate(args) => wait(simulate::run(args, output)),
        Verb::Demo(args) => wait(demo::run(args, global, output)),
        Verb::Doctor(args) => wait(doctor::run(args, global, output)),
        Verb::TenantId(args) => wait(tenant_id::run(args, global, output)),
        Verb::Init(args) => init::run(args, output),
        Verb::Schema(args) => schema::run(args, output),
        Verb::Completions(args) => completions::run(args, output),
        Verb::Reference(args) => reference::run(args, output),
    }
}

/// How long what still runs when a verb is done may take to end: a plan that nobody waits for any more is left to die.
const PARTING: Duration = Duration::from_millis(200);

/// Runs a verb that waits for others.
fn wait(verb: impl Future<Output = Result<Exit, Error>>) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::new("cannot start").because(&error))?;
    let done = runtime.block_on(verb);
    runtime.shutdown_timeout(PARTING);
    done
}
