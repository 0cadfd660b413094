//! What a sign-in opens at Graph: oneself, the tenant, lists, and only what was granted.

use serde_json::{Value, json};

use super::browser::{APP, HOME};
use super::client::{Sim, set};

/// A simulator with a person's token in hand, for these scopes.
async fn signed_in(scope: &str) -> Sim {
    let mut sim = Sim::sign_in_world().await;
    let path = Sim::authorization(HOME, &[("scope", scope)]);
    let code = super::browser::parameters(&sim.agree(&path, "marta@harbor.example").await)["code"].clone();
    let body = sim.redeem(&code, &[]).await.json();
    body["access_token"].as_str().expect("a token").clone_into(&mut sim.token);
    sim
}

#[tokio::test]
async fn a_person_reads_themselves_and_the_tenant() {
    let sim = signed_in("User.Read").await;
    let me = sim.get("/v1.0/me?$select=id,userPrincipalName").await;
    assert_eq!((me.status, &me.json()["id"]), (200, &json!("u1")));
    let tenant = sim.get("/v1.0/organization?$select=id,displayName,verifiedDomains").await.json();
    let tenant = &tenant["value"][0];
    assert_eq!((&tenant["id"], &tenant["displayName"]), (&json!(HOME), &json!("Harbor Works")));
    let names: Vec<&str> =
        tenant["verifiedDomains"].as_array().unwrap().iter().filter_map(|domain| domain["name"].as_str()).collect();
    assert_eq!(names, ["harbor.onmicrosoft.com", "harbor.example"]);
    assert_eq!(tenant.as_object().unwrap().len(), 3);
    assert_eq!(sim.get("/v1.0/organization?$select=nothing").await.status, 400);
    let alone = sim.get(&format!("/v1.0/organization/{HOME}")).await;
    assert_eq!((alone.status, &alone.json()["displayName"]), (200, &json!("Harbor Works")));
    assert!(alone.json()["@odata.context"].as_str().unwrap().ends_with("#organization/$entity"));
    assert_eq!(sim.get("/v1.0/organization/someone-else").await.status, 404);
    for path in
        ["/v1.0/users?$top=1&$select=id", "/v1.0/groups?$top=1&$select=id", "/v1.0/users/delta", "/v1.0/groups/g1"]
    {
        let answer = sim.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "Authorization_RequestDenied"), "{path}");
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let sim = signed_in("User.Read.All Group.Read.All").await;
    let first = sim.get("/v1.0/users?$top=2&$select=id,mail").await;
    assert_eq!(first.ids(), ["u1", "u2"]);
    assert_eq!(first.objects()[1]["mail"], Value::Null);
    let second = sim.get(&first.link("next").expect("more")).await;
    assert_eq!((second.ids(), second.link("next")), (vec!["u3".to_owned()], None));
    assert_eq!(sim.get("/v1.0/groups?$top=1&$select=id").await.ids(), ["g1"]);
    let group = sim.get("/v1.0/groups/g1?$select=id,displayName,securityEnabled,mailEnabled,createdDateTime").await;
    assert_eq!((group.status, &group.json()["securityEnabled"]), (200, &json!(true)));
    for bad in ["$top=0", "$top=1000", "$filter=id%20eq%20'u1'", "$select=nickName"] {
        assert_eq!(sim.get(&format!("/v1.0/users?{bad}")).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn members_come_in_pages() {
    let sim = signed_in("GroupMember.Read.All User.Read.All").await;
    let first = sim.get("/v1.0/groups/g1/members?$top=1").await;
    assert_eq!((first.ids(), &first.objects()[0]["displayName"]), (vec!["u1".to_owned()], &json!("Marta")));
    let second = sim.get(&first.link("next").expect("more")).await;
    assert_eq!((second.ids(), second.link("next")), (vec!["u2".to_owned()], None));
    for (path, status) in [
        ("g1/members?$top=0", 400),
        ("g1/members?$top=1000", 400),
        ("g1/members?$select=nickName", 400),
        ("g9/members", 404),
    ] {
        assert_eq!(sim.get(&format!("/v1.0/groups/{path}")).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn members_of_a_kind_that_may_not_be_read_are_null() {
    let sim = signed_in("GroupMember.Read.All").await;
    let members = sim.get("/v1.0/groups/g1/members?$select=displayName").await;
    assert_eq!((members.status, members.ids().len()), (200, 2));
    assert_eq!(members.objects()[0]["displayName"], Value::Null);
    assert_eq!(members.objects()[0]["@odata.type"], "#microsoft.graph.user");
    let sim = signed_in("GroupMember.Read.All User.Read.All").await;
    assert_eq!(sim.get("/v1.0/groups/g1/members?$select=displayName").await.objects()[0]["displayName"], "Marta");
}

#[tokio::test]
async fn an_application_is_nobody_and_without_roles_may_nothing() {
    let mut sim = Sim::sign_in_world().await;
    let fields =
        [("grant_type", "client_credentials"), ("scope", "https://graph.microsoft.com/.default"), ("client_id", APP)];
    let token = sim.ask_login(HOME, &fields, &[]).await.json()["access_token"].as_str().unwrap().to_owned();
    sim.token = token;
    assert_eq!(sim.get("/v1.0/me").await.status, 400);
    assert_eq!(sim.get("/v1.0/users/delta").await.status, 200);
    sim.running.control().admit(HOME, APP, json!({ "roles": [] })).unwrap();
    let token = sim.ask_login(HOME, &fields, &[]).await.json()["access_token"].as_str().unwrap().to_owned();
    sim.token = token;
    for path in ["/v1.0/me", "/v1.0/organization", "/v1.0/users/delta", "/v1.0/groups/delta", "/v1.0/users"] {
        assert_eq!(sim.get(path).await.status, 403, "{path}");
    }
}

/// A token of the application as itself, with these roles.
async fn token_with(sim: &Sim, roles: &[&str]) -> String {
    sim.running.control().admit(HOME, APP, json!({ "roles": roles })).unwrap();
    let fields =
        [("grant_type", "client_credentials"), ("scope", "https://graph.microsoft.com/.default"), ("client_id", APP)];
    sim.ask_login(HOME, &fields, &[]).await.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn hidden_members_are_left_out_in_silence() {
    let mut sim = Sim::sign_in_world().await;
    let control = sim.running.control().clone();
    let (few, all) = (["Group.Read.All", "User.Read.All"], ["Group.Read.All", "User.Read.All", "Member.Read.Hidden"]);
    sim.token = token_with(&sim, &all).await;
    control.patch_group(HOME, "g1", json!({ "visibility": "HiddenMembership" })).unwrap();
    let known = sim.groups().await;
    assert_eq!(known.members("g1").0, set(["u1", "u2"]));
    assert_eq!(sim.get("/v1.0/groups/g1/members").await.ids(), ["u1", "u2"]);

    sim.token = token_with(&sim, &few).await;
    control.add_member(HOME, "g1", "u3").unwrap();
    let later = sim.round(&known.delta).await;
    assert_eq!((later.ids(), later.members("g1").0), (vec!["g1"], set([])), "the group has changed, and that is all");
    let again = sim.groups().await;
    assert_eq!((again.ids().contains(&"g1"), again.members("g1").0), (true, set([])));
    let members = sim.get("/v1.0/groups/g1/members").await;
    assert_eq!((members.status, members.ids().len()), (200, 0));

    sim.token = token_with(&sim, &all).await;
    assert_eq!(sim.round(&again.delta).await.ids(), Vec::<&str>::new(), "the changes do not tell what is shown again");
    assert_eq!(sim.groups().await.members("g1").0, set(["u1", "u2", "u3"]));
}

#[tokio::test]
async fn a_token_can_be_unreadable_and_good() {
    let mut sim = Sim::sign_in_world().await;
    sim.running.control().set_fault("opaque-token=always").unwrap();
    sim.token = token_with(&sim, &["User.Read.All"]).await;
    assert!(!sim.token.contains('.'));
    assert_eq!(sim.get("/v1.0/users/delta").await.status, 200);
    assert_eq!(sim.get("/v1.0/groups/delta").await.status, 403);
}

#[tokio::test]
async fn the_clock_can_be_wrong() {
    let sim = signed_in("User.Read").await;
    let behind = async |setting: &str| {
        sim.running.control().set_fault(setting).unwrap();
        let date = sim.get("/v1.0/me").await.headers["date"].clone();
        let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(&date).expect("a date");
        jiff::Timestamp::now().duration_since(date).as_secs()
    };
    assert!((0..60).contains(&behind("clock-skew=off").await));
    assert!((-600..-540).contains(&behind("clock-skew=next1").await));
    assert!((7200..7260).contains(&behind("clock-skew=next1:-7200").await));
}

#[tokio::test]
async fn metadata_of_any_tenant_is_a_template_and_keys_are_published() {
    let sim = Sim::sign_in_world().await;
    let any = sim.get("/organizations/v2.0/.well-known/openid-configuration").await.json();
    assert_eq!(any["issuer"], format!("{}/{{tenantid}}/v2.0", sim.running.url()));
    let one = sim.get("/harbor.example/v2.0/.well-known/openid-configuration").await.json();
    assert_eq!(one["issuer"], format!("{}/{HOME}/v2.0", sim.running.url()));
    let keys = sim.get(one["jwks_uri"].as_str().unwrap()).await.json();
    assert_eq!((&keys["keys"][0]["kty"], &keys["keys"][0]["alg"]), (&json!("EC"), &json!("ES256")));
    let unknown = sim.get("/nowhere.example/discovery/v2.0/keys").await;
    assert_eq!(super::browser::refusal(&unknown), (400, "invalid_tenant".to_owned(), 90_002));
}
