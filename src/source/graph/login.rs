//! The login service of one tenant: every request for a token goes through here, with the application's proof, a time
//! limit, tries, and refusals as words. It knows nothing of what a token is used for.

use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse};
use oauth2::{
    AsyncHttpClient, AuthType, AuthorizationCode, Client, ClientId, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardRevocableToken,
    TokenUrl,
};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout_at;
use tracing::debug;
use url::Url;

use super::aadsts;
use super::error::{Setback, Trouble, protocol};
use super::http::{Http, busy, client, origin, read_body, redirected, unanswered};
use super::names::Names;
use super::proof::{Proof, Shown};
use super::refusal::Refused;
use super::retry::{Patience, Tries};
use super::scope;
use super::token::{Answer, Issued};
use crate::http::origin::Origin;
use crate::manifest::config::Tenant;
use crate::model::{Id, Text};
use crate::source::{Meter, SourceError};

/// Largest answer of the login service.
const MAX_ANSWER: usize = 1 << 20;

/// The login service of one tenant, for one application.
#[derive(Debug)]
pub(super) struct Login {
    /// `metadata.name`.
    pub name: Text,
    /// The tenant's ID.
    pub tenant: Id,
    /// What is put into addresses.
    pub domain: Text,
    /// The application's ID.
    pub application: Text,
    /// Where it lives.
    pub origin: Origin,
    /// Its root, as the manifest or the cloud says.
    pub root: Text,
    /// The root of the Graph that tokens are for.
    pub graph_root: Text,
    /// The connections to it.
    pub http: Http,
    names: Names,
    patience: Patience,
    proof: Proof,
}

/// What a token is asked for with.
pub(super) enum Exchange<'a> {
    /// The application itself.
    Application,
    /// A sign-in that goes on.
    Refresh(&'a SecretString),
    /// A person who has just signed in.
    Code { code: &'a SecretString, verifier: &'a SecretString, redirect: &'a Url },
}

/// A request of `oauth2` with what the application shows of itself: its kinds of request have no trait in common.
macro_rules! proven {
    ($request:expr, $shown:expr) => {
        $shown.parameters().fold($request, |request, (name, value)| request.add_extra_param(name, value.to_owned()))
    };
}
pub(super) use proven;

/// What `oauth2` speaks with; the token endpoint is set.
pub(super) type OAuth<Device = EndpointNotSet> = Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    Device,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl Login {
    /// The login service that a tenant names. Sends nothing and reads no secret.
    ///
    /// # Errors
    /// When no secret may go to the endpoint.
    pub fn new(tenant: &Tenant, http: &Http, patience: Patience) -> Result<Self, SourceError> {
        Ok(Self {
            name: tenant.name.clone(),
            tenant: tenant.id.clone(),
            domain: tenant.domain.clone(),
            application: tenant.application_id.clone(),
            origin: origin(&tenant.login_root, "endpoints.login")?,
            root: tenant.login_root.clone(),
            graph_root: tenant.graph_root.clone(),
            http: http.clone(),
            names: Names::of(tenant),
            patience,
            proof: Proof::from(&tenant.credential),
        })
    }

    /// The same, counting its pauses.
    pub fn with_meter(self, meter: Arc<dyn Meter>) -> Self {
        Self { patience: self.patience.with_meter(meter), ..self }
    }

    /// An address of the tenant there.
    pub fn address(&self, rest: &[&str]) -> Url {
        self.origin.path(&[&[self.domain.as_str()], rest].concat())
    }

    /// Asks for a token until there is one or patience has run out.
    ///
    /// # Errors
    /// The refusal, as a person can act on it.
    pub async fn exchange(&self, exchange: &Exchange<'_>) -> Result<Issued, SourceError> {
        let mut shown = self.show().map_err(about_sign_in)?;
        let mut tries = self.patience.start();
        let mut replaced = None;
        loop {
            match self.attempt(exchange, &shown, &mut tries).await {
                Ok(issued) => return Ok(issued),
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
    pub fn show(&self) -> Result<Shown, SourceError> {
        self.proof.show(&self.application, self.token_url().as_str(), Timestamp::now())
    }

    /// The client secret, where that is the proof and it is there.
    pub fn client_secret(&self) -> Option<SecretString> {
        self.proof.secret()
    }

    /// Until when the proof is good, where that can be known and it is good now.
    pub fn proof_expires(&self, now: Timestamp) -> Option<Timestamp> {
        self.proof.expires(now).ok().flatten()
    }

    /// The proof that has just been put in the place of one that is refused.
    fn newer(&self, error: &SourceError, refused: &Shown) -> Option<Shown> {
        error.code.filter(|code| aadsts::REPLACEABLE.contains(code))?;
        self.show().ok().filter(|newer| !newer.is_of_the_same(refused))
    }

    async fn attempt(&self, exchange: &Exchange<'_>, shown: &Shown, tries: &mut Tries) -> Result<Issued, Trouble> {
        let mut secrets = shown.secrets();
        match exchange {
            Exchange::Application => {}
            Exchange::Refresh(token) => secrets.push(token),
            Exchange::Code { code, verifier, redirect: _ } => secrets.extend([*code, *verifier]),
        }
        let (deadline, wire) = (tries.deadline(), Wire { login: self, name: tries.name(), secrets });
        let asked = async {
            let client = self.client();
            match exchange {
                Exchange::Application => {
                    let scope = Scope::new(format!("{}/.default", self.graph_root));
                    let request = client.exchange_client_credentials().add_scope(scope);
                    proven!(request, shown).request_async(&wire).await
                }
                Exchange::Refresh(token) => {
                    let token = RefreshToken::new(token.expose_secret().to_owned());
                    let request = client.exchange_refresh_token(&token).add_scopes(scope::asked(&self.graph_root));
                    proven!(request, shown).request_async(&wire).await
                }
                Exchange::Code { code, verifier, redirect } => {
                    let code = AuthorizationCode::new(code.expose_secret().to_owned());
                    let redirect = RedirectUrl::from_url((*redirect).clone());
                    let request = client
                        .exchange_code(code)
                        .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()))
                        .set_redirect_uri(std::borrow::Cow::Owned(redirect));
                    proven!(request, shown).request_async(&wire).await
                }
            }
        };
        let answer = timeout_at(deadline, asked).await;
        self.heard(answer.map_err(|_| self.late())?).and_then(|answer| Issued::of(&answer))
    }

    /// A client of `oauth2`; the application's proof is put into each request.
    pub fn client(&self) -> OAuth {
        Client::new(ClientId::new(self.application.to_string()))
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(TokenUrl::from_url(self.token_url()))
    }

    fn token_url(&self) -> Url {
        self.address(&["oauth2", "v2.0", "token"])
    }

    /// The tries of a request.
    pub fn start(&self) -> Tries {
        self.patience.start()
    }

    /// What came of a request: the answer, or why there is none.
    pub fn heard<T>(&self, answer: Result<T, RequestTokenError<Unanswered, BasicErrorResponse>>) -> Result<T, Trouble> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(RequestTokenError::Request(Unanswered(trouble))) => Err(trouble),
            // The text of these errors would quote the answer, which may hold a token.
            Err(RequestTokenError::Parse(..) | RequestTokenError::Other(_) | RequestTokenError::ServerResponse(_)) => {
                Err(Trouble::Again(Setback::garbled(format!("the answer of {} is no token", self.origin))))
            }
        }
    }

    /// Nothing came in time.
    pub fn late(&self) -> Trouble {
        Trouble::Again(Setback::transient(format!("{} did not answer in time", self.origin)))
    }

    /// What a refusal means here.
    pub fn refused(&self, refused: &Refused, secrets: &[&SecretString]) -> Trouble {
        refused.trouble(&self.names, secrets)
    }
}

/// An error of a request for a token, said so.
pub(super) fn about_sign_in(error: SourceError) -> SourceError {
    SourceError { message: format!("sign-in: {}", error.message), ..error }
}

/// One try of a token request, as `oauth2` wants it made.
pub(super) struct Wire<'a> {
    /// Whom it asks.
    pub login: &'a Login,
    /// The name of the try, for the service's own logs.
    pub name: String,
    /// What must not be repeated.
    pub secrets: Vec<&'a SecretString>,
}

/// Why a try brought `oauth2` nothing to read.
#[derive(Debug, thiserror::Error)]
#[error("the login service gave no answer")]
pub(super) struct Unanswered(pub Trouble);

impl<'c> AsyncHttpClient<'c> for Wire<'_> {
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unanswered>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let response = self.send(request).await.map_err(Unanswered)?;
            if response.status().is_success() { Ok(response) } else { Err(Unanswered(self.refusal(&response))) }
        })
    }
}

impl Wire<'_> {
    /// Sends a request; a refusal is an answer too.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Trouble> {
        let login = &self.login.origin;
        let client = client(&self.login.http, login).map_err(Trouble::Over)?;
        let mut request = reqwest::Request::try_from(request).map_err(|error| unanswered(error, login))?;
        if let Ok(name) = HeaderValue::from_str(&self.name) {
            request.headers_mut().insert("client-request-id", name);
        }
        debug!(client_request_id = self.name, "asking for a token");
        let response = client.execute(request).await.map_err(|error| unanswered(error, login))?;
        if let Some(error) = redirected(&response, login) {
            return Err(Trouble::Over(error));
        }
        if let Some(setback) = busy(&response, &self.login.http, login) {
            return Err(Trouble::Again(self.in_its_words(setback, response).await));
        }
        let status = response.status();
        let kind = response.headers().get(CONTENT_TYPE).cloned();
        let mut body = Vec::new();
        read_body(response, MAX_ANSWER, &mut body).await?;
        let mut answer = HttpResponse::new(body);
        *answer.status_mut() = status;
        answer.headers_mut().extend(kind.map(|kind| (CONTENT_TYPE, kind)));
        Ok(answer)
    }

    /// A service that is busy may say why; how long it wants to be left alone stands beside that.
    async fn in_its_words(&self, setback: Setback, response: reqwest::Response) -> Setback {
        let mut body = Vec::new();
        let read = read_body(response, MAX_ANSWER, &mut body).await;
        let said = read.ok().and_then(|()| Refused::read(&body));
        match said.map(|refused| self.login.refused(&refused, &self.secrets)) {
            Some(Trouble::Again(Setback { what, hint, .. })) => Setback { what, hint, ..setback },
            Some(Trouble::Over(_)) | None => setback,
        }
    }

    /// What an answer that is no success means.
    pub fn refusal(&self, answer: &HttpResponse) -> Trouble {
        let (login, status) = (self.login, answer.status().as_u16());
        match Refused::read(answer.body()) {
            Some(refused) => login.refused(&refused, &self.secrets),
            None => Trouble::Over(SourceError {
                hint: Some("check the tenant's `cloud` or `endpoints.login`".to_owned()),
                ..protocol(format!("{} answered {status}, which is no answer of a login service", login.origin))
            }),
        }
    }
}
