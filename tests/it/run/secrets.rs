//! A tenant whose secret is wrong: whose job it is stands in its conditions, nobody is asked in vain, and a secret that is
//! replaced is taken up at once.

use serde_json::Value;

use super::stage::Stage;
use super::world::CONTOSO;

/// The manifest with the key in a file.
fn in_a_file(stage: &Stage) -> String {
    let manifest = stage.read("manifests/contoso.yaml");
    let variable = format!("{{ env: {} }}", CONTOSO.variable);
    assert!(manifest.contains(&variable));
    manifest.replace(&variable, "{ file: key }")
}

#[test]
fn a_wrong_secret_waits_for_the_operator_and_its_replacement_ends_the_waiting() {
    let mut stage = Stage::new(&[(&CONTOSO, 3)], "{ pollInterval: 1h, reconnect: { failures: 1, after: 1h } }");
    stage.write("manifests/contoso.yaml", &in_a_file(&stage));
    stage.write("key", "no-longer-the-key");
    stage.start_told();
    let refused = |stage: &Stage| stage.condition(&CONTOSO, "Connected")["reason"] == "OperatorMustAct";
    stage.wait_until("the operator must act", refused);
    let connected = stage.condition(&CONTOSO, "Connected");
    assert_eq!(connected["status"], "False");
    let said = connected["message"].as_str().expect("a text");
    assert!(said.contains("AADSTS7000215") && said.contains("the file key") && !said.contains("no-longer"), "{said}");
    let table = stage.output(&["get", "tenants", "--server", &format!("http://{}", stage.address())]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("Connected=False (OperatorMustAct)"), "{table:?}");

    stage.wait_for_rest(&CONTOSO);
    stage.write("key", CONTOSO.key);
    stage.wait_until("the new key is taken", |stage| stage.employees().len() == 3);
    assert_eq!(stage.condition(&CONTOSO, "Connected")["status"], "True");

    // Another process looks at the same state and at the webhook of this one.
    let public = format!("http://{}", stage.address());
    let told = stage.output(&["doctor", "-o", "json", "--public-url", &public]);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    let checks: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let status = |check: &str| {
        let checks = checks["checks"].as_array().expect("checks");
        let found = checks.iter().find(|one| one["check"] == check);
        found.unwrap_or_else(|| panic!("no {check}: {checks:#?}"))["status"].clone()
    };
    assert_eq!(
        (status("state"), status("public-url"), status("sign-in")),
        ("warning".into(), "ok".into(), "ok".into())
    );
}
