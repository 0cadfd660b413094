//! Signing in: client credentials through `oauth2`, one token at a time, renewed before it expires. It knows nothing of
//! what a token is used for.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use oauth2::basic::{BasicClient, BasicTokenResponse, BasicTokenType};
use oauth2::{AsyncHttpClient, AuthType, ClientId, HttpRequest, HttpResponse, RequestTokenError, Scope};
use oauth2::{TokenResponse as _, TokenUrl};
use reqwest::header::HeaderValue;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::aadsts;
use super::error::{Setback, Trouble, protocol};
use super::http::{Http, busy, read_body, redirected, unanswered};
use super::link::Origin;
use super::names::Names;
use super::proof::{Proof, Shown};
use super::refusal::Refused;
use super::retry::{Patience, Tries};
use crate::manifest::config::Tenant;
use crate::source::{Meter, SourceError};

/// Largest answer of the login service.
const MAX_ANSWER: usize = 1 << 20;
/// How long a token is taken to live when the service does not say.
const UNKNOWN_LIFE: Duration = Duration::from_mins(5);
/// No token is used longer than this, whatever the service says.
const LONGEST_LIFE: Duration = Duration::from_hours(24);
/// A token is renewed so long before it expires, or a tenth of its life if that is shorter.
const MARGIN: Duration = Duration::from_mins(5);

/// How an application of a tenant signs in, and the token that it has.
#[derive(Debug)]
pub(super) struct Auth {
    http: Http,
    login: Origin,
    token_url: TokenUrl,
    scope: Scope,
    application: ClientId,
    names: Names,
    proof: Proof,
    patience: Patience,
    /// Locked while a token is fetched, so that nobody else fetches one meanwhile.
    current: Mutex<Option<Token>>,
}

/// A bearer token, ready to be sent. Its `Debug` hides it.
#[derive(Clone, Debug)]
pub(super) struct Token {
    header: HeaderValue,
    until: Instant,
}

impl Token {
    /// The value of `Authorization`.
    pub fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

impl Auth {
    /// Signs in to a tenant with the proof that its manifest points at.
    pub fn new(tenant: &Tenant, http: &Http, patience: Patience) -> Result<Self, SourceError> {
        let login = Origin::new(&tenant.login_root, "endpoints.login")?;
        let token_url = TokenUrl::from_url(login.path(&[&tenant.domain, "oauth2", "v2.0", "token"]));
        Ok(Self {
            http: http.clone(),
            login,
            token_url,
            scope: Scope::new(format!("{}/.default", tenant.graph_root)),
            application: ClientId::new(tenant.application_id.to_string()),
            names: Names::of(tenant),
            proof: Proof::from(&tenant.credential),
            patience,
            current: Mutex::new(None),
        })
    }

    /// The same, counting its pauses.
    pub fn with_meter(self, meter: Arc<dyn Meter>) -> Self {
        Self { patience: self.patience.with_meter(meter), ..self }
    }

    /// A token that is good for now; at most one is fetched at a time.
    pub async fn token(&self) -> Result<Token, SourceError> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| Instant::now() < token.until) {
            return Ok(token.clone());
        }
        let token = self.fetch().await?;
        *current = Some(token.clone());
        Ok(token)
    }

    /// Forgets a token that the service does not take, unless it was replaced meanwhile.
    pub async fn spurn(&self, refused: &Token) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|token| token.header == refused.header) {
            *current = None;
        }
    }

    async fn fetch(&self) -> Result<Token, SourceError> {
        let mut shown = self.show().map_err(about_sign_in)?;
        let mut tries = self.patience.start();
        let mut replaced = None;
        loop {
            match self.attempt(&shown, &mut tries).await {
                Ok(token) => return Ok(token),
                Err(Trouble::Over(error)) => match self.newer(&error, &shown).filter(|_| replaced.is_none()) {
                    Some(newer) => replaced = Some(std::mem::replace(&mut shown, newer)),
                    None => return Err(about_sign_in(error)),
                },
                Err(Trouble::Again(setback)) => {
                    tries.pause("sign-in", setback).await?;
                    shown = self.show().map_err(about_sign_in)?;
                }
            }
        }
    }

    /// What the application proves itself with, as it is found now.
    fn show(&self) -> Result<Shown, SourceError> {
        self.proof.show(self.application.as_str(), self.token_url.as_str(), Timestamp::now())
    }

    /// The proof that has just been put in the place of one that is refused.
    fn newer(&self, error: &SourceError, refused: &Shown) -> Option<Shown> {
        error.code.filter(|code| aadsts::REPLACEABLE.contains(code))?;
        self.show().ok().filter(|newer| !newer.is_of_the_same(refused))
    }

    async fn attempt(&self, shown: &Shown, tries: &mut Tries) -> Result<Token, Trouble> {
        let wire = Wire { auth: self, name: tries.name(), shown };
        let client = BasicClient::new(self.application.clone())
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(self.token_url.clone());
        let request = client.exchange_client_credentials().add_scope(self.scope.clone());
        let request =
            shown.parameters().fold(request, |request, (name, value)| request.add_extra_param(name, value.to_owned()));
        match timeout_at(tries.deadline(), request.request_async(&wire)).await {
            Ok(Ok(answer)) => token(&answer),
            Ok(Err(RequestTokenError::Request(Unanswered(trouble)))) => Err(trouble),
            // The text of these errors would quote the answer, which may hold a token.
            Ok(Err(
                RequestTokenError::Parse(..) | RequestTokenError::Other(_) | RequestTokenError::ServerResponse(_),
            )) => Err(Trouble::Again(Setback::garbled(format!("the answer of {} is no token", self.login)))),
            Err(_) => Err(Trouble::Again(Setback::transient(format!("{} did not answer in time", self.login)))),
        }
    }
}

fn about_sign_in(error: SourceError) -> SourceError {
    SourceError { message: format!("sign-in: {}", error.message), ..error }
}

fn token(answer: &BasicTokenResponse) -> Result<Token, Trouble> {
    let header = HeaderValue::from_str(&format!("Bearer {}", answer.access_token().secret()));
    let (Ok(mut header), BasicTokenType::Bearer) = (header, answer.token_type()) else {
        return Err(Trouble::Again(Setback::garbled("the login service issued something that is no bearer token")));
    };
    header.set_sensitive(true);
    let life = answer.expires_in().unwrap_or(UNKNOWN_LIFE).min(LONGEST_LIFE);
    debug!(life_s = life.as_secs(), "signed in");
    Ok(Token { header, until: Instant::now() + life.saturating_sub(MARGIN.min(life / 10)) })
}

/// One try of a token request, as `oauth2` wants it made.
struct Wire<'a> {
    auth: &'a Auth,
    name: String,
    shown: &'a Shown,
}

/// Why a try brought `oauth2` nothing to read.
#[derive(Debug, thiserror::Error)]
#[error("the login service gave no answer")]
struct Unanswered(Trouble);

impl<'c> AsyncHttpClient<'c> for Wire<'_> {
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unanswered>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { self.send(request).await.map_err(Unanswered) })
    }
}

impl Wire<'_> {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Trouble> {
        let login = &self.auth.login;
        let client = self.auth.http.client(login).map_err(Trouble::Over)?;
        let mut request = reqwest::Request::try_from(request).map_err(|error| unanswered(error, login))?;
        if let Ok(name) = HeaderValue::from_str(&self.name) {
            request.headers_mut().insert("client-request-id", name);
        }
        debug!(client_request_id = self.name, "asking for a token");
        let response = client.execute(request).await.map_err(|error| unanswered(error, login))?;
        self.judge(response).await
    }

    async fn judge(&self, response: reqwest::Response) -> Result<HttpResponse, Trouble> {
        let login = &self.auth.login;
        if let Some(error) = redirected(&response, login) {
            return Err(Trouble::Over(error));
        }
        if let Some(setback) = busy(&response, &self.auth.http, login) {
            return Err(Trouble::Again(setback));
        }
        let status = response.status();
        let kind = response.headers().get(reqwest::header::CONTENT_TYPE).cloned();
        let mut body = Vec::new();
        read_body(response, MAX_ANSWER, &mut body).await?;
        if !status.is_success() {
            return Err(self.refusal(status.as_u16(), &body));
        }
        let mut answer = HttpResponse::new(body);
        answer.headers_mut().extend(kind.map(|kind| (reqwest::header::CONTENT_TYPE, kind)));
        Ok(answer)
    }

    fn refusal(&self, status: u16, body: &[u8]) -> Trouble {
        let login = &self.auth.login;
        match Refused::read(body) {
            Some(refused) => refused.trouble(&self.auth.names, &self.shown.secrets()),
            None => Trouble::Over(SourceError {
                hint: Some("check the tenant's `cloud` or `endpoints.login`".to_owned()),
                ..protocol(format!("{login} answered {status}, which is no answer of a login service"))
            }),
        }
    }
}
