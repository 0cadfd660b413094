//! Scopes as they are asked for: Graph's permissions, bare or with a root before them, and the words of `OpenID` itself.
//! Knows nothing of who consented.

use crate::simulator::is_loopback_host;

use super::refusal::Refusal;

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scopes {
    /// Permissions of Graph.
    pub(super) graph: Vec<String>,
    /// `openid`, `profile`, `email`, `offline_access`.
    pub(super) openid: Vec<String>,
    pub(super) breadth: Breadth,
}

/// Whether single permissions are asked for, or whatever was consented to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Breadth {
    #[default]
    Named,
    /// `/.default`.
    Default,
}

/// The roots of Graph in all clouds; a simulator on loopback stands for any of them.
const GRAPH_ROOTS: &[&str] = &[
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
    "00000003-0000-0000-c000-000000000000",
    "api://00000003-0000-0000-c000-000000000000",
];

const OPENID: &[&str] = &["openid", "profile", "email", "offline_access"];

/// The permissions of Graph that the simulator has heard of.
const PERMISSIONS: &[&str] = &[
    "User.Read",
    "User.ReadBasic.All",
    "User.Read.All",
    "User.ReadWrite.All",
    "GroupMember.Read.All",
    "GroupMember.ReadWrite.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
    "Directory.AccessAsUser.All",
    "Member.Read.Hidden",
    "Organization.Read.All",
];

/// Permissions that a person may consent to without being an admin.
const HARMLESS: &[&str] = &["User.Read", "User.ReadBasic.All"];

impl Scopes {
    /// Reads a `scope` of a sign-in by a person.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut scopes = Self::default();
        for word in text.split_whitespace() {
            if let Some(known) = OPENID.iter().find(|known| known.eq_ignore_ascii_case(word)) {
                push(&mut scopes.openid, known);
                continue;
            }
            let name = permission(word)?;
            if name == ".default" {
                scopes.breadth = Breadth::Default;
            } else {
                let known = PERMISSIONS.iter().find(|known| known.eq_ignore_ascii_case(name));
                push(&mut scopes.graph, known.ok_or_else(|| Refusal::naming(650_053, word))?);
            }
        }
        match (scopes.breadth, scopes.graph.is_empty(), scopes.openid.is_empty()) {
            (Breadth::Default, false, _) => Err(Refusal::naming(70_011, "/.default with other permissions")),
            (Breadth::Named, true, true) => Err(Refusal::naming(900_144, "scope")),
            (Breadth::Named | Breadth::Default, ..) => Ok(scopes),
        }
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.openid.iter().any(|known| known == word)
    }
}

/// Whether only an admin may consent to this permission.
pub(super) fn needs_admin(permission: &str) -> bool {
    !HARMLESS.contains(&permission)
}

fn push(words: &mut Vec<String>, word: &str) {
    if !words.iter().any(|known| known == word) {
        words.push(word.to_owned());
    }
}

/// The permission's name, when the root before it is one of Graph or there is none.
fn permission(word: &str) -> Result<&str, Refusal> {
    match word.rsplit_once('/') {
        None => Ok(word),
        Some((root, name)) => check_root(root).map(|()| name),
    }
}

fn check_root(root: &str) -> Result<(), Refusal> {
    let root = root.trim_end_matches('/');
    let loopback = root.strip_prefix("http://").is_some_and(is_loopback_host);
    if loopback || GRAPH_ROOTS.contains(&root) { Ok(()) } else { Err(Refusal::naming(500_011, root)) }
}

/// Whether this is `{Graph root}/.default`, the only scope that an application may ask for as itself.
pub(super) fn check_default(scope: &str) -> Result<(), Refusal> {
    let root = scope.trim().strip_suffix("/.default").filter(|root| !root.contains(' '));
    root.map_or_else(|| Err(Refusal::naming(70_011, scope)), check_root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_of_graph_and_ends_in_default() {
        let code = |scope| check_default(scope).err().map(|refusal| refusal.code);
        assert_eq!(code("https://graph.microsoft.com/.default"), None);
        assert_eq!(code("http://127.0.0.1:8400/.default"), None);
        assert_eq!(code("https://graph.microsoft.com/User.Read.All"), Some(70_011));
        assert_eq!(code("https://evil.example/.default"), Some(500_011));
    }

    #[test]
    fn permissions_come_bare_or_with_their_root() {
        let scopes = Scopes::parse("openid user.read https://graph.microsoft.com/User.Read User.Read.All").unwrap();
        assert_eq!(scopes.graph, ["User.Read", "User.Read.All"]);
        assert!(scopes.has("openid") && !scopes.has("offline_access"));
        let code = |scope| Scopes::parse(scope).err().map(|refusal| refusal.code);
        assert_eq!(code("https://graph.microsoft.com/.default offline_access"), None);
        assert_eq!(code("https://graph.microsoft.com/.default User.Read"), Some(70_011));
        assert_eq!(code("Mail.Everything"), Some(650_053));
        assert_eq!(code("https://evil.example/User.Read"), Some(500_011));
        assert_eq!(code(" "), Some(900_144));
    }
}
