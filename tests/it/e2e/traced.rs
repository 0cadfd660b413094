//! Seen from outside with `strace`: killed at every system call that writes, and nothing is reported before it is on the
//! disk.

use std::process::Command;

use super::bench::Told;
use super::killed::crowd;

fn strace_is_there() -> bool {
    let there = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
    let there = there.is_ok_and(|status| status.success());
    if !there {
        eprintln!("NOT TRIED: kills at system calls and the order of writes, because strace does not work here");
    }
    there
}

#[test]
fn killed_at_every_call_that_writes_it_leaves_a_whole_commit_or_none() {
    if !strace_is_there() {
        return;
    }
    let bench = crowd();
    bench.run(&["--state", "whole", "apply", "--yes"]).ends(0);
    let whole = bench.export("whole");
    let mut seen = [0, 0];
    for call in ["pwrite64", "fsync", "fdatasync", "rename", "mkdir"] {
        for when in 1.. {
            let state = format!("{call}-{when}");
            let inject = format!("inject={call}:signal=KILL:when={when}");
            let trace = format!("trace={call}");
            let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
            let command = bench.behind(&strace, &["--state", &state, "apply", "--yes"]).output();
            let told = Told::of(command.expect("strace starts"));
            let found = bench.export(&state);
            if told.out.contains("Applied") {
                assert!(found == whole, "{state} was reported");
            }
            if told.code == 0 {
                break;
            }
            assert!(found.is_empty() || found == whole, "{state} left {} lines", found.lines().count());
            seen[usize::from(!found.is_empty())] += 1;
            bench.run(&["--state", &state, "apply", "--yes"]).ends(0);
            assert_eq!(bench.export(&state), whole, "{state} goes on");
        }
    }
    eprintln!("killed at system calls before the commit and after it: {seen:?}");
    assert!(seen[0] > 3 && seen[1] > 0, "{seen:?}");
}

#[test]
fn nothing_is_reported_before_it_is_on_the_disk() {
    if !strace_is_there() {
        return;
    }
    let bench = crowd();
    let calls = "trace=write,pwrite64,fdatasync";
    let strace = ["strace", "-f", "-qq", "-y", "-s", "40", "-o", "calls", "-e", calls];
    let output = bench.behind(&strace, &["apply", "--yes"]).output();
    Told::of(output.expect("strace starts")).ends(0);
    let calls = bench.read("calls");
    let lines: Vec<&str> = calls.lines().collect();
    let report = lines.iter().position(|line| line.contains("write(1<") && line.contains("\"Applied: "));
    let report = report.expect("it reports");
    let last =
        |what: &dyn Fn(&str) -> bool| lines[..report].iter().rposition(|line| what(line)).expect("it was called");
    let written = last(&|line| line.contains("pwrite64(") && line.contains("/db>"));
    let began = last(&|line| line.contains("fdatasync(") && line.contains("/db>"));
    let synced = last(&|line| line.contains("fdatasync") && line.ends_with("= 0"));
    assert!(written < began && began <= synced, "{}", lines[written..=report].join("\n"));
    let later = lines[report..].iter().find(|line| line.contains("pwrite64(") && line.contains("/db>"));
    assert_eq!(later, None, "nothing that was reported is still to be written");
}
