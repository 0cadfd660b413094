//! Device codes: the request for one, and the pages where a person enters it and answers. Redeeming is in `token`.

use jiff::Timestamp;
use serde_json::json;

use crate::simulator::faults::Fault;
use crate::simulator::reply::{Call, Reply};
use crate::simulator::state::State;
use crate::simulator::stats::Class;

use super::authorize::SignedIn;
use super::client::Form;
use super::consent::{Consented, Reach};
use super::memory::{Answer, DEVICE_LIFE, Device, Person};
use super::page;
use super::place::Place;
use super::refusal::Refusal;
use super::scope::Scopes;

const CLASS: Class = Class::DeviceCode;
/// Letters and digits that are not taken for one another.
const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ23456789";

/// `POST /{tenant}/oauth2/v2.0/devicecode`.
pub(in crate::simulator) fn code(state: &mut State, call: &Call) -> Reply {
    let given = match state.strikes(Fault::SignIn, CLASS, call) {
        _ if call.method != "POST" => Err(Refusal::naming(900_144, "POST is wanted")),
        Some(strike) => Err(Refusal::of(strike.count() as u64)),
        None => state.new_device(call),
    };
    given.unwrap_or_else(|refusal| state.refused(&refusal, CLASS, call))
}

/// `/devicelogin`: the page for user codes.
pub(in crate::simulator) fn login(state: &mut State, call: &Call) -> Reply {
    match state.device_login(call) {
        Ok(reply) => reply,
        Err(refusal) => state.refused_page(&refusal),
    }
}

impl State {
    fn new_device(&mut self, call: &Call) -> Result<Reply, Refusal> {
        let place = self.place(call)?;
        let form = Form::read(call);
        let client_id = form.wanted("client_id")?.to_owned();
        self.check_application(place, &client_id)?;
        let scopes = Scopes::parse(form.wanted("scope")?)?;
        let user_code: String =
            (0..9).filter_map(|_| self.secrets.choice(LETTERS).map(|letter| char::from(*letter))).collect();
        let device_code = self.secret_text();
        let address = format!("{}/devicelogin", call.origin);
        let reply = json!({
            "user_code": user_code, "device_code": device_code, "verification_uri": address,
            "expires_in": DEVICE_LIFE.as_secs(), "interval": self.device_interval.as_secs(),
            "message": format!("To sign in, open {address} in a browser and enter the code {user_code}."),
        });
        let tenant = match place {
            Place::Tenant(tenant) => Some(tenant),
            Place::Any => None,
        };
        let expires = self.login.now().saturating_add(DEVICE_LIFE).unwrap_or(Timestamp::MAX);
        let answer = Answer::Pending;
        self.login.remember_device(device_code, Device { user_code, client_id, scopes, tenant, expires, answer });
        Ok(Reply::json(200, &reply))
    }

    fn device_login(&mut self, call: &Call) -> Result<Reply, Refusal> {
        let form = Form::read(call);
        let Some(code) = form.get("code").filter(|_| call.method == "POST") else {
            return Ok(page::device("", None));
        };
        let Some((client_id, place, scopes)) = self.waiting(code) else {
            return Ok(page::device("", Some("That code is not known, or it has expired.")));
        };
        if matches!(form.get("decision"), Some("cancel" | "decline")) {
            self.settle(code, Answer::Declined);
            return Ok(page::done("You have declined. You can close this window."));
        }
        let remembered = self.session(place, call);
        let (session, cookie) = match self.sign_in(place, &client_id, &form, remembered, "", call) {
            SignedIn::NotYet(page) => return Ok(page),
            SignedIn::As(session, cookie) => (session, cookie),
        };
        self.can_be_let_in(session.person.tenant, &client_id)?;
        let reach = if form.get("organization").is_some() { Reach::Everybody } else { Reach::OnePerson };
        let accepted = form.get("decision") == Some("accept");
        let reply = if accepted && self.accept(session.person, &client_id, &scopes, reach) {
            self.settle(code, Answer::Accepted(session.person));
            page::done("You have signed in. You can close this window.")
        } else {
            let asked = self.asked(&client_id, &scopes);
            self.consent_page(&client_id, session.person, &asked, &[("code", code)], call)
        };
        Ok(cookie.into_iter().fold(reply, |reply, cookie| reply.with("set-cookie", cookie)))
    }

    /// Whether everything is consented to now that this person accepts.
    fn accept(&mut self, person: Person, client_id: &str, scopes: &Scopes, reach: Reach) -> bool {
        match self.consented(person, client_id, scopes) {
            Consented::Yes(_) => true,
            Consented::Missing(missing) if self.may_consent(person, &missing, reach) => {
                self.consent(person, client_id, &missing, reach);
                true
            }
            Consented::Missing(_) => false,
        }
    }

    /// The application that waits under a user code, where its people are, and what it asks for.
    fn waiting(&mut self, user_code: &str) -> Option<(String, Place, Scopes)> {
        let now = self.login.now();
        let device = self.login.device_of(user_code)?;
        let waits = device.answer == Answer::Pending && device.expires > now;
        let place = device.tenant.map_or(Place::Any, Place::Tenant);
        waits.then(|| (device.client_id.clone(), place, device.scopes.clone()))
    }

    fn settle(&mut self, user_code: &str, answer: Answer) {
        if let Some(device) = self.login.device_of(user_code) {
            device.answer = answer;
        }
    }

    /// Answers a user code without its pages: false when it waits for nobody, or that person may not consent.
    pub(in crate::simulator) fn answer_device(&mut self, user_code: &str, accepting: Option<&str>) -> bool {
        let Some((client_id, place, scopes)) = self.waiting(user_code) else { return false };
        let answer = match accepting.map(|name| self.person(place, name)) {
            None => Answer::Declined,
            Some(Ok(person)) if self.accept(person, &client_id, &scopes, Reach::OnePerson) => Answer::Accepted(person),
            Some(Ok(_) | Err(_)) => return false,
        };
        self.settle(user_code, answer);
        true
    }
}
