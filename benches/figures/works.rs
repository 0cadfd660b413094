//! Works from start to end: the floors, and bmsync's commands next to them.

use std::time::Duration;

use crate::floor::Floor;
use crate::process::{Spent, run};
use crate::stage::Stage;
use crate::table::{Against, Row};
use crate::{Args, Failure};

/// A piece of work that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// One of the floors.
    Floor(Floor),
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
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Floor(Floor::Pages),
        Self::Floor(Floor::Owned),
        Self::Plan,
        Self::Floor(Floor::Write),
        Self::Apply,
        Self::Again,
        Self::Floor(Floor::Open),
        Self::Get,
    ];
    /// Those that need no full state.
    pub const PLAN: [Self; 3] = [Self::Floor(Floor::Pages), Self::Floor(Floor::Owned), Self::Plan];

    /// What the table calls it.
    const fn name(self) -> &'static str {
        match self {
            Self::Floor(Floor::Pages) => "floor `pages`: download and parse",
            Self::Floor(Floor::Owned) => "floor `owned`: the same into owned values",
            Self::Floor(Floor::Write) => "floor `write`: the commit's events to sled",
            Self::Floor(Floor::Open) => "floor `open`: open and unpack that",
            Self::Floor(Floor::Rounds) => "floor `rounds`",
            Self::Floor(Floor::Events) => "copying events",
            Self::Plan => "first `plan`",
            Self::Apply => "first `apply`",
            Self::Again => "`plan` with nothing to do",
            Self::Get => "`get employee 1`",
        }
    }

    /// The floors of it.
    const fn floors(self) -> &'static [Floor] {
        match self {
            Self::Floor(Floor::Owned) => &[Floor::Pages],
            Self::Floor(Floor::Pages | Floor::Write | Floor::Open | Floor::Rounds | Floor::Events) => &[],
            Self::Plan | Self::Again => &[Floor::Pages, Floor::Owned],
            Self::Apply => &[Floor::Pages, Floor::Write],
            Self::Get => &[Floor::Open],
        }
    }

    const fn needs_the_full_state(self) -> bool {
        match self {
            Self::Floor(Floor::Write | Floor::Open) | Self::Again | Self::Get => true,
            Self::Floor(Floor::Pages | Floor::Owned | Floor::Rounds | Floor::Events) | Self::Plan | Self::Apply => {
                false
            }
        }
    }

    fn do_it(self, stage: &Stage) -> Result<Spent, Failure> {
        let before = stage.simulator().asked()?;
        let spent = match self {
            Self::Floor(floor) => run(&mut stage.floor(floor)?),
            Self::Plan => run(stage.bmsync(&["plan", "-o", "json"]).arg("--state").arg(stage.empty())),
            Self::Apply => run(stage.bmsync(&["apply", "--yes", "-o", "json"]).arg("--state").arg(stage.fresh()?)),
            Self::Again => run(stage.bmsync(&["plan", "-o", "json"]).arg("--state").arg(stage.full())),
            Self::Get => run(stage.bmsync(&["get", "employee", "1"]).arg("--state").arg(stage.full())),
        }?;
        Ok(Spent { asked: stage.simulator().asked()?.since(before), ..spent })
    }
}

/// The lines of some works.
pub fn measure(args: &Args, stage: &Stage, works: &[Work]) -> Result<Vec<Row>, Failure> {
    if works.iter().any(|work| work.needs_the_full_state()) {
        stage.fill()?;
    }
    let mut times: Vec<Vec<Spent>> = Vec::new();
    for _ in 0..args.times {
        times.push(works.iter().map(|work| work.do_it(stage)).collect::<Result<_, _>>()?);
    }
    let spent = |work: Work| -> Vec<Spent> {
        let at = works.iter().position(|other| *other == work);
        at.map(|at| times.iter().map(|time| time[at]).collect()).unwrap_or_default()
    };
    let mut rows: Vec<Row> = works.iter().map(|work| row(*work, &spent)).collect();
    if works.contains(&Work::Apply) {
        rows.push(beyond_the_plan(&spent));
        rows.push(Row::state("the state on disk, applied", stage.full_bytes()?));
    }
    Ok(rows)
}

fn row(work: Work, spent: &dyn Fn(Work) -> Vec<Spent>) -> Row {
    let cpu = |floor: Floor| spent(Work::Floor(floor)).iter().map(|one| one.cpu).collect();
    let against = work.floors().iter().map(|floor| Against { name: floor.name(), cpu: cpu(*floor) }).collect();
    Row { against, ..Row::of(work.name(), spent(work)) }
}

/// What an apply costs more than a plan of the same time: the write, and what stands around it.
fn beyond_the_plan(spent: &dyn Fn(Work) -> Vec<Spent>) -> Row {
    let pairs = spent(Work::Apply).into_iter().zip(spent(Work::Plan));
    let more = |(apply, plan): (Spent, Spent)| Spent {
        cpu: apply.cpu.saturating_sub(plan.cpu),
        wall: apply.wall.saturating_sub(plan.wall),
        ..Spent::default()
    };
    let floor: Vec<Duration> = spent(Work::Floor(Floor::Write)).iter().map(|one| one.cpu).collect();
    let against = vec![Against { name: Floor::Write.name(), cpu: floor }];
    Row { against, ..Row::of("first `apply` without its plan", pairs.map(more).collect()) }
}
