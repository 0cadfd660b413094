//! Verbs asked of a running bmsync instead of the local state, and how its refusals are told.

use crate::remote::{Remote, RemoteError};
use crate::report::decode::DecodeError;

use super::error::Error;

pub mod apply;
pub mod connect;
pub mod explain;
pub mod export;
pub mod follow;
pub mod get;
pub mod plan;

mod diagnostics;

/// Tells why a server did not do something.
pub fn cannot(what: &str, remote: &Remote, error: &RemoteError) -> Error {
    let told = Error::new(format!("cannot {what}, asking {}", remote.address())).because(error);
    match error.hint() {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// Tells that an answer cannot be read.
pub fn misread(remote: &Remote, error: &DecodeError) -> Error {
    Error::new(format!("cannot use what {} answered", remote.address()))
        .because(error)
        .hint("check --server: is that a bmsync of this version, without a proxy's login page?")
}
