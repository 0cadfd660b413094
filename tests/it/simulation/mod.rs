//! The running bmsync under one seed: controller, engine, store and a directory service in virtual time, with a scheduler of
//! faults, while the world changes at random. After the faults stop it must settle, and docs/invariants.md must hold.
//!
//! `BMSYNC_SEEDS=100000` plays so many seeds, from `BMSYNC_SEED` on; without it, as many as fit in the time that a test
//! run should take. A failure prints its seed and what happened, and that seed fails alike again.

mod beside;
mod disk;
mod invariants;
mod process;
mod service;
mod stage;
mod story;

use std::time::{Duration, Instant};

use crate::oracle::number;
use stage::Tally;

const TIME: Duration = Duration::from_secs(25);

/// What a run must have met with; one that has not would prove little.
const MET: [&str; 20] = [
    "crash before a write",
    "crash after a write",
    "lost answer of a write",
    "failed write",
    "killed",
    "stopped",
    "failed read",
    "throttled read",
    "stale read",
    "expired link",
    "repeated and reordered answer",
    "lost notification",
    "repeated notification",
    "forged notification",
    "clock step",
    "second process",
    "approval",
    "lost request to IT Glue",
    "lost answer of IT Glue",
    "throttled by IT Glue",
];

#[test]
fn the_running_bmsync_keeps_its_invariants_under_every_fault() {
    let (from, seeds) = (number("BMSYNC_SEED").unwrap_or(0), number("BMSYNC_SEEDS"));
    let start = Instant::now();
    let mut tally = Tally::default();
    let mut played = 0_u64;
    for seed in from..from + seeds.unwrap_or(u64::from(u32::MAX)) {
        if seeds.is_none() && start.elapsed() > TIME {
            break;
        }
        match story::play(seed) {
            Ok(met) => tally.add(&met),
            Err(failure) => panic!("seed {seed} (repeat it with BMSYNC_SEED={seed} BMSYNC_SEEDS=1)\n{failure}"),
        }
        played += 1;
    }
    println!("{played} seeds: {tally}");
    let missing: Vec<_> = MET.into_iter().filter(|word| !tally.has(word)).collect();
    assert!(played < 200 || missing.is_empty(), "{played} seeds met with no {missing:?}: {tally}");
}
