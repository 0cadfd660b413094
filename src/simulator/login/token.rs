//! `POST /{tenant}/oauth2/v2.0/token`: which grant is asked for, and whether it is given. What a token looks like is in
//! `issue`.

use crate::simulator::faults::Fault;
use crate::simulator::reply::{Call, Reply};
use crate::simulator::state::State;
use crate::simulator::stats::Class;

use super::ask::Challenge;
use super::client::{Asking, Form, Proof};
use super::issue::{Issue, Renewal};
use super::memory::{Answer, Approval, Code, Life, Person, REFRESH_LIFE, Refresh, Usage};
use super::place::Place;
use super::refusal::Refusal;
use super::scope::{Scopes, check_default};

const CLASS: Class = Class::Token;

/// Answers a request for a token.
pub(in crate::simulator) fn token(state: &mut State, call: &Call) -> Reply {
    let granted = match state.strikes(Fault::SignIn, CLASS, call) {
        _ if call.method != "POST" => Err(Refusal::naming(900_144, "POST is wanted")),
        Some(strike) => Err(Refusal::of(strike.count() as u64)),
        None => state.granted(call),
    };
    match granted {
        Err(refusal) => state.refused(&refusal, CLASS, call),
        Ok(issue) => state.issued(&issue, call),
    }
}

impl State {
    fn granted(&mut self, call: &Call) -> Result<Issue, Refusal> {
        let place = self.place(call)?;
        let form = Form::read(call);
        match form.wanted("grant_type")? {
            "client_credentials" => self.by_credentials(place, &form, call),
            "authorization_code" => self.by_code(place, &form, call),
            "refresh_token" => self.by_refresh_token(place, &form, call),
            "urn:ietf:params:oauth:grant-type:device_code" => self.by_device_code(place, &form, call),
            other => Err(Refusal::naming(70_003, other)),
        }
    }

    fn by_credentials(&mut self, place: Place, form: &Form, call: &Call) -> Result<Issue, Refusal> {
        let Place::Tenant(tenant) = place else { return Err(Refusal::of(9_001_023)) };
        let (client_id, scope) = (form.wanted("client_id")?, form.wanted("scope")?);
        let proof = self.authenticate(tenant, form, Asking::AsItself, call)?;
        check_default(scope)?;
        Ok(Issue::Itself { tenant, client_id: client_id.to_owned(), proof })
    }

    fn by_code(&mut self, place: Place, form: &Form, call: &Call) -> Result<Issue, Refusal> {
        let text = form.wanted("code")?.to_owned();
        let now = self.login.now();
        let Some(code) = self.login.codes.get(&text) else { return Err(Refusal::naming(70_000, "code")) };
        let Code { approval, redirect_uri, challenge, expires, usage } = code;
        let (approval, challenge, is_over) = (approval.clone(), challenge.clone(), *expires <= now);
        let (usage, is_for) = (*usage, form.get("redirect_uri") == Some(redirect_uri.as_str()));
        let proof = self.of_person(place, &approval, form, call)?;
        if usage == Usage::Redeemed {
            return Err(Refusal::of(54_005));
        }
        if is_over {
            return Err(Refusal::naming(70_008, "code"));
        }
        form.wanted("redirect_uri")?;
        if !is_for {
            return Err(Refusal::naming(50_011, "not the one of the authorization request"));
        }
        check_verifier(challenge.as_ref(), form.get("code_verifier"))?;
        if let Some(code) = self.login.codes.get_mut(&text) {
            code.usage = Usage::Redeemed;
        }
        let permissions = self.allowed(&approval)?;
        Ok(Issue::Person { approval, permissions, proof, renewal: Renewal::New })
    }

    fn by_refresh_token(&mut self, place: Place, form: &Form, call: &Call) -> Result<Issue, Refusal> {
        let text = form.wanted("refresh_token")?.to_owned();
        let Some(refresh) = self.login.refresh.get(&text).cloned() else {
            return Err(Refusal::naming(70_000, "refresh_token"));
        };
        let proof = self.of_person(place, &refresh.approval, form, call)?;
        self.check_refresh(&text, &refresh, call)?;
        let mut approval = Approval { nonce: None, ..refresh.approval };
        if let Some(scope) = form.get("scope").filter(|scope| !scope.trim().is_empty()) {
            let kept = approval.scopes.openid;
            approval.scopes = Scopes { openid: kept, ..Scopes::parse(scope)? };
        }
        let permissions = self.allowed(&approval)?;
        if self.strikes(Fault::RetireRefreshToken, CLASS, call).is_some() {
            self.end_refresh(&text, 70_000);
        }
        let kept = self.strikes(Fault::KeepRefreshToken, CLASS, call).is_some();
        Ok(Issue::Person { approval, permissions, proof, renewal: if kept { Renewal::None } else { Renewal::New } })
    }

    /// Whether a refresh token still works; the switches end it for good.
    fn check_refresh(&mut self, text: &str, refresh: &Refresh, call: &Call) -> Result<(), Refusal> {
        for (fault, code) in [(Fault::ExpireRefreshToken, 700_082), (Fault::RevokeRefreshToken, 50_173)] {
            if self.strikes(fault, CLASS, call).is_some() {
                self.end_refresh(text, code);
                return Err(Refusal::of(code));
            }
        }
        let Refresh { approval, issued, life } = refresh;
        match life {
            Life::Ended(code) => Err(Refusal::of(*code)),
            Life::Good if self.login.is_revoked(approval.person, *issued) => Err(Refusal::of(50_173)),
            Life::Good if self.login.now().duration_since(*issued) >= REFRESH_LIFE => Err(Refusal::of(700_082)),
            Life::Good => Ok(()),
        }
    }

    fn end_refresh(&mut self, text: &str, code: u64) {
        if let Some(refresh) = self.login.refresh.get_mut(text) {
            refresh.life = Life::Ended(code);
        }
    }

    fn by_device_code(&mut self, place: Place, form: &Form, call: &Call) -> Result<Issue, Refusal> {
        let text = form.wanted("device_code")?.to_owned();
        let now = self.login.now();
        let Some(device) = self.login.devices.get(&text) else { return Err(Refusal::of(70_018)) };
        let (client_id, scopes, answer) = (device.client_id.clone(), device.scopes.clone(), device.answer);
        if !client_id.eq_ignore_ascii_case(form.wanted("client_id")?) {
            return Err(Refusal::naming(70_000, "device_code of another application"));
        }
        if device.expires <= now {
            return Err(Refusal::of(70_020));
        }
        let person = match answer {
            Answer::Accepted(person) => person,
            Answer::Declined => return Err(Refusal::of(65_004).under("authorization_declined")),
            Answer::Redeemed => return Err(Refusal::naming(54_005, "device_code")),
            Answer::Pending if self.strikes(Fault::SlowDown, CLASS, call).is_some() => {
                return Err(Refusal::of(70_016).under("slow_down"));
            }
            Answer::Pending => return Err(Refusal::of(70_016)),
        };
        let approval = Approval { person, client_id, scopes, nonce: None };
        let proof = self.of_person(place, &approval, form, call)?;
        let permissions = self.allowed(&approval)?;
        if let Some(device) = self.login.devices.get_mut(&text) {
            device.answer = Answer::Redeemed;
        }
        Ok(Issue::Person { approval, permissions, proof, renewal: Renewal::New })
    }

    /// Whether the application that the person approved asks, in the person's tenant.
    fn of_person(&mut self, place: Place, approval: &Approval, form: &Form, call: &Call) -> Result<Proof, Refusal> {
        let Approval { person: Person { tenant, user: _ }, client_id, scopes: _, nonce: _ } = approval;
        match place {
            Place::Tenant(asked) if asked != *tenant => return Err(Refusal::of(50_020)),
            Place::Tenant(_) | Place::Any => {}
        }
        if !client_id.eq_ignore_ascii_case(form.wanted("client_id")?) {
            return Err(Refusal::naming(70_000, "it was issued to another application"));
        }
        self.authenticate(*tenant, form, Asking::ForSomebody, call)
    }
}

fn check_verifier(challenge: Option<&Challenge>, verifier: Option<&str>) -> Result<(), Refusal> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier) => Ok(()),
        (Some(_), Some(_) | None) | (None, Some(_)) => Err(Refusal::of(501_481)),
    }
}
