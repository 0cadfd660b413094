//! A browser comes back: who is let in, what is kept, and how administrators consent.

use bmsync::directory::TenantDirectory;
use bmsync::source::graph::connect::{Consent, Found, Kept, Loopback, Outcome, Reply};
use bmsync::source::graph::{GraphSource, Http, Pace};
use bmsync::source::{Job, Source as _};

use super::world::{ADMIN, HOME, World, agree, browser, decide, page};

#[tokio::test]
async fn somebody_signs_in_and_the_tenant_is_read_with_it() {
    let world = World::new().await;
    let loopback = Loopback::bind().await.unwrap();
    let redirect = loopback.redirect().unwrap();
    let started = world.attempts.begin(world.reception(), &redirect, Consent::Given).unwrap();
    let person = async {
        let back = agree(started.url.as_ref().unwrap(), ADMIN).await;
        assert_eq!((back.host_str(), back.port(), back.path()), (Some("localhost"), redirect.port(), redirect.path()));
        let answer = browser().get(back).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(answer.status(), 200);
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!((header("x-frame-options"), header("x-content-type-options")), ("DENY".into(), "nosniff".into()));
        assert_eq!((header("cache-control"), header("referrer-policy")), ("no-store".into(), "no-referrer".into()));
        answer.text().await.unwrap()
    };
    let serving = loopback.serve(&world.attempts, world.attempts.ended(&started.id));
    let (outcome, text) = tokio::join!(serving, person);
    assert!(text.contains("marta@harbor.example signed in") && !text.contains("<script"), "{text}");
    let Some(Outcome::Welcome(welcome)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((welcome.account.as_deref(), welcome.kept), (Some(ADMIN), Kept::Kept));
    assert!(welcome.suffices() && welcome.readings.iter().all(|one| one.found == Found::Readable), "{welcome:?}");
    assert_eq!(world.kept().len(), 1);

    let delegation = world.memory.delegation(&world.tenant.id);
    let source = GraphSource::new(&world.tenant, &Http::new(), Pace::new(1), delegation).unwrap();
    let mut directory = TenantDirectory::default();
    source.refresh(&mut directory, &()).await.unwrap();
    assert_eq!((directory.user_count(), world.kept().len()), (2, 2), "read, and the next sign-in is kept");
}

#[tokio::test]
async fn an_administrator_consents_first_and_then_signs_in() {
    let world = World::new().await;
    let started = world.begin(Consent::First);
    assert!(started.url.as_ref().unwrap().path().ends_with("/v2.0/adminconsent"), "{:?}", started.url);
    let consented = world.query(&started, ADMIN).await;
    assert!(consented.contains("admin_consent=True"), "{consented}");
    let (Reply::Onward(next), None) = world.attempts.receive(&consented).await else { panic!("a way on") };
    assert!(next.path().ends_with("/authorize") && world.kept().is_empty(), "consent alone is believed nowhere");
    let (again, _) = world.attempts.receive(&consented).await;
    assert_eq!(page(again).0, 400, "a consent comes once");
    let back = agree(&next, "omar@harbor.example").await;
    let (_, arrived) = world.attempts.receive(back.query().unwrap()).await;
    assert_eq!((arrived.map(|id| id.to_string()).as_deref(), world.kept().len()), (Some(HOME), 1));
}

#[tokio::test]
async fn somebody_of_another_tenant_is_not_let_in() {
    let mut world = World::new().await;
    world.tenant.domain = "pier.onmicrosoft.com".into();
    let started = world.begin(Consent::Given);
    let query = world.query(&started, "ines@pier.example").await;
    let (status, html) = page(world.attempts.receive(&query).await.0);
    assert_eq!(status, 400);
    let (message, hint) = world.failure(&started).await;
    assert!(message.contains("is of tenant 9a1f6f0e-52c4-4d3b-8f57-0c2b6d1e7a10, not of tenant harbor"), "{message}");
    assert!(message.contains("nothing was kept") && hint.contains("tenantId and domain"), "{message} {hint}");
    assert!(html.contains("9a1f6f0e") && world.kept().is_empty());
}

#[tokio::test]
async fn who_declines_is_told_so_and_keeps_nothing() {
    let world = World::new().await;
    let started = world.begin(Consent::Given);
    let back = decide(started.url.as_ref().unwrap(), ADMIN, "decline").await;
    assert!(back.query().unwrap().contains("error="), "{back}");
    page(world.attempts.receive(back.query().unwrap()).await.0);
    let (message, hint) = world.failure(&started).await;
    assert!(message.starts_with("sign-in: ") && message.contains("AADSTS65004") && !hint.is_empty(), "{message}");
    assert!(world.kept().is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_does_not_replace_what_can() {
    let world = World::new().await;
    let missing = || world.sim.control().set_fault("no-roles=next1@/v1.0/groups").unwrap();
    missing();
    let started = world.begin(Consent::Given);
    let query = world.query(&started, ADMIN).await;
    world.attempts.receive(&query).await;
    let Outcome::Welcome(welcome) = world.outcome(&started).await else { panic!("somebody") };
    let named: Vec<&str> = welcome.missing().map(|one| one.permission).collect();
    assert_eq!((named.as_slice(), welcome.suffices(), welcome.kept), (&["Group.Read.All"][..], false, Kept::Kept));
    let first = world.kept();
    assert_eq!(first.len(), 1, "where there was none, it is a beginning");

    missing();
    let started = world.begin(Consent::Given);
    let query = world.query(&started, ADMIN).await;
    world.attempts.receive(&query).await;
    let Outcome::Welcome(welcome) = world.outcome(&started).await else { panic!("somebody") };
    assert_eq!((welcome.kept, world.kept()), (Kept::Worse, first), "the one before stays");
}

#[tokio::test]
async fn a_revoked_sign_in_needs_a_person_once_and_a_new_one_ends_it() {
    let world = World::new().await;
    let sign_in = async || {
        let started = world.begin(Consent::Given);
        let query = world.query(&started, ADMIN).await;
        world.attempts.receive(&query).await;
    };
    sign_in().await;
    world.sim.control().revoke_sessions(HOME, "u1").unwrap();
    let delegation = world.memory.delegation(&world.tenant.id);
    let read = async || {
        let source = GraphSource::new(&world.tenant, &Http::new(), Pace::new(1), delegation.clone()).unwrap();
        source.refresh(&mut TenantDirectory::default(), &()).await.map(drop)
    };
    let error = read().await.unwrap_err();
    assert_eq!(error.job, Job::User, "{error:?}");
    assert!(error.hint.unwrap().contains("bmsync connect harbor"));
    sign_in().await;
    read().await.unwrap();
}
