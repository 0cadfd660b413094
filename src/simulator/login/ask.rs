//! What an authorization request asks for, and the way back to who asked. Knows nothing of who signs in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use url::Url;

use crate::simulator::registration::Registration;
use crate::simulator::reply::Call;

use super::refusal::Refusal;
use super::scope::Scopes;

/// An authorization request that can be granted.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) client_id: String,
    pub(super) back: Back,
    pub(super) scopes: Scopes,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Option<Challenge>,
    pub(super) prompt: Prompt,
    pub(super) login_hint: Option<String>,
}

/// Where the browser goes with the answer.
#[derive(Clone, Debug)]
pub(super) struct Back {
    pub(super) redirect_uri: String,
    pub(super) mode: Mode,
    pub(super) state: Option<String>,
}

/// How the answer travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Query,
    Fragment,
    FormPost,
}

/// What the person is to be bothered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prompt {
    /// With as little as possible.
    Usual,
    Login,
    Nothing,
    Consent,
    SelectAccount,
}

/// A PKCE challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    Plain(String),
    S256(String),
}

impl Challenge {
    fn parse(text: Option<&str>, method: Option<&str>) -> Result<Option<Self>, Refusal> {
        let Some(text) = text else { return Ok(None) };
        let unreserved = |letter: u8| letter.is_ascii_alphanumeric() || b"-._~".contains(&letter);
        if !(43..=128).contains(&text.len()) || !text.bytes().all(unreserved) {
            return Err(Refusal::of(501_491));
        }
        match method {
            None | Some("plain") => Ok(Some(Self::Plain(text.to_owned()))),
            Some("S256") => Ok(Some(Self::S256(text.to_owned()))),
            Some(other) => Err(Refusal::naming(50_147, other)),
        }
    }

    /// Whether this verifier is the one that the challenge was made of.
    pub(super) fn is_met_by(&self, verifier: &str) -> bool {
        match self {
            Self::Plain(text) => text == verifier,
            Self::S256(text) => *text == URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())),
        }
    }
}

impl Ask {
    /// Reads what is asked for, once it is known where an answer may go.
    pub(super) fn read(call: &Call, client_id: &str, back: &Back) -> Result<Self, Refusal> {
        match call.option("response_type") {
            Some("code") => {}
            Some(other) => return Err(Refusal::naming(70_005, other)),
            None => return Err(Refusal::naming(900_144, "response_type")),
        }
        check_mode(call.option("response_mode"))?;
        let scope = call.option("scope").ok_or_else(|| Refusal::naming(900_144, "scope"))?;
        Ok(Self {
            client_id: client_id.to_owned(),
            back: back.clone(),
            scopes: Scopes::parse(scope)?,
            nonce: call.option("nonce").map(str::to_owned),
            challenge: Challenge::parse(call.option("code_challenge"), call.option("code_challenge_method"))?,
            prompt: prompt(call.option("prompt"))?,
            login_hint: call.option("login_hint").filter(|hint| !hint.is_empty()).map(str::to_owned),
        })
    }
}

fn check_mode(written: Option<&str>) -> Result<(), Refusal> {
    match written {
        None | Some("query" | "fragment" | "form_post") => Ok(()),
        Some(other) => Err(Refusal::naming(70_005, other).under("invalid_request")),
    }
}

fn prompt(written: Option<&str>) -> Result<Prompt, Refusal> {
    match written {
        None | Some("") => Ok(Prompt::Usual),
        Some("login") => Ok(Prompt::Login),
        Some("none") => Ok(Prompt::Nothing),
        Some("consent") => Ok(Prompt::Consent),
        Some("select_account") => Ok(Prompt::SelectAccount),
        Some(other) => Err(Refusal::naming(90_023, other)),
    }
}

impl Back {
    /// The way back, if the application may be answered there.
    pub(super) fn read(call: &Call, registration: Option<&Registration>) -> Result<Self, Refusal> {
        let redirect_uri = call.option("redirect_uri").ok_or_else(|| Refusal::naming(900_144, "redirect_uri"))?;
        let registered = registration.and_then(|registration| registration.redirect_uris.as_deref());
        let url = Url::parse(redirect_uri).ok().filter(|url| is_answerable(url, redirect_uri));
        let known = url.is_some_and(|url| match registered {
            None => true,
            Some(registered) => registered.iter().any(|known| known == redirect_uri || differs_in_port(known, &url)),
        });
        if !known {
            return Err(Refusal::naming(50_011, redirect_uri));
        }
        let mode = match call.option("response_mode") {
            Some("fragment") => Mode::Fragment,
            Some("form_post") => Mode::FormPost,
            Some(_) | None => Mode::Query,
        };
        Ok(Self { redirect_uri: redirect_uri.to_owned(), mode, state: call.option("state").map(str::to_owned) })
    }

    /// The way back that was registered first.
    pub(super) fn registered(call: &Call, registration: Option<&Registration>) -> Result<Self, Refusal> {
        let known = registration.and_then(|registration| registration.redirect_uris.as_ref()?.first());
        let redirect_uri = known.ok_or_else(|| Refusal::naming(900_144, "redirect_uri"))?.clone();
        Ok(Self { redirect_uri, mode: Mode::Query, state: call.option("state").map(str::to_owned) })
    }

    /// The address with these parameters; for a form, the bare one.
    pub(super) fn address(&self, parameters: &[(&str, String)]) -> String {
        let Ok(mut url) = Url::parse(&self.redirect_uri) else { return self.redirect_uri.clone() };
        match self.mode {
            Mode::Query => {
                url.query_pairs_mut().extend_pairs(parameters);
            }
            Mode::Fragment => {
                let mut text = url::form_urlencoded::Serializer::new(String::new());
                url.set_fragment(Some(&text.extend_pairs(parameters).finish()));
            }
            Mode::FormPost => {}
        }
        url.to_string()
    }
}

/// Loopback, or `https`; never with a fragment or credentials.
fn is_answerable(url: &Url, written: &str) -> bool {
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
    safe && !written.contains('#') && url.username().is_empty() && url.password().is_none()
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(crate::simulator::is_loopback_host)
}

/// Whether a registered address on loopback is the same but for its port, which native applications choose as they run.
fn differs_in_port(known: &str, url: &Url) -> bool {
    let Ok(known) = Url::parse(known) else { return false };
    known.scheme() == "http"
        && is_loopback(&known)
        && (known.scheme(), known.host_str(), known.path(), known.query())
            == (url.scheme(), url.host_str(), url.path(), url.query())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_met_by_its_verifier_alone() {
        // The example of RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge =
            Challenge::parse(Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), Some("S256")).unwrap().unwrap();
        assert!(challenge.is_met_by(verifier));
        assert!(!challenge.is_met_by(&verifier.to_uppercase()));
        let plain = Challenge::parse(Some(verifier), None).unwrap().unwrap();
        assert!(plain.is_met_by(verifier));
        let code = |text, method| Challenge::parse(Some(text), method).err().map(|refusal| refusal.code);
        assert_eq!(code("short", Some("S256")), Some(501_491));
        assert_eq!(code(verifier, Some("S512")), Some(50_147));
    }

    #[test]
    fn a_port_of_loopback_may_differ_and_nothing_else() {
        let same = |known: &str, asked: &str| differs_in_port(known, &Url::parse(asked).unwrap());
        assert!(same("http://localhost/done", "http://localhost:4711/done"));
        assert!(!same("http://localhost/done", "http://localhost:4711/elsewhere"));
        assert!(!same("http://localhost/done", "http://127.0.0.1/done"));
        assert!(!same("https://sync.example/done", "https://sync.example:444/done"));
    }
}
