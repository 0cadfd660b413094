//! Who may sign in where, and which browser is signed in already. Knows nothing of applications.

use crate::simulator::object::{Object, ObjectId, random_guid};
use crate::simulator::reply::Call;
use crate::simulator::state::State;

use super::memory::{Person, Session};
use super::place::Place;
use super::refusal::Refusal;

/// The cookie of a browser that is signed in.
const COOKIE: &str = "simulated-session";
/// How many names are offered to choose from.
const OFFERED: usize = 20;

impl State {
    fn tenants_of(&self, place: Place) -> std::ops::Range<usize> {
        match place {
            Place::Tenant(tenant) => tenant..tenant + 1,
            Place::Any => 0..self.world.tenants.len(),
        }
    }

    /// Names to choose from.
    pub(super) fn offered(&self, place: Place) -> Vec<String> {
        let tenants = self.world.tenants.get(self.tenants_of(place)).unwrap_or_default();
        let users = tenants
            .iter()
            .flat_map(|tenant| tenant.users.live_numbers().filter_map(|number| tenant.users.get(number)).take(OFFERED));
        users.filter_map(|user| user.attributes.text("userPrincipalName")).take(OFFERED).collect()
    }

    /// The person of a name: a userPrincipalName, an address or an ID.
    pub(super) fn person(&self, place: Place, name: &str) -> Result<Person, Refusal> {
        let name = name.trim();
        let found = self.tenants_of(place).find_map(|tenant| self.person_in(tenant, name));
        let person = found.ok_or_else(|| Refusal::naming(50_034, name))?;
        self.check_person(person).map(|()| person)
    }

    pub(super) fn person_in(&self, tenant: usize, name: &str) -> Option<Person> {
        let users = &self.world.tenants.get(tenant)?.users;
        let is_called = |user: &Object| {
            ["userPrincipalName", "mail"]
                .into_iter()
                .filter_map(|attribute| user.attributes.text(attribute))
                .any(|known| known.to_lowercase() == name.to_lowercase())
        };
        let by_id = users.live(&ObjectId::parse(name));
        let user = by_id.or_else(|| users.live_numbers().find(|number| users.get(*number).is_some_and(is_called)))?;
        Some(Person { tenant, user })
    }

    /// What a person is called.
    pub(super) fn name_of(&self, person: Person) -> String {
        let user = self.user_of(person);
        let name = user.and_then(|user| user.attributes.text("userPrincipalName"));
        name.or_else(|| user.map(|user| user.id.to_string())).unwrap_or_default()
    }

    /// Who is signed in with this browser, if they may be here.
    pub(super) fn session(&self, place: Place, call: &Call) -> Option<Session> {
        let cookies = call.cookie.as_deref()?.split(';').filter_map(|pair| pair.trim().split_once('='));
        let text = cookies.into_iter().find(|(name, _)| *name == COOKIE).map(|(_, value)| value)?;
        let session = self.login.sessions.get(text)?;
        let here = self.tenants_of(place).contains(&session.person.tenant);
        let good = !self.login.is_revoked(session.person, session.since);
        (here && good && self.check_person(session.person).is_ok()).then(|| session.clone())
    }

    /// Signs a person in; also what the browser is to remember.
    pub(super) fn signed_in(&mut self, person: Person) -> (Session, String) {
        let session = Session { person, id: random_guid(&mut self.secrets), since: self.login.now() };
        let text = self.secret_text();
        self.login.remember_session(text.clone(), session.clone());
        (session, format!("{COOKIE}={text}; Path=/; HttpOnly; SameSite=Lax"))
    }
}
