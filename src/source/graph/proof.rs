//! How an application proves to the login service that it is itself: by a secret, by a certificate, or by a token of
//! another issuer. Read anew each time. It knows nothing of what is asked for, and of no HTTP.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::assertion;
use super::certificate::Certified;
use super::secret::{self, Noun};
use crate::manifest::config::{Credential, SecretRef};
use crate::source::SourceError;

/// What the login service calls an assertion, whoever signed it.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How an application proves itself, by where the proof is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// By a client secret.
    Secret(SecretRef),
    /// By a certificate, with whose private key an assertion is signed.
    Certificate(SecretRef),
    /// By a token of an issuer that the registration trusts.
    Federated(SecretRef),
}

impl From<&Credential> for Proof {
    fn from(credential: &Credential) -> Self {
        match credential {
            Credential::Key(place) => Self::Secret(place.clone()),
            Credential::Certificate(place) => Self::Certificate(place.clone()),
            Credential::Federated(place) => Self::Federated(place.clone()),
        }
    }
}

impl Proof {
    /// How a person calls the place in which it is found.
    pub fn place(&self) -> String {
        secret::place(self.reference())
    }

    const fn reference(&self) -> &SecretRef {
        match self {
            Self::Secret(place) | Self::Certificate(place) | Self::Federated(place) => place,
        }
    }

    /// The client secret, where it is one and is there.
    pub fn secret(&self) -> Option<SecretString> {
        match self {
            Self::Secret(place) => secret::read(place, Noun::ApplicationKey).ok(),
            Self::Certificate(_) | Self::Federated(_) => None,
        }
    }

    /// Reads it, and says until when it is good where that can be known.
    ///
    /// # Errors
    /// As [`Self::show`].
    pub fn expires(&self, now: Timestamp) -> Result<Option<Timestamp>, SourceError> {
        match self {
            Self::Secret(place) => secret::read(place, Noun::ApplicationKey).map(|_| None),
            Self::Federated(place) => secret::read(place, Noun::FederatedToken).map(|_| None),
            Self::Certificate(place) => {
                let pem = secret::read(place, Noun::Certificate)?;
                Ok(Some(Certified::read(&pem, &secret::place(place), now)?.not_after()))
            }
        }
    }

    /// Reads it and makes of it what the application sends to the token endpoint `audience`.
    ///
    /// # Errors
    /// When it is not there, or is not what it must be; never with anything of it in the text.
    pub fn show(&self, application: &str, audience: &str, now: Timestamp) -> Result<Shown, SourceError> {
        match self {
            Self::Secret(place) => {
                let secret = secret::read(place, Noun::ApplicationKey)?;
                Ok(Shown { seen: seen(&secret), form: vec![("client_secret", secret)] })
            }
            Self::Certificate(place) => {
                let pem = secret::read(place, Noun::Certificate)?;
                let certified = Certified::read(&pem, &secret::place(place), now)?;
                let assertion = assertion::sign(&certified, application, audience, now)?;
                Ok(Shown { seen: seen(&pem), form: asserted(assertion) })
            }
            Self::Federated(place) => {
                let token = secret::read(place, Noun::FederatedToken)?;
                Ok(Shown { seen: seen(&token), form: asserted(token) })
            }
        }
    }
}

/// What an application shows of itself. Its `Debug` hides it.
#[derive(Debug)]
pub(super) struct Shown {
    form: Vec<(&'static str, SecretString)>,
    /// Which proof it was made of.
    seen: [u8; 32],
}

impl Shown {
    /// The parameters to put into the form.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.form.iter().map(|(name, value)| (*name, value.expose_secret()))
    }

    /// The values among them that nobody else may see.
    pub fn secrets(&self) -> Vec<&SecretString> {
        self.form.iter().filter(|(name, _)| *name != "client_assertion_type").map(|(_, value)| value).collect()
    }

    /// Whether both were made of the same proof.
    pub fn is_of_the_same(&self, other: &Self) -> bool {
        self.seen == other.seen
    }
}

fn asserted(assertion: SecretString) -> Vec<(&'static str, SecretString)> {
    vec![("client_assertion_type", SecretString::from(JWT_BEARER)), ("client_assertion", assertion)]
}

fn seen(proof: &SecretString) -> [u8; 32] {
    Sha256::digest(proof.expose_secret()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_that_was_replaced_is_told_from_the_one_before_and_neither_is_printed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let proof = Proof::from(&Credential::Key(SecretRef::File(path.clone())));
        let show = |content: &str| {
            std::fs::write(&path, content).unwrap();
            proof.show("app", "https://login.example/token", Timestamp::UNIX_EPOCH).unwrap()
        };
        let (first, same, other) = (show("s3cret-one"), show("s3cret-one\n"), show("s3cret-two"));
        assert!(first.is_of_the_same(&same) && !first.is_of_the_same(&other));
        assert_eq!(other.parameters().collect::<Vec<_>>(), [("client_secret", "s3cret-two")]);
        assert!(!format!("{other:?}").contains("s3cret"), "{other:?}");
    }

    #[test]
    fn a_token_of_another_issuer_is_the_assertion_as_it_stands_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "eyJh.eyJi.c2ln\n").unwrap();
        let proof = Proof::from(&Credential::Federated(SecretRef::File(path)));
        let shown = proof.show("app", "https://login.example/token", Timestamp::UNIX_EPOCH).unwrap();
        let parameters: Vec<_> = shown.parameters().collect();
        assert_eq!(parameters, [("client_assertion_type", JWT_BEARER), ("client_assertion", "eyJh.eyJi.c2ln")]);
        assert_eq!(shown.secrets().len(), 1);
    }
}
