//! Arguments of the verbs that find out what is so: `doctor` and `tenant-id`. Knows nothing of how they do it.

use clap::{Args, ValueEnum};

use crate::manifest::schema::Cloud;

/// Arguments of `doctor`.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    /// Name or ID of the tenant; without one, every tenant.
    #[arg(value_name = "TENANT")]
    pub tenant: Option<String>,
    /// Also ask the webhook below this URL, as Microsoft Graph will: the one given to `run`.
    #[arg(long, value_name = "URL", value_hint = clap::ValueHint::Url)]
    pub public_url: Option<String>,
}

/// Arguments of `tenant-id`.
#[derive(Args, Debug)]
pub struct TenantIdArgs {
    /// A domain name of the tenant, such as contoso.com or contoso.onmicrosoft.com.
    #[arg(value_name = "DOMAIN")]
    pub domain: String,
    /// National cloud to ask.
    #[arg(long, value_name = "CLOUD", default_value = "global")]
    pub cloud: CloudWord,
    /// Root of the login service to ask, in place of the cloud's: https, or http on loopback.
    #[arg(long, value_name = "URL", value_hint = clap::ValueHint::Url)]
    pub login: Option<String>,
}

/// A national cloud, as manifests call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "camelCase")]
#[expect(missing_docs, reason = "each is the cloud of that name")]
pub enum CloudWord {
    Global,
    UsGov,
    UsGovDod,
    China,
}

impl CloudWord {
    /// What it stands for.
    #[must_use]
    pub const fn cloud(self) -> Cloud {
        match self {
            Self::Global => Cloud::Global,
            Self::UsGov => Cloud::UsGov,
            Self::UsGovDod => Cloud::UsGovDod,
            Self::China => Cloud::China,
        }
    }
}
