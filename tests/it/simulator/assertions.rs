//! Assertions in place of a secret: certificates in both forms, and tokens of an outside issuer.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bmsync::simulator::{Options, World};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, PublicKeyData as _};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::browser::{claims, refusal, refused};
use super::client::{Answer, Sim};

/// Made for these tests and used nowhere else: there is no small crate that makes RSA keys.
pub(crate) const KEY: &str = include_str!("assertion-key.pem");
const TENANT: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
const APP: &str = "2e7d0000-0000-4000-8000-00000000000a";
const OUTSIDE: &str = "https://token.ci.example";

struct Signer {
    sim: Sim,
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    certificate: Vec<u8>,
}

impl Signer {
    async fn new() -> Self {
        let pair = KeyPair::from_pkcs8_pem_and_sign_algo(KEY, &PKCS_RSA_SHA256).expect("a key");
        let certificate = CertificateParams::default().self_signed(&pair).expect("a certificate");
        let rsa = RsaKeyPair::from_pkcs8(&pair.serialize_der()).expect("a key");
        let outside = KeyPair::generate().expect("a key");
        let ec =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &outside.serialize_der(), &SystemRandom::new())
                .expect("a key");
        let point = outside.der_bytes();
        let jwk = json!({ "kty": "EC", "kid": "k1", "crv": "P-256",
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..65]) });
        let world = json!({
            "applications": [{ "id": APP, "secrets": ["demo-key"],
                "certificates": [{ "pem": certificate.pem(), "expires": "2090-01-01T00:00:00Z" }],
                "federated": [{ "issuer": OUTSIDE, "subject": "repo:sync", "keys": [jwk] }] }],
            "tenants": [{ "id": TENANT, "domain": "harbor.onmicrosoft.com" }],
        });
        let sim = Sim::of(World::from_yaml(&world.to_string()).expect("a world"), Options::default()).await;
        Self { sim, rsa, ec, certificate: certificate.der().to_vec() }
    }

    fn endpoint(&self) -> String {
        format!("{}/{TENANT}/oauth2/v2.0/token", self.sim.running.url())
    }

    fn claims(&self, jti: &str) -> Value {
        let now = jiff::Timestamp::now().as_second();
        json!({ "aud": self.endpoint(), "iss": APP, "sub": APP, "jti": jti, "iat": now, "nbf": now, "exp": now + 600 })
    }

    /// An assertion in the new form or the old.
    fn assertion(&self, alg: &str, claims: &Value) -> String {
        let thumbprint = |algorithm| URL_SAFE_NO_PAD.encode(digest(algorithm, &self.certificate));
        let header = match alg {
            "PS256" => json!({ "alg": alg, "typ": "JWT", "x5t#S256": thumbprint(&SHA256) }),
            "RS256" => json!({ "alg": alg, "typ": "JWT", "x5t": thumbprint(&SHA1_FOR_LEGACY_USE_ONLY) }),
            _ => json!({ "alg": alg, "typ": "JWT", "kid": "k1" }),
        };
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; self.rsa.public().modulus_len()];
        let rng = SystemRandom::new();
        match alg {
            "PS256" => self.rsa.sign(&RSA_PSS_SHA256, &rng, text.as_bytes(), &mut signature).unwrap(),
            "RS256" => self.rsa.sign(&RSA_PKCS1_SHA256, &rng, text.as_bytes(), &mut signature).unwrap(),
            _ => signature = self.ec.sign(&rng, text.as_bytes()).unwrap().as_ref().to_vec(),
        }
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    async fn send(&self, assertion: &str) -> Answer {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let fields = [("client_id", APP), ("client_assertion_type", kind), ("client_assertion", assertion)];
        self.sim.ask_token(TENANT, &fields).await
    }
}

#[tokio::test]
async fn both_forms_of_a_certificate_assertion_are_taken_once() {
    let signer = Signer::new().await;
    for alg in ["PS256", "RS256"] {
        let assertion = signer.assertion(alg, &signer.claims(alg));
        let answer = signer.send(&assertion).await;
        assert_eq!(answer.status, 200, "{alg}: {}", answer.text);
        assert_eq!(claims(&answer.json()["access_token"])["appidacr"], "2");
        let replayed = signer.send(&assertion).await;
        assert_eq!(refusal(&replayed), refused(401, "invalid_client", 700_027), "{}", replayed.text);
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_an_assertion_is_refused() {
    let signer = Signer::new().await;
    let now = jiff::Timestamp::now().as_second();
    for (claim, value, code) in [
        ("aud", json!("https://login.microsoftonline.com/x/oauth2/v2.0/token"), 50_027),
        ("sub", json!("somebody-else"), 700_021),
        ("iss", json!("https://nobody.example"), 700_021),
        ("exp", json!(now - 301), 700_024),
        ("nbf", json!(now + 301), 700_024),
        ("exp", Value::Null, 700_024),
        ("jti", Value::Null, 50_027),
    ] {
        let mut claims = signer.claims("one");
        claims[claim] = value.clone();
        let answer = signer.send(&signer.assertion("PS256", &claims)).await;
        assert_eq!(refusal(&answer), refused(401, "invalid_client", code), "{claim}={value}: {}", answer.text);
    }
    let good = signer.assertion("PS256", &signer.claims("two"));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let other = signer.assertion("RS256", &signer.claims("two"));
    let mixed = format!("{signed}.{}", other.rsplit_once('.').unwrap().1);
    for bad in [&mixed, "a.b.c", "", "one", &good[..good.len() - 8]] {
        assert_eq!(signer.send(bad).await.status, 401, "{bad}");
    }
    assert_eq!(signer.send(&good).await.status, 200, "a refused assertion was remembered");
}

#[tokio::test]
async fn a_certificate_can_expire() {
    let signer = Signer::new().await;
    for _ in 0..2 {
        signer.sim.running.control().forward(u32::MAX);
    }
    let answer = signer.send(&signer.assertion("PS256", &signer.claims("late"))).await;
    assert_eq!(refusal(&answer).2, 700_027);
    assert!(answer.text.contains("expired"), "{}", answer.text);
}

#[tokio::test]
async fn an_outside_token_stands_for_a_credential() {
    let signer = Signer::new().await;
    let now = jiff::Timestamp::now().as_second();
    let usual = json!({ "iss": OUTSIDE, "sub": "repo:sync", "aud": "api://AzureADTokenExchange", "exp": now + 300 });
    let answer = signer.send(&signer.assertion("ES256", &usual)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let again = signer.send(&signer.assertion("ES256", &usual)).await;
    assert_eq!(again.status, 200, "an outside token may be shown again: {}", again.text);
    for (claim, value, code) in [
        ("sub", json!("repo:other"), 700_213),
        ("aud", json!("api://else"), 700_212),
        ("exp", json!(now - 301), 700_024),
    ] {
        let mut claims = usual.clone();
        claims[claim] = value;
        assert_eq!(refusal(&signer.send(&signer.assertion("ES256", &claims)).await).2, code, "{claim}");
    }
    let mut listed = usual.clone();
    listed["aud"] = json!(["kubernetes", "api://AzureADTokenExchange"]);
    assert_eq!(signer.send(&signer.assertion("ES256", &listed)).await.status, 200);
    let forged = signer.assertion("PS256", &usual);
    assert_eq!(refusal(&signer.send(&forged).await).2, 50_027);
}
