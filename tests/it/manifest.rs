//! Manifests: what a person sees for every kind of mistake, and what comes of good ones.

use std::fs;
use std::path::{Path, PathBuf};

use bmsync::manifest::{Color, load_folder, render_json, render_text, schemas};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Shows two texts' difference, and says how to accept the new one.
fn assert_same(path: &Path, actual: &str) {
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return;
    }
    if std::env::var_os("BMSYNC_ACCEPT").is_some() {
        fs::write(path, actual).unwrap();
        return;
    }
    let diff = similar::TextDiff::from_lines(expected.as_str(), actual);
    let diff = diff.unified_diff().header("in the repository", "now").to_string();
    panic!("{} differs; if that is meant, run the test with BMSYNC_ACCEPT=1\n{diff}", path.display());
}

/// Each folder of `tests/manifests` holds manifests, and `diagnostics.txt` and `diagnostics.json`: what a person and a
/// program are told of them.
#[test]
fn every_mistake_is_told_as_expected() {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(root("tests/manifests")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let mut loaded = load_folder(&folder);
        let prefix = format!("{}/", folder.display());
        for diagnostic in &mut loaded.diagnostics {
            diagnostic.file = diagnostic.file.replace(&prefix, "");
            diagnostic.hint = diagnostic.hint.take().map(|hint| hint.replace(&prefix, ""));
        }
        assert_eq!(loaded.config.is_none(), loaded.has_errors());
        assert_same(&folder.join("diagnostics.txt"), &render_text(&loaded.diagnostics, Color::Plain));
        assert_same(&folder.join("diagnostics.json"), &render_json(&loaded.diagnostics));
    }
}

#[test]
fn the_example_is_accepted() {
    let loaded = load_folder(&root("manifests"));
    assert!(!loaded.has_errors(), "{}", render_text(&loaded.diagnostics, Color::Plain));
    let config = loaded.config.unwrap();
    assert_eq!((config.tenants.len(), config.rules.len()), (3, 9));
}

#[test]
fn schemas_are_fresh() {
    let folder = root("schemas");
    for (name, text) in schemas() {
        assert_same(&folder.join(name), &text);
    }
}
