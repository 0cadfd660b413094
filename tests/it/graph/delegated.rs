//! A tenant that a person signed in to once: when the sign-in is exchanged, what is kept before what, and who is told to
//! sign in again.

use bmsync::directory::TenantDirectory;
use bmsync::manifest::config::{SignIn, Tenant};
use bmsync::source::graph::{Delegation, GraphSource, Http};
use bmsync::source::{Job, Source as _, SourceError, SourceErrorClass};
use url::form_urlencoded;

use super::grants::Memory;
use super::server::Reply;
use super::world::{GROUPS, SECRET, TOKEN, USERS, World, last, status};

const FIRST: &str = "0.refresh~one";

fn answer(access: &str, refresh: &str) -> Reply {
    status(
        200,
        &format!(
            r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{access}","refresh_token":"{refresh}",
               "scope":"https://graph.microsoft.com/User.Read.All openid"}}"#
        ),
    )
}

fn refusal(error: &str, code: u32) -> Reply {
    let description = format!(r"AADSTS{code}: no {FIRST} {SECRET}.\r\nTrace ID: 1");
    status(400, &format!(r#"{{"error":"{error}","error_codes":[{code}],"error_description":"{description}"}}"#))
}

/// A world whose tenant a person signs in to, and where that sign-in is kept.
async fn world<const N: usize>(targets: [(&str, Vec<Reply>); N]) -> (World, Memory) {
    let mut world = World::new(targets).await;
    world.tenant = Tenant { sign_in: SignIn::Delegated, ..world.tenant.clone() };
    let memory = Memory::with(&world.tenant.id, FIRST);
    (world, memory)
}

fn source(world: &World, delegation: Delegation) -> GraphSource {
    GraphSource::new(&world.tenant, &Http::new(), world.pace, delegation).unwrap()
}

async fn read(world: &World, delegation: Delegation) -> Result<(), SourceError> {
    source(world, delegation).refresh(&mut TenantDirectory::default(), &()).await.map(drop)
}

#[tokio::test]
async fn the_sign_in_is_exchanged_and_the_new_one_is_kept() {
    let (world, memory) = world([(TOKEN, vec![answer("t0ken.one", "0.refresh~two")])]).await;
    read(&world, memory.delegation(&world.tenant.id)).await.unwrap();
    assert_eq!(memory.tokens(&world.tenant.id), [FIRST, "0.refresh~two"]);
    let kept = memory.grants(&world.tenant.id).pop().unwrap();
    assert!(kept.refreshed_at > kept.signed_in_at && kept.account.as_deref() == Some("admin@contoso.example"));
    assert_eq!(kept.scopes.len(), 2);

    let asked = world.server.seen(TOKEN);
    let form: Vec<(String, String)> = form_urlencoded::parse(asked[0].body.as_bytes()).into_owned().collect();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!((asked.len(), field("grant_type"), field("refresh_token")), (1, Some("refresh_token"), Some(FIRST)));
    assert_eq!((field("client_id"), field("client_secret")), (Some(&*world.tenant.application_id), Some(SECRET)));
    let base = &world.server.base;
    let scopes = ["User.Read", "User.Read.All", "Group.Read.All", "Directory.Read.All"];
    let scopes: Vec<String> = scopes.iter().map(|name| format!("{base}/{name}")).collect();
    assert_eq!(field("scope"), Some(format!("{} offline_access openid", scopes.join(" ")).as_str()));
}

#[tokio::test]
async fn two_sources_that_race_exchange_once() {
    let (world, memory) = world([(TOKEN, vec![answer("t0ken.one", "0.refresh~two")])]).await;
    let delegations = memory.delegations();
    let (one, two) = (delegations.of(&world.tenant), delegations.of(&world.tenant));
    let (one, two) = tokio::join!(read(&world, one), read(&world, two));
    one.and(two).unwrap();
    assert_eq!((world.server.count(TOKEN), world.server.count(USERS)), (1, 2));
    assert_eq!(memory.tokens(&world.tenant.id), [FIRST, "0.refresh~two"]);
}

#[tokio::test]
async fn a_sign_in_that_cannot_be_kept_is_not_used() {
    let (world, memory) = world([(TOKEN, vec![answer("a", "0.refresh~two"), answer("b", "0.refresh~three")])]).await;
    let delegation = memory.delegation(&world.tenant.id);
    memory.fail(true);
    let error = read(&world, delegation.clone()).await.unwrap_err();
    assert!(error.message.contains("could not be kept, so it is not used") && error.message.ends_with("disk is full"));
    assert_eq!((error.class, error.hint.as_deref()), (SourceErrorClass::Person, Some("make room")));
    assert_eq!((world.server.count(USERS), world.server.count(GROUPS)), (0, 0), "nothing is read with it");
    assert_eq!(memory.tokens(&world.tenant.id), [FIRST]);

    memory.fail(false);
    read(&world, delegation).await.unwrap();
    let asked = world.server.seen(TOKEN);
    assert!(asked.iter().all(|request| request.body.contains("0.refresh%7Eone")), "the one before is still good");
    assert_eq!(memory.tokens(&world.tenant.id), [FIRST, "0.refresh~three"]);
}

#[tokio::test]
async fn a_service_that_gives_no_new_one_leaves_the_old() {
    let bare = status(200, r#"{"token_type":"Bearer","expires_in":3599,"access_token":"t"}"#);
    let (world, memory) = world([(TOKEN, vec![bare])]).await;
    read(&world, memory.delegation(&world.tenant.id)).await.unwrap();
    assert_eq!(memory.tokens(&world.tenant.id), [FIRST, FIRST]);
}

#[tokio::test]
async fn nobody_signed_in_yet_says_so_and_asks_nobody() {
    let (world, _) = world([]).await;
    let error = read(&world, Memory::default().delegation(&world.tenant.id)).await.unwrap_err();
    assert_eq!(error.message, "nobody has signed in to tenant contoso yet");
    assert!(error.job == Job::User && error.hint.unwrap().starts_with("run `bmsync connect contoso`"));
    assert_eq!(world.server.count("*"), 0);
}

#[tokio::test]
async fn a_sign_in_that_is_over_needs_a_person_and_is_asked_of_the_service_once() {
    for (error, code) in [
        ("invalid_grant", 70_008),
        ("invalid_grant", 50_173),
        ("interaction_required", 50_076),
        ("invalid_grant", 4711),
    ] {
        let (world, memory) = world([(TOKEN, vec![refusal(error, code), answer("t", "0.refresh~new")])]).await;
        let delegation = memory.delegation(&world.tenant.id);
        for _ in 0..3 {
            let error = read(&world, delegation.clone()).await.unwrap_err();
            assert!(error.job == Job::User && error.class == SourceErrorClass::Person, "{code}: {error:?}");
            assert!(error.message.contains(&format!("AADSTS{code}")), "{error}");
            assert!(error.hint.as_deref().unwrap().contains("bmsync connect contoso"), "{:?}", error.hint);
            let shown = format!("{error:?}");
            assert!(!shown.contains(SECRET) && !shown.contains(FIRST), "{shown}");
        }
        assert_eq!((world.server.count(TOKEN), world.server.count(USERS)), (1, 0), "{code}");
        memory.put(&world.tenant.id, "0.refresh~signed.in.again");
        read(&world, delegation).await.unwrap();
        assert_eq!(world.server.count(TOKEN), 2, "another sign-in is tried at once");
    }
}

#[tokio::test]
async fn a_wrong_application_key_is_no_reason_to_sign_in_again() {
    let (world, memory) = world([(TOKEN, vec![refusal("invalid_client", 7_000_215)])]).await;
    let error = read(&world, memory.delegation(&world.tenant.id)).await.unwrap_err();
    assert!(error.job == Job::Operator && error.message.contains("application key is wrong"), "{error}");
}

#[tokio::test]
async fn a_token_that_graph_does_not_take_is_renewed_with_the_newest_sign_in() {
    let (world, memory) = world([
        (TOKEN, vec![answer("t0ken.one", "0.refresh~two"), answer("t0ken.two", "0.refresh~three")]),
        (USERS, vec![status(401, "{}"), last("", "/users-delta-1")]),
    ])
    .await;
    read(&world, memory.delegation(&world.tenant.id)).await.unwrap();
    let bodies: Vec<String> = world.server.seen(TOKEN).into_iter().map(|request| request.body).collect();
    assert!(bodies.len() == 2 && bodies[1].contains("0.refresh%7Etwo"), "{bodies:?}");
    assert_eq!(memory.tokens(&world.tenant.id).len(), 3);
}
