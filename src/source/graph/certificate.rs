//! A certificate with its private key, read from PEM: which certificate belongs to the key, until when it is good, and
//! signing with it. What is wrong with it is said with the next step, never with anything of the key.

use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{KeyPair as _, RSA_PSS_SHA256, RsaKeyPair};
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::error::person;
use crate::source::SourceError;

/// A key, and what the login service must know of its certificate. Cannot be printed.
pub(super) struct Certified {
    key: RsaKeyPair,
    thumbprint: [u8; 32],
    not_after: Timestamp,
}

/// What PEM holds, each as DER.
#[derive(Default)]
struct Parts {
    certificates: Vec<Vec<u8>>,
    keys: Vec<(SectionKind, Zeroizing<Vec<u8>>)>,
}

const FRESH: &str = "make a new one, upload it under Entra > App registrations > the application > Certificates & secrets, \
     and put it with its private key into";

impl Certified {
    /// Reads a certificate and its key; `place` is how a person calls where they were found.
    ///
    /// # Errors
    /// When one of them is missing, they do not belong together, the key is of a kind that cannot sign here, or the
    /// certificate is not good now.
    pub fn read(pem: &SecretString, place: &str, now: Timestamp) -> Result<Self, SourceError> {
        let Parts { certificates, keys } = parts(pem, place)?;
        let key = match keys.as_slice() {
            [] if is_encrypted(pem) => return Err(encrypted(place)),
            [] => return Err(no_key(place)),
            [(SectionKind::EcPrivateKey, _)] => return Err(not_rsa(place)),
            [(kind, der)] => rsa(*kind, der, place)?,
            [..] => {
                let hint = "keep the one that belongs to the certificate";
                return Err(person(format!("{place} holds more than one private key"), hint));
            }
        };
        if certificates.is_empty() {
            return Err(person(
                format!("{place} holds a private key, but no certificate"),
                "put the certificate (BEGIN CERTIFICATE) into the same file as its private key",
            ));
        }
        let found = certificates.iter().find_map(|der| Some((der, matching(der, &key)?)));
        let Some((der, certificate)) = found else { return Err(mismatched(&certificates, place)) };
        let not_after = validity(&certificate, place, now)?;
        Ok(Self { key, thumbprint: Sha256::digest(der).into(), not_after })
    }

    /// SHA-256 of the certificate.
    pub const fn thumbprint(&self) -> [u8; 32] {
        self.thumbprint
    }

    /// Until when the certificate is good.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Signs with RSASSA-PSS and SHA-256 (PS256).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SourceError> {
        let mut signature = vec![0; self.key.public().modulus_len()];
        let signed = self.key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map_err(|_| person("the private key of the certificate does not sign", "check the key with openssl"))?;
        Ok(signature)
    }
}

fn parts(pem: &SecretString, place: &str) -> Result<Parts, SourceError> {
    let mut parts = Parts::default();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem.expose_secret().as_bytes()) {
        match section {
            Ok((SectionKind::Certificate, der)) => parts.certificates.push(der),
            Ok((kind @ (SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey), der)) => {
                parts.keys.push((kind, Zeroizing::new(der)));
            }
            Ok(_) => {}
            // A key of the older form that is encrypted has lines above its body, so that it cannot be taken apart.
            Err(_) if is_encrypted(pem) => return Err(encrypted(place)),
            Err(_) => {
                let hint = "a certificate and its private key are wanted as PEM: BEGIN CERTIFICATE, BEGIN PRIVATE KEY";
                return Err(person(format!("{place} is not PEM"), hint));
            }
        }
    }
    Ok(parts)
}

fn is_encrypted(pem: &SecretString) -> bool {
    ["BEGIN ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"].iter().any(|mark| pem.expose_secret().contains(mark))
}

fn rsa(kind: SectionKind, der: &[u8], place: &str) -> Result<RsaKeyPair, SourceError> {
    let is_pkcs1 = kind == SectionKind::RsaPrivateKey;
    let key = if is_pkcs1 { RsaKeyPair::from_der(der) } else { RsaKeyPair::from_pkcs8(der) };
    key.map_err(|rejected| match rejected.to_string().as_str() {
        "WrongAlgorithm" => not_rsa(place),
        "TooSmall" => {
            person(format!("the private key in {place} is too short"), "RSA keys of 2048 bits and more are taken")
        }
        why => person(
            format!("the private key in {place} cannot be used ({why})"),
            "make a new key and certificate; RSA keys of 2048 to 4096 bits are taken",
        ),
    })
}

/// The certificate, if it is one of that key.
fn matching<'a>(der: &'a [u8], key: &RsaKeyPair) -> Option<X509Certificate<'a>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let public: &[u8] = &certificate.public_key().subject_public_key.data;
    (public == key.public_key().as_ref()).then_some(certificate)
}

fn validity(certificate: &X509Certificate<'_>, place: &str, now: Timestamp) -> Result<Timestamp, SourceError> {
    let instant =
        |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::MAX);
    let (begin, end) = (instant(certificate.validity().not_before), instant(certificate.validity().not_after));
    let day = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
    if now > end {
        return Err(person(format!("the certificate in {place} expired on {}", day(end)), format!("{FRESH} {place}")));
    }
    if now < begin {
        let hint = "check this machine's clock, or wait until then";
        return Err(person(format!("the certificate in {place} is not good before {}", day(begin)), hint));
    }
    Ok(end)
}

fn mismatched(certificates: &[Vec<u8>], place: &str) -> SourceError {
    if certificates.iter().all(|der| X509Certificate::from_der(der).is_err()) {
        let hint = "export the certificate anew, as PEM (Base-64 encoded X.509)";
        return person(format!("the certificate in {place} cannot be read"), hint);
    }
    person(
        format!("certificate and private key in {place} do not belong together"),
        "put the certificate and the private key that it was made with into one file",
    )
}

fn no_key(place: &str) -> SourceError {
    person(
        format!("{place} holds no private key"),
        "put the private key (BEGIN PRIVATE KEY) and the certificate into the same file; openssl pkcs12 -nodes makes such a \
         file of a .pfx",
    )
}

fn encrypted(place: &str) -> SourceError {
    person(
        format!("the private key in {place} is encrypted, and bmsync has no password for it"),
        "take the encryption off (openssl pkey -in … -out …) and let the file's mode (0600) protect it",
    )
}

fn not_rsa(place: &str) -> SourceError {
    person(
        format!("the private key in {place} is not RSA, and the login service takes signatures of RSA keys alone"),
        format!("{FRESH} {place}: openssl req -x509 -newkey rsa:2048 -noenc"),
    )
}
