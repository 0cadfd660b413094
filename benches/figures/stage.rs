//! What is measured on: a simulator that serves a made-up directory, manifests in which everybody becomes an employee
//! or a contact, and states that hold nobody or everybody. All of it is gone when it is dropped.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bmsync::simulator::{GENERATED_DOMAIN, GENERATED_TENANT, World};
use tempfile::TempDir;

use crate::floor::Floor;
use crate::process::run;
use crate::simulator::Simulator;
use crate::{Args, Failure};

/// Tenant, defaults and policy; the rules follow. The clock is not to begin a look of its own.
const MANIFESTS: &str = "\
apiVersion: bmsync/v1
kind: Tenant
metadata: { name: generated }
spec:
  domain: {domain}
  tenantId: {tenant}
  applicationId: 1f3c5d7e-0000-4000-8000-000000000001
  applicationKey: { file: {key} }
  signIn: application
  endpoints: { login: {url}, graph: {url} }
---
apiVersion: bmsync/v1
kind: EmployeeDefaults
metadata: { name: defaults }
spec: { department: Operations, location: Headquarters, manager: jsmith, jobTitle: Technician,
        employmentType: Full Time, employeeRole: Engineer, securityRole: User }
---
apiVersion: bmsync/v1
kind: SyncPolicy
metadata: { name: policy }
spec: { pollInterval: 24h, fullSyncInterval: 240h }
";

/// What BMS holds before anything is applied: the account of all contacts.
const ACCOUNT: &str = r#"{"kind":"account","id":1,"name":"Generated","locations":["Main"]}"#;

/// Everything that the works need.
#[derive(Debug)]
pub struct Stage {
    users: u32,
    simulator: Simulator,
    folder: TempDir,
}

impl Stage {
    /// Starts the simulator and writes the rest.
    pub fn set(args: &Args, users: u32) -> Result<Self, Failure> {
        let stage = Self { users, simulator: Simulator::start(args, users)?, folder: tempfile::tempdir()? };
        stage.write_manifests(args)?;
        let accounts = stage.path("accounts.jsonl");
        fs::write(&accounts, ACCOUNT)?;
        run(stage.bmsync(&["import"]).arg(accounts).arg("--state").arg(stage.empty()))?;
        Ok(stage)
    }

    /// Groups take turns: the first makes employees, the second contacts with a login, and so on.
    fn write_manifests(&self, args: &Args) -> Result<(), Failure> {
        let key = self.path("key");
        fs::write(&key, "any-secret-is-accepted")?;
        let mut text = MANIFESTS
            .replace("{domain}", GENERATED_DOMAIN)
            .replace("{tenant}", GENERATED_TENANT)
            .replace("{key}", &format!("{:?}", key.display().to_string()))
            .replace("{url}", &format!("{:?}", self.url()));
        let groups = World::generate(args.seed, 0, usize::try_from(args.groups)?).group_ids(GENERATED_TENANT);
        for (number, group) in groups.iter().enumerate() {
            let record = ["employee", "contact\n  contact: { account: Generated }"][number % 2];
            write!(
                text,
                "---\napiVersion: bmsync/v1\nkind: MappingRule\nmetadata: {{ name: rule-{number} }}\n\
                 spec:\n  tenantId: {GENERATED_TENANT}\n  groupId: {group}\n  order: {number}\n  record: {record}\n"
            )?;
        }
        self.put_manifests("manifests", &text)?;
        let other = text.replacen("record: employee\n", "record: employee\n  employee: { department: Field }\n", 1);
        self.put_manifests("candidate", &other)
    }

    fn put_manifests(&self, name: &str, text: &str) -> Result<(), Failure> {
        let folder = self.path(name);
        fs::create_dir(&folder)?;
        Ok(fs::write(folder.join("all.yaml"), text)?)
    }

    /// This program, as one of the floors.
    pub fn floor(&self, floor: Floor) -> Result<Command, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        let at = match floor {
            Floor::Pages | Floor::Owned | Floor::Rounds => self.url().to_owned(),
            Floor::Write | Floor::Open | Floor::Events => self.folder.path().display().to_string(),
        };
        command.arg("--be").arg(floor.name()).arg("--at").arg(at).stdout(Stdio::null());
        Ok(command)
    }

    /// The program that is measured, saying little.
    pub fn bmsync(&self, args: &[&str]) -> Command {
        self.bmsync_with("manifests", args)
    }

    /// The same with the manifests in which one rule gives another department.
    pub fn bmsync_candidate(&self, args: &[&str]) -> Command {
        self.bmsync_with("candidate", args)
    }

    fn bmsync_with(&self, manifests: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bmsync"));
        command.args(args).arg("--quiet").arg("--manifests").arg(self.path(manifests));
        command.stdout(Stdio::null()).env_remove("RUST_LOG");
        command
    }

    /// How many users the directory has.
    pub const fn users(&self) -> u32 {
        self.users
    }

    /// The simulator.
    pub const fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    /// Where the simulator is.
    pub fn url(&self) -> &str {
        self.simulator.url()
    }

    /// A state that holds the account and nobody.
    pub fn empty(&self) -> PathBuf {
        self.path("empty")
    }

    /// A state that holds everybody, once it was filled.
    pub fn full(&self) -> PathBuf {
        self.path("full")
    }

    /// Another state like the empty one.
    pub fn fresh(&self) -> Result<PathBuf, Failure> {
        let fresh = self.path("fresh");
        if fresh.exists() {
            fs::remove_dir_all(&fresh)?;
        }
        copy(&self.empty(), &fresh)?;
        Ok(fresh)
    }

    /// Makes the full state, and what the floors of writing and opening work on.
    pub fn fill(&self) -> Result<(), Failure> {
        copy(&self.empty(), &self.full())?;
        run(self.bmsync(&["apply", "--yes", "-o", "json"]).arg("--state").arg(self.full()))?;
        Self::copy_events(&self.full())
    }

    /// Copies the events of a state to where the floors of writing and opening look for them.
    pub fn copy_events(state: &Path) -> Result<(), Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        run(command.arg("--be").arg(Floor::Events.name()).arg("--at").arg(state))?;
        Ok(())
    }

    /// What the full state takes on the disk.
    pub fn full_bytes(&self) -> Result<u64, Failure> {
        Ok(bytes(&self.full())?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let (from, to) =
            (entry.as_ref().map_or_else(|_| from.to_owned(), fs::DirEntry::path), to.join(entry?.file_name()));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

/// What a folder occupies, in whole blocks.
fn bytes(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let (path, about) = (entry.as_ref().map_or_else(|_| folder.to_owned(), fs::DirEntry::path), entry?.metadata()?);
        sum += if about.is_dir() { bytes(&path)? } else { about.blocks() * 512 };
    }
    Ok(sum)
}
