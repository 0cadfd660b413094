//! TLS: from files, checked, new certificates without a restart, nothing old.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bmsync::server::{Limits, Options, ServeError, Server, TlsError, TlsFiles};
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::http::{PATIENCE, Reply, Served, limited, read_all, serve, tokens};
use super::world::World;

/// Writes a new pair, and gives the certificate.
fn issue(folder: &Path) -> CertificateDer<'static> {
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), issued.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("cert.pem"), issued.cert.pem()).unwrap();
    issued.cert.der().clone()
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") }
}

fn options(folder: &Path) -> Options {
    let limits = Limits { file_interval: Duration::from_millis(20), ..Limits::default() };
    Options { access: tokens(), tls: Some(files(folder)), limits, metrics: None }
}

/// A request over TLS, trusting this certificate alone.
async fn ask(
    server: &Served,
    trusted: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<Reply> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let config = config.with_webpki_verifier(verifier).with_no_client_auth();
    let stream = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let request = b"GET /v1/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer look\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await?;
    let mut bytes = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut bytes).await?;
    Ok(Reply::parse(&bytes))
}

#[tokio::test]
async fn both_versions_are_spoken() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = issue(folder.path());
    let server = serve(World::new(), options(folder.path())).await;
    assert!(server.url.starts_with("https://127.0.0.1:"));
    for versions in [&[&version::TLS12], &[&version::TLS13]] {
        assert_eq!(ask(&server, &certificate, versions).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn plain_text_and_silence_get_nothing() {
    let folder = tempfile::tempdir().unwrap();
    issue(folder.path());
    let options = options(folder.path());
    let limits = Limits { handshake_timeout: Duration::from_millis(50), ..options.limits.clone() };
    let server = serve(World::new(), Options { limits, ..options }).await;
    let answer = server.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(!answer.starts_with(b"HTTP"), "an alert at most");
    let mut silent = server.connect().await;
    assert!(read_all(&mut silent).await.is_empty());
}

#[tokio::test]
async fn a_new_certificate_is_used_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let old = issue(folder.path());
    let server = serve(World::new(), options(folder.path())).await;
    std::fs::write(folder.path().join("key.pem"), "broken").unwrap();
    assert_eq!(ask(&server, &old, &[&version::TLS13]).await.unwrap().status, 200);
    let new = issue(folder.path());
    let renewed = async {
        while ask(&server, &new, &[&version::TLS13]).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, renewed).await.expect("the new certificate is taken up");
    assert!(ask(&server, &old, &[&version::TLS13]).await.is_err());
}

#[tokio::test]
async fn a_pair_that_does_not_go_together_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let bind = || Server::bind("127.0.0.1:0".parse().unwrap(), options(folder.path()));
    assert!(matches!(bind().await, Err(ServeError::Tls(TlsError::Unreadable { .. }))));
    issue(folder.path());
    let first = std::fs::read(folder.path().join("key.pem")).unwrap();
    issue(folder.path());
    std::fs::write(folder.path().join("key.pem"), first).unwrap();
    let error = bind().await.unwrap_err();
    assert!(matches!(error, ServeError::Tls(TlsError::Pair { .. })), "{error}");
    std::fs::write(folder.path().join("key.pem"), std::fs::read(folder.path().join("cert.pem")).unwrap()).unwrap();
    let error = bind().await.unwrap_err().to_string();
    assert!(error.starts_with("there is no private key as PEM in "), "{error}");
}

#[tokio::test]
async fn an_admin_is_told_who_can_listen() {
    let bind = |address: &str, options: Options| Server::bind(address.parse().unwrap(), options);
    assert_eq!(bind("127.0.0.1:0", Options::default()).await.unwrap().advice(), None);
    let open = bind("0.0.0.0:0", Options::default()).await.unwrap();
    assert!(open.advice().unwrap().contains("no token"));
    let plain = bind("0.0.0.0:0", Options { access: tokens(), ..Options::default() }).await.unwrap();
    assert!(plain.advice().unwrap().contains("plain text"));
    drop(limited(World::new(), Limits::default()).await);
}
