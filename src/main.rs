//! The process edge: reads the command line, starts the log, runs, and returns the exit code.

use std::process::ExitCode;

use bmsync::cli;

fn main() -> ExitCode {
    match cli::Cli::read(std::env::args_os()) {
        Ok(command) => {
            let log = cli::log::start(&command, &cli::output::Output::new(&command.global));
            let exit = cli::run(&command);
            log.end();
            exit
        }
        Err(error) => cli::refuse(&error),
    }
}
