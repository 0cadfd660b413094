//! States that may be read and not written, or belong to somebody else: told with the next step, and left alone.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::bench::{Bench, Told};
use super::damage::{files, is_refused};

/// Nobody, where users are numbered as usual.
const NOBODY: u32 = 65_534;
const AS_NOBODY: [&str; 6] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--"];

/// A folder that can only be read, until this is dropped.
struct ReadOnly {
    path: PathBuf,
}

impl ReadOnly {
    fn mount(path: PathBuf) -> Option<Self> {
        let mount = |args: &[&str]| {
            let output = Command::new("mount").args(args).arg(&path).output();
            output.is_ok_and(|output| output.status.success())
        };
        let itself = path.display().to_string();
        (mount(&["--bind", &itself]) && mount(&["-o", "remount,ro,bind"])).then_some(Self { path })
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}

fn applied() -> Bench {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    bench
}

#[test]
fn a_state_on_a_disk_that_can_only_be_read_is_told_with_what_to_do() {
    let bench = applied();
    let Some(_mounted) = ReadOnly::mount(bench.path(".bmsync/state")) else {
        eprintln!("NOT TRIED: a read-only disk, because nothing can be mounted here");
        return;
    };
    is_refused(
        &bench,
        ".bmsync/state",
        &[".bmsync/state", "hint: ", "copy the directory to a disk that can be written"],
    );
    // What the hint says works.
    bench.copy_state("copy");
    bench.run(&["--state", "copy", "apply", "--yes"]).ends(0);
}

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
}

/// Gives a folder and what is in it to nobody.
fn give_away(folder: &Path) {
    chown(folder, Some(NOBODY), Some(NOBODY)).expect("we may");
    for entry in std::fs::read_dir(folder).expect("a folder") {
        chown(entry.expect("an entry").path(), Some(NOBODY), Some(NOBODY)).expect("we may");
    }
}

#[test]
fn a_state_of_somebody_else_and_lacking_permissions_are_told() {
    let bench = applied();
    allow(&bench.path(""), 0o755);
    let as_nobody = |args: &[&str]| bench.behind(&AS_NOBODY, args).output().map(Told::of);
    if !as_nobody(&["--version"]).is_ok_and(|told| told.code == 0) {
        eprintln!("NOT TRIED: states of somebody else, because this user cannot run a program as another");
        return;
    }
    let cases: [(&str, Option<&str>, u32); 6] = [
        ("not-mine", None, 0o700),
        ("not-mine-but-open", None, 0o755),
        ("folder", Some(""), 0o500),
        ("db", Some("db"), 0o400),
        ("db-shut", Some("db"), 0),
        ("marker", Some("bmsync-state"), 0o400),
    ];
    for (state, given, mode) in cases {
        bench.copy_state(state);
        if given.is_some() {
            give_away(&bench.path(state));
        }
        allow(&bench.path(state).join(given.unwrap_or("")), mode);
        let before = files(&bench.path(state));
        for verb in [&["export"][..], &["apply", "--yes"], &["import", "accounts.jsonl"]] {
            let told = as_nobody(&[&["--state", state], verb].concat()).expect("it starts").ends(1);
            let told = told.says(&[state, "hint: run bmsync as the user that the directory"]);
            assert_eq!(told.out, "", "{state} {verb:?}");
            assert!(files(&bench.path(state)) == before, "{verb:?} wrote into {state}");
        }
    }
}
