//! The floor of a round as a process that is watched: told to ask what is new, and waited for.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use crate::floor::Floor;
use crate::stage::Stage;
use crate::{Failure, meter};

/// The process; killed when it is dropped.
pub struct Watcher {
    child: Child,
    tell: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Watcher {
    /// Starts it, and waits until it has read everything once.
    pub fn start(stage: &Stage) -> Result<Self, Failure> {
        let mut child = stage.floor(Floor::Rounds)?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(tell), Some(said)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the floor cannot be spoken to".into());
        };
        let mut watcher = Self { child, tell, said: BufReader::new(said) };
        watcher.hear()?;
        Ok(watcher)
    }

    /// One round; how many objects were new.
    pub fn round(&mut self) -> Result<u64, Failure> {
        writeln!(self.tell)?;
        self.hear()
    }

    /// CPU time that it has spent so far.
    pub fn cpu(&self) -> Result<Duration, Failure> {
        meter::cpu(self.child.id())
    }

    fn hear(&mut self) -> Result<u64, Failure> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        line.trim().parse().map_err(|_| "the floor of a round ended".into())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
