//! What bmsync costs, each work next to the floor that it cannot do without: `cargo bench --bench figures`.
//!
//! Every work is a process of its own, so that its CPU time and its peak memory are its own; the floors are this program
//! calling itself. The simulator is another process. Works and floors alternate, so that whatever else the machine does
//! hits all of them. Slowness is never an error here. `docs/performance.md` says how to read it.

mod floor;
mod meter;
mod peer;
mod process;
mod rounds;
mod server;
mod simulator;
mod stage;
mod table;
mod watcher;
mod web;
mod works;

use std::error::Error;
use std::io::{Write as _, stdout};

use clap::Parser;

use floor::Floor;
use stage::Stage;

/// What cannot be measured, and why.
pub type Failure = Box<dyn Error>;

/// Measures what bmsync costs, against floors that are measured beside it.
#[derive(Debug, Parser)]
#[command(name = "figures")]
struct Args {
    /// Sizes of the made-up directories, in users.
    #[arg(long, value_name = "USERS", value_delimiter = ',', default_values_t = [10_000, 100_000])]
    users: Vec<u32>,
    /// Groups of each, and so many rules.
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    groups: u32,
    /// How often works from start to end are measured.
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    times: u32,
    /// Rounds of a running bmsync that are measured, with one change and with none; of 1 % a fortieth of it.
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Rounds with a change before anything is measured.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    warm_up: u32,
    /// Milliseconds by which every answer of Graph comes late.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u32,
    /// Objects per page.
    #[arg(long, value_name = "COUNT", default_value_t = 999)]
    page_size: u32,
    /// Another seed makes other directories.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Measure only these.
    #[arg(long, value_name = "PART", value_delimiter = ',', default_values = ["works", "running"])]
    only: Vec<Part>,
    /// Cargo says so; it means nothing here.
    #[arg(long, hide = true)]
    bench: bool,
    /// Be a floor, and end.
    #[arg(long, hide = true, requires = "at")]
    be: Option<Floor>,
    /// What the floor is about.
    #[arg(long, hide = true)]
    at: Option<String>,
}

/// A part of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Commands from start to end.
    Works,
    /// Only reading and planning, of the above.
    Plan,
    /// A running bmsync.
    Running,
    /// Another program that reads the same directory; needs node and npm.
    Peer,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    if let (Some(floor), Some(at)) = (args.be, &args.at) {
        return floor.be(at);
    }
    let mut out = stdout();
    writeln!(out, "{}", table::HEAD)?;
    for users in &args.users {
        let stage = Stage::set(&args, *users)?;
        for part in &args.only {
            let rows = match part {
                Part::Works => works::measure(&args, &stage, &works::Work::ALL)?,
                Part::Plan => works::measure(&args, &stage, &works::Work::PLAN)?,
                Part::Running => rounds::measure(&args, &stage)?,
                Part::Peer => peer::measure(&args, &stage)?,
            };
            for row in rows {
                writeln!(out, "{}", row.text(*users))?;
            }
        }
    }
    Ok(())
}
