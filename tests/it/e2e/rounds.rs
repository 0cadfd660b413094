//! `plan` and `apply`: exit codes and the gravest of them, asking, holding, blocking, one tenant, drift.

use serde_json::json;

use bmsync::simulator::Deletion;

use super::bench::{Bench, CONTOSO, FABRIKAM, FAY, PORTAL, TECHNICIANS, actions, person};

/// Twelve technicians more, then all of those are gone: more than a guard lets through.
fn with_a_held_round() -> Bench {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    for number in 1..=6 {
        bench.control().delete_user(CONTOSO, &person(number), Deletion::Soft).expect("deleted");
    }
    bench
}

#[test]
fn plan_exits_0_whatever_it_finds_unless_the_detailed_code_is_asked_for() {
    let bench = Bench::new();
    bench.run(&["plan"]).ends(0);
    bench.run(&["plan", "--detailed-exitcode"]).ends(2);
    bench.run(&["apply", "--yes"]).ends(0);
    bench.run(&["plan", "--detailed-exitcode"]).ends(0);
    assert_eq!(bench.plan(&[]).1["summary"]["touched"], 0);
}

#[test]
fn a_held_or_blocked_change_exits_3_before_2_and_a_failed_tenant_1_before_3() {
    let bench = with_a_held_round();
    bench.run(&["plan"]).ends(0);
    bench.run(&["plan", "--detailed-exitcode"]).ends(3);
    bench.fabrikam().set_fault("sign-in=always").expect("a fault");
    bench.run(&["plan"]).ends(1);
    bench.run(&["plan", "--detailed-exitcode"]).ends(1);
    bench.run(&["apply", "--yes"]).ends(1);
    bench.fabrikam().clear_faults();
    let bench = Bench::new();
    bench.declare("account: Northwind", "account: northwind");
    let plan = bench.run(&["plan", "--detailed-exitcode", "-o", "json"]).ends(3).json();
    assert_eq!(plan["summary"]["blocked"], 2);
    let codes: Vec<_> = plan["blocked"].as_array().expect("a list").iter().map(|one| &one["code"]).collect();
    assert_eq!(codes, ["AccountNotFound", "AccountNotFound"]);
    assert_eq!(plan["blocked"][0]["candidates"], json!([]));
    bench.run(&["apply", "--yes"]).ends(3);
}

#[test]
fn touched_alone_is_no_change() {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    bench.control().patch_user(CONTOSO, &person(2), json!({ "mobilePhone": "+1 5" })).expect("changed");
    let plan = bench.run(&["plan", "--detailed-exitcode", "-o", "json"]).ends(0).json();
    assert_eq!(plan["summary"]["touched"], 1);
    bench.run(&["apply"]).ends(0);
    assert_eq!(bench.plan(&[]).1["summary"]["touched"], 0);
}

#[test]
fn apply_asks_and_without_a_terminal_and_without_yes_exits_1() {
    let bench = Bench::new();
    let told = bench.run(&["apply"]).ends(1).says(&["error: ", "--yes"]);
    assert!(told.out.contains("Plan: 11 to create"), "the plan is shown before it asks");
    assert!(!bench.export(".bmsync/state").contains("employee"));
    let bench = Bench::new();
    bench.run(&["plan", "--out", "plan.json"]).ends(0);
    bench.run(&["apply", "plan.json"]).ends(1);
    assert!(!bench.export(".bmsync/state").contains("employee"));
}

#[test]
fn what_is_held_is_shown_not_applied_and_applied_when_it_is_approved() {
    let bench = with_a_held_round();
    bench.control().patch_user(CONTOSO, &person(7), json!({ "surname": "Holm" })).expect("changed");
    let (_, plan) = bench.plan(&[]);
    assert_eq!((&plan["summary"]["held"], &plan["summary"]["deactivate"]), (&json!(6), &json!(0)));
    assert_eq!(plan["summary"]["update"], 1);
    assert_eq!(plan["changes"][0]["held"], "maxDeactivations");
    assert!(bench.run(&["apply", "--yes"]).ends(3).out.contains("Applied: 1 updated."));
    let active = |bench: &Bench| bench.export(".bmsync/state").matches("\"active\"").count();
    assert_eq!(active(&bench), 11);
    bench.run(&["plan", "--out", "plan.json"]).ends(0);
    bench.run(&["apply", "--approve-held"]).ends(1);
    assert_eq!(active(&bench), 11, "approving does not mean not asking");
    assert!(bench.run(&["apply", "plan.json", "--yes", "--approve-held"]).ends(0).out.contains("6 deactivated"));
    assert_eq!(active(&bench), 5);
    bench.run(&["plan", "--detailed-exitcode"]).ends(0);
}

#[test]
fn a_broken_rule_holds_back_what_removes_and_nothing_else() {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    let control = bench.control();
    control.delete_user(CONTOSO, &person(1), Deletion::Soft).expect("deleted");
    control.patch_user(CONTOSO, &person(2), json!({ "surname": "Holm" })).expect("changed");
    control.patch_group(CONTOSO, PORTAL, json!({ "securityEnabled": false })).expect("changed");
    let (_, plan) = bench.plan(&[]);
    assert_eq!(actions(&plan), ["deactivate 1", "update 2", "deactivate 9", "deactivate 10"]);
    let held: Vec<_> = plan["changes"].as_array().expect("a list").iter().map(|change| &change["held"]).collect();
    assert_eq!(held, [&json!("RuleBroken"), &json!(null), &json!("RuleBroken"), &json!("RuleBroken")]);
    bench.run(&["apply", "--yes"]).ends(3);
    bench.run(&["apply", "--yes", "--approve-held"]).ends(0);
}

#[test]
fn one_tenant_by_name_and_an_unknown_one_exits_1() {
    let bench = Bench::new();
    let (code, plan) = bench.plan(&["--tenant", "fabrikam"]);
    assert_eq!((code, actions(&plan)), (0, vec!["create 1".to_owned()]));
    assert_eq!(plan["changes"][0]["user"]["id"], FAY);
    assert_eq!(bench.control().stats().total(), 0, "the other directory is not asked");
    for verb in [&["plan"][..], &["apply", "--yes"]] {
        let told = bench.run(&[verb, &["--tenant", "fabrikan"]].concat()).ends(1).says(&["fabrikan", "fabrikam"]);
        assert_eq!(told.out, "");
    }
}

#[test]
fn a_change_of_kind_is_two_entries_archive_first_and_back_again_restores() {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    let control = bench.control();
    control.remove_member(CONTOSO, TECHNICIANS, &person(3)).expect("removed");
    control.add_member(CONTOSO, PORTAL, &person(3)).expect("added");
    let (_, plan) = bench.plan(&[]);
    assert_eq!(actions(&plan), ["archive 3", "create 3"]);
    assert_eq!(
        plan["changes"][0]["fields"][0],
        json!({"name":"status","before":"active","after":"archived","from":"directory"})
    );
    bench.run(&["apply", "--yes"]).ends(0);
    let archived = bench.run(&["get", "employee", "3", "-o", "json"]).ends(0).json();
    assert_eq!(
        (&archived["username"], &archived["email"]),
        (&json!("chloe_Archived"), &json!("chloe@contoso.com_Archived"))
    );
    assert_eq!((&archived["source"], &archived["archivedFrom"]["userId"]), (&json!(null), &json!(person(3))));
    bench.run(&["plan", "--detailed-exitcode"]).ends(0);
    control.remove_member(CONTOSO, PORTAL, &person(3)).expect("removed");
    control.add_member(CONTOSO, TECHNICIANS, &person(3)).expect("added");
    assert_eq!(actions(&bench.plan(&[]).1), ["archive 3", "restore 3"]);
    bench.run(&["apply", "--yes"]).ends(0);
    let restored = bench.run(&["get", "employee", "3", "-o", "json"]).ends(0).json();
    assert_eq!(
        (&restored["status"], &restored["username"], &restored["archivedFrom"]),
        (&json!("active"), &json!("chloe"), &json!(null))
    );
    bench.run(&["plan", "--detailed-exitcode"]).ends(0);
}

#[test]
fn gone_and_back_keeps_the_id() {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    bench.control().delete_user(CONTOSO, &person(3), Deletion::Soft).expect("deleted");
    let (_, plan) = bench.plan(&[]);
    assert_eq!(
        (actions(&plan), &plan["changes"][0]["user"]["userPrincipalName"]),
        (vec!["deactivate 3".to_owned()], &json!("chloe@contoso.com"))
    );
    assert_eq!(plan["changes"][0]["rule"], json!(null));
    bench.run(&["apply", "--yes"]).ends(0);
    bench.run(&["plan", "--detailed-exitcode"]).ends(0);
    bench.control().restore_user(CONTOSO, &person(3)).expect("restored");
    let (_, plan) = bench.plan(&[]);
    assert_eq!((actions(&plan), &plan["changes"][0]["id"]), (vec!["reactivate 3".to_owned()], &json!(3)));
    bench.run(&["apply", "--yes"]).ends(0);
    bench.run(&["plan", "--detailed-exitcode"]).ends(0);
}

#[test]
fn a_local_edit_is_listed_as_preserved_until_the_person_changes() {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    bench.write("edit.jsonl", "{\"kind\":\"employee\",\"id\":2,\"phone\":\"555\"}\n");
    bench.run(&["import", "edit.jsonl"]).ends(0);
    let plan = bench.run(&["plan", "--detailed-exitcode", "-o", "json"]).ends(0).json();
    let preserved = &plan["preserved"][0];
    assert_eq!(
        (&preserved["kind"], &preserved["id"], &preserved["user"]["id"]),
        (&json!("employee"), &json!(2), &json!(person(2)))
    );
    assert_eq!(preserved["fields"], json!([{ "name": "phone", "actual": "555", "desired": "+1 425 555 0102" }]));
    assert_eq!((&plan["summary"]["preserved"], &plan["summary"]["unchanged"]), (&json!(1), &json!(10)));
    bench.control().patch_user(CONTOSO, &person(2), json!({ "officeLocation": "7/2" })).expect("changed");
    assert_eq!(actions(&bench.plan(&[]).1), ["update 2"]);
    bench.run(&["apply", "--yes"]).ends(0);
    assert_eq!(bench.run(&["get", "employee", "2", "-o", "json"]).json()["phone"], "+1 425 555 0102");
}

#[test]
fn records_of_a_tenant_that_is_no_longer_declared_are_left_alone() {
    let bench = Bench::new();
    bench.run(&["apply", "--yes"]).ends(0);
    let before = bench.export(".bmsync/state");
    let manifests = bench.manifests();
    let kept: Vec<&str> = manifests.split("---\n").filter(|document| !document.contains(CONTOSO)).collect();
    bench.write("manifests/all.yaml", kept.join("---\n"));
    let plan = bench.run(&["plan", "--detailed-exitcode", "-o", "json"]).ends(0).json();
    let tenant = |at: usize| (plan["tenants"][at]["name"].clone(), plan["tenants"][at]["state"].clone());
    assert_eq!(tenant(0), (json!(null), json!("undeclared")));
    assert_eq!(
        (tenant(1), &plan["tenants"][1]["tenantId"]),
        ((json!("fabrikam"), json!("complete")), &json!(FABRIKAM))
    );
    bench.run(&["apply", "--yes"]).ends(0);
    assert_eq!(bench.export(".bmsync/state"), before);
}

#[test]
fn a_suspended_tenant_is_neither_read_nor_planned() {
    let bench = Bench::new();
    bench.declare("signIn: application\n", "signIn: application\n  suspend: true\n");
    let (code, plan) = bench.plan(&[]);
    assert_eq!((code, actions(&plan)), (0, vec!["create 1".to_owned()]));
    assert_eq!(plan["tenants"][0]["state"], "suspended");
    assert_eq!(bench.control().stats().total(), 0);
}
