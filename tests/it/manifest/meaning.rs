//! What manifests mean does not depend on how they are written, and everything that they mean counts.

use std::fs;

use bmsync::manifest::{Color, ManifestFile, load, load_folder, render_text};
use proptest::prelude::*;

use super::{all, config_of, load_text, root};

/// The documents of the example, spread over files in some order.
fn spread() -> impl Strategy<Value = Vec<ManifestFile>> {
    let mut documents: Vec<String> = Vec::new();
    for name in ["policy", "contoso", "northwind", "fabrikam"] {
        let text = fs::read_to_string(root(&format!("manifests/{name}.yaml"))).unwrap();
        documents.extend(text.split("\n---\n").map(str::to_owned));
    }
    let count = documents.len();
    let layout = proptest::collection::vec((0..4_usize, any::<bool>()), count);
    (Just(documents).prop_shuffle(), layout).prop_map(|(documents, layout)| {
        let mut files = vec![String::new(); 4];
        for (document, (file, with_comment)) in documents.iter().zip(layout) {
            files[file] += "---\n";
            files[file] += if with_comment { "# a comment\n\n" } else { "" };
            files[file] += document;
            files[file] += "\n";
        }
        files.into_iter().enumerate().map(|(n, text)| ManifestFile::new(format!("{n}.yaml"), text)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// R12: the order and the layout of files do not matter.
    #[test]
    fn the_layout_of_files_changes_nothing(files in spread()) {
        let expected = load_folder(&root("manifests")).config.unwrap();
        let config = config_of(load(&files));
        prop_assert_eq!(&config.tenants, &expected.tenants);
        prop_assert_eq!(&config.rules, &expected.rules);
        prop_assert_eq!(&config.digest, &expected.digest);
    }

}

proptest! {
    /// Whatever bytes come, there is an answer, and every place in it is inside the text.
    #[test]
    fn no_bytes_crash_it(text in "[a-z:{}\\[\\],&*!?|>'\"#%@` \\t\\n-]{0,200}") {
        let lines = text.split('\n').count();
        let loaded = load_text(text.clone());
        let _ = render_text(&loaded.diagnostics, Color::Ansi);
        for diagnostic in &loaded.diagnostics {
            prop_assert!(diagnostic.line as usize <= lines + 1, "{:?} {:?}", text, diagnostic);
        }
        prop_assert_eq!(loaded.config.is_none(), loaded.has_errors());
    }

    /// A literal key never shows, whatever else is wrong around it.
    #[test]
    fn no_single_change_shows_a_secret(at in 0_usize..400, with in "[:{}\\[\\]'\"#|>?= &*!-]{0,2}", drop in 0_usize..2) {
        let mut text: Vec<char> = all().replacen("{ env: KEY }", "s3cretvalue", 1).chars().collect();
        let secret: String = text.iter().collect();
        let secret = secret.find("s3cretvalue").unwrap();
        let at = at % text.len();
        prop_assume!(!(secret..secret + 11).contains(&at));
        text.splice(at..at + drop, with.chars());
        let loaded = load_text(text.iter().collect::<String>());
        let shown = render_text(&loaded.diagnostics, Color::Plain) + &bmsync::manifest::render_json(&loaded.diagnostics);
        prop_assert!(!shown.contains("s3cret"), "{}\n{}", text.iter().collect::<String>(), shown);
    }

    /// A good document with one character changed still gives an answer.
    #[test]
    fn no_single_change_crashes_it(at in 0_usize..900, character in any::<char>()) {
        let mut text: Vec<char> = all().chars().collect();
        let at = at % text.len();
        text[at] = character;
        let loaded = load_text(text.into_iter().collect::<String>());
        prop_assert_eq!(loaded.config.is_none(), loaded.has_errors());
    }
}

/// Everything that is meant counts for the digest; nothing else does.
#[test]
fn the_digest_is_of_the_meaning() {
    let digest = |text: String| config_of(load_text(text)).digest;
    let base = digest(all());
    for (from, to) in [
        ("name: contoso", "name: contoso2"),
        ("domain: contoso.", "domain: contoso2."),
        ("000000000001", "000000000002"),
        ("{ env: KEY }", "{ env: KEY2 }"),
        ("{ env: KEY }", "{ file: KEY }"),
        ("applicationKey", "certificate"),
        ("  domain", "  signIn: application\n  domain"),
        ("  domain", "  cloud: usGov\n  domain"),
        ("  domain", "  cloud: usGovDod\n  domain"),
        ("  domain", "  nestedGroups: true\n  domain"),
        ("  domain", "  suspend: true\n  domain"),
        ("  domain", "  endpoints: { login: \"http://localhost\" }\n  domain"),
        ("name: portal", "name: portal2"),
        ("a315", "a317"),
        ("order: 20", "order: 21"),
        ("  order: 20", "  order: 20\n  email: mail"),
        ("  order: 20", "  order: 20\n  suspend: true"),
        ("Northwind Traders", "Northwind"),
        ("Traders }", "Traders, location: Main }"),
        ("Traders }", "Traders, clientPortal: { enabled: false } }"),
        ("Traders }", "Traders, clientPortal: { securityRole: X } }"),
        ("record: employee", "record: employee\n  employee: { manager: x }"),
        ("jobTitle: Technician", "jobTitle: Engineer"),
        ("spec: {}", "spec: { drift: enforce }"),
        ("spec: {}", "spec: { unmatched: keep }"),
        ("spec: {}", "spec: { disabledAccounts: deactivate }"),
        ("spec: {}", "spec: { guests: exclude }"),
        ("spec: {}", "spec: { guards: { maxDeactivations: 11% } }"),
        ("spec: {}", "spec: { guards: { maxArchives: 10 } }"),
        ("spec: {}", "spec: { guards: { maxCreates: 10 } }"),
        ("spec: {}", "spec: { pollInterval: 61s }"),
        ("spec: {}", "spec: { fullSyncInterval: 25h }"),
        ("spec: {}", "spec: { reconnect: { failures: 6 } }"),
        ("spec: {}", "spec: { reconnect: { after: 121s } }"),
    ] {
        assert!(all().contains(from), "{from}");
        assert_ne!(digest(all().replacen(from, to, 1)), base, "{to}");
    }
    for (from, to) in [
        ("order: 20", "order: 20 # lower wins"),
        ("name: policy", "name: other"),
        ("spec: {}", "spec: { drift: preserve, pollInterval: 1m, fullSyncInterval: 1440m }"),
        ("  domain", "  signIn: delegated\n  cloud: global\n  suspend: false\n  domain"),
        ("  domain", "  endpoints: { graph: \"https://graph.microsoft.com/\" }\n  domain"),
        ("Traders }", "Traders, location: \"\", clientPortal: { enabled: true, securityRole: External User } }"),
        ("department: Operations", "department: \" Operations \""),
        ("a315", "A315"),
    ] {
        assert_eq!(digest(all().replacen(from, to, 1)), base, "{to}");
    }
}
