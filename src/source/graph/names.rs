//! What the texts about sign-in call things: a tenant's own names for what the tables leave open. It knows no table.

use url::Url;

use super::proof::Proof;
use crate::manifest::config::Tenant;

/// Placeholders with their values.
#[derive(Clone, Debug)]
pub(super) struct Names(Vec<(&'static str, String)>);

impl Names {
    /// Those of a tenant.
    pub fn of(tenant: &Tenant) -> Self {
        Self::new([
            ("{tenant}", tenant.name.as_str()),
            ("{domain}", tenant.domain.as_str()),
            ("{application}", tenant.application_id.as_str()),
            ("{key}", &Proof::from(&tenant.credential).place()),
            ("{consent}", &consent_url(tenant)),
        ])
    }

    /// These.
    pub fn new<const N: usize>(names: [(&'static str, &str); N]) -> Self {
        Self(names.map(|(name, value)| (name, value.to_owned())).into())
    }

    /// The text with the names put in.
    pub fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

/// Where an administrator of the tenant lets the application in, once. The older address: it needs no redirect URI.
pub(super) fn consent_url(tenant: &Tenant) -> String {
    let Ok(mut url) = Url::parse(&tenant.login_root) else { return String::new() };
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend([tenant.id.to_string().as_str(), "adminconsent"]);
    }
    url.query_pairs_mut().append_pair("client_id", &tenant.application_id);
    url.into()
}
