//! The application key, tokens and delta links: on the wire and nowhere else. A proxy between the binary and the
//! simulator learns what they are.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bmsync::ledger::sled::SledLedger;
use bmsync::model::Id;
use bmsync::source::grant::{Grant, Grants as _};
use bmsync::vault::{Keys, Vault};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;

use super::bench::{Bench, CONTOSO, CONTOSO_KEY, FABRIKAM_KEY, TECHNICIANS, Told, person};
use super::tap::{Tap, every_file, latin, unpacked};

/// A secret as it may turn up: as it is, in base64 (aligned in any way) and in hex.
fn spellings(secret: &[u8]) -> Vec<String> {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let hex: String = secret.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    let shifted = |by: usize| {
        let text = STANDARD_NO_PAD.encode([&vec![0; by][..], secret].concat());
        // What depends on the bytes around it is left out.
        text[4 * by.min(1)..text.len() - 2].to_owned()
    };
    let mut all = vec![latin(secret), hex.to_uppercase(), hex];
    all.extend((0..3).map(shifted));
    all
}

/// A bench whose Contoso is behind a tap.
fn tapped() -> (Bench, Tap) {
    let bench = Bench::new();
    let manifests = bench.manifests();
    let url = manifests.split("login: \"").nth(1).and_then(|rest| rest.split('"').next()).expect("an address");
    let tap = Tap::on(url.trim_start_matches("http://").to_owned());
    bench.write("manifests/all.yaml", manifests.replace(url, &tap.url));
    (bench, tap)
}

#[test]
fn keys_tokens_and_links_are_told_to_nobody_and_stored_nowhere() {
    let (bench, tap) = tapped();
    let mut told: Vec<(String, Told)> = Vec::new();
    let mut say = |args: &[&str]| {
        // The log is for people and for machines in turn.
        let format = if told.len().is_multiple_of(2) { "text" } else { "json" };
        let mut command = bench.command(&[&["-vvv", "--log-format", format], args].concat());
        let output = command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1").output().expect("it starts");
        told.push((format!("{args:?}"), Told::of(output)));
    };
    say(&["plan", "--out", "plan.json"]);
    say(&["plan", "-o", "json"]);
    say(&["plan", "-o", "markdown"]);
    say(&["apply", "plan.json", "--yes"]);
    say(&["get", "tenants", "-o", "json"]);
    say(&["get", "events", "-o", "json"]);
    say(&["explain", "adele@contoso.com", "-o", "json"]);
    bench.control().patch_user(CONTOSO, &person(3), json!({ "surname": "Holm" })).expect("renamed");
    bench.control().remove_member(CONTOSO, TECHNICIANS, &person(4)).expect("removed");
    for fault in [
        "cut=next1after1",
        "not-json=next1",
        "truncated-json=next1after1",
        "wrong-content=next1@groups",
        "expire-token=next1after1",
        "expire-page-token=next1after1",
        "throttle=next1after1:0.1",
        "bad-gateway=next1after1",
        "foreign-link=next1",
        "redirect=next1after1",
        "no-roles=next1",
        "huge-page=next1:70",
        "sign-in=next1:7000215",
        "sign-in=next1:7000222",
        "redirect=next1@token",
        "not-json=next5@token",
    ] {
        bench.fault(fault);
        say(&["plan", "--out", "plan.json"]);
        bench.control().clear_faults();
    }
    say(&["apply", "--yes", "-o", "json"]);
    say(&["export", "--out", "export.jsonl"]);
    let mut secrets = tap.secrets();
    secrets.extend(tap.links());
    assert!(secrets.len() > 20, "tokens and links went over the wire: {}", secrets.len());
    secrets.extend([CONTOSO_KEY.to_owned(), FABRIKAM_KEY.to_owned()]);
    let mut places: Vec<(String, String)> = Vec::new();
    for (args, told) in told {
        assert!(!args.contains("plan") || told.err.lines().count() > 10, "{args} logs something");
        places.push((format!("stdout of {args}"), told.out));
        places.push((format!("stderr of {args}"), told.err));
    }
    every_file(&bench.path("."), &mut |path, bytes| {
        // Secrets are ASCII: what is not UTF-8 around them does not matter.
        places
            .push((path.display().to_string(), String::from_utf8_lossy(bytes).into_owned() + &latin(&unpacked(bytes))));
    });
    assert!(places.iter().any(|(place, text)| place.ends_with("/db") && text.contains("adele@contoso.com")));
    for (place, text) in &places {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{place} tells {secret}");
        }
    }
}

const TOKEN: &str = "0.AXYAkept-refresh-token_Nobody.May-See";

/// Keeps a sign-in of Contoso, as if a person had signed in.
fn sign_in(bench: &Bench, key: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let ledger = Arc::new(SledLedger::open(&bench.path(".bmsync/state")).expect("the state"));
        let grant = Grant {
            refresh_token: SecretString::from(TOKEN),
            account: Some("ada@contoso.com".into()),
            scopes: vec!["offline_access".into()],
            signed_in_at: Timestamp::now(),
            refreshed_at: Timestamp::now(),
        };
        let vault = Vault::open(ledger, Keys::Beside(key.to_owned()));
        vault.of(&Id::new(CONTOSO)).keep(&grant).await.expect("it is kept");
    });
}

#[test]
fn a_kept_sign_in_and_its_keys_are_in_the_key_files_and_nowhere_else() {
    let bench = Bench::new();
    let keys = [bench.path(".bmsync/state.key"), bench.path("second"), bench.path("third")];
    let mut places: Vec<(String, String)> = Vec::new();
    let mut secrets = spellings(TOKEN.as_bytes());
    let mut learn = |path: &Path| {
        let text = std::fs::read_to_string(path).expect("a key file");
        secrets.push(text.trim().to_owned());
        secrets.extend(spellings(&STANDARD.decode(text.trim()).expect("base64")));
        text
    };
    let mut say = |args: &[&str], variable: Option<&str>| {
        let mut command = bench.command(&[&["-vvv"], args].concat());
        command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1").envs(variable.map(|key| ("BMSYNC_KEY", key)));
        let told = Told::of(command.output().expect("it starts"));
        places.push((format!("{args:?}"), format!("{}\n{}", told.out, told.err)));
        told.code
    };
    sign_in(&bench, &keys[0]);
    let first = learn(&keys[0]);
    assert_eq!(say(&["apply", "--yes"], None), 0);
    assert_eq!(say(&["get", "tenants", "-o", "json"], None), 0);
    assert_eq!(say(&["rekey"], None), 0);
    learn(&keys[0]);
    assert_eq!(say(&["rekey"], Some(&first)), 64);
    assert_eq!(say(&["rekey", "--new-key-file", "second"], Some(&first)), 1, "it is the wrong key");
    assert_eq!(say(&["rekey", "--new-key-file", "second"], Some(&first[1..])), 64, "it is no key");
    assert_eq!(say(&["rekey", "--new-key-file", "third", "-o", "json"], None), 0);
    learn(&keys[2]);
    assert_eq!(say(&["rekey", "--key-file", "manifests/all.yaml"], None), 1);
    assert_eq!(say(&["export", "--out", "export.jsonl"], None), 0);
    bench.write("copy", std::fs::read(bench.path(".bmsync/state/db")).expect("the database"));
    assert_eq!(say(&["disconnect", CONTOSO], None), 0);
    let mut known = 0;
    every_file(&bench.path("."), &mut |path, bytes| {
        let text = latin(bytes) + &latin(&unpacked(bytes));
        if keys.iter().any(|key| path.ends_with(key.file_name().expect("a name"))) {
            known += usize::from(secrets.iter().any(|secret| text.contains(secret.as_str())));
        } else {
            places.push((path.display().to_string(), text));
        }
    });
    assert_eq!(known, 2, "the search finds what is there");
    assert!(places.iter().any(|(place, text)| place.ends_with("copy") && text.contains("ada@contoso.com")));
    for (place, text) in &places {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{place} tells {secret}");
        }
    }
}
