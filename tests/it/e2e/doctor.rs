//! `bmsync doctor` and `bmsync tenant-id`: what is in order, what is wrong and what to do, with nothing changed by looking.

use serde_json::{Value, json};

use super::bench::{Bench, CONTOSO, CONTOSO_KEY, Told, copy};

/// The findings of a check of a tenant.
fn findings(told: &Told, tenant: &str, check: &str) -> Vec<Value> {
    let all = told.json();
    let all = all["checks"].as_array().expect("checks").clone();
    let tenant = if tenant.is_empty() { Value::Null } else { tenant.into() };
    let found: Vec<Value> =
        all.iter().filter(|one| one["tenant"] == tenant && one["check"] == check).cloned().collect();
    assert!(!found.is_empty(), "no {check} of {tenant} in {all:#?}");
    found
}

/// Where Contoso's simulator is.
fn url(bench: &Bench) -> String {
    let manifests = bench.manifests();
    manifests.split("login: \"").nth(1).and_then(|rest| rest.split('"').next()).expect("an address").to_owned()
}

fn status(told: &Told, tenant: &str, check: &str) -> String {
    let found = findings(told, tenant, check);
    assert_eq!(found.len(), 1, "{found:#?}");
    found[0]["status"].as_str().expect("a word").to_owned()
}

/// What a failed check says, and its next step.
#[track_caller]
fn assert_fails(told: &Told, check: &str, said: &str, next: &str, job: &str) {
    let found = findings(told, "contoso", check);
    let failed = found.iter().find(|one| one["status"] == "failed").unwrap_or_else(|| panic!("{check}: {found:#?}"));
    let text = |key: &str| failed[key].as_str().unwrap_or_default().to_owned();
    assert!(text("message").contains(said), "{failed:#}");
    assert!(text("hint").contains(next), "{failed:#}");
    assert_eq!(text("job"), job, "{failed:#}");
}

#[test]
fn a_tenant_that_is_well_has_every_check_in_order_and_nothing_is_changed() {
    let bench = Bench::new();
    copy(&bench.path(".bmsync"), &bench.path("before"));
    let told = bench.run(&["doctor", "-o", "json"]).ends(0);
    for tenant in ["contoso", "fabrikam"] {
        for check in ["secret", "login", "graph", "clock", "tenant-id", "sign-in", "read-users", "read-groups"] {
            assert_eq!(status(&told, tenant, check), "ok", "{check} of {tenant}: {told:#?}");
        }
    }
    assert_eq!(findings(&told, "contoso", "groups").len(), 2);
    assert_eq!(status(&told, "contoso", "accounts"), "ok");
    for check in ["manifests", "state", "disk"] {
        assert_eq!(status(&told, "", check), "ok", "{told:#?}");
    }
    assert_eq!(told.json()["summary"]["failed"], 0);
    assert!(!told.out.contains(CONTOSO_KEY) && !told.err.contains(CONTOSO_KEY));
    assert_eq!(bench.export(".bmsync/state"), bench.export("before/state"));
    let one = bench.run(&["doctor", "fabrikam", "-o", "json"]).ends(0).json();
    assert!(one["checks"].as_array().expect("checks").iter().all(|check| check["tenant"] != "contoso"), "{one:#}");

    let text = bench.run(&["doctor"]).ends(0);
    assert!(text.out.contains("\ncontoso\n  ✓ secret") && text.out.contains(" 0 wrong"), "{}", text.out);
    bench.run(&["doctor", "nobody"]).ends(1).says(&["nobody", "contoso, fabrikam"]);
}

#[test]
fn what_is_wrong_is_found_by_its_own_check_with_the_next_step() {
    let bench = Bench::new();
    let look = || bench.run(&["doctor", "contoso", "-o", "json"]).ends(1);
    for (from, to, check, said, next, job) in [
        ("CONTOSO_KEY }", "CONTOSO_NO_KEY }", "secret", "CONTOSO_NO_KEY is not set", "applicationKey", "operator"),
        ("CONTOSO_KEY }", "FABRIKAM_KEY }", "sign-in", "AADSTS7000215", "Certificates & secrets", "operator"),
        ("-000000000001", "-0000000000ff", "sign-in", "AADSTS700016", "adminconsent?client_id", "tenantAdmin"),
        ("contoso.onmicrosoft.com", "contosso.example", "tenant-id", "no tenant has the domain", "--cloud", "operator"),
        ("63b8fa4", "63b8fff", "groups", "there is no group 45b7d2e7", "Object ID", "operator"),
        ("account: Northwind", "account: Nordwind", "accounts", "no account `Nordwind`", "import", "operator"),
        ("account: Northwind", "account: Northwind, location: Attic", "accounts", "`Attic`", "import", "operator"),
    ] {
        bench.declare(from, to);
        assert_fails(&look(), check, said, next, job);
    }
    let other = "84841066-274d-4ec0-a5c1-276be684bdff";
    bench.write("manifests/all.yaml", bench.manifests().replace(CONTOSO, other));
    assert_fails(&look(), "tenant-id", CONTOSO, "correct `tenantId`", "operator");
    bench.write("manifests/all.yaml", bench.manifests());

    bench.fault("no-roles=always@users");
    assert_fails(&look(), "read-users", "permission denied", "User.Read.All", "tenantAdmin");
    bench.control().clear_faults();
    bench.fault("no-roles=always@groups");
    let told = look();
    assert_fails(&told, "read-groups", "permission denied", "Group.Read.All", "tenantAdmin");
    assert_eq!(status(&told, "contoso", "groups"), "skipped");
    bench.control().clear_faults();

    let known = url(&bench);
    bench.write("manifests/all.yaml", bench.manifests().replacen(&known, "http://127.0.0.1:9", 2));
    let told = look();
    assert_fails(&told, "login", "cannot be reached", "network", "operator");
    assert_eq!(status(&told, "contoso", "sign-in"), "skipped");
}

#[test]
fn groups_that_grant_nothing_and_states_in_use_are_seen() {
    let bench = Bench::new();
    let group = json!({ "displayName": "Technicians", "securityEnabled": false });
    bench.control().patch_group(CONTOSO, super::bench::TECHNICIANS, group).expect("changed");
    let told = bench.run(&["doctor", "contoso", "-o", "json"]).ends(1);
    assert_fails(&told, "groups", "is no security group (rule technicians)", "Object ID", "operator");

    bench.write("manifests/all.yaml", "kind: Tenant\n");
    let told = bench.run(&["doctor", "-o", "json"]).ends(1);
    assert_eq!(status(&told, "", "manifests"), "failed");
    bench.write("file", "no state");
    let told = bench.run(&["doctor", "-o", "json", "--state", "file"]).ends(1);
    assert_eq!(status(&told, "", "state"), "failed");
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_can_read_is_worth_a_look() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    bench.write("key", CONTOSO_KEY);
    bench.declare("{ env: CONTOSO_KEY }", "{ file: key }");
    for (mode, expected) in [(0o644, "warning"), (0o600, "ok")] {
        std::fs::set_permissions(bench.path("key"), std::fs::Permissions::from_mode(mode)).expect("a mode");
        let told = bench.run(&["doctor", "contoso", "-o", "json"]).ends(0);
        assert_eq!(status(&told, "contoso", "secret"), expected, "{told:#?}");
    }
}

#[test]
fn the_webhook_is_asked_as_graph_asks_it() {
    let bench = Bench::new();
    let url = url(&bench);
    let told = bench.run(&["doctor", "-o", "json", "--public-url", &url]).ends(1);
    let found = &findings(&told, "", "public-url")[0];
    assert_eq!((&found["status"], &found["job"]), (&json!("failed"), &json!("operator")), "{found:#}");
}

#[test]
fn the_tenant_of_a_domain_is_found_without_signing_in() {
    let bench = Bench::new();
    let url = url(&bench);
    let ask = |rest: &[&str]| bench.run(&[&["tenant-id", "--login", &url], rest].concat());
    let told = ask(&["Contoso.onmicrosoft.com"]).ends(0);
    assert_eq!(told.out, format!("{CONTOSO}\n"));
    let told = ask(&["contoso.onmicrosoft.com", "-o", "json"]).ends(0).json();
    let expected = json!({ "domain": "contoso.onmicrosoft.com", "tenantId": CONTOSO, "cloud": "global" });
    assert_eq!(told, expected);
    ask(&["nobody.example"]).ends(1).says(&["no tenant has the domain nobody.example", "--cloud"]);
    ask(&["common"]).ends(1);
    bench.run(&["tenant-id", "x.example", "--login", "http://example.com"]).ends(1).says(&["https"]);
    bench.run(&["tenant-id", "x.example", "--cloud", "mars"]).ends(64);
}
