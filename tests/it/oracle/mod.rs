//! bmsync against a second implementation of the rules, on small worlds under seeds.
//!
//! `BMSYNC_WORLDS=100000` plays so many worlds, from seed `BMSYNC_WORLD` on; without it, as many as fit in the time that
//! a test run should take. What a walk is about is in `world.rs`; a walk that fails is made smaller and printed.

mod bms;
mod cases;
mod compare;
pub mod generate;
pub mod model;
mod shrink;
pub mod translate;
pub mod world;

use std::time::{Duration, Instant};

use compare::{Tally, play};

/// Everything that rules can lead to; a run that does not see it all would prove little.
const SEEN: [&str; 28] = [
    "archive",
    "create",
    "merge",
    "restore",
    "update",
    "deactivate",
    "reactivate",
    "preserved",
    "touched",
    "MissingEmail",
    "MissingUsername",
    "AccountNotFound",
    "LocationNotFound",
    "AmbiguousEmail",
    "MissingName",
    "EmailTaken",
    "UsernameTaken",
    "RuleBroken",
    "maxDeactivations",
    "maxArchives",
    "maxCreates",
    "complete",
    "failed",
    "suspended",
    "undeclared",
    "held and approved",
    "two archives of one user",
    "merge of a gone user's record",
];

const TIME: Duration = Duration::from_secs(20);

pub fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn bmsync_and_the_model_agree_on_every_world() {
    let (from, worlds) = (number("BMSYNC_WORLD").unwrap_or(0), number("BMSYNC_WORLDS"));
    let start = Instant::now();
    let mut tally = Tally::default();
    let mut played = 0;
    for seed in from..from + worlds.unwrap_or(u64::from(u32::MAX)) {
        if worlds.is_none() && start.elapsed() > TIME {
            break;
        }
        let walk = generate::walk(seed);
        match play(&walk) {
            Ok(seen) => tally.add(&seen),
            Err(failure) => panic!("seed {seed}\n{}", shrink::report(&walk, failure)),
        }
        played += 1;
    }
    let unseen: Vec<_> = SEEN.into_iter().filter(|word| !tally.has(word)).collect();
    assert!(played < 500 || unseen.is_empty(), "{played} worlds without {unseen:?}: {tally:?}");
}
