//! How the application proves itself to the login service: what a manifest points at, read when it is needed. It knows
//! nothing of requests.

use secrecy::SecretString;

use super::error::person;
use super::secret;
use crate::manifest::config::{Credential, SecretRef, Tenant};
use crate::source::SourceError;

/// What the application proves itself with.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    /// A client secret.
    Secret(SecretRef),
}

/// What is shown to the login service. Its `Debug` hides it.
#[derive(Clone, Debug)]
pub(super) enum Shown {
    /// A client secret.
    Secret(SecretString),
}

impl Proof {
    /// What the manifest of a tenant says.
    ///
    /// # Errors
    /// When it says something that there is not.
    pub fn of(tenant: &Tenant) -> Result<Self, SourceError> {
        match &tenant.credential {
            Credential::Key(key) => Ok(Self::Secret(key.clone())),
            Credential::Certificate(_) => Err(person(
                format!("tenant {} signs in with a `certificate`, which this version of bmsync cannot do", tenant.name),
                format!("write `applicationKey` in the manifest of tenant {}", tenant.name),
            )),
        }
    }

    /// Reads it anew, so that one that was replaced is seen.
    ///
    /// # Errors
    /// When it is not there or cannot be used.
    pub fn show(&self) -> Result<Shown, SourceError> {
        match self {
            Self::Secret(key) => secret::read(key).map(Shown::Secret),
        }
    }

    /// How a person calls the place where it is.
    pub fn place(&self) -> String {
        match self {
            Self::Secret(key) => secret::place(key),
        }
    }
}

impl Shown {
    /// What must not be repeated, whoever quotes it.
    pub const fn secret(&self) -> &SecretString {
        match self {
            Self::Secret(secret) => secret,
        }
    }
}
