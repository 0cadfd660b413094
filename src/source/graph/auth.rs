//! Signing in: one token at a time, renewed before it expires, for the application itself or on behalf of a person. It
//! knows nothing of what a token is used for.

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::{Mutex, MutexGuard};

use super::claims::{Claims, Expected};
use super::delegation::{Delegation, Turn};
use super::error::{person, protocol};
use super::login::{Exchange, Login, about_sign_in};
use super::permission::{Holder, Permission};
use super::token::{Issued, Token};
use crate::directory::Permissions;
use crate::source::grant::Grant;
use crate::source::{Job, Meter, SourceError};

/// Who signs in to a tenant, and the token that there is.
#[derive(Debug)]
pub(super) struct Auth {
    login: Login,
    by: By,
}

/// Who signs in.
#[derive(Debug)]
enum By {
    /// The application. Locked while a token is fetched, so that nobody else fetches one meanwhile.
    Application(Mutex<Turn>),
    /// A person did, once.
    Person(Delegation),
    /// Somebody did just now: this token, and no other after it.
    Given(Mutex<Turn>),
}

impl Auth {
    /// The application signs in.
    pub fn application(login: Login) -> Self {
        Self { login, by: By::Application(Mutex::default()) }
    }

    /// A person signed in once, and is signed in since.
    pub const fn person(login: Login, delegation: Delegation) -> Self {
        Self { login, by: By::Person(delegation) }
    }

    /// With a token that was just issued.
    pub fn given(login: Login, token: Token) -> Self {
        Self { login, by: By::Given(Mutex::new(Turn::with(token))) }
    }

    /// The same, counting its pauses.
    pub fn with_meter(self, meter: Arc<dyn Meter>) -> Self {
        Self { login: self.login.with_meter(meter), ..self }
    }

    /// Graph denied what these permissions allow: what a person does about it.
    pub fn denied(&self, code: &str, wanted: &[Permission]) -> SourceError {
        let holder = match &self.by {
            By::Application(_) => Holder::Application,
            By::Person(_) | By::Given(_) => Holder::Person,
        };
        holder.denied(&self.login.name, code, wanted)
    }

    /// Until when what proves the application is good, where that can be known and it is good now.
    pub fn proof_expires(&self, now: Timestamp) -> Option<Timestamp> {
        self.login.proof_expires(now)
    }

    /// The client secret, where that is what proves the application.
    pub fn client_secret(&self) -> Option<SecretString> {
        self.login.client_secret()
    }

    /// The application's ID.
    pub fn application_id(&self) -> &str {
        &self.login.application
    }

    /// Whether there is a token that is good for now.
    pub async fn is_signed_in(&self) -> bool {
        self.turn().await.good().is_some()
    }

    /// A token that is good for now; at most one is fetched at a time.
    pub async fn token(&self) -> Result<Token, SourceError> {
        let mut turn = self.turn().await;
        if let Some(token) = turn.good() {
            return Ok(token);
        }
        let token = match &self.by {
            By::Application(_) => self.login.exchange(&Exchange::Application).await?.token,
            By::Person(delegation) => self.refresh(delegation, &mut turn).await?,
            By::Given(_) => return Err(protocol("Microsoft Graph does not take the token that was just issued")),
        };
        turn.token = Some(token.clone());
        Ok(token)
    }

    /// What the newest token lets its bearer read, where it says so.
    pub async fn permissions(&self) -> Option<Permissions> {
        self.turn().await.token.as_ref()?.permissions().cloned()
    }

    /// Forgets a token that the service does not take, unless it was replaced meanwhile.
    pub async fn spurn(&self, refused: &Token) {
        let mut turn = self.turn().await;
        if turn.token.as_ref().is_some_and(|token| token.is(refused)) {
            turn.token = None;
        }
    }

    async fn turn(&self) -> MutexGuard<'_, Turn> {
        match &self.by {
            By::Application(turn) | By::Given(turn) => turn.lock().await,
            By::Person(delegation) => delegation.turn().await,
        }
    }

    /// Exchanges the person's sign-in. The new one is kept before anything is done with what it opens: whoever dies in
    /// between has the one before, which the service takes as well. One that is of somebody else is not kept.
    async fn refresh(&self, delegation: &Delegation, turn: &mut Turn) -> Result<Token, SourceError> {
        let _exchanging = delegation.exchanging().await;
        let grant = delegation.grant().await?.ok_or_else(|| self.nobody())?;
        if let Some(error) = turn.remembered(&grant) {
            return Err(error);
        }
        let issued = match self.login.exchange(&Exchange::Refresh(&grant.refresh_token)).await {
            Ok(issued) => issued,
            Err(error) => return Err(judge(error, &grant, turn)),
        };
        self.check(&issued)?;
        let Issued { token, refresh_token, id_token: _, scopes } = issued;
        let kept = Grant {
            refresh_token: refresh_token.unwrap_or_else(|| grant.refresh_token.clone()),
            scopes: if scopes.is_empty() { grant.scopes.clone() } else { scopes },
            refreshed_at: Timestamp::now(),
            ..grant
        };
        delegation.keep(&kept).await?;
        Ok(token)
    }

    /// Where the service states again who signed in, that must still be somebody of the tenant.
    fn check(&self, issued: &Issued) -> Result<(), SourceError> {
        let Some(token) = &issued.id_token else { return Ok(()) };
        let expected = Expected { login: &self.login, nonce: None, now: Timestamp::now() };
        Claims::read(Some(token), &expected).map(drop).map_err(about_sign_in)
    }

    fn nobody(&self) -> SourceError {
        let name = &self.login.name;
        let next = format!("run `bmsync connect {name}`; or let the tenant say `signIn: application`");
        SourceError { job: Job::User, ..person(format!("nobody has signed in to tenant {name} yet"), next) }
    }
}

/// What a refused exchange means: if it is the sign-in that is not taken, asking again only annoys, so it is remembered.
fn judge(error: SourceError, grant: &Grant, turn: &mut Turn) -> SourceError {
    match error.job {
        Job::User | Job::TenantAdmin => turn.remember(grant, &error),
        Job::Operator | Job::Wait => {}
    }
    error
}
