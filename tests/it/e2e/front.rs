//! The front of the house: which stream says what, how loud, in which colour, and for whom.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::bench::{Bench, Told};

#[test]
fn stdout_holds_the_data_and_nothing_else() {
    let bench = Bench::new();
    for args in [
        &["plan", "-o", "json"][..],
        &["apply", "--yes", "-o", "json"],
        &["get", "employees", "-o", "json"],
        &["explain", "adele@contoso.com", "-o", "json"],
        &["validate", "-o", "json"],
        &["schema"],
        &["import", "accounts.jsonl", "-o", "json"],
    ] {
        for loud in ["-vvv", "-q"] {
            let mut command = bench.command(&[args, &[loud]].concat());
            let told = Told::of(command.env("RUST_LOG", "trace").output().expect("it starts")).ends(0);
            told.json();
        }
    }
}

#[test]
fn quiet_says_nothing_and_verbose_says_more() {
    let bench = Bench::new();
    assert_eq!(bench.run(&["plan", "-q"]).ends(0).err, "");
    assert_eq!(bench.run(&["validate", "-q"]).ends(0).err, "");
    let lines = |args: &[&str]| bench.run(args).ends(0).err.lines().count();
    let (normal, verbose, most) = (lines(&["plan"]), lines(&["plan", "-v"]), lines(&["plan", "-vvv"]));
    assert!(0 < normal && normal < verbose && verbose < most, "{normal} {verbose} {most}");
    assert!(!bench.run(&["-q", "get", "employee", "99"]).ends(1).err.is_empty(), "errors are told");
}

#[test]
fn the_log_may_be_json_lines() {
    let bench = Bench::new();
    let told = bench.run(&["plan", "-q", "--log-format", "json"]).ends(0);
    assert_eq!(told.err, "");
    let mut command = bench.command(&["plan", "--log-format", "json"]);
    let told = Told::of(command.env("RUST_LOG", "debug").output().expect("it starts")).ends(0);
    assert!(told.err.contains("reading contoso: "), "what is not of the log is a line of it too: {}", told.err);
    for line in told.err.lines() {
        let value: Value = serde_json::from_str(line).expect("JSON");
        assert!(value["level"].is_string() && value["timestamp"].is_string(), "{line}");
    }
    let told = bench.run(&["get", "employee", "99", "--log-format", "json"]).ends(1);
    let error: Value = serde_json::from_str(&told.err).expect("one line");
    assert_eq!((&error["level"], &error["message"]), (&"ERROR".into(), &"there is no employee `99`".into()));
}

#[test]
fn off_a_terminal_nothing_is_coloured() {
    let bench = Bench::new();
    for args in
        [&["plan"][..], &["plan", "-vvv"], &["apply", "--yes"], &["get", "employees"], &["nonsense"], &["--help"]]
    {
        let told = bench.run(args);
        assert!(!told.out.contains('\u{1b}') && !told.err.contains('\u{1b}'), "{args:?}");
    }
}

#[test]
fn the_state_may_be_named_by_the_environment_and_the_option_wins() {
    let bench = Bench::new();
    let export = |args: &[&str]| {
        let mut command = bench.command(args);
        Told::of(command.env("BMSYNC_STATE", bench.path(".bmsync/state")).output().expect("it starts")).ends(0).out
    };
    std::fs::rename(bench.path(".bmsync"), bench.path("moved")).expect("renamed");
    std::fs::create_dir(bench.path(".bmsync")).expect("a folder");
    std::fs::rename(bench.path("moved/state"), bench.path(".bmsync/state")).expect("renamed");
    assert!(export(&["export"]).contains("Northwind"));
    assert_eq!(export(&["--state", "elsewhere", "export"]), "");
    assert!(!bench.path("elsewhere").exists(), "looking makes no state");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    for args in
        [&["export"][..], &["plan", "-o", "json"], &["get", "employees"], &["schema"], &["validate", "-o", "json"]]
    {
        let mut command = bench.command(&[args, &["-q"]].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let told = Told::of(child.wait_with_output().expect("it ended"));
        assert_eq!((told.code, told.err.as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn wrong_usage_exits_64_and_failures_exit_1() {
    let bench = Bench::new();
    for args in [
        &[][..],
        &["frobnicate"],
        &["plan", "--frobnicate"],
        &["plan", "one", "two"],
        &["-o", "xml", "plan"],
        &["get", "planets"],
        &["import"],
        &["schema", "Planet"],
        &["completions", "tcl"],
        &["--log-format", "xml", "plan"],
    ] {
        let told = bench.run(args).ends(64);
        assert_eq!(told.out, "", "{args:?}");
    }
    for args in
        [&["-f", "nowhere", "plan"][..], &["-f", "nowhere", "apply", "--yes"], &["-f", "nowhere", "get", "rules"]]
    {
        bench.run(args).ends(1).says(&["nowhere"]);
    }
}

#[test]
fn a_scaffold_passes_its_own_checks() {
    let bench = Bench::new();
    bench.run(&["init", "new/repository"]).ends(0);
    let told = bench.run(&["-f", "new/repository/manifests", "validate", "-o", "json"]).ends(0);
    assert_eq!(told.json()["diagnostics"], serde_json::json!([]));
}

#[test]
fn the_simulator_prints_its_address_and_refuses_others_than_loopback() {
    let bench = Bench::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        bench.run(&["simulate", "--listen", address]).ends(1).says(&["loopback"]);
    }
    let mut command: Command = bench.command(&["simulate", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut address = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    std::io::BufRead::read_line(&mut out, &mut address).expect("a line");
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(address.starts_with("http://127.0.0.1:") && !address.contains(":0\n"), "{address}");
}
