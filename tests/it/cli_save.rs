//! Where `--out` writes: a file as a whole, through links, and straight into what is no regular file.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const ACCOUNT: &str = "{\"kind\":\"account\",\"id\":1,\"name\":\"Northwind Traders\",\"locations\":[\"Main\"]}\n";

/// A folder with a state that holds one account.
struct Stage(TempDir);

impl Stage {
    fn new() -> Self {
        let stage = Self(tempfile::tempdir().unwrap());
        fs::write(stage.path("bms.jsonl"), ACCOUNT).unwrap();
        assert!(stage.bmsync(&["import", "bms.jsonl"]).output().unwrap().status.success());
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn bmsync(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bmsync"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.env_remove("BMSYNC_STATE").env_remove("RUST_LOG");
        command
    }

    fn export(&self, to: &str) -> Output {
        self.bmsync(&["export", "--out", to]).output().unwrap()
    }
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).unwrap().is_symlink()
}

#[test]
fn a_file_is_replaced_as_a_whole() {
    let stage = Stage::new();
    fs::write(stage.path("out"), "old and longer than what comes: ".repeat(100)).unwrap();
    assert!(stage.export("out").status.success());
    assert_eq!(fs::read_to_string(stage.path("out")).unwrap(), ACCOUNT);
}

#[test]
fn a_link_stays_and_its_file_is_written() {
    let stage = Stage::new();
    fs::create_dir(stage.path("kept")).unwrap();
    fs::write(stage.path("kept/old"), "old").unwrap();
    for (link, to) in [("kept/hop", "old"), ("to-a-link", "kept/hop"), ("to-nothing", "kept/new")] {
        symlink(to, stage.path(link)).unwrap();
    }
    for (link, file) in [("to-a-link", "kept/old"), ("to-nothing", "kept/new")] {
        assert!(stage.export(link).status.success(), "{link}");
        assert!(is_link(&stage.path(link)), "{link} is a link still");
        assert_eq!(fs::read_to_string(stage.path(file)).unwrap(), ACCOUNT, "{link}");
    }
    assert!(is_link(&stage.path("kept/hop")));
}

#[test]
fn links_in_a_circle_are_refused() {
    let stage = Stage::new();
    symlink("b", stage.path("a")).unwrap();
    symlink("a", stage.path("b")).unwrap();
    let output = stage.export("a");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("error: cannot write a\n"));
}

#[test]
fn a_pipe_is_written_and_stays() {
    let stage = Stage::new();
    assert!(Command::new("mkfifo").arg(stage.path("pipe")).status().unwrap().success());
    let reader = Command::new("cat").arg(stage.path("pipe")).stdout(Stdio::piped()).spawn().unwrap();
    assert!(stage.export("pipe").status.success());
    assert!(fs::symlink_metadata(stage.path("pipe")).unwrap().file_type().is_fifo());
    assert_eq!(reader.wait_with_output().unwrap().stdout, ACCOUNT.as_bytes());
}

#[test]
fn the_standard_output_goes_on_where_it_is() {
    // Through a link of our own, so that a mistake costs this link and not the system's.
    let stage = Stage::new();
    symlink("/dev/stdout", stage.path("out")).unwrap();
    assert_eq!(stage.export("out").stdout, ACCOUNT.as_bytes());

    fs::write(stage.path("log"), "before\n").unwrap();
    let log = fs::OpenOptions::new().append(true).open(stage.path("log")).unwrap();
    assert!(stage.bmsync(&["export", "--out", "out"]).stdout(log).status().unwrap().success());
    assert_eq!(fs::read_to_string(stage.path("log")).unwrap(), format!("before\n{ACCOUNT}"));
    assert!(is_link(&stage.path("out")));
}

#[test]
fn a_folder_is_refused() {
    let stage = Stage::new();
    fs::create_dir(stage.path("folder")).unwrap();
    assert_eq!(stage.export("folder").status.code(), Some(1));
    assert!(stage.path("folder").is_dir());
}
