//! A login service whose statements of who signed in are not what they must be: nobody is let in, nothing is kept, and it
//! is said why; neither at the first sign-in nor when it is exchanged later.

use bmsync::directory::TenantDirectory;
use bmsync::source::graph::connect::Consent;
use bmsync::source::graph::{GraphSource, Http, Pace};
use bmsync::source::{Source as _, SourceError};

use super::place::Place;
use super::world::{ADMIN, World, page};

/// The lie, what is said of it, and a part of the next step.
const LIES: [(&str, &str, &str); 5] = [
    ("wrong-nonce", "belongs to another sign-in", "clock"),
    ("wrong-audience", "is for another application", "clock"),
    ("wrong-issuer", "was issued by somebody else", "endpoints"),
    ("expired-id-token", "has expired", "clock"),
    ("foreign-tenant", "the account is of tenant", "tenantId and domain"),
];

#[tokio::test]
async fn no_lie_lets_anybody_in() {
    let world = World::new().await;
    for (fault, said, next) in LIES {
        let started = world.begin(Consent::Given);
        let query = world.query(&started, ADMIN).await;
        world.sim.control().set_fault(&format!("{fault}=next1")).unwrap();
        let (reply, arrived) = world.attempts.receive(&query).await;
        let (status, html) = page(reply);
        assert!(status == 400 && html.contains(said) && arrived.is_none(), "{fault}: {html}");
        let (message, hint) = world.failure(&started).await;
        assert!(message.contains(said) && hint.contains(next), "{fault}: {message} ({hint})");
        let all = format!("{message} {hint}");
        assert!(all.contains("nothing was kept") && world.kept().is_empty(), "{fault}: {all}");
        // The attempt is used up: the truth comes too late for it.
        assert_eq!(page(world.attempts.receive(&query).await.0).0, 400);
    }
    let (reads, tokens) = (bmsync::simulator::Class::Users, bmsync::simulator::Class::Token);
    let stats = world.sim.control().stats();
    assert_eq!((stats.requests(reads, 200), stats.requests(tokens, 200)), (0, 5), "nothing was read with any");
}

#[tokio::test]
async fn a_browser_that_comes_back_with_another_state_is_not_known() {
    let world = World::new().await;
    let started = world.begin(Consent::Given);
    world.sim.control().set_fault("wrong-state=next1").unwrap();
    let query = world.query(&started, ADMIN).await;
    let (status, html) = page(world.attempts.receive(&query).await.0);
    assert!(status == 400 && html.contains("not known here") && world.kept().is_empty(), "{html}");
}

#[tokio::test]
async fn a_lie_at_an_exchange_is_not_kept_and_the_sign_in_goes_on() {
    let world = World::new().await;
    let started = world.begin(Consent::Given);
    let query = world.query(&started, ADMIN).await;
    page(world.attempts.receive(&query).await.0);
    let before = world.kept();
    assert_eq!(before.len(), 1);
    let delegation = world.memory.delegation(&world.tenant.id);
    let read = async || -> Result<(), SourceError> {
        let source = GraphSource::new(&world.tenant, &Http::new(), Pace::new(1), delegation.clone())?;
        source.refresh(&mut TenantDirectory::default(), &()).await.map(drop)
    };
    for (fault, said, _) in &LIES[1..] {
        world.sim.control().set_fault(&format!("{fault}=next1")).unwrap();
        let error = read().await.unwrap_err();
        assert!(error.message.starts_with("sign-in: ") && error.message.contains(said), "{fault}: {error}");
        assert_eq!(world.kept(), before, "{fault}");
    }
    read().await.unwrap();
    assert_eq!(world.kept().len(), 2);
}

#[tokio::test]
async fn the_program_says_it_and_keeps_nothing() {
    let place = Place::new().await;
    place.fault("foreign-tenant=next1");
    let (exit, said) = place.connect(&[]).await;
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("cannot sign in to tenant `harbor`") && said.contains("nothing was kept"), "{said}");
    let (exit, told) = place.json(&["get", "tenants", "harbor", "-o", "json"]).await;
    assert_eq!((exit, told["signedIn"].is_null(), &told["personNeeded"]), (0, true, &true.into()), "{told}");
}
