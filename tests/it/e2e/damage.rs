//! State folders that are not what they should be: told clearly, and never written over.

use std::collections::BTreeMap;
use std::path::Path;

use super::bench::Bench;

/// The files of a state, but for those that every process writes before it looks.
fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
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
fn is_refused(bench: &Bench, state: &str, parts: &[&str]) {
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

#[test]
fn a_flipped_byte_is_never_taken_for_data() {
    let bench = applied();
    let whole = bench.export(".bmsync/state");
    let database = std::fs::read(bench.path(".bmsync/state/db")).expect("the database");
    let used: Vec<usize> = (0..database.len()).filter(|at| database[*at] != 0).collect();
    let mut random = fastrand::Rng::with_seed(3);
    let mut refused = 0;
    for flip in 0..24 {
        let name = format!("flipped-{flip}");
        bench.copy_state(&name);
        let mut spoiled = database.clone();
        let at = used[random.usize(..used.len())];
        spoiled[at] ^= 1 << random.u8(..8);
        std::fs::write(bench.path(&name).join("db"), &spoiled).expect("written");
        let before = files(&bench.path(&name));
        let told = bench.run(&["--state", &name, "export"]);
        if told.code == 0 {
            assert_eq!(told.out, whole, "byte {at}");
        } else {
            let told = told.ends(1).says(&["damaged", "hint: "]);
            assert_eq!(told.out, "", "byte {at}");
            assert!(files(&bench.path(&name)) == before, "byte {at}: something was written");
            refused += 1;
        }
    }
    assert!(refused > 0, "no flip was noticed");
}

#[test]
fn a_place_that_cannot_be_written_is_told_with_its_path() {
    let bench = Bench::new();
    bench.write("file", "in the way");
    let told = bench.run(&["--state", "file/state", "import", "accounts.jsonl"]).ends(1);
    assert!(told.err.contains("file/state"), "{told:#?}");
}
