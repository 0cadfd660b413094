//! The figures as a Markdown table, fit to be put into `docs/performance.md`.

use std::time::Duration;

use crate::process::Spent;

/// One line: what a piece of work spent in each round.
#[derive(Debug)]
pub struct Row<'a> {
    /// Size of the directory.
    pub users: u32,
    /// What was done.
    pub name: &'static str,
    /// One per round.
    pub spent: Vec<Spent>,
    /// What the strict floor spent in the same rounds, if it was measured.
    pub strict: Option<&'a [Spent]>,
    /// What the floor with owned values spent.
    pub owned: Option<&'a [Spent]>,
}

/// The head of the table.
pub const fn head() -> &'static str {
    "| users | work | CPU s: min / median / max | × floor | × owned | wall s | peak memory, MiB | B per user |\n\
     |---:|---|---|---:|---:|---:|---:|---:|"
}

impl Row<'_> {
    /// The line.
    pub fn text(&self) -> String {
        let Self { users, name, spent, strict, owned } = self;
        let cpu = sorted(spent.iter().map(|one| one.cpu));
        let wall = middle(&sorted(spent.iter().map(|one| one.wall)));
        let peak = middle(&sorted(spent.iter().map(|one| one.peak)));
        let (min, median, max) = (cpu.first().copied().unwrap_or_default(), middle(&cpu), cpu.last().copied());
        let against = |floor: Option<&[Spent]>| floor.map_or_else(String::new, |floor| ratio(spent, floor));
        format!(
            "| {users} | {name} | {} / {} / {} | {} | {} | {} | {} | {} |",
            seconds(min),
            seconds(median),
            seconds(max.unwrap_or_default()),
            against(*strict),
            against(*owned),
            seconds(wall),
            peak >> 20,
            peak / u64::from(*users).max(1),
        )
    }
}

/// The line below: what the state takes.
pub fn state(users: u32, bytes: u64) -> String {
    let each = bytes / u64::from(users).max(1);
    format!("| {users} | the state on disk, applied | | | | | {} | {each} |", bytes >> 20)
}

/// Median of the rounds' ratios: both sides of each were measured one right after the other.
fn ratio(spent: &[Spent], floor: &[Spent]) -> String {
    let ratios = spent.iter().zip(floor).map(|(one, floor)| one.cpu.as_micros() * 1000 / floor.cpu.as_micros().max(1));
    let thousandths = middle(&sorted(ratios));
    format!("{}.{:02}", thousandths / 1000, thousandths % 1000 / 10)
}

fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values
}

fn middle<T: Copy + Default>(sorted: &[T]) -> T {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}
