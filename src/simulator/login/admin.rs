//! `/{tenant}/v2.0/adminconsent` and the older `/{tenant}/adminconsent`: an admin lets an application into the tenant.

use crate::simulator::faults::Fault;
use crate::simulator::reply::{Call, Reply};
use crate::simulator::state::State;
use crate::simulator::stats::Class;

use super::ask::Back;
use super::authorize::{SignedIn, again};
use super::client::Form;
use super::memory::Person;
use super::page::{self, Consent, Offer};
use super::place::Place;
use super::refusal::Refusal;
use super::scope::Scopes;

const CLASS: Class = Class::AdminConsent;

/// Answers a request for an admin's consent, or what was entered on its pages.
pub(in crate::simulator) fn consent(state: &mut State, call: &Call) -> Reply {
    match state.admin_consent(call) {
        Ok(reply) => reply,
        Err(refusal) => state.refused_page(&refusal),
    }
}

/// `error` of a refused consent: the two versions have their own.
fn declined(call: &Call) -> &'static str {
    if is_v2(call) { "consent_required" } else { "permission_denied" }
}

fn is_v2(call: &Call) -> bool {
    call.segments.get(1).is_some_and(|segment| segment == "v2.0")
}

impl State {
    fn admin_consent(&mut self, call: &Call) -> Result<Reply, Refusal> {
        if call.segments.first().is_some_and(|first| first == "common") && is_v2(call) {
            return Err(Refusal::of(9_001_023));
        }
        let place = self.place(call)?;
        let client_id = call.option("client_id").ok_or_else(|| Refusal::naming(900_144, "client_id"))?;
        self.check_application(place, client_id)?;
        let back = match call.option("redirect_uri") {
            // The older address does without: the browser goes where the application is registered.
            None if !is_v2(call) => Back::registered(call, self.registration(client_id))?,
            None | Some(_) => Back::read(call, self.registration(client_id))?,
        };
        let scopes = match (self.strikes(Fault::SignIn, CLASS, call), call.option("scope")) {
            (Some(strike), _) => Err(Refusal::of(strike.count() as u64)),
            (None, Some(scope)) => Scopes::parse(scope).map(Some),
            (None, None) if is_v2(call) => Err(Refusal::naming(900_144, "scope")),
            (None, None) => Ok(None),
        };
        match scopes {
            Ok(scopes) => self.asking_admin(place, client_id, &back, scopes.as_ref(), call),
            Err(refusal) => Ok(self.take_back(&back, &refusal, call)),
        }
    }

    fn asking_admin(
        &mut self,
        place: Place,
        client_id: &str,
        back: &Back,
        scopes: Option<&Scopes>,
        call: &Call,
    ) -> Result<Reply, Refusal> {
        let form = Form::read(call);
        if matches!(form.get("decision"), Some("cancel" | "decline")) {
            return Ok(self.take_back(back, &Refusal::of(65_004).under(declined(call)), call));
        }
        let remembered = self.session(place, call);
        let (session, cookie) = match self.sign_in(place, client_id, &form, remembered, "", call) {
            SignedIn::NotYet(page) => return Ok(page),
            SignedIn::As(session, cookie) => (session, cookie),
        };
        self.can_be_let_in(session.person.tenant, client_id)?;
        let admin = self.is_admin(session.person);
        let reply = if admin && form.get("decision") == Some("accept") {
            self.let_in_by_admin(session.person, client_id, back, scopes, call)
        } else {
            self.admin_page(session.person, client_id, scopes, call)
        };
        Ok(cookie.into_iter().fold(reply, |reply, cookie| reply.with("set-cookie", cookie)))
    }

    fn let_in_by_admin(
        &mut self,
        person: Person,
        client_id: &str,
        back: &Back,
        scopes: Option<&Scopes>,
        call: &Call,
    ) -> Reply {
        self.grant_all(person.tenant, client_id, scopes);
        let tenant = self.world.tenants[person.tenant].id.clone();
        let mut parameters = vec![("admin_consent", "True".to_owned()), ("tenant", tenant)];
        parameters.extend(call.option("scope").map(|scope| ("scope", scope.to_owned())));
        self.send_back(back, parameters, &[], CLASS, call)
    }

    fn admin_page(&self, person: Person, client_id: &str, scopes: Option<&Scopes>, call: &Call) -> Reply {
        let (delegated, roles) = self.wanted_of_admin(client_id, scopes);
        let as_itself = roles.into_iter().map(|role| format!("{role} (as the application itself)"));
        let permissions: Vec<String> = delegated.into_iter().chain(as_itself).collect();
        let name = self.name_of(person);
        let tenant = &self.world.tenants[person.tenant].name;
        page::consent(&Consent {
            action: &again(call),
            application: &self.application_name(client_id),
            name: &name,
            question: &format!("Do you allow this for everybody in {tenant}?"),
            permissions: &permissions,
            offer: if self.is_admin(person) { Offer::Accept } else { Offer::GoBack },
            kept: &[("username", &name)],
        })
    }
}
