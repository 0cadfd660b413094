//! Who signed in, as the ID token states it. The token came from the login service itself, over its own connection, so
//! who issued it is known from that (`OpenID` Connect Core 3.1.3.7, 6) and its signature is not checked; what it says is.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::error::{person, plain, protocol};
use super::login::Login;
use crate::model::{Id, Text};
use crate::source::SourceError;

/// Longest ID token that is looked at.
const MAX_TOKEN: usize = 64 * 1024;
/// What the clocks may differ by.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What an ID token must say.
pub(super) struct Expected<'a> {
    /// Who issued it, for which tenant and application.
    pub login: &'a Login,
    /// What was sent with the browser; nothing where there was none.
    pub nonce: Option<&'a SecretString>,
    /// When.
    pub now: Timestamp,
}

/// What it says that is of use.
#[derive(Debug)]
pub(super) struct Claims {
    /// How the account is called.
    pub account: Option<Text>,
}

#[derive(Deserialize)]
struct Stated {
    iss: String,
    aud: Audience,
    tid: String,
    exp: i64,
    nonce: Option<String>,
    preferred_username: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Claims {
    /// Reads an ID token and checks everything that must be.
    ///
    /// # Errors
    /// When there is none, or it does not say what it must.
    pub fn read(token: Option<&SecretString>, expected: &Expected<'_>) -> Result<Self, SourceError> {
        let stated = token.and_then(|token| stated(token.expose_secret()));
        let stated = stated.ok_or_else(|| protocol("the login service does not say who signed in (no ID token)"))?;
        stated.check(expected)?;
        let account = stated.preferred_username.map(|name| Text::from(plain(&name, 320)));
        Ok(Self { account: account.filter(|name| !name.is_empty()) })
    }
}

impl Stated {
    fn check(&self, expected: &Expected<'_>) -> Result<(), SourceError> {
        let Expected { login, nonce, now } = expected;
        let Self { iss, aud, tid, exp, nonce: said, preferred_username: _ } = self;
        if Id::new(tid) != login.tenant {
            return Err(elsewhere(tid, login));
        }
        let ours = |one: &String| one.eq_ignore_ascii_case(&login.application);
        let for_us = match aud {
            Audience::One(one) => ours(one),
            Audience::Many(many) => matches!(many.as_slice(), [one] if ours(one)),
        };
        let root = login.root.as_str();
        let same_nonce = nonce.is_none_or(|nonce| {
            let said = said.as_deref().unwrap_or_default();
            bool::from(nonce.expose_secret().as_bytes().ct_eq(said.as_bytes()))
        });
        let lives = Timestamp::from_second(*exp).is_ok_and(|until| until > *now - SKEW);
        let wrong = [
            (iss.eq_ignore_ascii_case(&format!("{root}/{}/v2.0", login.tenant)), "was issued by somebody else"),
            (for_us, "is for another application"),
            (same_nonce, "belongs to another sign-in"),
            (lives, "has expired"),
        ];
        match wrong.iter().find(|(holds, _)| !holds) {
            None => Ok(()),
            Some((_, what)) => Err(SourceError {
                hint: Some(
                    "nothing was kept; check this machine's clock and the tenant's `cloud` or `endpoints`".into(),
                ),
                ..protocol(format!("the statement of who signed in {what}"))
            }),
        }
    }
}

fn elsewhere(tid: &str, login: &Login) -> SourceError {
    let Login { name, tenant, domain, .. } = login;
    person(
        format!("the account is of tenant {}, not of tenant {name} ({tenant}); nothing was kept", plain(tid, 60)),
        format!(
            "sign in with an account of {domain}, in a private window if the browser knows another; if it is one, \
             the manifest's tenantId and domain are not of the same tenant"
        ),
    )
}

/// The claims of a token of three parts.
fn stated(token: &str) -> Option<Stated> {
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    if token.len() > MAX_TOKEN {
        return None;
    }
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?).ok()
}
