//! The vault as the place where all tenants' sign-ins are.

use std::sync::Arc;

use super::Vault;
use crate::model::Id;
use crate::source::grant::{Grants, Safe};

impl Safe for Vault {
    fn of(&self, tenant: &Id) -> Arc<dyn Grants> {
        Arc::new(Self::of(self, tenant))
    }
}
