//! The assertion of an application with a certificate: a JWT signed with PS256, as the login service wants it
//! (<https://learn.microsoft.com/entra/identity-platform/certificate-credentials>). It knows nothing of files.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::json;

use super::certificate::Certified;
use super::error::person;
use crate::source::SourceError;

/// How long an assertion is good for: it is used at once.
const LIFE: SignedDuration = SignedDuration::from_mins(8);
/// What this machine's clock may be ahead.
const SKEW: SignedDuration = SignedDuration::from_mins(2);

/// Signs that `application` asks the token endpoint `audience`, now.
///
/// # Errors
/// When the system gives no random numbers, or the key does not sign.
pub(super) fn sign(
    certified: &Certified,
    application: &str,
    audience: &str,
    now: Timestamp,
) -> Result<SecretString, SourceError> {
    let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(certified.thumbprint()) });
    let claims = json!({
        "aud": audience,
        "iss": application,
        "sub": application,
        "jti": random()?,
        "nbf": (now - SKEW).as_second(),
        "iat": now.as_second(),
        "exp": (now + LIFE).as_second(),
    });
    let encoded = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encoded(&header), encoded(&claims));
    let signature = certified.sign(signed.as_bytes())?;
    Ok(SecretString::from(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

/// Names the assertion, so that it can be told from a repetition.
fn random() -> Result<String, SourceError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        let hint = "check that the system's random numbers (/dev/urandom) can be read";
        person(format!("the system gives no random numbers: {error}"), hint)
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
