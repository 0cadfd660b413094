//! Signing in with a code that is entered elsewhere.

use bmsync::source::Job;

use super::world::{ADMIN, World};

#[tokio::test]
async fn somebody_enters_the_code() {
    let world = World::new().await;
    let reception = world.reception();
    let device = reception.device().await.unwrap();
    assert!(device.message().contains(&device.user_code()) && device.verification_uri().ends_with("/devicelogin"));
    world.sim.control().answer_device(&device.user_code(), Some(ADMIN)).unwrap();
    let arrival = reception.wait(&device).await.unwrap();
    assert!(world.kept().is_empty(), "nothing is kept before it was tried");
    let welcome = reception.admit(arrival).await.unwrap();
    assert_eq!((welcome.account.as_deref(), world.kept().len()), (Some(ADMIN), 1));
}

/// How often a token was asked for.
fn asked(world: &World) -> u64 {
    world.sim.control().stats().requests(bmsync::simulator::Class::Token, 400)
}

#[tokio::test]
async fn it_is_asked_for_until_somebody_has_and_slower_when_told_to() {
    let world = World::new().await;
    world.sim.control().set_fault("slow-down=next1").unwrap();
    let reception = world.reception();
    let device = reception.device().await.unwrap();
    let enter = async {
        while asked(&world) < 1 {
            tokio::task::yield_now().await;
        }
        world.sim.control().answer_device(&device.user_code(), Some(ADMIN)).unwrap();
    };
    let began = std::time::Instant::now();
    let (arrival, ()) = tokio::join!(reception.wait(&device), enter);
    arrival.unwrap();
    assert!(began.elapsed().as_secs() >= 9, "the interval of 5 s, and 5 s more");
}

#[tokio::test]
async fn it_can_be_declined_and_comes_too_late() {
    let world = World::new().await;
    let reception = world.reception();
    let device = reception.device().await.unwrap();
    world.sim.control().answer_device(&device.user_code(), None).unwrap();
    let error = reception.wait(&device).await.unwrap_err();
    assert!(error.message.contains("declined") && error.hint.unwrap().contains("--device-code"), "{}", error.message);

    let device = reception.device().await.unwrap();
    world.sim.control().forward(901);
    let error = reception.wait(&device).await.unwrap_err();
    assert!(error.message.contains("in time"), "{}", error.message);
    assert_eq!(error.job, Job::Operator);
    assert!(world.kept().is_empty());
}
