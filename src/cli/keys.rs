//! Which key seals the sign-ins: the one that the options or the environment name, else the one beside the state.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use crate::ledger::Ledger;
use crate::vault::{Keys, Vault};

use super::args::Global;
use super::error::Error;

/// Environment variable with the key itself.
pub const KEY_VARIABLE: &str = "BMSYNC_KEY";

/// Where the key is.
///
/// # Errors
/// Wrong usage: two keys are named, or what is given is none, or the state has no path.
pub fn keys(global: &Global) -> Result<Keys, Error> {
    let given = std::env::var(KEY_VARIABLE).ok().map(SecretString::from);
    let given = given.filter(|text| !text.expose_secret().trim().is_empty());
    let file = global.key_file.as_ref().filter(|file| !file.as_os_str().is_empty());
    match (given, file) {
        (Some(_), Some(_)) => Err(Error::usage(format!("{KEY_VARIABLE} holds a key, and a key file is named too"))
            .hint(format!("give one of them: unset {KEY_VARIABLE}, or leave --key-file and BMSYNC_KEY_FILE out"))),
        (Some(key), None) => Ok(Keys::given(KEY_VARIABLE, &key)?),
        (None, Some(file)) => Ok(Keys::File(file.clone())),
        (None, None) => Ok(Keys::beside(global.state_path()?)),
    }
}

/// The vault in a ledger, with the key that is meant.
///
/// # Errors
/// As [`keys`].
pub fn vault(ledger: Arc<dyn Ledger>, global: &Global) -> Result<Vault, Error> {
    Ok(Vault::open(ledger, keys(global)?))
}
