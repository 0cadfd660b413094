//! Redirects that are forged, stolen, replayed or garbled, and requests to the listener that are no redirects.

use bmsync::source::graph::connect::{Consent, Loopback, Outcome, Progress};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::world::{ADMIN, APPLICATION, HOME, KEY, World, browser, page};

fn parameter(query: &str, name: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).unwrap().1.into_owned()
}

#[tokio::test]
async fn a_redirect_is_good_once() {
    let world = World::new().await;
    let started = world.begin(Consent::Given);
    let query = world.query(&started, ADMIN).await;
    assert_eq!(page(world.attempts.receive(&query).await.0).0, 200);
    let (status, html) = page(world.attempts.receive(&query).await.0);
    assert!(status == 400 && html.contains("used already"), "{html}");
    assert_eq!(world.kept().len(), 1);
    assert!(matches!(world.outcome(&started).await, Outcome::Welcome(_)), "a replay does not undo it");
}

#[tokio::test]
async fn an_unknown_state_uses_nothing_up() {
    let world = World::new().await;
    let started = world.begin(Consent::Given);
    let query = world.query(&started, ADMIN).await;
    let (state, code) = (parameter(&query, "state"), parameter(&query, "code"));
    for forged in [
        format!("code={code}&state={}", "0".repeat(64)),
        format!("code={code}&state={}", &state[..63]),
        format!("code={code}&state={state}&state={state}"),
        format!("code={code}&code={code}&state={state}"),
        format!("code={code}"),
        format!("state={state}"),
        String::new(),
    ] {
        assert_eq!(page(world.attempts.receive(&forged).await.0).0, 400, "{forged}");
        assert!(matches!(world.attempts.progress(&started.id), Some(Progress::Waiting)));
    }
    assert_eq!(page(world.attempts.receive(&query).await.0).0, 200);
}

#[tokio::test]
async fn a_stolen_code_is_worth_nothing_without_the_verifier() {
    let world = World::new().await;
    let started = world.begin(Consent::Given);
    let query = world.query(&started, ADMIN).await;
    let code = parameter(&query, "code");
    // The thief even knows the application's secret.
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("client_id", APPLICATION),
            ("client_secret", KEY),
            ("redirect_uri", "http://localhost:4711/OAuth/IntegrationCallback.aspx"),
        ])
        .finish();
    let url = format!("{}/{HOME}/oauth2/v2.0/token", world.sim.url());
    let media = "application/x-www-form-urlencoded";
    let stolen = browser().post(url).header("content-type", media).body(form).send().await.unwrap();
    assert_eq!(stolen.status(), 400);
    assert!(stolen.text().await.unwrap().contains("501481"));

    // Nor in an attempt of the thief's own.
    let own = world.begin(Consent::Given);
    let state = parameter(own.url.as_ref().unwrap().query().unwrap(), "state");
    page(world.attempts.receive(&format!("code={code}&state={state}")).await.0);
    let (message, _) = world.failure(&own).await;
    assert!(message.contains("AADSTS"), "{message}");
    assert!(!message.contains(&code) && world.kept().is_empty(), "{message}");
}

#[tokio::test]
async fn attempts_are_bounded_and_known_by_their_own_ids_alone() {
    let world = World::new().await;
    let started: Vec<_> = (0..64).map(|_| world.begin(Consent::Given)).collect();
    let redirect = url::Url::parse("http://localhost:1/").unwrap();
    let error = world.attempts.begin(world.reception(), &redirect, Consent::Given).unwrap_err();
    assert!(error.message.contains("64 sign-ins are under way"), "{error}");
    assert!(world.attempts.progress("").is_none() && world.attempts.progress(&"0".repeat(64)).is_none());
    let state = parameter(started[0].url.as_ref().unwrap().query().unwrap(), "state");
    assert!(world.attempts.progress(&state).is_none(), "the state, which a browser sees, is not the ID");
}

async fn send(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn the_listener_answers_redirects_that_are_meant_for_it_alone() {
    let world = World::new().await;
    let loopback = Loopback::bind().await.unwrap();
    let redirect = loopback.redirect().unwrap();
    let started = world.attempts.begin(world.reception(), &redirect, Consent::Given).unwrap();
    let port = redirect.port().unwrap();
    let path = redirect.path();
    let state = parameter(started.url.as_ref().unwrap().query().unwrap(), "state");
    let tried = async {
        let get = |path: &str, host: &str| format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        let ours = format!("localhost:{port}");
        let good = format!("{path}?error=x&state={state}");
        for (request, status) in [
            (get(&good, "evil.example"), "421"),
            (get(&good, &format!("evil.example:{port}")), "421"),
            (get(&good, "localhost"), "421"),
            (format!("GET {good} HTTP/1.1\r\nhost: {ours}\r\nhost: evil.example\r\n\r\n"), "421"),
            (get("/", &ours), "404"),
            (get(&format!("/x{path}"), &ours), "404"),
            (format!("HEAD {good} HTTP/1.1\r\nhost: {ours}\r\n\r\n"), "405"),
            (format!("POST {good} HTTP/1.1\r\nhost: {ours}\r\ncontent-length: 0\r\n\r\n"), "405"),
            (get(&format!("{path}?code=c&state={}", "1".repeat(64)), &ours), "400"),
            (get(&format!("{path}?state={state}&code={}", "x".repeat(20_000)), &ours), "400"),
            (get(&format!("{path}?{}", "x".repeat(60_000)), &ours), "431"),
        ] {
            let answer = send(port, &request).await;
            let head: String = answer.chars().take(60).collect();
            assert!(answer.is_empty() && status == "431" || head.contains(status), "{status}: {head:?}");
        }
        assert!(matches!(world.attempts.progress(&started.id), Some(Progress::Waiting)), "nothing was used up");
        let markup =
            format!("{path}?error=access_denied&error_description=%3Cscript%3Ealert(1)%3C%2Fscript%3E&state={state}");
        let answer = send(port, &get(&markup, &ours)).await;
        assert!(answer.contains("&lt;script&gt;") && !answer.contains("<script"), "{answer}");
    };
    let serving = loopback.serve(&world.attempts, world.attempts.ended(&started.id));
    tokio::join!(serving, tried);
    assert!(world.kept().is_empty());
}
