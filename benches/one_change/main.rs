//! What a running bmsync costs once it is up: a round with one changed user, a round with none, doing nothing, and
//! starting, at several sizes of the directory: `cargo bench --bench one_change`.
//!
//! The server is a process of its own, and so is the simulator. Each round is told to begin and waited for, so that
//! what is spent between is spent on it. Slowness is never an error here. `docs/performance.md` says how to read it.

mod measure;
mod meter;
#[expect(dead_code, reason = "one place for processes; the other benchmark measures more of them")]
#[path = "../first_plan/process.rs"]
mod process;
mod server;
#[expect(dead_code, reason = "one stage for all benchmarks; this one needs less of it")]
#[path = "../first_plan/stage.rs"]
mod stage;
mod web;

use std::error::Error;
use std::io::{Write as _, stdout};

use clap::Parser;

/// What cannot be measured, and why.
pub type Failure = Box<dyn Error>;

/// Measures what a round of a running bmsync costs, with one changed user and with none.
#[derive(Debug, Parser)]
#[command(name = "one_change")]
struct Args {
    /// Sizes of the made-up directories, in users.
    #[arg(long, value_name = "USERS", value_delimiter = ',', default_values_t = [10_000, 100_000])]
    users: Vec<u32>,
    /// Groups of each, and so many rules.
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    groups: u32,
    /// Rounds that are measured of each sort.
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Rounds with a change before anything is measured.
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    warm_up: u32,
    /// Objects per page.
    #[arg(long, value_name = "COUNT", default_value_t = 999)]
    page_size: u32,
    /// Another seed makes other directories.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Cargo says so; it means nothing here.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let mut out = stdout();
    writeln!(out, "{}", measure::HEAD)?;
    for users in &args.users {
        for line in measure::size(&args, *users)? {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}
