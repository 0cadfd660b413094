//! One process from start to end, and what it spent. Knows nothing of what it does.

use std::process::Command;
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

use crate::Failure;
use crate::simulator::Asked;

/// What a piece of work spent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// User and system time of all its threads.
    pub cpu: Duration,
    /// Time on the wall.
    pub wall: Duration,
    /// Most memory that its process had at once, in bytes.
    pub peak: u64,
    /// What it asked of the simulator.
    pub asked: Asked,
}

/// Runs a command to its end, as the kernel accounts for it.
pub fn run(command: &mut Command) -> Result<Spent, Failure> {
    let began = Instant::now();
    let ended = command.spawn().map_err(|error| format!("cannot start {command:?}: {error}"))?.wait4()?;
    let wall = began.elapsed();
    if !ended.status.success() {
        return Err(format!("{command:?} ended with {}", ended.status).into());
    }
    let used = ended.rusage;
    Ok(Spent { cpu: used.utime + used.stime, wall, peak: used.maxrss, asked: Asked::default() })
}
