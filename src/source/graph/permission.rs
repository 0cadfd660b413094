//! Permissions of Microsoft Graph: those that bmsync needs, the call that shows whether one is there, in whose name they
//! are held, and what a person does about one that is missing. Tables; it knows nothing of requests.

use super::error::person;
use crate::source::{Job, SourceError};

/// A permission of Microsoft Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// As Entra names it.
    pub name: &'static str,
    /// What bmsync does with it.
    pub gives: &'static str,
    /// The call that it allows: path below the version.
    pub(super) path: &'static [&'static str],
    /// And query.
    pub(super) query: Option<&'static str>,
    /// Whether directories can be read without.
    pub(super) need: Need,
}

/// Whether directories can be read without a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// They cannot.
    Must,
    /// They can.
    May,
}

impl Need {
    /// As JSON has it.
    pub const fn is_must(self) -> bool {
        match self {
            Self::Must => true,
            Self::May => false,
        }
    }
}

/// Begins where nothing is told, so that an answer is small and only the permission counts.
const FROM_NOW_ON: Option<&str> = Some("$select=id&$deltatoken=latest");

impl Permission {
    /// Who signed in.
    pub const ME: Self =
        Self { name: "User.Read", gives: "who signed in", path: &["me"], query: None, need: Need::May };
    /// People.
    pub const USERS: Self =
        Self { name: "User.Read.All", gives: "users", path: &["users", "delta"], query: FROM_NOW_ON, need: Need::Must };
    /// Groups, who is in them, and subscribing to both.
    pub const GROUPS: Self = Self {
        name: "Group.Read.All",
        gives: "groups and their members",
        path: &["groups", "delta"],
        query: FROM_NOW_ON,
        need: Need::Must,
    };
    /// The tenant itself.
    pub const DIRECTORY: Self = Self {
        name: "Directory.Read.All",
        gives: "the organization",
        path: &["organization"],
        query: Some("$select=id,verifiedDomains"),
        need: Need::May,
    };
    /// Every one that a person's sign-in asks for, in the order in which a person is told.
    pub(super) const ASKED: [Self; 4] = [Self::ME, Self::USERS, Self::GROUPS, Self::DIRECTORY];
}

/// In whose name Graph is asked. Permissions are of two kinds, and one of the wrong kind helps nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// The application's own: application permissions.
    Application,
    /// That of a person who signed in: delegated permissions, as far as the person may read at all.
    Person,
}

impl Holder {
    /// Graph denied something: which permissions it takes, of which kind, and where they are granted. `code` is what
    /// Graph calls it, or nothing.
    pub fn denied(self, tenant: &str, code: &str, wanted: &[Permission]) -> SourceError {
        let names: Vec<&str> = wanted.iter().map(|permission| permission.name).collect();
        let (names, noun) = (names.join(" and "), if wanted.len() == 1 { "permission" } else { "permissions" });
        let hint = match self {
            Self::Application => format!(
                "let an administrator grant the application the Microsoft Graph application {noun} {names} and give admin consent \
                 (Entra > App registrations > the application > API permissions); a delegated one does not count here"
            ),
            Self::Person => format!(
                "let an administrator grant the application the Microsoft Graph delegated {noun} {names} and give admin consent (Entra > \
                 App registrations > the application > API permissions, or `bmsync connect {tenant} --admin-consent`), \
                 and let the account that signed in be one that may read the directory"
            ),
        };
        SourceError { job: Job::TenantAdmin, ..person(format!("permission denied{code}"), hint) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_permission_is_that_of_who_asks() {
        let hint = |holder: Holder, wanted: &[Permission]| holder.denied("contoso", "", wanted).hint.unwrap();
        let own = hint(Holder::Application, &[Permission::USERS]);
        assert!(own.contains("application permission User.Read.All") && !own.contains("connect"), "{own}");
        let persons = hint(Holder::Person, &[Permission::USERS, Permission::GROUPS]);
        assert!(persons.contains("delegated permissions User.Read.All and Group.Read.All"), "{persons}");
        assert!(persons.contains("`bmsync connect contoso --admin-consent`"), "{persons}");
    }
}
