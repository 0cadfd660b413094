//! What the login service issues: an access token ready to be sent, and what came with it. It knows nothing of how it was
//! asked for.

use std::fmt;
use std::time::Duration;

use oauth2::basic::BasicTokenType;
use oauth2::helpers::{
    deserialize_space_delimited_vec, deserialize_untagged_enum_case_insensitive, serialize_space_delimited_vec,
};
use oauth2::{AccessToken, RefreshToken, Scope, TokenResponse};
use reqwest::header::HeaderValue;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use tracing::debug;

use super::error::{Setback, Trouble, plain};
use super::permitted;
use crate::directory::Permissions;
use crate::model::Text;

/// How long a token is taken to live when the service does not say.
const UNKNOWN_LIFE: Duration = Duration::from_mins(5);
/// No token is used longer than this, whatever the service says.
const LONGEST_LIFE: Duration = Duration::from_hours(24);
/// A token is renewed so long before it expires, or a tenth of its life if that is shorter.
const MARGIN: Duration = Duration::from_mins(5);
/// Longest name of a permission, and how many of them are looked at.
const MAX_SCOPE: usize = 200;
const MAX_SCOPES: usize = 100;

/// A bearer token, ready to be sent. Its `Debug` hides it.
#[derive(Clone, Debug)]
pub(super) struct Token {
    header: HeaderValue,
    until: Instant,
    permissions: Option<Permissions>,
}

impl Token {
    /// The value of `Authorization`.
    pub fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// Whether it is good for now.
    pub fn is_good(&self) -> bool {
        Instant::now() < self.until
    }

    /// What it lets its bearer read, where it says so.
    pub const fn permissions(&self) -> Option<&Permissions> {
        self.permissions.as_ref()
    }

    /// Whether it is this one.
    pub fn is(&self, other: &Self) -> bool {
        self.header == other.header
    }
}

/// What the login service answers to a request for a token. Its `Debug` hides it.
#[derive(Deserialize, Serialize)]
pub(super) struct Answer {
    access_token: AccessToken,
    #[serde(deserialize_with = "deserialize_untagged_enum_case_insensitive")]
    token_type: BasicTokenType,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
    #[serde(default)]
    refresh_token: Option<RefreshToken>,
    #[serde(
        rename = "scope",
        default,
        deserialize_with = "deserialize_space_delimited_vec",
        serialize_with = "serialize_space_delimited_vec"
    )]
    scopes: Option<Vec<Scope>>,
    #[serde(default)]
    id_token: Option<String>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer(…)")
    }
}

impl TokenResponse for Answer {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        &self.token_type
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in.map(Duration::from_secs)
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        self.scopes.as_ref()
    }
}

/// A number of seconds, which older services and proxies in between write as text or with a fraction. One that says
/// nothing is as one that is not there: the token is good for all that.
fn seconds<'de, D: Deserializer<'de>>(written: D) -> Result<Option<u64>, D::Error> {
    let text = match Value::deserialize(written)? {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Ok(None),
    };
    Ok(text.trim().split('.').next().and_then(|whole| whole.parse().ok()))
}

/// What was issued.
#[derive(Debug)]
pub(super) struct Issued {
    /// Opens Graph.
    pub token: Token,
    /// Exchanged for the next; only where a person signed in.
    pub refresh_token: Option<SecretString>,
    /// Who signed in, as the service states it.
    pub id_token: Option<SecretString>,
    /// What was granted; nothing when the service does not say.
    pub scopes: Vec<Text>,
}

impl Issued {
    /// Takes an answer apart; one that is no bearer token is asked for again.
    pub fn of(answer: &Answer) -> Result<Self, Trouble> {
        let scopes = answer.scopes().into_iter().flatten().flat_map(|scope| scope.split_whitespace());
        Ok(Self {
            token: token(answer)?,
            refresh_token: answer.refresh_token().map(|token| SecretString::from(token.secret().as_str())),
            id_token: answer.id_token.as_deref().map(SecretString::from),
            scopes: scopes.take(MAX_SCOPES).map(|scope| Text::from(plain(scope, MAX_SCOPE))).collect(),
        })
    }
}

fn token(answer: &Answer) -> Result<Token, Trouble> {
    let header = HeaderValue::from_str(&format!("Bearer {}", answer.access_token().secret()));
    let (Ok(mut header), BasicTokenType::Bearer) = (header, answer.token_type()) else {
        return Err(Trouble::Again(Setback::garbled("the login service issued something that is no bearer token")));
    };
    header.set_sensitive(true);
    let life = answer.expires_in().unwrap_or(UNKNOWN_LIFE).min(LONGEST_LIFE);
    debug!(life_s = life.as_secs(), "signed in");
    let permissions = permitted::stated(answer.access_token().secret());
    Ok(Token { header, until: Instant::now() + life.saturating_sub(MARGIN.min(life / 10)), permissions })
}
