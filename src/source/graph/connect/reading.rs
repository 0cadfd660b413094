//! What a new sign-in can really read, permission by permission, as it is told and shown. What a token claims is not
//! looked at.

use serde::Deserialize;
use serde_json::json;

use super::super::client::Graph;
use super::super::error::plain;
use super::super::permission::Permission;
use crate::model::Text;

/// What came of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The permission, as Entra names it.
    pub permission: &'static str,
    /// What it lets bmsync read.
    pub gives: &'static str,
    /// Whether directories can be read without.
    pub needed: bool,
    /// What came of it.
    pub found: Found,
}

/// Whether something can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It can.
    Readable,
    /// The permission is not there.
    Denied,
    /// The call failed for another reason.
    Unclear(String),
}

impl Reading {
    /// As JSON has it.
    #[must_use]
    pub fn document(&self) -> serde_json::Value {
        let Self { permission, gives, needed, found } = self;
        let (found, message) = match found {
            Found::Readable => ("readable", None),
            Found::Denied => ("denied", None),
            Found::Unclear(message) => ("unclear", Some(message)),
        };
        json!({ "name": permission, "gives": gives, "needed": needed, "found": found, "message": message })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Me {
    user_principal_name: Option<String>,
}

/// Makes every call, side by side; gives also how Graph calls who signed in.
pub(super) async fn all(graph: &Graph) -> (Vec<Reading>, Option<Text>) {
    let [me, users, groups, organization] = Permission::ASKED;
    let (me, users, groups, organization) =
        tokio::join!(call(graph, me), call(graph, users), call(graph, groups), call(graph, organization));
    let account = me.1.as_deref().and_then(|body| serde_json::from_slice::<Me>(body).ok()?.user_principal_name);
    let account = account.map(|name| Text::from(plain(&name, 320))).filter(|name| !name.is_empty());
    (vec![me.0, users.0, groups.0, organization.0], account)
}

async fn call(graph: &Graph, permission: Permission) -> (Reading, Option<Vec<u8>>) {
    let (found, body) = match graph.tried(permission).await {
        Ok(Some(body)) => (Found::Readable, Some(body)),
        Ok(None) => (Found::Denied, None),
        Err(error) => (Found::Unclear(error.message), None),
    };
    let Permission { name, gives, path: _, query: _, need } = permission;
    (Reading { permission: name, gives, needed: need.is_must(), found }, body)
}
