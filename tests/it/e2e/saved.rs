//! Saved plans: applied exactly as they were shown, or refused with what moved.

use serde_json::{Value, json};

use bmsync::simulator::Deletion;

use super::bench::{Bench, CONTOSO, FABRIKAM, FAY, actions, person};

/// Something that a hand does to a plan.
type Edit = fn(&mut Value);

fn saved() -> Bench {
    let bench = Bench::new();
    bench.run(&["plan", "--out", "plan.json"]).ends(0);
    bench
}

/// The plan is refused, and nothing was changed.
fn is_stale(bench: &Bench, what: &str) {
    let before = bench.export(".bmsync/state");
    let told = bench.run(&["apply", "plan.json", "--yes"]).ends(1).says(&["stale", what, "hint: "]);
    assert!(!told.out.contains("Applied"), "{told:#?}");
    assert_eq!(bench.export(".bmsync/state"), before);
}

#[test]
fn a_saved_plan_is_what_plan_prints_and_is_applied() {
    let bench = saved();
    let saved: Value = serde_json::from_str(&bench.read("plan.json")).expect("JSON");
    let (_, printed) = bench.plan(&[]);
    assert_eq!(super::bench::timeless(saved), printed);
    let told = bench.run(&["apply", "plan.json", "--yes"]).ends(0);
    assert!(told.out.contains("Applied: 11 created."), "{told:#?}");
    assert_eq!(actions(&bench.plan(&["--detailed-exitcode"]).1), Vec::<String>::new());
    is_stale(&bench, "the BMS state: revision 1 then, 2 now");
}

#[test]
fn it_is_stale_once_the_state_the_directory_or_the_configuration_moved() {
    let bench = saved();
    bench.write("more.jsonl", "{\"kind\":\"account\",\"name\":\"Later\",\"locations\":[\"Main\"]}\n");
    bench.run(&["import", "more.jsonl"]).ends(0);
    is_stale(&bench, "the BMS state: revision 1 then, 2 now");
    let bench = saved();
    bench.control().patch_user(CONTOSO, &person(2), json!({ "mobilePhone": "1" })).expect("changed");
    is_stale(&bench, "the directory of tenant contoso");
    let bench = saved();
    bench.control().delete_user(CONTOSO, &person(2), Deletion::Hard).expect("deleted");
    is_stale(&bench, "the directory of tenant contoso");
    let bench = saved();
    bench.declare("order: 20", "order: 21");
    is_stale(&bench, "the configuration: ");
    let bench = saved();
    bench.policy("{ drift: enforce }");
    is_stale(&bench, "the configuration: ");
    let bench = saved();
    bench.fault("sign-in=always");
    is_stale(&bench, "tenant contoso: complete then, failed now");
}

#[test]
fn layout_and_comments_of_manifests_make_no_plan_stale() {
    let bench = saved();
    let manifests = bench.manifests();
    let mut documents: Vec<&str> = manifests.split("---\n").collect();
    documents.reverse();
    std::fs::remove_file(bench.path("manifests/all.yaml")).expect("removed");
    bench.write("manifests/deep/er/turned.yml", format!("# turned\n{}", documents.join("---\n")));
    bench.run(&["apply", "plan.json", "--yes"]).ends(0);
}

#[test]
fn a_plan_edited_by_hand_is_refused() {
    let bench = saved();
    let whole = bench.read("plan.json");
    let edits: [(&str, Edit); 8] = [
        ("a field", |plan| plan["changes"][0]["fields"][3]["after"] = json!("Mallory")),
        ("a reason", |plan| plan["changes"][0]["reason"] = json!("because")),
        ("a change less", |plan| drop(plan["changes"].as_array_mut().map(|changes| changes.remove(0)))),
        ("no changes", |plan| plan["changes"] = json!([])),
        ("another user", |plan| plan["changes"][0]["user"]["id"] = json!(FAY)),
        ("the summary", |plan| plan["summary"]["create"] = json!(1)),
        ("a guard", |plan| plan["changes"][0]["held"] = json!("maxCreates")),
        ("the tenants", |plan| drop(plan["tenants"].as_array_mut().map(|tenants| tenants.remove(0)))),
    ];
    for (what, edit) in edits {
        let mut plan: Value = serde_json::from_str(&whole).expect("JSON");
        edit(&mut plan);
        // As it was laid out, and as an editor would lay it out.
        for text in [serde_json::to_string(&plan), serde_json::to_string_pretty(&plan)] {
            bench.write("plan.json", text.expect("JSON"));
            let told = bench.run(&["apply", "plan.json", "--yes"]);
            assert_eq!(told.code, 1, "{what}: {told:#?}");
        }
    }
    bench.write("plan.json", whole.replace("\"create\": 11", "\"create\": 1"));
    is_stale(&bench, "the summary");
    bench.write("plan.json", whole.replace("\"after\":\"Adele\"", "\"after\":\"Mallory\""));
    is_stale(&bench, "the plan's changes");
    let plan: Value = serde_json::from_str(&whole).expect("JSON");
    bench.write("plan.json", serde_json::to_string_pretty(&plan).expect("JSON"));
    bench.run(&["apply", "plan.json", "--yes"]).ends(0);
}

#[test]
fn what_is_no_plan_is_refused_with_a_reason() {
    let bench = saved();
    let whole = bench.read("plan.json");
    let version = whole.replacen("\"formatVersion\": \"1\"", "\"formatVersion\": \"2\"", 1);
    for (text, what) in [
        ("", "not JSON"),
        ("{}", "formatVersion"),
        ("[]", "formatVersion"),
        (&whole[..whole.len() / 2], "not JSON"),
        (version.as_str(), "formatVersion \"2\""),
        ("{\"formatVersion\":\"1\"}", "not a whole plan"),
    ] {
        bench.write("plan.json", text);
        bench.run(&["apply", "plan.json", "--yes"]).ends(1).says(&["cannot ", what]);
    }
    bench.run(&["apply", "missing.json", "--yes"]).ends(1).says(&["missing.json"]);
    bench.run(&["apply", "manifests", "--yes"]).ends(1).says(&["manifests"]);
}

#[test]
fn a_plan_of_one_tenant_is_applied_to_that_one_alone() {
    let bench = Bench::new();
    bench.run(&["plan", "--tenant", "fabrikam", "--out", "plan.json"]).ends(0);
    bench.control().patch_user(CONTOSO, &person(2), json!({ "surname": "Holm" })).expect("changed");
    let told = bench.run(&["apply", "plan.json", "--yes"]).ends(0);
    assert!(told.out.contains("Applied: 1 created."), "{told:#?}");
    let exported = bench.export(".bmsync/state");
    assert!(exported.contains(FABRIKAM) && !exported.contains(CONTOSO));
}
