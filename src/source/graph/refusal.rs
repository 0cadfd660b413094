//! A refusal of the login service, turned into words that a person can act on. The service's own text is shown only
//! where the number is not known, and then without control characters, short, and without the secret.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::aadsts::{self, Mend, Refusal};
use super::error::{Setback, Trouble, person, plain};
use super::names::Names;
use crate::source::{Job, SourceError, SourceErrorClass};

/// How much of the service's own text is shown.
const MAX_SHOWN: usize = 200;

/// What the login service says when it refuses.
#[derive(Debug, Deserialize)]
pub(super) struct Refused {
    error: String,
    #[serde(default, rename = "error_description")]
    description: Value,
    #[serde(default, rename = "error_codes")]
    codes: Value,
}

impl Refused {
    /// As it stands in a redirect.
    pub fn told(error: &str, description: &str) -> Self {
        Self { error: error.to_owned(), description: description.into(), codes: Value::Null }
    }

    /// The word of OAuth.
    pub fn word(&self) -> &str {
        &self.error
    }

    /// Reads it; `None` when it is something else.
    pub fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// What it means; `names` are put into the table's texts.
    pub fn trouble(&self, names: &Names, secrets: &[&SecretString]) -> Trouble {
        match aadsts::find(&self.numbers()) {
            Some((number, refusal)) => known(number, refusal, names),
            None => self.unknown(names, secrets),
        }
    }

    /// Whether it is of that number.
    pub fn is(&self, number: u32) -> bool {
        self.numbers().contains(&number)
    }

    /// The AADSTS numbers: as data, or else in front of the text.
    fn numbers(&self) -> Vec<u32> {
        let listed = self.codes.as_array().map_or(&[][..], Vec::as_slice);
        let listed = listed.iter().filter_map(|code| u32::try_from(code.as_u64()?).ok());
        let told = self.description().split("AADSTS").skip(1).filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse().ok()
        });
        listed.chain(told).take(16).collect()
    }

    fn description(&self) -> &str {
        self.description.as_str().unwrap_or_default()
    }

    fn unknown(&self, names: &Names, secrets: &[&SecretString]) -> Trouble {
        let said = format!("{}: {}", self.error, self.description());
        let said = plain(&without(&said, secrets), MAX_SHOWN);
        if matches!(self.error.as_str(), "temporarily_unavailable" | "server_error") {
            return Trouble::Again(Setback::transient(format!("the login service says {said}")));
        }
        let what = format!("the login service refuses: {said}");
        if self.is_of_a_person() {
            let next = names.fill("sign in again: `bmsync connect {tenant}`");
            return Trouble::Over(SourceError { job: Job::User, ..person(what, next) });
        }
        Trouble::Over(person(what, "look the AADSTS number up at https://login.microsoftonline.com/error"))
    }
}

impl Refused {
    /// Whether it is a person's sign-in that is not taken.
    fn is_of_a_person(&self) -> bool {
        matches!(self.word(), "invalid_grant" | "interaction_required" | "login_required" | "consent_required")
    }
}

fn known(number: u32, refusal: &Refusal, names: &Names) -> Trouble {
    let what = format!("{} (AADSTS{number})", names.fill(refusal.what));
    let hint = names.fill(refusal.next);
    let over = |class, job| SourceError { class, job, code: Some(number), ..person(&what, &hint) };
    Trouble::Over(match refusal.mend {
        Mend::Again => return Trouble::Again(Setback::transient(what).hint(hint)),
        // Nobody must act, but who asks again soon makes it last: the waits are those of what only a person ends.
        Mend::Later => over(SourceErrorClass::Person, Job::Wait),
        Mend::Operator => over(SourceErrorClass::Person, Job::Operator),
        Mend::TenantAdmin => over(SourceErrorClass::Person, Job::TenantAdmin),
        Mend::User => over(SourceErrorClass::Person, Job::User),
    })
}

/// The text with the secrets blotted out, as they are and as they were sent.
fn without(text: &str, secrets: &[&SecretString]) -> String {
    let blot = |text: String, secret: &&SecretString| {
        let secret = secret.expose_secret();
        if secret.is_empty() {
            return text;
        }
        let sent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        text.replace(secret, "…").replace(&sent, "…")
    };
    secrets.iter().fold(text.to_owned(), blot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(body: &str) -> Trouble {
        let names = Names::new([("{domain}", "contoso.example"), ("{application}", "app-1"), ("{key}", "the file k")]);
        Refused::read(body.as_bytes()).unwrap().trouble(&names, &[&SecretString::from("s3+cret")])
    }

    fn over(body: &str) -> SourceError {
        match trouble(body) {
            Trouble::Over(error) => error,
            Trouble::Again(setback) => panic!("{setback:?}"),
        }
    }

    #[test]
    fn the_number_is_found_as_data_or_in_the_text() {
        let data = over(r#"{"error":"invalid_client","error_codes":[7000222],"error_description":"no number"}"#);
        assert_eq!(data.message, "the application key has expired (AADSTS7000222)");
        assert_eq!((data.code, data.job), (Some(7_000_222), Job::Operator));
        assert!(data.hint.unwrap().contains("into the file k"));
        let text = over(r#"{"error":"x","error_description":"AADSTS700016: Application 'x' …","error_codes":"odd"}"#);
        assert_eq!(text.message, "tenant contoso.example does not know application app-1 (AADSTS700016)");
    }

    #[test]
    fn an_unknown_refusal_is_quoted_clean_short_and_without_the_secret() {
        let long = "y".repeat(500);
        let body = format!(
            r#"{{"error":"odd","error_description":"AADSTS4711: key s3+cret or s3%2Bcret\r\n\u001b[1m {long}"}}"#
        );
        let error = over(&body);
        assert_eq!(error.class, SourceErrorClass::Person);
        assert!(error.message.contains("AADSTS4711: key … or … [1m yyy"), "{error}");
        assert!(error.message.chars().count() < 240 && !error.message.contains("cret"), "{error}");
    }

    #[test]
    fn what_passes_by_itself_is_tried_again_but_a_loop_is_not() {
        assert!(matches!(trouble(r#"{"error":"x","error_codes":[90033]}"#), Trouble::Again(_)));
        assert!(matches!(trouble(r#"{"error":"temporarily_unavailable"}"#), Trouble::Again(_)));
        let looping = over(r#"{"error":"x","error_codes":[50196]}"#);
        assert_eq!((looping.class, looping.job), (SourceErrorClass::Person, Job::Wait), "and not soon either");
    }
}
