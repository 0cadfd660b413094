//! The exact shapes of data: plans, records, lists, diagnostics, schemas.

use serde_json::{Value, json};

use super::bench::{Bench, CONTOSO, person};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn applied() -> Bench {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    bench
}

const EMPLOYEE: [&str; 18] = [
    "kind",
    "id",
    "status",
    "username",
    "email",
    "firstName",
    "lastName",
    "phone",
    "jobTitle",
    "department",
    "location",
    "manager",
    "employmentType",
    "employeeRole",
    "securityRole",
    "source",
    "references",
    "archivedFrom",
];
const CONTACT: [&str; 16] = [
    "kind",
    "id",
    "status",
    "account",
    "location",
    "email",
    "firstName",
    "lastName",
    "phone",
    "jobTitle",
    "portalAccess",
    "username",
    "securityRole",
    "source",
    "references",
    "archivedFrom",
];

#[test]
fn a_plan_has_the_keys_of_its_format() {
    let bench = Bench::new();
    bench.declare("account: Northwind", "account: Nowhere");
    let plan = bench.run(&["plan", "-o", "json"]).ends(0).json();
    let head = [
        "formatVersion",
        "createdAt",
        "configDigest",
        "stateRevision",
        "tenants",
        "summary",
        "changes",
        "preserved",
        "blocked",
    ];
    assert_eq!(keys(&plan), head);
    assert_eq!((&plan["formatVersion"], &plan["stateRevision"]), (&json!("1"), &json!(1)));
    let created = plan["createdAt"].as_str().expect("a time");
    assert!(created.len() == 20 && created.ends_with('Z') && created.as_bytes()[10] == b'T', "{created}");
    assert!(plan["configDigest"].as_str().expect("a digest").starts_with("sha256:"));
    assert_eq!(&keys(&plan["tenants"][0])[..5], ["name", "tenantId", "state", "users", "message"]);
    assert_eq!((&plan["tenants"][0]["users"], &plan["tenants"][0]["message"]), (&json!(10), &json!(null)));
    let actions = ["create", "merge", "update", "archive", "restore", "deactivate", "reactivate"];
    let summary = [&actions[..], &["unchanged", "touched", "preserved", "blocked", "held"]].concat();
    assert_eq!(keys(&plan["summary"]), summary);
    let change = &plan["changes"][0];
    assert_eq!(keys(change), ["action", "kind", "id", "user", "rule", "reason", "held", "fields"]);
    assert_eq!(keys(&change["user"]), ["tenantId", "id", "userPrincipalName"]);
    assert_eq!(keys(&change["fields"][0]), ["name", "before", "after", "from"]);
    assert_eq!((&change["id"], &change["held"], &change["rule"]), (&json!(null), &json!(null), &json!("technicians")));
    assert_eq!(change["reason"], "no record has the email adele@contoso.com");
    assert!(
        change["fields"]
            .as_array()
            .expect("a list")
            .contains(&json!({ "name": "firstName", "before": null, "after": "Adele", "from": "directory" }))
    );
    let blocked = &plan["blocked"][0];
    assert_eq!(keys(blocked), ["user", "rule", "code", "message", "candidates"]);
    assert_eq!((&blocked["user"]["id"], &blocked["rule"]), (&json!(person(9)), &json!("portal")));
}

#[test]
fn booleans_are_booleans_and_null_is_null() {
    let bench = Bench::new();
    let (_, plan) = bench.plan(&[]);
    let fields = plan["changes"][8]["fields"].as_array().expect("a list").clone();
    assert!(
        fields.contains(&json!({ "name": "portalAccess", "before": null, "after": true, "from": "rule" })),
        "{fields:?}"
    );
    assert!(fields.contains(&json!({ "name": "location", "before": null, "after": "Main", "from": "default" })));
    assert!(
        fields.contains(&json!({ "name": "securityRole", "before": null, "after": "External User", "from": "rule" }))
    );
    bench.run(&["apply", "--yes"]).ends(0);
    bench.declare("account: Northwind }", "account: Northwind, clientPortal: { enabled: false } }");
    let (_, plan) = bench.plan(&[]);
    let fields = plan["changes"][0]["fields"].as_array().expect("a list").clone();
    assert!(
        fields.contains(&json!({ "name": "portalAccess", "before": true, "after": false, "from": "rule" })),
        "{fields:?}"
    );
    let names: Vec<&Value> = fields.iter().map(|field| &field["name"]).collect();
    assert_eq!(names, ["portalAccess", "username", "securityRole"], "only what changes");
    assert_eq!(fields[1]["after"], json!(null));
}

#[test]
fn records_have_all_keys_in_order_and_a_list_is_an_array() {
    let bench = applied();
    let employees = bench.run(&["get", "employees", "-o", "json"]).ends(0).json();
    let contacts = bench.run(&["get", "contacts", "-o", "json"]).ends(0).json();
    assert_eq!((employees.as_array().map(Vec::len), contacts.as_array().map(Vec::len)), (Some(9), Some(2)));
    assert_eq!((keys(&employees[0]), keys(&contacts[0])), (EMPLOYEE.to_vec(), CONTACT.to_vec()));
    assert_eq!(employees[0]["source"], json!({ "tenantId": CONTOSO, "userId": person(1) }));
    assert_eq!(employees[0]["references"], json!({ "tickets": 0, "invoices": 0 }));
    assert_eq!((&contacts[0]["portalAccess"], &contacts[0]["location"]), (&json!(true), &json!("Main")));
    for (kind, id) in [("employee", "1"), ("employees", "1")] {
        assert_eq!(bench.run(&["get", kind, id, "-o", "json"]).ends(0).json(), employees[0]);
    }
    let yaml = bench.run(&["get", "employees", "-o", "yaml"]).ends(0).out;
    assert_eq!(serde_yaml::from_str::<Value>(&yaml).expect("YAML"), employees);
    let yaml = bench.run(&["get", "contact", "2", "-o", "yaml"]).ends(0).out;
    assert_eq!(serde_yaml::from_str::<Value>(&yaml).expect("YAML"), contacts[1]);
}

#[test]
fn csv_headers_are_the_names_with_dots_and_an_empty_list_still_has_them() {
    let bench = applied();
    let header = |args: &[&str]| -> Vec<String> {
        let table = bench.run(&[args, &["-o", "csv"]].concat()).ends(0).out;
        table.lines().next().expect("a header").split(',').map(str::to_owned).collect()
    };
    let nested = [
        "source.tenantId",
        "source.userId",
        "references.tickets",
        "references.invoices",
        "archivedFrom.tenantId",
        "archivedFrom.userId",
    ];
    assert_eq!(header(&["get", "employees"]), [&EMPLOYEE[..15], &nested].concat());
    assert_eq!(header(&["get", "contacts"]), [&CONTACT[..13], &nested].concat());
    assert_eq!(header(&["--state", "none", "get", "contacts"]), [&CONTACT[..13], &nested].concat());
    assert_eq!(bench.run(&["--state", "none", "get", "contacts", "-o", "json"]).ends(0).json(), json!([]));
}

#[test]
fn tenants_rules_and_events_are_listed_in_every_format_and_one_by_one() {
    let bench = applied();
    for (kind, one, name) in [("tenants", "fabrikam", "name"), ("rules", "portal", "name"), ("events", "3", "id")] {
        let list = bench.run(&["get", kind, "-o", "json"]).ends(0).json();
        let list = list.as_array().expect("an array");
        let found = bench.run(&["get", kind, one, "-o", "json"]).ends(0).json();
        assert!(list.contains(&found), "{kind}");
        assert_eq!(found[name].to_string().trim_matches('"'), one);
        for format in ["text", "yaml", "csv"] {
            assert!(!bench.run(&["get", kind, "-o", format]).ends(0).out.is_empty(), "{kind} as {format}");
        }
        let yaml: Value = serde_yaml::from_str(&bench.run(&["get", kind, "-o", "yaml"]).out).expect("YAML");
        assert_eq!(yaml.as_array().expect("a list"), list, "{kind}");
    }
    let events = bench.run(&["get", "events", "-o", "json"]).ends(0).json();
    assert_eq!((&events[0]["before"], &events[0]["after"]["id"]), (&json!(null), &json!(1)));
    assert!(
        !bench.run(&["get", "tenants", "-o", "json"]).out.contains("CONTOSO_KEY"),
        "where the secret is is left out"
    );
}

#[test]
fn what_is_not_there_exits_1_and_prints_nothing() {
    let bench = applied();
    for args in
        [["employee", "99"], ["employee", "0"], ["contact", "3"], ["tenant", "nope"], ["rule", "nope"], ["event", "99"]]
    {
        let told = bench.run(&["get", args[0], args[1], "-o", "json"]).ends(1).says(&[args[1]]);
        assert_eq!(told.out, "");
    }
}

#[test]
fn diagnostics_have_their_keys_and_a_text_goes_to_stderr() {
    let bench = Bench::new();
    bench.declare("record: employee\n  employee:", "record: employe\n  employee:");
    let told = bench.run(&["validate", "-o", "json"]).ends(1);
    let value = told.json();
    assert_eq!(keys(&value), ["diagnostics"]);
    let one = &value["diagnostics"][0];
    assert_eq!(keys(one), ["file", "line", "column", "severity", "code", "message", "hint"]);
    assert_eq!((&one["severity"], &one["line"]), (&json!("error"), &json!(30)));
    assert!(one["file"].as_str().expect("a path").ends_with("all.yaml"));
    assert!(one["hint"].as_str().expect("a hint").contains("employee"));
    let told = bench.run(&["validate"]).ends(1).says(&["all.yaml:30:", "record: employe", "employee"]);
    assert_eq!(told.out, "");
    for folder in ["nowhere", "empty"] {
        std::fs::create_dir_all(bench.path("empty")).expect("a folder");
        assert_eq!(bench.run(&["-f", folder, "validate"]).ends(1).out, "");
        assert_eq!(
            bench.run(&["-f", folder, "validate", "-o", "json"]).ends(1).json()["diagnostics"].as_array().map(Vec::len),
            Some(1)
        );
    }
    bench.write("manifests/all.yaml", bench.manifests());
    assert_eq!(bench.run(&["validate"]).ends(0).out, "");
    assert_eq!(bench.run(&["validate", "-o", "json"]).ends(0).json(), json!({ "diagnostics": [] }));
    assert_eq!(bench.control().stats().total(), 0, "validating asks nobody");
}

#[test]
fn the_schemas_are_those_of_the_repository() {
    let bench = Bench::new();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/");
    let kinds = [
        ("Tenant", "tenant"),
        ("MappingRule", "mapping-rule"),
        ("EmployeeDefaults", "employee-defaults"),
        ("SyncPolicy", "sync-policy"),
    ];
    for (kind, file) in kinds {
        let kept = std::fs::read_to_string(format!("{root}{file}.json")).expect("a schema");
        assert_eq!(bench.run(&["schema", kind]).ends(0).out, kept, "{kind}");
    }
    let kept = std::fs::read_to_string(format!("{root}manifest.json")).expect("a schema");
    assert_eq!(bench.run(&["schema"]).ends(0).out, kept);
}

#[test]
fn a_user_is_explained_by_name_email_or_object_id() {
    let bench = applied();
    let by_id = bench.run(&["explain", &person(3), "-o", "json"]).ends(0).json();
    assert_eq!(by_id["user"]["userPrincipalName"], "chloe@contoso.com");
    for name in ["chloe@contoso.com", "CHLOE@Contoso.com", &person(3).to_uppercase()] {
        assert_eq!(bench.run(&["explain", name, "-o", "json"]).ends(0).json(), by_id, "{name}");
    }
    let told = bench.run(&["explain", "nobody@contoso.com"]).ends(1).says(&["nobody@contoso.com", "hint: "]);
    assert_eq!(told.out, "");
    let twin = json!({ "userPrincipalName": "chloe@contoso.com", "givenName": "Chloe", "accountEnabled": true });
    bench.fabrikam().put_user(super::bench::FABRIKAM, &person(77), twin).expect("made");
    let told = bench.run(&["explain", "chloe@contoso.com"]).ends(1);
    let told = told.says(&["several", &person(3), &person(77), CONTOSO, super::bench::FABRIKAM, "object ID"]);
    assert_eq!(told.out, "");
}
