//! A `bmsync run` that is measured: started, told to look, waited for, ended.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::meter;
use crate::process::Spent;
use crate::simulator::Asked;
use crate::stage::Stage;
use crate::{Args, Failure, web};

/// Nothing takes longer, however large the directory is.
const PATIENCE: Duration = Duration::from_mins(30);
/// How often it is looked whether something has happened.
const GLANCE: Duration = Duration::from_millis(3);
/// So long without work, and a round has come to its end.
const REST: Duration = Duration::from_millis(12);
/// So long, and much work has.
pub const LONG_REST: Duration = Duration::from_millis(900);
/// Work between two glances that is none: timers and the like.
const STIR: Duration = Duration::from_micros(500);

/// The server; killed when it is dropped.
pub struct Server<'a> {
    child: Child,
    address: String,
    stage: &'a Stage,
    /// So long it may wait for an answer without doing anything.
    delay: Duration,
}

impl<'a> Server<'a> {
    /// Starts it on a state and waits until it says that it is ready, and then until it rests. The wall is the time until
    /// it was ready.
    pub fn start(args: &Args, stage: &'a Stage, state: &Path) -> Result<(Self, Spent), Failure> {
        let before = stage.simulator().asked()?;
        let began = Instant::now();
        let mut command = stage.bmsync(&["run", "--listen", "127.0.0.1:0"]);
        let mut child = command.arg("--state").arg(state).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take();
        let delay = Duration::from_millis(args.delay.into()) * 2;
        let mut server = Self { child, address: String::new(), stage, delay };
        BufReader::new(output.ok_or("the server has no output")?).read_line(&mut server.address)?;
        server.address = server.address.trim().trim_start_matches("http://").to_owned();
        server.wait("ready", |server| Ok(web::ask("GET", &server.address, "/readyz", "").is_ok()))?;
        let wall = began.elapsed();
        server.rest(LONG_REST)?;
        let spent = server.spent()?;
        let asked = stage.simulator().asked()?.since(before);
        Ok((server, Spent { wall, asked, ..spent }))
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// CPU time that it has spent so far, and the most memory that it had.
    pub fn spent(&self) -> Result<Spent, Failure> {
        let process = self.child.id();
        Ok(Spent { cpu: meter::cpu(process)?, peak: meter::peak(process)?, ..Spent::default() })
    }

    /// What it has spent since an earlier reading.
    pub fn since(&self, before: Spent) -> Result<Spent, Failure> {
        let now = self.spent()?;
        Ok(Spent { cpu: now.cpu.saturating_sub(before.cpu), ..now })
    }

    /// Bytes given to `write` and its like so far.
    pub fn written(&self) -> Result<u64, Failure> {
        meter::written(self.child.id())
    }

    /// Revision of the state that it serves.
    pub fn revision(&self) -> Result<u64, Failure> {
        let metrics = web::ask("GET", &self.address, "/metrics", "")?;
        let line = metrics.lines().find_map(|line| line.strip_prefix("bmsync_state_revision "));
        Ok(line.ok_or("no revision among the metrics")?.trim_end_matches(".0").parse()?)
    }

    /// One look at the directory, from being told to its last stir; what it asked for, and how long it took.
    pub fn round(&self, rest: Rest) -> Result<(Asked, Duration), Failure> {
        let (before, began) = (self.stage.simulator().asked()?, Instant::now());
        web::ask("POST", &self.address, "/v1/sync", "")?;
        self.wait("a look", |server| Ok(server.stage.simulator().asked()?.requests >= before.requests + 2))?;
        let last = match rest {
            Rest::Short => self.rest(REST)?,
            Rest::Long => self.rest(LONG_REST)?,
        };
        Ok((self.stage.simulator().asked()?.since(before), last.duration_since(began)))
    }

    /// Waits until it has done nothing for so long; when it did something last.
    fn rest(&self, rest: Duration) -> Result<Instant, Failure> {
        let (began, mut before) = (Instant::now(), meter::running(self.child.id())?);
        let mut last = began;
        while last.elapsed() < rest + self.delay {
            sleep(GLANCE);
            let now = meter::running(self.child.id())?;
            if now.saturating_sub(before) >= STIR {
                last = Instant::now();
            }
            before = now;
            if began.elapsed() > PATIENCE {
                return Err("the server does not come to rest".into());
            }
        }
        Ok(last)
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

/// How much is left to be done once the directory was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Hardly anything.
    Short,
    /// Some waiting for the disk among it.
    Long,
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
