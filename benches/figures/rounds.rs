//! The works of a running bmsync: starting, rounds of every sort, planning candidate manifests, starting again.

use std::thread::sleep;
use std::time::Duration;

use bmsync::simulator::{GENERATED_TENANT, World};

use crate::floor::Floor;
use crate::process::{Spent, run};
use crate::server::{LONG_REST, Rest, Server};
use crate::simulator::Asked;
use crate::stage::Stage;
use crate::table::{Against, Row};
use crate::watcher::Watcher;
use crate::{Args, Failure};

/// How long it is watched doing nothing.
const IDLE: Duration = Duration::from_secs(10);

/// The lines of a running bmsync.
pub fn measure(args: &Args, stage: &Stage) -> Result<Vec<Row>, Failure> {
    let state = stage.fresh()?;
    let pages = run(&mut stage.floor(Floor::Pages)?)?;
    let (server, start) = Server::start(args, stage, &state)?;
    let mut rows =
        vec![Row { against: against(Floor::Pages, pages, 1), ..once("`run` with nothing, until ready", start) }];
    let mut rounds =
        Rounds { args, stage, server: &server, floor: Watcher::start(stage)?, people: people(args, stage) };
    rows.extend(rounds.measure()?);
    rows.push(Row { against: against(Floor::Pages, pages, args.times), ..candidate(args, stage, &server)? });
    drop(rounds);
    server.stop()?;
    Stage::copy_events(&state)?;
    run(&mut stage.floor(Floor::Write)?)?;
    let open = run(&mut stage.floor(Floor::Open)?)?;
    let (server, again) = Server::start(args, stage, &state)?;
    rows.push(Row { against: against(Floor::Open, open, 1), ..once("`run` again, until ready", again) });
    server.stop()?;
    Ok(rows)
}

fn once(name: &str, spent: Spent) -> Row {
    Row::of(name, vec![spent])
}

/// A floor that was measured once.
fn against(floor: Floor, spent: Spent, times: u32) -> Vec<Against> {
    let cpu = (0..times).map(|_| spent.cpu).collect();
    vec![Against { name: floor.name(), cpu }]
}

fn people(args: &Args, stage: &Stage) -> Vec<String> {
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    World::generate(args.seed, count(stage.users()), count(args.groups)).user_ids(GENERATED_TENANT)
}

/// Rounds of a server and of its floor, in turns.
struct Rounds<'a> {
    args: &'a Args,
    stage: &'a Stage,
    server: &'a Server<'a>,
    floor: Watcher,
    people: Vec<String>,
}

/// How many people change before a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Nobody,
    One,
    Hundredth,
}

impl Rounds<'_> {
    fn measure(&mut self) -> Result<Vec<Row>, Failure> {
        self.several(Change::One, self.args.warm_up, 0)?;
        let idle = self.idle()?;
        let (many, few) = (self.args.rounds, self.args.rounds.div_ceil(40));
        let before = self.server.revision()?;
        let one = self.several(Change::One, many, self.args.warm_up)?;
        let commits = self.server.revision()? - before;
        if commits != u64::from(many) {
            return Err(format!("{many} rounds made {commits} commits").into());
        }
        let quiet = self.several(Change::Nobody, many, 0)?;
        let churn = self.several(Change::Hundredth, few, self.args.warm_up + many)?;
        let idle_row = Row { rounds: 10, ..once("doing nothing, a second", idle) };
        Ok(vec![
            idle_row,
            one.row("round with one changed user", idle),
            quiet.row("quiet round", idle),
            churn.row("round with 1 % changed", idle),
        ])
    }

    /// What nothing costs.
    fn idle(&self) -> Result<Spent, Failure> {
        let before = self.server.spent()?;
        sleep(IDLE);
        Ok(Spent { wall: IDLE, ..self.server.since(before)? })
    }

    /// So many rounds of the server, and as many of the floor, one after the other.
    fn several(&mut self, change: Change, rounds: u32, first: u32) -> Result<Several, Failure> {
        let (before, floor, written) = (self.server.spent()?, self.floor.cpu()?, self.server.written()?);
        let (mut asked, mut wall) = (Asked::default(), Duration::ZERO);
        for round in first..first + rounds {
            let changed = self.change(change, round)?;
            let (more, took) = self.server.round(change.rest())?;
            asked = Asked { requests: asked.requests + more.requests, bytes: asked.bytes + more.bytes };
            wall += took;
            let seen = self.floor.round()?;
            if seen != changed {
                return Err(format!("{changed} users changed, and the floor saw {seen}").into());
            }
        }
        let spent = Spent { wall, asked, ..self.server.since(before)? };
        let written = self.server.written()? - written;
        Ok(Several { spent, floor: self.floor.cpu()?.saturating_sub(floor), rounds, written })
    }

    /// Gives people other titles: each round others, from everywhere in the directory. How many.
    fn change(&self, change: Change, round: u32) -> Result<u64, Failure> {
        let count = match change {
            Change::Nobody => 0,
            Change::One => 1,
            Change::Hundredth => self.people.len() / 100,
        };
        let round = usize::try_from(round)?;
        // Coprime to the sizes: nobody comes twice in a round.
        for far in (0..count).map(|number| (round + number) * 7919) {
            let somebody = &self.people[far % self.people.len()];
            self.stage.simulator().entitle(GENERATED_TENANT, somebody, &format!("Title {round} {far}"))?;
        }
        Ok(u64::try_from(count)?)
    }
}

impl Change {
    const fn rest(self) -> Rest {
        match self {
            Self::Nobody | Self::One => Rest::Short,
            Self::Hundredth => Rest::Long,
        }
    }
}

/// What some rounds cost together.
struct Several {
    spent: Spent,
    floor: Duration,
    rounds: u32,
    written: u64,
}

impl Several {
    /// Without what doing nothing for as long would have cost.
    fn row(self, name: &str, idle: Spent) -> Row {
        let Self { spent, floor, rounds, written } = self;
        let share = spent.wall.as_secs_f64() / idle.wall.as_secs_f64();
        let spent = Spent { cpu: spent.cpu.saturating_sub(idle.cpu.mul_f64(share)), ..spent };
        let against = vec![Against { name: Floor::Rounds.name(), cpu: vec![floor] }];
        let each = written / u64::from(rounds).max(1);
        Row { rounds, against, ..once(&format!("{name} ({each} B written)"), spent) }
    }
}

/// `bmsync plan --server` with manifests in which one rule gives another department: what it and the server spend.
fn candidate(args: &Args, stage: &Stage, server: &Server) -> Result<Row, Failure> {
    let mut times = Vec::new();
    for _ in 0..args.times {
        let (before, asked) = (server.spent()?, stage.simulator().asked()?);
        let url = format!("http://{}", server.address());
        let client = run(&mut stage.bmsync_candidate(&["plan", "-o", "json", "--server", &url]))?;
        sleep(LONG_REST);
        let served = server.since(before)?;
        let asked = stage.simulator().asked()?.since(asked);
        times.push(Spent { cpu: client.cpu + served.cpu, peak: served.peak, asked, ..client });
    }
    Ok(Row::of("`plan --server`, one rule changed", times))
}
