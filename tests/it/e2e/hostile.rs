//! Text from outside that wants to be more than text: on a terminal, in Markdown, in a spreadsheet.

use serde_json::{Value, json};

use super::bench::{Bench, CONTOSO, PORTAL, TECHNICIANS, person};

const GIVEN: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31mEve\u{202e}\u{2066}\u{200f}";
const SURNAME: &str = "a\nPlan: 0 to create.\r\u{2028}| x | <script>alert(1)</script> </details> ``` @octocat #1";
const TITLE: &str = "=cmd|' /c calc'!A0";
const PHONE: &str = "@SUM(1+1)*cmd";

fn bench() -> Bench {
    let bench = Bench::new();
    let eve = json!({
        "userPrincipalName": "eve\u{1b}[1m@contoso.com", "displayName": GIVEN, "givenName": GIVEN, "surname": SURNAME,
        "jobTitle": TITLE, "businessPhones": [PHONE], "mail": "eve@contoso.com", "accountEnabled": true,
    });
    let control = bench.control();
    control.put_user(CONTOSO, &person(20), eve).expect("made");
    control.add_member(CONTOSO, TECHNICIANS, &person(20)).expect("added");
    control.patch_group(CONTOSO, TECHNICIANS, json!({ "displayName": "\u{1b}[31mred\u{202e}\n<b>" })).expect("renamed");
    // Blocked: an account that is not there, for a person with such a name.
    let moe = json!({ "userPrincipalName": "moe@contoso.com", "givenName": GIVEN, "mail": "mo\u{1b}[1me@contoso.com" });
    control.put_user(CONTOSO, &person(21), moe).expect("made");
    control.add_member(CONTOSO, PORTAL, &person(21)).expect("added");
    bench
}

/// What a terminal would act upon.
fn acts(sign: char) -> bool {
    (sign.is_control() && sign != '\n')
        || matches!(sign, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[track_caller]
fn is_plain(what: &str, text: &str) {
    let bad = text.lines().find(|line| line.contains(acts));
    assert!(bad.is_none() && !text.contains('\r'), "{what}: {bad:?}");
}

#[test]
fn no_name_reaches_a_terminal_raw() {
    let bench = bench();
    for args in [
        &["plan"][..],
        &["plan", "-v"],
        &["plan", "-vvv", "-o", "markdown"],
        &["plan", "--out", "plan.json"],
        &["explain", &person(20)],
        &["explain", &person(21)],
        &["apply", "--yes"],
        &["get", "employees"],
        &["get", "contacts"],
        &["get", "employee", "9"],
        &["get", "events"],
        &["get", "event", "9"],
        &["explain", "eve\u{1b}[1m@contoso.com"],
        &["explain", "\u{1b}[31mnobody\u{202e}"],
        &["get", "tenant", "\u{1b}[31mnobody\u{202e}"],
        &["get", "employee", "\u{1b}[31m"],
        &["plan", "--tenant", "\u{1b}[31mnobody"],
        &["plan\u{1b}[31m"],
        &["plan", "--\u{1b}[31m"],
        &["plan", "--out", "no\u{1b}[31m/where"],
        &["import", "no\u{1b}[31m.jsonl"],
        &["-f", "no\u{1b}[31m", "validate"],
        &["--state", "no\u{1b}[31m", "export"],
    ] {
        let told = bench.run(args);
        is_plain(&format!("stdout of {args:?}"), &told.out);
        is_plain(&format!("stderr of {args:?}"), &told.err);
    }
}

#[test]
fn a_stale_plan_of_a_hostile_name_is_told_safely() {
    let bench = bench();
    bench.run(&["plan", "--out", "plan.json"]).ends(0);
    bench.control().patch_user(CONTOSO, &person(20), json!({ "givenName": format!("{GIVEN}2") })).expect("renamed");
    let told = bench.run(&["apply", "plan.json", "--yes"]).ends(1).says(&["stale"]);
    is_plain("stderr", &told.err);
}

#[test]
fn hostile_manifests_and_rows_are_quoted_safely() {
    let bench = Bench::new();
    bench.write("manifests/x\u{1b}[31m.yaml", "kind: \"\\e[31m\u{202e}Ten\"\nfoo\u{9b}: [\u{202e}\u{2066}]\n");
    bench.write("bad.jsonl", "{\"kind\":\"\\u001b[31m\",\"x\u{202e}\":1}\n{\"\\u001b[1m\u{9b}\":2}\n\u{1b}[31mraw\n");
    bench.write("bad.csv", "kind,\u{1b}[31mfoo\u{202e}\nemployee,1\n");
    for args in [&["validate"][..], &["plan"], &["import", "bad.jsonl"], &["import", "bad.csv"]] {
        let told = bench.run(args).ends(1);
        is_plain(&format!("stderr of {args:?}"), &told.err);
        is_plain(&format!("stdout of {args:?}"), &told.out);
    }
    assert!(bench.run(&["validate", "-o", "json"]).ends(1).json()["diagnostics"].is_array());
}

#[test]
fn json_has_the_exact_text() {
    let bench = bench();
    bench.run(&["apply", "--yes"]);
    let employees = bench.run(&["get", "employees", "-o", "json"]).ends(0).json();
    let eve = employees.as_array().expect("a list").iter().find(|one| one["jobTitle"] == TITLE).expect("Eve");
    assert_eq!((&eve["firstName"], &eve["lastName"]), (&json!(GIVEN), &json!(SURNAME)));
    assert_eq!((&eve["phone"], &eve["username"]), (&json!(PHONE), &json!("eve\u{1b}[1m")));
    let exported = bench.export(".bmsync/state");
    let exported: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(exported.contains(eve));
}

#[test]
fn a_spreadsheet_finds_no_formula_and_an_import_takes_it_back() {
    let bench = bench();
    bench.run(&["apply", "--yes"]);
    let table = bench.run(&["get", "employees", "-o", "csv"]).ends(0).out;
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    for record in reader.records() {
        for cell in &record.expect("a row") {
            let formula = cell.starts_with(['=', '@', '\t', '\r']) || cell.starts_with('-') && cell.len() > 1;
            assert!(!formula, "{cell:?}");
        }
    }
    assert!(table.contains("'=cmd") && table.contains("'@SUM"));
    bench.write("employees.csv", &table);
    bench.run(&["--state", "other", "import", "accounts.jsonl", "employees.csv"]).ends(0);
    let employees = |state: &str| -> Vec<String> {
        bench.export(state).lines().filter(|line| line.contains("\"employee\"")).map(str::to_owned).collect()
    };
    assert_eq!(employees("other"), employees(".bmsync/state"));
}

#[test]
fn markdown_shows_names_and_obeys_none() {
    let bench = bench();
    let page = bench.run(&["plan", "-o", "markdown"]).ends(0).out;
    let outside: String = page.lines().map(outside_code).collect::<Vec<_>>().join("\n");
    for part in ["<script>", "@octocat", "<b>"] {
        assert!(!outside.contains(part), "`{part}` outside of code:\n{page}");
    }
    let ends = page.matches("<details>").count();
    assert_eq!(outside.matches("</details>").count(), ends, "nobody closes a fold early:\n{page}");
    assert_eq!(page.matches("\nPlan: 0 to create.").count(), 0, "nobody begins a line:\n{page}");
}

/// A line without its code spans.
fn outside_code(line: &str) -> String {
    let mut rest = line;
    let mut outside = String::new();
    while let Some(start) = rest.find('`') {
        let ticks = rest[start..].len() - rest[start..].trim_start_matches('`').len();
        if rest[..start].ends_with('\\') {
            outside.push_str(&rest[..=start]);
            rest = &rest[start + 1..];
            continue;
        }
        let fence = "`".repeat(ticks);
        outside.push_str(&rest[..start]);
        let body = &rest[start + ticks..];
        let Some(end) = body.find(&fence) else { break };
        rest = &body[end + ticks..];
    }
    outside + rest
}
