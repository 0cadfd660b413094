//! The program itself: `bmsync connect` on the local state and through a running bmsync.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use url::Url;

use super::world::{ADMIN, APPLICATION, HOME, KEY, agree, browser, simulator};

pub(super) const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn manifests(folder: &Path, url: &str) {
    let folder = folder.join("manifests");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!(
        "apiVersion: bmsync/v1\nkind: Tenant\nmetadata: {{ name: harbor }}\nspec:\n  domain: harbor.onmicrosoft.com\n  \
         tenantId: {HOME}\n  applicationId: {APPLICATION}\n  applicationKey: {{ env: HARBOR_KEY }}\n  \
         endpoints: {{ login: \"{url}\", graph: \"{url}\" }}\n"
    );
    std::fs::write(folder.join("tenant.yaml"), text).unwrap();
}

pub(super) fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bmsync"));
    command.args(args).current_dir(folder).env("HARBOR_KEY", KEY).env("NO_COLOR", "1").kill_on_drop(true);
    for name in ["BMSYNC_STATE", "BMSYNC_SERVER", "BMSYNC_TOKEN", "BMSYNC_KEY", "BMSYNC_KEY_FILE"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(super) async fn done(folder: &Path, args: &[&str]) -> (i32, String) {
    let output = timeout(PATIENCE, command(folder, args).output()).await.unwrap().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

/// The next line that is an address of the login service.
pub(super) async fn address(lines: &mut Lines<BufReader<impl AsyncRead + Unpin>>) -> Url {
    loop {
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("an address");
        if let Ok(url) = Url::parse(line.trim()) {
            return url;
        }
    }
}

/// A person follows what a `connect` prints; gives what it ends with.
async fn sign_in(mut child: Child) -> (i32, String) {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let back = agree(&address(&mut lines).await, ADMIN).await;
    let answer = browser().get(back).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// Whether anything below a folder holds these bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return holds(&path, bytes);
        }
        std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes)
    })
}

#[tokio::test]
async fn a_sign_in_is_kept_and_planned_with_until_it_is_forgotten() {
    let sim = simulator().await;
    let folder = tempfile::tempdir().unwrap();
    manifests(folder.path(), &sim.url());
    let (exit, text) = done(folder.path(), &["plan"]).await;
    assert!(exit == 1 && text.contains("run `bmsync connect harbor`"), "{text}");
    let (exit, text) = done(folder.path(), &["validate"]).await;
    assert!(exit == 0 && !text.contains("connect"), "{text}");

    let child = command(folder.path(), &["connect", "harbor", "--no-browser", "-o", "json"]).spawn().unwrap();
    let (exit, told) = sign_in(child).await;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((exit, &told["account"], &told["kept"]), (0, &ADMIN.into(), &true.into()));
    assert_eq!(told["permissions"].as_array().unwrap().len(), 4);

    let (exit, text) = done(folder.path(), &["plan"]).await;
    assert_eq!(exit, 0, "{text}");
    let (exit, _) = done(folder.path(), &["plan"]).await;
    assert_eq!(exit, 0, "the sign-in that the first plan got was kept by it");
    assert!(!holds(folder.path(), b"refresh_token") && !holds(folder.path(), KEY.as_bytes()));

    let (exit, text) = done(folder.path(), &["disconnect", "harbor"]).await;
    assert!(exit == 0 && text.contains("Forgotten: the sign-in of marta@harbor.example"), "{text}");
    let (exit, text) = done(folder.path(), &["plan"]).await;
    assert!(exit == 1 && text.contains("run `bmsync connect harbor`"), "{text}");
}

#[tokio::test]
async fn a_running_bmsync_receives_the_person_and_reads_at_once() {
    let sim = simulator().await;
    let folder = tempfile::tempdir().unwrap();
    manifests(folder.path(), &sim.url());
    let mut running = command(folder.path(), &["run", "--listen", "127.0.0.1:0"]).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let server = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    let tenant = async || {
        let (_, text) = done(folder.path(), &["get", "tenants", "harbor", "-o", "json", "--server", &server]).await;
        serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default()
    };
    let waiting = async |phase: &str| {
        for _ in 0..200 {
            let tenant = tenant().await;
            if tenant["phase"] == phase {
                return tenant;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never {phase}: {}", tenant().await)
    };
    let needed = waiting("disconnected").await;
    let connected = needed["conditions"].as_array().unwrap().iter().find(|one| one["type"] == "Connected").unwrap();
    assert_eq!(connected["reason"], "SignInRequired");
    assert!(connected["message"].as_str().unwrap().contains("bmsync connect harbor"), "{connected}");

    let args = ["connect", "harbor", "--no-browser", "--server", &server];
    let (exit, told) = sign_in(command(folder.path(), &args).spawn().unwrap()).await;
    assert!(exit == 0 && told.contains("marta@harbor.example signed in to tenant harbor"), "{told}");
    assert_eq!(waiting("watching").await["users"], 2, "it was looked at at once");

    let (exit, text) = done(folder.path(), &["disconnect", "harbor", "--server", &server]).await;
    assert!(exit == 0 && text.contains("Forgotten"), "{text}");
    waiting("disconnected").await;
    running.kill().await.unwrap();
}
