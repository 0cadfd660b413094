//! The scopes that a person's sign-in asks for: its permissions as addresses. It knows nothing of requests.

use oauth2::Scope;

use super::permission::Permission;

/// The scopes of a sign-in: the permissions as full addresses of the tenant's Graph, which other clouds need, and those of
/// `OpenID` Connect.
pub(super) fn asked(graph_root: &str) -> impl Iterator<Item = Scope> {
    let permissions = Permission::ASKED.iter().map(move |permission| format!("{graph_root}/{}", permission.name));
    permissions.chain(["offline_access".to_owned(), "openid".to_owned()]).map(Scope::new)
}

/// The permissions alone, as admin consent wants them.
pub(super) fn permissions(graph_root: &str) -> String {
    let names: Vec<String> =
        Permission::ASKED.iter().map(|permission| format!("{graph_root}/{}", permission.name)).collect();
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
