//! Single questions to Microsoft Graph, each to find out whether it is answered: who we are there, what may be read, what
//! a group is. They change nothing. It knows nothing of rules.

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::GraphSource;
use super::ask::{Ask, Heard};
use super::client::codes;
use super::error::{Setback, Trouble, person, plain, protocol};
use crate::model::{Id, Text};
use crate::source::{Job, SourceError};

/// What is read of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readable {
    /// People.
    Users,
    /// Groups, and who is in them.
    Groups,
}

impl Readable {
    const fn collection(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
        }
    }

    /// The permission that allows it, and subscribing to it.
    #[must_use]
    pub const fn permission(self) -> &'static str {
        match self {
            Self::Users => "User.Read.All",
            Self::Groups => "Group.Read.All",
        }
    }
}

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
        let ask = self.get(&["organization"], "$select=id,verifiedDomains", "organization");
        let listed: Option<Listed> = self
            .ask(&ask, |heard| match heard.status {
                StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Ok(None),
                _ => read(heard).map(Some),
            })
            .await?;
        let Some(first) = listed.and_then(|listed| listed.value.into_iter().next()) else { return Ok(None) };
        let domains = first.verified_domains.into_iter().map(|domain| domain.name).collect();
        Ok(Some(Organization { id: Id::new(&first.id), domains }))
    }

    /// Whether a collection may be read: its delta from now on, which has nothing in it.
    ///
    /// # Errors
    /// When it may not, with the permission that is missing; or when Graph cannot be asked.
    pub async fn may_read(self, readable: Readable) -> Result<(), SourceError> {
        let collection = readable.collection();
        let ask = self.get(&[collection, "delta"], "$select=id&$deltatoken=latest", collection);
        self.ask(&ask, |heard| match heard.status {
            StatusCode::FORBIDDEN => Err(Trouble::Over(forbidden(heard, readable))),
            _ => read::<serde::de::IgnoredAny>(heard).map(drop),
        })
        .await
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
                StatusCode::FORBIDDEN => Err(Trouble::Over(forbidden(heard, Readable::Groups))),
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

/// What stands in a good answer.
fn read<T: DeserializeOwned>(heard: &Heard) -> Result<T, Trouble> {
    if !heard.status.is_success() {
        let code = codes(&heard.body).first().map_or_else(String::new, |code| format!(" ({})", plain(code, 60)));
        return Err(Trouble::Over(protocol(format!("the service answered {}{code}", heard.status))));
    }
    serde_json::from_slice(&heard.body).map_err(|_| Trouble::Again(Setback::garbled("the answer makes no sense")))
}

fn forbidden(heard: &Heard, readable: Readable) -> SourceError {
    let code = codes(&heard.body).first().map_or_else(String::new, |code| format!(" ({})", plain(code, 60)));
    let hint = format!(
        "let an administrator grant the Microsoft Graph permission {} and consent to it (Entra > App registrations > the \
         application > API permissions)",
        readable.permission()
    );
    SourceError { job: Job::TenantAdmin, ..person(format!("permission denied{code}"), hint) }
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
