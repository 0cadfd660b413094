//! What passes between the program and the login service while people and applications sign in (codes, tokens of every
//! kind, assertions, verifiers, states, nonces) is on the wire and nowhere else: not in the log at its most talkative, not in
//! what is printed, not in saved plans, events or the state.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bmsync::simulator::{Options, Simulator, World};
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use super::place::{Place, in_a_browser};
use super::program::{PATIENCE, command, manifests};
use super::world::{ADMIN, DIRECTORY, HOME, KEY, browser};
use crate::e2e::tap::{Tap, every_file, latin, unpacked};

const RSA: &str = include_str!("../graph/keys/rsa.pem");
const RULE: &str = "apiVersion: bmsync/v1\nkind: MappingRule\nmetadata: { name: dispatchers }\nspec: { tenantId: \
    84841066-274d-4ec0-a5c1-276be684bdd3, groupId: 45b7d2e7-b882-4a80-ba97-10b7a63b8fa4, order: 1, record: employee }\n";

/// A place with a tap between the program and the services, and what was said there.
struct Overheard {
    place: Place,
    tap: Tap,
    said: Vec<(String, String)>,
}

impl Overheard {
    async fn of(directory: &str) -> Self {
        let options = Options { device_interval: std::time::Duration::from_secs(1), ..Options::default() };
        let directory = directory
            .replace("id: g1", "id: 45b7d2e7-b882-4a80-ba97-10b7a63b8fa4")
            .replace("displayName: Marta", "displayName: Marta, givenName: Marta, surname: Lind")
            .replace("displayName: Omar", "displayName: Omar, givenName: Omar, surname: Haddad");
        let sim = Simulator::start(World::from_yaml(&directory).unwrap(), options).await.unwrap();
        let place = Place { sim, folder: tempfile::tempdir().unwrap() };
        let tap = Tap::on(place.sim.address().to_string());
        manifests(place.path(), &tap.url);
        let defaults = crate::run::world::DEFAULTS;
        std::fs::write(place.path().join("manifests/rule.yaml"), format!("{RULE}---\n{defaults}")).unwrap();
        Self { place, tap, said: Vec::new() }
    }

    /// The program, saying all that it can.
    fn talkative(&self, args: &[&str]) -> Command {
        let format = if self.said.len().is_multiple_of(2) { "text" } else { "json" };
        let mut command = command(self.place.path(), &[&["-vvv", "--log-format", format], args].concat());
        command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
        command
    }

    /// Runs it to its end.
    async fn say(&mut self, args: &[&str], exit: i32) {
        let output = timeout(PATIENCE, self.talkative(args).output()).await.unwrap().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{args:?}: {text}");
        self.said.push((format!("{args:?}"), text));
    }

    /// A person enters the code that it shows.
    async fn by_code(&mut self, args: &[&str], exit: i32) {
        let child = self.talkative(args).spawn().unwrap();
        let (code, text) = self.place.with_a_code(child, Some(ADMIN)).await;
        assert_eq!(code, exit, "{args:?}: {text}");
        self.said.push((format!("{args:?}"), text));
    }

    /// A person follows the address that it shows, through as many pages as there are.
    async fn by_browser(&mut self, args: &[&str], exit: i32) {
        let child = self.talkative(args).spawn().unwrap();
        let (code, text) = in_a_browser(child).await;
        assert_eq!(code, exit, "{args:?}: {text}");
        self.said.push((format!("{args:?}"), text));
    }

    /// Nothing of it is anywhere.
    fn check(self, more: &[&str], at_least: usize) {
        let mut secrets = self.tap.secrets();
        assert!(secrets.len() >= at_least, "{} secrets went over the wire", secrets.len());
        secrets.extend(more.iter().map(|secret| (*secret).to_owned()));
        let mut places = self.said;
        every_file(self.place.path(), &mut |path, bytes| {
            let text = latin(bytes) + &latin(&unpacked(bytes));
            if !path.ends_with("proof") {
                places.push((path.display().to_string(), text));
            }
        });
        assert!(places.iter().any(|(place, _)| place.ends_with("/db")), "the state was looked through");
        for (place, text) in &places {
            let found: BTreeSet<&String> = secrets.iter().filter(|secret| text.contains(secret.as_str())).collect();
            if let Some(secret) = found.first() {
                let at = text.find(secret.as_str()).unwrap();
                let line = text[..at].rfind('\n').map_or(0, |line| line + 1);
                panic!("{place} tells {secret}: {}", text[line..].lines().next().unwrap_or_default());
            }
        }
    }
}

#[tokio::test]
async fn a_person_in_a_browser() {
    let mut all = Overheard::of(DIRECTORY).await;
    let connect = ["connect", "harbor", "--no-browser"];
    for (fault, exit) in [
        ("wrong-nonce=next1", 1),
        ("foreign-tenant=next1", 1),
        // The code is used up by an answer that cannot be read.
        ("not-json=next1@token", 1),
        ("truncated-json=next1@token", 1),
        ("no-roles=always@/v1.0/users", 1),
        ("plain-error=off", 0),
    ] {
        all.place.fault(fault);
        all.by_browser(&[&connect[..], &["-o", "json"]].concat(), exit).await;
        all.place.control().clear_faults();
    }
    all.by_browser(&["connect", "harbor", "--no-browser", "--admin-consent"], 0).await;
    all.say(&["plan", "--out", "plan.json"], 0).await;
    all.say(&["apply", "plan.json", "--yes"], 0).await;
    for args in [
        &["plan", "-o", "json"][..],
        &["get", "tenants", "-o", "json"],
        &["get", "events", "-o", "json"],
        &["explain", ADMIN, "-o", "json"],
        &["doctor", "-o", "json"],
        &["export", "--out", "export.jsonl"],
    ] {
        all.say(args, 0).await;
    }
    for fault in [
        "sign-in=next1:4711",
        "sign-in=next1:7000215",
        "expired-id-token=next1",
        "redirect=next1@token",
        "expire-refresh-token=next1",
    ] {
        all.place.fault(fault);
        all.say(&["plan", "--out", "plan.json"], 1).await;
        all.place.control().clear_faults();
    }
    for part in ["grant_type=refresh_token", "\"id_token\":\"", "&code_verifier=", "&code_challenge=", "&nonce="] {
        assert!(all.tap.counts(part) > 3, "{part} went by {} times", all.tap.counts(part));
    }
    all.check(&[KEY], 60);
}

#[tokio::test]
async fn a_person_with_a_code() {
    let mut all = Overheard::of(DIRECTORY).await;
    all.place.fault("foreign-tenant=next1");
    all.by_code(&["connect", "harbor", "--device-code"], 1).await;
    all.place.fault("slow-down=next1");
    all.by_code(&["connect", "harbor", "--device-code", "-o", "json"], 0).await;
    all.say(&["plan", "--out", "plan.json"], 0).await;
    all.say(&["apply", "plan.json", "--yes"], 0).await;
    all.say(&["get", "events", "-o", "json"], 0).await;
    assert!(all.tap.counts("&device_code=") > 1 && all.tap.counts("\"refresh_token\":\"") > 2);
    all.check(&[KEY], 15);
}

#[tokio::test]
async fn a_person_at_a_server() {
    let mut all = Overheard::of(DIRECTORY).await;
    let mut server = all.talkative(&["run", "--listen", "127.0.0.1:0"]).spawn().unwrap();
    let url = BufReader::new(server.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
    let stderr = server.stderr.take().unwrap();
    let told = tokio::spawn(async move {
        let (mut lines, mut text) = (BufReader::new(stderr).lines(), String::new());
        while let Ok(Some(line)) = lines.next_line().await {
            text = text + &line + "\n";
        }
        text
    });
    all.by_browser(&["connect", "harbor", "--no-browser", "--server", &url], 0).await;
    all.by_browser(&["connect", "harbor", "--no-browser", "--admin-consent", "--server", &url], 0).await;
    all.by_code(&["connect", "harbor", "--device-code", "--server", &url], 0).await;
    let forged =
        format!("{url}/OAuth/IntegrationCallback.aspx?code=f0rged-code-of-a-stranger&state=f0rged-state-of-one");
    assert_eq!(browser().get(forged).send().await.unwrap().status(), 400);
    all.say(&["get", "tenants", "-o", "json", "--server", &url], 0).await;
    all.place.control().revoke_sessions(HOME, "u1").unwrap();
    all.say(&["sync", "--server", &url], 0).await;
    all.say(&["disconnect", "harbor", "--server", &url], 0).await;
    server.kill().await.unwrap();
    let text = told.await.unwrap();
    assert!(text.lines().count() > 50, "it says much: {text}");
    all.said.push(("the server".to_owned(), text));
    all.check(&[KEY, "f0rged-code-of-a-stranger", "f0rged-state-of-one"], 30);
}

#[tokio::test]
async fn applications_with_a_certificate_and_with_a_federated_token() {
    let key = KeyPair::from_pem(RSA).unwrap();
    let pem = CertificateParams::new(vec!["bmsync.example".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
    let federated = json!([{ "issuer": "https://ci.example", "subject": "repo:sync" }]);
    let proofs = format!("certificates: [{}]\n    federated: {federated}", json!(pem));
    let mut all = Overheard::of(&DIRECTORY.replace("secrets: [{ value: \"s&cret=1\" }]", &proofs)).await;
    let application = "certificate: { file: proof }\n  signIn: application";
    all.place.declare("applicationKey: { env: HARBOR_KEY }", application);
    all.place.write("proof", &format!("{pem}{RSA}"));
    all.say(&["plan", "--out", "plan.json"], 0).await;
    all.say(&["apply", "plan.json", "--yes"], 0).await;
    all.place.fault("sign-in=next1:4711");
    all.say(&["plan"], 1).await;
    all.say(&["doctor", "-o", "json"], 0).await;
    // Half of a key, a key of another kind, and no key at all are told of, not shown.
    let half = &RSA[..RSA.len() / 2];
    for proof in [format!("{pem}{half}"), half.to_owned(), RSA.to_owned()] {
        all.place.write("proof", &proof);
        all.say(&["plan"], 1).await;
    }
    all.place.declare("certificate:", "federatedToken:");
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let ends = jiff::Timestamp::now().as_second() + 600;
    let claims =
        json!({ "iss": "https://ci.example", "sub": "repo:sync", "aud": "api://AzureADTokenExchange", "exp": ends });
    let token = format!("{}.{}.c2lnbmF0dXJlLW9mLW5vYm9keQ", part(json!({ "alg": "ES256" })), part(claims));
    all.place.write("proof", &token);
    all.say(&["plan", "--out", "plan.json"], 0).await;
    all.place.write("proof", &token.replace(".c2ln", ".\nc2ln"));
    all.say(&["plan"], 1).await;
    assert!(all.tap.counts("&client_assertion=") >= 5, "{}", all.tap.counts("&client_assertion="));
    let lines: Vec<&str> = RSA.lines().filter(|line| line.len() == 64).collect();
    all.check(&[&lines[..], &[&token]].concat(), 8);
}
