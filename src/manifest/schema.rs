//! The manifests as written: one type per block, each field with its place. The descriptions here are those of the JSON
//! Schemas. Nothing is resolved, nothing is filled in.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::config::{Delivery, DisabledAccounts, Drift, EmailSource, Guests, NameOrId, SignIn, Unmatched};
use super::nouns::{
    ApplicationId, BmsServer, Domain, GroupId, Label, Line, Note, Region, Root, SecretReference, TenantId,
    TenantReference,
};
use super::quantities::{CallsPerHour, Failures, GuardLimit, Interval, RequestLimit};
use super::written::Written;
use crate::model::Kind;

/// A `Tenant` manifest.
pub type TenantManifest = Manifest<TenantWord, TenantSpec>;
/// A `MappingRule` manifest.
pub type MappingRuleManifest = Manifest<MappingRuleWord, MappingRuleSpec>;
/// An `EmployeeDefaults` manifest.
pub type EmployeeDefaultsManifest = Manifest<EmployeeDefaultsWord, EmployeeDefaultsSpec>;
/// A `SyncPolicy` manifest.
pub type SyncPolicyManifest = Manifest<SyncPolicyWord, SyncPolicySpec>;
/// A `KaseyaBms` manifest.
pub type KaseyaBmsManifest = Manifest<KaseyaBmsWord, KaseyaBmsSpec>;
/// An `ItGlue` manifest.
pub type ItGlueManifest = Manifest<ItGlueWord, ItGlueSpec>;

/// One document: what it is, its name, and what it declares.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "{W}")]
pub struct Manifest<W, S> {
    /// The version of the manifest format.
    pub api_version: Written<ApiVersion>,
    /// What this document declares.
    pub kind: Written<W>,
    /// The document's name.
    pub metadata: Written<Metadata>,
    /// What is declared.
    pub spec: Written<S>,
}

/// The version of the manifest format.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ApiVersion {
    /// The only one so far.
    #[serde(rename = "bmsync/v1")]
    V1,
}

/// Makes the types that stand for the words of `kind`.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
        #[schemars(inline, rename = $word)]
        pub enum $name {
            #[doc = concat!("`", $word, "`.")]
            #[serde(rename = $word)]
            Word,
        }
    )* };
}

words! {
    /// One Entra ID directory.
    TenantWord = "Tenant";
    /// Members of this group become this kind of record.
    MappingRuleWord = "MappingRule";
    /// What fills the blanks of an employee record.
    EmployeeDefaultsWord = "EmployeeDefaults";
    /// How bmsync behaves.
    SyncPolicyWord = "SyncPolicy";
    /// The IT Glue that shows the contacts too.
    ItGlueWord = "ItGlue";
    /// The live BMS.
    KaseyaBmsWord = "KaseyaBms";
}

/// The document's name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// A DNS label (lower-case letters, digits, hyphens), unique among the documents of one kind.
    #[schemars(example = &"contoso")]
    pub name: Written<Label>,
}

/// One Entra ID directory, and how bmsync signs in to it. Needs exactly one of `applicationKey`, `certificate` and
/// `federatedToken`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend(
    "oneOf" = [
        { "required": ["applicationKey"] }, { "required": ["certificate"] }, { "required": ["federatedToken"] },
    ],
    "anyOf" = [{ "required": ["tenantId"] }, { "properties": { "domain": { "pattern": super::nouns::GUID } } }],
))]
pub struct TenantSpec {
    /// A domain name of the tenant, or the tenant ID.
    #[schemars(example = &"contoso.onmicrosoft.com")]
    pub domain: Written<Domain>,
    /// The tenant ID; may be left out when `domain` is the ID.
    #[schemars(example = &"84841066-274d-4ec0-a5c1-276be684bdd3")]
    pub tenant_id: Option<Written<TenantId>>,
    /// The Application (client) ID of the app registration.
    #[schemars(example = &"1f3c5d7e-0000-4000-8000-000000000001")]
    pub application_id: Written<ApplicationId>,
    /// Where the client secret is: an environment variable or a file, never the secret itself.
    pub application_key: Option<Written<SecretReference>>,
    /// Where the certificate with its RSA private key (PEM, not encrypted) is; instead of `applicationKey`.
    pub certificate: Option<Written<SecretReference>>,
    /// Where a token of another issuer that the app registration trusts is (workload identity, GitHub, Kubernetes); instead
    /// of `applicationKey`. Read anew each time.
    pub federated_token: Option<Written<SecretReference>>,
    /// Who signs in: `delegated`, a person once, with `bmsync connect`; or `application`, the application itself.
    #[schemars(extend("default" = "delegated"))]
    pub sign_in: Option<Written<SignIn>>,
    /// The national cloud that the tenant is in.
    #[schemars(extend("default" = "global"))]
    pub cloud: Option<Written<Cloud>>,
    /// Addresses to use instead of those of the cloud.
    pub endpoints: Option<Written<Endpoints>>,
    /// Whether members of groups in a rule's group count as its members.
    #[schemars(extend("default" = false))]
    pub nested_groups: Option<Written<bool>>,
    /// A suspended tenant is not planned.
    #[schemars(extend("default" = false))]
    pub suspend: Option<Written<bool>>,
}

/// A national cloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Cloud {
    /// The worldwide cloud, and GCC.
    #[default]
    Global,
    /// US Government L4 (GCC High).
    UsGov,
    /// US Government L5, the Department of Defense.
    UsGovDod,
    /// China, operated by 21Vianet.
    China,
}

impl Cloud {
    /// The word in manifests.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::UsGov => "usGov",
            Self::UsGovDod => "usGovDod",
            Self::China => "china",
        }
    }

    /// Roots of the login service and of Microsoft Graph.
    ///
    /// <https://learn.microsoft.com/graph/deployments>
    #[must_use]
    pub const fn roots(self) -> (&'static str, &'static str) {
        match self {
            Self::Global => ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
            Self::UsGov => ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
            Self::UsGovDod => ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
            Self::China => ("https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"),
        }
    }
}

/// Addresses to use instead of those of the cloud: https, or http on loopback.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoints {
    /// Root of the login service.
    #[schemars(example = &"http://127.0.0.1:8400")]
    pub login: Option<Written<Root>>,
    /// Root of Microsoft Graph, without `/v1.0`.
    #[schemars(example = &"http://127.0.0.1:8400")]
    pub graph: Option<Written<Root>>,
}

/// Members of a group become employees or contacts. Of several rules that match a user, the one with the lowest order
/// wins.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("allOf" = [
    { "if": { "properties": { "record": { "const": "employee" } } }, "then": { "properties": { "contact": false } } },
    { "if": { "properties": { "record": { "const": "contact" } } },
      "then": { "properties": { "employee": false }, "required": ["contact"] } },
]))]
pub struct MappingRuleSpec {
    /// The ID of a declared tenant; not a domain name.
    #[schemars(example = &"84841066-274d-4ec0-a5c1-276be684bdd3")]
    pub tenant_id: Written<TenantReference>,
    /// The group's object ID. The group must be security enabled.
    #[schemars(example = &"45b7d2e7-b882-4a80-ba97-10b7a63b8fa4")]
    pub group_id: Written<GroupId>,
    /// Lower wins. On a tie the older group wins, then the lower group ID.
    #[schemars(example = 10)]
    pub order: Written<u64>,
    /// What members become.
    pub record: Written<RecordWord>,
    /// Where the email comes from: `auto` by the kind of user, or always `userPrincipalName`, or always `mail`.
    #[schemars(extend("default" = "auto"))]
    pub email: Option<Written<EmailSource>>,
    /// Values of the employees that this rule makes; they overwrite. Only with `record: employee`.
    pub employee: Option<Written<EmployeeValues>>,
    /// Values of the contacts that this rule makes; they overwrite. Only with `record: contact`, and needed there.
    pub contact: Option<Written<ContactValues>>,
    /// A suspended rule still wins, and then leaves its users alone.
    #[schemars(extend("default" = false))]
    pub suspend: Option<Written<bool>>,
}

/// The kind of record that a rule makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RecordWord {
    /// HR > Employees.
    Employee,
    /// CRM > Contacts.
    Contact,
}

impl From<RecordWord> for Kind {
    fn from(word: RecordWord) -> Self {
        match word {
            RecordWord::Employee => Self::Employee,
            RecordWord::Contact => Self::Contact,
        }
    }
}

/// Values of the employees that a rule makes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "each is the field of the employee record of that name")]
pub struct EmployeeValues {
    pub department: Option<Written<Note>>,
    pub location: Option<Written<Note>>,
    pub manager: Option<Written<Note>>,
    pub employment_type: Option<Written<Note>>,
    pub employee_role: Option<Written<Note>>,
    pub security_role: Option<Written<Note>>,
}

/// Values of the contacts that a rule makes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContactValues {
    /// The CRM account, spelled as in BMS, where it must exist.
    #[schemars(example = &"Northwind Traders")]
    pub account: Written<Line>,
    /// A location of the account; by default the record's, else the account's main one.
    #[schemars(example = &"Main")]
    pub location: Option<Written<Note>>,
    /// Whether these contacts may log in to the client portal, and as what.
    pub client_portal: Option<Written<ClientPortal>>,
}

/// Access to the client portal.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientPortal {
    /// Whether these contacts may log in.
    #[schemars(extend("default" = true))]
    pub enabled: Option<Written<bool>>,
    /// Their security role.
    #[schemars(extend("default" = "External User"))]
    pub security_role: Option<Written<Line>>,
}

/// What fills the blanks of an employee record; needed, once, when any rule makes employees. Changing it changes no record
/// that is already filled.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmployeeDefaultsSpec {
    /// The department.
    #[schemars(example = &"Operations")]
    pub department: Written<Line>,
    /// The location.
    #[schemars(example = &"Headquarters")]
    pub location: Written<Line>,
    /// The username of the manager.
    #[schemars(example = &"jsmith")]
    pub manager: Written<Line>,
    /// The job title, where the directory has none.
    #[schemars(example = &"Technician")]
    pub job_title: Written<Line>,
    /// The employment type.
    #[schemars(example = &"Full Time")]
    pub employment_type: Written<Line>,
    /// The employee role.
    #[schemars(example = &"Engineer")]
    pub employee_role: Written<Line>,
    /// The security role.
    #[schemars(example = &"User")]
    pub security_role: Written<Line>,
}

/// How bmsync behaves. At most one; every field has a default.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncPolicySpec {
    /// What becomes of fields that somebody edited in BMS: `preserve` until the directory user changes, or `enforce`.
    #[schemars(extend("default" = "preserve"))]
    pub drift: Option<Written<Drift>>,
    /// What becomes of the record of a user that no rule matches any more.
    #[schemars(extend("default" = "deactivate"))]
    pub unmatched: Option<Written<Unmatched>>,
    /// What becomes of the record of a disabled account; `ignore` does not look at it.
    #[schemars(extend("default" = "ignore"))]
    pub disabled_accounts: Option<Written<DisabledAccounts>>,
    /// Whether guests match rules.
    #[schemars(extend("default" = "include"))]
    pub guests: Option<Written<Guests>>,
    /// Limits of one round, per tenant.
    pub guards: Option<Written<GuardsBlock>>,
    /// Time between two looks at the directory, which read what changed.
    #[schemars(extend("default" = "60s"))]
    pub poll_interval: Option<Written<Interval>>,
    /// Time between two full reads of the directory, which correct what the changes missed.
    #[schemars(extend("default" = "24h"))]
    pub full_sync_interval: Option<Written<Interval>>,
    /// How `bmsync run` waits after failures.
    pub reconnect: Option<Written<ReconnectBlock>>,
}

/// Limits of one round, per tenant: a number, or a percentage (rounded down, at least 5) of the records that the tenant
/// owned and that were active before. With more changes than that, all of them wait for approval.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GuardsBlock {
    /// At most so many deactivations.
    #[schemars(extend("default" = "10%"))]
    pub max_deactivations: Option<Written<GuardLimit>>,
    /// At most so many archives.
    #[schemars(extend("default" = "10%"))]
    pub max_archives: Option<Written<GuardLimit>>,
    /// At most so many creates; no limit by default.
    #[schemars(example = 200)]
    pub max_creates: Option<Written<GuardLimit>>,
}

/// Reconnecting after failures.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReconnectBlock {
    /// After so many failures in a row.
    #[schemars(extend("default" = 5))]
    pub failures: Option<Written<Failures>>,
    /// Wait so long, then reconnect.
    #[schemars(extend("default" = "120s"))]
    pub after: Option<Written<Interval>>,
}

/// The IT Glue that shows the contacts too. At most one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItGlueSpec {
    /// Where it is: `us`, `eu`, `au`, or the address of its API.
    #[schemars(example = &"us")]
    pub region: Written<Region>,
    /// Where the API key is: an environment variable or a file, never the key itself.
    pub api_key: Written<SecretReference>,
    /// What bmsync does there: `verify` compares and reports; `write` also creates and updates the contacts that no PSA
    /// synchronizes.
    #[schemars(extend("default" = "verify"))]
    pub mode: Option<Written<Delivery>>,
    /// The organization of an account, by name or ID; without one it is the organization of the account's name.
    pub organizations: Option<Written<BTreeMap<String, Written<NameOrId>>>>,
    /// The contact type, by name or ID, that contacts have while they are not active. Without one, IT Glue does not
    /// show that.
    #[schemars(example = &"Former employee")]
    pub inactive_contact_type: Option<Written<NameOrId>>,
    /// Requests in 5 minutes, at most; 3,000 is what IT Glue lets an API key make.
    #[schemars(extend("default" = 3000))]
    pub requests: Option<Written<RequestLimit>>,
}

/// The live Kaseya BMS: with it, the records are those of BMS and its REST API V2 is written to. At most one; without it, the
/// state itself is the BMS.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KaseyaBmsSpec {
    /// The region of the BMS server, or the root of its API.
    #[schemars(example = &"us")]
    pub server: Written<BmsServer>,
    /// The company name, as My Settings in BMS has it.
    #[schemars(example = &"Harbor IT")]
    pub company: Written<Line>,
    /// The API user.
    #[schemars(example = &"bmsync-api")]
    pub username: Written<Line>,
    /// Where the password of the API user is: an environment variable or a file, never the password itself.
    pub password: Written<SecretReference>,
    /// Where the secret of its one-time codes is (Base32, as an authenticator app gets it), if the user has one.
    pub totp: Option<Written<SecretReference>>,
    /// The phone type of a contact that the directory's office phone goes to; by default the one that BMS marks as default.
    #[schemars(example = &"Office")]
    pub phone_type: Option<Written<Line>>,
    /// The email type of a contact that the email goes to; by default the one that BMS marks as default.
    #[schemars(example = &"Work")]
    pub email_type: Option<Written<Line>>,
    /// Calls of one endpoint in an hour that bmsync keeps within.
    #[schemars(extend("default" = 1500))]
    pub calls_per_hour: Option<Written<CallsPerHour>>,
    /// Time between two full reads of BMS; in between, only what changed is read.
    #[schemars(extend("default" = "24h"))]
    pub full_read_interval: Option<Written<Interval>>,
}
