//! Who let which application do what: consents of single people and of admins, and what a token may carry.
//! Knows nothing of pages and forms.

use crate::simulator::object::{Object, Presence};
use crate::simulator::registration::{Audience, USUAL_APPLICATION, USUAL_DELEGATED, or_usual};
use crate::simulator::state::State;
use crate::simulator::world::{Application, Consent, Standing, Tenant};

use super::client::Admission;
use super::memory::{Approval, Person};
use super::refusal::Refusal;
use super::scope::{Breadth, Scopes, needs_admin};

/// Whether a person's request may go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Consented {
    /// With these permissions of Graph in the token.
    Yes(Vec<String>),
    /// These must be consented to first.
    Missing(Vec<String>),
}

/// For whom consent is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    OnePerson,
    Everybody,
}

impl State {
    /// The permissions that are asked for by name.
    pub(super) fn asked(&self, client_id: &str, scopes: &Scopes) -> Vec<String> {
        match scopes.breadth {
            Breadth::Named => scopes.graph.clone(),
            Breadth::Default => {
                let registered = self.registration(client_id).and_then(|known| known.delegated.as_deref());
                or_usual(registered, USUAL_DELEGATED)
            }
        }
    }

    /// Whether what is asked for was consented to.
    pub(super) fn consented(&self, person: Person, client_id: &str, scopes: &Scopes) -> Consented {
        let asked = self.asked(client_id, scopes);
        let application = match self.standing(person.tenant, client_id) {
            Admission::Anyone => return Consented::Yes(asked),
            Admission::NotLetIn => return Consented::Missing(asked),
            Admission::LetIn(application) => application,
        };
        let Some(granted) = &application.scopes else { return Consented::Yes(asked) };
        let mut granted = granted.clone();
        granted.extend(self.own_consent(person, client_id));
        granted.sort_unstable();
        granted.dedup();
        let missing = match scopes.breadth {
            Breadth::Named => asked.into_iter().filter(|name| !granted.contains(name)).collect(),
            Breadth::Default if granted.is_empty() => asked,
            Breadth::Default => Vec::new(),
        };
        if missing.is_empty() { Consented::Yes(granted) } else { Consented::Missing(missing) }
    }

    fn own_consent(&self, person: Person, client_id: &str) -> Vec<String> {
        let tenant = &self.world.tenants[person.tenant];
        let id = self.user_of(person).map(|user| user.id.to_string()).unwrap_or_default();
        let ours = |consent: &&Consent| consent.application.eq_ignore_ascii_case(client_id) && consent.user == id;
        tenant.consents.iter().filter(ours).flat_map(|consent| consent.scopes.iter().cloned()).collect()
    }

    /// Whether an application could be let into a tenant at all.
    pub(super) fn can_be_let_in(&self, tenant: usize, client_id: &str) -> Result<(), Refusal> {
        match self.standing(tenant, client_id) {
            Admission::LetIn(Application { standing: Standing::Disabled, .. }) => Err(Refusal::of(7_000_112)),
            Admission::Anyone | Admission::LetIn(_) => Ok(()),
            Admission::NotLetIn => match self.registration(client_id).map(|known| known.audience) {
                Some(Audience::ManyTenants) => Ok(()),
                Some(Audience::OneTenant) | None => Err(Refusal::naming(700_016, client_id)),
            },
        }
    }

    /// Whether this person may consent to these permissions.
    pub(super) fn may_consent(&self, person: Person, permissions: &[String], reach: Reach) -> bool {
        let harmless = permissions.iter().all(|name| !needs_admin(name));
        self.is_admin(person) || (reach == Reach::OnePerson && harmless)
    }

    pub(super) fn is_admin(&self, person: Person) -> bool {
        let (tenant, user) = (&self.world.tenants[person.tenant], self.user_of(person));
        let is = |user: &Object, admin: &str| {
            let name = user.attributes.text("userPrincipalName");
            user.id.to_string() == admin || name.is_some_and(|name| name.eq_ignore_ascii_case(admin))
        };
        tenant.admins.as_ref().is_none_or(|admins| user.is_some_and(|user| admins.iter().any(|admin| is(user, admin))))
    }

    /// Writes down that a person consented.
    pub(super) fn consent(&mut self, person: Person, client_id: &str, permissions: &[String], reach: Reach) {
        let user = self.user_of(person).map(|user| user.id.to_string()).unwrap_or_default();
        let tenant = &mut self.world.tenants[person.tenant];
        let Some(application) = let_in(tenant, client_id) else { return };
        match (reach, &mut application.scopes) {
            (_, None) => {}
            (Reach::Everybody, Some(scopes)) => add(scopes, permissions),
            (Reach::OnePerson, Some(_)) => {
                let consent = Consent { application: client_id.to_owned(), user, scopes: permissions.to_vec() };
                tenant.consents.push(consent);
            }
        }
    }

    /// Writes down that an admin granted permissions to an application, for itself and for everybody.
    pub(super) fn grant_all(&mut self, tenant: usize, client_id: &str, asked: Option<&Scopes>) {
        let (delegated, roles) = self.wanted_of_admin(client_id, asked);
        let Some(application) = let_in(&mut self.world.tenants[tenant], client_id) else { return };
        if let Some(scopes) = &mut application.scopes {
            add(scopes, &delegated);
        }
        if let Some(granted) = &mut application.roles {
            add(granted, &roles);
        }
    }

    /// What an admin is asked to grant: delegated and application permissions.
    pub(super) fn wanted_of_admin(&self, client_id: &str, asked: Option<&Scopes>) -> (Vec<String>, Vec<String>) {
        match asked {
            Some(scopes) if scopes.breadth == Breadth::Named => (scopes.graph.clone(), Vec::new()),
            Some(_) | None => {
                let registration = self.registration(client_id);
                let delegated = registration.and_then(|known| known.delegated.as_deref());
                let roles = registration.and_then(|known| known.application.as_deref());
                (or_usual(delegated, USUAL_DELEGATED), or_usual(roles, USUAL_APPLICATION))
            }
        }
    }

    pub(super) fn user_of(&self, person: Person) -> Option<&Object> {
        self.world.tenants.get(person.tenant)?.users.get(person.user)
    }

    /// Whether a person can sign in now, and still wants to.
    pub(super) fn check_person(&self, person: Person) -> Result<(), Refusal> {
        let user = self.user_of(person).filter(|user| user.presence == Presence::Live);
        let user = user.ok_or_else(|| Refusal::of(50_034))?;
        if user.attributes.value("accountEnabled") == Some(false.into()) {
            return Err(Refusal::of(50_057));
        }
        Ok(())
    }

    /// What a token for this approval may carry, as things stand now.
    pub(super) fn allowed(&self, approval: &Approval) -> Result<Vec<String>, Refusal> {
        let Approval { person, client_id, scopes, nonce: _ } = approval;
        self.check_person(*person)?;
        match self.consented(*person, client_id, scopes) {
            Consented::Yes(permissions) => Ok(permissions),
            Consented::Missing(missing) => Err(Refusal::naming(65_001, &missing.join(" "))),
        }
    }
}

/// The application in a tenant, which lets it in now if it did not; `None` where anyone is let in.
fn let_in<'a>(tenant: &'a mut Tenant, client_id: &str) -> Option<&'a mut Application> {
    let known = tenant.applications.as_mut()?;
    let place = known.iter().position(|known| known.id.eq_ignore_ascii_case(client_id));
    let place = place.unwrap_or_else(|| {
        let (roles, scopes) = (Some(Vec::new()), Some(Vec::new()));
        known.push(Application { id: client_id.to_owned(), key: None, roles, scopes, standing: Standing::Enabled });
        known.len() - 1
    });
    known.get_mut(place)
}

fn add(granted: &mut Vec<String>, names: &[String]) {
    for name in names {
        if !granted.contains(name) {
            granted.push(name.clone());
        }
    }
}
