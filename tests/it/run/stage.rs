//! A folder with manifests and states, directories behind it, and the server that is asked. Knows nothing of what a test
//! wants to see.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use bmsync::simulator::{Class, Control, Deletion, Options, Running, Simulator, World};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::world::{CONTOSO, DEFAULTS, FABRIKAM, Tenant};

/// Nothing in a test takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often it is looked whether something has happened.
const GLANCE: Duration = Duration::from_millis(20);

/// So many glances without a request, and a server has come to rest.
const REST: u32 = 15;

/// Where everything of a test is.
pub struct Stage {
    folder: TempDir,
    runtime: Runtime,
    simulators: Vec<(&'static Tenant, Running)>,
    server: Option<Child>,
    url: String,
    /// Where the relay of notifications leads, once there is one.
    relay: Option<watch::Sender<String>>,
}

/// What an HTTP request was answered.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Stage {
    /// Tenants of so many users each, and a policy.
    pub fn new(tenants: &[(&'static Tenant, usize)], policy: &str) -> Self {
        Self::paged(tenants, policy, 2)
    }

    /// The same with directories whose pages hold so many objects.
    pub fn paged(tenants: &[(&'static Tenant, usize)], policy: &str, page_size: usize) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let start = |(tenant, users): &(&'static Tenant, usize)| {
            let world = World::from_yaml(&tenant.directory(*users)).expect("the directory file is right");
            let options = Options { page_size, ..Options::default() };
            (*tenant, runtime.block_on(Simulator::start(world, options)).expect("the simulator starts"))
        };
        let simulators: Vec<_> = tenants.iter().map(start).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let stage = Self { folder, runtime, simulators, server: None, url: String::new(), relay: None };
        for (tenant, simulator) in &stage.simulators {
            stage.write(&format!("manifests/{}.yaml", tenant.name), &tenant.manifest(&simulator.url()));
            stage.write(&format!("manifests/{}-rule.yaml", tenant.name), &tenant.rule("{ securityRole: Technician }"));
        }
        stage.write("manifests/defaults.yaml", DEFAULTS);
        let head = "apiVersion: bmsync/v1\nkind: SyncPolicy\nmetadata: { name: policy }\nspec:";
        stage.write("manifests/policy.yaml", &format!("{head} {policy}\n"));
        stage
    }

    /// Writes a file as a whole, as `git` does.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        let aside = self.folder.path().join("aside");
        std::fs::write(&aside, content).expect("a file");
        std::fs::rename(aside, path).expect("it is moved into place");
    }

    /// Something in its folder.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).expect("a file")
    }

    /// Where the server listens; with its scheme only if that is `https`.
    pub fn address(&self) -> &str {
        &self.url
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bmsync"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        for name in ["BMSYNC_STATE", "BMSYNC_SERVER", "BMSYNC_TOKEN", "BMSYNC_VIEWER_TOKEN", "BMSYNC_OPERATOR_TOKEN"] {
            command.env_remove(name);
        }
        for name in ["RUST_LOG", "NO_COLOR", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(name);
        }
        for tenant in [&CONTOSO, &FABRIKAM] {
            command.env(tenant.variable, tenant.key);
        }
        command
    }

    pub fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary starts")
    }

    /// Starts the server on the usual state.
    pub fn start(&mut self) {
        self.launch(self.command(&["run", "--listen", "127.0.0.1:0"]));
    }

    /// Starts a server that can be told of changes, at an address that is known before it listens.
    pub fn start_told(&mut self) {
        let (lead, leads) = watch::channel(String::new());
        let listener = self.runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let public = format!("http://{}", listener.local_addr().expect("an address"));
        self.runtime.spawn(relay(listener, leads));
        self.relay = Some(lead);
        self.launch(self.command(&["run", "--listen", "127.0.0.1:0", "--public-url", &public]));
    }

    pub fn launch(&mut self, mut command: Command) {
        command.stderr(Stdio::null());
        self.launch_with(command);
    }

    /// Starts the server, and gives what it says on standard error.
    pub fn launch_heard(&mut self, mut command: Command) -> ChildStderr {
        command.stderr(Stdio::piped());
        self.launch_with(command);
        self.server.as_mut().and_then(|server| server.stderr.take()).expect("its stderr")
    }

    fn launch_with(&mut self, mut command: Command) {
        let mut server = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut url = String::new();
        let out = server.stdout.take().expect("its stdout");
        self.server = Some(server);
        BufReader::new(out).read_line(&mut url).expect("its address");
        url.trim().trim_start_matches("http://").clone_into(&mut self.url);
        assert!(!self.url.is_empty(), "the server does not start");
        if let Some(lead) = &self.relay {
            lead.send_replace(self.url.clone());
        }
    }

    /// A place in the folder.
    pub fn at(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Has the server look at everything again.
    pub fn hang_up(&self) {
        let id = self.server.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().expect("it is told").success());
    }

    /// What somebody with that token is answered.
    pub fn status_for(&self, token: &str, path: &str) -> u16 {
        let mut stream = TcpStream::connect(&self.url).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.url);
        write!(stream, "{head}Authorization: Bearer {token}\r\n\r\n").expect("it is sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text[9..12].parse().expect("a status")
    }

    /// Tells the server to end, and says how it did.
    pub fn stop(&mut self) -> Option<ExitStatus> {
        let mut server = self.server.take()?;
        let told = Command::new("kill").args(["-TERM", &server.id().to_string()]).status().expect("it is told");
        assert!(told.success());
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = server.try_wait().expect("it is asked") {
                return Some(status);
            }
            std::thread::sleep(GLANCE);
        }
        let _ = server.kill();
        let _ = server.wait();
        None
    }

    /// Ends the server as a power cut does.
    pub fn kill(&mut self) {
        let mut server = self.server.take().expect("it runs");
        server.kill().expect("it is killed");
        server.wait().expect("it ended");
    }

    pub fn control(&self, tenant: &Tenant) -> &Control {
        let found = self.simulators.iter().find(|(known, _)| known.id == tenant.id);
        found.expect("the tenant is there").1.control()
    }

    pub fn patch(&self, tenant: &Tenant, number: usize, attributes: Value) {
        self.control(tenant).patch_user(tenant.id, &tenant.user(number), attributes).expect("the user is there");
    }

    pub fn delete(&self, tenant: &Tenant, number: usize) {
        self.control(tenant).delete_user(tenant.id, &tenant.user(number), Deletion::Soft).expect("the user is there");
    }

    /// Reads; again when the server has more to do than it can and lets nobody in.
    pub fn get(&self, path: &str) -> Answer {
        let began = Instant::now();
        loop {
            match self.ask("GET", path, "") {
                Ok(answer) => return answer,
                Err(error) => assert!(began.elapsed() < PATIENCE, "GET {path}: {error}"),
            }
            std::thread::sleep(GLANCE);
        }
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, body).expect("an answer")
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(&self.url)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{kind}", self.url);
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
        assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
        Ok(Answer { status: head[9..12].parse().expect("a status"), body: body.to_owned() })
    }

    pub fn employees(&self) -> Vec<Value> {
        self.get("/v1/employees").json()["items"].as_array().expect("a list").clone()
    }

    /// All records of a kind, or the like, page by page.
    pub fn all(&self, what: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), String::from("0"));
        loop {
            let page = self.get(&format!("/v1/{what}?limit=1000&after={after}")).json();
            all.extend(page["items"].as_array().expect("a list").iter().cloned());
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => return all,
            }
        }
    }

    /// The ID of the server's process; it is alive.
    pub fn process(&self) -> u32 {
        self.server.as_ref().expect("it was started").id()
    }

    /// The employee of a user.
    pub fn employee(&self, tenant: &Tenant, number: usize) -> Value {
        let user = tenant.user(number);
        self.employees().into_iter().find(|one| one["source"]["userId"] == *user).unwrap_or_default()
    }

    pub fn inactive(&self) -> usize {
        self.employees().iter().filter(|one| one["status"] == "inactive").count()
    }

    /// What is held of a tenant.
    pub fn held(&self, tenant: &Tenant) -> Value {
        self.get(&format!("/v1/approve/{}", tenant.name)).json()
    }

    /// The users of whom something is held.
    pub fn held_users(&self, tenant: &Tenant) -> Vec<String> {
        let held = self.held(tenant);
        let changes = held["changes"].as_array().expect("changes");
        changes.iter().map(|change| change["user"]["id"].as_str().expect("an ID").to_owned()).collect()
    }

    pub fn tenant(&self, tenant: &Tenant) -> Value {
        self.get(&format!("/v1/tenants/{}", tenant.name)).json()
    }

    pub fn condition(&self, tenant: &Tenant, kind: &str) -> Value {
        let status = self.tenant(tenant);
        let conditions = status["conditions"].as_array().expect("conditions");
        conditions.iter().find(|one| one["type"] == kind).unwrap_or_else(|| panic!("no {kind}: {status}")).clone()
    }

    /// Whether the metrics have this line.
    pub fn counts(&self, line: &str) -> bool {
        self.get("/metrics").body.lines().any(|one| one == line)
    }

    pub fn wait_until(&self, what: &str, done: impl Fn(&Self) -> bool) -> Duration {
        let began = Instant::now();
        while !done(self) {
            assert!(began.elapsed() < PATIENCE, "never: {what}\n{}", self.get("/v1/tenants").body);
            std::thread::sleep(GLANCE);
        }
        began.elapsed()
    }

    /// The same where nobody may look at the tenants without a token.
    pub fn wait_for(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            assert!(began.elapsed() < PATIENCE, "never: {what}");
            std::thread::sleep(GLANCE);
        }
    }

    /// Waits until nothing differs any more; how long that took.
    pub fn wait_until_within(
        &self,
        what: &str,
        patience: Duration,
        differs: impl Fn(&Self) -> Option<String>,
    ) -> Duration {
        let began = Instant::now();
        while let Some(difference) = differs(self) {
            assert!(began.elapsed() < patience, "never: {what}: {difference}\n{}", self.get("/v1/tenants").body);
            std::thread::sleep(GLANCE);
        }
        began.elapsed()
    }

    /// Waits until nothing is asked of a tenant's directory any more.
    pub fn wait_for_rest(&self, tenant: &Tenant) {
        let (began, mut before, mut calm) = (Instant::now(), 0, 0);
        while calm < REST {
            assert!(began.elapsed() < PATIENCE, "no rest");
            std::thread::sleep(GLANCE);
            let now = self.control(tenant).stats().total();
            calm = if now == before { calm + 1 } else { 0 };
            before = now;
        }
    }

    /// Requests to `users/delta`, to `groups/delta`, for tokens, and all.
    pub fn asked(&self, tenant: &Tenant) -> [u64; 4] {
        let stats = self.control(tenant).stats();
        let of = |class| stats.requests(class, 200);
        [of(Class::UsersDelta), of(Class::GroupsDelta), of(Class::Token), stats.total()]
    }
}

/// Hands every connection on to the server, like the proxy in front of a real one.
async fn relay(listener: TcpListener, mut leads: watch::Receiver<String>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let Ok(to) = leads.wait_for(|to| !to.is_empty()).await.map(|to| to.clone()) else { return };
        tokio::spawn(async move {
            if let Ok(mut far) = tokio::net::TcpStream::connect(to).await {
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
        for (_, simulator) in self.simulators.drain(..) {
            self.runtime.block_on(simulator.stop());
        }
    }
}
