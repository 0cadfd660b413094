//! A person at a real browser: Chromium without a screen opens what `bmsync connect` prints, and signs in, or does not.

mod driver;

use std::path::Path;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr};
use tokio::time::timeout;
use url::Url;

use self::driver::Browser;
use super::program::{PATIENCE, address, command, done, manifests};
use super::world::{ADMIN, simulator};

const CONNECT: [&str; 3] = ["connect", "harbor", "--no-browser"];

/// A `bmsync connect` that waits for somebody.
struct Waiting {
    child: Child,
    said: Lines<BufReader<ChildStderr>>,
}

impl Waiting {
    /// Starts one, and goes to where it says.
    async fn visited(folder: &Path, args: &[&str], browser: &Browser) -> Self {
        let mut child = command(folder, args).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        browser.visit(&address(&mut said).await).await;
        Self { child, said }
    }

    /// How it ends: the exit code, what it tells, and what it said after the address.
    async fn ended(mut self) -> (i32, String, String) {
        let mut said = String::new();
        while let Some(line) = timeout(PATIENCE, self.said.next_line()).await.unwrap().unwrap() {
            said = said + &line + "\n";
        }
        let output = timeout(PATIENCE, self.child.wait_with_output()).await.unwrap().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), said)
    }
}

/// A person says who they are, and is asked for what the application wants.
async fn asked(browser: &Browser) {
    assert_eq!(browser.says("#application").await, "Sync");
    browser.types("#username", ADMIN).await;
    browser.press("#next").await;
    assert_eq!(browser.says("#account").await, ADMIN);
    let permissions = browser.says("#permissions").await;
    let wanted = ["User.Read", "User.Read.All", "Group.Read.All", "Directory.Read.All"];
    assert!(wanted.iter().all(|wanted| permissions.lines().any(|line| line == *wanted)), "{permissions}");
}

#[tokio::test]
async fn a_person_signs_in_and_the_directory_is_read() {
    let Some(browser) = Browser::open().await else { return };
    let (sim, folder) = (simulator().await, tempfile::tempdir().unwrap());
    manifests(folder.path(), &sim.url());
    let waiting = Waiting::visited(folder.path(), &CONNECT, &browser).await;
    asked(&browser).await;
    browser.press("#accept").await;
    let page = browser.page("Signed in").await;
    assert!(page.contains("marta@harbor.example signed in. bmsync reads tenant harbor with it now."), "{page}");
    assert_eq!(browser.address().await.host_str(), Some("localhost"), "it ends at this machine");

    let (exit, told, said) = waiting.ended().await;
    assert!(exit == 0 && told.contains("marta@harbor.example signed in to tenant harbor"), "{exit}: {told}{said}");
    let (exit, text) = done(folder.path(), &["plan"]).await;
    assert!(exit == 0 && text.contains("2 users"), "{exit}: {text}");
    browser.close().await;
}

#[tokio::test]
async fn a_person_who_declines_is_told_and_nothing_is_kept() {
    let Some(browser) = Browser::open().await else { return };
    let (sim, folder) = (simulator().await, tempfile::tempdir().unwrap());
    manifests(folder.path(), &sim.url());
    let waiting = Waiting::visited(folder.path(), &CONNECT, &browser).await;
    asked(&browser).await;
    browser.press("#decline").await;
    let page = browser.page("Not signed in").await;
    let (exit, told, said) = waiting.ended().await;
    assert!(exit == 1 && told.is_empty(), "{exit}: {told}{said}");
    for shown in [&page, &said] {
        assert!(shown.contains("was declined (AADSTS65004)") && shown.contains("/adminconsent?client_id="), "{shown}");
    }
    let (exit, text) = done(folder.path(), &["plan"]).await;
    assert!(exit == 1 && text.contains("run `bmsync connect harbor`"), "{exit}: {text}");
    browser.close().await;
}

#[tokio::test]
async fn a_running_bmsync_receives_the_browser() {
    let Some(browser) = Browser::open().await else { return };
    let (sim, folder) = (simulator().await, tempfile::tempdir().unwrap());
    manifests(folder.path(), &sim.url());
    let mut running = command(folder.path(), &["run", "--listen", "127.0.0.1:0"]).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let server = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let args = [&CONNECT[..], &["--server", &server]].concat();
    let waiting = Waiting::visited(folder.path(), &args, &browser).await;
    asked(&browser).await;
    browser.press("#accept").await;
    let page = browser.page("Signed in").await;
    assert!(page.contains("marta@harbor.example signed in."), "{page}");
    let back = browser.address().await;
    assert_eq!(back.port_or_known_default(), Url::parse(&server).unwrap().port_or_known_default(), "{server}");

    let (exit, told, said) = waiting.ended().await;
    assert!(exit == 0 && told.contains("marta@harbor.example signed in to tenant harbor"), "{exit}: {told}{said}");
    running.kill().await.unwrap();
    browser.close().await;
}
