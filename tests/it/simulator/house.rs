//! The simulator shares nothing with the client.

use std::path::Path;

#[test]
fn the_simulator_imports_nothing_from_the_crate() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/simulator");
    let (mut seen, mut waiting) = (0, vec![folder.clone()]);
    while let Some(inside) = waiting.pop() {
        for entry in std::fs::read_dir(&inside).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let inward = text.matches("crate::simulator").count();
                let outward = text.matches("crate::").count() - inward;
                assert_eq!(outward, 0, "{} looks outside", path.display());
                assert!(!text.contains("super::super"), "{} looks outside", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "only {seen} files in {}", folder.display());
    let root = std::fs::read_to_string(folder.join("mod.rs")).unwrap();
    let outside = root.lines().filter(|line| line.contains("super::") && !line.contains("use super::*")).count();
    assert_eq!(outside, 0, "mod.rs looks outside");
}
