//! Microsoft Graph as a source: a tenant's users, groups and memberships by delta query, over HTTP with OAuth.
//!
//! A read is all or nothing. Pages are gathered beside the live directory, which changes only when both rounds have
//! reached their deltaLink. A token goes to the Graph of the manifest and nowhere else.

mod aadsts;
mod ask;
mod assertion;
mod auth;
mod certificate;
mod claims;
mod client;
pub mod connect;
mod delegation;
mod delta;
mod discovery;
mod error;
mod http;
mod login;
mod names;
mod permission;
mod permitted;
mod probe;
mod proof;
mod random;
mod refusal;
mod registration;
mod retry;
mod scope;
mod secret;
mod stage;
mod subscription;
mod token;
mod wire;

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;
use tracing::{debug, info, warn};

pub use self::aadsts::reference as refusals;
pub use self::delegation::{Delegation, Delegations};
pub use self::discovery::{Reached, handshake, reach, tenant_id};
pub use self::http::Http;
pub use self::permission::Permission;
pub use self::probe::{GroupSeen, Organization, Probe};
pub use self::retry::Pace;
pub use self::secret::api_key;

use self::auth::Auth;
use self::client::Graph;
use self::delta::Reading;
use self::error::{Stop, protocol};
use self::login::Login;
use self::proof::Proof;
use self::registration::SecretEnd;
use self::retry::Patience;
use self::stage::{Gathered, Stage};
use self::wire::{GroupEntry, UserEntry};
use super::expiry::{Credential as Ending, Expiring};
use super::{Progress, Source, SourceError};
use crate::directory::{DeltaLinks, News, Permissions};
use crate::http::origin::Link;
use crate::manifest::config::{SignIn, Tenant};
use crate::model::Text;

/// How often a full read starts again because the service dropped its state in the middle.
const MAX_RESTARTS: u32 = 2;

/// A tenant's Microsoft Graph.
#[derive(Debug)]
pub struct GraphSource {
    tenant: Text,
    graph: Graph,
    secret_end: SecretEnd,
}

impl GraphSource {
    /// A tenant's Graph; what a person let bmsync do is used if the tenant says `signIn: delegated`. Sends nothing yet and
    /// reads no secret.
    ///
    /// # Errors
    /// When the tenant asks for a way of signing in that there is not, or names an endpoint that no secret may go to.
    pub fn new(tenant: &Tenant, http: &Http, pace: Pace, delegation: Delegation) -> Result<Self, SourceError> {
        let origin = self::http::origin(&tenant.graph_root, "endpoints.graph")?;
        let login = Login::new(tenant, http, Patience::new(pace))?;
        let auth = match tenant.sign_in {
            SignIn::Application => Auth::application(login),
            SignIn::Delegated => Auth::person(login, delegation),
        };
        let graph = Graph::new(origin, http.clone(), auth, Patience::new(pace));
        Ok(Self { tenant: tenant.name.clone(), graph, secret_end: SecretEnd::default() })
    }

    /// The same, counting what it asks of the service.
    #[must_use]
    pub fn with_meter(self, meter: Arc<dyn super::Meter>) -> Self {
        Self { graph: self.graph.with_meter(meter), ..self }
    }

    /// Both rounds from where the last ones ended.
    async fn read_changes(&self, start: Links, progress: &dyn Progress) -> Result<Read, Stop> {
        self.read(start, Stage::log(), progress).await
    }

    /// Both rounds from the beginning; started again when the service drops its state on the way.
    async fn read_everything(&self, progress: &dyn Progress) -> Result<Read, SourceError> {
        for _ in 0..=MAX_RESTARTS {
            let start = Links {
                users: delta::first::<UserEntry>(&self.graph)?,
                groups: delta::first::<GroupEntry>(&self.graph)?,
            };
            match self.read(start, Stage::whole(), progress).await {
                Ok(read) => return Ok(read),
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Resync) => warn!(tenant = %self.tenant, "the service dropped its state: starting again"),
            }
        }
        Err(protocol(format!("the service dropped its state in the middle of {} full reads", MAX_RESTARTS + 1)))
    }

    async fn read(&self, start: Links, stage: Stage, progress: &dyn Progress) -> Result<Read, Stop> {
        let reading = Reading::new(stage, progress);
        let (users, groups) = tokio::try_join!(
            delta::round::<UserEntry>(&self.graph, start.users, &reading),
            delta::round::<GroupEntry>(&self.graph, start.groups, &reading),
        )?;
        let links = DeltaLinks { users: users.into_raw(), groups: groups.into_raw() };
        Ok(Read { gathered: reading.end(), links })
    }

    /// Where the last read ended, if that is still an address of this Graph.
    fn links(&self, since: &DeltaLinks) -> Option<Links> {
        let DeltaLinks { users, groups } = since;
        match (self.graph.origin.admit(users), self.graph.origin.admit(groups)) {
            (Ok(users), Ok(groups)) => Some(Links { users, groups }),
            (Err(_), _) | (_, Err(_)) => {
                warn!(tenant = %self.tenant, "the last read was of another endpoint: reading everything");
                None
            }
        }
    }

    fn news(&self, read: Read, began: Instant) -> News {
        let Read { gathered: Gathered { stage, users, groups, pages, things: _ }, links } = read;
        let news = stage.news(links, Timestamp::now());
        let mode = match &news {
            News::Everything(_) => "full",
            News::Changes(_) => "changes",
        };
        let took_ms = began.elapsed().as_millis();
        // What changes come to is told by the round that they lead to.
        match &news {
            News::Changes(_) => debug!(tenant = %self.tenant, mode, users, groups, pages, took_ms, "directory read"),
            News::Everything(_) => info!(tenant = %self.tenant, mode, users, groups, pages, took_ms, "directory read"),
        }
        news
    }
}

#[async_trait]
impl Source for GraphSource {
    async fn credentials(&self) -> Vec<Expiring> {
        let certificate = self.graph.auth.proof_expires(Timestamp::now());
        let known = [(Ending::Certificate, certificate), (Ending::Secret, self.secret_end().await)];
        known.into_iter().filter_map(|(credential, at)| Some(Expiring { credential, at: at? })).collect()
    }

    async fn permissions(&self) -> Option<Permissions> {
        self.graph.auth.permissions().await
    }

    async fn read(&self, since: Option<&DeltaLinks>, progress: &dyn Progress) -> Result<News, SourceError> {
        let began = Instant::now();
        let changes = match since.and_then(|since| self.links(since)) {
            Some(links) => self.read_changes(links, progress).await,
            None => Err(Stop::Resync),
        };
        match changes {
            Ok(read) => Ok(self.news(read, began)),
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::Resync) => Ok(self.news(self.read_everything(progress).await?, began)),
        }
    }
}

/// Where both rounds start.
struct Links {
    users: Link,
    groups: Link,
}

/// What two complete rounds gathered, and where the next ones go on.
struct Read {
    gathered: Gathered,
    links: DeltaLinks,
}

/// Until when what proves a tenant's application is good, where that can be known: of a certificate, not of a secret.
///
/// # Errors
/// When it cannot be read, or is not good now.
pub fn proof_expires(tenant: &Tenant, now: Timestamp) -> Result<Option<Timestamp>, SourceError> {
    Proof::from(&tenant.credential).expires(now)
}

/// What can be seen of a tenant's secret without showing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSeen {
    /// How a person calls the place.
    pub place: String,
    /// Until when it is good, where that can be known.
    pub expires: Option<Timestamp>,
    /// The mode of its file, where others can read or change it.
    pub too_open: Option<u32>,
}

/// Looks at what proves a tenant's application.
///
/// # Errors
/// When it is not there, not what it must be, or not good now.
pub fn look_at_secret(tenant: &Tenant, now: Timestamp) -> Result<SecretSeen, SourceError> {
    let expires = proof_expires(tenant, now)?;
    let place = tenant.credential.place();
    Ok(SecretSeen { place: secret::place(place), expires, too_open: secret::openness(place) })
}
