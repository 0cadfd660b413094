//! The works of one size of directory, and their lines of the table.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bmsync::simulator::{GENERATED_TENANT, World};

use crate::meter::Spent;
use crate::server::Server;
use crate::stage::Stage;
use crate::{Args, Failure, web};

/// The head of the table.
pub const HEAD: &str = "| users | work | CPU ms | bytes written | requests | wall ms | memory, MiB: now / most |\n\
     |---:|---|---:|---:|---:|---:|---:|";

/// The clock is not to begin a look of its own.
const POLICY: &str = "apiVersion: bmsync/v1\nkind: SyncPolicy\nmetadata: { name: policy }\nspec: { pollInterval: 24h, fullSyncInterval: 240h }\n";

/// How long it is watched doing nothing.
const IDLE: Duration = Duration::from_secs(10);

/// The lines of one size.
pub fn size(args: &Args, users: u32) -> Result<Vec<String>, Failure> {
    let stage = Stage::set(args, users)?;
    fs::write(stage.path("manifests").join("policy.yaml"), POLICY)?;
    let state = stage.fresh()?;
    let mut lines = Vec::new();

    let (server, took) = Server::start(&stage, &state)?;
    server.finish()?;
    let whole = Cost { spent: server.spent()?, wall: took, requests: web::requests(address(&stage))?, rounds: 1 };
    lines.push(line(users, "start with nothing, until ready", whole, &server)?);

    let people = Crowd::of(args, users)?;
    rounds(&server, args.warm_up, |round| people.change(&stage, round))?;
    let idle = idle(&server)?;
    lines.push(line(users, "doing nothing, a second", idle, &server)?);

    let before = server.revision()?;
    let changed = rounds(&server, args.rounds, |round| people.change(&stage, args.warm_up + round))?;
    let written = server.revision()? - before;
    if written != u64::from(args.rounds) {
        return Err(format!("{} rounds made {written} commits", args.rounds).into());
    }
    lines.push(line(users, "round with one changed user", changed.without(idle), &server)?);
    let quiet = rounds(&server, args.rounds, |_| Ok(()))?;
    lines.push(line(users, "quiet round", quiet.without(idle), &server)?);
    server.stop()?;

    let asked = web::requests(address(&stage))?;
    let (server, took) = Server::start(&stage, &state)?;
    server.finish()?;
    let again =
        Cost { spent: server.spent()?, wall: took, requests: web::requests(address(&stage))? - asked, rounds: 1 };
    lines.push(line(users, "start again, until ready", again, &server)?);
    server.stop()?;
    Ok(lines)
}

fn address(stage: &Stage) -> &str {
    stage.url().trim_start_matches("http://")
}

/// What some rounds cost together.
#[derive(Clone, Copy)]
struct Cost {
    spent: Spent,
    wall: Duration,
    requests: u64,
    rounds: u32,
}

impl Cost {
    /// Without what doing nothing for as long would have cost.
    fn without(self, idle: Self) -> Self {
        let share = self.wall.as_secs_f64() / idle.wall.as_secs_f64();
        let cpu = self.spent.cpu.saturating_sub(idle.spent.cpu.mul_f64(share));
        Self { spent: Spent { cpu, ..self.spent }, ..self }
    }
}

/// Makes something happen, has the server look, and waits until it rests; so many times.
fn rounds(server: &Server, count: u32, happen: impl Fn(u32) -> Result<(), Failure>) -> Result<Cost, Failure> {
    let (before, mut wall, mut requests) = (server.spent()?, Duration::ZERO, 0);
    for round in 0..count {
        happen(round)?;
        let began = Instant::now();
        requests += server.round()?;
        wall += began.elapsed();
    }
    Ok(Cost { spent: server.spent()?.since(before), wall, requests, rounds: count.max(1) })
}

/// What a second of nothing costs.
fn idle(server: &Server) -> Result<Cost, Failure> {
    let before = server.spent()?;
    sleep(IDLE);
    let seconds = u32::try_from(IDLE.as_secs())?;
    Ok(Cost { spent: server.spent()?.since(before), wall: IDLE, requests: 0, rounds: seconds })
}

/// The made-up people.
struct Crowd {
    ids: Vec<String>,
}

impl Crowd {
    fn of(args: &Args, users: u32) -> Result<Self, Failure> {
        let world = World::generate(args.seed, usize::try_from(users)?, usize::try_from(args.groups)?);
        Ok(Self { ids: world.user_ids(GENERATED_TENANT) })
    }

    /// Gives somebody another title: each round somebody else, from everywhere in the directory.
    fn change(&self, stage: &Stage, round: u32) -> Result<(), Failure> {
        let far = usize::try_from(round)? * 7919;
        let somebody = &self.ids[far % self.ids.len()];
        let path = format!("/control/tenants/{GENERATED_TENANT}/users/{somebody}");
        web::ask("PATCH", address(stage), &path, &format!("{{\"jobTitle\":\"Title {round}\"}}"))?;
        Ok(())
    }
}

fn line(users: u32, work: &str, cost: Cost, server: &Server) -> Result<String, Failure> {
    let Cost { spent: Spent { cpu, written }, wall, requests, rounds } = cost;
    let (now, most) = server.memory()?;
    let (each, count) = (f64::from(rounds), u64::from(rounds));
    let millis = |time: Duration| time.as_secs_f64() * 1000.0 / each;
    Ok(format!(
        "| {users} | {work} | {:.2} | {} | {} | {:.1} | {} / {} |",
        millis(cpu),
        written / count,
        requests / count,
        millis(wall),
        now >> 20,
        most >> 20,
    ))
}
