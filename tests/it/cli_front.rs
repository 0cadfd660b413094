//! The front of the house through the real binary: help, exit codes, wrong usage, completions, the reference.

use std::process::{Command, Output, Stdio};

fn bmsync(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bmsync"));
    command.args(args).env_remove("BMSYNC_STATE").env_remove("RUST_LOG").env_remove("NO_COLOR").stdin(Stdio::null());
    command.output().expect("the binary starts")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("output is UTF-8")
}

#[test]
fn help_and_version_are_no_failure_and_go_to_stdout() {
    for args in [&["--help"][..], &["-h"], &["--version"], &["help", "plan"], &["apply", "--help"]] {
        let output = bmsync(args);
        assert_eq!(code(&output), 0, "{args:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn wrong_usage_exits_64_and_says_so_on_stderr_alone() {
    for (args, said) in [
        (&[][..], "Usage"),
        (&["plam"], "plan"),
        (&["plan", "--detailed-exitcodes"], "--detailed-exitcode"),
        (&["get"], "KIND"),
        (&["get", "planets"], "employees"),
        (&["plan", "-o", "csv"], "`plan` has no output format `csv`"),
        (&["get", "employees", "-o", "markdown"], "text, json, yaml, csv"),
        (&["init", "-o", "json"], "no output format"),
        (&["plan", "-v", "-q"], "cannot be used with"),
        (&["import"], "FILE"),
        (&["simulate", "--page-size", "1000"], "999"),
        (&["simulate", "--generate", "5"], "100000,200"),
        (&["completions", "cobol"], "bash"),
    ] {
        let output = bmsync(args);
        assert_eq!(code(&output), 64, "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(text(&output.stderr).contains(said), "{args:?}: {}", text(&output.stderr));
    }
}

#[test]
fn every_verb_has_examples_and_exit_codes_in_its_help() {
    let verbs = [
        "validate",
        "plan",
        "apply",
        "get",
        "explain",
        "import",
        "export",
        "simulate",
        "demo",
        "init",
        "schema",
        "completions",
    ];
    for verb in verbs {
        let help = bmsync(&[verb, "--help"]);
        let help = text(&help.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        for part in ["Examples:", "Exit codes:", "64 wrong usage"] {
            assert!(help.contains(part), "{verb}: {part}");
        }
    }
}

#[test]
fn completions_are_made_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = bmsync(&["completions", shell]);
        assert_eq!(code(&output), 0, "{shell}");
        assert!(text(&output.stdout).contains("approve-held"), "{shell}");
    }
}

#[test]
fn colour_comes_only_when_asked_for_off_a_terminal() {
    let plain = bmsync(&["plan", "-o", "csv"]);
    assert!(!plain.stderr.contains(&0x1b));
    let coloured = bmsync(&["plan", "-o", "csv", "--color", "always"]);
    assert!(coloured.stderr.contains(&0x1b));
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bmsync"))
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_full_disk_is_a_failure() {
    if let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bmsync"));
        let output = command.args(["completions", "zsh"]).stdout(full).output().expect("the binary starts");
        assert_eq!(code(&output), 1);
        assert!(text(&output.stderr).starts_with("error: cannot write to the standard output\n  cause: "));
    }
}

#[test]
fn the_reference_page_is_what_the_parser_knows() {
    is_fresh("cli");
}

#[test]
fn the_page_of_sign_in_errors_is_what_the_table_says() {
    is_fresh("sign-in");
}

fn is_fresh(page: &str) {
    let fresh = bmsync(&["reference", page]);
    let fresh = text(&fresh.stdout);
    let name = format!("docs/reference/{page}.md");
    let kept = std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap_or_default();
    let diff = similar::TextDiff::from_lines(kept.as_str(), fresh);
    assert!(
        kept == fresh,
        "{name} is not fresh; to make it: cargo run -- reference {page} > {name}\n{}",
        diff.unified_diff().header(&name, "bmsync reference")
    );
}
