//! A headless Chromium behind its `chromedriver`, spoken to in the JSON over HTTP of the `WebDriver` standard, and
//! nothing of what is on the pages.

use std::io::Write as _;
use std::process::Stdio;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use url::Url;

use crate::connect::program::PATIENCE;
use crate::connect::world;

/// The member that names an element, by the standard.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// What chromedriver says before its port.
const STARTED: &str = "was started successfully on port ";

/// A window of a browser that nobody has used before.
pub struct Browser {
    client: Client,
    session: String,
    driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Opens one; where there is none, says so past the capture of the tests.
    pub async fn open() -> Option<Self> {
        for program in ["chromedriver", "chromium"] {
            let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            if !version.await.is_ok_and(|status| status.success()) {
                let said = format!("NOT TRIED: signing in with a real browser, because there is no {program} here\n");
                std::io::stderr().write_all(said.as_bytes()).unwrap();
                return None;
            }
        }
        Some(Self::start().await)
    }

    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut driver = command.spawn().unwrap();
        let port = port(&mut driver).await;
        let profile = tempfile::tempdir().unwrap();
        let wanted = capabilities(profile.path().to_str().unwrap());
        let (client, session) = (world::browser(), format!("http://127.0.0.1:{port}/session"));
        let mut browser = Self { client, session, driver, _profile: profile };
        let begun = browser.call(Method::POST, "", Some(wanted)).await;
        browser.session = format!("{}/{}", browser.session, begun["sessionId"].as_str().unwrap());
        browser
    }

    /// Goes to an address.
    pub async fn visit(&self, url: &Url) {
        self.call(Method::POST, "/url", Some(json!({ "url": url.as_str() }))).await;
    }

    /// Types into the element of that selector.
    pub async fn types(&self, selector: &str, text: &str) {
        let element = self.find("css selector", selector).await;
        self.call(Method::POST, &format!("/element/{element}/value"), Some(json!({ "text": text }))).await;
    }

    /// Presses the element of that selector.
    pub async fn press(&self, selector: &str) {
        let element = self.find("css selector", selector).await;
        self.call(Method::POST, &format!("/element/{element}/click"), Some(json!({}))).await;
    }

    /// What the element of that selector says.
    pub async fn says(&self, selector: &str) -> String {
        let element = self.find("css selector", selector).await;
        self.call(Method::GET, &format!("/element/{element}/text"), None).await.as_str().unwrap().to_owned()
    }

    /// What a page says, once it is headed like this.
    pub async fn page(&self, heading: &str) -> String {
        self.find("xpath", &format!("//h1[text()='{heading}']")).await;
        self.says("body").await
    }

    /// Where the window is.
    pub async fn address(&self) -> Url {
        Url::parse(self.call(Method::GET, "/url", None).await.as_str().unwrap()).unwrap()
    }

    /// Closes the window, and waits until everything behind it has ended.
    pub async fn close(mut self) {
        self.call(Method::DELETE, "", None).await;
        self.driver.kill().await.unwrap();
    }

    /// An element; the browser waits for it.
    async fn find(&self, using: &str, value: &str) -> String {
        let found = self.call(Method::POST, "/element", Some(json!({ "using": using, "value": value }))).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let what = format!("{method} {path} {}", body.as_ref().map(Value::to_string).unwrap_or_default());
        let mut request = self.client.request(method, format!("{}{path}", self.session)).timeout(PATIENCE);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let said: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert!(status.is_success(), "{what}: {status}: {}", said["value"]["message"]);
        said["value"].clone()
    }
}

/// The port that a chromedriver took.
async fn port(driver: &mut Child) -> u16 {
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    loop {
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("chromedriver tells its port");
        if let Some((_, port)) = line.split_once(STARTED) {
            return port.trim_end_matches('.').parse().unwrap();
        }
    }
}

/// A Chromium without a screen that calls nobody by itself and ends when its driver ends: they share a pipe.
fn capabilities(profile: &str) -> Value {
    let profile = format!("--user-data-dir={profile}");
    let args = [
        "--headless",
        "--no-sandbox",
        "--remote-debugging-pipe",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--disable-sync",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-default-browser-check",
        "--no-first-run",
        "--no-proxy-server",
        &profile,
    ];
    let patience = json!({ "implicit": 30_000, "pageLoad": 45_000 });
    json!({ "capabilities": { "alwaysMatch": { "timeouts": patience, "goog:chromeOptions": { "args": args } } } })
}
