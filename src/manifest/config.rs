//! The manifests as meant: every reference resolved, every default filled in, nothing left to check.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::{Field, Fields, Id, Kind, Text};

/// What the admin declared. Equal configurations plan alike, however they are spread over files.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// By tenant ID.
    pub tenants: Vec<Tenant>,
    /// By (tenant ID, order, group ID).
    pub rules: Vec<Rule>,
    /// What fills the blanks of an employee; present whenever a rule makes employees.
    pub employee_defaults: Fields,
    /// Policy, with defaults filled in.
    pub policy: Policy,
    /// The IT Glue that shows the contacts too.
    pub it_glue: Option<ItGlue>,
    /// The live BMS; without one, the state itself is the BMS.
    pub bms: Option<Bms>,
    /// `sha256:` and 64 hex digits over everything above that a plan depends on: layout, comments and file names do not
    /// count.
    pub digest: String,
}

impl Config {
    /// The tenant of that ID.
    #[must_use]
    pub fn tenant(&self, id: &Id) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.id == *id)
    }

    /// The rules of a tenant, suspended ones too.
    pub fn rules_of<'a>(&'a self, tenant: &'a Id) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(move |rule| rule.tenant == *tenant)
    }
}

/// One Entra ID directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// `metadata.name`.
    pub name: Text,
    /// The tenant ID.
    pub id: Id,
    /// What is put into login addresses: a domain name or the ID.
    pub domain: Text,
    /// Client ID of the app registration.
    pub application_id: Text,
    /// How the application proves itself.
    pub credential: Credential,
    /// Who signs in.
    pub sign_in: SignIn,
    /// Root of the login service, without a slash at the end.
    pub login_root: Text,
    /// Root of Microsoft Graph, without `/v1.0` and without a slash at the end.
    pub graph_root: Text,
    /// Whether membership counts through nested groups.
    pub nested_groups: bool,
    /// A suspended tenant is not planned.
    pub suspend: bool,
}

/// How the application proves itself to the login service: always by reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// `applicationKey`: a client secret.
    Key(SecretRef),
    /// `certificate`: PEM with certificate and private key.
    Certificate(SecretRef),
    /// `federatedToken`: a token of another issuer that the registration trusts.
    Federated(SecretRef),
}

impl Credential {
    /// The key of the manifest.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Key(_) => "applicationKey",
            Self::Certificate(_) => "certificate",
            Self::Federated(_) => "federatedToken",
        }
    }

    /// Where it is found.
    #[must_use]
    pub const fn place(&self) -> &SecretRef {
        match self {
            Self::Key(place) | Self::Certificate(place) | Self::Federated(place) => place,
        }
    }
}

/// Where a secret is found when it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable.
    Env(Text),
    /// A file; relative paths are relative to the working directory.
    File(PathBuf),
}

/// Who signs in to Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SignIn {
    /// A person signs in once.
    Delegated,
    /// The application itself, by client credentials.
    Application,
}

/// `KaseyaBms`: the live BMS and how bmsync signs in to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bms {
    /// `metadata.name`.
    pub name: Text,
    /// Root of the API, without `/v2` and without a slash at the end.
    pub root: Text,
    /// The company name, by which BMS knows its tenant.
    pub company: Text,
    /// The API user.
    pub username: Text,
    /// Where its password is.
    pub password: SecretRef,
    /// Where the secret of its one-time codes is.
    pub totp: Option<SecretRef>,
    /// The type of a contact's phone that is synchronized; the default type where none is named.
    pub phone_type: Option<Text>,
    /// The same of the email.
    pub email_type: Option<Text>,
    /// Calls of one endpoint in an hour.
    pub calls_per_hour: u32,
    /// Between full reads.
    pub full_read_interval: Duration,
}

/// Members of this group become this kind of record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `metadata.name`.
    pub name: Text,
    /// The declared tenant's ID.
    pub tenant: Id,
    /// The group's object ID.
    pub group: Id,
    /// Lower wins.
    pub order: u64,
    /// What members become.
    pub kind: Kind,
    /// Where the email comes from.
    pub email: EmailSource,
    /// The rule's own values: authoritative, they overwrite. For a contact: account, location, portalAccess and, with
    /// portal access, securityRole.
    pub values: Fields,
    /// A suspended rule still wins, and then leaves its users alone.
    pub suspend: bool,
}

impl Rule {
    /// Whether records of this rule have a login.
    #[must_use]
    pub fn makes_login(&self) -> bool {
        crate::model::login(self.kind, &self.values)
    }

    /// The account that a contact rule names.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.values.get(Field::Account)
    }
}

/// Where a record's email comes from (rule R3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EmailSource {
    /// By the kind of user.
    #[default]
    Auto,
    /// Always the user principal name.
    UserPrincipalName,
    /// Always `mail`.
    Mail,
}

/// `SyncPolicy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What becomes of local edits.
    pub drift: Drift,
    /// What becomes of the record of a user that no rule matches.
    pub unmatched: Unmatched,
    /// Whether `accountEnabled` is consumed.
    pub disabled_accounts: DisabledAccounts,
    /// Whether guests match rules.
    pub guests: Guests,
    /// Limits of one round.
    pub guards: Guards,
    /// Between delta polls.
    pub poll_interval: Duration,
    /// Between full reads.
    pub full_sync_interval: Duration,
    /// Reconnecting after failures.
    pub reconnect: Reconnect,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            drift: Drift::Preserve,
            unmatched: Unmatched::Deactivate,
            disabled_accounts: DisabledAccounts::Ignore,
            guests: Guests::Include,
            guards: Guards::default(),
            poll_interval: Duration::from_mins(1),
            full_sync_interval: Duration::from_hours(24),
            reconnect: Reconnect { failures: 5, after: Duration::from_mins(2) },
        }
    }
}

/// `drift`: what becomes of fields edited in BMS (rule R8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Drift {
    /// They stay until the directory user changes.
    Preserve,
    /// They are overwritten in the next round.
    Enforce,
}

/// `unmatched` (rule R7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Unmatched {
    /// Deactivate the record.
    Deactivate,
    /// Leave it as it is.
    Keep,
}

/// `disabledAccounts` (rule R7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DisabledAccounts {
    /// `accountEnabled` is not consumed.
    Ignore,
    /// A disabled account's record is deactivated and none is created.
    Deactivate,
}

/// `guests` (rule R7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Guests {
    /// Guests match rules like members.
    Include,
    /// Guests match no rule.
    Exclude,
}

/// `guards`: limits of one round per tenant (rule R10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards {
    /// At most so many deactivations.
    pub max_deactivations: Option<Limit>,
    /// At most so many archives.
    pub max_archives: Option<Limit>,
    /// At most so many creates; none by default.
    pub max_creates: Option<Limit>,
}

impl Default for Guards {
    fn default() -> Self {
        let tenth = Some(Limit::Percent(10.0));
        Self { max_deactivations: tenth, max_archives: tenth, max_creates: None }
    }
}

/// A number, or a share of the records that the tenant owned and that were active before the round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// So many.
    Count(u64),
    /// So many of a hundred, rounded down, at least 5 records.
    Percent(f64),
}

impl Eq for Limit {}

/// `reconnect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconnect {
    /// Failures in a row that are tolerated.
    pub failures: u32,
    /// How long to wait then.
    pub after: Duration,
}

/// `ItGlue`: where contacts are shown besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItGlue {
    /// `metadata.name`.
    pub name: Text,
    /// Root of its API, without a slash at the end.
    pub root: Text,
    /// Where the API key is.
    pub api_key: SecretRef,
    /// Whether it is written, or only compared.
    pub mode: Delivery,
    /// The organizations of accounts, by the accounts' names; those that are not here have the account's name.
    pub organizations: BTreeMap<Text, NameOrId>,
    /// The contact type of contacts that are not active.
    pub inactive_type: Option<NameOrId>,
    /// Requests in 5 minutes, at most.
    pub requests: u32,
}

/// The most requests that IT Glue lets an API key make in 5 minutes.
pub const IT_GLUE_REQUESTS: u32 = 3_000;

/// `mode` of an `ItGlue`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// Compare and report.
    #[default]
    Verify,
    /// Create and update besides.
    Write,
}

impl Delivery {
    /// The word in manifests.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Write => "write",
        }
    }
}

/// What IT Glue has, by its name or its ID there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameOrId {
    /// The exact name.
    Name(Text),
    /// From 1.
    Id(u64),
}
