//! `/{tenant}/oauth2/v2.0/authorize`: a person signs in, consents, and the browser goes back with a code.
//! Knows nothing of what the code is worth.

use crate::simulator::faults::Fault;
use crate::simulator::registration::Audience;
use crate::simulator::reply::{Call, Reply};
use crate::simulator::state::State;
use crate::simulator::stats::Class;

use super::ask::{Ask, Back, Mode, Prompt};
use super::client::Form;
use super::consent::{Consented, Reach};
use super::memory::{Approval, CODE_LIFE, Code, Person, Session, Usage};
use super::page::{self, Consent, Offer, SignIn};
use super::place::Place;
use super::refusal::Refusal;

const CLASS: Class = Class::Authorize;

/// Answers an authorization request, or what was entered on its pages.
pub(in crate::simulator) fn authorize(state: &mut State, call: &Call) -> Reply {
    match state.authorizing(call) {
        Ok(reply) => reply,
        Err(refusal) => state.refused_page(&refusal),
    }
}

/// Who signs in: somebody, or nobody yet, and then this is what to show.
pub(super) enum SignedIn {
    As(Session, Option<String>),
    NotYet(Reply),
}

impl State {
    /// What is wrong with the application or its redirect URI is told to the person: there is no safe way back.
    fn authorizing(&mut self, call: &Call) -> Result<Reply, Refusal> {
        let place = self.place(call)?;
        let client_id = call.option("client_id").ok_or_else(|| Refusal::naming(900_144, "client_id"))?;
        self.check_application(place, client_id)?;
        let back = Back::read(call, self.registration(client_id))?;
        let asked = match self.strikes(Fault::SignIn, CLASS, call) {
            Some(strike) => Err(Refusal::of(strike.count() as u64)),
            None => Ask::read(call, client_id, &back),
        };
        match asked {
            Ok(ask) => self.asking(place, &ask, call),
            Err(refusal) => Ok(self.take_back(&back, &refusal, call)),
        }
    }

    /// Whether an application may ask here at all.
    pub(super) fn check_application(&self, place: Place, client_id: &str) -> Result<(), Refusal> {
        let audience = self.registration(client_id).map(|known| known.audience);
        match place {
            Place::Tenant(tenant) => self.can_be_let_in(tenant, client_id),
            Place::Any if audience == Some(Audience::OneTenant) => Err(Refusal::of(50_194)),
            Place::Any => Ok(()),
        }
    }

    fn asking(&mut self, place: Place, ask: &Ask, call: &Call) -> Result<Reply, Refusal> {
        let form = Form::read(call);
        if form.get("decision") == Some("cancel") {
            return Ok(self.take_back(&ask.back, &Refusal::of(65_004).under("access_denied"), call));
        }
        let remembered = match ask.prompt {
            Prompt::Usual | Prompt::Nothing | Prompt::Consent => self.session(place, call),
            Prompt::Login | Prompt::SelectAccount => None,
        };
        let hinted = |session: &Session| {
            ask.login_hint.as_ref().is_none_or(|hint| hint.eq_ignore_ascii_case(&self.name_of(session.person)))
        };
        let remembered = remembered.filter(hinted);
        if ask.prompt == Prompt::Nothing && remembered.is_none() {
            return Ok(self.take_back(&ask.back, &Refusal::of(50_058), call));
        }
        let name = ask.login_hint.as_deref().unwrap_or_default();
        match self.sign_in(place, &ask.client_id, &form, remembered, name, call) {
            SignedIn::NotYet(page) => Ok(page),
            SignedIn::As(session, cookie) => {
                let reply = self.agreeing(ask, &session, &form, call)?;
                Ok(cookie.into_iter().fold(reply, |reply, cookie| reply.with("set-cookie", cookie)))
            }
        }
    }

    /// Signs in whoever was entered, or is remembered, or shows the page for it.
    pub(super) fn sign_in(
        &mut self,
        place: Place,
        client_id: &str,
        form: &Form,
        remembered: Option<Session>,
        name: &str,
        call: &Call,
    ) -> SignedIn {
        let entered = form.get("username").map(str::to_owned);
        let error = match (entered.as_deref().map(|entered| self.person(place, entered)), remembered) {
            (Some(Ok(person)), remembered) => {
                let remembered = remembered.filter(|session| session.person == person);
                let fresh = remembered.map(|session| (session, None));
                let (session, cookie) = fresh.unwrap_or_else(|| {
                    let (session, cookie) = self.signed_in(person);
                    (session, Some(cookie))
                });
                return SignedIn::As(session, cookie);
            }
            (Some(Err(refusal)), _) => Some(self.told(&refusal, "\n").description),
            (None, Some(session)) => return SignedIn::As(session, None),
            (None, None) => None,
        };
        let (application, people) = (self.application_name(client_id), self.offered(place));
        let code = form.get("code").map(|code| ("code", code));
        let kept: Vec<_> = code.into_iter().collect();
        SignedIn::NotYet(page::sign_in(&SignIn {
            action: &again(call),
            application: &application,
            people: &people,
            name: entered.as_deref().unwrap_or(name),
            error: error.as_deref(),
            kept: &kept,
        }))
    }

    /// Asks for consent where it is missing, and gives a code where it is not.
    fn agreeing(&mut self, ask: &Ask, session: &Session, form: &Form, call: &Call) -> Result<Reply, Refusal> {
        let person = session.person;
        self.can_be_let_in(person.tenant, &ask.client_id)?;
        let decision = form.get("decision");
        if decision == Some("decline") {
            return Ok(self.take_back(&ask.back, &Refusal::of(65_004), call));
        }
        let wanted = match self.consented(person, &ask.client_id, &ask.scopes) {
            Consented::Yes(_) if ask.prompt != Prompt::Consent || decision == Some("accept") => {
                return Ok(self.give_code(ask, session, call));
            }
            Consented::Yes(_) => self.asked(&ask.client_id, &ask.scopes),
            Consented::Missing(_) if ask.prompt == Prompt::Nothing => {
                return Ok(self.take_back(&ask.back, &Refusal::of(65_001).under("consent_required"), call));
            }
            Consented::Missing(missing) => missing,
        };
        let reach = if form.get("organization").is_some() { Reach::Everybody } else { Reach::OnePerson };
        if decision == Some("accept") && self.may_consent(person, &wanted, reach) {
            self.consent(person, &ask.client_id, &wanted, reach);
            return Ok(self.give_code(ask, session, call));
        }
        Ok(self.consent_page(&ask.client_id, person, &wanted, &[], call))
    }

    /// Asks one person for their consent.
    pub(super) fn consent_page(
        &self,
        client_id: &str,
        person: Person,
        wanted: &[String],
        kept: &[(&str, &str)],
        call: &Call,
    ) -> Reply {
        let name = self.name_of(person);
        let mut kept = kept.to_vec();
        kept.push(("username", &name));
        let offer = match (self.may_consent(person, wanted, Reach::OnePerson), self.is_admin(person)) {
            (_, true) => Offer::AcceptForAll,
            (true, false) => Offer::Accept,
            (false, false) => Offer::GoBack,
        };
        page::consent(&Consent {
            action: &again(call),
            application: &self.application_name(client_id),
            name: &name,
            question: "Do you allow this?",
            permissions: wanted,
            offer,
            kept: &kept,
        })
    }

    fn give_code(&mut self, ask: &Ask, session: &Session, call: &Call) -> Reply {
        let text = format!("1.{}", self.secret_text());
        let Ask { client_id, back, scopes, nonce, challenge, prompt: _, login_hint: _ } = ask.clone();
        let approval = Approval { person: session.person, client_id, scopes, nonce };
        let expires = self.login.now().saturating_add(CODE_LIFE).unwrap_or(jiff::Timestamp::MAX);
        let redirect_uri = back.redirect_uri.clone();
        self.login
            .remember_code(text.clone(), Code { approval, redirect_uri, challenge, expires, usage: Usage::Fresh });
        self.send_back(&back, vec![("code", text)], &[("session_state", session.id.clone())], CLASS, call)
    }

    /// Takes a refusal back to the application.
    pub(super) fn take_back(&mut self, back: &Back, refusal: &Refusal, call: &Call) -> Reply {
        let description = self.told(refusal, "\r\n").description;
        let error = vec![("error", refusal.error.to_owned()), ("error_description", description)];
        self.send_back(back, error, &[], CLASS, call)
    }

    /// Sends the browser back with an answer, and the state that it came with.
    pub(super) fn send_back(
        &mut self,
        back: &Back,
        mut parameters: Vec<(&'static str, String)>,
        last: &[(&'static str, String)],
        class: Class,
        call: &Call,
    ) -> Reply {
        let wrong = self.strikes(Fault::WrongState, class, call).is_some();
        if let Some(state) = &back.state {
            parameters.push(("state", if wrong { self.secret_text() } else { state.clone() }));
        }
        parameters.extend_from_slice(last);
        match back.mode {
            Mode::Query | Mode::Fragment => Reply::empty(302).with("location", back.address(&parameters)),
            Mode::FormPost => page::form_post(&back.address(&[]), &parameters),
        }
    }

    /// A refusal for a person to read.
    pub(super) fn refused_page(&mut self, refusal: &Refusal) -> Reply {
        let description = self.told(refusal, "\n").description;
        page::refused(refusal.status, refusal.code, &description)
    }

    pub(super) fn application_name(&self, client_id: &str) -> String {
        self.registration(client_id).map_or_else(|| client_id.to_owned(), |known| known.name.clone())
    }
}

/// The same request again, for the forms on its pages.
pub(super) fn again(call: &Call) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&call.query).finish();
    format!("?{query}")
}
