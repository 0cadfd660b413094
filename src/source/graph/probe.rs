//! Single questions to Microsoft Graph, each to find out whether it is answered: who we are there, which permissions are
//! there, what a group is. They change nothing. It knows nothing of rules.

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::GraphSource;
use super::ask::{Ask, Heard};
use super::client::{Graph, codes, shown};
use super::error::{Setback, Trouble, protocol};
use super::permission::Permission;
use crate::model::{Id, Text};
use crate::source::SourceError;

/// The tenant that a token is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its tenant ID.
    pub id: Id,
    /// Its verified domain names.
    pub domains: Vec<Text>,
}

/// What a group is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSeen {
    /// Its name.
    pub name: Option<Text>,
    /// Whether it can grant access; nothing is as good as no.
    pub security_enabled: bool,
}

/// Asks single questions over a source's connection.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'a>(&'a GraphSource);

impl GraphSource {
    /// Asks single questions, with the same sign-in.
    #[must_use]
    pub const fn probe(&self) -> Probe<'_> {
        Probe(self)
    }
}

impl Probe<'_> {
    /// Signs in, or finds that it is signed in.
    ///
    /// # Errors
    /// When the login service refuses or cannot be reached.
    pub async fn sign_in(self) -> Result<(), SourceError> {
        self.0.graph.auth.token().await.map(drop)
    }

    /// Whose token it is. `None` where the permissions of a synchronization are not enough to know.
    ///
    /// # Errors
    /// When Graph cannot be asked, or its answer makes no sense.
    pub async fn organization(self) -> Result<Option<Organization>, SourceError> {
        let Some(body) = self.0.graph.tried(Permission::DIRECTORY).await? else { return Ok(None) };
        let listed: Listed =
            serde_json::from_slice(&body).map_err(|_| protocol("organization: the answer makes no sense"))?;
        let Some(first) = listed.value.into_iter().next() else { return Ok(None) };
        let domains = first.verified_domains.into_iter().map(|domain| domain.name).collect();
        Ok(Some(Organization { id: Id::new(&first.id), domains }))
    }

    /// Whether a permission is there, by the call that it allows.
    ///
    /// # Errors
    /// When it is not, with what to do about that; or when Graph cannot be asked.
    pub async fn has(self, permission: Permission) -> Result<(), SourceError> {
        let Graph { auth, .. } = &self.0.graph;
        match self.0.graph.tried(permission).await? {
            Some(_) => Ok(()),
            None => Err(auth.denied("", &[permission])),
        }
    }

    /// What a group is; nothing when there is none of that ID.
    ///
    /// # Errors
    /// When it may not be read, or Graph cannot be asked.
    pub async fn group(self, id: &Id) -> Result<Option<GroupSeen>, SourceError> {
        let id = id.to_string();
        let ask = self.get(&["groups", &id], "$select=id,displayName,securityEnabled", "group");
        let group: Option<Group> = self
            .ask(&ask, |heard| match heard.status {
                StatusCode::NOT_FOUND => Ok(None),
                StatusCode::FORBIDDEN => {
                    Err(Trouble::Over(self.0.graph.auth.denied(&shown(&codes(&heard.body)), &[Permission::GROUPS])))
                }
                _ => read(heard).map(Some),
            })
            .await?;
        Ok(group.map(|group| GroupSeen {
            name: group.display_name,
            security_enabled: group.security_enabled == Some(true),
        }))
    }

    fn get(self, path: &[&str], query: &str, what: &str) -> Ask {
        let mut url = self.0.graph.origin.path(&[&["v1.0"], path].concat());
        url.set_query(Some(query));
        Ask { method: Method::GET, url, body: None, what: what.to_owned() }
    }

    async fn ask<T>(self, ask: &Ask, judge: impl Fn(&Heard) -> Result<T, Trouble> + Sync) -> Result<T, SourceError> {
        self.0.graph.ask(ask, judge).await
    }
}

impl Graph {
    /// Makes the call that a permission allows: what is answered, or nothing when it is denied.
    ///
    /// # Errors
    /// When Graph cannot be asked, or says neither.
    pub(super) async fn tried(&self, permission: Permission) -> Result<Option<Vec<u8>>, SourceError> {
        let Permission { name, gives: _, path, query, need: _ } = permission;
        let mut url = self.origin.path(&[&["v1.0"], path].concat());
        url.set_query(query);
        let ask = Ask { method: Method::GET, url, body: None, what: format!("trying {name}") };
        self.ask(&ask, |heard| match heard.status {
            StatusCode::FORBIDDEN => Ok(None),
            _ => read::<serde_json::Map<_, _>>(heard).map(|_| Some(heard.body.clone())),
        })
        .await
    }
}

/// What stands in a good answer.
fn read<T: DeserializeOwned>(heard: &Heard) -> Result<T, Trouble> {
    if !heard.status.is_success() {
        return Err(Trouble::Over(protocol(format!(
            "the service answered {}{}",
            heard.status,
            shown(&codes(&heard.body))
        ))));
    }
    serde_json::from_slice(&heard.body).map_err(|_| Trouble::Again(Setback::garbled("the answer makes no sense")))
}

#[derive(Deserialize)]
struct Listed {
    value: Vec<WrittenOrganization>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenOrganization {
    id: Text,
    #[serde(default)]
    verified_domains: Vec<Domain>,
}

#[derive(Deserialize)]
struct Domain {
    name: Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    #[serde(default)]
    display_name: Option<Text>,
    #[serde(default)]
    security_enabled: Option<bool>,
}
