//! State folders that are not what they should be: told clearly, and never written over.

use std::collections::BTreeMap;
use std::path::Path;

use super::bench::Bench;

/// The files of a state, but for those that every process writes before it looks.
pub(super) fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if !["lock", "holder"].iter().any(|name| path.ends_with(name)) {
                files.insert(path.display().to_string(), std::fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

const VERBS: [&[&str]; 5] =
    [&["export"], &["plan"], &["apply", "--yes"], &["get", "events"], &["import", "accounts.jsonl"]];

/// Every verb refuses the state, says this, and leaves it as it is.
pub(super) fn is_refused(bench: &Bench, state: &str, parts: &[&str]) {
    let before = files(&bench.path(state));
    for verb in VERBS {
        let told = bench.run(&[&["--state", state], verb].concat()).ends(1).says(parts);
        assert_eq!(told.out, "", "{verb:?}");
        assert!(files(&bench.path(state)) == before, "{verb:?} wrote into {state}");
    }
}

fn applied() -> Bench {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    bench
}

#[test]
fn a_folder_of_something_else_is_refused() {
    let bench = Bench::new();
    bench.write("photos/cat.jpg", "meow");
    is_refused(&bench, "photos", &["photos is not a bmsync state", "hint: "]);
    bench.write("sledlike/db", "not sled");
    bench.write("sledlike/conf", "segment_size: 524288");
    is_refused(&bench, "sledlike", &["is not a bmsync state"]);
    bench.write("marked/bmsync-state", "somebody else's\n");
    is_refused(&bench, "marked", &["is not a bmsync state"]);
    bench.write("note.txt", "a file");
    for verb in VERBS {
        bench.run(&[&["--state", "note.txt"], verb].concat()).ends(1).says(&["note.txt is not a bmsync state"]);
    }
    assert_eq!(bench.read("note.txt"), "a file");
}

#[test]
fn a_state_of_a_newer_bmsync_is_refused() {
    let bench = applied();
    let marker = bench.read(".bmsync/state/bmsync-state");
    let (_, rest) = marker.split_once('\n').expect("two lines");
    bench.write(".bmsync/state/bmsync-state", format!("bmsync state, format 999\n{rest}"));
    is_refused(&bench, ".bmsync/state", &["has format 999, newer than", "use the bmsync that wrote it"]);
}

#[test]
fn a_state_that_lost_its_database_or_its_end_is_damaged() {
    let bench = applied();
    for (name, spoil) in [
        (
            "cut",
            (|db: &Path| std::fs::write(db, &std::fs::read(db).expect("db")[..700]).expect("written")) as fn(&Path),
        ),
        ("emptied", |db| std::fs::write(db, "").expect("written")),
        ("lost", |db| std::fs::remove_file(db).expect("removed")),
    ] {
        bench.copy_state(name);
        spoil(&bench.path(name).join("db"));
        is_refused(&bench, name, &["damaged", "restore the directory from a backup"]);
    }
}

#[test]
fn an_older_database_under_a_newer_marker_is_damaged() {
    let bench = applied();
    bench.copy_state("old");
    bench.write("more.jsonl", "{\"kind\":\"account\",\"name\":\"Later\",\"locations\":[\"Main\"]}\n");
    bench.run(&["import", "more.jsonl"]).ends(0);
    std::fs::copy(bench.path("old/db"), bench.path(".bmsync/state/db")).expect("copied");
    is_refused(&bench, ".bmsync/state", &["damaged"]);
}

/// What may happen to a file, from a place on.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Flip,
    Cut,
    Zero,
    Garbage,
}

const DAMAGES: [Damage; 4] = [Damage::Flip, Damage::Cut, Damage::Zero, Damage::Garbage];

impl Damage {
    fn spoil(self, bytes: &mut Vec<u8>, at: usize, random: &mut fastrand::Rng) {
        let length = random.choice([1, 16, 512, 4096, 65_536]).expect("a length");
        match self {
            Self::Flip => bytes[at] ^= 1 << random.u8(..8),
            Self::Cut => bytes.truncate(at),
            Self::Zero => bytes[at..].iter_mut().take(length).for_each(|byte| *byte = 0),
            Self::Garbage => bytes[at..].iter_mut().take(length).for_each(|byte| *byte = random.u8(..)),
        }
    }
}

/// A state of many commits, which was opened and closed often: so sled has a snapshot of its own beside the log.
fn worn() -> Bench {
    let bench = applied();
    for number in 0..8 {
        let row = format!("{{\"kind\":\"account\",\"name\":\"Account {number}\",\"locations\":[\"Main\"]}}\n");
        bench.write("more.jsonl", row);
        bench.run(&["import", "more.jsonl"]).ends(0);
    }
    bench
}

/// Whatever happens to whichever file, at any place: the state opens with everything that was reported, or does not open
/// and stays as it was found. `BMSYNC_DAMAGES` is how often that is tried.
#[test]
fn a_damaged_file_costs_nothing_that_was_reported_or_is_told() {
    let number = std::env::var("BMSYNC_DAMAGES").ok().and_then(|number| number.parse().ok()).unwrap_or(60);
    let bench = worn();
    let events = |state: &str| bench.run(&["--state", state, "get", "events", "-o", "json"]);
    let whole = (bench.export(".bmsync/state"), events(".bmsync/state").ends(0).out);
    let sound = files(&bench.path(".bmsync/state"));
    let names: Vec<&String> = sound.keys().collect();
    let mut random = fastrand::Rng::with_seed(3);
    let (mut opened, mut refused) = (0, 0);
    for round in 0..number {
        bench.copy_state("spoiled");
        // Every other time it is the log, which holds everything.
        let name = if round % 2 == 0 { names.iter().find(|name| name.ends_with("/db")) } else { random.choice(&names) };
        let name = *name.expect("files");
        let damage = random.choice(DAMAGES).expect("damages");
        let mut bytes = sound[name].clone();
        let used = bytes.iter().rposition(|byte| *byte != 0).expect("no file is empty") + 1;
        let at = random.usize(..used);
        damage.spoil(&mut bytes, at, &mut random);
        let target = name.replace(".bmsync/state", "spoiled");
        std::fs::write(&target, bytes).expect("written");
        let before = files(&bench.path("spoiled"));
        let told = bench.run(&["--state", "spoiled", "export"]);
        if told.code == 0 {
            assert!(told.out == whole.0, "{damage:?} of {target} at {at}: another state");
            assert!(events("spoiled").ends(0).out == whole.1, "{damage:?} of {target} at {at}: other events");
            opened += 1;
        } else {
            let told = told.ends(1).says(&["damaged", "nothing was changed; restore"]);
            assert_eq!(told.out, "", "{damage:?} of {target} at {at}");
            assert!(!told.err.contains("panicked"), "{told:#?}");
            assert!(files(&bench.path("spoiled")) == before, "{damage:?} of {target} at {at}: something was written");
            refused += 1;
        }
        std::fs::remove_dir_all(bench.path("spoiled")).expect("removed");
    }
    eprintln!("{number} damages: {opened} opened with everything, {refused} refused");
    assert!(refused > number / 2, "only {refused} of {number} were noticed");
}

#[test]
fn a_state_that_lost_its_marker_is_damaged_not_foreign() {
    let bench = applied();
    for (name, content) in [("emptied", Some(&b""[..])), ("garbled", Some(&b"\xff\xfe\0\0"[..])), ("lost", None)] {
        bench.copy_state(name);
        let marker = bench.path(name).join("bmsync-state");
        match content {
            Some(content) => std::fs::write(marker, content).expect("written"),
            None => std::fs::remove_file(marker).expect("removed"),
        }
        is_refused(&bench, name, &["damaged: bmsync-state is missing", "restore the directory from a backup"]);
    }
}

#[test]
fn a_place_that_cannot_be_written_is_told_with_its_path() {
    let bench = Bench::new();
    bench.write("file", "in the way");
    let told = bench.run(&["--state", "file/state", "import", "accounts.jsonl"]).ends(1);
    assert!(told.err.contains("file/state"), "{told:#?}");
}
