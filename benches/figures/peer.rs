//! Another program that reads the same directory, next to bmsync: Backstage's catalog module for Microsoft Graph, in
//! `benches/peer`. It is installed from npm when it is first measured.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bmsync::simulator::GENERATED_TENANT;
use serde::Deserialize;

use crate::process::{Spent, run};
use crate::simulator::Asked;
use crate::stage::Stage;
use crate::table::Row;
use crate::{Args, Failure};

/// What the script says of one cycle.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cycle {
    cpu_ms: f64,
    wall_ms: f64,
    peak_bytes: u64,
    requests: u64,
    bytes: u64,
    entities: u64,
}

/// The lines of the peer.
pub fn measure(args: &Args, stage: &Stage) -> Result<Vec<Row>, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join("peer");
    install(&folder)?;
    let quiet = args.times.to_string();
    let mut command = node(&folder);
    let output =
        command.arg(stage.url()).arg(quiet).env("PEER_TENANT", GENERATED_TENANT).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the peer ended with {}", output.status).into());
    }
    let cycles: Vec<Cycle> = serde_json::from_slice(&output.stdout)?;
    let Some((first, quiet)) = cycles.split_first() else { return Err("the peer measured nothing".into()) };
    // It leaves out accounts that are disabled: 2 % of the made-up ones.
    if first.entities < u64::from(stage.users()) / 10 * 9 {
        return Err(format!("the peer found only {} users and groups", first.entities).into());
    }
    Ok(vec![
        Row::of("peer: first cycle", vec![first.spent()]),
        Row::of("peer: quiet cycle", quiet.iter().map(Cycle::spent).collect()),
    ])
}

impl Cycle {
    fn spent(&self) -> Spent {
        let Self { cpu_ms, wall_ms, peak_bytes, requests, bytes, entities: _ } = *self;
        let time = |millis: f64| Duration::from_secs_f64(millis.max(0.0) / 1000.0);
        Spent { cpu: time(cpu_ms), wall: time(wall_ms), peak: peak_bytes, asked: Asked { requests, bytes } }
    }
}

fn node(folder: &Path) -> Command {
    let mut command = Command::new("node");
    // What the module needs of a directory this large is not to fail for the default size of the heap.
    command.arg("--max-old-space-size=8192").arg(script(folder)).stdin(Stdio::null());
    command
}

fn script(folder: &Path) -> PathBuf {
    folder.join("peer.mjs")
}

/// Installs what the lock file names, unless it is there.
fn install(folder: &Path) -> Result<(), Failure> {
    for program in ["node", "npm"] {
        let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        found.map_err(|error| format!("THE PEER WAS NOT MEASURED: cannot start {program}, which it needs: {error}"))?;
    }
    if folder.join("node_modules").exists() {
        return Ok(());
    }
    let mut command = Command::new("npm");
    command.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(folder).stdout(Stdio::null());
    run(&mut command).map_err(|error| format!("THE PEER WAS NOT MEASURED: {error}"))?;
    Ok(())
}
