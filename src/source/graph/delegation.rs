//! What people let this process do: per tenant one place where their sign-in is exchanged, whoever wants a token, so that
//! two never exchange it at once and none overwrites a newer one. It knows nothing of how a sign-in comes about.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use tokio::sync::MutexGuard;
use tokio::time::Instant;

use super::error::person;
use super::token::Token;
use crate::manifest::config::Tenant;
use crate::model::Id;
use crate::source::grant::{self, Grant, GrantError, Grants, Safe};
use crate::source::{Job, SourceError};

/// How long a refusal of a sign-in is remembered, so that everybody who wants a token meanwhile is told the same.
const REMEMBERED: Duration = Duration::from_mins(1);

/// One tenant's sign-in of a person, as this process uses it. A clone shares it.
#[derive(Clone)]
pub struct Delegation {
    grants: Arc<dyn Grants>,
    turn: Arc<tokio::sync::Mutex<Turn>>,
}

impl fmt::Debug for Delegation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Delegation(…)")
    }
}

impl Delegation {
    /// The sign-in that is kept there.
    #[must_use]
    pub fn new(grants: Arc<dyn Grants>) -> Self {
        Self { grants, turn: Arc::default() }
    }

    /// Waits until nobody else in this process wants a token of it.
    pub(super) async fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().await
    }

    /// Waits until nobody else exchanges it, however they came by it.
    pub(super) async fn exchanging(&self) -> grant::Turn {
        self.grants.turn().await
    }

    /// The newest grant.
    pub(super) async fn grant(&self) -> Result<Option<Grant>, SourceError> {
        self.grants.grant().await.map_err(|error| unkept("the sign-in that is kept cannot be read", error))
    }

    /// Keeps a grant, durably, in place of the one before.
    pub(super) async fn keep(&self, grant: &Grant) -> Result<(), SourceError> {
        let failed = "the new sign-in could not be kept, so it is not used; the one before is still good";
        self.grants.keep(grant).await.map_err(|error| unkept(failed, error))
    }

    /// Puts a person's new sign-in in place: what was issued for the one before is forgotten.
    pub(super) async fn replace(&self, grant: &Grant) -> Result<(), SourceError> {
        let mut turn = self.turn().await;
        let _exchanging = self.exchanging().await;
        // Who keeps them wants to know that the one before was looked at.
        self.grant().await?;
        self.keep(grant).await?;
        *turn = Turn::default();
        Ok(())
    }
}

/// What whoever has the turn finds: the newest token, and the newest refusal.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Good or not.
    pub token: Option<Token>,
    refused: Option<Refusal>,
}

/// A sign-in that the service did not take.
#[derive(Debug)]
struct Refusal {
    refresh_token: SecretString,
    job: Job,
    code: Option<u32>,
    message: String,
    hint: Option<String>,
    until: Instant,
}

impl Turn {
    /// With a token that was just issued.
    pub fn with(token: Token) -> Self {
        Self { token: Some(token), refused: None }
    }

    /// The token, if it is good for now.
    pub fn good(&self) -> Option<Token> {
        self.token.as_ref().filter(|token| token.is_good()).cloned()
    }

    /// Remembers that a person must sign in again.
    pub fn remember(&mut self, grant: &Grant, error: &SourceError) {
        let SourceError { class: _, job, code, message, hint, source: _ } = error;
        self.refused = Some(Refusal {
            refresh_token: grant.refresh_token.clone(),
            job: *job,
            code: *code,
            message: message.clone(),
            hint: hint.clone(),
            until: Instant::now() + REMEMBERED,
        });
    }

    /// What was said of this very sign-in a moment ago.
    pub fn remembered(&self, grant: &Grant) -> Option<SourceError> {
        let Refusal { refresh_token, job, code, message, hint, until } = self.refused.as_ref()?;
        let same = refresh_token.expose_secret().as_bytes().ct_eq(grant.refresh_token.expose_secret().as_bytes());
        let error = SourceError { job: *job, code: *code, hint: hint.clone(), ..person(message, "") };
        (bool::from(same) && Instant::now() < *until).then_some(error)
    }
}

/// The sign-ins of a process, each made once.
#[derive(Debug)]
pub struct Delegations {
    safe: Arc<dyn Safe>,
    /// By what a token is bound to: tenant, application and login service.
    open: Mutex<HashMap<[String; 3], Delegation>>,
}

impl Delegations {
    /// Those that are kept in a safe.
    #[must_use]
    pub fn new(safe: Arc<dyn Safe>) -> Self {
        Self { safe, open: Mutex::default() }
    }

    /// That of a tenant.
    #[must_use]
    pub fn of(&self, tenant: &Tenant) -> Delegation {
        let key = [tenant.id.to_string(), tenant.application_id.to_string(), tenant.login_root.to_string()];
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.entry(key).or_insert_with(|| Delegation::new(self.safe.of(&tenant.id))).clone()
    }

    /// Forgets the tokens that were issued for the sign-in of a tenant: it is not kept any more.
    pub async fn end(&self, tenant: &Id) {
        let ended: Vec<Delegation> = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let of_tenant = open.iter().filter(|([id, ..], _)| *id == tenant.to_string());
            of_tenant.map(|(_, delegation)| delegation.clone()).collect()
        };
        for delegation in ended {
            *delegation.turn.lock().await = Turn::default();
        }
    }
}

fn unkept(what: &str, error: GrantError) -> SourceError {
    let GrantError { message, hint, source } = error;
    SourceError { hint, source, ..person(format!("{what}: {message}"), "") }
}
