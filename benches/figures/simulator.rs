//! The simulated Graph that everything is measured against, as a process of its own, and what it counts.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::{Args, Failure, web};

/// A simulator; killed when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    child: Child,
    url: String,
}

/// What was asked of it, and how long its answers were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Requests, those for tokens included.
    pub requests: u64,
    /// Bytes of the bodies of its answers.
    pub bytes: u64,
}

impl Asked {
    /// What was asked since an earlier reading.
    pub const fn since(self, before: Self) -> Self {
        Self { requests: self.requests - before.requests, bytes: self.bytes - before.bytes }
    }
}

impl Simulator {
    /// Starts it.
    pub fn start(args: &Args, users: u32) -> Result<Self, Failure> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bmsync"));
        command.args(["simulate", "--quiet", "--listen", "127.0.0.1:0", "--generate"]);
        command.arg(format!("{users},{}", args.groups)).arg("--seed").arg(args.seed.to_string());
        command.arg("--page-size").arg(args.page_size.to_string());
        if args.delay > 0 {
            command.arg("--fault").arg(format!("slow=always:{}", args.delay));
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take();
        let mut simulator = Self { child, url: String::new() };
        let Some(output) = output else { return Err("the simulator has no output".into()) };
        BufReader::new(output).read_line(&mut simulator.url)?;
        simulator.url.truncate(simulator.url.trim_end().len());
        if simulator.url.is_empty() { Err("the simulator did not start".into()) } else { Ok(simulator) }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What was asked of it so far. Asking this does not count.
    pub fn asked(&self) -> Result<Asked, Failure> {
        let stats: Value = serde_json::from_str(&web::ask("GET", self.address(), "/control/stats", "")?)?;
        let classes = stats["requests"].as_object().ok_or("no counts")?;
        let counts = classes.values().filter_map(Value::as_object).flat_map(|class| class.values());
        let bytes = stats["bytes"].as_u64().ok_or("no bytes")?;
        Ok(Asked { requests: counts.filter_map(Value::as_u64).sum(), bytes })
    }

    /// Gives a user of a tenant another title.
    pub fn entitle(&self, tenant: &str, user: &str, title: &str) -> Result<(), Failure> {
        let path = format!("/control/tenants/{tenant}/users/{user}");
        web::ask("PATCH", self.address(), &path, &format!("{{\"jobTitle\":\"{title}\"}}"))?;
        Ok(())
    }

    fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
