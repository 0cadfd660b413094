//! What an operator can do to sign-ins from outside: revoke, withdraw, grant, and let time pass.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::simulator::applications::permitted;
use crate::simulator::control::{ControlError, not_found};
use crate::simulator::file;
use crate::simulator::state::State;

use super::memory::Answer;

impl State {
    /// Ends the sessions and refresh tokens that somebody has.
    pub(in crate::simulator) fn revoke(&mut self, tenant: &str, user: &str) -> Result<(), ControlError> {
        let Some(number) = self.world.find(tenant) else { return not_found("tenant", tenant) };
        let Some(person) = self.person_in(number, user) else { return not_found("user", user) };
        let now = self.login.now();
        self.login.revoked.insert(person, now);
        Ok(())
    }

    /// Lets an application into a tenant, with what it is granted there; in place of what it was granted before.
    pub(in crate::simulator) fn admit(&mut self, tenant: &str, id: &str, granted: Value) -> Result<(), ControlError> {
        let map = file::object(id, granted)?;
        let tenant = self.tenant_mut(tenant)?;
        let application = permitted(id, id.to_owned(), map)?;
        let known = tenant.applications.get_or_insert_default();
        known.retain(|known| !known.id.eq_ignore_ascii_case(id));
        known.push(application);
        Ok(())
    }

    /// Takes an application and all consent to it out of a tenant.
    pub(in crate::simulator) fn expel(&mut self, tenant: &str, id: &str) -> Result<(), ControlError> {
        let tenant = self.tenant_mut(tenant)?;
        tenant.consents.retain(|consent| !consent.application.eq_ignore_ascii_case(id));
        let known = tenant.applications.get_or_insert_default();
        known.retain(|known| !known.id.eq_ignore_ascii_case(id));
        Ok(())
    }

    /// Lets time pass for codes, tokens, secrets and certificates.
    pub(in crate::simulator) fn forward(&mut self, seconds: i64) {
        self.login.forward(SignedDuration::from_secs(seconds));
    }

    /// How many codes, refresh tokens and sessions there are, and which devices wait.
    pub(in crate::simulator) fn sign_ins(&self) -> Value {
        let waiting = self.login.devices.values().filter(|device| device.answer == Answer::Pending);
        let waiting: Vec<Value> =
            waiting.map(|device| json!({ "userCode": device.user_code, "application": device.client_id })).collect();
        json!({
            "codes": self.login.codes.len(), "refreshTokens": self.login.refresh.len(),
            "sessions": self.login.sessions.len(), "deviceCodes": waiting,
        })
    }
}
