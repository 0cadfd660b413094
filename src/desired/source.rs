//! What a directory user gives for each mapped field (rules R2 and R3).

use std::borrow::Cow;

use crate::directory::{EXT, User, find_ext};
use crate::manifest::config::EmailSource;
use crate::model::{Field, filled};

/// The email of a user (rule R3).
#[must_use]
pub fn email(user: &User, source: EmailSource) -> Option<&str> {
    let mail = || text(user.mail());
    match source {
        EmailSource::Mail => mail(),
        EmailSource::Auto if is_external(user) => mail().or_else(|| text(user.other_mail())),
        EmailSource::Auto if user.is_microsoft_account => mail(),
        EmailSource::UserPrincipalName | EmailSource::Auto => text(user.user_principal_name()),
    }
}

/// As [`User::is_external`], which looks closer: most names have no `#` at all.
fn is_external(user: &User) -> bool {
    text(user.user_principal_name()).is_some_and(may_be_external) && user.is_external()
}

fn may_be_external(name: &str) -> bool {
    name.as_bytes().contains(&b'#')
}

/// The username of a user: the user principal name before the `@`, without `#EXT#` (rule R2).
#[must_use]
pub fn username(user: &User) -> Option<Cow<'_, str>> {
    let name = text(user.user_principal_name())?;
    let local = name.split_once('@').map_or(name, |(local, _)| local);
    let local = without_ext(local);
    match local {
        Cow::Borrowed(local) => filled(local).map(Cow::Borrowed),
        Cow::Owned(local) => filled(&local).map(|local| Cow::Owned(local.to_owned())),
    }
}

fn without_ext(name: &str) -> Cow<'_, str> {
    let first = if may_be_external(name) { find_ext(name) } else { None };
    let Some(first) = first else { return Cow::Borrowed(name) };
    let (head, mut rest) = name.split_at(first);
    let mut kept = head.to_owned();
    while let Some(at) = find_ext(rest) {
        kept.push_str(&rest[..at]);
        rest = &rest[at + EXT.len()..];
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// What the user gives for a field that is mapped as it is.
#[must_use]
pub fn attribute(user: &User, field: Field) -> Option<&str> {
    match field {
        Field::FirstName => text(user.given_name()),
        Field::LastName => text(user.surname()),
        Field::Phone => text(user.business_phone()),
        Field::JobTitle => text(user.job_title()),
        Field::Account
        | Field::Location
        | Field::Username
        | Field::Email
        | Field::Department
        | Field::Manager
        | Field::EmploymentType
        | Field::EmployeeRole
        | Field::PortalAccess
        | Field::SecurityRole => None,
    }
}

fn text(value: Option<&str>) -> Option<&str> {
    value.and_then(filled)
}
