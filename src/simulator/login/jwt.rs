//! JWTs of others: taken apart, and their signatures checked against certificates and JSON web keys.
//! Knows nothing of what the claims must say.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde_json::Value;
use webpki::EndEntityCert;
use webpki::ring::{RSA_PKCS1_2048_8192_SHA256 as CERT_PKCS1, RSA_PSS_2048_8192_SHA256_LEGACY_KEY as CERT_PSS};

use crate::simulator::registration::Certificate;

/// A JWT whose signature was not looked at yet.
pub(super) struct Jwt {
    pub(super) header: Value,
    pub(super) claims: Value,
    signed: String,
    signature: Vec<u8>,
}

/// What a JWT may be signed with here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Ps256,
    Rs256,
    Es256,
}

impl Jwt {
    /// Takes a JWT apart; `None` when it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let part = |text: &str| serde_json::from_slice(&decoded(text)?).ok().filter(Value::is_object);
        Some(Self {
            header: part(header)?,
            claims: part(claims)?,
            signed: signed.to_owned(),
            signature: decoded(signature)?,
        })
    }

    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        match self.header["alg"].as_str()? {
            "PS256" => Some(Algorithm::Ps256),
            "RS256" => Some(Algorithm::Rs256),
            "ES256" => Some(Algorithm::Es256),
            _ => None,
        }
    }

    /// A claim that is text.
    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.claims[claim].as_str()
    }

    /// Whether the certificate's key made the signature.
    pub(super) fn is_signed_by(&self, algorithm: Algorithm, certificate: &Certificate) -> bool {
        let Ok(parsed) = EndEntityCert::try_from(&certificate.der) else { return false };
        let verified = match algorithm {
            Algorithm::Ps256 => parsed.verify_signature(CERT_PSS, self.signed.as_bytes(), &self.signature),
            Algorithm::Rs256 => parsed.verify_signature(CERT_PKCS1, self.signed.as_bytes(), &self.signature),
            Algorithm::Es256 => return false,
        };
        verified.is_ok()
    }

    /// Whether one of these JSON web keys made the signature.
    pub(super) fn is_signed_by_one_of(&self, algorithm: Algorithm, keys: &[Value]) -> bool {
        let named = |key: &&Value| key["kid"].is_null() || key["kid"] == self.header["kid"];
        keys.iter().filter(named).any(|key| self.is_signed_with(algorithm, key).unwrap_or(false))
    }

    fn is_signed_with(&self, algorithm: Algorithm, key: &Value) -> Option<bool> {
        let part = |name: &str| decoded(key[name].as_str()?);
        let (message, signature) = (self.signed.as_bytes(), self.signature.as_slice());
        let verified = match algorithm {
            Algorithm::Ps256 => {
                let key = RsaPublicKeyComponents { n: part("n")?, e: part("e")? };
                key.verify(&RSA_PSS_2048_8192_SHA256, message, signature)
            }
            Algorithm::Rs256 => {
                let key = RsaPublicKeyComponents { n: part("n")?, e: part("e")? };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Algorithm::Es256 => {
                let point = [vec![4], part("x")?, part("y")?].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
        };
        Some(verified.is_ok())
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
