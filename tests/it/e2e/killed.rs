//! Killed at any moment, and more than one process: what is stored is a whole commit or none.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use bmsync::simulator::{GENERATED_DOMAIN, GENERATED_TENANT, Options, World};

use super::bench::{Bench, Told};

/// So many people are enough for a commit of many pages on the disk.
pub(super) const PEOPLE: usize = 1_500;
const KILLS: usize = 20;

/// So many as `BMSYNC_KILLS` says, or the usual number.
fn kills(usual: usize) -> usize {
    std::env::var("BMSYNC_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

/// A tenant of many people, all of them employees.
pub(super) fn crowd() -> Bench {
    let world = World::generate(7, PEOPLE, 1);
    let group = world.group_ids(GENERATED_TENANT).remove(0);
    let bench = Bench::with(world, Options { page_size: 999, ..Options::default() });
    let manifests = bench.manifests();
    let mut documents: Vec<&str> = manifests.split("---\n").collect();
    documents.retain(|document| !document.contains("name: portal"));
    let manifests = documents.join("---\n");
    let manifests = manifests
        .replace("contoso.onmicrosoft.com", GENERATED_DOMAIN)
        .replace(super::bench::CONTOSO, GENERATED_TENANT)
        .replace(super::bench::TECHNICIANS, &group);
    bench.write("manifests/all.yaml", manifests);
    bench
}

fn start(bench: &Bench, args: &[&str]) -> Child {
    bench.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts")
}

#[test]
fn killed_at_any_moment_it_ends_in_the_same_bytes_as_undisturbed() {
    let bench = crowd();
    let began = Instant::now();
    bench.run(&["--state", "whole", "apply", "--yes"]).ends(0);
    let took = began.elapsed();
    let whole = bench.export("whole");
    assert_eq!(whole.lines().count(), PEOPLE + 1);
    let mut random = fastrand::Rng::with_seed(20);
    let mut state = 0;
    let mut seen = [0, 0];
    for kill in 0..kills(KILLS) {
        let name = format!("state-{state}");
        let mut child = start(&bench, &["--state", &name, "apply", "--yes"]);
        // Most of the time goes by before anything is written: the second half is where it is worth being killed.
        std::thread::sleep(took.mul_f64(0.4 + 0.65 * random.f64()));
        child.kill().expect("it is killed");
        child.wait().expect("it ended");
        let found = bench.export(&name);
        assert!(found.is_empty() || found == whole, "kill {kill} left {} lines", found.lines().count());
        seen[usize::from(!found.is_empty())] += 1;
        // A commit that is there cannot be killed again; the next ones get a new state.
        state += usize::from(!found.is_empty());
    }
    eprintln!("killed before the commit and after it: {seen:?}; an undisturbed run took {took:?}");
    bench.run(&["--state", &format!("state-{state}"), "apply", "--yes"]).ends(0);
    assert_eq!(bench.export(&format!("state-{state}")), whole, "IDs included");
    let events = bench.run(&["--state", &format!("state-{state}"), "get", "events", "-o", "json"]).ends(0).json();
    assert_eq!(events.as_array().map(Vec::len), Some(PEOPLE + 1), "nothing happened twice");
}

#[test]
fn killed_while_it_updates_everybody_it_leaves_all_of_it_or_none() {
    let bench = crowd();
    bench.run(&["apply", "--yes"]).ends(0);
    let before = bench.export(".bmsync/state");
    let manifests = bench.read("manifests/all.yaml").replace("securityRole: Technician", "securityRole: Dispatcher");
    bench.write("manifests/all.yaml", manifests);
    bench.copy_state("whole");
    let began = Instant::now();
    bench.run(&["--state", "whole", "apply", "--yes"]).ends(0);
    let took = began.elapsed();
    let after = bench.export("whole");
    assert_ne!(before, after);
    let mut random = fastrand::Rng::with_seed(8);
    for kill in 0..kills(8) {
        let name = format!("state-{kill}");
        bench.copy_state(&name);
        let mut child = start(&bench, &["--state", &name, "apply", "--yes"]);
        std::thread::sleep(took.mul_f64(0.5 + 0.5 * random.f64()));
        child.kill().expect("it is killed");
        child.wait().expect("it ended");
        let found = bench.export(&name);
        assert!(found == before || found == after, "kill {kill} left something half done");
    }
    bench.run(&["--state", "state-0", "apply", "--yes"]).ends(0);
    assert_eq!(bench.export("state-0"), after);
}

#[test]
fn a_second_process_is_told_who_uses_the_state() {
    let bench = Bench::new();
    bench.fault("slow=always:20000");
    let mut holder = start(&bench, &["plan"]);
    let deadline = Instant::now() + Duration::from_secs(30);
    // The state is opened before the directory is read.
    while bench.fabrikam().stats().total() == 0 {
        assert!(Instant::now() < deadline, "the first process reads nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
    let process = format!("process {}", holder.id());
    for args in [&["apply", "--yes"][..], &["get", "employees"], &["export"], &["import", "accounts.jsonl"]] {
        let told = bench.run(args).ends(1).says(&["in use by another bmsync", &process, "hint: "]);
        assert_eq!(told.out, "", "{args:?}");
    }
    holder.kill().expect("it is killed");
    holder.wait().expect("it ended");
    let told: Told = bench.run(&["get", "employees"]);
    told.ends(0);
}
