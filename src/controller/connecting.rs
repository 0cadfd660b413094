//! Signing people in while bmsync runs: attempts are begun by an operator, come back through the public address, and the
//! tenant is looked at as soon as somebody was let in.

use std::sync::Arc;

use url::Url;

use super::Refusal;
use super::running::Shared;
use crate::manifest::config::{SignIn, Tenant};
use crate::source::graph::connect::{Attempts, Consent, Device, Progress, Reception, Reply};
use crate::source::graph::{Delegations, Http, Pace};
use crate::source::{SourceError, SourceErrorClass};

/// Where people are received while bmsync runs.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The connections to the login services.
    pub http: Http,
    /// What is kept of sign-ins.
    pub sign_ins: Arc<Delegations>,
    /// Where browsers come back to.
    pub callback: Url,
    /// What is under way.
    pub attempts: Attempts,
}

/// How somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In a browser that comes back to the server.
    Browser(Consent),
    /// With a code that is entered elsewhere.
    Code,
}

/// An attempt that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// By which it is followed; whoever has it may.
    pub attempt: String,
    /// Where a browser goes.
    pub url: Option<Url>,
    /// What a person must do where a code is entered.
    pub message: Option<String>,
}

impl Shared {
    /// Begins an attempt.
    pub(super) async fn begin(self: &Arc<Self>, tenant: &Tenant, way: Way) -> Result<Begun, Refusal> {
        let desk = &self.desk;
        let name = &tenant.name;
        if tenant.suspend || tenant.sign_in == SignIn::Application {
            let why = if tenant.suspend { "is suspended" } else { "says `signIn: application`" };
            return Err(Refusal::Conflict(format!("tenant {name} {why}, so nobody needs to sign in")));
        }
        let pace = Pace::new(fastrand::u64(..));
        let reception = Reception::new(tenant, &desk.http, pace, desk.sign_ins.of(tenant)).map_err(refused)?;
        reception.check().await.map_err(refused)?;
        match way {
            Way::Browser(consent) => {
                let begun = desk.attempts.begin(reception, &desk.callback, consent).map_err(refused)?;
                Ok(Begun { attempt: begun.id, url: begun.url, message: None })
            }
            Way::Code => {
                let device: Device = reception.device().await.map_err(refused)?;
                let message = Some(device.message());
                let shared = Arc::clone(self);
                let then = move |tenant: &crate::model::Id| shared.nudge(tenant);
                let begun = desk.attempts.begin_device(reception, device, then).map_err(refused)?;
                Ok(Begun { attempt: begun.id, url: None, message })
            }
        }
    }

    /// How far an attempt is.
    pub(super) fn progress(&self, attempt: &str) -> Result<Progress, Refusal> {
        let unknown = || Refusal::NotFound("there is no such sign-in, or it has ended long ago".to_owned());
        self.desk.attempts.progress(attempt).ok_or_else(unknown)
    }

    /// Takes what a browser brought back.
    pub(super) async fn returned(&self, query: &str) -> Reply {
        let (reply, arrived) = self.desk.attempts.receive(query).await;
        if let Some(tenant) = arrived {
            tracing::info!(%tenant, "somebody signed in");
            self.nudge(&tenant);
        }
        reply
    }
}

fn refused(error: SourceError) -> Refusal {
    let SourceError { class, job: _, code: _, message, hint, source: _ } = error;
    let told = hint.map_or_else(|| message.clone(), |hint| format!("{message} ({hint})"));
    match class {
        SourceErrorClass::Person => Refusal::Conflict(told),
        SourceErrorClass::Transient | SourceErrorClass::Protocol => Refusal::Unavailable(told),
    }
}
