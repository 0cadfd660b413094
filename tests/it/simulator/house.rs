//! The simulator shares nothing with the client.

#[test]
fn the_simulator_imports_nothing_from_the_crate() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/simulator");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("crate::") && !text.contains("super::super"), "{} looks outside", path.display());
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} files in {folder}");
    let root = std::fs::read_to_string(format!("{folder}/mod.rs")).unwrap();
    let outside = root.lines().filter(|line| line.contains("super::") && !line.contains("use super::*")).count();
    assert_eq!(outside, 0, "mod.rs looks outside");
}
