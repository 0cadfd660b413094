//! Manifests: whatever the bytes are, a configuration or diagnostics that fit to be shown, and never both.

use bmsync::manifest::{Color, Loaded, ManifestFile, load, render_json, render_text};

use super::play::{Target, is_plain, play};

const WORDS: &[&str] = &[
    "apiVersion: bmsync/v1\n",
    "kind: Tenant\n",
    "kind: MappingRule\n",
    "kind: SyncPolicy\n",
    "kind: EmployeeDefaults\n",
    "---\n",
    "...\n",
    "metadata: { name: x }\n",
    "spec:\n",
    "  ",
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "| \n",
    ">-\n",
    "%TAG ! !a\n",
    "10%",
    "24h",
    "null",
    "~",
    "yes",
    "suspend: true\n",
    "applicationKey: { file: /run/secrets/x }\n",
];

fn loaded(bytes: &[u8]) -> Loaded {
    load(&[ManifestFile::new("a.yaml", bytes)])
}

fn judge(bytes: &[u8]) -> String {
    let found = loaded(bytes);
    assert_eq!(found.config.is_none(), found.has_errors());
    let text = render_text(&found.diagnostics, Color::Plain);
    is_plain(&text);
    assert!(text.len() < 100_000, "{} bytes of diagnostics", text.len());
    let json: serde_json::Value = serde_json::from_str(&render_json(&found.diagnostics)).expect("JSON");
    assert_eq!(json["diagnostics"].as_array().map(Vec::len), Some(found.diagnostics.len()));
    if let Some(config) = &found.config
        && !bytes.starts_with(b"\xef\xbb\xbf")
    {
        let again = loaded(&[b"# a comment\n\n", bytes].concat());
        assert_eq!(again.config.map(|again| again.digest), Some(config.digest.clone()), "a comment means nothing");
    }
    let mut codes: Vec<String> = found.diagnostics.iter().map(|one| format!("{:?}", one.code)).collect();
    codes.sort_unstable();
    codes.dedup();
    codes.join(" ")
}

#[test]
fn any_bytes() {
    let target = Target { test: "fuzz::manifests::any_bytes", corpus: "manifests", words: WORDS, inputs: 500 };
    play(&target, judge);
}
