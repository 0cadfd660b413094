//! From a directory file to a `Directory`, in the order that is written or the other way round.

use std::borrow::Cow;

use bmsync::directory::{
    Attribute, Coverage, Directory, Flag, GroupPatch, Identity, Listed, Patch, Removal, Said, TenantDirectory,
};
use bmsync::model::{Id, Text};
use serde_json::Value;

use super::script::{id, list};

/// In which order things are heard of; the plan must not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they are written.
    Written,
    /// From the last to the first.
    Reversed,
}

impl Order {
    fn of(self, values: &[Value]) -> Vec<&Value> {
        match self {
            Self::Written => values.iter().collect(),
            Self::Reversed => values.iter().rev().collect(),
        }
    }
}

/// The directory that a file describes.
pub fn directory(file: &Value, order: Order) -> Directory {
    let mut directory = Directory::default();
    for one in order.of(list(file, "tenants")).into_iter().filter(|one| one.get("absent").is_none()) {
        directory.insert(Id::new(id(one)), tenant(one, order));
    }
    directory
}

fn tenant(file: &Value, order: Order) -> TenantDirectory {
    let mut tenant = TenantDirectory::default();
    tenant.coverage = coverage(file);
    match order {
        Order::Written => {
            users(&mut tenant, file, order);
            groups(&mut tenant, file, order);
        }
        Order::Reversed => {
            groups(&mut tenant, file, order);
            users(&mut tenant, file, order);
        }
    }
    removals(&mut tenant, file, order);
    tenant
}

fn coverage(file: &Value) -> Coverage {
    match (file.get("unreadable").and_then(Value::as_str), file.get("partial")) {
        (Some(why), _) => Coverage::Failed(why.to_owned()),
        (None, Some(_)) => Coverage::Partial,
        (None, None) => Coverage::Complete,
    }
}

fn users(tenant: &mut TenantDirectory, file: &Value, order: Order) {
    for user in order.of(list(file, "users")) {
        tenant.upsert_user(Id::new(id(user)), said(user));
    }
}

fn groups(tenant: &mut TenantDirectory, file: &Value, order: Order) {
    for group in order.of(list(file, "groups")) {
        let key = Id::new(id(group));
        for member in order.of(list(group, "members")) {
            tenant.add_member(&key, &Id::new(member.as_str().unwrap()));
        }
        tenant.upsert_group(&key, group_patch(group));
    }
}

fn removals(tenant: &mut TenantDirectory, file: &Value, order: Order) {
    for user in order.of(list(file, "users")) {
        match user.get("deleted").and_then(Value::as_str) {
            Some("soft") => tenant.remove_user(&Id::new(id(user)), Removal::Soft),
            Some("hard") => tenant.remove_user(&Id::new(id(user)), Removal::Hard),
            Some(other) => panic!("a user is deleted soft or hard, not {other}"),
            None => {}
        }
    }
    for group in list(file, "groups").iter().filter(|group| group.get("deleted").is_some()) {
        tenant.remove_group(&Id::new(id(group)));
    }
}

fn group_patch(group: &Value) -> GroupPatch {
    GroupPatch {
        display_name: text(group, "displayName"),
        created: match group.get("createdDateTime").and_then(Value::as_str) {
            Some(created) => Patch::Set(created.parse().unwrap()),
            None => Patch::Clear,
        },
        security_enabled: flag(group, "securityEnabled"),
    }
}

fn said(user: &Value) -> Said<'_> {
    let mut said = Said::default();
    for (key, attribute) in [
        ("userPrincipalName", Attribute::UserPrincipalName),
        ("displayName", Attribute::DisplayName),
        ("givenName", Attribute::GivenName),
        ("surname", Attribute::Surname),
        ("mail", Attribute::Mail),
        ("jobTitle", Attribute::JobTitle),
        ("userType", Attribute::UserType),
        ("mobilePhone", Attribute::MobilePhone),
        ("faxNumber", Attribute::FaxNumber),
        ("department", Attribute::Department),
        ("companyName", Attribute::CompanyName),
        ("officeLocation", Attribute::OfficeLocation),
        ("employeeId", Attribute::EmployeeId),
    ] {
        said.text(attribute, part(user, key));
    }
    said.flag(Flag::AccountEnabled, user.get("accountEnabled").map(|value| value.as_bool().unwrap()));
    said.flag(Flag::OnPremisesSyncEnabled, user.get("onPremisesSyncEnabled").map(|value| value.as_bool().unwrap()));
    said.list(Listed::OtherMails, &texts(user, "otherMails"));
    said.list(Listed::ProxyAddresses, &texts(user, "proxyAddresses"));
    said.list(Listed::BusinessPhones, &texts(user, "businessPhones"));
    said.identities(&identities(user));
    said
}

fn part<'a>(value: &'a Value, key: &str) -> Option<Cow<'a, str>> {
    value.get(key).map(|part| part.as_str().unwrap().into())
}

fn texts<'a>(value: &'a Value, key: &str) -> Vec<Cow<'a, str>> {
    list(value, key).iter().map(|one| one.as_str().unwrap().into()).collect()
}

fn identities(user: &Value) -> Vec<Identity<'_>> {
    let one = |value| Identity {
        sign_in_type: part(value, "signInType"),
        issuer: part(value, "issuer"),
        issuer_assigned_id: part(value, "issuerAssignedId"),
    };
    list(user, "identities").iter().map(one).collect()
}

fn patch<T>(value: &Value, key: &str, read: impl Fn(&Value) -> T) -> Patch<T> {
    value.get(key).map_or(Patch::Clear, |value| Patch::Set(read(value)))
}

fn text(value: &Value, key: &str) -> Patch<Text> {
    patch(value, key, |value| Text::from(value.as_str().unwrap()))
}

fn flag(value: &Value, key: &str) -> Patch<bool> {
    patch(value, key, |value| value.as_bool().unwrap())
}
