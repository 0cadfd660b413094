//! Text that nobody can guess, from the operating system. It knows nothing of what it is for.

use secrecy::SecretString;

use crate::source::{SourceError, SourceErrorClass};

use super::error::protocol;

/// 32 bytes, as 64 hex digits.
///
/// # Errors
/// When the operating system gives none.
pub(super) fn secret() -> Result<SecretString, SourceError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| SourceError {
        class: SourceErrorClass::Transient,
        ..protocol(format!("the operating system gives no random bytes: {error}"))
    })?;
    Ok(SecretString::from(format!("{:032x}{:032x}", half(&bytes[..16]), half(&bytes[16..]))))
}

fn half(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}
