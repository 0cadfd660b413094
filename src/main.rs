//! The process edge: reads the command line, starts the log, runs, and returns the exit code.

use std::process::ExitCode;

use bmsync::cli;

fn main() -> ExitCode {
    match cli::Cli::read(std::env::args_os()) {
        Ok(command) => {
            cli::log::start(&command.global, &cli::output::Output::new(&command.global));
            cli::run(&command)
        }
        Err(error) => cli::refuse(&error),
    }
}
