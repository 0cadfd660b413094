//! Signing in to the simulated BMS: password, one-time code, tokens that end. Knows nothing of contacts.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::rows::User;
use super::{Answered, BmsFault, BmsRequest, Company, Outcome, refuse};

/// What an access token stands for.
#[derive(Clone, Debug)]
pub(super) struct Token {
    username: String,
    refresh: String,
    expires: Timestamp,
}

impl Token {
    /// It is good no longer than until then.
    pub fn end(&mut self, now: Timestamp) {
        self.expires = self.expires.min(now);
    }
}

/// How long a refresh token is good.
const REFRESH_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// How many tokens are remembered.
const TOKENS_KEPT: usize = 10_000;

/// A field of a form; its name is compared without case.
struct Form(Vec<(String, String)>);

impl Form {
    fn of(request: &BmsRequest) -> Self {
        Self(form_urlencoded::parse(&request.body).into_owned().collect())
    }

    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

pub(super) fn authenticate(company: &mut Company, request: &BmsRequest) -> Answered {
    let form = Form::of(request);
    if company.struck(BmsFault::RefuseSignIn, &request.shown_path()).is_some() {
        return refuse(401, "Invalid username or password.");
    }
    if !form.get("grantType").eq_ignore_ascii_case("password") {
        return refuse(400, "The grant type is not supported.");
    }
    if !form.get("tenant").eq_ignore_ascii_case(&company.held.company) {
        return refuse(401, "Invalid company name.");
    }
    let known = company.held.users.iter().find(|user| user.username.eq_ignore_ascii_case(form.get("userName")));
    match known {
        None if company.held.users.is_empty() => {}
        Some(user) if user.password == form.get("password") => match &user.totp {
            Some(_) if form.get("MFACode").is_empty() => return refuse(400, "MFA code is required."),
            Some(secret) if !is_code(secret, form.get("MFACode"), company.now) => {
                return refuse(401, "Invalid MFA code.");
            }
            Some(_) | None => {}
        },
        Some(_) | None => return refuse(401, "Invalid username or password."),
    }
    let username = form.get("userName").to_owned();
    Ok(Outcome::One(company.issue(username)))
}

pub(super) fn refresh(company: &mut Company, request: &BmsRequest) -> Answered {
    let form = Form::of(request);
    let token = company.tokens.get(form.get("AccessToken")).cloned();
    let refused = company.struck(BmsFault::RefuseRefresh, &request.shown_path()).is_some();
    match token {
        Some(token) if !refused && token.refresh == form.get("RefreshToken") => {
            company.tokens.remove(form.get("AccessToken"));
            Ok(Outcome::One(company.issue(token.username)))
        }
        Some(_) | None => refuse(401, "Invalid refresh token."),
    }
}

pub(super) fn user_info(company: &mut Company, request: &BmsRequest) -> Answered {
    let Some(Token { username, .. }) = bearer(request).and_then(|token| company.tokens.get(token)) else {
        return refuse(401, "Authorization has been denied for this request.");
    };
    let place = company.held.users.iter().position(|user| user.username.eq_ignore_ascii_case(username));
    let user = place.map(|place| &company.held.users[place]);
    let rights = user.map_or(&[][..], |User { rights, .. }| rights);
    Ok(Outcome::One(json!({
        "userId": place.map_or(1, |place| place + 1),
        "userName": username,
        "tenantId": 1,
        "businessName": company.held.company,
        "userAccessRights": rights,
        "isUserSystemAdmin": user.is_none_or(|user| user.administrator),
    })))
}

fn bearer(request: &BmsRequest) -> Option<&str> {
    let (scheme, token) = request.authorization.as_deref()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

impl Company {
    fn issue(&mut self, username: String) -> Value {
        let access = format!("eyJdemo.bms.{:032x}", self.rng.u128(..));
        let refresh = format!("r-{:032x}", self.rng.u128(..));
        let expires = self.now + SignedDuration::from_secs(self.held.token_lifetime_s.into());
        if self.tokens.len() >= TOKENS_KEPT {
            let now = self.now;
            self.tokens.retain(|_, token| token.expires > now);
        }
        let token = Token { username, refresh: refresh.clone(), expires };
        self.tokens.insert(access.clone(), token);
        json!({
            "accessToken": access,
            "refreshToken": refresh,
            "accessTokenExpireOn": self.date(expires),
            "refreshTokenExpireOn": self.date(self.now + REFRESH_LIFE),
        })
    }

    /// Whether a request comes with a token that is good.
    pub(super) fn is_signed_in(&mut self, request: &BmsRequest, path: &str) -> bool {
        let Some(token) = bearer(request).map(str::to_owned) else { return false };
        let now = self.now;
        if self.tokens.get(&token).is_none_or(|known| known.expires <= now) {
            return false;
        }
        if self.struck(BmsFault::ExpireToken, path).is_some() {
            self.tokens.remove(&token);
            return false;
        }
        true
    }
}

/// Whether this is the code of now, or of the half minute before.
fn is_code(secret: &str, code: &str, now: Timestamp) -> bool {
    let step = u64::try_from(now.as_second()).unwrap_or_default() / 30;
    [step, step.saturating_sub(1)].into_iter().any(|step| code_of(secret, step).as_deref() == Some(code))
}

/// RFC 4226 over the number of half minutes.
fn code_of(secret: &str, step: u64) -> Option<String> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bits = String::new();
    for letter in secret.to_uppercase().chars().filter(|letter| *letter != '=') {
        write!(bits, "{:05b}", ALPHABET.find(letter)?).ok()?;
    }
    let key: Option<Vec<u8>> =
        (0..bits.len() / 8).map(|at| u8::from_str_radix(&bits[at * 8..at * 8 + 8], 2).ok()).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key?);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref().last()? & 15);
    let mut word = [0; 4];
    word.copy_from_slice(tag.as_ref().get(at..at + 4)?);
    Some(format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000))
}
