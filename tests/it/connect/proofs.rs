//! Applications that prove themselves by a certificate or by a token of another issuer: the program against the login
//! service that checks it, and a running one whose file is changed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};

use super::place::{Place, condition};
use super::world::DIRECTORY;

const RSA: &str = include_str!("../graph/keys/rsa.pem");
const OTHER: &str = include_str!("../graph/keys/other.pem");
const ISSUER: &str = "https://token.ci.example";
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// A certificate of a key, good until that year.
fn certificate(key: &str, until: i32) -> String {
    let key = KeyPair::from_pem(key).unwrap();
    let mut params = CertificateParams::new(vec!["bmsync.example".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    params.self_signed(&key).unwrap().pem()
}

/// Another issuer.
struct Issuer(KeyPair);

impl Issuer {
    fn new() -> Self {
        Self(KeyPair::generate().unwrap())
    }

    fn jwk(&self) -> Value {
        let point = self.0.der_bytes();
        json!({ "kty": "EC", "kid": "k1", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
            "y": URL_SAFE_NO_PAD.encode(&point[33..65]) })
    }

    /// A token for a subject that ends in so many seconds.
    fn token(&self, subject: &str, audience: &str, ends_in_s: i64) -> String {
        let claims = json!({ "iss": ISSUER, "sub": subject, "aud": audience,
            "exp": jiff::Timestamp::now().as_second() + ends_in_s });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({ "alg": "ES256", "typ": "JWT", "kid": "k1" })), part(&claims));
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &self.0.serialize_der(), &random).unwrap();
        let signature = pair.sign(&random, text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

/// A registration that trusts one certificate and one issuer and has no secret.
async fn place(issuer: &Issuer) -> Place {
    let pem = serde_json::to_string(&certificate(RSA, 2120)).unwrap();
    let federated = json!([{ "issuer": ISSUER, "subject": "repo:sync", "keys": [issuer.jwk()] }]);
    let proofs = format!("certificates: [{pem}]\n    federated: {federated}");
    let place = Place::of(&DIRECTORY.replace("secrets: [{ value: \"s&cret=1\" }]", &proofs)).await;
    place.declare("applicationKey: { env: HARBOR_KEY }", "certificate: { file: proof }\n  signIn: application");
    place
}

/// A plan goes well.
#[track_caller]
fn assert_read((exit, said): (i32, String)) {
    assert!(exit == 0 && said.contains("2 users"), "{exit}: {said}");
}

/// A plan fails and says all of this.
#[track_caller]
fn assert_refused((exit, said): (i32, String), parts: &[&str]) {
    assert!(exit == 1 && parts.iter().all(|part| said.contains(part)), "{parts:?}: {exit}: {said}");
    assert!(!said.contains("PRIVATE KEY") && !said.contains("eyJ"), "{said}");
}

#[tokio::test]
async fn a_certificate_is_taken_and_a_wrong_one_is_told() {
    let registered = certificate(RSA, 2120);
    let place = registered_with(&json!([{ "pem": registered }])).await;
    place.write("proof", &format!("{registered}{RSA}"));
    assert_read(place.done(&["plan"]).await);
    let (exit, told) = place.json(&["doctor", "harbor", "-o", "json"]).await;
    let secret = told["checks"].as_array().unwrap().iter().find(|one| one["check"] == "secret").unwrap();
    assert!(exit == 0 && secret["message"].as_str().unwrap().contains("good until 2120-01-01"), "{secret}");

    let asked = || place.control().stats().total();
    let before = asked();
    place.write("proof", &format!("{registered}{OTHER}"));
    assert_refused(place.done(&["plan"]).await, &["do not belong together"]);
    place.write("proof", &format!("{}{RSA}", certificate(RSA, 2021)));
    assert_refused(place.done(&["plan"]).await, &["expired on 2021-01-01", "make a new one"]);
    assert_eq!(asked(), before, "what cannot be good is not even shown");
    // Another certificate counts as a stranger's, even one of the same key.
    for (key, until) in [(OTHER, 2120), (RSA, 2119)] {
        place.write("proof", &format!("{}{key}", certificate(key, until)));
        assert_refused(place.done(&["plan"]).await, &["AADSTS700027", "upload the certificate in the file", "clock"]);
    }
}

/// A registration with these certificates.
async fn registered_with(certificates: &Value) -> Place {
    let proofs = format!("certificates: {certificates}");
    let place = Place::of(&DIRECTORY.replace("secrets: [{ value: \"s&cret=1\" }]", &proofs)).await;
    place.declare("applicationKey: { env: HARBOR_KEY }", "certificate: { file: proof }\n  signIn: application");
    place
}

#[tokio::test]
async fn a_certificate_that_the_service_counts_as_over_is_told() {
    let registered = certificate(RSA, 2120);
    let place = registered_with(&json!([{ "pem": registered, "expires": "2021-01-01T00:00:00Z" }])).await;
    place.write("proof", &format!("{registered}{RSA}"));
    assert_refused(place.done(&["plan"]).await, &["AADSTS700027", "upload the certificate"]);
}

#[tokio::test]
async fn a_federated_token_is_taken_and_a_wrong_one_is_told() {
    let issuer = Issuer::new();
    let place = place(&issuer).await;
    place.declare("certificate:", "federatedToken:");
    place.write("proof", &issuer.token("repo:sync", AUDIENCE, 600));
    assert_read(place.done(&["plan"]).await);
    for (token, parts) in [
        (issuer.token("repo:other", AUDIENCE, 600), ["AADSTS700213", "Federated credentials"]),
        (issuer.token("repo:sync", "api://else", 600), ["AADSTS700212", "Federated credentials"]),
        (issuer.token("repo:sync", AUDIENCE, -400), ["AADSTS700024", "must be renewed in the file"]),
        (Issuer::new().token("repo:sync", AUDIENCE, 600), ["AADSTS50027", "login service refuses"]),
    ] {
        place.write("proof", &token);
        assert_refused(place.done(&["plan"]).await, &parts);
    }
    std::fs::remove_file(place.path().join("proof")).unwrap();
    assert_refused(place.done(&["plan"]).await, &["federated token cannot be read"]);
}

#[tokio::test]
async fn a_file_that_changes_under_a_running_bmsync_is_taken_at_once() {
    let issuer = Issuer::new();
    let registered = certificate(RSA, 2120);
    for kind in ["certificate", "federatedToken"] {
        let proofs = json!([{ "issuer": ISSUER, "subject": "repo:sync", "keys": [issuer.jwk()] }]);
        let proofs = format!("certificates: [{}]\n    federated: {proofs}", json!(registered));
        let place = Place::of(&DIRECTORY.replace("secrets: [{ value: \"s&cret=1\" }]", &proofs)).await;
        let spec = format!("{kind}: {{ file: proof }}\n  signIn: application");
        place.declare("applicationKey: { env: HARBOR_KEY }", &spec);
        let (wrong, right) = if kind == "certificate" {
            (format!("{}{OTHER}", certificate(OTHER, 2120)), format!("{registered}{RSA}"))
        } else {
            (issuer.token("repo:sync", AUDIENCE, -400), issuer.token("repo:sync", AUDIENCE, 600))
        };
        place.write("proof", &wrong);
        let served = place.run(&[]).await;
        let told = served.until(&place, "it waits", |told| condition(told, "Connected")["status"] == "False").await;
        assert_eq!(condition(&told, "Connected")["reason"], "OperatorMustAct", "{kind}: {told}");
        place.write("proof", &right);
        let told = served.until(&place, "it reads", |told| told["phase"] == "watching").await;
        assert_eq!(told["users"], 2);
        let current = condition(&told, "CredentialsCurrent");
        assert_eq!(current["status"] == "True", kind == "certificate", "its end is known of a certificate: {told}");
        served.kill().await;
    }
}

/// A person signs in, and the application proves itself by its certificate each time.
#[tokio::test]
async fn a_person_and_a_certificate() {
    let registered = certificate(RSA, 2120);
    let place = registered_with(&json!([{ "pem": registered }])).await;
    place.declare("signIn: application", "signIn: delegated");
    place.write("proof", &format!("{registered}{RSA}"));
    let (exit, said) = place.connect(&[]).await;
    assert_eq!(exit, 0, "{said}");
    assert_read(place.done(&["plan"]).await);
    assert_read(place.done(&["plan"]).await);
    place.write("proof", &format!("{}{OTHER}", certificate(OTHER, 2120)));
    assert_refused(place.done(&["plan"]).await, &["AADSTS700027"]);
    place.write("proof", &format!("{registered}{RSA}"));
    assert_read(place.done(&["plan"]).await);
}
