//! What a person's browser brings back from the login service. It is a stranger's text until its state is known: bounded,
//! each parameter once, nothing else looked at.

use secrecy::SecretString;
use url::form_urlencoded;

/// Where browsers come back to, below the address of bmsync: as the help page of the BMS integration has it.
pub const CALLBACK_PATH: &str = "/OAuth/IntegrationCallback.aspx";

/// Longest query that is looked at.
const MAX_QUERY: usize = 16 * 1024;

/// What a browser brought back.
#[derive(Debug)]
pub struct Redirect {
    pub(super) state: SecretString,
    pub(super) brought: Brought,
}

/// With the state of an attempt.
#[derive(Debug)]
pub(super) enum Brought {
    /// Exchanged for tokens.
    Code(SecretString),
    /// An administrator consented, it is said; only a token will show it.
    Consent,
    /// Nothing came of it.
    Refusal { error: String, description: String },
}

impl Redirect {
    /// Reads the query of a redirect; nothing when it is none.
    #[must_use]
    pub fn parse(query: &str) -> Option<Self> {
        if query.len() > MAX_QUERY {
            return None;
        }
        let state = SecretString::from(once(query, "state")?);
        let consented = once(query, "admin_consent").is_some_and(|said| said.eq_ignore_ascii_case("true"));
        let brought = match (once(query, "error"), once(query, "code"), consented) {
            (Some(error), None, _) => {
                Brought::Refusal { error, description: once(query, "error_description").unwrap_or_default() }
            }
            (None, Some(code), false) => Brought::Code(SecretString::from(code)),
            (None, None, true) => Brought::Consent,
            (Some(_), Some(_), _) | (None, Some(_), true) | (None, None, false) => return None,
        };
        Some(Self { state, brought })
    }
}

/// The value of a parameter that is there once and not blank.
fn once(query: &str, name: &str) -> Option<String> {
    let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) if !value.is_empty() => Some(value.into_owned()),
        (None | Some(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_code_a_consent_and_a_refusal_are_told_apart() {
        let code = Redirect::parse("code=a%2Bb&state=s&session_state=x").unwrap();
        assert_eq!(code.state.expose_secret(), "s");
        assert!(matches!(code.brought, Brought::Code(code) if code.expose_secret() == "a+b"));
        let consent = Redirect::parse("admin_consent=True&tenant=t&state=s&scope=x").unwrap();
        assert!(matches!(consent.brought, Brought::Consent));
        let refused = Redirect::parse("error=access_denied&error_description=AADSTS65004%3A+no&state=s").unwrap();
        assert!(matches!(refused.brought, Brought::Refusal { error, description }
            if error == "access_denied" && description == "AADSTS65004: no"));
    }

    #[test]
    fn what_is_ambiguous_or_too_long_is_no_redirect() {
        for query in [
            "",
            "code=a",
            "state=s",
            "code=&state=s",
            "code=a&state=",
            "code=a&code=b&state=s",
            "code=a&state=s&state=t",
            "code=a&error=b&state=s",
            "code=a&admin_consent=True&state=s",
            "admin_consent=False&state=s",
            &format!("code={}&state=s", "x".repeat(MAX_QUERY)),
        ] {
            assert!(Redirect::parse(query).is_none(), "{}", &query[..query.len().min(60)]);
        }
    }
}
