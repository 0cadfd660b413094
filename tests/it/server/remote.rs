//! The client against the server, and against what is not bmsync.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bmsync::approved::Consent;
use bmsync::manifest::ManifestFile;
use bmsync::remote::{Collection, Manifests, Remote, RemoteError};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::http::{Served, guarded, local};
use super::world::{CONTACTS, MANIFESTS, World};

fn remote(server: &Served, token: &str) -> Remote {
    Remote::new(&server.url, Some(&SecretString::from(token))).unwrap()
}

#[tokio::test]
async fn it_asks_everything_that_can_be_asked() {
    let world = World::new();
    let server = guarded(Arc::clone(&world) as _).await;
    let act = remote(&server, "act");
    let plan = act.plan(&Manifests::none(), None).await.unwrap();
    assert_eq!(bmsync::report::decode::plan(&plan).unwrap().shown().basis.state_revision.0, 42);
    assert_eq!(act.apply(plan.clone(), Consent::Withheld).await.unwrap().written, 1);
    assert_eq!(act.apply(plan, Consent::Given).await.unwrap().written, 2);
    act.sync(None).await.unwrap();
    act.sync(Some("contoso")).await.unwrap();
    assert_eq!(world.synced.lock().unwrap().len(), 2);
    let held = act.held("contoso").await.unwrap();
    assert_eq!((held.changes.len(), held.approved_until), (1, None));
    assert!(act.approve("contoso", &held.digest).await.unwrap().approved_until.is_some());
    let first = act.page(Collection::Contacts, None, 10).await.unwrap();
    let second = act.page(Collection::Contacts, first.next.as_deref(), 1000).await.unwrap();
    assert_eq!(first.items.len() + second.items.len(), usize::try_from(CONTACTS).unwrap());
    assert_eq!(second.next, None);
    assert_eq!(act.one(Collection::Employees, "7").await.unwrap()["id"], 7);
    assert_eq!(act.one(Collection::Rules, "board").await.unwrap()["order"], 20);
    assert_eq!(act.page(Collection::Tenants, None, 10).await.unwrap().items.len(), 1);
    assert_eq!(act.page(Collection::Events, None, 10).await.unwrap().items.len(), 3);
    assert_eq!(act.explain("adele@contoso.com").await.unwrap()[0]["displayName"], serde_json::Value::Null);
    let mut exported = Vec::new();
    act.export(&mut exported).await.unwrap();
    assert_eq!(exported.split(|byte| *byte == b'\n').count(), 27);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let server = guarded(World::new()).await;
    let look = remote(&server, "look");
    let no = |error: RemoteError| {
        let RemoteError::Refused(refused) = error else { panic!("{error}") };
        refused.status
    };
    let refused = look.sync(None).await.unwrap_err();
    assert!(refused.hint().unwrap().contains("operator"));
    assert_eq!(no(refused), 403);
    let refused = remote(&server, "s3cret").sync(None).await.unwrap_err();
    assert!(refused.hint().unwrap().contains("BMSYNC_TOKEN"));
    assert!(!format!("{refused:?} {refused}").contains("s3cret"));
    assert_eq!(no(look.one(Collection::Employees, "8").await.unwrap_err()), 404);
    assert_eq!(no(look.one(Collection::Employees, "../tenants").await.unwrap_err()), 400);
    assert_eq!(no(remote(&server, "act").approve("contoso", "sha256:ff").await.unwrap_err()), 409);
    assert_eq!(no(Remote::new(&server.url, None).unwrap().explain("x").await.unwrap_err()), 401);
}

#[tokio::test]
async fn diagnostics_find_back_to_their_files() {
    let server = local(World::new()).await;
    let files: Vec<ManifestFile> = MANIFESTS
        .split("---\n")
        .enumerate()
        .map(|(number, text)| ManifestFile::new(format!("{number}.yaml"), text.replace("order: 10", "order: x")))
        .collect();
    let manifests = Manifests::of(&files);
    let refused = Remote::new(&server.url, None).unwrap().plan(&manifests, None).await.unwrap_err();
    let RemoteError::Refused(refused) = refused else { panic!("{refused}") };
    assert_eq!((refused.status, refused.diagnostics.len()), (422, 1));
    assert_eq!(manifests.place(refused.diagnostics[0].line), Some(("1.yaml", 4)));
}

/// The address of somebody who answers this to everything.
async fn impostor(answer: &'static str) -> String {
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

async fn from(answer: &'static str) -> RemoteError {
    let remote = Remote::new(&impostor(answer).await, Some(&SecretString::from("s3cret"))).unwrap();
    remote.page(Collection::Events, None, 1).await.unwrap_err()
}

#[tokio::test]
async fn what_is_not_bmsync_is_not_believed() {
    let redirect = from("HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n").await;
    assert!(matches!(redirect, RemoteError::Redirected { .. }), "{redirect}");
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{\"formatVersion\":\"999\"}",
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops",
        "HTTP/1.1 403 No\r\nContent-Type: application/problem+json\r\nContent-Length: 4\r\n\r\nnull",
    ] {
        let error = from(answer).await;
        assert!(matches!(error, RemoteError::Foreign { .. }), "{answer}: {error}");
        assert!(error.hint().is_some());
    }
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "SSH-2.0\r\n"] {
        let error = from(answer).await;
        assert!(matches!(error, RemoteError::Unreachable { .. }), "{answer}: {error}");
        assert!(!format!("{error:?}").contains("s3cret"));
    }
    let long = from(
        "HTTP/1.1 418 Teapot\r\nContent-Type: application/problem+json\r\nContent-Length: 22\r\n\r\n{\"title\":\"I am short\"} ",
    )
    .await;
    assert_eq!(long.to_string(), "I am short");
}

#[tokio::test]
async fn what_cannot_be_asked_is_said_before() {
    assert!(matches!(Remote::new("http://example.com", None), Err(RemoteError::Address(_))));
    for token in ["", "a b", "a\r\nX: y", "\u{fc}"] {
        let error = Remote::new("http://localhost:1", Some(&SecretString::from(token))).unwrap_err();
        assert!(matches!(error, RemoteError::Token));
    }
}

/// The address of somebody who gives these answers, one per request, and how many requests came.
async fn patient(answers: &'static [&'static str]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let at = counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(answers[at.min(answers.len() - 1)].as_bytes()).await;
        }
    });
    (format!("http://{address}"), asked)
}

const BUSY: &str = concat!(
    "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nConnection: close\r\nContent-Type: application/problem+json\r\n",
    "Content-Length: 34\r\n\r\n{\"type\":\"urn:bmsync:problem:busy\"}"
);
const UNAVAILABLE: &str = concat!(
    "HTTP/1.1 503 No\r\nRetry-After: 0\r\nConnection: close\r\nContent-Type: application/problem+json\r\n",
    "Content-Length: 41\r\n\r\n{\"type\":\"urn:bmsync:problem:unavailable\"}"
);
const EMPTY: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 24\r\n\r\n{\"items\":[],\"next\":null}";

#[tokio::test]
async fn a_server_that_asks_for_patience_is_asked_again() {
    let (url, asked) = patient(&[BUSY, UNAVAILABLE, EMPTY]).await;
    let remote = Remote::new(&url, None).unwrap();
    assert!(remote.page(Collection::Events, None, 1).await.unwrap().items.is_empty());
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    let (url, asked) = patient(&[BUSY]).await;
    let error = Remote::new(&url, None).unwrap().page(Collection::Events, None, 1).await.unwrap_err();
    assert_eq!((error.status(), asked.load(Ordering::SeqCst)), (Some(503), 4), "it is not asked for ever");
}

#[tokio::test]
async fn an_apply_that_may_have_begun_is_not_sent_again() {
    let (url, asked) = patient(&[BUSY, UNAVAILABLE]).await;
    let error = Remote::new(&url, None).unwrap().apply(b"{}".to_vec(), Consent::Withheld).await.unwrap_err();
    assert_eq!((error.status(), asked.load(Ordering::SeqCst)), (Some(503), 2));
    let huge = vec![b' '; (16 << 20) + 1];
    let error = Remote::new(&url, None).unwrap().apply(huge, Consent::Withheld).await.unwrap_err();
    assert!(matches!(error, RemoteError::TooLarge(_)) && asked.load(Ordering::SeqCst) == 2);
}

#[tokio::test]
async fn a_login_page_is_no_export() {
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>";
    let mut out = Vec::new();
    let error = Remote::new(&impostor(page).await, None).unwrap().export(&mut out).await.unwrap_err();
    assert!(matches!(error, RemoteError::Foreign { .. }) && out.is_empty());
}
