//! Signing in to BMS: one at a time, with a password and perhaps a one-time code; a token is refreshed before it ends. It
//! knows nothing of what a token is used for.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};
use url::form_urlencoded::Serializer;

use super::endpoint::Endpoint;
use super::entry::Entry;
use super::error::BmsError;
use super::settings::{ApiUser, NoSecrets, Secrets};
use super::{Bms, totp};
use crate::http::{Content, Method, Request};

/// A token is renewed so long before it ends.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// How long a token is taken to live when BMS does not say, or says something that cannot be.
const UNKNOWN_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// No token is used longer than this, whatever BMS says.
const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(24);
/// What BMS refused is not shown to it again so soon: accounts are locked after a few wrong passwords.
const AFTER_REFUSAL: Duration = Duration::from_mins(1);

/// Who is signed in. Locked while somebody signs in, so that nobody else does meanwhile.
#[derive(Debug, Default)]
pub(super) struct Session(Mutex<Turn>);

#[derive(Debug, Default)]
struct Turn {
    token: Option<Token>,
    refused: Option<(Timestamp, String)>,
    issued: u64,
}

/// A token. Its `Debug` hides it.
#[derive(Clone, Debug)]
pub(super) struct Token {
    access: SecretString,
    refresh: Option<SecretString>,
    good_until: Timestamp,
    number: u64,
}

impl Token {
    /// What stands in `Authorization`.
    pub fn header(&self) -> SecretString {
        SecretString::from(format!("Bearer {}", self.access.expose_secret()))
    }

    pub const fn access(&self) -> &SecretString {
        &self.access
    }
}

impl Session {
    async fn turn(&self) -> MutexGuard<'_, Turn> {
        self.0.lock().await
    }

    /// Forgets a token that BMS does not take, unless there is another one by now.
    pub async fn spurn(&self, token: &Token) {
        let mut turn = self.turn().await;
        if turn.token.as_ref().is_some_and(|known| known.number == token.number) {
            turn.token = None;
        }
    }
}

impl Bms {
    /// A token that is good for now.
    pub(super) async fn token(&self) -> Result<Token, BmsError> {
        let mut turn = self.session.turn().await;
        let now = self.now();
        if let Some(token) = turn.token.as_ref().filter(|token| now < token.good_until) {
            return Ok(token.clone());
        }
        if let Some((at, message)) = &turn.refused
            && now.duration_since(*at) < SignedDuration::try_from(AFTER_REFUSAL).unwrap_or_default()
        {
            return Err(BmsError::Unauthorized { message: message.clone() });
        }
        turn.issued += 1;
        let number = turn.issued;
        let issued = match turn.token.take() {
            Some(token) => self.refreshed(&token, number).await?,
            None => None,
        };
        let issued = match issued {
            Some(token) => Ok(token),
            None => self.signed_in(number).await,
        };
        match &issued {
            Ok(token) => (turn.token, turn.refused) = (Some(token.clone()), None),
            Err(BmsError::Unauthorized { message }) => turn.refused = Some((now, message.clone())),
            Err(_) => {}
        }
        issued
    }

    /// A new token for an old one; nothing where BMS wants the password again.
    async fn refreshed(&self, old: &Token, number: u64) -> Result<Option<Token>, BmsError> {
        let Some(refresh) = &old.refresh else { return Ok(None) };
        let body = form(&[("AccessToken", old.access.expose_secret()), ("RefreshToken", refresh.expose_secret())]);
        let request = post("refreshtoken", body);
        match self.exchange(Endpoint::RefreshToken, request, &[&old.access, refresh]).await {
            Ok(answer) => self.issued(&answer.result, number).map(Some).or(Ok(None)),
            Err(BmsError::Throttled { endpoint, until }) => Err(BmsError::Throttled { endpoint, until }),
            Err(BmsError::Unreachable { what, cause }) => Err(BmsError::Unreachable { what, cause }),
            Err(_) => Ok(None),
        }
    }

    async fn signed_in(&self, number: u64) -> Result<Token, BmsError> {
        let secrets = self.credentials.secrets();
        let secrets = secrets.map_err(|NoSecrets { what, cause }| BmsError::Credentials { what, cause })?;
        let code = self.one_time_code(&secrets)?;
        let request = post("authenticate", sign_in(&self.user, &secrets, code.as_ref()));
        let hidden: Vec<&SecretString> =
            [Some(&secrets.password), secrets.totp.as_ref(), code.as_ref()].into_iter().flatten().collect();
        match self.exchange(Endpoint::Authenticate, request, &hidden).await {
            Ok(answer) => self.issued(&answer.result, number),
            Err(
                BmsError::Refused { message, .. }
                | BmsError::Forbidden { message }
                | BmsError::NotFound { message }
                | BmsError::Clash { message },
            ) => Err(BmsError::Unauthorized { message }),
            Err(error) => Err(error),
        }
    }

    fn one_time_code(&self, secrets: &Secrets) -> Result<Option<SecretString>, BmsError> {
        let Some(secret) = &secrets.totp else { return Ok(None) };
        let second = u64::try_from(self.now().as_second()).unwrap_or_default();
        let what = "the secret of the one-time codes is not Base32, as authenticator apps show it".to_owned();
        totp::code(secret, second).map(Some).ok_or(BmsError::Credentials { what, cause: None })
    }

    /// Reads what BMS issued. An end that lies behind us was written in another zone than it is read in.
    fn issued(&self, result: &Value, number: u64) -> Result<Token, BmsError> {
        let unexpected = |what: &str| BmsError::Unexpected { what: what.to_owned() };
        let entry = Entry::of(result).map_err(|_| unexpected("it issues no token"))?;
        let text = |name| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let access = text("accessToken").ok_or_else(|| unexpected("it issues no token"))?;
        if !access.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unexpected("it issues a token that cannot stand in a header"));
        }
        let now = self.now();
        let told = entry.moment("accessTokenExpireOn").ok().flatten().map(|end| end.at().duration_since(now) - MARGIN);
        let life = told.filter(|life| *life > SignedDuration::ZERO).unwrap_or(UNKNOWN_LIFE).min(LONGEST_LIFE);
        Ok(Token {
            access: access.into(),
            refresh: text("refreshToken").map(SecretString::from),
            good_until: now.saturating_add(life).unwrap_or(Timestamp::MAX),
            number,
        })
    }
}

fn sign_in(user: &ApiUser, secrets: &Secrets, code: Option<&SecretString>) -> SecretSlice<u8> {
    let mut fields = vec![
        ("grantType", "password"),
        ("userName", user.username.as_str()),
        ("password", secrets.password.expose_secret()),
        ("tenant", user.company.as_str()),
    ];
    fields.extend(code.map(|code| ("MFACode", code.expose_secret())));
    form(&fields)
}

fn form(fields: &[(&str, &str)]) -> SecretSlice<u8> {
    let text = Zeroizing::new(Serializer::new(String::new()).extend_pairs(fields).finish());
    SecretSlice::from(text.as_bytes().to_vec())
}

fn post(what: &str, bytes: SecretSlice<u8>) -> Request {
    Request {
        method: Method::Post,
        path: ["v2", "security", what].map(str::to_owned).into(),
        query: Vec::new(),
        credentials: None,
        content: Some(Content { kind: "application/x-www-form-urlencoded", bytes }),
    }
}
