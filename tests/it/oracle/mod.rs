//! bmsync against a second implementation of the rules, on small worlds under seeds.
//!
//! `BMSYNC_WORLDS=100000` plays more worlds, `BMSYNC_WORLD=17` that one alone.

mod bms;
mod compare;
mod generate;
mod model;
mod shrink;
mod translate;
mod world;

use std::time::{Duration, Instant};

use compare::{Tally, play};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn bmsync_and_the_model_agree_on_every_world() {
    let one = number("BMSYNC_WORLD");
    let worlds = number("BMSYNC_WORLDS");
    let from = number("BMSYNC_FROM").unwrap_or(0);
    let seeds = one.map_or(from..from + worlds.unwrap_or(4_000), |seed| seed..seed + 1);
    let until = Instant::now() + Duration::from_secs(25);
    let mut tally = Tally::default();
    for seed in seeds {
        if worlds.is_none() && Instant::now() > until {
            break;
        }
        let walk = generate::walk(seed);
        match play(&walk) {
            Ok(seen) => tally.add(&seen),
            Err(failure) if failure.class == "skip" => {}
            Err(failure) => panic!("seed {seed}\n{}", shrink::report(&walk, failure)),
        }
    }
    println!("{tally:#?}");
}
