//! Every kind of hostile text in every attribute that is read, in every output for people: none acts, each is seen.

use serde_json::json;

use super::bench::{Bench, CONTOSO, TECHNICIANS, person};

/// What it is, the text, and a part of how it is shown.
const TEXTS: &[(&str, &str, &str)] = &[
    ("colour", "\u{1b}[31mred\u{1b}[0m", "\\u{1b}[31mred\\u{1b}[0m"),
    ("title of the window", "\u{1b}]0;owned\u{7}", "\\u{1b}]0;owned\\u{7}"),
    ("eight-bit control", "\u{9b}2Jx", "\\u{9b}2Jx"),
    ("another line", "a\r\nPlan: 0 to create.", "a\\r\\nPlan: 0 to create."),
    ("separators", "a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c"),
    ("direction", "x\u{202e}gpj\u{2066}", "x\\u{202e}gpj\\u{2066}"),
    ("nothing to see", "ad\u{200b}min\u{feff}", "ad\\u{200b}min\\u{feff}"),
    ("end of text", "a\0b", "a\\u{0}b"),
    ("backspaces", "Eve\u{8}\u{8}\u{8}Bob", "Eve\\u{8}\\u{8}\\u{8}Bob"),
    ("another letter", "\u{410}dele", "\\u{410}dele"),
    ("a surrogate, repaired", "x\u{fffd}\u{fffd}", "x\u{fffd}\u{fffd}"),
    ("Markdown", "[x](https://evil.example) @octocat #12 | </details>", "octocat"),
    ("HTML", "<script>alert(1)</script><img src=x>", "script"),
    ("formula", "=cmd|' /c calc'!A0", "=cmd"),
];

/// As long as a line for people may get: a few texts that were cut, each character an escape at worst.
const LONGEST_LINE: usize = 20_000;

fn number(of: usize) -> String {
    person(100 + u32::try_from(of).expect("few"))
}

/// A person for each text, one with a name of 64 kB, and one whose address only looks like Adele's.
fn bench() -> Bench {
    let bench = Bench::new();
    let (control, long) = (bench.control(), "n\u{202e}".repeat(16 * 1024));
    let texts = TEXTS.iter().map(|(_, text, _)| *text).chain([long.as_str()]);
    for (at, text) in texts.enumerate() {
        let user = json!({
            "userPrincipalName": format!("user{at}@contoso.com"), "displayName": text, "givenName": text, "surname": text,
            "jobTitle": text, "businessPhones": [text], "mail": text, "department": text, "accountEnabled": true,
        });
        control.put_user(CONTOSO, &number(at), user).expect("made");
        control.add_member(CONTOSO, TECHNICIANS, &number(at)).expect("added");
    }
    let double = json!({ "userPrincipalName": "\u{430}dele@contoso.com", "givenName": "Adele", "surname": "Vance" });
    control.put_user(CONTOSO, &person(99), double).expect("made");
    control.add_member(CONTOSO, TECHNICIANS, &person(99)).expect("added");
    bench
}

fn acts(sign: char) -> bool {
    (sign.is_control() && sign != '\n')
        || matches!(sign, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[track_caller]
fn is_harmless(what: &str, text: &str) {
    for line in text.lines() {
        assert!(!line.contains(acts), "{what}: {line:?}");
        assert!(line.chars().count() < LONGEST_LINE, "{what}: {} characters", line.chars().count());
    }
    assert!(!text.contains("\nPlan: 0 to create.") && !text.contains('\r'), "{what}: {text}");
}

#[test]
fn no_text_acts_in_any_output() {
    let bench = bench();
    let everybody = (0..=TEXTS.len()).map(number).chain([person(99)]);
    let explained: Vec<[String; 2]> = everybody.map(|id| ["explain".to_owned(), id]).collect();
    let mut all: Vec<Vec<&str>> = vec![
        vec!["plan"],
        vec!["plan", "-v"],
        vec!["plan", "-o", "markdown"],
        vec!["-vvv", "plan", "-q"],
        vec!["-vvv", "--log-format", "json", "plan", "-q"],
        vec!["plan", "--out", "plan.json"],
    ];
    all.extend(explained.iter().map(|args| args.iter().map(String::as_str).collect()));
    all.extend([vec!["-vvv", "apply", "plan.json", "--yes"], vec!["plan"]]);
    all.extend(["employees", "contacts", "tenants", "rules", "events"].map(|list| vec!["get", list]));
    all.extend([vec!["get", "event", "12"], vec!["get", "employee", "12"], vec!["doctor-\u{1b}[31m"]]);
    for args in &all {
        let told = bench.run(args);
        is_harmless(&format!("stdout of {args:?}"), &told.out);
        is_harmless(&format!("stderr of {args:?}"), &told.err);
    }
}

#[test]
fn every_text_is_seen_by_who_reviews_the_plan() {
    let bench = bench();
    let plan = bench.run(&["plan", "-v"]).ends(0).out;
    for (what, _, shown) in TEXTS {
        assert!(plan.contains(shown), "{what}: `{shown}` is not in the plan\n{plan}");
    }
    assert!(plan.contains("characters)"), "a long text says how long it is");
}

#[test]
fn an_address_that_only_looks_the_same_is_another_and_is_seen() {
    let bench = bench();
    let plan = bench.run(&["plan", "-v"]).ends(0).out;
    assert!(plan.contains("\"\\u{430}dele@contoso.com\"") && plan.contains("\"adele@contoso.com\""), "{plan}");
    let page = bench.run(&["plan", "-o", "markdown"]).ends(0).out;
    assert!(page.contains("\\u{430}dele") || page.contains("\\\\u\\{430\\}dele"), "{page}");
    bench.run(&["apply", "--yes"]).ends(0);
    let exported = bench.export(".bmsync/state");
    for address in ["\"email\":\"adele@contoso.com\"", "\"email\":\"\u{430}dele@contoso.com\""] {
        assert_eq!(exported.matches(address).count(), 1, "two people, and JSON has the exact text");
    }
}

#[test]
fn a_table_with_every_text_runs_nothing_and_comes_back() {
    let bench = bench();
    bench.run(&["apply", "--yes"]).ends(0);
    let table = bench.run(&["get", "employees", "-o", "csv"]).ends(0).out;
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let cells: Vec<String> =
        reader.records().flat_map(|row| row.expect("a row").iter().map(str::to_owned).collect::<Vec<_>>()).collect();
    assert!(cells.iter().all(|cell| !cell.starts_with(['=', '@', '\t', '\r'])));
    assert!(cells.iter().any(|cell| cell.starts_with("'=cmd")) && cells.iter().any(|cell| cell.len() > 64 * 1024 - 4));
    bench.write("employees.csv", &table);
    bench.run(&["--state", "other", "import", "accounts.jsonl", "employees.csv"]).ends(0);
    let employees = |state: &str| -> Vec<String> {
        bench.export(state).lines().filter(|line| line.contains("\"employee\"")).map(str::to_owned).collect()
    };
    assert_eq!(employees("other"), employees(".bmsync/state"));
}
