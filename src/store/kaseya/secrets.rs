//! The password and the one-time secret of the API user, read where a manifest points, when they are needed. It knows
//! nothing of what they open.

use std::io::Read as _;

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::api::{Credentials, NoSecrets, Secrets};
use crate::manifest::config::SecretRef;

/// Largest secret that is read, in bytes.
const MAX_SECRET: u64 = 4 * 1024;

/// Where the secrets are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referenced {
    /// The password.
    pub password: SecretRef,
    /// The secret of the one-time codes, where the user has one.
    pub totp: Option<SecretRef>,
}

impl Credentials for Referenced {
    fn secrets(&self) -> Result<Secrets, NoSecrets> {
        Ok(Secrets { password: read(&self.password)?, totp: self.totp.as_ref().map(read).transpose()? })
    }
}

/// Reads one line. The error names the place, never what is there.
fn read(place: &SecretRef) -> Result<SecretString, NoSecrets> {
    let shown = match place {
        SecretRef::Env(name) => format!("the environment variable {name}"),
        SecretRef::File(path) => format!("the file {}", path.display()),
    };
    let wrong = |what: &str| NoSecrets { what: format!("{shown} {what}"), cause: None };
    let text = match place {
        SecretRef::Env(name) => from_environment(name).ok_or_else(|| wrong("is not set, or is not text"))?,
        SecretRef::File(path) => {
            let mut text = Zeroizing::new(String::new());
            let read = std::fs::File::open(path).and_then(|file| file.take(MAX_SECRET + 1).read_to_string(&mut text));
            read.map_err(|error| NoSecrets { cause: Some(Box::new(error)), ..wrong("cannot be read") })?;
            text
        }
    };
    let secret = text.trim_end_matches(['\r', '\n']);
    match () {
        () if text.len() as u64 > MAX_SECRET => Err(wrong("holds more than a secret has")),
        () if secret.trim().is_empty() => Err(wrong("is empty")),
        () if secret.contains(['\r', '\n', '\0']) => Err(wrong("holds more than one line")),
        () => Ok(SecretString::from(secret)),
    }
}

/// `var_os` panics on names that no environment can hold.
fn from_environment(name: &str) -> Option<Zeroizing<String>> {
    let name = Some(name).filter(|name| !name.is_empty() && !name.contains(['=', '\0']))?;
    std::env::var_os(name)?.into_string().ok().map(Zeroizing::new)
}
