//! The operations of BMS that bmsync uses. BMS counts calls of each by itself. It knows nothing of what they bring.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One operation of the REST API V2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "`name` says what each is")]
pub enum Endpoint {
    Authenticate,
    RefreshToken,
    UserInfo,
    ContactsSummary,
    ContactSummary,
    ContactsSearch,
    CreateContact,
    PatchContact,
    PatchEmails,
    PatchPhones,
    Employees,
    PatchEmployee,
    AccountsSummary,
    AccountsLookup,
    AccountLocations,
    Departments,
    JobTitles,
    Locations,
    EmployeeRoles,
    SecurityRoles,
    SystemTable,
    TicketsCount,
    CustomFields,
    PutCustomField,
    ItGlueStatus,
    ItGlueContact,
}

/// Whether an operation changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Effect {
    Read,
    Write,
}

impl Endpoint {
    /// Every operation.
    pub const ALL: [Self; 26] = [
        Self::Authenticate,
        Self::RefreshToken,
        Self::UserInfo,
        Self::ContactsSummary,
        Self::ContactSummary,
        Self::ContactsSearch,
        Self::CreateContact,
        Self::PatchContact,
        Self::PatchEmails,
        Self::PatchPhones,
        Self::Employees,
        Self::PatchEmployee,
        Self::AccountsSummary,
        Self::AccountsLookup,
        Self::AccountLocations,
        Self::Departments,
        Self::JobTitles,
        Self::Locations,
        Self::EmployeeRoles,
        Self::SecurityRoles,
        Self::SystemTable,
        Self::TicketsCount,
        Self::CustomFields,
        Self::PutCustomField,
        Self::ItGlueStatus,
        Self::ItGlueContact,
    ];

    /// Method and path, as the documentation of BMS writes them.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authenticate => "POST /v2/security/authenticate",
            Self::RefreshToken => "POST /v2/security/refreshtoken",
            Self::UserInfo => "GET /v2/security/userinfo",
            Self::ContactsSummary => "GET /v2/crm/contacts/summary",
            Self::ContactSummary => "GET /v2/crm/contacts/summary/{id}",
            Self::ContactsSearch => "GET /v2/crm/contacts/search",
            Self::CreateContact => "POST /v2/crm/contacts/summary",
            Self::PatchContact => "PATCH /v2/crm/contacts/{id}",
            Self::PatchEmails => "PATCH /v2/crm/contacts/{contactId}/emails",
            Self::PatchPhones => "PATCH /v2/crm/contacts/{contactId}/phones",
            Self::Employees => "GET /v2/hr/employees/searchselect",
            Self::PatchEmployee => "PATCH /v2/hr/employees/{id}",
            Self::AccountsSummary => "GET /v2/crm/accounts/summary",
            Self::AccountsLookup => "GET /v2/crm/accounts/lookup",
            Self::AccountLocations => "GET /v2/crm/accounts/{accountId}/locations/lookup",
            Self::Departments => "GET /v2/admin/hr/departments/lookup",
            Self::JobTitles => "GET /v2/admin/hr/jobtitles/lookup",
            Self::Locations => "GET /v2/system/locations/lookup",
            Self::EmployeeRoles => "GET /v2/system/roles/lookup",
            Self::SecurityRoles => "GET /v2/admin/security/roles/lookup",
            Self::SystemTable => "GET /v2/system/lookup/{tableName}",
            Self::TicketsCount => "GET /v2/servicedesk/tickets/count",
            Self::CustomFields => "GET /v2/system/customFields/{moduleId}/{objectId}",
            Self::PutCustomField => "PUT /v2/system/customFields/data/{moduleId}/{entityId}/{customFieldId}",
            Self::ItGlueStatus => "GET /v2/integrations/itglue/status",
            Self::ItGlueContact => "GET /v2/integrations/itglue/contacts/{contactId}/lookup",
        }
    }

    /// Whether it changes something in BMS.
    #[must_use]
    pub const fn effect(self) -> Effect {
        match self {
            Self::CreateContact
            | Self::PatchContact
            | Self::PatchEmails
            | Self::PatchPhones
            | Self::PatchEmployee
            | Self::PutCustomField => Effect::Write,
            Self::Authenticate
            | Self::RefreshToken
            | Self::UserInfo
            | Self::ContactsSummary
            | Self::ContactSummary
            | Self::ContactsSearch
            | Self::Employees
            | Self::AccountsSummary
            | Self::AccountsLookup
            | Self::AccountLocations
            | Self::Departments
            | Self::JobTitles
            | Self::Locations
            | Self::EmployeeRoles
            | Self::SecurityRoles
            | Self::SystemTable
            | Self::TicketsCount
            | Self::CustomFields
            | Self::ItGlueStatus
            | Self::ItGlueContact => Effect::Read,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
