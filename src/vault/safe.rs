//! The vault as the place where all tenants' sign-ins are.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Forgotten, Vault};
use crate::model::Id;
use crate::source::grant::{GrantError, Grants, Safe};

#[async_trait]
impl Safe for Vault {
    fn of(&self, tenant: &Id) -> Arc<dyn Grants> {
        Arc::new(Self::of(self, tenant))
    }

    async fn forget(&self, tenant: &Id) -> Result<bool, GrantError> {
        Ok(Self::forget(self, tenant).await? != Forgotten::Nothing)
    }
}
