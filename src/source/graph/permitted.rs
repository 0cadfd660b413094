//! What an access token lets its bearer read of a directory, where it says so. Tokens are opaque to whoever uses them: one
//! that cannot be read, or says nothing of the sort, proves nothing. It knows nothing of where a token comes from.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::directory::Permissions;
use crate::model::Text;

/// Longest token that is looked at.
const MAX_TOKEN: usize = 64 * 1024;

/// The permissions that read users, groups and members, and which of these each gives: who may write may read as well.
const GIVES: [(&str, &[&str]); 10] = [
    ("User.Read.All", &["User.Read.All"]),
    ("User.ReadWrite.All", &["User.Read.All"]),
    ("Group.Read.All", &["Group.Read.All", "GroupMember.Read.All"]),
    ("Group.ReadWrite.All", &["Group.Read.All", "GroupMember.Read.All"]),
    ("GroupMember.Read.All", &["GroupMember.Read.All"]),
    ("GroupMember.ReadWrite.All", &["GroupMember.Read.All"]),
    ("Member.Read.Hidden", &["Member.Read.Hidden"]),
    ("Directory.Read.All", &DIRECTORY),
    ("Directory.ReadWrite.All", &DIRECTORY),
    ("Directory.AccessAsUser.All", &DIRECTORY),
];
const DIRECTORY: [&str; 4] = ["Directory.Read.All", "User.Read.All", "Group.Read.All", "GroupMember.Read.All"];

/// What is read of an access token: `roles` is of an application, `scp` of a person.
#[derive(Deserialize)]
struct Stated {
    #[serde(default)]
    roles: Option<Vec<String>>,
    #[serde(default)]
    scp: Option<String>,
}

/// What the token lets its bearer read; nothing where it does not say.
pub(super) fn stated(token: &str) -> Option<Permissions> {
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    if token.len() > MAX_TOKEN {
        return None;
    }
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let Stated { roles, scp } = serde_json::from_slice(&claims).ok()?;
    if roles.is_none() && scp.is_none() {
        return None;
    }
    let roles = roles.iter().flatten().map(String::as_str);
    let names = roles.chain(scp.iter().flat_map(|scopes| scopes.split_whitespace()));
    Some(Permissions::of(names.flat_map(given)))
}

fn given(name: &str) -> impl Iterator<Item = Text> {
    let row = GIVES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    row.into_iter().flat_map(|(_, gives)| gives.iter().copied()).map(Text::const_new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    fn of(names: &[&'static str]) -> Permissions {
        Permissions::of(names.iter().map(|name| Text::const_new(name)))
    }

    #[test]
    fn roles_are_an_applications_and_scp_is_a_persons() {
        let read = of(&["Group.Read.All", "GroupMember.Read.All", "User.Read.All"]);
        for (claims, permissions) in [
            (r#"{"roles":["User.Read.All","Group.Read.All","Mail.Send"]}"#, &read),
            (r#"{"scp":"openid User.Read user.read.all Group.Read.All"}"#, &read),
            (r#"{"roles":[],"idtyp":"app"}"#, &of(&[])),
        ] {
            assert_eq!(stated(&token(claims)).as_ref(), Some(permissions), "{claims}");
        }
    }

    #[test]
    fn who_may_write_may_read_and_directory_covers_users_and_groups() {
        let written = stated(&token(r#"{"roles":["User.ReadWrite.All","Group.ReadWrite.All"]}"#));
        assert_eq!(written, stated(&token(r#"{"roles":["User.Read.All","Group.Read.All"]}"#)));
        let whole = stated(&token(r#"{"roles":["Directory.Read.All"]}"#)).unwrap();
        assert_eq!(written.unwrap().without(&whole), Vec::<Text>::new());
    }

    #[test]
    fn what_cannot_be_read_proves_nothing() {
        let long = token(&format!(r#"{{"roles":[],"x":"{}"}}"#, "x".repeat(MAX_TOKEN)));
        let five = format!("{}.a.b", token(r#"{"roles":[]}"#));
        let odd =
            [r#"{"roles":"User.Read.All"}"#, r#"{"scp":["a"]}"#, "{}", "[]", "roles", r#"{"roles":[],"roles":[]}"#];
        for text in
            odd.map(token).iter().map(String::as_str).chain(["t0ken.one", "", "..", "a.ä.c", "a.!!.c", &long, &five])
        {
            assert_eq!(stated(text), None, "{text:.60}");
        }
    }
}
