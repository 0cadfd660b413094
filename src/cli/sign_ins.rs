//! What people let bmsync do: the sign-ins that are kept in the state that a verb works on.

use std::sync::Arc;

use async_trait::async_trait;

use crate::ledger::Ledger;
use crate::source::grant::{Grant, GrantError, Grants};
use crate::source::graph::{Delegation, Delegations};

use super::args::Global;
use super::error::Error;
use super::keys;

/// The sign-ins in a ledger, with the key that is meant. The key itself is looked for when it is needed.
///
/// # Errors
/// Wrong usage: the key that is named is none.
pub fn sign_ins(ledger: Arc<dyn Ledger>, global: &Global) -> Result<Arc<Delegations>, Error> {
    Ok(Arc::new(Delegations::new(Arc::new(keys::vault(ledger, global)?))))
}

/// What stands for the sign-in of a tenant where no state could be opened: it says so.
#[must_use]
pub fn unopened() -> Delegation {
    Delegation::new(Arc::new(Unopened))
}

/// The sign-ins of a state that is not there or cannot be opened here.
#[derive(Debug)]
struct Unopened;

#[async_trait]
impl Grants for Unopened {
    async fn grant(&self) -> Result<Option<Grant>, GrantError> {
        Err(refusal())
    }

    async fn keep(&self, _grant: &Grant) -> Result<(), GrantError> {
        Err(refusal())
    }
}

fn refusal() -> GrantError {
    GrantError {
        message: "there is no state here that could be opened".to_owned(),
        hint: Some(
            "if a `bmsync run` has it open, `bmsync get tenants --server URL` says how its sign-in is; else run \
                    `bmsync connect`"
                .to_owned(),
        ),
        source: None,
    }
}
