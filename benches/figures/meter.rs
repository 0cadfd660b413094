//! What a process has spent so far, as the kernel accounts for it under `/proc`. Reading it costs the process nothing.

use std::fs;
use std::time::Duration;

use crate::Failure;

/// One tick of the kernel's CPU accounting; `USER_HZ` is 100 on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of all threads, also of those that have ended.
pub fn cpu(process: u32) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold anything; what follows it is numbers. utime and stime are the 12th and 13th.
    let after = stat.rsplit_once(')').ok_or("no process")?.1;
    let ticks = after.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
    Ok(TICK * ticks)
}

/// Bytes given to `write` and its like, sockets included. What the kernel counts as sent to the disk is no measure: of a
/// large page of its cache it counts the whole, whatever was written of it.
pub fn written(process: u32) -> Result<u64, Failure> {
    number(&fs::read_to_string(format!("/proc/{process}/io"))?, "wchar:")
}

/// Memory at most, in bytes.
pub fn peak(process: u32) -> Result<u64, Failure> {
    Ok(number(&fs::read_to_string(format!("/proc/{process}/status"))?, "VmHWM:")? << 10)
}

/// Time on a CPU of the threads that are alive now, finer than a tick: only good to see whether it moves.
pub fn running(process: u32) -> Result<Duration, Failure> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end between the two looks.
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        sum += text.split_whitespace().next().ok_or("no schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(sum))
}

fn number(text: &str, name: &str) -> Result<u64, Failure> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or_else(|| format!("no {name}"))?;
    Ok(line.split_whitespace().next().ok_or("no number")?.parse()?)
}
