//! The key that the login service signs with, and the tokens that are signed. It is made at start and never written
//! down. Knows nothing of who gets a token.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

/// An ES256 key. Microsoft signs with RS256; a key for that cannot be made quickly at start.
#[derive(Clone)]
pub(in crate::simulator) struct SigningKey {
    pair: Arc<EcdsaKeyPair>,
    id: String,
}

impl SigningKey {
    /// Makes a key; `None` when the operating system has no randomness to give.
    pub(in crate::simulator) fn generate() -> Option<Self> {
        let (rng, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &rng).ok()?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &rng).ok()?;
        let id = URL_SAFE_NO_PAD.encode(&digest(&SHA256, pair.public_key().as_ref()).as_ref()[..20]);
        Some(Self { pair: Arc::new(pair), id })
    }

    /// The key as `/discovery/v2.0/keys` publishes it.
    pub(super) fn to_jwk(&self) -> Value {
        // An uncompressed point: a byte 4, then both coordinates.
        let point = self.pair.public_key().as_ref();
        let coordinate = |at: usize| URL_SAFE_NO_PAD.encode(point.get(at..at + 32).unwrap_or_default());
        json!({ "kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": self.id, "x": coordinate(1), "y": coordinate(33) })
    }

    /// A JWT with these claims; without a signature when there is no randomness.
    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "typ": "JWT", "alg": "ES256", "kid": self.id });
        let text = format!("{}.{}", encoded(&header), encoded(claims));
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes());
        let signature = signature.map(|signature| URL_SAFE_NO_PAD.encode(signature)).unwrap_or_default();
        format!("{text}.{signature}")
    }
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A text that is always the same for the same parts and tells nothing of them.
pub(super) fn pairwise(parts: &[&str]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, parts.join("\u{0}").as_bytes()))
}
