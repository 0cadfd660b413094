//! Assertions in place of a secret: signed with a registered certificate, or tokens of an outside issuer.
//! Knows nothing of what the application then gets.

use jiff::{SignedDuration, Timestamp};
use ring::digest;

use crate::simulator::registration::{Certificate, Federated, Registration};
use crate::simulator::reply::Call;
use crate::simulator::state::State;

use super::jwt::{Algorithm, Jwt};
use super::refusal::Refusal;

/// How far clocks may be apart.
const LEEWAY: SignedDuration = SignedDuration::from_mins(5);

impl State {
    /// Whether an assertion proves that this application asks.
    pub(super) fn check_assertion(
        &mut self,
        text: &str,
        registration: &Registration,
        call: &Call,
    ) -> Result<(), Refusal> {
        let jwt = Jwt::parse(text).ok_or_else(|| Refusal::naming(50_027, "not a JWT"))?;
        let issuer = jwt.text("iss").unwrap_or_default();
        if registration.federated.iter().any(|known| known.issuer == issuer) {
            return check_federated(&jwt, &registration.federated);
        }
        if !issuer.eq_ignore_ascii_case(&registration.id) && registration.certificates.is_empty() {
            return Err(Refusal::naming(700_211, issuer));
        }
        check_certificate(&jwt, &registration.certificates, self.login.now())?;
        check_claims(&jwt, registration, call)?;
        let until = check_time(&jwt)?;
        let jti = jwt.text("jti").ok_or_else(|| Refusal::naming(50_027, "jti is missing"))?;
        if self.login.is_first_use(&registration.id, jti, until) {
            Ok(())
        } else {
            Err(Refusal::naming(700_027, "the assertion was used before"))
        }
    }
}

/// The certificate is found by its thumbprint, SHA-256 or the older SHA-1, and must have made the signature.
fn check_certificate(jwt: &Jwt, known: &[Certificate], now: Timestamp) -> Result<(), Refusal> {
    let algorithm = match jwt.algorithm() {
        Some(algorithm @ (Algorithm::Ps256 | Algorithm::Rs256)) => algorithm,
        Some(Algorithm::Es256) | None => return Err(Refusal::naming(700_027, "the algorithm is not supported")),
    };
    let (new, old) = (jwt.header["x5t#S256"].as_str(), jwt.header["x5t"].as_str());
    let named = |certificate: &&Certificate| match (new, old) {
        (Some(thumbprint), _) => certificate.has_thumbprint(&digest::SHA256, thumbprint),
        (None, Some(thumbprint)) => certificate.has_thumbprint(&digest::SHA1_FOR_LEGACY_USE_ONLY, thumbprint),
        (None, None) => false,
    };
    let Some(certificate) = known.iter().find(named) else {
        return Err(Refusal::naming(700_027, "the key of the thumbprint is not registered"));
    };
    if certificate.expires.is_some_and(|expires| expires <= now) {
        return Err(Refusal::naming(700_027, "the certificate has expired"));
    }
    if jwt.is_signed_by(algorithm, certificate) { Ok(()) } else { Err(Refusal::of(700_027)) }
}

fn check_claims(jwt: &Jwt, registration: &Registration, call: &Call) -> Result<(), Refusal> {
    let ours = |claim: &str| jwt.text(claim).is_some_and(|text| text.eq_ignore_ascii_case(&registration.id));
    if !ours("iss") || !ours("sub") {
        return Err(Refusal::naming(700_021, "iss and sub must be the application"));
    }
    let endpoint = format!("{}{}", call.origin, call.path);
    if jwt.text("aud") == Some(endpoint.as_str()) {
        Ok(())
    } else {
        Err(Refusal::naming(50_027, "aud must be the token endpoint"))
    }
}

/// When the assertion ends, if it is valid now.
fn check_time(jwt: &Jwt) -> Result<Timestamp, Refusal> {
    let time = |claim: &str| jwt.claims[claim].as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let now = Timestamp::now();
    let Some(until) = time("exp") else { return Err(Refusal::naming(700_024, "exp is missing")) };
    let from = time("nbf").or_else(|| time("iat")).unwrap_or(now);
    if until.duration_since(now) <= -LEEWAY || from.duration_since(now) > LEEWAY {
        return Err(Refusal::of(700_024));
    }
    Ok(until)
}

fn check_federated(jwt: &Jwt, known: &[Federated]) -> Result<(), Refusal> {
    let text = |claim: &str| jwt.text(claim).unwrap_or_default();
    let of_issuer = known.iter().filter(|known| known.issuer == text("iss"));
    let Some(found) = of_issuer.clone().find(|known| known.subject == text("sub")) else {
        return Err(Refusal::naming(700_213, text("sub")));
    };
    if !speaks_to(jwt, &found.audience) {
        return Err(Refusal::naming(700_212, text("aud")));
    }
    check_time(jwt)?;
    let Some(keys) = &found.keys else { return Ok(()) };
    let signed = jwt.algorithm().is_some_and(|algorithm| jwt.is_signed_by_one_of(algorithm, keys));
    if signed { Ok(()) } else { Err(Refusal::naming(50_027, "the signature of the outside issuer is not valid")) }
}

/// `aud` is text or, as some issuers write it, a list.
fn speaks_to(jwt: &Jwt, audience: &str) -> bool {
    let listed = jwt.claims["aud"].as_array().is_some_and(|list| list.iter().any(|one| one == audience));
    listed || jwt.text("aud") == Some(audience)
}
