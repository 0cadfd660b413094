//! How an application proves itself: the bytes of its assertions, and what is said of keys and certificates that do not do.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bmsync::directory::TenantDirectory;
use bmsync::manifest::config::{Credential, SecretRef, Tenant};
use bmsync::source::graph::{GraphSource, Http, proof_expires};
use bmsync::source::{Job, Source as _, SourceErrorClass};
use jiff::Timestamp;
use ring::signature::{KeyPair as _, RSA_PSS_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::grants::Memory;
use super::server::Server;
use super::world::{TOKEN, World, last, script, status, tenant, token};

const RSA: &str = include_str!("keys/rsa.pem");
const OTHER: &str = include_str!("keys/other.pem");
const PKCS1: &str = include_str!("keys/rsa-pkcs1.pem");
const ENCRYPTED: &str = include_str!("keys/encrypted.pem");
const ENCRYPTED_PKCS1: &str = include_str!("keys/encrypted-pkcs1.pem");

/// A certificate of a key, good between two years.
fn certificate(key: &str, from: i32, to: i32) -> rcgen::Certificate {
    let key = rcgen::KeyPair::from_pem(key).expect("a key");
    let mut params = rcgen::CertificateParams::new(vec!["bmsync.example".to_owned()]).expect("a name");
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(to, 1, 1);
    params.self_signed(&key).expect("a certificate")
}

fn good(key: &str) -> String {
    certificate(key, 2020, 2120).pem()
}

fn with_certificate(world: &mut World, pem: &str) {
    let path = world.folder().join("certificate.pem");
    std::fs::write(&path, pem).expect("a file");
    world.tenant.credential = Credential::Certificate(SecretRef::File(path));
}

/// The form of the only token request.
fn form(server: &Server) -> Vec<(String, String)> {
    let seen = server.seen(TOKEN);
    assert_eq!(seen.len(), 1);
    url::form_urlencoded::parse(seen[0].body.as_bytes()).into_owned().collect()
}

fn value<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    let values: Vec<_> = form.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect();
    assert_eq!(values.len(), 1, "{name} in {form:?}");
    values[0]
}

fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

#[tokio::test]
async fn a_certificate_signs_an_assertion_that_its_public_key_verifies() {
    for key in [RSA, PKCS1] {
        let mut world = World::new([]).await;
        let issued = certificate(RSA, 2020, 2120);
        with_certificate(&mut world, &format!("{key}\n{}\n{}", good(OTHER), issued.pem()));
        let before = Timestamp::now().as_second();
        world.read().await;

        let form = form(&world.server);
        assert_eq!(value(&form, "grant_type"), "client_credentials");
        assert_eq!(value(&form, "client_id"), "1f3c5d7e-0000-4000-8000-000000000001");
        assert!(form.iter().all(|(name, _)| name != "client_secret"));
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        assert_eq!(value(&form, "client_assertion_type"), kind);
        let assertion = value(&form, "client_assertion");
        let [header, claims, signature] = assertion.split('.').collect::<Vec<_>>()[..] else { panic!("{assertion}") };

        let pkcs8 = rustls::pki_types::PrivatePkcs8KeyDer::from_pem_slice(RSA.as_bytes()).expect("PEM");
        let pair = RsaKeyPair::from_pkcs8(pkcs8.secret_pkcs8_der()).expect("a key");
        let public = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, pair.public_key().as_ref());
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        public.verify(format!("{header}.{claims}").as_bytes(), &signature).expect("the signature holds");

        let thumbprint = ring::digest::digest(&ring::digest::SHA256, issued.der());
        let expected = serde_json::json!({
            "alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(thumbprint.as_ref()),
        });
        assert_eq!(decoded(header), expected);
        let claims = decoded(claims);
        assert_eq!(claims["aud"], format!("{}{TOKEN}", world.server.base));
        assert_eq!((&claims["iss"], &claims["sub"]), (&claims["sub"], &Value::from(value(&form, "client_id"))));
        let at = |name: &str| claims[name].as_i64().expect("seconds");
        assert!((before..=Timestamp::now().as_second()).contains(&at("iat")), "{claims}");
        assert!(at("nbf") <= at("iat") && (300..=600).contains(&(at("exp") - at("iat"))), "{claims}");
        assert!(claims["jti"].as_str().is_some_and(|id| id.len() > 15), "{claims}");
    }
}

#[tokio::test]
async fn what_cannot_sign_is_told_with_the_next_step_and_asks_nobody() {
    let ec = rcgen::KeyPair::generate().expect("an EC key");
    let ec_certificate = {
        let params = rcgen::CertificateParams::new(vec!["bmsync.example".to_owned()]).expect("a name");
        params.self_signed(&ec).expect("a certificate").pem()
    };
    let sec1 = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQ==\n-----END EC PRIVATE KEY-----\n";
    for (pem, said, next) in [
        (good(RSA), "holds no private key", "BEGIN PRIVATE KEY"),
        (RSA.to_owned(), "no certificate", "BEGIN CERTIFICATE"),
        (format!("{}{}", good(OTHER), RSA), "do not belong together", "into one file"),
        (format!("{}{RSA}{OTHER}", good(RSA)), "more than one private key", "belongs to the certificate"),
        (format!("{ec_certificate}{}", ec.serialize_pem()), "is not RSA", "openssl req"),
        (format!("{ec_certificate}{sec1}"), "is not RSA", "openssl req"),
        (format!("{}{ENCRYPTED}", good(RSA)), "is encrypted", "openssl pkey"),
        (format!("{}{ENCRYPTED_PKCS1}", good(RSA)), "is encrypted", "openssl pkey"),
        (format!("{}{RSA}", certificate(RSA, 2001, 2002).pem()), "expired on 2002-01-01", "upload it"),
        (format!("{}{RSA}", certificate(RSA, 2110, 2120).pem()), "not good before 2110-01-01", "clock"),
        ("s3cret but no PEM".to_owned(), "holds no private key", "BEGIN PRIVATE KEY"),
        ("-----BEGIN PRIVATE KEY-----\ns3cret\n".to_owned(), "is not PEM", "BEGIN CERTIFICATE"),
        ("\n".to_owned(), "is empty", "certificate"),
    ] {
        let mut world = World::new([]).await;
        with_certificate(&mut world, &pem);
        let error = world.fail().await;
        assert_eq!((error.class, error.job), (SourceErrorClass::Person, Job::Operator), "{error}");
        assert!(error.message.contains(said) && error.message.contains("certificate.pem"), "{said}: {error}");
        assert!(error.hint.as_deref().is_some_and(|hint| hint.contains(next)), "{said}: {:?}", error.hint);
        assert!(!format!("{error:?}").contains("s3cret") && !format!("{error:?}").contains("MII"), "{error:?}");
        assert_eq!(world.server.count("*"), 0, "{said}");
    }
}

#[tokio::test]
async fn a_federated_token_is_read_anew_for_each_sign_in() {
    let mut world = World::new([(TOKEN, vec![token("t", 0)])]).await;
    let path = world.folder().join("token");
    world.tenant.credential = Credential::Federated(SecretRef::File(path.clone()));
    let source = world.source();
    let mut directory = TenantDirectory::default();
    for jwt in ["eyJh.eyJi.one", "eyJh.eyJi.two"] {
        std::fs::write(&path, format!("{jwt}\n")).expect("a file");
        source.refresh(&mut directory, &()).await.expect("a read");
        let seen = world.server.seen(TOKEN);
        let last = seen.last().expect("a request");
        assert!(last.body.contains(&format!("client_assertion={jwt}")), "{}", last.body);
    }
    std::fs::remove_file(&path).expect("it is gone");
    let error = source.refresh(&mut directory, &()).await.expect_err("no token");
    assert!(error.message.contains("federated token cannot be read"), "{error}");
}

#[tokio::test]
async fn the_dates_of_a_certificate_are_known_and_those_of_a_secret_are_not() {
    let mut world = World::new([]).await;
    assert_eq!(proof_expires(&world.tenant, Timestamp::now()).expect("a secret"), None);
    with_certificate(&mut world, &format!("{}{RSA}", good(RSA)));
    let expires = proof_expires(&world.tenant, Timestamp::now()).expect("a certificate");
    assert_eq!(expires, Some("2120-01-01T00:00:00Z".parse().expect("an instant")));
}

/// A login service and Graph at once, which puts another key into the file while the first one is on its way.
async fn rotating(key: PathBuf, contents: &'static [&'static str]) -> (String, Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let sent = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (seen, graph) = (Arc::clone(&sent), base.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = vec![0; 16 * 1024];
            let read = stream.read(&mut bytes).await.expect("a request");
            let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
            let (code, body) = if text.starts_with("POST") {
                let round = {
                    let mut seen = seen.lock().expect("a list");
                    seen.push(text.rsplit_once("client_secret=").map_or("", |(_, key)| key).to_owned());
                    seen.len()
                };
                if let Some(next) = contents.get(round - 1) {
                    std::fs::write(&key, next).expect("a file");
                }
                if text.contains("the-right-one") {
                    (200, r#"{"token_type":"Bearer","expires_in":3599,"access_token":"t"}"#.to_owned())
                } else {
                    (401, r#"{"error":"invalid_client","error_codes":[7000215]}"#.to_owned())
                }
            } else {
                (200, format!(r#"{{"value":[],"@odata.deltaLink":"{graph}/next"}}"#))
            };
            let head = format!("HTTP/1.1 {code} X\r\ncontent-type: application/json\r\nconnection: close\r\n");
            let _ = stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
        }
    });
    (base, sent)
}

async fn sign_in(base: &str, key: &Path) -> Result<(), bmsync::source::SourceError> {
    let tenant = tenant(base, key.to_owned());
    let source =
        GraphSource::new(&tenant, &Http::new(), World::new([]).await.pace, Memory::default().delegation(&tenant.id))
            .expect("a source");
    source.refresh(&mut TenantDirectory::default(), &()).await.map(drop)
}

#[tokio::test]
async fn a_secret_that_has_just_been_replaced_is_read_again_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, "an-old-one").expect("a file");
    let (base, sent) = rotating(key.clone(), &["the-right-one\n"]).await;
    sign_in(&base, &key).await.expect("the new one is taken");
    assert_eq!(*sent.lock().expect("a list"), ["an-old-one", "the-right-one"]);

    std::fs::write(&key, "an-old-one").expect("a file");
    let (base, sent) = rotating(key.clone(), &["another-old-one", "the-right-one"]).await;
    let error = sign_in(&base, &key).await.expect_err("no third try");
    assert_eq!((error.code, error.job), (Some(7_000_215), Job::Operator), "{error}");
    assert_eq!(*sent.lock().expect("a list"), ["an-old-one", "another-old-one"]);
}

#[tokio::test]
async fn a_tenant_that_has_not_consented_is_told_where_to() {
    let mut seen = 0;
    for code in [700_016, 65_001, 7_000_229, 90_094, 90_099] {
        let refusal = status(400, &format!(r#"{{"error":"invalid_grant","error_codes":[{code}]}}"#));
        let world = World::new([(TOKEN, vec![refusal])]).await;
        let error = world.fail().await;
        let url = format!(
            "{}/84841066-274d-4ec0-a5c1-276be684bdd3/adminconsent?client_id=1f3c5d7e-0000-4000-8000-000000000001",
            world.server.base
        );
        assert_eq!((error.job, error.code), (Job::TenantAdmin, Some(code)));
        assert!(error.hint.as_deref().is_some_and(|hint| hint.contains(&url)), "{:?}", error.hint);
        seen += 1;
    }
    assert_eq!(seen, 5);
    // Another tenant of the same registration is not concerned.
    let server = Server::start(script([("/v1.0/users/delta?$select=*", vec![last("", "/users-delta-1")])])).await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("key"), "k").expect("a file");
    let other = Tenant { name: "child".into(), ..tenant(&server.base, folder.path().join("key")) };
    let source =
        GraphSource::new(&other, &Http::new(), World::new([]).await.pace, Memory::default().delegation(&other.id))
            .expect("a source");
    source.refresh(&mut TenantDirectory::default(), &()).await.expect("it is read");
}
