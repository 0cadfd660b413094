//! Which application asks for a token, and how it proves that. Knows nothing of grants.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use subtle::ConstantTimeEq as _;

use crate::simulator::registration::{ClientKind, Registration};
use crate::simulator::reply::Call;
use crate::simulator::state::State;
use crate::simulator::world::{Application, Standing};

use super::refusal::Refusal;

/// The fields of a form, with the client's ID and secret from wherever they stood.
pub(super) struct Form {
    fields: BTreeMap<String, String>,
}

impl Form {
    pub(super) fn read(call: &Call) -> Self {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in call.form() {
            fields.entry(name).or_insert(value);
        }
        if let Some((id, secret)) = call.credentials("Basic").and_then(basic) {
            fields.insert("client_id".to_owned(), id);
            fields.insert("client_secret".to_owned(), secret);
        }
        Self { fields }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    pub(super) fn wanted(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| Refusal::naming(900_144, name))
    }
}

/// How an application proved itself: `appidacr` of its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Nothing,
    Secret,
    Assertion,
}

/// Who asks: whether a person signs in too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    AsItself,
    ForSomebody,
}

/// What a tenant knows of an application.
pub(super) enum Admission<'a> {
    /// The tenant takes any application.
    Anyone,
    LetIn(&'a Application),
    NotLetIn,
}

impl State {
    pub(super) fn standing(&self, tenant: usize, client_id: &str) -> Admission<'_> {
        match &self.world.tenants[tenant].applications {
            None => Admission::Anyone,
            Some(known) => known
                .iter()
                .find(|known| known.id.eq_ignore_ascii_case(client_id))
                .map_or(Admission::NotLetIn, Admission::LetIn),
        }
    }

    pub(in crate::simulator) fn registration(&self, client_id: &str) -> Option<&Registration> {
        self.world.applications.iter().find(|known| known.id.eq_ignore_ascii_case(client_id))
    }

    /// Whether the tenant knows the application, and it is what it says it is.
    pub(super) fn authenticate(
        &mut self,
        tenant: usize,
        form: &Form,
        asking: Asking,
        call: &Call,
    ) -> Result<Proof, Refusal> {
        let client_id = form.wanted("client_id")?;
        let key = match self.standing(tenant, client_id) {
            Admission::Anyone => None,
            Admission::NotLetIn => return Err(Refusal::naming(700_016, client_id)),
            Admission::LetIn(Application { standing: Standing::Disabled, .. }) => return Err(Refusal::of(7_000_112)),
            Admission::LetIn(application) => application.key.clone(),
        };
        let registration = self.registration(client_id).cloned();
        match (form.get("client_secret"), form.get("client_assertion")) {
            (Some(secret), None) => self.check_secret(secret, key.as_deref(), registration.as_ref()),
            (_, Some(assertion)) => {
                check_assertion_type(form)?;
                let unknown = || Refusal::naming(700_027, "no certificate is registered");
                self.check_assertion(assertion, &registration.ok_or_else(unknown)?, call).map(|()| Proof::Assertion)
            }
            (None, None) => without_credential(key.as_deref(), registration.as_ref(), asking),
        }
    }

    fn check_secret(
        &self,
        secret: &str,
        key: Option<&str>,
        registration: Option<&Registration>,
    ) -> Result<Proof, Refusal> {
        if is_open(key, registration) || key.is_some_and(|key| same(key, secret)) {
            return Ok(Proof::Secret);
        }
        let known = registration.into_iter().flat_map(|registration| &registration.secrets);
        let found: Vec<Option<Timestamp>> =
            known.filter(|known| same(&known.value, secret)).map(|known| known.expires).collect();
        let now = self.login.now();
        match found.iter().find(|expires| expires.is_none_or(|expires| expires > now)) {
            Some(_) => Ok(Proof::Secret),
            None if found.is_empty() => Err(Refusal::of(7_000_215)),
            None => Err(Refusal::of(7_000_222)),
        }
    }
}

fn same(known: &str, given: &str) -> bool {
    known.as_bytes().ct_eq(given.as_bytes()).into()
}

/// Whether nothing is registered that the application could prove itself with.
fn is_open(key: Option<&str>, registration: Option<&Registration>) -> bool {
    let registered = registration.is_some_and(|known| {
        !known.secrets.is_empty() || !known.certificates.is_empty() || !known.federated.is_empty()
    });
    key.is_none() && !registered
}

fn without_credential(
    key: Option<&str>,
    registration: Option<&Registration>,
    asking: Asking,
) -> Result<Proof, Refusal> {
    let public = registration.is_some_and(|registration| registration.client == ClientKind::Public);
    match asking {
        Asking::AsItself => Err(Refusal::of(7_000_216)),
        Asking::ForSomebody if public || is_open(key, registration) => Ok(Proof::Nothing),
        Asking::ForSomebody => Err(Refusal::of(7_000_218)),
    }
}

fn check_assertion_type(form: &Form) -> Result<(), Refusal> {
    match form.get("client_assertion_type") {
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") => Ok(()),
        Some(other) => Err(Refusal::naming(50_027, other)),
        None => Err(Refusal::naming(700_027, "client_assertion_type is missing")),
    }
}

/// Client ID and secret of a `Basic` header, each form-encoded before they were joined.
fn basic(credentials: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    let text = text.replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(text.as_bytes()).map(|(key, _)| key.into_owned()).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_decoded() {
        assert_eq!(basic("YXBwOnMlM0FlY3JldCtr"), Some(("app".to_owned(), "s:ecret k".to_owned())));
        assert_eq!(basic("not base64!"), None);
    }
}
