//! The figures as lines of a Markdown table, fit to be put into `docs/performance.md`.

use std::time::Duration;

use crate::process::Spent;

/// The head of the table.
pub const HEAD: &str = "| users | work | CPU ms: min / median / max | × floor | requests | KiB answered | wall ms | MiB at most | B per user |\n\
     |---:|---|---|---|---:|---:|---:|---:|---:|";

/// The kernel counts a running process in steps of 10 ms: none of them says nothing.
const COARSE: Duration = Duration::from_millis(5);

/// One line: what a piece of work spent each time.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was done.
    pub name: String,
    /// One per time. With `rounds`, each is the sum of so many.
    pub spent: Vec<Spent>,
    /// How many rounds each time had.
    pub rounds: u32,
    /// What it is compared with.
    pub against: Vec<Against>,
}

/// A floor that was measured in the same rounds.
#[derive(Clone, Debug)]
pub struct Against {
    /// Of the floor.
    pub name: &'static str,
    /// One per time.
    pub cpu: Vec<Duration>,
}

impl Row {
    /// A work by itself.
    pub fn of(name: impl Into<String>, spent: Vec<Spent>) -> Self {
        Self { name: name.into(), spent, rounds: 1, against: Vec::new() }
    }

    /// What a state takes.
    pub fn state(name: &str, bytes: u64) -> Self {
        Self::of(name, vec![Spent { peak: bytes, ..Spent::default() }])
    }

    /// The line.
    pub fn text(&self, users: u32) -> String {
        let Self { name, spent, rounds, against } = self;
        let cpu = sorted(spent.iter().map(|one| one.cpu / *rounds));
        let (min, median, max) = (cpu.first().copied().unwrap_or_default(), middle(&cpu), cpu.last().copied());
        let cpu = match cpu.len() {
            0 | 1 => millis(median),
            _ => format!("{} / {} / {}", millis(min), millis(median), millis(max.unwrap_or_default())),
        };
        let number = |of: fn(&Spent) -> u64| middle(&sorted(spent.iter().map(of)));
        let (requests, bytes) = (number(|one| one.asked.requests), number(|one| one.asked.bytes));
        let (wall, peak) = (middle(&sorted(spent.iter().map(|one| one.wall / *rounds))), number(|one| one.peak));
        let ratios: Vec<String> = against.iter().map(|floor| ratio(spent, floor)).collect();
        format!(
            "| {users} | {name} | {cpu} | {} | {} | {} | {} | {} | {} |",
            ratios.join(", "),
            per(requests, *rounds, 1),
            per(bytes, *rounds, 1024),
            millis(wall),
            peak >> 20,
            peak / u64::from(users).max(1),
        )
    }
}

/// A count per round in a unit, with two decimals where it is small.
fn per(count: u64, rounds: u32, unit: u64) -> String {
    let hundredths = count * 100 / unit / u64::from(rounds).max(1);
    match (hundredths % 100, hundredths < 10_000) {
        (0, _) | (_, false) => (hundredths / 100).to_string(),
        (rest, true) => format!("{}.{rest:02}", hundredths / 100),
    }
}

/// Median of the times' ratios: both sides of each were measured one right after the other.
fn ratio(spent: &[Spent], floor: &Against) -> String {
    if floor.cpu.iter().any(|floor| *floor < COARSE) {
        return format!("? {}", floor.name);
    }
    let pairs = spent.iter().zip(&floor.cpu);
    let ratios = pairs.map(|(one, floor)| one.cpu.as_micros() * 1000 / floor.as_micros().max(1));
    let thousandths = middle(&sorted(ratios));
    format!("{}.{:02} {}", thousandths / 1000, thousandths % 1000 / 10, floor.name)
}

fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values
}

fn middle<T: Copy + Default>(sorted: &[T]) -> T {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn millis(time: Duration) -> String {
    let micros = time.as_micros();
    if micros < 100_000 { format!("{}.{:02}", micros / 1000, micros % 1000 / 10) } else { (micros / 1000).to_string() }
}
