//! What people let bmsync do: the sign-ins that are kept in the state that a verb works on.

use std::sync::Arc;

use crate::ledger::Ledger;
use crate::source::graph::Delegations;

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
