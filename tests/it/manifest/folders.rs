//! Folders of manifests: what is read, what is skipped, what ends.

use std::fs;

use bmsync::manifest::{Code, load_folder};

use super::{all, codes, config_of, contact_rule, policy, tenant, text_of};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn are_walked() {
    let folder = folder();
    let at = |path: &str| folder.path().join(path);
    fs::create_dir_all(at("deep/er")).unwrap();
    fs::create_dir_all(at(".hidden")).unwrap();
    fs::write(at("deep/er/tenant.yml"), tenant()).unwrap();
    fs::write(at("rule.yaml"), contact_rule()).unwrap();
    for ignored in [".hidden/a.yaml", ".a.yaml", "a.yaml.bak", "readme.md", "yaml"] {
        fs::write(at(ignored), "nonsense: [").unwrap();
    }
    config_of(load_folder(folder.path()));
    config_of(load_folder(&at("deep/er/tenant.yml")));
}

#[test]
fn that_are_missing_or_empty_are_errors() {
    let folder = folder();
    assert_eq!(codes(&load_folder(&folder.path().join("nowhere"))), [Code::FolderNotFound]);
    assert_eq!(codes(&load_folder(folder.path())), [Code::NoDocuments]);
    fs::write(folder.path().join("a.yaml"), "# nothing\n").unwrap();
    let loaded = load_folder(folder.path());
    assert_eq!(codes(&loaded), [Code::NoDocuments]);
    assert_eq!(loaded.diagnostics[0].file, folder.path().display().to_string());
}

#[test]
fn with_files_that_are_too_large_or_unreadable_are_told() {
    let folder = folder();
    fs::write(folder.path().join("a.yaml"), vec![b'#'; 9 * 1024 * 1024]).unwrap();
    fs::write(folder.path().join("b.yaml"), policy("{ drift: no }")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", folder.path().join("c.yaml")).unwrap();
    let loaded = load_folder(folder.path());
    assert_eq!(codes(&loaded), [Code::TooLarge, Code::UnknownWord, Code::Unreadable]);
    let text = text_of(&loaded).replace(&format!("{}/", folder.path().display()), "");
    let large = "error[TooLarge]: larger than 8 MiB\n--> a.yaml\n = help: split it into several files\n";
    let unreadable = "error[Unreadable]: cannot be read: it does not exist\n--> c.yaml\n";
    assert!(text.contains(large) && text.contains(unreadable), "{text}");
}

#[cfg(unix)]
#[test]
fn with_links_end() {
    use std::os::unix::fs::symlink;
    let folder = folder();
    let at = |path: &str| folder.path().join(path);
    fs::create_dir_all(at("a/b")).unwrap();
    fs::write(at("a/all.yaml"), all()).unwrap();
    symlink("..", at("a/up")).unwrap();
    symlink("../..", at("a/b/top")).unwrap();
    symlink("a", at("again")).unwrap();
    symlink("a/all.yaml", at("same.yaml")).unwrap();
    assert_eq!(codes(&load_folder(folder.path())), []);
}
