//! The layers of `docs/architecture.md`: each room imports only from the rooms to its left.

use std::fs;
use std::path::Path;

/// The rooms from left to right. Rooms of one entry may not import each other.
const LAYERS: &[&[&str]] = &[
    &["model", "display", "spans"],
    &["http"],
    &["manifest", "directory", "actual"],
    &["desired"],
    &["plan"],
    &["applied"],
    &["approved"],
    &["ledger"],
    &["interchange"],
    &["source", "store", "report"],
    &["vault", "outbox"],
    &["engine"],
    &["controller"],
    &["server", "remote"],
    &["simulator"],
    &["cli"],
];

/// Imports that go against the order, with the reason why they stay.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

#[test]
fn each_room_imports_only_from_the_left() {
    let mut wrong = Vec::new();
    for (place, rooms) in LAYERS.iter().enumerate() {
        for room in *rooms {
            for (file, used) in imports(room) {
                let allowed =
                    used == *room || LAYERS[..place].iter().flat_map(|rooms| rooms.iter()).any(|left| *left == used);
                let known = EXCEPTIONS.iter().any(|(from, to, _)| *from == *room && *to == used);
                if !allowed && !known {
                    wrong.push(format!("{file} imports crate::{used}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "against the layers of docs/architecture.md:\n{}", wrong.join("\n"));
}

#[test]
fn every_room_has_a_layer() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("src/lib.rs");
    let rooms = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let homeless: Vec<&str> = rooms.filter(|room| !LAYERS.iter().any(|layer| layer.contains(room))).collect();
    assert!(homeless.is_empty(), "no layer for {homeless:?}");
}

#[test]
fn the_simulator_imports_nothing_of_the_crate() {
    let used: Vec<_> = imports("simulator").into_iter().filter(|(_, used)| used != "simulator").collect();
    assert!(used.is_empty(), "{used:?}");
}

#[test]
fn the_core_has_no_io_no_clock_and_no_async() {
    let mut wrong = Vec::new();
    for room in ["model", "display", "directory", "actual", "desired", "plan", "applied"] {
        for (file, text) in sources(room) {
            let words =
                ["async fn", "std::fs", "std::net", "tokio::", "Timestamp::now", "SystemTime", "fastrand", "std::env"];
            wrong.extend(words.into_iter().filter(|word| text.contains(word)).map(|word| format!("{file}: {word}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rooms that the code of a room names, tests at the end of files left out.
fn imports(room: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (file, text) in sources(room) {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for rest in code.split("crate::").skip(1) {
            let used: String = rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            if !used.is_empty() {
                found.push((file.clone(), used));
            }
        }
    }
    found
}

/// The Rust files of a room.
fn sources(room: &str) -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut waiting = vec![src.join(room), src.join(format!("{room}.rs"))];
    let mut files = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") && path.exists() {
            files.push((path.display().to_string(), fs::read_to_string(&path).expect("a source file")));
        }
    }
    files
}
