//! The permissions that a person's sign-in asks for: a table. It knows nothing of requests.

use oauth2::Scope;

/// A delegated permission of Microsoft Graph that bmsync asks for, and the call that shows whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Permission {
    /// As Entra names it.
    pub name: &'static str,
    /// What bmsync does with it.
    pub gives: &'static str,
    /// The call: path below the version, and query.
    pub path: &'static str,
    /// Its query.
    pub query: Option<&'static str>,
    /// Whether directories can be read without.
    pub need: Need,
}

/// Whether directories can be read without a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// They cannot.
    Must,
    /// They can.
    May,
}

/// Every one, in the order in which a person is told.
pub(super) const PERMISSIONS: [Permission; 4] = [
    Permission { name: "User.Read", gives: "who signed in", path: "me", query: None, need: Need::May },
    Permission {
        name: "User.Read.All",
        gives: "users",
        path: "users",
        query: Some("$top=1&$select=id"),
        need: Need::Must,
    },
    Permission {
        name: "Group.Read.All",
        gives: "groups and their members",
        path: "groups",
        query: Some("$top=1&$select=id"),
        need: Need::Must,
    },
    Permission {
        name: "Directory.Read.All",
        gives: "the organization",
        path: "organization",
        query: None,
        need: Need::May,
    },
];

/// The scopes of a sign-in: the permissions as full addresses of the tenant's Graph, which other clouds need, and those of
/// `OpenID` Connect.
pub(super) fn asked(graph_root: &str) -> impl Iterator<Item = Scope> {
    let permissions = PERMISSIONS.iter().map(move |permission| format!("{graph_root}/{}", permission.name));
    permissions.chain(["offline_access".to_owned(), "openid".to_owned()]).map(Scope::new)
}

/// The permissions alone, as admin consent wants them.
pub(super) fn permissions(graph_root: &str) -> String {
    let names: Vec<String> = PERMISSIONS.iter().map(|permission| format!("{graph_root}/{}", permission.name)).collect();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_addresses_of_the_clouds_graph() {
        let scopes: Vec<String> = asked("https://graph.microsoft.us").map(|scope| scope.to_string()).collect();
        assert_eq!(
            scopes.join(" "),
            "https://graph.microsoft.us/User.Read https://graph.microsoft.us/User.Read.All \
             https://graph.microsoft.us/Group.Read.All https://graph.microsoft.us/Directory.Read.All offline_access openid"
        );
        assert!(!permissions("https://graph.microsoft.us").contains("openid"));
    }
}
