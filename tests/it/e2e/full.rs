//! A disk that is full, and files that may not grow: an error that says what to do, nothing lost that was reported, and
//! work goes on once there is room.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use super::bench::{Bench, Told};
use super::killed::{PEOPLE, crowd};

/// Runs the binary where no file may be longer than that; standard output is a pipe, which may.
fn limited(bench: &Bench, kib: u64, args: &[&str]) -> Told {
    // The shell counts in blocks of 512 bytes. A signal would end the process as a kill does; a full disk sends none.
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kib * 2);
    Told::of(bench.behind(&["sh", "-c", &script], args).output().expect("the shell starts"))
}

/// What an attempt without room must be, and what must be found afterwards. Whether it was refused while writing.
fn is_told_and_harmless(told: &Told, state: &str, allowed: [&str; 2], found: &str) -> bool {
    if told.code == 0 {
        assert_eq!(found, allowed[1], "{state}: it was reported");
        return false;
    }
    assert_eq!(told.code, 1, "{told:#?}");
    for part in [state, "hint: ", "nothing that was reported as written is lost"] {
        assert!(told.err.contains(part), "`{part}` is missing in {told:#?}");
    }
    assert!(!told.out.contains("Applied") && !told.out.contains("Imported"), "{told:#?}");
    assert!(!told.err.contains("panicked") && !told.err.contains("ERROR"), "{told:#?}");
    assert!(allowed.contains(&found), "{state} holds {} lines", found.lines().count());
    told.err.contains("cannot write the state")
}

fn promote(bench: &Bench) {
    let manifests = bench.read("manifests/all.yaml").replace("securityRole: Technician", "securityRole: Dispatcher");
    bench.write("manifests/all.yaml", manifests);
}

#[test]
fn files_that_may_not_grow_lose_nothing_of_a_first_apply() {
    let bench = crowd();
    bench.run(&["--state", "whole", "apply", "--yes"]).ends(0);
    let whole = bench.export("whole");
    let mut while_writing = 0;
    for kib in [0, 1, 2, 9, 30, 61, 77, 90] {
        let state = format!("full-{kib}");
        let told = limited(&bench, kib, &["--state", &state, "apply", "--yes"]);
        let found = bench.export(&state);
        while_writing += u32::from(is_told_and_harmless(&told, &state, ["", &whole], &found));
        bench.run(&["--state", &state, "apply", "--yes"]).ends(0);
        assert_eq!(bench.export(&state), whole, "{state} goes on");
        let events = bench.run(&["--state", &state, "get", "events", "-o", "json"]).ends(0).json();
        assert_eq!(events.as_array().map(Vec::len), Some(PEOPLE + 1), "{state}: nothing happened twice");
    }
    assert!(while_writing > 2, "only {while_writing} were refused while writing");
}

#[test]
fn files_that_may_not_grow_lose_nothing_of_what_is_there() {
    let bench = crowd();
    bench.run(&["apply", "--yes"]).ends(0);
    let before = bench.export(".bmsync/state");
    promote(&bench);
    bench.copy_state("whole");
    bench.run(&["--state", "whole", "apply", "--yes"]).ends(0);
    let after = bench.export("whole");
    let row = "{\"kind\":\"account\",\"name\":\"Later\",\"locations\":[\"Main\"]}\n";
    bench.write("more.jsonl", row);
    for kib in [0, 1, 60, 3000, 4095, 4097, 4120] {
        let state = format!("full-{kib}");
        bench.copy_state(&state);
        let told = limited(&bench, kib, &["--state", &state, "import", "more.jsonl"]);
        let imported = bench.export(&state);
        let with_account =
            format!("{}{before}", imported.lines().next().map(|line| format!("{line}\n")).unwrap_or_default());
        is_told_and_harmless(&told, &state, [&before, &with_account], &imported);
        std::fs::remove_dir_all(bench.path(&state)).expect("removed");
        bench.copy_state(&state);
        let told = limited(&bench, kib, &["--state", &state, "apply", "--yes"]);
        is_told_and_harmless(&told, &state, [&before, &after], &bench.export(&state));
        bench.run(&["--state", &state, "apply", "--yes"]).ends(0);
        assert_eq!(bench.export(&state), after, "{state} goes on");
    }
}

/// A small disk of its own; gone when this is dropped.
struct Disk {
    path: PathBuf,
}

impl Disk {
    /// None where this may not be done: that is said, for then a full disk was not tried.
    fn mount(bench: &Bench, kib: u64) -> Option<Self> {
        let path = bench.path("disk");
        std::fs::create_dir_all(&path).expect("a folder");
        let size = format!("size={kib}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(&path).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self { path });
        }
        eprintln!("NOT TRIED: a full disk, because nothing can be mounted here; limits on files were");
        None
    }

    /// Leaves so much room.
    fn fill(&self, free: u64) {
        let mut filler = File::create(self.path.join("filler")).expect("an empty file needs no room");
        while filler.write_all(&[1; 1024]).is_ok() {}
        let length = filler.metadata().expect("it is there").len();
        filler.set_len(length.saturating_sub(free * 1024)).expect("it is cut");
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path.join("filler")).expect("it is there");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}

#[test]
fn a_full_disk_loses_nothing() {
    let bench = crowd();
    bench.run(&["--state", "whole", "apply", "--yes"]).ends(0);
    let whole = bench.export("whole");
    let Some(disk) = Disk::mount(&bench, 10 << 10) else { return };
    let mut while_writing = 0;
    for free in [0, 4, 8, 12, 16, 40, 80, 100, 4000] {
        disk.fill(free);
        let told = Told::of(bench.command(&["--state", "disk/state", "apply", "--yes"]).output().expect("it starts"));
        let (reported, filled) = (told.code == 0, bench.run(&["--state", "disk/state", "export"]));
        assert!(filled.code == 1 || !reported || filled.out == whole, "{free}: {filled:#?}");
        disk.make_room();
        let found = bench.export("disk/state");
        while_writing += u32::from(is_told_and_harmless(&told, "disk/state", ["", &whole], &found));
        bench.run(&["--state", "disk/state", "apply", "--yes"]).ends(0);
        assert_eq!(bench.export("disk/state"), whole, "with {free} KiB free at first");
        std::fs::remove_dir_all(bench.path("disk/state")).expect("removed");
    }
    assert!(while_writing > 2, "only {while_writing} were refused while writing");
}
