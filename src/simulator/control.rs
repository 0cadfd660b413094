//! The control API: changes to the world while it is served, faults, counts. In process here, through [`Control`];
//! `requests` gives the same over HTTP.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use thiserror::Error;

use super::bms::{BmsControlError, Company};
use super::change::{Deletion, Farewell};
use super::faults::{Fault, FaultError};
use super::file::{self, FileError};
use super::itglue::{ItGlue, ItGlueAnswer, ItGlueRequest, TroubleError};
use super::news::LifecycleEvent;
use super::object::ObjectId;
use super::properties::Resource;
use super::settings::Faults;
use super::state::State;
use super::stats::{Class, Stats};
use super::world::Tenant;

/// Why the control API refused.
#[derive(Debug, Error)]
pub enum ControlError {
    /// No such tenant, user, group or member.
    #[error("there is no {what} {id}")]
    NotFound {
        /// `tenant`, `user`, `group`, `member`, `subscription` or `device code`.
        what: &'static str,
        /// Its ID, as it was given.
        id: String,
    },
    /// The object was deleted for good.
    #[error("the {what} {id} was deleted for good, and no ID is given twice: take a new one")]
    Gone {
        /// `user` or `group`.
        what: &'static str,
        /// Its ID.
        id: String,
    },
    /// The ID is that of an object of another kind.
    #[error("the id {id} is that of an object of another kind")]
    Taken {
        /// The ID.
        id: String,
    },
    /// The attributes are not those of a user or group.
    #[error(transparent)]
    Content(#[from] FileError),
    /// BMS refused.
    #[error(transparent)]
    Bms(#[from] BmsControlError),
    /// The fault cannot be set.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// The trouble of IT Glue cannot be set.
    #[error(transparent)]
    Trouble(#[from] TroubleError),
    /// The body is not JSON.
    #[error("the body is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// No such control request.
    #[error("there is no {method} {path} in the control API")]
    NoSuchRequest {
        /// The method.
        method: String,
        /// The path.
        path: String,
    },
}

/// A hand on a running simulator. Cheap to clone; what it does is seen by the next request.
///
/// Tenants are named by ID or domain. Attributes are a JSON object in the words of the directory file.
#[derive(Clone)]
pub struct Control(pub(super) Arc<Mutex<State>>);

impl Control {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The world as it is now, in the shape of the directory file.
    pub fn world(&self) -> Value {
        self.state().world.to_json()
    }

    /// Creates a user, or replaces its attributes; what is not given becomes null.
    pub fn put_user(&self, tenant: &str, id: &str, attributes: Value) -> Result<(), ControlError> {
        self.state().put(tenant, Resource::Users, id, attributes)
    }

    /// Sets what is given of a user; null clears.
    pub fn patch_user(&self, tenant: &str, id: &str, attributes: Value) -> Result<(), ControlError> {
        self.state().patch(tenant, Resource::Users, id, attributes)
    }

    /// Deletes a user.
    pub fn delete_user(&self, tenant: &str, id: &str, deletion: Deletion) -> Result<(), ControlError> {
        self.state().delete(tenant, Resource::Users, id, deletion)
    }

    /// Takes a user out of the recycle bin.
    pub fn restore_user(&self, tenant: &str, id: &str) -> Result<(), ControlError> {
        self.state().restore(tenant, Resource::Users, id)
    }

    /// Creates a group, or replaces its attributes and, where `members` is given, its members.
    pub fn put_group(&self, tenant: &str, id: &str, attributes: Value) -> Result<(), ControlError> {
        self.state().put(tenant, Resource::Groups, id, attributes)
    }

    /// Sets what is given of a group, `members` too; null clears.
    pub fn patch_group(&self, tenant: &str, id: &str, attributes: Value) -> Result<(), ControlError> {
        self.state().patch(tenant, Resource::Groups, id, attributes)
    }

    /// Deletes a group.
    pub fn delete_group(&self, tenant: &str, id: &str, deletion: Deletion) -> Result<(), ControlError> {
        self.state().delete(tenant, Resource::Groups, id, deletion)
    }

    /// Takes a group out of the recycle bin.
    pub fn restore_group(&self, tenant: &str, id: &str) -> Result<(), ControlError> {
        self.state().restore(tenant, Resource::Groups, id)
    }

    /// Adds a user or group as a direct member.
    pub fn add_member(&self, tenant: &str, group: &str, member: &str) -> Result<(), ControlError> {
        self.state().add_member(tenant, group, member, None)
    }

    /// Adds an object of another kind, like `device`, as a direct member.
    pub fn add_other_member(&self, tenant: &str, group: &str, member: &str, kind: &str) -> Result<(), ControlError> {
        self.state().add_member(tenant, group, member, Some(kind))
    }

    /// Takes a direct member out.
    pub fn remove_member(&self, tenant: &str, group: &str, member: &str) -> Result<(), ControlError> {
        self.state().remove_member(tenant, group, member)
    }

    /// The subscriptions that there are, as `GET /control/subscriptions` shows them.
    pub fn subscriptions(&self) -> Value {
        self.state().subscriptions_json()
    }

    /// Ends a subscription, as if its time were up.
    pub fn expire_subscription(&self, id: &str) -> Result<(), ControlError> {
        self.state().expire_subscription(id)
    }

    /// Sends a subscription's holder a lifecycle event.
    pub fn send_lifecycle(&self, id: &str, event: LifecycleEvent) -> Result<(), ControlError> {
        self.state().send_lifecycle(id, event)
    }

    /// Sends a subscription's holder a notification with a `clientState` that is not the subscription's.
    pub fn forge_notification(&self, id: &str) -> Result<(), ControlError> {
        self.state().forge_notification(id)
    }

    /// Looks at, or changes, the IT Glue beside the tenants.
    pub fn it_glue<T>(&self, work: impl FnOnce(&mut ItGlue) -> T) -> T {
        work(&mut self.state().it_glue)
    }

    /// Asks it.
    pub(super) fn ask_it_glue(&self, request: &ItGlueRequest) -> ItGlueAnswer {
        let mut state = self.state();
        let now = state.began.elapsed();
        state.it_glue.answer(now, request)
    }

    /// Looks at, or changes, the BMS of the directory file; nothing where it has none.
    pub fn bms<T>(&self, work: impl FnOnce(&mut Company) -> T) -> Option<T> {
        let mut state = self.state();
        let now = state.login.now();
        let company = state.world.bms.as_mut()?;
        company.at(now);
        Some(work(company))
    }

    /// Sets one fault from text like `throttle=0.01`; see [`Faults::set`].
    pub fn set_fault(&self, text: &str) -> Result<(), FaultError> {
        self.state().faults.set(text)
    }

    /// Switches every fault off.
    pub fn clear_faults(&self) {
        self.state().faults = Faults::default();
    }

    /// The faults that are on, with what is left of their counts.
    pub fn faults(&self) -> Faults {
        self.state().faults.clone()
    }

    /// Ends the sessions and refresh tokens that a user has so far, as an admin's "revoke sessions" does.
    pub fn revoke_sessions(&self, tenant: &str, user: &str) -> Result<(), ControlError> {
        self.state().revoke(tenant, user)
    }

    /// Lets an application into a tenant: `{"roles": […], "scopes": […], "disabled": false, "key": "…"}`, all optional.
    pub fn admit(&self, tenant: &str, application: &str, granted: Value) -> Result<(), ControlError> {
        self.state().admit(tenant, application, granted)
    }

    /// Takes an application, and all consent to it, out of a tenant.
    pub fn expel(&self, tenant: &str, application: &str) -> Result<(), ControlError> {
        self.state().expel(tenant, application)
    }

    /// A user enters a user code and accepts; `None` declines.
    pub fn answer_device(&self, user_code: &str, user: Option<&str>) -> Result<(), ControlError> {
        found(self.state().answer_device(user_code, user), "device code", user_code)
    }

    /// Lets so many seconds pass for codes, tokens, secrets and certificates.
    pub fn forward(&self, seconds: u32) {
        self.state().forward(seconds.into());
    }

    /// Sign-ins under way, as `GET /control/sign-ins` shows them.
    pub fn sign_ins(&self) -> Value {
        self.state().sign_ins()
    }

    /// What was asked so far.
    pub fn stats(&self) -> Stats {
        self.state().stats.clone()
    }

    /// Sets the counts to zero.
    pub fn clear_stats(&self) {
        self.state().stats = Stats::default();
    }

    /// Back to the start: world, faults, counts; tokens, links and subscriptions are forgotten.
    pub fn reset(&self) {
        self.state().reset();
    }
}

pub(super) fn what(resource: Resource) -> &'static str {
    resource.type_name()
}

pub(super) fn not_found<T>(what: &'static str, id: &str) -> Result<T, ControlError> {
    Err(ControlError::NotFound { what, id: id.to_owned() })
}

pub(super) fn found(is: bool, what: &'static str, id: &str) -> Result<(), ControlError> {
    if is { Ok(()) } else { not_found(what, id) }
}

impl State {
    pub(super) fn tenant_mut(&mut self, name: &str) -> Result<&mut Tenant, ControlError> {
        match self.world.find(name) {
            Some(number) => Ok(&mut self.world.tenants[number]),
            None => not_found("tenant", name),
        }
    }

    pub(super) fn put(
        &mut self,
        tenant: &str,
        resource: Resource,
        id: &str,
        attributes: Value,
    ) -> Result<(), ControlError> {
        let tenant = self.tenant_mut(tenant)?;
        let (attributes, members) = checked(tenant, resource, id, attributes)?;
        let id = ObjectId::parse(id);
        if tenant.member(&id).is_some() && tenant.table(resource).number(&id).is_none() {
            return Err(ControlError::Taken { id: id.to_string() });
        }
        if !tenant.put(resource, &id, attributes) {
            return Err(ControlError::Gone { what: what(resource), id: id.to_string() });
        }
        set_members(tenant, &id, members);
        self.announce();
        Ok(())
    }

    pub(super) fn patch(
        &mut self,
        tenant: &str,
        resource: Resource,
        id: &str,
        attributes: Value,
    ) -> Result<(), ControlError> {
        let tenant = self.tenant_mut(tenant)?;
        let number = ObjectId::parse(id);
        found(tenant.table(resource).live(&number).is_some(), what(resource), id)?;
        let (attributes, members) = checked(tenant, resource, id, attributes)?;
        tenant.patch(resource, &number, attributes);
        set_members(tenant, &number, members);
        self.announce();
        Ok(())
    }

    pub(super) fn delete(
        &mut self,
        tenant: &str,
        resource: Resource,
        id: &str,
        deletion: Deletion,
    ) -> Result<(), ControlError> {
        let path = format!("/v1.0/{}/{id}", resource.path());
        let silent = match deletion {
            Deletion::Hard => self.faults.strikes(Fault::SilentPurge, Class::Users, &path, &mut self.rng),
            Deletion::Soft => None,
        };
        let farewell = silent.map_or(Farewell::Told, |_| Farewell::Silent);
        let deleted = self.tenant_mut(tenant)?.delete(resource, &ObjectId::parse(id), deletion, farewell);
        self.announce();
        found(deleted, what(resource), id)
    }

    pub(super) fn restore(&mut self, tenant: &str, resource: Resource, id: &str) -> Result<(), ControlError> {
        let restored = self.tenant_mut(tenant)?.restore(resource, &ObjectId::parse(id));
        self.announce();
        found(restored, what(resource), id)
    }

    /// With a kind, a member that nobody knows becomes an object of it.
    pub(super) fn add_member(
        &mut self,
        tenant: &str,
        group: &str,
        member: &str,
        kind: Option<&str>,
    ) -> Result<(), ControlError> {
        let tenant = self.tenant_mut(tenant)?;
        let (group_id, member_id) = (ObjectId::parse(group), ObjectId::parse(member));
        found(tenant.groups.live(&group_id).is_some(), "group", group)?;
        let known = tenant.member(&member_id).or_else(|| kind.map(|kind| tenant.member_or_other(&member_id, kind)));
        let Some(known) = known.filter(|known| tenant.is_live(*known)) else { return not_found("member", member) };
        let added = tenant.add_member(&group_id, known);
        self.announce();
        found(added, "group", group)
    }

    pub(super) fn remove_member(&mut self, tenant: &str, group: &str, member: &str) -> Result<(), ControlError> {
        let tenant = self.tenant_mut(tenant)?;
        let Some(known) = tenant.member(&ObjectId::parse(member)) else { return not_found("member", member) };
        let removed = tenant.remove_member(&ObjectId::parse(group), known);
        self.announce();
        found(removed, "member", member)
    }
}

type Members = Option<Vec<super::object::Member>>;

/// The attributes without `id`, and the members where they are given.
fn checked(
    tenant: &mut Tenant,
    resource: Resource,
    id: &str,
    attributes: Value,
) -> Result<(Map<String, Value>, Members), ControlError> {
    let mut map = file::object(id, attributes)?;
    map.remove("id");
    let members = match resource {
        Resource::Users => None,
        Resource::Groups => map.remove("members"),
    };
    file::check_attributes(id, resource, &map)?;
    let members = match members {
        Some(Value::Array(members)) => {
            let at = format!("{id}.members");
            Some(members.into_iter().map(|value| file::member(&at, tenant, value)).collect::<Result<_, _>>()?)
        }
        Some(other) => return Ok(file::wrong(&format!("{id}.members"), format!("wants a list, not {other}"))?),
        None => None,
    };
    Ok((map, members))
}

fn set_members(tenant: &mut Tenant, group: &ObjectId, members: Members) {
    let (Some(members), Some(number)) = (members, tenant.groups.live(group)) else { return };
    let leaving: Vec<_> =
        tenant.members_of(number).iter().filter(|member| !members.contains(member)).copied().collect();
    for member in leaving {
        tenant.remove_member(group, member);
    }
    for member in members {
        tenant.add_member(group, member);
    }
}
