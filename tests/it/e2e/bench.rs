//! A bench: two tenants, each behind a simulator of its own, a folder of manifests and state, and the binary to run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bmsync::simulator::{Control, Options, Running, Simulator, World};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// The tenant whose directory may be in trouble.
pub const CONTOSO: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
/// The tenant that is well.
pub const FABRIKAM: &str = "94841066-274d-4ec0-a5c1-276be684bdd3";
/// Contoso's employees.
pub const TECHNICIANS: &str = "45b7d2e7-b882-4a80-ba97-10b7a63b8fa4";
/// Contoso's contacts.
pub const PORTAL: &str = "45b7d2e7-b882-4a80-ba97-10b7a63b8fa5";
/// Fabrikam's employees.
pub const STAFF: &str = "55b7d2e7-b882-4a80-ba97-10b7a63b8fa4";
/// Contoso's application key.
pub const CONTOSO_KEY: &str = "K3y~of.Contoso-9XqPzzTop";
/// Fabrikam's application key.
pub const FABRIKAM_KEY: &str = "K3y~of.Fabrikam-7WvLmmBot";

/// The people of Contoso that every bench has, by number: 1 to 8 are technicians, 9 and 10 use the portal.
pub fn person(number: u32) -> String {
    format!("a1c00000-0000-4000-8000-{number:012}")
}

/// Fay, of Fabrikam.
pub const FAY: &str = "b1c00000-0000-4000-8000-000000000001";

/// What a run of the binary said.
#[derive(Debug)]
pub struct Told {
    /// How it ended; −1 when it was killed.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Told {
    /// Of a process that ended.
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The data as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts how it ended.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Asserts that standard error has all of these.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.err.contains(part), "`{part}` is missing in {self:#?}");
        }
        self
    }
}

/// A configuration repository with a state, and the two directories that it talks to.
pub struct Bench {
    folder: TempDir,
    runtime: Runtime,
    contoso: Option<Running>,
    fabrikam: Option<Running>,
}

impl Bench {
    /// Ten people of Contoso in pages of four, and Fay of Fabrikam; the account Northwind is in BMS.
    pub fn new() -> Self {
        let bench = Self::of(world(&contoso()));
        bench.write(
            "accounts.jsonl",
            "{\"kind\":\"account\",\"name\":\"Northwind\",\"locations\":[\"Main\",\"Dock\"]}\n",
        );
        bench.run(&["import", "accounts.jsonl"]).ends(0);
        bench
    }

    /// Another world for Contoso, and nothing in BMS.
    pub fn of(contoso: World) -> Self {
        Self::with(contoso, Options { page_size: 4, ..Options::default() })
    }

    /// Another world for Contoso, served in another way.
    pub fn with(contoso: World, options: Options) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let serve = |world, options| runtime.block_on(Simulator::start(world, options)).expect("the simulator starts");
        let (contoso, fabrikam) = (serve(contoso, options), serve(world(FABRIKAM_YAML), Options::default()));
        let folder = tempfile::tempdir().expect("a folder");
        let bench = Self { folder, runtime, contoso: Some(contoso), fabrikam: Some(fabrikam) };
        bench.write("manifests/all.yaml", bench.manifests());
        bench
    }

    /// The control of Contoso's simulator.
    pub fn control(&self) -> &Control {
        self.contoso.as_ref().expect("it runs").control()
    }

    /// The control of Fabrikam's simulator.
    pub fn fabrikam(&self) -> &Control {
        self.fabrikam.as_ref().expect("it runs").control()
    }

    /// Switches a fault of Contoso's directory on.
    pub fn fault(&self, text: &str) {
        self.control().set_fault(text).expect("a fault");
    }

    /// The manifests of the two tenants.
    pub fn manifests(&self) -> String {
        let url = |running: &Option<Running>| running.as_ref().expect("it runs").url();
        include_str!("bench/manifests.yaml")
            .replace("CONTOSO_URL", &url(&self.contoso))
            .replace("FABRIKAM_URL", &url(&self.fabrikam))
    }

    /// Writes the manifests with one text in place of another.
    pub fn declare(&self, from: &str, to: &str) {
        let manifests = self.manifests();
        assert!(manifests.contains(from), "`{from}` is in the manifests");
        self.write("manifests/all.yaml", manifests.replacen(from, to, 1));
    }

    /// Writes a policy.
    pub fn policy(&self, spec: &str) {
        let head = "apiVersion: bmsync/v1\nkind: SyncPolicy\nmetadata: { name: policy }\nspec:";
        self.write("manifests/policy.yaml", format!("{head} {spec}\n"));
    }

    /// Where everything is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file")
    }

    /// The binary, ready to be started here.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bmsync"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        for name in [
            "BMSYNC_STATE",
            "BMSYNC_KEY",
            "BMSYNC_KEY_FILE",
            "RUST_LOG",
            "NO_COLOR",
            "http_proxy",
            "HTTP_PROXY",
            "all_proxy",
            "ALL_PROXY",
        ] {
            command.env_remove(name);
        }
        command.env("CONTOSO_KEY", CONTOSO_KEY).env("FABRIKAM_KEY", FABRIKAM_KEY);
        command
    }

    /// The binary, started by another program that gets it and its arguments as its last arguments.
    pub fn behind(&self, wrapper: &[&str], args: &[&str]) -> Command {
        let inner = self.command(args);
        let mut outer = Command::new(wrapper[0]);
        outer.args(&wrapper[1..]).arg(inner.get_program()).args(inner.get_args());
        outer.current_dir(self.folder.path()).stdin(Stdio::null());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => outer.env(name, value),
                None => outer.env_remove(name),
            };
        }
        outer
    }

    /// Runs the binary.
    pub fn run(&self, args: &[&str]) -> Told {
        Told::of(self.command(args).output().expect("the binary starts"))
    }

    /// The plan as JSON, without the times, and how the run ended.
    pub fn plan(&self, args: &[&str]) -> (i32, Value) {
        let told = self.run(&[&["plan", "-o", "json"], args].concat());
        (told.code, timeless(told.json()))
    }

    /// The export of a state.
    pub fn export(&self, state: &str) -> String {
        self.run(&["--state", state, "export"]).ends(0).out
    }

    /// Copies the usual state.
    pub fn copy_state(&self, to: &str) {
        copy(&self.path(".bmsync/state"), &self.path(to));
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for running in [self.contoso.take(), self.fabrikam.take()].into_iter().flatten() {
            self.runtime.block_on(running.stop());
        }
    }
}

/// A plan without the times at which it was made and the directories were read.
pub fn timeless(mut plan: Value) -> Value {
    plan["createdAt"] = Value::Null;
    for tenant in plan["tenants"].as_array_mut().into_iter().flatten() {
        tenant["readAt"] = Value::Null;
    }
    plan
}

/// The actions of a plan's changes, with the object ID's last digits.
pub fn actions(plan: &Value) -> Vec<String> {
    let changes = plan["changes"].as_array().expect("changes");
    let word = |value: &Value| value.as_str().expect("a text").to_owned();
    let last = |id: String| id.trim_start_matches(|sign| sign != '-').rsplit('-').next().unwrap_or("").to_owned();
    changes
        .iter()
        .map(|change| {
            let number = last(word(&change["user"]["id"]));
            format!("{} {}", word(&change["action"]), number.trim_start_matches('0'))
        })
        .collect()
}

/// A world from a directory file.
pub fn world(yaml: &str) -> World {
    World::from_yaml(yaml).expect("the directory file is right")
}

/// Contoso's directory file.
pub fn contoso() -> String {
    let names = ["Adele", "Bruno", "Chloe", "David", "Elena", "Felix", "Greta", "Henry", "Irene", "Jonas"];
    let users: Vec<String> = names
        .iter()
        .zip(1..)
        .map(|(name, number)| {
            let (id, low) = (person(number), name.to_lowercase());
            format!(
                "      - {{ id: {id}, userPrincipalName: {low}@contoso.com, displayName: {name}, givenName: {name}, \
                 surname: Vance, mail: {low}@contoso.com, jobTitle: Planner, businessPhones: [\"+1 425 555 01{number:02}\"], \
                 accountEnabled: true, userType: Member }}"
            )
        })
        .collect();
    let members = |from: u32, to: u32| (from..=to).map(person).collect::<Vec<_>>().join(", ");
    include_str!("bench/contoso.yaml")
        .replace("USERS", &users.join("\n"))
        .replace("ENGINEERS", &members(1, 8))
        .replace("CUSTOMERS", &members(9, 10))
        .replace("SECRET", CONTOSO_KEY)
}

const FABRIKAM_YAML: &str = include_str!("bench/fabrikam.yaml");

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            std::fs::copy(&source, &target).expect("a copy");
        }
    }
}
