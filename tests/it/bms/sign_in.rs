//! Signing in: passwords, one-time codes, tokens that end or are not taken any more.

use std::sync::Arc;
use std::time::Duration;

use bmsync::store::kaseya::api::{BmsError, Credentials, Memory, NoSecrets, Secrets};

use super::stage::{HARBOR, Near, PASSWORD, Served, id, new_contact, secrets, settings, user};
use bmsync::simulator::World;

const SIGN_IN: &str = "POST /v2/security/authenticate";
const REFRESH: &str = "POST /v2/security/refreshtoken";

fn near() -> Near {
    Near::new(World::from_yaml(HARBOR).unwrap().bms().unwrap().clone())
}

#[tokio::test]
async fn many_calls_at_once_sign_in_once() {
    let served = Served::start().await;
    let asked = (0..20).map(|_| served.bms.contact(id(5120)));
    let contacts = futures_all(asked).await;
    assert!(contacts.into_iter().all(|contact| contact.unwrap().is_some()));
    assert_eq!(served.calls(SIGN_IN), 1);
}

/// All of them at once, on one thread.
async fn futures_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().filter(|(_, output)| output.is_none()) {
            if let std::task::Poll::Ready(ready) = future.as_mut().poll(context) {
                *output = Some(ready);
            }
        }
        if futures.iter().all(|(_, output)| output.is_some()) {
            return std::task::Poll::Ready(());
        }
        std::task::Poll::Pending
    })
    .await;
    futures.into_iter().filter_map(|(_, output)| output).collect()
}

#[tokio::test]
async fn a_one_time_code_is_made_where_it_is_asked_for() {
    let totp = "gezd gnbv gy3t qojq gezd gnbv gy3t qojq";
    let served = Served::as_user(user("careful"), Arc::new(secrets("example-2", Some(totp)))).await;
    assert_eq!(served.bms.user_info().await.unwrap().username.as_deref(), Some("careful"));
    for (totp, said) in
        [(None, "MFA code is required"), (Some("MZXW6YTBOI"), "Invalid MFA code"), (Some("018"), "Base32")]
    {
        let served = Served::as_user(user("careful"), Arc::new(secrets("example-2", totp))).await;
        let error = served.bms.user_info().await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_shown_to_bms_once_and_to_nobody_else() {
    let served = Served::as_user(user("bmsync-api"), Arc::new(secrets("s3cret-and-wrong", None))).await;
    for _ in 0..5 {
        let error = served.bms.contacts(None).await.unwrap_err();
        assert!(matches!(error, BmsError::Unauthorized { .. }), "{error:?}");
        assert!(!format!("{error:?} {error}").contains("s3cret"), "{error:?}");
    }
    assert_eq!(served.calls(SIGN_IN), 1, "accounts are locked after a few wrong passwords");
    assert!(!format!("{:?}", secrets("s3cret", Some("s3cret"))).contains("s3cret"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_sign_in_is_tried_again_after_a_minute() {
    let near = near();
    near.look(|company| company.set_fault("refuse-sign-in=next1")).unwrap();
    let bms = near.client(settings(), Memory::default());
    assert!(matches!(bms.user_info().await, Err(BmsError::Unauthorized { .. })));
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert!(matches!(bms.user_info().await, Err(BmsError::Unauthorized { .. })));
    assert_eq!(near.calls(SIGN_IN), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    bms.user_info().await.unwrap();
    assert_eq!(near.calls(SIGN_IN), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_refreshed_before_it_ends_and_replaced_when_that_is_refused() {
    let near = near();
    let bms = near.client(settings(), Memory::default());
    bms.user_info().await.unwrap();
    tokio::time::sleep(Duration::from_secs(800)).await;
    bms.user_info().await.unwrap();
    assert_eq!((near.calls(SIGN_IN), near.calls(REFRESH)), (1, 0), "it lives 15 minutes");
    tokio::time::sleep(Duration::from_mins(1)).await;
    bms.user_info().await.unwrap();
    assert_eq!((near.calls(SIGN_IN), near.calls(REFRESH)), (1, 1));
    near.look(|company| company.set_fault("refuse-refresh=always")).unwrap();
    tokio::time::sleep(Duration::from_mins(15)).await;
    bms.user_info().await.unwrap();
    assert_eq!((near.calls(SIGN_IN), near.calls(REFRESH)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn an_end_without_an_offset_that_lies_behind_does_not_sign_in_for_every_call() {
    let near = near();
    near.look(|company| company.set_fault("no-offset=always")).unwrap();
    let bms = near.client(settings(), Memory::default());
    for _ in 0..5 {
        bms.user_info().await.unwrap();
    }
    assert_eq!(near.calls(SIGN_IN), 1);
}

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_is_replaced_once_and_nothing_is_done_twice() {
    let served = Served::start().await;
    served.bms.user_info().await.unwrap();
    served.fault("expire-token=next1after1");
    assert_eq!(served.bms.contacts(None).await.unwrap().items.len(), 10, "in the middle of a list");
    assert_eq!(served.calls(SIGN_IN), 2);
    served.fault("expire-token=next1");
    served.bms.create_contact(&new_contact("olof@harbor.example")).await.unwrap();
    assert_eq!((served.calls(SIGN_IN), served.company(|company| company.contacts())), (3, 11));
    served.fault("expire-token=always");
    assert!(matches!(served.bms.contacts(None).await, Err(BmsError::Unauthorized { .. })));
    assert_eq!(served.calls(SIGN_IN), 4, "no second time in one call");
}

#[derive(Debug)]
struct Nowhere;

impl Credentials for Nowhere {
    fn secrets(&self) -> Result<Secrets, NoSecrets> {
        Err(NoSecrets { what: "the file /run/secrets/bms cannot be read".to_owned(), cause: None })
    }
}

#[tokio::test]
async fn secrets_that_are_not_there_are_told_of_without_asking_bms() {
    let served = Served::as_user(user("bmsync-api"), Arc::new(Nowhere)).await;
    let error = served.bms.user_info().await.unwrap_err();
    assert!(error.to_string().contains("/run/secrets/bms"), "{error}");
    assert_eq!(served.calls(SIGN_IN), 0);
}

#[tokio::test]
async fn another_company_is_not_let_in() {
    let other = bmsync::store::kaseya::api::ApiUser { company: "Somebody".to_owned(), ..user("bmsync-api") };
    let served = Served::as_user(other, Arc::new(secrets(PASSWORD, None))).await;
    let error = served.bms.user_info().await.unwrap_err();
    assert!(error.to_string().contains("company"), "{error}");
}
