//! Many want a token of one sign-in at the same moment: it is exchanged once, as the login service counts it.

use bmsync::directory::TenantDirectory;
use bmsync::simulator::Class;
use bmsync::source::Source as _;
use bmsync::source::graph::connect::Consent;
use bmsync::source::graph::{GraphSource, Http, Pace};

use super::place::Place;
use super::world::{ADMIN, World, page};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_tasks_exchange_once() {
    let world = World::new().await;
    let started = world.begin(Consent::Given);
    let query = world.query(&started, ADMIN).await;
    page(world.attempts.receive(&query).await.0);
    let control = world.sim.control();
    // The service is slow, so that they all wait for it together.
    control.set_fault("slow=always@oauth2/v2.0/token:300").unwrap();
    control.clear_stats();
    let delegations = world.memory.delegations();
    let tasks: Vec<_> = (0..8)
        .map(|seed| {
            let (tenant, delegation) = (world.tenant.clone(), delegations.of(&world.tenant));
            tokio::spawn(async move {
                let source = GraphSource::new(&tenant, &Http::new(), Pace::new(seed), delegation).unwrap();
                source.refresh(&mut TenantDirectory::default(), &()).await.map(drop)
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let stats = control.stats();
    assert_eq!((stats.requests(Class::Token, 200), stats.requests(Class::UsersDelta, 200)), (1, 8));
    assert_eq!(world.kept().len(), 2);
}

/// A round and the subscriptions of the same tenant want one at once; a strict service takes the old one back.
#[tokio::test]
async fn a_running_bmsync_with_subscriptions_exchanges_once() {
    let place = Place::signed_in().await;
    place.fault("slow=always@oauth2/v2.0/token:300");
    place.fault("retire-refresh-token=always");
    place.control().clear_stats();
    let served = place.run(&["--public-url", "http://127.0.0.1:9"]).await;
    served.until(&place, "it is read", |tenant| tenant["phase"] == "watching").await;
    let subscribing = || place.control().stats().to_json()["requests"]["subscriptions"].is_object();
    while !subscribing() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!((place.tokens(200), place.tokens(400)), (1, 0), "{:?}", place.control().stats());
    served.kill().await;
    let (exit, said) = place.done(&["plan"]).await;
    assert_eq!(exit, 0, "what was kept is the newest: {said}");
}
