//! Application registrations: what an application proves itself with, where people are sent back to, what it asks for.
//! Which tenants let it in is the tenants' own matter. Knows nothing of HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::digest;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Map, Value, json};

/// An application, as its maker registered it.
#[derive(Clone, Debug)]
pub(super) struct Registration {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) audience: Audience,
    pub(super) client: ClientKind,
    pub(super) secrets: Vec<Secret>,
    pub(super) certificates: Vec<Certificate>,
    pub(super) federated: Vec<Federated>,
    /// `None`: any on loopback or of `https`.
    pub(super) redirect_uris: Option<Vec<String>>,
    /// Delegated permissions that it asks for; `None`: all that bmsync needs.
    pub(super) delegated: Option<Vec<String>>,
    /// Application permissions that it asks for; `None`: all that bmsync needs.
    pub(super) application: Option<Vec<String>>,
}

/// Whose people may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Those of the tenants that list it: `AzureADMyOrg`.
    OneTenant,
    /// Those of any tenant, once it consents: `AzureADMultipleOrgs`.
    ManyTenants,
}

impl Audience {
    pub(super) const ALL: [Self; 2] = [Self::OneTenant, Self::ManyTenants];

    /// Microsoft's word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OneTenant => "AzureADMyOrg",
            Self::ManyTenants => "AzureADMultipleOrgs",
        }
    }
}

/// Whether it can keep a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientKind {
    Confidential,
    /// It may do without a credential where a person signs in.
    Public,
}

/// A client secret.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    pub(super) value: String,
    pub(super) expires: Option<Timestamp>,
}

/// A certificate that assertions are signed with.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    pub(super) pem: String,
    pub(super) der: CertificateDer<'static>,
    pub(super) expires: Option<Timestamp>,
}

impl Certificate {
    /// The first certificate of a PEM text.
    pub(super) fn parse(pem: &str, expires: Option<Timestamp>) -> Option<Self> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        webpki::EndEntityCert::try_from(&der).ok()?;
        Some(Self { pem: pem.to_owned(), der, expires })
    }

    /// Whether this is the thumbprint of the certificate, as a JWT's header has it.
    pub(super) fn has_thumbprint(&self, algorithm: &'static digest::Algorithm, text: &str) -> bool {
        URL_SAFE_NO_PAD.encode(digest::digest(algorithm, &self.der)) == text.trim_end_matches('=')
    }
}

/// An outside issuer whose tokens stand for a credential.
#[derive(Clone, Debug)]
pub(super) struct Federated {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) audience: String,
    /// JSON web keys that its tokens are checked with; `None`: the signature is not looked at.
    pub(super) keys: Option<Vec<Value>>,
}

/// What an application needs to do bmsync's work, in the words of the consent page.
pub(super) const USUAL_DELEGATED: &[&str] = &["User.Read", "User.Read.All", "Group.Read.All", "Directory.Read.All"];
/// The same for an application that signs in as itself.
pub(super) const USUAL_APPLICATION: &[&str] = &["User.Read.All", "Group.Read.All", "Directory.Read.All"];

/// The permissions that are written down, or the usual ones.
pub(super) fn or_usual(written: Option<&[String]>, usual: &[&str]) -> Vec<String> {
    written.map_or_else(|| usual.iter().map(|name| (*name).to_owned()).collect(), <[String]>::to_vec)
}

impl Registration {
    /// As it stands in the directory file.
    pub(super) fn to_json(&self) -> Value {
        let Self {
            id,
            name,
            audience,
            client,
            secrets,
            certificates,
            federated,
            redirect_uris,
            delegated,
            application,
        } = self;
        let mut map = Map::new();
        map.insert("id".into(), json!(id));
        map.insert("name".into(), json!(name));
        map.insert("signInAudience".into(), json!(audience.name()));
        map.insert("publicClient".into(), json!(*client == ClientKind::Public));
        map.insert("secrets".into(), secrets.iter().map(Secret::to_json).collect());
        map.insert("certificates".into(), certificates.iter().map(Certificate::to_json).collect());
        map.insert("federated".into(), federated.iter().map(Federated::to_json).collect());
        map.extend(redirect_uris.as_ref().map(|uris| ("redirectUris".to_owned(), json!(uris))));
        let mut permissions = Map::new();
        permissions.extend(delegated.as_ref().map(|names| ("delegated".to_owned(), json!(names))));
        permissions.extend(application.as_ref().map(|names| ("application".to_owned(), json!(names))));
        map.insert("permissions".into(), Value::Object(permissions));
        Value::Object(map)
    }
}

fn with_expiry(mut value: Value, expires: Option<Timestamp>) -> Value {
    if let Some(expires) = expires {
        value["expires"] = json!(expires.to_string());
    }
    value
}

impl Secret {
    fn to_json(&self) -> Value {
        let Self { value, expires } = self;
        with_expiry(json!({ "value": value }), *expires)
    }
}

impl Certificate {
    fn to_json(&self) -> Value {
        let Self { pem, der: _, expires } = self;
        with_expiry(json!({ "pem": pem }), *expires)
    }
}

impl Federated {
    fn to_json(&self) -> Value {
        let Self { issuer, subject, audience, keys } = self;
        let mut value = json!({ "issuer": issuer, "subject": subject, "audience": audience });
        if let Some(keys) = keys {
            value["keys"] = json!(keys);
        }
        value
    }
}
