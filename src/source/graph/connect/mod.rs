//! Connecting: a person signs in once, at the login service's own pages, and what comes of it is checked and kept.
//!
//! The person's browser brings back a code ([`Redirect`]) that is worth nothing without the verifier of the [`Attempt`];
//! or the person types a short code elsewhere ([`Device`]). Then the service says who that was, and only somebody of
//! the declared tenant is let in.

mod attempt;
mod attempts;
mod device;
mod loopback;
mod page;
mod reading;
mod redirect;

use jiff::Timestamp;
use serde_json::json;

pub use self::attempt::{Attempt, Consent};
pub use self::attempts::{Attempts, Outcome, Progress, Started};
pub use self::device::Device;
pub use self::loopback::Loopback;
pub use self::page::Reply;
pub use self::reading::{Found, Reading};
pub use self::redirect::{CALLBACK_PATH, Redirect};

use self::attempt::Stage;
use self::redirect::Brought;
use super::auth::Auth;
use super::claims::{Claims, Expected};
use super::client::Graph;
use super::delegation::Delegation;
use super::error::{Trouble, person, protocol};
use super::http::{Http, origin};
use super::login::{Exchange, Login, about_sign_in};
use super::refusal::Refused;
use super::retry::{Pace, Patience};
use super::token::Issued;
use crate::manifest::config::Tenant;
use crate::model::{Id, Text};
use crate::source::SourceError;
use crate::source::grant::Grant;

/// Where the people of one tenant are received.
#[derive(Clone, Debug)]
pub struct Reception {
    tenant: Tenant,
    http: Http,
    pace: Pace,
    delegation: Delegation,
}

/// What came of following a redirect.
#[derive(Debug)]
pub enum Step {
    /// The browser is to go on to the address of this attempt.
    Onward(Attempt),
    /// Somebody signed in.
    Arrived(Arrival),
}

/// Somebody of the declared tenant who signed in just now. Nothing is kept yet.
#[derive(Debug)]
pub struct Arrival {
    issued: Issued,
    account: Option<Text>,
}

/// Somebody who was let in.
#[derive(Clone, Debug)]
pub struct Welcome {
    /// `metadata.name` of the tenant.
    pub tenant: Text,
    /// The tenant's ID.
    pub tenant_id: Id,
    /// The application's ID.
    pub application: Text,
    /// Who signed in, as the service names the account.
    pub account: Option<Text>,
    /// What the sign-in can read.
    pub readings: Vec<Reading>,
    /// Whether the sign-in was kept.
    pub kept: Kept,
}

/// Whether a sign-in was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is what bmsync reads with from now on.
    Kept,
    /// It cannot read what bmsync needs, and the one before stays.
    Worse,
}

impl Welcome {
    /// What it cannot read.
    pub fn missing(&self) -> impl Iterator<Item = &Reading> {
        self.readings.iter().filter(|reading| reading.found != Found::Readable)
    }

    /// As JSON has it.
    #[must_use]
    pub fn document(&self) -> serde_json::Value {
        let Self { tenant, tenant_id, application, account, readings, kept } = self;
        let permissions: Vec<serde_json::Value> = readings.iter().map(Reading::document).collect();
        json!({
            "tenant": tenant, "tenantId": tenant_id, "application": application, "account": account,
            "kept": *kept == Kept::Kept, "permissions": permissions,
        })
    }

    /// Whether directories can be read with it.
    #[must_use]
    pub fn suffices(&self) -> bool {
        self.missing().all(|reading| !reading.needed)
    }
}

impl Reception {
    /// Receives the people of a tenant; who is let in is kept with the delegation.
    ///
    /// # Errors
    /// When no secret may go to an endpoint, or the application cannot prove itself as the manifest says.
    pub fn new(tenant: &Tenant, http: &Http, pace: Pace, delegation: Delegation) -> Result<Self, SourceError> {
        origin(&tenant.graph_root, "endpoints.graph")?;
        Login::new(tenant, http, Patience::new(pace))?;
        Ok(Self { tenant: tenant.clone(), http: http.clone(), pace, delegation })
    }

    /// Whose people are received.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn login(&self) -> Result<Login, SourceError> {
        Login::new(&self.tenant, &self.http, Patience::new(self.pace))
    }

    /// Sees whether what is kept of the tenant can be read, before a person is sent anywhere.
    ///
    /// # Errors
    /// When it cannot: a key is wrong or lost.
    pub async fn check(&self) -> Result<(), SourceError> {
        self.delegation.grant().await.map(drop)
    }

    /// Begins a sign-in whose browser comes back to `redirect`.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn begin(&self, redirect: &url::Url, consent: Consent) -> Result<Attempt, SourceError> {
        Attempt::begin(&self.login()?, redirect, consent)
    }

    /// Follows a redirect of an attempt; the attempt is used up by it.
    ///
    /// # Errors
    /// What the service says against it; somebody of another tenant.
    pub async fn follow(&self, attempt: Attempt, redirect: Redirect) -> Result<Step, SourceError> {
        let login = self.login()?;
        match (attempt.stage, redirect.brought) {
            (_, Brought::Refusal { error, description }) => Err(refused(&login, &error, &description)),
            (Stage::Consent, Brought::Consent) => {
                Attempt::begin(&login, &attempt.redirect, Consent::Given).map(Step::Onward)
            }
            (Stage::SignIn { nonce, verifier }, Brought::Code(code)) => {
                let exchange = Exchange::Code { code: &code, verifier: &verifier, redirect: &attempt.redirect };
                let issued = login.exchange(&exchange).await?;
                Self::arrive(&login, issued, Some(&nonce)).map(Step::Arrived)
            }
            (Stage::Consent, Brought::Code(_)) | (Stage::SignIn { .. }, Brought::Consent) => {
                Err(protocol("the login service brought back something else than it was asked for"))
            }
        }
    }

    /// Asks for a code that a person types elsewhere.
    ///
    /// # Errors
    /// When the service refuses.
    pub async fn device(&self) -> Result<Device, SourceError> {
        Device::ask(&self.login()?).await
    }

    /// Waits until a person has typed the code and signed in.
    ///
    /// # Errors
    /// When the person declined, nobody came in time, or it was somebody of another tenant.
    pub async fn wait(&self, device: &Device) -> Result<Arrival, SourceError> {
        let login = self.login()?;
        let issued = device.wait(&login).await?;
        Self::arrive(&login, issued, None)
    }

    /// Checks who signed in.
    fn arrive(login: &Login, issued: Issued, nonce: Option<&secrecy::SecretString>) -> Result<Arrival, SourceError> {
        let expected = Expected { login, nonce, now: Timestamp::now() };
        let claims = Claims::read(issued.id_token.as_ref(), &expected).map_err(about_sign_in)?;
        if issued.refresh_token.is_none() {
            return Err(about_sign_in(person(
                "the login service gave nothing to go on with (no refresh token)",
                "let the application have the delegated permission offline_access, and consent to it",
            )));
        }
        Ok(Arrival { issued, account: claims.account })
    }

    /// Sees what somebody who signed in can read, and keeps the sign-in.
    ///
    /// # Errors
    /// When it could not be kept.
    pub async fn admit(&self, arrival: Arrival) -> Result<Welcome, SourceError> {
        let Arrival { issued: Issued { token, refresh_token, id_token: _, scopes }, account } = arrival;
        let origin = origin(&self.tenant.graph_root, "endpoints.graph")?;
        let auth = Auth::given(self.login()?, token);
        let graph = Graph::new(origin, self.http.clone(), auth, Patience::new(self.pace));
        let (readings, met) = reading::all(&graph).await;
        let account = account.or(met);
        let Tenant { name, id, application_id, .. } = &self.tenant;
        let mut welcome = Welcome {
            tenant: name.clone(),
            tenant_id: id.clone(),
            application: application_id.clone(),
            account: account.clone(),
            readings,
            kept: Kept::Kept,
        };
        let Some(refresh_token) = refresh_token else { return Err(protocol("there is nothing to keep")) };
        if !welcome.suffices() && self.has_one().await {
            welcome.kept = Kept::Worse;
            return Ok(welcome);
        }
        let now = Timestamp::now();
        let grant = Grant { refresh_token, account, scopes, signed_in_at: now, refreshed_at: now };
        self.delegation.replace(&grant).await?;
        Ok(welcome)
    }

    /// Whether a sign-in is kept already; one that cannot be read is as good as none.
    async fn has_one(&self) -> bool {
        matches!(self.delegation.grant().await, Ok(Some(_)))
    }
}

/// What the service says in a redirect. Its own text is a stranger's: it came through the browser.
fn refused(login: &Login, error: &str, description: &str) -> SourceError {
    let error = match login.refused(&Refused::told(error, description), &[]) {
        Trouble::Over(error) => error,
        Trouble::Again(setback) => SourceError { hint: setback.hint, ..person(setback.what, "") },
    };
    about_sign_in(error)
}
