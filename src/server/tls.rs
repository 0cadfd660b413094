//! The server's certificate: read from files, checked, and read again when the files change. A pair that cannot be used
//! leaves the last good one in force.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use thiserror::Error;

use crate::model::Digest;

/// `--tls-cert` and `--tls-key`: PEM files with the chain, leaf first, and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

/// The pair in force.
pub struct Certificates {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    current: RwLock<Pair>,
}

struct Pair {
    digest: Digest,
    key: Arc<CertifiedKey>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("files", &self.files).finish_non_exhaustive()
    }
}

/// Why TLS cannot be spoken. Never holds the key.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {file}")]
    Unreadable {
        /// Which.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no certificate, or no key, in a file.
    #[error("there is no {noun} as PEM in {file}")]
    Missing {
        /// What should be there.
        noun: &'static str,
        /// Which.
        file: String,
    },
    /// The two do not go together, or cannot be used.
    #[error("cannot use the certificate {certificate} with the key {key}")]
    Pair {
        /// The chain.
        certificate: String,
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The library refuses its own settings.
    #[error("cannot set up TLS")]
    Setup(#[source] rustls::Error),
}

/// What came of another look at the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// As before.
    Unchanged,
    /// A new pair is in force.
    Replaced,
}

impl Certificates {
    /// Reads the pair.
    ///
    /// # Errors
    /// When a file cannot be read, or the two do not go together.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let current = RwLock::new(read(&files, &provider)?);
        Ok(Self { files, provider, current })
    }

    /// Looks at the files again.
    ///
    /// # Errors
    /// As [`Certificates::load`]; the pair in force stays.
    pub fn reload(&self) -> Result<Reload, TlsError> {
        let found = read(&self.files, &self.provider)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if found.digest == current.digest {
            return Ok(Reload::Unchanged);
        }
        *current = found;
        Ok(Reload::Replaced)
    }

    /// Settings for accepting connections: TLS 1.3 or 1.2, HTTP/1.1.
    ///
    /// # Errors
    /// None that files can cause.
    pub fn config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).key))
    }
}

fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<Pair, TlsError> {
    let TlsFiles { certificate, key } = files;
    let (chain_pem, key_pem) = (bytes(certificate)?, bytes(key)?);
    let missing = |noun, file: &PathBuf| TlsError::Missing { noun, file: file.display().to_string() };
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&chain_pem).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| missing("certificate", certificate))?;
    let secret = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|_| missing("private key", key))?;
    let pair = CertifiedKey::from_der(chain, secret, provider).map_err(|source| TlsError::Pair {
        certificate: certificate.display().to_string(),
        key: key.display().to_string(),
        source,
    })?;
    Ok(Pair { digest: Digest::of([chain_pem.as_slice(), key_pem.as_slice()]), key: Arc::new(pair) })
}

fn bytes(path: &PathBuf) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable { file: path.display().to_string(), source })
}
