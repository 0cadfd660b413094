//! One attempt to sign in: what is sent with the browser, and what is kept back to recognize it and to be worth the code
//! that it brings. It knows nothing of where browsers come back to.

use std::time::Duration;

use oauth2::{AuthUrl, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;
use url::Url;

use super::super::login::Login;
use super::super::{random, scope};
use super::redirect::Redirect;
use crate::source::SourceError;

/// How long a person may take.
pub(super) const LIFE: Duration = Duration::from_mins(10);

/// Whether an administrator of the tenant consents on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// First of all, on a page of its own.
    First,
    /// It was given, or is given while signing in.
    Given,
}

/// An attempt under way. Used up by the first redirect that bears its state. Its `Debug` hides what it keeps back.
#[derive(Debug)]
pub struct Attempt {
    pub(super) stage: Stage,
    pub(super) redirect: Url,
    url: Url,
    state: SecretString,
    until: Instant,
}

/// What the browser was sent for.
#[derive(Debug)]
pub(super) enum Stage {
    /// An administrator's consent.
    Consent,
    /// A code.
    SignIn {
        /// Comes back in the statement of who signed in.
        nonce: SecretString,
        /// Without it the code is worth nothing.
        verifier: SecretString,
    },
}

impl Attempt {
    pub(super) fn begin(login: &Login, redirect: &Url, consent: Consent) -> Result<Self, SourceError> {
        let state = random::secret()?;
        let (stage, url) = match consent {
            Consent::First => (Stage::Consent, consent_url(login, redirect, &state)),
            Consent::Given => {
                let (nonce, verifier) = (random::secret()?, random::secret()?);
                let url = sign_in_url(login, redirect, &state, &nonce, &verifier);
                (Stage::SignIn { nonce, verifier }, url)
            }
        };
        Ok(Self { stage, redirect: redirect.clone(), url, state, until: Instant::now() + LIFE })
    }

    /// Where the browser goes. It holds nothing that opens anything, but belongs to whoever began.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Whether a redirect is of this attempt, and comes in time.
    #[must_use]
    pub fn takes(&self, redirect: &Redirect) -> bool {
        let (ours, theirs) = (self.state.expose_secret().as_bytes(), redirect.state.expose_secret().as_bytes());
        bool::from(ours.ct_eq(theirs)) && !self.is_over()
    }

    /// Whether its time is up.
    #[must_use]
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

/// See [the admin consent endpoint](https://learn.microsoft.com/entra/identity-platform/v2-admin-consent).
fn consent_url(login: &Login, redirect: &Url, state: &SecretString) -> Url {
    let mut url = login.address(&["v2.0", "adminconsent"]);
    url.query_pairs_mut()
        .append_pair("client_id", &login.application)
        .append_pair("scope", &scope::permissions(&login.graph_root))
        .append_pair("redirect_uri", redirect.as_str())
        .append_pair("state", state.expose_secret());
    url
}

fn sign_in_url(
    login: &Login,
    redirect: &Url,
    state: &SecretString,
    nonce: &SecretString,
    verifier: &SecretString,
) -> Url {
    let verifier = PkceCodeVerifier::new(verifier.expose_secret().to_owned());
    let state = CsrfToken::new(state.expose_secret().to_owned());
    let client = login
        .client()
        .set_auth_uri(AuthUrl::from_url(login.address(&["oauth2", "v2.0", "authorize"])))
        .set_redirect_uri(RedirectUrl::from_url(redirect.clone()));
    let asked = client
        .authorize_url(|| state)
        .add_scopes(scope::asked(&login.graph_root))
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
        .add_extra_param("nonce", nonce.expose_secret())
        .add_extra_param("response_mode", "query")
        .add_extra_param("prompt", "select_account");
    asked.url().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_takes_its_own_state_and_only_in_time() {
        let url = Url::parse("http://localhost/").unwrap();
        let attempt = |until| Attempt {
            stage: Stage::Consent,
            redirect: url.clone(),
            url: url.clone(),
            state: SecretString::from("s1"),
            until,
        };
        let redirect = |state: &str| Redirect::parse(&format!("code=c&state={state}")).unwrap();
        let now = Instant::now();
        let living = attempt(now + LIFE);
        assert!(living.takes(&redirect("s1")) && !living.takes(&redirect("s2")) && !living.takes(&redirect("s")));
        assert!(!attempt(now).takes(&redirect("s1")) && attempt(now).is_over());
        assert_eq!(LIFE.as_secs(), 600);
    }
}
