//! A person signs in, and there is no room for what they brought: that is said with the next step, nothing is kept, what was
//! kept before is still good, and the same command once more ends well.

use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::program::{PATIENCE, address, command, done, manifests};
use super::world::{ADMIN, agree, browser, simulator};

/// `connect`; a file that is too large would end it by a signal, as a kill does, and a full disk sends none.
fn start(folder: &Path) -> Child {
    let inner = command(folder, &["connect", "harbor", "--no-browser"]);
    let inner = inner.as_std();
    let mut outer = Command::new("sh");
    outer.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    outer.current_dir(folder).kill_on_drop(true);
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// No file of a process may be longer than that from now on.
fn limit(child: &Child, bytes: u64) {
    let process = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap());
    let limit = Rlimit { current: Some(bytes), maximum: getrlimit(Resource::Fsize).maximum };
    prlimit(process, Resource::Fsize, limit).unwrap();
}

/// A person follows what `connect` prints, and meanwhile the room goes. How it ended, and everything that was said.
async fn sign_in(folder: &Path, room: Option<u64>) -> (i32, String) {
    let mut child = start(folder);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let url = address(&mut lines).await;
    if let Some(bytes) = room {
        limit(&child, bytes);
    }
    let back = agree(&url, ADMIN).await;
    let mut said = browser().get(back).send().await.unwrap().text().await.unwrap();
    while let Some(line) = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap() {
        said.push('\n');
        said.push_str(&line);
    }
    let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    (output.status.code().unwrap(), said + &String::from_utf8(output.stdout).unwrap())
}

fn is_told(exit: i32, said: &str) {
    assert_eq!(exit, 1, "{said}");
    for part in ["could not be kept, so it is not used", "hint: raise the limit on the size of files"] {
        assert!(said.contains(part), "`{part}` is missing in {said}");
    }
    assert!(!said.contains("signed in to tenant") && !said.contains("panicked"), "{said}");
}

#[tokio::test]
async fn a_sign_in_without_room_is_told_and_the_same_once_more_ends_well() {
    for bytes in [0, 100] {
        let sim = simulator().await;
        let folder = tempfile::tempdir().unwrap();
        manifests(folder.path(), &sim.url());
        let (exit, said) = sign_in(folder.path(), Some(bytes)).await;
        is_told(exit, &said);
        let (exit, text) = done(folder.path(), &["plan"]).await;
        assert!(exit == 1 && text.contains("run `bmsync connect harbor`"), "nothing is kept: {text}");

        let (exit, said) = sign_in(folder.path(), None).await;
        assert!(exit == 0 && said.contains("marta@harbor.example signed in to tenant harbor"), "{said}");
        let (exit, said) = sign_in(folder.path(), Some(bytes)).await;
        is_told(exit, &said);
        let (exit, text) = done(folder.path(), &["plan"]).await;
        assert_eq!(exit, 0, "the one before is still good: {text}");
    }
}
