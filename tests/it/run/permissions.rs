//! Permissions that shrink while it runs: what Graph then leaves out in silence is not taken for gone.

use serde_json::{Value, json};

use super::stage::Stage;
use super::world::CONTOSO;

/// The group whose members only `Member.Read.Hidden` shows.
const BOARD: &str = "65b7d2e7-b882-4a80-ba97-10b7a63b8fa4";
/// Nothing but the health of the source holds anything back.
const UNGUARDED: &str = "pollInterval: 1h, guards: { maxDeactivations: 100%, maxArchives: 100% }";
const FULL: [&str; 4] = ["User.Read.All", "Group.Read.All", "Directory.Read.All", "Member.Read.Hidden"];

/// Grants the application these permissions and no others: the next token has them.
fn grant(stage: &Stage, roles: &[&str]) {
    let granted = json!({ "key": CONTOSO.key, "roles": roles });
    stage.control(&CONTOSO).admit(CONTOSO.id, CONTOSO.application(), granted).expect("the tenant is there");
    stage.control(&CONTOSO).forward(3600);
}

/// Six people in the staff, four on the board, and all of them employees.
fn settled(policy: &str) -> Stage {
    let mut stage = Stage::new(&[(&CONTOSO, 10)], &format!("{{ {UNGUARDED}{policy} }}"));
    let members = |numbers: std::ops::RangeInclusive<usize>| numbers.map(|one| CONTOSO.user(one)).collect::<Vec<_>>();
    let control = stage.control(&CONTOSO);
    control.patch_group(CONTOSO.id, CONTOSO.group(), json!({ "members": members(1..=6) })).expect("a group");
    let board = json!({ "displayName": "Board", "securityEnabled": true, "visibility": "HiddenMembership",
                        "members": members(7..=10) });
    control.put_group(CONTOSO.id, BOARD, board).expect("a group");
    grant(&stage, &FULL);
    let rule = CONTOSO.rule("{ department: Board }").replace("contoso-staff", "contoso-board");
    stage.write("manifests/board.yaml", &rule.replace(CONTOSO.group(), BOARD).replace("order: 1", "order: 2"));
    stage.start();
    stage.wait_until("everybody is there", |stage| stage.employees().len() == 10);
    stage.wait_for_rest(&CONTOSO);
    stage
}

fn look(stage: &Stage) {
    assert_eq!(stage.post("/v1/sync", "").status, 202);
}

fn board() -> Vec<String> {
    (7..=10).map(|number| CONTOSO.user(number)).collect()
}

/// The reason and the message of the condition of what is held.
fn clear(stage: &Stage) -> (Value, String) {
    let condition = stage.condition(&CONTOSO, "GuardsClear");
    (condition["reason"].clone(), condition["message"].as_str().unwrap_or_default().to_owned())
}

fn full_reads(stage: &Stage) -> String {
    let text = stage.get("/metrics").body;
    let line = text.lines().find_map(|line| line.strip_prefix("bmsync_full_reads_total{tenant=\"contoso\"} "));
    line.expect("the series").to_owned()
}

#[test]
fn whom_a_lost_permission_hides_is_held_until_it_is_back() {
    let mut stage = settled("");
    grant(&stage, &FULL[..3]);
    look(&stage);
    stage.wait_until("the removals are held", |stage| stage.held_users(&CONTOSO) == board());
    assert_eq!(full_reads(&stage), "2", "what is hidden is known at once, and not a day later");
    assert!(stage.counts("bmsync_held_changes{tenant=\"contoso\",reason=\"PermissionsShrank\"} 4.0"));
    let (reason, message) = clear(&stage);
    assert_eq!(reason, "PermissionsShrank", "{message}");
    for part in
        ["4 changes are held", "no longer has Member.Read.Hidden", "Grant admin consent", "bmsync approve contoso"]
    {
        assert!(message.contains(part), "{message}");
    }
    let plan = stage.post("/v1/plan", "").json();
    assert_eq!((&plan["summary"]["held"], &plan["changes"][0]["held"]), (&json!(4), &json!("PermissionsShrank")));
    assert!(plan["tenants"][0]["message"].as_str().is_some_and(|why| why.contains("Member.Read.Hidden")), "{plan}");

    assert!(stage.stop().is_some_and(|status| status.success()));
    stage.start();
    stage.wait_until("they are still held", |stage| stage.held_users(&CONTOSO) == board());
    stage.patch(&CONTOSO, 1, json!({ "givenName": "Ada" }));
    look(&stage);
    stage.wait_until("the rest goes on", |stage| stage.employee(&CONTOSO, 1)["firstName"] == "Ada");
    assert_eq!((stage.held_users(&CONTOSO), clear(&stage).0), (board(), json!("PermissionsShrank")));

    grant(&stage, &FULL);
    look(&stage);
    stage.wait_until("nothing is held", |stage| stage.held_users(&CONTOSO).is_empty());
    assert_eq!((clear(&stage).0, stage.inactive()), (json!("NothingHeld"), 0));
    stage.control(&CONTOSO).remove_member(CONTOSO.id, BOARD, &CONTOSO.user(10)).expect("a member");
    look(&stage);
    stage.wait_until("who leaves now is believed", |stage| stage.employee(&CONTOSO, 10)["status"] == "inactive");
}

#[test]
fn a_person_may_let_go_whom_a_lost_permission_hides() {
    let stage = settled("");
    grant(&stage, &FULL[..3]);
    look(&stage);
    stage.wait_until("the removals are held", |stage| stage.held_users(&CONTOSO) == board());
    assert_eq!(stage.post("/v1/approve/contoso", "").status, 200);
    stage.wait_until("they are let go", |stage| stage.inactive() == 4);
    assert_eq!(clear(&stage).0, "NothingHeld");
    stage.delete(&CONTOSO, 1);
    look(&stage);
    stage.wait_until("fewer permissions are the usual ones now", |stage| stage.inactive() == 5);
}

#[test]
fn a_lost_permission_that_hides_nobody_holds_nothing() {
    let stage = settled("");
    grant(&stage, &["User.Read.All", "Group.Read.All", "Member.Read.Hidden"]);
    look(&stage);
    stage.wait_until("everything was read with what is left", |stage| full_reads(stage) == "2");
    stage.wait_for_rest(&CONTOSO);
    assert_eq!((clear(&stage).0, stage.inactive()), (json!("NothingHeld"), 0));
    stage.delete(&CONTOSO, 2);
    look(&stage);
    stage.wait_until("who leaves is believed", |stage| stage.inactive() == 1);
}

#[test]
fn what_becomes_blank_with_a_lost_permission_is_held_too() {
    let stage = settled(", disabledAccounts: deactivate");
    let microsoft = json!([{ "signInType": "federated", "issuer": "MicrosoftAccount", "issuerAssignedId": null }]);
    stage.patch(&CONTOSO, 1, json!({ "mail": "adele@home.example", "identities": microsoft }));
    stage.patch(&CONTOSO, 2, json!({ "accountEnabled": false }));
    look(&stage);
    stage.wait_until("both are known", |stage| {
        stage.employee(&CONTOSO, 1)["email"] == "adele@home.example" && stage.inactive() == 1
    });
    grant(&stage, &["User.Read.All", "Group.Read.All", "Member.Read.Hidden"]);
    stage.patch(&CONTOSO, 1, json!({ "identities": [] }));
    stage.patch(&CONTOSO, 2, json!({ "accountEnabled": null }));
    look(&stage);
    stage.wait_until("both are held", |stage| {
        stage.held(&CONTOSO)["changes"].as_array().is_some_and(|all| all.len() == 2)
    });
    let held = stage.held(&CONTOSO);
    let actions: Vec<&Value> = held["changes"].as_array().expect("changes").iter().map(|one| &one["action"]).collect();
    assert_eq!(actions, ["update", "reactivate"], "{held}");
    let (reason, message) = clear(&stage);
    assert_eq!(reason, "PermissionsShrank");
    assert!(message.contains("what is blank may only be hidden: removals and updates wait"), "{message}");
    stage.patch(&CONTOSO, 1, json!({ "identities": microsoft }));
    stage.patch(&CONTOSO, 2, json!({ "accountEnabled": false }));
    grant(&stage, &FULL);
    look(&stage);
    stage.wait_until("nothing is held", |stage| stage.held_users(&CONTOSO).is_empty());
    assert_eq!((stage.employee(&CONTOSO, 1)["email"].clone(), stage.inactive()), (json!("adele@home.example"), 1));
}

#[test]
fn a_token_that_says_nothing_proves_nothing() {
    let stage = settled("");
    stage.control(&CONTOSO).set_fault("opaque-token=always").expect("a fault");
    grant(&stage, &FULL[..3]);
    stage.delete(&CONTOSO, 1);
    look(&stage);
    stage.wait_until("who leaves is believed", |stage| stage.inactive() == 1);
    stage.wait_for_rest(&CONTOSO);
    assert_eq!((full_reads(&stage).as_str(), clear(&stage).0), ("1", json!("NothingHeld")));
    stage.control(&CONTOSO).clear_faults();
    stage.control(&CONTOSO).forward(3600);
    look(&stage);
    stage.wait_until("it is known as soon as a token says it", |stage| stage.held_users(&CONTOSO) == board());
    assert_eq!(stage.inactive(), 1);
}
