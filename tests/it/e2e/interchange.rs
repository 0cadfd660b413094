//! `import` and `export`: what goes in comes out, byte for byte, and a bad line stores nothing.

use serde_json::json;

use super::bench::{Bench, Told};

fn import(bench: &Bench, name: &str, content: &str) -> Told {
    bench.write(name, content);
    bench.run(&["import", name])
}

#[test]
fn an_export_is_stable_and_imported_elsewhere_gives_the_same_bytes() {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    import(&bench, "more.jsonl", r#"{"kind":"employee","id":40,"status":"archived","username":"x_Archived","email":"x@y.z_Archived","archivedFrom":{"tenantId":"T","userId":"U"},"references":{"tickets":3,"invoices":1}}"#).ends(0);
    import(&bench, "odd.csv", "kind,id,firstName,lastName,email\ncontact,7,\"O'Neil, \"\"Jr\"\"\",'quoted,=x@y.z\n")
        .ends(0);
    let first = bench.export(".bmsync/state");
    assert_eq!(bench.export(".bmsync/state"), first);
    bench.write("all.jsonl", &first);
    bench.run(&["--state", "other", "import", "all.jsonl"]).ends(0);
    assert_eq!(bench.export("other"), first);
    // The other way round, in two files, twice.
    let mut lines: Vec<&str> = first.lines().collect();
    lines.reverse();
    let (one, two) = lines.split_at(5);
    bench.write("one.jsonl", one.join("\r\n"));
    bench.write("two.jsonl", two.join("\n\n"));
    bench.run(&["--state", "third", "import", "one.jsonl", "two.jsonl", "one.jsonl"]).ends(0);
    assert_eq!(bench.export("third"), first);
    let kinds: Vec<&str> = first.lines().map(|line| line.split('"').nth(3).expect("a kind")).collect();
    assert!(
        kinds.is_sorted_by_key(|kind| ["account", "employee", "contact"].iter().position(|known| known == kind)),
        "{kinds:?}"
    );
}

#[test]
fn records_come_back_from_csv() {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    for kind in ["employees", "contacts"] {
        bench.write(&format!("{kind}.csv"), bench.run(&["get", kind, "-o", "csv"]).ends(0).out);
    }
    bench.run(&["--state", "other", "import", "accounts.jsonl", "employees.csv", "contacts.csv"]).ends(0);
    assert_eq!(bench.export("other"), bench.export(".bmsync/state"));
}

#[test]
fn only_given_keys_change_and_a_source_goes_only_when_it_is_null() {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    let employee = || bench.run(&["get", "employee", "1", "-o", "json"]).ends(0).json();
    let before = employee();
    import(&bench, "a.jsonl", r#"{"kind":"employee","id":1,"phone":null}"#).ends(0);
    let mut expected = before.clone();
    expected["phone"] = json!(null);
    assert_eq!(employee(), expected);
    import(&bench, "b.csv", "id,jobTitle\n1,\n").ends(1).says(&["b.csv:2"]);
    bench.run(&["import", "b.csv", "--kind", "employee"]).ends(0);
    expected["jobTitle"] = json!(null);
    assert_eq!(employee(), expected, "a blank cell is null, a column that is not there is not given");
    import(&bench, "c.jsonl", r#"{"kind":"employee","id":1,"source":null}"#).ends(0);
    expected["source"] = json!(null);
    assert_eq!(employee(), expected);
    bench.run(&["plan", "--detailed-exitcode"]).ends(2);
}

#[test]
fn an_id_is_given_where_none_is_and_none_is_used_again() {
    let bench = Bench::new();
    import(
        &bench,
        "a.jsonl",
        "{\"kind\":\"employee\",\"id\":30,\"email\":\"a@x\"}\n{\"kind\":\"employee\",\"email\":\"b@x\"}\n",
    )
    .ends(0);
    import(&bench, "b.csv", "kind,id,email\nemployee,,c@x\ncontact,,c@x\n").ends(0);
    let export = bench.export(".bmsync/state");
    for part in ["\"employee\",\"id\":31", "\"employee\",\"id\":32", "\"contact\",\"id\":1"] {
        assert!(export.contains(part), "{part}\n{export}");
    }
}

#[test]
fn the_same_id_twice_is_the_last_and_one_source_twice_is_an_error() {
    let bench = Bench::new();
    import(&bench, "a.jsonl", "{\"kind\":\"employee\",\"id\":3,\"phone\":\"1\",\"email\":\"e@x\"}\n{\"kind\":\"employee\",\"id\":3,\"phone\":\"2\"}\n").ends(0);
    let employee = bench.run(&["get", "employee", "3", "-o", "json"]).ends(0).json();
    assert_eq!((&employee["phone"], &employee["email"]), (&json!("2"), &json!("e@x")));
    let source = r#""source":{"tenantId":"T","userId":"U"}"#;
    let rows = format!("{{\"kind\":\"employee\",\"id\":3,{source}}}\n{{\"kind\":\"contact\",\"id\":4,{source}}}\n");
    import(&bench, "b.jsonl", &rows).ends(1).says(&["b.jsonl:2", "source"]);
    assert!(bench.export(".bmsync/state").contains("\"source\":null"));
}

#[test]
fn duplicates_of_names_and_unknown_accounts_are_what_bms_holds() {
    let bench = Bench::new();
    let rows = "{\"kind\":\"employee\",\"email\":\"a@x\",\"username\":\"a\"}\n{\"kind\":\"employee\",\"email\":\"A@x\",\"username\":\"a\"}\n{\"kind\":\"contact\",\"account\":\"Nowhere\",\"email\":\"a@x\"}\n";
    import(&bench, "a.jsonl", rows).ends(0);
}

#[test]
fn every_bad_line_is_named_and_nothing_of_the_whole_import_is_stored() {
    let bench = Bench::new();
    let before = bench.export(".bmsync/state");
    let bad = [
        r#"{"kind":"employee","id":1,"status":"weird"}"#,
        r#"{"kind":"employee","id":2,"phoen":"1"}"#,
        r#"{"kind":"employee","id":-1}"#,
        r#"{"kind":"employee","id":1.5}"#,
        r#"{"kind":"planet","id":1}"#,
        r#"{"id":1}"#,
        r#"{"kind":"employee","id":1,"id":2}"#,
        r#"{"kind":"employee","firstName":5,"id":1}"#,
        r#"{"kind":"contact","id":1,"portalAccess":"yes"}"#,
        r#"{"kind":"contact","id":1,"department":"x"}"#,
        "[]",
        "null",
        "{",
        "not json",
    ];
    bench.write("good.jsonl", "{\"kind\":\"employee\",\"id\":9,\"email\":\"good@x\"}\n");
    let told = import(&bench, "bad.jsonl", &bad.join("\n")).ends(1);
    for line in 1..=bad.len() {
        assert!(told.err.contains(&format!("bad.jsonl:{line}:")), "line {line}: {told:#?}");
    }
    bench.run(&["import", "good.jsonl", "bad.jsonl"]).ends(1);
    bench.run(&["import", "good.jsonl", "missing.jsonl"]).ends(1);
    for (table, line) in [
        ("kind,id,phoen\nemployee,1,2\n", 1),
        ("kind,id,phone\nemployee,1\n", 2),
        ("kind,id,status\nemployee,1,active\nemployee,2,weird\n", 3),
        ("kind,id,phone\nemployee,x,1\n", 2),
    ] {
        import(&bench, "bad.csv", table).ends(1).says(&[&format!("bad.csv:{line}:")]);
    }
    import(&bench, "latin.jsonl", "").ends(0);
    bench.write("latin.jsonl", b"{\"kind\":\"employee\",\"firstName\":\"J\xf6rg\"}\n");
    bench.run(&["import", "latin.jsonl"]).ends(1).says(&["latin.jsonl:1:"]);
    assert_eq!(bench.export(".bmsync/state"), before);
}

#[test]
fn accounts_come_from_csv_with_their_locations() {
    let bench = Bench::new();
    import(&bench, "accounts.csv", "name,locations\nAcme,Main; Dock;Yard\n").ends(1);
    bench.run(&["import", "accounts.csv", "--kind", "account"]).ends(0);
    assert!(bench.export(".bmsync/state").contains(r#""name":"Acme","locations":["Main","Dock","Yard"]"#));
}
