//! What a source knows of its own permissions: what the newest token says of them, and nothing where it says nothing.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bmsync::directory::{Permissions, TenantDirectory};
use bmsync::manifest::config::{SignIn, Tenant};
use bmsync::model::Text;
use bmsync::source::Source as _;
use bmsync::source::graph::{GraphSource, Http};

use super::grants::Memory;
use super::world::{TOKEN, USERS, World, last, status, token};

fn jwt(claims: &str) -> String {
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"RS256","typ":"JWT"}"#), part(claims), part("signature"))
}

fn named(names: &[&'static str]) -> Permissions {
    Permissions::of(names.iter().map(|name| Text::const_new(name)))
}

#[tokio::test]
async fn an_applications_permissions_are_those_of_its_newest_token() {
    let (first, second) = (jwt(r#"{"roles":["Directory.Read.All"]}"#), jwt(r#"{"roles":["User.Read.All"]}"#));
    let refused = status(401, r#"{"error":{"code":"InvalidAuthenticationToken"}}"#);
    let world = World::new([
        (TOKEN, vec![token(&first, 3599), token(&second, 3599)]),
        (USERS, vec![last("", "/users-delta-1")]),
        ("/users-delta-1", vec![refused, last("", "/users-delta-2")]),
    ])
    .await;
    let source = world.source();
    assert_eq!(source.permissions().await, None, "nothing was issued yet");
    let mut directory = TenantDirectory::default();
    source.refresh(&mut directory, &()).await.unwrap();
    let all = ["Directory.Read.All", "Group.Read.All", "GroupMember.Read.All", "User.Read.All"];
    assert_eq!(source.permissions().await, Some(named(&all)));
    source.refresh(&mut directory, &()).await.unwrap();
    assert_eq!(source.permissions().await, Some(named(&["User.Read.All"])), "the token was replaced on the way");
}

#[tokio::test]
async fn of_a_person_it_is_what_the_scopes_say() {
    let access = jwt(r#"{"scp":"User.Read User.Read.All GroupMember.Read.All","wids":["x"]}"#);
    let mut world = World::new([(TOKEN, vec![token(&access, 3599)])]).await;
    world.tenant = Tenant { sign_in: SignIn::Delegated, ..world.tenant.clone() };
    let memory = Memory::with(&world.tenant.id, "0.refresh~one");
    let delegation = memory.delegation(&world.tenant.id);
    let source = GraphSource::new(&world.tenant, &Http::new(), world.pace, delegation).unwrap();
    source.refresh(&mut TenantDirectory::default(), &()).await.unwrap();
    assert_eq!(source.permissions().await, Some(named(&["GroupMember.Read.All", "User.Read.All"])));
}

#[tokio::test]
async fn an_opaque_token_reads_as_well_and_says_nothing() {
    let world = World::new([(TOKEN, vec![token("EwBwA8l6BAAU.opaque", 3599)])]).await;
    let source = world.source();
    source.refresh(&mut TenantDirectory::default(), &()).await.unwrap();
    assert_eq!(source.permissions().await, None);
}
