//! A service that is slow, broken, hostile or not there.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use bmsync::http::origin::Origin;
use bmsync::http::{Http, Web};
use bmsync::simulator::World;
use bmsync::store::kaseya::api::{Bms, BmsError, MAX_ANSWER, Memory};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::stage::{HARBOR, Near, PASSWORD, Served, id, new_contact, secrets, settings, user};

const LIST: &str = "GET /v2/crm/contacts/summary";

#[tokio::test(start_paused = true)]
async fn a_read_is_tried_three_times_and_a_write_once() {
    for fault in ["server-error", "unavailable", "not-json", "cut-before", "cut-after"] {
        let near = Near::new(World::from_yaml(HARBOR).unwrap().bms().unwrap().clone());
        let bms = near.client(settings(), Memory::default());
        bms.user_info().await.unwrap();
        near.look(|company| company.set_fault(&format!("{fault}=next2"))).unwrap();
        bms.contact(id(5120)).await.unwrap().unwrap();
        near.look(|company| company.set_fault(&format!("{fault}=next3"))).unwrap();
        let error = bms.contacts(None).await.unwrap_err();
        assert!(matches!(error, BmsError::Unreachable { .. } | BmsError::Unexpected { .. }), "{fault}: {error:?}");
        assert_eq!(near.calls(LIST), 3, "{fault}");
        near.look(|company| company.set_fault(&format!("{fault}=next1"))).unwrap();
        let error = bms.create_contact(&new_contact("olof@harbor.example")).await.unwrap_err();
        assert!(matches!(error, BmsError::Unknown { .. }), "{fault}: {error:?}");
        assert_eq!(near.calls("POST /v2/crm/contacts/summary"), 1, "{fault}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let served = Served::with(&["huge=always@crm:17"]).await;
    let error = served.bms.contacts(None).await.unwrap_err();
    assert!(matches!(error, BmsError::TooLarge { .. }), "{error:?}");
    let error = served.bms.create_contact(&new_contact("olof@harbor.example")).await.unwrap_err();
    assert!(matches!(error, BmsError::Unknown { .. }), "{error:?}");
}

fn client(root: &str, patience: Duration) -> Bms {
    let web = Web::new(Origin::new(root).unwrap(), Http::new(), MAX_ANSWER).with_patience(patience);
    let credentials = Arc::new(secrets(PASSWORD, None));
    Bms::new(Arc::new(web), user("bmsync-api"), credentials, settings(), Arc::new(Timestamp::now), Memory::default())
}

#[tokio::test]
async fn nobody_there_is_told_with_its_cause() {
    let error = client("http://127.0.0.1:9", Duration::from_secs(5)).user_info().await.unwrap_err();
    assert!(matches!(error, BmsError::Unreachable { .. }) && error.source().is_some(), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:9 cannot be reached"), "{error}");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_leaves_a_write_open() {
    let served = Served::start().await;
    let bms = client(&format!("{}/bms", served.running.url()), Duration::from_millis(400));
    bms.user_info().await.unwrap();
    served.fault("slow=next1@contacts:5000");
    let error = bms.create_contact(&new_contact("olof@harbor.example")).await.unwrap_err();
    assert!(matches!(error, BmsError::Unknown { .. }), "{error:?}");
    assert_eq!(served.company(|company| company.contacts()), 11, "it was made all the same");
}

/// Answers one connection with this, whatever it asks.
async fn says(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn no_password_follows_a_redirect() {
    let elsewhere =
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.2:9/x?y=z\r\ncontent-length: 0\r\n\r\n";
    let error = client(&says(elsewhere.to_owned()).await, Duration::from_secs(5)).user_info().await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("another origin (http://127.0.0.2:9), which is not followed") && !said.contains("y=z"),
        "{said}"
    );
}

#[tokio::test]
async fn a_service_that_repeats_the_password_does_not_bring_it_into_an_error() {
    let body = format!(r#"{{"success":false,"error":{{"code":401,"message":"wrong: \u001b[31m{PASSWORD}!"}}}}"#);
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let error = client(&says(answer).await, Duration::from_secs(5)).user_info().await.unwrap_err();
    let said = format!("{error} {error:?}");
    assert!(said.contains("wrong: [31m[hidden]!") && !said.contains(PASSWORD), "{said}");
}

#[test]
fn a_root_that_no_password_may_go_to_is_refused() {
    for root in ["http://api.bms.kaseya.com", "ftp://localhost", "https://me:pw@api.bms.kaseya.com"] {
        let error = Origin::new(root).unwrap_err();
        assert!(error.to_string().contains("is not an address that bmsync may send secrets to"), "{error}");
    }
    assert!(Origin::new("https://api.bms.kaseya.com").is_ok());
}
