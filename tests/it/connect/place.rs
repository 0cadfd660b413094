//! A folder with the manifest of one tenant, the simulator behind it, and the program itself: signed in with a code, run
//! as a server, asked. Knows nothing of what a test wants to see.

use std::path::Path;
use std::time::Duration;

use bmsync::simulator::{Class, Control, Options, Running, Simulator, World};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;
use tokio::time::timeout;
use url::Url;

use super::program::{PATIENCE, command, done, manifests};
use super::world::{ADMIN, DIRECTORY, agree, browser, location};

/// Between two looks whether something has happened.
const GLANCE: Duration = Duration::from_millis(50);

/// Where everything of a test is.
pub struct Place {
    pub sim: Running,
    pub folder: TempDir,
}

impl Place {
    /// The usual directory, and a manifest that wants a person to sign in with the usual secret.
    pub async fn new() -> Self {
        Self::of(DIRECTORY).await
    }

    /// Another directory.
    pub async fn of(directory: &str) -> Self {
        let options = Options { device_interval: Duration::from_secs(1), ..Options::default() };
        let sim = Simulator::start(World::from_yaml(directory).unwrap(), options).await.unwrap();
        let place = Self { sim, folder: tempfile::tempdir().unwrap() };
        manifests(place.path(), &place.sim.url());
        place
    }

    /// The same once somebody has signed in.
    pub async fn signed_in() -> Self {
        let place = Self::new().await;
        let (exit, told) = place.connect(&[]).await;
        assert_eq!(exit, 0, "{told}");
        place
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn control(&self) -> &Control {
        self.sim.control()
    }

    pub fn fault(&self, text: &str) {
        self.control().set_fault(text).unwrap();
    }

    /// Writes a file as a whole, and for its owner alone.
    pub fn write(&self, name: &str, content: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let (aside, path) = (self.path().join("aside"), self.path().join(name));
        std::fs::write(&aside, content).unwrap();
        std::fs::set_permissions(&aside, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(aside, path).unwrap();
    }

    /// Writes the manifest with one text in place of another.
    pub fn declare(&self, from: &str, to: &str) {
        let path = self.path().join("manifests/tenant.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "`{from}` is in {text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Runs the program to its end: how it ended, and all that it said.
    pub async fn done(&self, args: &[&str]) -> (i32, String) {
        done(self.path(), args).await
    }

    /// The same, with its data as JSON.
    pub async fn json(&self, args: &[&str]) -> (i32, Value) {
        let output = timeout(PATIENCE, command(self.path(), args).output()).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}: {output:?}"));
        (output.status.code().unwrap(), value)
    }

    /// A person enters the code that `connect --device-code` shows, and accepts.
    pub async fn connect(&self, more: &[&str]) -> (i32, String) {
        let args = [&["connect", "harbor", "--device-code"], more].concat();
        let child = command(self.path(), &args).spawn().unwrap();
        self.with_a_code(child, Some(ADMIN)).await
    }

    /// A person enters the code that a program shows, and accepts, or declines.
    pub async fn with_a_code(&self, mut child: Child, person: Option<&str>) -> (i32, String) {
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        while let Some(line) = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap() {
            if let Some((_, rest)) = line.split_once("enter the code ") {
                self.control().answer_device(rest.trim_end_matches('.'), person).unwrap();
            }
            said = said + &line + "\n";
        }
        let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).unwrap() + &said)
    }

    /// Requests for tokens that were answered with that status.
    pub fn tokens(&self, status: u16) -> u64 {
        self.control().stats().requests(Class::Token, status)
    }

    /// Starts `bmsync run` here.
    pub async fn run(&self, more: &[&str]) -> Served {
        let mut child = command(self.path(), &[&["run", "--listen", "127.0.0.1:0"], more].concat()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("its address");
        // What it says is not read, and must not fill the pipe.
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        Served { url, child }
    }
}

/// A person follows the address that a `connect` shows, through as many pages as there are, and accepts: how it ended and
/// all that was said, by the pages too, but for the address, which holds what is the person's own.
pub async fn in_a_browser(mut child: Child) -> (i32, String) {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = String::new();
    let mut next = loop {
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap_or_else(|| panic!("{said}"));
        match Url::parse(line.trim()) {
            Ok(url) => break url,
            Err(_) => said = said + &line + "\n",
        }
    };
    loop {
        let answer = browser().get(agree(&next, ADMIN).await).send().await.unwrap();
        match location(&answer) {
            Some(onward) => next = onward,
            None => break said += &answer.text().await.unwrap(),
        }
    }
    while let Some(line) = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap() {
        said = said + &line + "\n";
    }
    let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    (output.status.code().unwrap_or(-1), said + &String::from_utf8_lossy(&output.stdout))
}

/// A `bmsync run` that serves.
pub struct Served {
    pub url: String,
    child: Child,
}

impl Served {
    /// The tenant, as it tells of it.
    pub async fn tenant(&self, place: &Place) -> Value {
        place.json(&["get", "tenants", "harbor", "-o", "json", "--server", &self.url]).await.1
    }

    /// The tenant, once it is as it should be.
    pub async fn until(&self, place: &Place, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = std::time::Instant::now();
        loop {
            let tenant = self.tenant(place).await;
            if is_so(&tenant) {
                return tenant;
            }
            assert!(began.elapsed() < PATIENCE, "never: {what}: {tenant:#}");
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Ends it as a power cut does.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// A condition of a tenant.
pub fn condition<'a>(tenant: &'a Value, kind: &str) -> &'a Value {
    let all = tenant["conditions"].as_array().expect("conditions");
    all.iter().find(|one| one["type"] == kind).unwrap_or(&Value::Null)
}
