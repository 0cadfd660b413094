//! The small nouns of manifests that are text: IDs, names, addresses. Each is made from what was written, or says
//! why not and what to do. Knows no kind of manifest.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};
use url::{Host, Url};

use super::word::{is_unprintable, quoted};
use crate::model::{Id, Text, filled};

/// What stands between what is wrong and the hint in the text of a complaint.
pub(super) const COMPLAINT_HINT: &str = "\nhint: ";

/// The serde name of [`SecretReference`].
pub(super) const SECRET_REFERENCE: &str = "SecretReference";

/// Why a text is not the noun: fits behind the key's name.
pub(super) struct Complaint {
    message: String,
    hint: Option<&'static str>,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hint.map_or(Ok(()), |hint| write!(f, "{COMPLAINT_HINT}{hint}"))
    }
}

pub(super) fn complain<T>(message: impl Into<String>, hint: &'static str) -> Result<T, Complaint> {
    Err(Complaint { message: message.into(), hint: Some(hint) })
}

/// A noun that is read from text and shows in a schema.
macro_rules! noun {
    ($(#[$doc:meta])* $name:ident($holds:ty), $parse:expr, $schema:tt) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub $holds);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                $parse(text.trim()).map(Self).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

noun!(
    /// `metadata.name`: a DNS label.
    Label(Text), label, { "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" });
noun!(
    /// One line of text that is not blank.
    Line(Text), line, { "type": "string", "pattern": "\\S" });
noun!(
    /// One line of text; blank is as good as not there.
    Note(Option<Text>), note, { "type": "string" });
noun!(
    /// The tenant ID in a tenant.
    TenantId(Id), |text: &str| guid(text, "copy the Tenant ID from Entra > Overview"), { "type": "string", "pattern": GUID });
noun!(
    /// A group's object ID.
    GroupId(Id), |text: &str| guid(text, "copy the Object ID from Entra > Groups > the group > Overview"),
    { "type": "string", "pattern": GUID });
noun!(
    /// The client ID of an app registration.
    ApplicationId(Id), |text: &str| guid(text, "copy the Application (client) ID from Entra > App registrations > the app"),
    { "type": "string", "pattern": GUID });
noun!(
    /// The tenant ID in a rule. What is not an ID is judged with the tenants at hand.
    TenantReference(Text), line, { "type": "string", "pattern": GUID });
noun!(
    /// A domain name of a tenant, or its ID.
    Domain(DomainOrId), domain, { "type": "string", "pattern": "^([0-9a-fA-F-]{36}|([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)$" });
noun!(
    /// Root of a service: https, or http on loopback.
    Root(Text), root, { "type": "string", "format": "uri", "pattern": "^https?://" });
noun!(
    /// The server of a live BMS: a region, or the root of its API.
    BmsServer(Text), bms_server, { "anyOf": [
        { "type": "string", "enum": ["us", "emea", "apac", "vorex"] },
        { "type": "string", "format": "uri", "pattern": "^https?://" },
    ] });
noun!(
    /// Root of an IT Glue API: of a region, or another one.
    Region(Text), region, { "type": "string", "pattern": "^(us|eu|au|https?://.+)$" });
noun!(
    /// Name of an environment variable.
    EnvironmentVariable(Text), environment_variable, { "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" });
noun!(
    /// Path of a file.
    FilePath(Text), file_path, { "type": "string", "pattern": "\\S" });

/// An ID, as a pattern.
pub(super) const GUID: &str = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$";

/// What `domain` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainOrId {
    /// A domain name, in lower case.
    Domain(Text),
    /// The tenant ID.
    Id(Id),
}

/// Where a secret is: exactly one of the two.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SecretReference {
    /// In this environment variable.
    Env(EnvironmentVariable),
    /// In this file; a relative path is relative to the working directory.
    File(FilePath),
}

fn label(text: &str) -> Result<Text, Complaint> {
    let edges = text.starts_with('-') || text.ends_with('-');
    let good = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if text.is_empty() || text.len() > 63 || edges || !good {
        let hint = "1 to 63 lower-case letters, digits and hyphens, no hyphen at either end";
        return complain(format!("is not a name: {}", quoted(text)), hint);
    }
    Ok(Text::from(text))
}

fn line(text: &str) -> Result<Text, Complaint> {
    note(text)?.map_or_else(|| complain("is blank", "give it a value"), Ok)
}

fn note(text: &str) -> Result<Option<Text>, Complaint> {
    if text.chars().any(is_unprintable) {
        return complain("holds characters that cannot be seen", "one line without control characters");
    }
    Ok(filled(text).map(Text::from))
}

fn guid(text: &str, hint: &'static str) -> Result<Id, Complaint> {
    let id = Id::new(text);
    if id.is_guid() { Ok(id) } else { complain(format!("is not an ID: {}", quoted(text)), hint) }
}

/// Whether a text has the form of a domain name.
pub(super) fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let good = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && good && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}

fn domain(text: &str) -> Result<DomainOrId, Complaint> {
    let id = Id::new(text);
    if id.is_guid() {
        return Ok(DomainOrId::Id(id));
    }
    if is_domain(text) {
        return Ok(DomainOrId::Domain(Text::from(text.to_ascii_lowercase())));
    }
    complain(format!("is not a domain name: {}", quoted(text)), "like contoso.onmicrosoft.com, or the tenant ID")
}

fn root(text: &str) -> Result<Text, Complaint> {
    const HINT: &str = "like https://graph.microsoft.com; http only on localhost, 127.0.0.0/8 or [::1]";
    let Ok(url) = Url::parse(text) else { return complain("is not an address", HINT) };
    let secure = url.scheme() == "https" || url.scheme() == "http" && url.host().is_some_and(|host| is_loopback(&host));
    if !secure || !url.has_host() {
        return complain("must be https, or http on loopback", HINT);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return complain("must hold no user name or password", HINT);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return complain("must hold no `?` or `#`", HINT);
    }
    let root = url.as_str().trim_end_matches('/');
    if root.ends_with("/v1.0") || root.ends_with("/beta") {
        return complain("is the root, without a version", "leave out /v1.0");
    }
    Ok(Text::from(root))
}

/// <https://api.itglue.com/developer/>: one address per region.
fn region(text: &str) -> Result<Text, Complaint> {
    match text {
        "us" => Ok(Text::const_new("https://api.itglue.com")),
        "eu" => Ok(Text::const_new("https://api.eu.itglue.com")),
        "au" => Ok(Text::const_new("https://api.au.itglue.com")),
        _ => root(text).or_else(|_| {
            let hint = "us, eu, au, or an address like https://api.itglue.com; http only on loopback";
            complain(format!("is no region: {}", quoted(text)), hint)
        }),
    }
}

/// The root of the API of a region, or the one that is written.
fn bms_server(text: &str) -> Result<Text, Complaint> {
    const HINT: &str = "`us`, `emea`, `apac`, `vorex`, or an address like https://api.bms.kaseya.com without /v2";
    let region = match text {
        "us" => "https://api.bms.kaseya.com",
        "emea" => "https://api.bmsemea.kaseya.com",
        "apac" => "https://api.bmsapac.kaseya.com",
        "vorex" => "https://api.vorexlogin.com",
        address => {
            let root =
                root(address).map_err(|Complaint { message, hint: _ }| Complaint { message, hint: Some(HINT) })?;
            return if root.ends_with("/v2") { complain("is the root, without a version", HINT) } else { Ok(root) };
        }
    };
    Ok(Text::const_new(region))
}

/// Loopback: `localhost`, 127.0.0.0/8 and `[::1]`.
fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Does not repeat what was written: it may be the secret itself.
fn environment_variable(text: &str) -> Result<Text, Complaint> {
    let start = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if start && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        Ok(Text::from(text))
    } else {
        complain("is not the name of an environment variable", "letters, digits and _; like CONTOSO_APPLICATION_KEY")
    }
}

/// Does not repeat what was written: it may be the secret itself.
fn file_path(text: &str) -> Result<Text, Complaint> {
    if text.is_empty() || text.chars().any(is_unprintable) {
        return complain("is not the path of a file", "like /run/secrets/contoso");
    }
    Ok(Text::from(text))
}
