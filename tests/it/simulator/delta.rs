//! Delta rounds: pages, links, what is told of objects and memberships, removal and restore.

use bmsync::simulator::{Deletion, Options, World};
use serde_json::json;

use super::client::{OTHER_TENANT, Sim, TENANT, set};

#[tokio::test]
async fn an_initial_round_tells_everything_that_exists() {
    let sim = Sim::small().await;
    let users = sim.users().await;
    assert_eq!(users.pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(users.ids(), ["u1", "u2", "u3", "u5"]);
    // cleared is null, never set is absent, not selected does not come
    let adele = json!({ "id": "u1", "userPrincipalName": "adele@contoso.com", "givenName": "Adele", "jobTitle": "Engineer",
        "mail": null });
    assert_eq!(users.object("u1"), &adele);
    assert_eq!(users.object("u2"), &json!({ "id": "u2", "userPrincipalName": "ben@contoso.com", "givenName": "Ben" }));
}

#[tokio::test]
async fn the_default_set_needs_no_select() {
    let sim = Sim::small().await;
    let users = sim.round("/v1.0/users/microsoft.graph.delta()").await;
    assert_eq!(users.object("u2").get("department"), None);
    assert_eq!(users.object("u2")["givenName"], "Ben");
    let groups = sim.round("/v1.0/groups/microsoft.graph.delta").await;
    assert_eq!(groups.object("g1")["createdDateTime"], "2023-02-14T07:30:11Z");
    assert_eq!(groups.members("g2").0, set(["g1", "u3"]));
}

#[tokio::test]
async fn large_groups_come_in_slices_with_others_between() {
    let sim = Sim::small().await;
    let groups = sim.groups().await;
    assert_eq!(groups.ids(), ["g1", "g2", "g3", "g4", "g1", "g1"]);
    assert_eq!(groups.members("g1").0, set(["u1", "u2", "u4", "g2", "d1"]));
    assert_eq!(groups.object("g3").get("members@delta"), None, "an empty group has no members@delta");
    let device = groups.object("g1")["members@delta"].as_array().unwrap().last().unwrap();
    assert_eq!(device, &json!({ "@odata.type": "#microsoft.graph.device", "id": "d1" }));
}

#[tokio::test]
async fn a_later_round_tells_only_what_the_selection_tracks() {
    let sim = Sim::small().await;
    let (first, control) = (sim.users().await, sim.running.control());
    let quiet = sim.round(&first.delta).await;
    assert_eq!((quiet.pages.len(), quiet.ids().len()), (1, 0));
    assert_ne!(quiet.delta, first.delta);
    control.patch_user(TENANT, "u2", json!({ "department": "Legal" })).unwrap();
    assert!(sim.round(&quiet.delta).await.ids().is_empty(), "department is not selected");
    control.patch_user(TENANT, "u1", json!({ "jobTitle": null, "givenName": "Adèle" })).unwrap();
    control.put_user(TENANT, "u9", json!({ "userPrincipalName": "new@contoso.com" })).unwrap();
    let round = sim.round(&quiet.delta).await;
    assert_eq!(round.ids(), ["u1", "u9"]);
    assert_eq!(round.object("u1")["jobTitle"], json!(null));
    assert_eq!(round.object("u1")["givenName"], "Adèle");
    // the same link again tells the same: tokens are not used up
    assert_eq!(sim.round(&quiet.delta).await.ids(), ["u1", "u9"]);
    assert!(sim.round(&round.delta).await.ids().is_empty());
}

#[tokio::test]
async fn deleted_restored_and_purged() {
    let sim = Sim::small().await;
    let (first, control) = (sim.users().await, sim.running.control());
    control.delete_user(TENANT, "u1", Deletion::Soft).unwrap();
    let soft = sim.round(&first.delta).await;
    assert_eq!(soft.object("u1"), &json!({ "id": "u1", "@removed": { "reason": "changed" } }));
    assert_eq!(sim.get("/v1.0/users/u1").await.status, 404);
    control.restore_user(TENANT, "u1").unwrap();
    let restored = sim.round(&soft.delta).await;
    assert_eq!(restored.object("u1")["userPrincipalName"], "adele@contoso.com");
    control.delete_user(TENANT, "u1", Deletion::Soft).unwrap();
    let again = sim.round(&restored.delta).await;
    control.delete_user(TENANT, "u1", Deletion::Hard).unwrap();
    let purged = sim.round(&again.delta).await;
    assert_eq!(purged.object("u1"), &json!({ "id": "u1", "@removed": { "reason": "deleted" } }));
    assert!(control.restore_user(TENANT, "u1").is_err(), "a purged user cannot be restored");
}

#[tokio::test]
async fn memberships_change_and_outlive_a_soft_deletion() {
    let sim = Sim::small().await;
    let (first, control) = (sim.groups().await, sim.running.control());
    control.delete_user(TENANT, "u1", Deletion::Soft).unwrap();
    control.restore_user(TENANT, "u1").unwrap();
    let quiet = sim.round(&first.delta).await;
    assert!(quiet.ids().is_empty(), "neither tells a membership");
    control.add_member(TENANT, "g3", "u2").unwrap();
    control.remove_member(TENANT, "g1", "u2").unwrap();
    control.remove_member(TENANT, "g2", "u3").unwrap();
    control.add_member(TENANT, "g2", "u3").unwrap();
    let round = sim.round(&quiet.delta).await;
    assert_eq!(round.members("g3"), (set(["u2"]), set([])));
    assert_eq!(round.members("g1"), (set([]), set(["u2"])));
    assert_eq!(round.members("g2"), (set(["u3"]), set([])), "only where it ended up");
    control.delete_user(TENANT, "u1", Deletion::Hard).unwrap();
    let purged = sim.round(&round.delta).await;
    assert_eq!(purged.members("g1"), (set([]), set(["u1"])));
}

#[tokio::test]
async fn groups_are_deleted_and_restored_with_their_members() {
    let sim = Sim::small().await;
    let (first, control) = (sim.groups().await, sim.running.control());
    control.delete_group(TENANT, "g2", Deletion::Soft).unwrap();
    control.delete_group(TENANT, "g4", Deletion::Soft).unwrap();
    let gone = sim.round(&first.delta).await;
    assert_eq!(gone.object("g2")["@removed"]["reason"], "changed");
    assert_eq!(gone.object("g4")["@removed"]["reason"], "deleted", "a distribution group is gone at once");
    control.restore_group(TENANT, "g2").unwrap();
    let back = sim.round(&gone.delta).await;
    assert_eq!(back.members("g2").0, set(["g1", "u3"]));
    assert_eq!(back.object("g2")["displayName"], "night shift");
    control.patch_group(TENANT, "g2", json!({ "displayName": "late shift", "members": ["u5"] })).unwrap();
    let patched = sim.round(&back.delta).await;
    assert_eq!(patched.object("g2")["displayName"], "late shift");
    assert_eq!(patched.members("g2"), (set(["u5"]), set(["g1", "u3"])));
}

#[tokio::test]
async fn what_changes_during_a_round_belongs_to_the_next() {
    let sim = Sim::small().await;
    let page = sim.get("/v1.0/users/delta?$select=givenName").await;
    assert_eq!(page.ids(), ["u1", "u2"]);
    sim.running.control().patch_user(TENANT, "u1", json!({ "givenName": "Ada" })).unwrap();
    let rest = sim.round(&page.link("next").unwrap()).await;
    assert_eq!(rest.ids(), ["u3", "u5"]);
    assert_eq!(sim.round(&rest.delta).await.object("u1")["givenName"], "Ada");
}

#[tokio::test]
async fn the_latest_token_begins_now() {
    let sim = Sim::small().await;
    let latest = sim.round("/v1.0/users/delta?$deltatoken=latest&$select=givenName").await;
    assert!(latest.ids().is_empty());
    sim.running.control().patch_user(TENANT, "u5", json!({ "givenName": "Eva" })).unwrap();
    assert_eq!(sim.round(&latest.delta).await.ids(), ["u5"]);
}

#[tokio::test]
async fn links_are_followed_as_they_are_by_their_own_tenant() {
    let mut sim = Sim::small().await;
    let first = sim.get("/v1.0/users/delta?$select=givenName").await;
    let next = first.link("next").unwrap();
    assert!(next.starts_with(&sim.running.url()), "{next}");
    assert_eq!(sim.get(&next.replace("$skiptoken", "$skipToken")).await.status, 200, "in any case");
    assert_eq!(sim.get(&format!("{next}&$select=givenName")).await.status, 400);
    assert_eq!(sim.get("/v1.0/users/delta?$deltatoken=nonsense").await.status, 400);
    let unknown = sim.get("/v1.0/users/delta?$deltatoken=00000000000000aa").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (400, "syncStateNotFound"));
    let delta = sim.users().await.delta;
    assert_eq!(sim.get(&delta.replace("/users/", "/groups/")).await.status, 400);
    sim.token = sim.sign_in(OTHER_TENANT, "any", "any").await;
    assert_eq!(sim.get(&next).await.status, 400, "another tenant's link");
    assert_eq!(sim.get(&delta).await.status, 400, "another tenant's link");
    assert_eq!(sim.users().await.ids(), ["n1"]);
}

#[tokio::test]
async fn options_that_graph_refuses() {
    let sim = Sim::small().await;
    let unknown = sim.get("/v1.0/users/delta?$select=nickname").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (400, "Request_BadRequest"));
    let outside = sim.get("/v1.0/users/delta?$select=signInActivity").await;
    assert_eq!((outside.status, outside.code().as_str()), (501, "NotImplemented"));
    let filter = sim.get("/v1.0/groups/delta?$filter=securityEnabled").await;
    assert_eq!((filter.status, filter.code().as_str()), (400, "Request_UnsupportedQuery"));
    assert_eq!(sim.get("/v1.0/users/delta?$top=1").await.ids().len(), 2, "$top is ignored");
}

#[tokio::test]
async fn one_object_and_the_members_of_a_group() {
    let sim = Sim::small().await;
    let user = sim.get("/v1.0/users/ben%40contoso.com?$select=id,department,mail").await;
    assert_eq!((user.json()["department"].as_str(), &user.json()["mail"]), (Some("Sales"), &json!(null)));
    assert_eq!(sim.get("/v1.0/users/ida_mail.example%23EXT%23@contoso.onmicrosoft.com").await.json()["id"], "u3");
    assert_eq!(sim.get("/v1.0/groups/g1").await.json()["displayName"], "technicians");
    let missing = sim.get("/v1.0/groups/nobody").await;
    assert_eq!((missing.status, missing.code().as_str()), (404, "Request_ResourceNotFound"));
    let page = sim.get("/v1.0/groups/g1/members?$top=3").await;
    assert_eq!(page.ids(), ["u1", "u2", "g2"], "without the soft-deleted user");
    assert_eq!(sim.get(&page.link("next").unwrap()).await.ids(), ["d1"]);
    assert_eq!(sim.get("/v1.0/groups/g1/members?$top=1000").await.status, 400);
}

#[tokio::test]
async fn replies_carry_the_headers_of_graph() {
    let sim = Sim::small().await;
    let answer = sim.get("/v1.0/users/delta").await;
    assert_eq!(answer.headers["x-ms-resource-unit"], "2");
    assert_eq!(answer.headers["request-id"].len(), 36);
    assert!(answer.headers["content-type"].starts_with("application/json"));
}

#[tokio::test]
async fn a_generated_world_is_served_whole() {
    let world = World::generate(5, 2_500, 7);
    let groups = world.group_ids(bmsync::simulator::GENERATED_TENANT);
    let mut sim = Sim::of(world, Options { page_size: 999, ..Options::default() }).await;
    sim.token = sim.sign_in(bmsync::simulator::GENERATED_DOMAIN, "any", "any").await;
    let users = sim.round("/v1.0/users/delta?$select=userPrincipalName,mail,otherMails,identities").await;
    assert_eq!(users.pages.iter().map(Vec::len).collect::<Vec<_>>(), [999, 999, 502]);
    let round = sim.groups().await;
    let members: usize = groups.iter().map(|group| round.members(group).0.len()).sum();
    assert!(members >= 2_500, "only {members} memberships");
    let (tenant, user) = (bmsync::simulator::GENERATED_TENANT, users.ids()[0].to_owned());
    sim.running.control().patch_user(tenant, &user, json!({ "mail": "other@generated.example" })).unwrap();
    let changed = sim.round(&users.delta).await;
    assert_eq!(changed.ids(), [user.as_str()]);
    assert_eq!(changed.object(&user)["userPrincipalName"], users.object(&user)["userPrincipalName"]);
}
