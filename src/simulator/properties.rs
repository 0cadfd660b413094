//! The properties that users and groups have in the Graph schema, what comes without `$select`, and `$select` itself.
//! Knows names and types only, no object.

use serde_json::Value;

use super::object::{Name, name};

/// The two kinds of object that have a delta function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Resource {
    Users,
    Groups,
}

impl Resource {
    /// As it stands in paths.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
        }
    }

    /// As it stands in `@odata.type`.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Users => "user",
            Self::Groups => "group",
        }
    }

    fn properties(self) -> &'static [(&'static str, Type)] {
        match self {
            Self::Users => USER,
            Self::Groups => GROUP,
        }
    }

    fn default_set(self) -> &'static [&'static str] {
        match self {
            Self::Users => USER_DEFAULTS,
            Self::Groups => GROUP_DEFAULTS,
        }
    }

    /// The type of a property; `None` when the schema has no such property.
    pub(super) fn type_of(self, property: &str) -> Option<Type> {
        self.properties().iter().find(|(known, _)| *known == property).map(|(_, kind)| *kind)
    }

    /// The property that is spelled like this but for case.
    pub(super) fn nearly(self, property: &str) -> Option<&'static str> {
        self.properties().iter().map(|(known, _)| *known).find(|known| known.eq_ignore_ascii_case(property))
    }
}

/// What a property holds. Any property may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Bool,
    Texts,
    Objects,
    Object,
}

impl Type {
    /// Whether a value may stand in a property of this type.
    pub(super) fn admits(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Null)
            | (Self::Text, Value::String(_))
            | (Self::Bool, Value::Bool(_))
            | (Self::Object, Value::Object(_)) => true,
            (Self::Texts, Value::Array(items)) => items.iter().all(Value::is_string),
            (Self::Objects, Value::Array(items)) => items.iter().all(Value::is_object),
            (Self::Text | Self::Bool | Self::Texts | Self::Objects | Self::Object, _) => false,
        }
    }

    /// For messages: "wants …".
    pub(super) fn wanted(self) -> &'static str {
        match self {
            Self::Text => "text (put it in quotes)",
            Self::Bool => "true or false",
            Self::Texts => "a list of texts",
            Self::Objects => "a list of objects",
            Self::Object => "an object",
        }
    }
}

const USER_DEFAULTS: &[&str] = &[
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

const GROUP_DEFAULTS: &[&str] = &[
    "classification",
    "createdDateTime",
    "deletedDateTime",
    "description",
    "displayName",
    "groupTypes",
    "isAssignableToRole",
    "mail",
    "mailEnabled",
    "mailNickname",
    "membershipRule",
    "membershipRuleProcessingState",
    "onPremisesSyncEnabled",
    "proxyAddresses",
    "securityEnabled",
    "securityIdentifier",
    "visibility",
];

const USER: &[(&str, Type)] = &[
    ("id", Type::Text),
    ("accountEnabled", Type::Bool),
    ("ageGroup", Type::Text),
    ("assignedLicenses", Type::Objects),
    ("assignedPlans", Type::Objects),
    ("businessPhones", Type::Texts),
    ("city", Type::Text),
    ("companyName", Type::Text),
    ("consentProvidedForMinor", Type::Text),
    ("country", Type::Text),
    ("createdDateTime", Type::Text),
    ("creationType", Type::Text),
    ("deletedDateTime", Type::Text),
    ("department", Type::Text),
    ("displayName", Type::Text),
    ("employeeHireDate", Type::Text),
    ("employeeId", Type::Text),
    ("employeeType", Type::Text),
    ("externalUserState", Type::Text),
    ("externalUserStateChangeDateTime", Type::Text),
    ("faxNumber", Type::Text),
    ("givenName", Type::Text),
    ("identities", Type::Objects),
    ("imAddresses", Type::Texts),
    ("isResourceAccount", Type::Bool),
    ("jobTitle", Type::Text),
    ("legalAgeGroupClassification", Type::Text),
    ("mail", Type::Text),
    ("mailNickname", Type::Text),
    ("mobilePhone", Type::Text),
    ("officeLocation", Type::Text),
    ("onPremisesDistinguishedName", Type::Text),
    ("onPremisesDomainName", Type::Text),
    ("onPremisesExtensionAttributes", Type::Object),
    ("onPremisesImmutableId", Type::Text),
    ("onPremisesLastSyncDateTime", Type::Text),
    ("onPremisesSamAccountName", Type::Text),
    ("onPremisesSecurityIdentifier", Type::Text),
    ("onPremisesSyncEnabled", Type::Bool),
    ("onPremisesUserPrincipalName", Type::Text),
    ("otherMails", Type::Texts),
    ("passwordPolicies", Type::Text),
    ("postalCode", Type::Text),
    ("preferredDataLocation", Type::Text),
    ("preferredLanguage", Type::Text),
    ("proxyAddresses", Type::Texts),
    ("showInAddressList", Type::Bool),
    ("signInSessionsValidFromDateTime", Type::Text),
    ("state", Type::Text),
    ("streetAddress", Type::Text),
    ("surname", Type::Text),
    ("usageLocation", Type::Text),
    ("userPrincipalName", Type::Text),
    ("userType", Type::Text),
];

const GROUP: &[(&str, Type)] = &[
    ("id", Type::Text),
    ("classification", Type::Text),
    ("createdDateTime", Type::Text),
    ("deletedDateTime", Type::Text),
    ("description", Type::Text),
    ("displayName", Type::Text),
    ("expirationDateTime", Type::Text),
    ("groupTypes", Type::Texts),
    ("isAssignableToRole", Type::Bool),
    ("mail", Type::Text),
    ("mailEnabled", Type::Bool),
    ("mailNickname", Type::Text),
    ("membershipRule", Type::Text),
    ("membershipRuleProcessingState", Type::Text),
    ("onPremisesDomainName", Type::Text),
    ("onPremisesLastSyncDateTime", Type::Text),
    ("onPremisesSamAccountName", Type::Text),
    ("onPremisesSecurityIdentifier", Type::Text),
    ("onPremisesSyncEnabled", Type::Bool),
    ("preferredDataLocation", Type::Text),
    ("preferredLanguage", Type::Text),
    ("proxyAddresses", Type::Texts),
    ("renewedDateTime", Type::Text),
    ("securityEnabled", Type::Bool),
    ("securityIdentifier", Type::Text),
    ("theme", Type::Text),
    ("uniqueName", Type::Text),
    ("visibility", Type::Text),
];

/// Properties kept outside the directory store: delta answers 501 when one is selected.
const NOT_IN_DIRECTORY: &[&str] = &["signInActivity", "aboutMe", "birthday", "hireDate", "mySite", "skills"];

/// The schema's own spelling of a name, if it has it.
pub(super) fn known_name(text: &str) -> Option<&'static str> {
    USER.iter().chain(GROUP).map(|(known, _)| *known).find(|known| *known == text)
}

/// What one delta round or read returns and, for delta, tracks.
#[derive(Clone, Debug)]
pub(super) struct Select {
    /// Properties besides `id`.
    pub(super) names: Vec<Name>,
    pub(super) membership: Membership,
    /// What was written after `$select=`; `None` without one.
    pub(super) written: Option<String>,
}

/// Whether `members@delta` comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Membership {
    Included,
    LeftOut,
}

/// Why a `$select` was refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SelectError {
    Unknown(String),
    NotInDirectory(String),
}

impl Select {
    pub(super) fn parse(resource: Resource, written: Option<&str>) -> Result<Self, SelectError> {
        match written {
            None => Ok(Self::everything(resource)),
            Some(text) => Self::chosen(resource, text),
        }
    }

    fn everything(resource: Resource) -> Self {
        let membership = match resource {
            Resource::Users => Membership::LeftOut,
            Resource::Groups => Membership::Included,
        };
        Self { names: resource.default_set().iter().map(|known| name(known)).collect(), membership, written: None }
    }

    fn chosen(resource: Resource, text: &str) -> Result<Self, SelectError> {
        let mut select = Self { names: Vec::new(), membership: Membership::LeftOut, written: Some(text.to_owned()) };
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            if resource == Resource::Groups && part == "members" {
                select.membership = Membership::Included;
            } else {
                select.push(checked(resource, part)?);
            }
        }
        Ok(select)
    }

    fn push(&mut self, name: Name) {
        if name != "id" && !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    pub(super) fn tracks(&self, changed: &[Name]) -> bool {
        changed.iter().any(|name| self.names.contains(name))
    }
}

fn checked(resource: Resource, part: &str) -> Result<Name, SelectError> {
    if NOT_IN_DIRECTORY.contains(&part) {
        return Err(SelectError::NotInDirectory(part.to_owned()));
    }
    match (resource.type_of(part), part.starts_with("extension_")) {
        (Some(_), _) | (None, true) => Ok(name(part)),
        (None, false) => Err(SelectError::Unknown(part.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn select_keeps_what_the_schema_has() {
        let select = Select::parse(Resource::Groups, Some("id,displayName, members,displayName")).unwrap();
        assert_eq!(select.names, ["displayName"]);
        assert_eq!(select.membership, Membership::Included);
        let unknown = Select::parse(Resource::Users, Some("givenName,nickName")).unwrap_err();
        assert_eq!(unknown, SelectError::Unknown("nickName".into()));
        let outside = Select::parse(Resource::Users, Some("signInActivity")).unwrap_err();
        assert_eq!(outside, SelectError::NotInDirectory("signInActivity".into()));
    }

    #[test]
    fn without_select_only_groups_bring_members() {
        assert_eq!(Select::parse(Resource::Users, None).unwrap().membership, Membership::LeftOut);
        assert_eq!(Select::parse(Resource::Groups, None).unwrap().membership, Membership::Included);
    }
}
