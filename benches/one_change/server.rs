//! A `bmsync run` that is measured: started, told to look, waited for, ended.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::meter::{self, Spent};
use crate::stage::Stage;
use crate::{Failure, web};

/// Nothing takes longer, however large the directory is.
const PATIENCE: Duration = Duration::from_mins(30);
/// How often it is looked whether something has happened.
const GLANCE: Duration = Duration::from_millis(3);
/// So many glances without work, and a round has come to its end.
const REST: u32 = 4;
/// So many, and a start has.
const LONG_REST: u32 = 300;
/// Work between two glances that is none: timers and the like.
const STIR: Duration = Duration::from_micros(500);

/// The server; killed when it is dropped.
pub struct Server {
    child: Child,
    address: String,
    simulator: String,
}

impl Server {
    /// Starts it on a state and waits until it says that it is ready; how long that took.
    pub fn start(stage: &Stage, state: &Path) -> Result<(Self, Duration), Failure> {
        let began = Instant::now();
        let mut command = stage.bmsync(&["run", "--listen", "127.0.0.1:0"]);
        let mut child = command.arg("--state").arg(state).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take();
        let simulator = stage.url().trim_start_matches("http://").to_owned();
        let mut server = Self { child, address: String::new(), simulator };
        BufReader::new(output.ok_or("the server has no output")?).read_line(&mut server.address)?;
        server.address = server.address.trim().trim_start_matches("http://").to_owned();
        server.wait("ready", |server| Ok(web::ask("GET", &server.address, "/readyz", "").is_ok()))?;
        Ok((server, began.elapsed()))
    }

    /// Asks it.
    pub fn ask(&self, method: &str, path: &str) -> Result<String, Failure> {
        web::ask(method, &self.address, path, "")
    }

    /// What it has spent so far.
    pub fn spent(&self) -> Result<Spent, Failure> {
        meter::spent(self.child.id())
    }

    /// Memory now and at most, in bytes.
    pub fn memory(&self) -> Result<(u64, u64), Failure> {
        meter::memory(self.child.id())
    }

    /// Revision of the state that it serves.
    pub fn revision(&self) -> Result<u64, Failure> {
        let metrics = self.ask("GET", "/metrics")?;
        let line = metrics.lines().find_map(|line| line.strip_prefix("bmsync_state_revision "));
        Ok(line.ok_or("no revision among the metrics")?.trim_end_matches(".0").parse()?)
    }

    /// One look at the directory, from being told to having come to rest; how many requests it made.
    pub fn round(&self) -> Result<u64, Failure> {
        let before = web::requests(&self.simulator)?;
        self.ask("POST", "/v1/sync")?;
        self.wait("a look", |server| Ok(web::requests(&server.simulator)? >= before + 2))?;
        self.rest(REST)?;
        Ok(web::requests(&self.simulator)? - before)
    }

    /// Waits until everything that its start brought has been done.
    pub fn finish(&self) -> Result<(), Failure> {
        self.rest(LONG_REST)
    }

    /// Waits until it does nothing for so many glances.
    fn rest(&self, glances: u32) -> Result<(), Failure> {
        let (mut before, mut calm) = (meter::running(self.child.id())?, 0);
        let began = Instant::now();
        while calm < glances {
            sleep(GLANCE);
            let now = meter::running(self.child.id())?;
            calm = if now.saturating_sub(before) < STIR { calm + 1 } else { 0 };
            before = now;
            if began.elapsed() > PATIENCE {
                return Err("the server does not come to rest".into());
            }
        }
        Ok(())
    }

    fn wait(&self, what: &str, done: impl Fn(&Self) -> Result<bool, Failure>) -> Result<(), Failure> {
        let began = Instant::now();
        while !done(self)? {
            if began.elapsed() > PATIENCE {
                return Err(format!("never: {what}").into());
            }
            sleep(GLANCE);
        }
        Ok(())
    }

    /// Tells it to end, and waits until it has.
    pub fn stop(mut self) -> Result<(), Failure> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
