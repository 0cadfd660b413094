//! Signing in without a browser here: the person types a short code elsewhere, and bmsync asks until that is done.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use oauth2::basic::BasicErrorResponse;
use oauth2::{
    AsyncHttpClient, DeviceAuthorizationResponse, DeviceAuthorizationUrl, DeviceCodeErrorResponse,
    ExtraDeviceAuthorizationFields, HttpRequest, HttpResponse, RequestTokenError,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::super::error::{Setback, Trouble, person, plain, protocol};
use super::super::login::{Login, Unanswered, Wire, about_sign_in, proven};
use super::super::refusal::Refused;
use super::super::scope;
use super::super::token::Issued;
use super::attempt::LIFE;
use crate::source::SourceError;

/// What is waited between two questions, whatever the service says.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);
/// So long one proof of the application is used: one made with a certificate lives for some minutes only.
const PROOF_LIFE: Duration = Duration::from_mins(4);
/// Longest message of the service that is shown.
const MAX_MESSAGE: usize = 400;

/// A code to be typed elsewhere.
#[derive(Debug)]
pub struct Device {
    answer: DeviceAuthorizationResponse<Extra>,
    until: Instant,
}

/// What the service says in words.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Extra {
    #[serde(default)]
    message: Option<String>,
}

impl ExtraDeviceAuthorizationFields for Extra {}

impl Device {
    /// What a person must do, in the service's words or in ours: one safe line.
    #[must_use]
    pub fn message(&self) -> String {
        let said = self.answer.extra_fields().message.as_deref().map(|said| plain(said, MAX_MESSAGE));
        let code = self.user_code();
        said.filter(|said| said.contains(&code))
            .unwrap_or_else(|| format!("open {} in a browser and enter the code {code}", self.verification_uri()))
    }

    /// What is typed.
    #[must_use]
    pub fn user_code(&self) -> String {
        plain(self.answer.user_code().secret(), 40)
    }

    /// Where it is typed.
    #[must_use]
    pub fn verification_uri(&self) -> String {
        plain(self.answer.verification_uri().as_str(), 200)
    }

    pub(super) async fn ask(login: &Login) -> Result<Self, SourceError> {
        let mut tries = login.start();
        loop {
            let name = tries.name();
            let shown = login.show().map_err(about_sign_in)?;
            let wire = Wire { login, name, secrets: shown.secrets() };
            let url = DeviceAuthorizationUrl::from_url(login.address(&["oauth2", "v2.0", "devicecode"]));
            let client = login.client().set_device_authorization_url(url);
            let asked = client.exchange_device_code().add_scopes(scope::asked(&login.graph_root));
            let asked = proven!(asked, shown);
            let answer = timeout_at(tries.deadline(), asked.request_async::<_, Extra>(&wire)).await;
            match answer.map_err(|_| login.late()).and_then(|answer| login.heard(answer)) {
                Ok(answer) => {
                    let until = Instant::now() + answer.expires_in().min(LIFE + PROOF_LIFE);
                    return Ok(Self { answer, until });
                }
                Err(Trouble::Over(error)) => return Err(about_sign_in(error)),
                Err(Trouble::Again(setback)) => tries.pause("device code", setback).await?,
            }
        }
    }

    /// Asks until the person is done; as often as the service wants, and less often when it says so.
    pub(super) async fn wait(&self, login: &Login) -> Result<Issued, SourceError> {
        while let Some(left) = self.until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            match timeout(left, self.poll(login, left.min(PROOF_LIFE))).await {
                Ok(Ok(Some(issued))) => return Ok(issued),
                Ok(Ok(None)) => {}
                Ok(Err(error)) => return Err(about_sign_in(error)),
                Err(_) => break,
            }
        }
        Err(about_sign_in(expired(login)))
    }

    /// Asks for some minutes; nothing when the person was not done by then.
    async fn poll(&self, login: &Login, time: Duration) -> Result<Option<Issued>, SourceError> {
        let shown = login.show()?;
        let code = SecretString::from(self.answer.device_code().secret().as_str());
        let wire = Wire { login, name: login.start().name(), secrets: [shown.secrets(), vec![&code]].concat() };
        let wire = Polling { wire, trouble: Mutex::default() };
        let client = login.client();
        let rest = |asked: Duration| sleep(asked.clamp(SHORTEST, LONGEST));
        let asked = proven!(client.exchange_device_access_token(&self.answer), shown);
        let answer = asked.request_async(&wire, rest, Some(time)).await;
        let trouble = wire.trouble.into_inner().unwrap_or_else(PoisonError::into_inner);
        match (answer, trouble) {
            (Ok(answer), _) => Issued::of(&answer).map(Some).map_err(|trouble| over(trouble, login)),
            (Err(_), Some(trouble)) => Err(over(trouble, login)),
            (Err(error), None) => silence(&error, login).map(|()| None),
        }
    }
}

/// A poll ended without an answer of the service: its time is up, or it said something that is no answer.
fn silence(error: &RequestTokenError<Unanswered, DeviceCodeErrorResponse>, login: &Login) -> Result<(), SourceError> {
    match error {
        RequestTokenError::ServerResponse(_) => Ok(()),
        RequestTokenError::Request(_) | RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            Err(protocol(format!("the answer of {} is no token", login.origin)))
        }
    }
}

fn over(trouble: Trouble, login: &Login) -> SourceError {
    match trouble {
        Trouble::Over(error) => error,
        Trouble::Again(Setback { what, hint, .. }) => {
            SourceError { hint, ..protocol(format!("{}: {what}", login.origin)) }
        }
    }
}

/// A request of the polling: what says "not yet" is handed on to `oauth2`, every other refusal ends it.
struct Polling<'a> {
    wire: Wire<'a>,
    trouble: Mutex<Option<Trouble>>,
}

impl<'c> AsyncHttpClient<'c> for Polling<'_> {
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unanswered>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let trouble = match self.wire.send(request).await {
                Ok(answer) if answer.status().is_success() || is_pending(&answer) => return Ok(answer),
                Ok(answer) => self.refusal(&answer),
                Err(trouble @ Trouble::Again(_)) => return Err(Unanswered(trouble)),
                Err(trouble @ Trouble::Over(_)) => trouble,
            };
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
            // Something that is neither a token nor "not yet" ends the polling.
            Ok(HttpResponse::new(b"{}".to_vec()))
        })
    }
}

impl Polling<'_> {
    fn refusal(&self, answer: &HttpResponse) -> Trouble {
        let (name, word) = (&self.wire.login.name, Refused::read(answer.body()));
        match word.as_ref().map(Refused::word) {
            Some("authorization_declined" | "access_denied") => Trouble::Over(person(
                "the person declined to sign in",
                format!("run `bmsync connect {name} --device-code` again"),
            )),
            Some("expired_token" | "code_expired") => Trouble::Over(expired(self.wire.login)),
            Some("bad_verification_code") => Trouble::Over(protocol("the login service does not know its own code")),
            Some(_) | None => self.wire.refusal(answer),
        }
    }
}

fn is_pending(answer: &HttpResponse) -> bool {
    let refused = serde_json::from_slice::<BasicErrorResponse>(answer.body());
    refused.is_ok_and(|refused| matches!(refused.error().as_ref(), "authorization_pending" | "slow_down"))
}

fn expired(login: &Login) -> SourceError {
    let next = format!("run `bmsync connect {} --device-code` again, and enter the code within its time", login.name);
    person("nobody entered the code in time", next)
}
