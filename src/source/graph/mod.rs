//! Microsoft Graph as a source: a tenant's users, groups and memberships by delta query, over HTTP with OAuth.
//!
//! A read is all or nothing. Pages are gathered beside the live directory, which changes only when both rounds have
//! reached their deltaLink. A token goes to the Graph of the manifest and nowhere else.

mod aadsts;
mod ask;
mod auth;
mod client;
mod delta;
mod error;
mod http;
mod link;
mod refusal;
mod retry;
mod secret;
mod stage;
mod subscription;
mod wire;

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;
use tracing::{debug, info, warn};

pub use self::http::Http;
pub use self::retry::Pace;

use self::auth::Auth;
use self::client::Graph;
use self::delta::Reading;
use self::error::{Stop, person, protocol};
use self::link::{Link, Origin};
use self::retry::Patience;
use self::stage::{Gathered, Stage};
use self::wire::{GroupEntry, UserEntry};
use super::{Progress, Source, SourceError};
use crate::directory::{DeltaLinks, News};
use crate::manifest::config::{Credential, SecretRef, SignIn, Tenant};
use crate::model::Text;

/// How often a full read starts again because the service dropped its state in the middle.
const MAX_RESTARTS: u32 = 2;

/// A tenant's Microsoft Graph.
#[derive(Debug)]
pub struct GraphSource {
    tenant: Text,
    graph: Graph,
}

/// A tenant's Graph over connections of its own, with the usual patience.
///
/// # Errors
/// As [`GraphSource::new`].
pub fn connect(tenant: &Tenant) -> Result<GraphSource, SourceError> {
    GraphSource::new(tenant, &Http::new(), Pace::new(fastrand::u64(..)))
}

impl GraphSource {
    /// A tenant's Graph. Sends nothing yet and reads no secret.
    ///
    /// # Errors
    /// When the tenant asks for a way of signing in that there is not, or names an endpoint that no secret may go to.
    pub fn new(tenant: &Tenant, http: &Http, pace: Pace) -> Result<Self, SourceError> {
        let origin = Origin::new(&tenant.graph_root, "endpoints.graph")?;
        let auth = Auth::new(tenant, application_key(tenant)?, http, Patience::new(pace))?;
        let graph = Graph::new(origin, http.clone(), auth, Patience::new(pace));
        Ok(Self { tenant: tenant.name.clone(), graph })
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
        match (&news, users + groups) {
            (News::Changes(_), 0) => debug!(tenant = %self.tenant, pages, took_ms, "nothing changed"),
            (News::Changes(_) | News::Everything(_), _) => {
                info!(tenant = %self.tenant, mode, users, groups, pages, took_ms, "directory read");
            }
        }
        news
    }
}

#[async_trait]
impl Source for GraphSource {
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

/// The key that the application signs in with: the one way of signing in that there is.
fn application_key(tenant: &Tenant) -> Result<&SecretRef, SourceError> {
    let name = &tenant.name;
    match (tenant.sign_in, &tenant.credential) {
        (SignIn::Application, Credential::Key(key)) => Ok(key),
        (SignIn::Delegated, _) => Err(person(
            format!("tenant {name} says `signIn: delegated`, which this version of bmsync cannot do"),
            format!(
                "write `signIn: application` and `applicationKey` in the manifest of tenant {name}, and grant the \
                     application permissions User.Read.All and GroupMember.Read.All"
            ),
        )),
        (SignIn::Application, Credential::Certificate(_)) => Err(person(
            format!("tenant {name} signs in with a `certificate`, which this version of bmsync cannot do"),
            format!("write `signIn: application` and `applicationKey` in the manifest of tenant {name}"),
        )),
    }
}
