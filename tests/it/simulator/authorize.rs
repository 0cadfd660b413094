//! People sign in, consent and come back with a code, which is worth tokens once.

use reqwest::Method;

use super::browser::{APP, CHILD, HOME, PUBLIC, REDIRECT, SINGLE, VERIFIER, claims, parameters, refusal, refused};
use super::client::Sim;

/// Changes to a request, and the refusal.
type Case<'a> = (&'a [(&'a str, &'a str)], (u16, &'a str, u64));

#[tokio::test]
async fn the_pages_lead_to_a_code_step_by_step() {
    let sim = Sim::sign_in_world().await;
    let path = Sim::authorization(HOME, &[]);
    let page = sim.get(&path).await;
    assert_eq!((page.status, page.headers["content-type"].as_str()), (200, "text/html; charset=utf-8"));
    for part in ["id=\"username\"", "id=\"next\"", "marta@harbor.example", "Sync &lt;b&gt;&amp;"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(!page.text.contains("<b>") && !page.text.contains("ines@"), "{}", page.text);
    let unknown = sim.form(&path, &[("username", "<i>nobody</i>"), ("decision", "next")]).await;
    assert!(unknown.text.contains("AADSTS50034") && !unknown.text.contains("<i>"), "{}", unknown.text);
    let disabled = sim.form(&path, &[("username", "off@harbor.example"), ("decision", "next")]).await;
    assert!(disabled.text.contains("AADSTS50057"), "{}", disabled.text);
    let consent = sim.form(&path, &[("username", "MARTA@harbor.example"), ("decision", "next")]).await;
    for part in ["id=\"accept\"", "id=\"decline\"", "<li>User.Read.All</li>", "id=\"organization\""] {
        assert!(consent.text.contains(part), "{part}: {}", consent.text);
    }
    let back = sim.agree(&path, "marta@harbor.example").await;
    let back_parameters = parameters(&back);
    assert!(back.headers["location"].starts_with("http://localhost/callback?code="), "{:?}", back.headers);
    assert_eq!(back_parameters["state"], "st&te 1");
    assert_eq!(back_parameters["session_state"].len(), 36);
}

#[tokio::test]
async fn a_code_is_worth_tokens_that_say_who() {
    let sim = Sim::sign_in_world().await;
    let code = sim.code().await;
    let answer = sim.redeem(&code, &[]).await;
    let body = answer.json();
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(body["scope"], "User.Read User.Read.All openid profile");
    assert!(body["refresh_token"].is_string());
    let id = claims(&body["id_token"]);
    assert_eq!((&id["aud"], &id["tid"], &id["oid"]), (&APP.into(), &HOME.into(), &"u1".into()));
    assert_eq!((&id["nonce"], &id["preferred_username"]), (&"n-1".into(), &"marta@harbor.example".into()));
    assert_eq!(id["iss"], format!("{}/{HOME}/v2.0", sim.running.url()));
    let access = claims(&body["access_token"]);
    assert_eq!((&access["tid"], &access["scp"]), (&HOME.into(), &"User.Read User.Read.All".into()));
    assert_eq!((&access["appidacr"], &access["ver"]), (&"1".into(), &"1.0".into()));
    assert_eq!(refusal(&sim.redeem(&code, &[]).await), refused(400, "invalid_grant", 54_005));
}

#[tokio::test]
async fn a_code_is_redeemed_by_whom_it_is_for_alone() {
    let sim = Sim::sign_in_world().await;
    let cases: &[Case] = &[
        (&[("code_verifier", &"x".repeat(43))], (400, "invalid_grant", 501_481)),
        (&[("code_verifier", "")], (400, "invalid_grant", 501_481)),
        (&[("redirect_uri", "http://localhost/other")], (400, "invalid_grant", 50_011)),
        (&[("redirect_uri", "")], (400, "invalid_request", 900_144)),
        (&[("client_id", SINGLE), ("client_secret", "one")], (400, "invalid_grant", 70_000)),
        (&[("client_secret", "wrong")], (401, "invalid_client", 7_000_215)),
        (&[("client_secret", "old")], (401, "invalid_client", 7_000_222)),
        (&[("client_secret", "")], (401, "invalid_client", 7_000_218)),
        (&[("code", "made-up")], (400, "invalid_grant", 70_000)),
    ];
    for (changes, (status, error, number)) in cases {
        let code = sim.code().await;
        assert_eq!(refusal(&sim.redeem(&code, changes).await), refused(*status, error, *number), "{changes:?}");
        let honest = sim.redeem(&code, &[]).await;
        assert_eq!(honest.status, 200, "a refused try used the code up: {}", honest.text);
    }
    let code = sim.code().await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(refusal(&sim.ask_login(CHILD, &fields, &[]).await).2, 50_020);
    assert_eq!(sim.ask_login("common", &fields, &[]).await.status, 200);
    let code = sim.code().await;
    sim.running.control().forward(601);
    assert_eq!(refusal(&sim.redeem(&code, &[]).await), refused(400, "invalid_grant", 70_008));
}

#[tokio::test]
async fn an_answer_goes_only_where_it_may() {
    let sim = Sim::sign_in_world().await;
    for good in ["http://localhost:4711/callback", "https://sync.example/OAuth/IntegrationCallback.aspx"] {
        let answer = sim.agree(&Sim::authorization(HOME, &[("redirect_uri", good)]), "marta@harbor.example").await;
        assert!(answer.headers["location"].starts_with(good), "{:?}", answer.headers);
    }
    for bad in [
        "http://localhost/elsewhere",
        "https://sync.example/oauth/integrationcallback.aspx",
        "https://thief.example/callback",
        "http://localhost/callback#part",
        "javascript:alert(1)",
    ] {
        let answer = sim.agree(&Sim::authorization(HOME, &[("redirect_uri", bad)]), "marta@harbor.example").await;
        assert_eq!((answer.status, answer.headers.get("location")), (400, None), "{bad}");
        assert!(answer.text.contains("AADSTS50011"), "{}", answer.text);
    }
    for (changes, number) in [
        (&[("client_id", "2e7d0000-0000-4000-8000-0000000000ff")], "AADSTS700016"),
        (&[("client_id", "2e7d0000-0000-4000-8000-00000000000d")], "AADSTS7000112"),
    ] {
        let answer = sim.get(&Sim::authorization(HOME, changes)).await;
        assert!(answer.status == 400 && answer.text.contains(number), "{}", answer.text);
    }
    let single = [("client_id", SINGLE), ("redirect_uri", "http://127.0.0.1:9/x")];
    assert!(sim.get(&Sim::authorization("common", &single)).await.text.contains("AADSTS50194"));
    assert!(sim.get(&Sim::authorization(CHILD, &single)).await.text.contains("AADSTS700016"));
}

#[tokio::test]
async fn wrong_requests_go_back_with_an_error() {
    let sim = Sim::sign_in_world().await;
    for (name, value, error, number) in [
        ("response_type", "token", "unsupported_response_type", "AADSTS70005"),
        ("scope", "Mail.Everything", "invalid_client", "AADSTS650053"),
        ("scope", "https://elsewhere.example/User.Read", "invalid_resource", "AADSTS500011"),
        ("code_challenge", "short", "invalid_request", "AADSTS501491"),
        ("code_challenge_method", "S1", "invalid_request", "AADSTS50147"),
        ("prompt", "none", "login_required", "AADSTS50058"),
        ("prompt", "sometimes", "invalid_request", "AADSTS90023"),
    ] {
        let back = parameters(&sim.get(&Sim::authorization(HOME, &[(name, value)])).await);
        assert_eq!((back["error"].as_str(), back["state"].as_str()), (error, "st&te 1"), "{name}={value}");
        assert!(back["error_description"].starts_with(&format!("{number}: ")), "{back:?}");
    }
    let path = Sim::authorization(HOME, &[]);
    let declined = sim.form(&path, &[("username", "marta@harbor.example"), ("decision", "decline")]).await;
    assert_eq!(parameters(&declined)["error"], "consent_required");
    let cancelled = sim.form(&path, &[("username", ""), ("decision", "cancel")]).await;
    assert_eq!(parameters(&cancelled)["error"], "access_denied");
    sim.running.control().set_fault("sign-in=next1@authorize:53003").unwrap();
    assert!(parameters(&sim.get(&path).await)["error_description"].starts_with("AADSTS53003"));
    sim.running.control().set_fault("wrong-state=next1").unwrap();
    assert_ne!(parameters(&sim.agree(&path, "marta@harbor.example").await)["state"], "st&te 1");
}

#[tokio::test]
async fn the_answer_travels_as_it_is_asked_to() {
    let sim = Sim::sign_in_world().await;
    let fragment = sim.agree(&Sim::authorization(HOME, &[("response_mode", "fragment")]), "marta@harbor.example").await;
    assert!(fragment.headers["location"].starts_with("http://localhost/callback#code="));
    let state = "\"><script>alert(1)</script>";
    let changes = [("response_mode", "form_post"), ("state", state)];
    let form = sim.agree(&Sim::authorization(HOME, &changes), "marta@harbor.example").await;
    for part in ["method=\"post\" action=\"http://localhost/callback\"", "name=\"code\"", "id=\"continue\""] {
        assert!(form.text.contains(part), "{part}: {}", form.text);
    }
    assert!(form.text.contains("&lt;script&gt;alert(1)") && !form.text.contains("<script>alert"), "{}", form.text);
}

#[tokio::test]
async fn a_browser_stays_signed_in() {
    let sim = Sim::sign_in_world().await;
    let path = Sim::authorization(HOME, &[]);
    let first = sim.agree(&path, "marta@harbor.example").await;
    let cookie = first.headers["set-cookie"].split(';').next().unwrap().to_owned();
    let again = async |changes: &[(&str, &str)]| {
        let path = Sim::authorization(HOME, changes);
        sim.send(Method::GET, &path, &[("cookie", &cookie)], String::new()).await
    };
    assert!(parameters(&again(&[]).await).contains_key("code"));
    assert!(parameters(&again(&[("prompt", "none")]).await).contains_key("code"));
    assert!(again(&[("prompt", "login")]).await.text.contains("id=\"username\""));
    assert!(again(&[("prompt", "select_account")]).await.text.contains("id=\"username\""));
    assert!(again(&[("prompt", "consent")]).await.text.contains("id=\"accept\""));
    assert!(again(&[("login_hint", "omar@harbor.example")]).await.text.contains("value=\"omar@harbor.example\""));
    let more = again(&[("prompt", "none"), ("scope", "Group.Read.All")]).await;
    assert_eq!(parameters(&more)["error"], "consent_required");
    sim.running.control().revoke_sessions(HOME, "marta@harbor.example").unwrap();
    assert!(again(&[]).await.text.contains("id=\"username\""));
}

#[tokio::test]
async fn a_public_application_needs_no_secret() {
    let sim = Sim::sign_in_world().await;
    let path = Sim::authorization(HOME, &[("client_id", PUBLIC)]);
    let code = parameters(&sim.agree(&path, "omar@harbor.example").await)["code"].clone();
    let answer = sim.redeem(&code, &[("client_id", PUBLIC), ("client_secret", "")]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(claims(&answer.json()["access_token"])["appidacr"], "0");
}
