//! What the main job costs, next to *only downloading and parsing the same pages*: `cargo bench --bench first_plan`.
//!
//! Every piece of work is a process of its own, so that its CPU time and its peak memory are its own; the floor is this
//! program calling itself. The simulator is another process. Works alternate, round by round, so that whatever else
//! the machine does hits all of them. Slowness is never an error here. `docs/performance.md` says how to read it.

mod floor;
mod owned;
mod process;
mod stage;
mod table;

use std::error::Error;
use std::io::{Write as _, stdout};

use clap::Parser;

use floor::Fields;
use process::{Spent, run};
use stage::Stage;
use table::Row;

/// What cannot be measured, and why.
pub type Failure = Box<dyn Error>;

/// Measures what planning and applying cost, against only downloading and parsing the same pages.
#[derive(Debug, Parser)]
#[command(name = "first_plan")]
struct Args {
    /// Sizes of the made-up directories, in users.
    #[arg(long, value_name = "USERS", value_delimiter = ',', default_values_t = [10_000, 100_000])]
    users: Vec<u32>,
    /// Groups of each, and so many rules.
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    groups: u32,
    /// How often everything is measured.
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Objects per page.
    #[arg(long, value_name = "COUNT", default_value_t = 999)]
    page_size: u32,
    /// Another seed makes other directories.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Measure only these works.
    #[arg(long, value_name = "WORK", value_delimiter = ',')]
    only: Vec<Work>,
    /// Cargo says so; it means nothing here.
    #[arg(long, hide = true)]
    bench: bool,
    /// Be the floor: download and parse the pages of this service, and end.
    #[arg(long, value_name = "URL", hide = true)]
    floor: Option<String>,
    /// What the floor parses pages into.
    #[arg(long, hide = true, default_value = "borrowed")]
    fields: Fields,
}

/// A piece of work that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Work {
    /// Only downloading and parsing the pages.
    Floor,
    /// The same into values of their own, as an ordinary typed client does.
    Owned,
    /// `bmsync plan` when BMS holds nobody yet.
    Plan,
    /// `bmsync apply` of that.
    Apply,
    /// `bmsync plan` when BMS holds everybody already.
    Again,
    /// `bmsync get employee 1`: opening and reading the state.
    Get,
}

impl Work {
    const ALL: [Self; 6] = [Self::Floor, Self::Owned, Self::Plan, Self::Apply, Self::Again, Self::Get];

    /// What the table calls it.
    const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor: download and parse",
            Self::Owned => "floor, owned values",
            Self::Plan => "first `plan`",
            Self::Apply => "first `apply`",
            Self::Again => "`plan` with nothing to do",
            Self::Get => "`get employee 1`",
        }
    }

    fn do_it(self, stage: &Stage) -> Result<Spent, Failure> {
        match self {
            Self::Floor => run(&mut stage.floor("borrowed")?),
            Self::Owned => run(&mut stage.floor("owned")?),
            Self::Plan => run(stage.bmsync(&["plan", "-o", "json"]).arg("--state").arg(stage.empty())),
            Self::Apply => run(stage.bmsync(&["apply", "--yes", "-o", "json"]).arg("--state").arg(stage.fresh()?)),
            Self::Again => run(stage.bmsync(&["plan", "-o", "json"]).arg("--state").arg(stage.full())),
            Self::Get => run(stage.bmsync(&["get", "employee", "1"]).arg("--state").arg(stage.full())),
        }
    }
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    if let Some(url) = &args.floor {
        return floor::run(url, args.fields);
    }
    let mut out = stdout();
    writeln!(out, "{}", table::head())?;
    for users in &args.users {
        for line in measure(&args, *users)? {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// The lines of one size.
fn measure(args: &Args, users: u32) -> Result<Vec<String>, Failure> {
    let stage = Stage::set(args, users)?;
    let works: Vec<Work> =
        Work::ALL.into_iter().filter(|work| args.only.is_empty() || args.only.contains(work)).collect();
    if works.iter().any(|work| matches!(work, Work::Again | Work::Get)) {
        stage.fill()?;
    }
    let mut rounds: Vec<Vec<Spent>> = Vec::new();
    for _ in 0..args.rounds {
        rounds.push(works.iter().map(|work| work.do_it(&stage)).collect::<Result<_, _>>()?);
    }
    let against = |floor| {
        let at = works.iter().position(|work| *work == floor)?;
        Some(rounds.iter().map(|round| round[at].clone()).collect::<Vec<Spent>>())
    };
    let (strict, owned) = (against(Work::Floor), against(Work::Owned));
    let rows = works.iter().enumerate().map(|(at, work)| {
        let spent = rounds.iter().map(|round| round[at].clone()).collect();
        Row { users, name: work.name(), spent, strict: strict.as_deref(), owned: owned.as_deref() }.text()
    });
    let mut lines: Vec<String> = rows.collect();
    lines.extend(stage.full_bytes()?.map(|bytes| table::state(users, bytes)));
    Ok(lines)
}
