//! Graph's replies: who may ask, one object, the members of a group; delta rounds stand in their own file.
//! Knows no HTTP library.

use std::time::Instant;

use super::faults::Fault;
use super::object::{Attributes, Member, Object, ObjectId};
use super::properties::{Resource, Select, SelectError};
use super::render::{self, Onward};
use super::reply::{Call, Reply};
use super::state::{Grant, State};
use super::stats::Class;
use super::world::{Application, Tenant};

const READ_USERS: &[&str] = &["User.Read.All", "Directory.Read.All"];
const READ_GROUPS: &[&str] = &["GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"];

/// Resource units of a request, as `x-ms-resource-unit` tells them.
pub(super) fn cost(class: Class, call: &Call) -> u32 {
    let base: u32 = match class {
        Class::UsersDelta | Class::GroupsDelta => 2,
        Class::Members => 3,
        Class::Users | Class::Groups | Class::Subscriptions | Class::Token | Class::OpenId | Class::Other => 1,
    };
    base.saturating_sub(u32::from(call.option("$select").is_some())).max(1)
}

/// Answers a request to Graph.
pub(super) fn respond(state: &mut State, class: Class, call: &Call) -> Reply {
    if call.method != "GET" {
        return state.refuse(405, "Request_BadRequest", "Only GET is known here.");
    }
    match state.grant(class, call) {
        Ok(grant) => state.answer(&grant, class, call),
        Err(reply) => reply,
    }
}

impl State {
    pub(super) fn refuse(&mut self, status: u16, code: &str, message: &str) -> Reply {
        Reply::error(status, code, message, &mut self.secrets)
    }

    fn grant(&mut self, class: Class, call: &Call) -> Result<Grant, Reply> {
        let grant = self.bearer(class, call)?;
        let wanted = match class {
            Class::GroupsDelta | Class::Groups | Class::Members => READ_GROUPS,
            Class::UsersDelta | Class::Users | Class::Subscriptions | Class::Token | Class::OpenId | Class::Other => {
                READ_USERS
            }
        };
        self.permitted(&grant, wanted, class, call).map(|()| grant)
    }

    /// Who asks, by the token.
    pub(super) fn bearer(&mut self, class: Class, call: &Call) -> Result<Grant, Reply> {
        let token = call.credentials("Bearer").unwrap_or_default().to_owned();
        if token.is_empty() {
            return Err(self.unauthorized("Access token is empty."));
        }
        if self.strikes(Fault::ExpireToken, class, call).is_some() {
            self.tokens.remove(&token);
        }
        let grant = self.tokens.get(&token).filter(|grant| grant.expires > Instant::now()).cloned();
        grant.ok_or_else(|| self.unauthorized("Lifetime validation failed, the token is expired."))
    }

    /// Whether one of these permissions was granted.
    pub(super) fn permitted(&mut self, grant: &Grant, wanted: &[&str], class: Class, call: &Call) -> Result<(), Reply> {
        let refused = self.strikes(Fault::NoRoles, class, call).is_some();
        if !refused && Application::has_one_of(grant.roles.as_deref(), wanted) {
            return Ok(());
        }
        Err(self.refuse(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."))
    }

    fn unauthorized(&mut self, message: &str) -> Reply {
        let challenge = "Bearer realm=\"\", error=\"invalid_token\"";
        self.refuse(401, "InvalidAuthenticationToken", message).with("www-authenticate", challenge)
    }

    fn answer(&mut self, grant: &Grant, class: Class, call: &Call) -> Reply {
        let answer = match class {
            Class::UsersDelta => self.delta(grant, Resource::Users, class, call),
            Class::GroupsDelta => self.delta(grant, Resource::Groups, class, call),
            Class::Users => self.single(grant, Resource::Users, class, call),
            Class::Groups => self.single(grant, Resource::Groups, class, call),
            Class::Members => self.members(grant, call),
            Class::Subscriptions | Class::Token | Class::OpenId | Class::Other => Err(self.not_found("")),
        };
        answer.unwrap_or_else(|refusal| refusal)
    }

    pub(super) fn not_found(&mut self, id: &str) -> Reply {
        let message =
            format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present.");
        self.refuse(404, "Request_ResourceNotFound", &message)
    }

    pub(super) fn select(&mut self, resource: Resource, call: &Call) -> Result<Select, Reply> {
        Select::parse(resource, call.option("$select")).map_err(|error| match error {
            SelectError::Unknown(name) => {
                let message = format!(
                    "Could not find a property named '{name}' on type 'microsoft.graph.{}'.",
                    resource.type_name()
                );
                self.refuse(400, "Request_BadRequest", &message)
            }
            SelectError::NotInDirectory(name) => {
                self.refuse(501, "NotImplemented", &format!("'{name}' is not tracked."))
            }
        })
    }

    fn single(&mut self, grant: &Grant, resource: Resource, class: Class, call: &Call) -> Result<Reply, Reply> {
        let select = self.select(resource, call)?;
        let wanted = call.segments.get(2).map_or("", String::as_str);
        let hidden = self.strikes(Fault::Delay, class, call).is_some() || self.notices.veils(grant.tenant, resource);
        let tenant = &self.world.tenants[grant.tenant];
        match found(tenant, resource, wanted).filter(|_| !hidden) {
            None => Err(self.not_found(wanted)),
            Some(object) => {
                let context = format!("{}/v1.0/$metadata#{}/$entity", call.origin, resource.path());
                Ok(Reply::graph(200, render::single(&context, &select, object)))
            }
        }
    }

    fn members(&mut self, grant: &Grant, call: &Call) -> Result<Reply, Reply> {
        let select = self.select(Resource::Users, call)?;
        let wanted = call.segments.get(2).map_or("", String::as_str);
        let tenant = &self.world.tenants[grant.tenant];
        let Some(group) = tenant.groups.live(&ObjectId::parse(wanted)) else { return Err(self.not_found(wanted)) };
        let size = call.option("$top").map_or(Ok(100), str::parse).unwrap_or(0);
        if !(1..=999).contains(&size) {
            return Err(self.refuse(400, "Request_BadRequest", "$top must be between 1 and 999."));
        }
        let start: usize = call.option("$skiptoken").and_then(|token| token.parse().ok()).unwrap_or(0);
        let live: Vec<_> = tenant.members_of(group).iter().filter(|member| tenant.is_live(**member)).collect();
        let page = live.iter().skip(start).take(size).filter_map(|member| {
            let (id, kind) = tenant.describe(**member)?;
            Some(render::listed(id, kind, attributes_of(tenant, **member), &select.names))
        });
        let onward =
            if start + size < live.len() { Onward::Next(members_link(call, start + size)) } else { Onward::Nowhere };
        let context = format!("{}/v1.0/$metadata#directoryObjects", call.origin);
        Ok(Reply::graph(200, render::page(&context, &onward, page)))
    }
}

/// The object of an ID or, for users, of a userPrincipalName.
fn found<'a>(tenant: &'a Tenant, resource: Resource, wanted: &str) -> Option<&'a Object> {
    let table = tenant.table(resource);
    let by_id = table.live(&ObjectId::parse(wanted)).and_then(|number| table.get(number));
    by_id.or_else(|| match resource {
        Resource::Users if wanted.contains('@') => by_name(tenant, wanted),
        Resource::Users | Resource::Groups => None,
    })
}

fn by_name<'a>(tenant: &'a Tenant, wanted: &str) -> Option<&'a Object> {
    let is_called = |object: &&Object| {
        let name = object.attributes.text("userPrincipalName");
        name.is_some_and(|name| name.to_lowercase() == wanted.to_lowercase())
    };
    tenant.users.live_numbers().filter_map(|number| tenant.users.get(number)).find(is_called)
}

fn attributes_of(tenant: &Tenant, member: Member) -> Option<&Attributes> {
    match member {
        Member::User(number) => tenant.users.get(number).map(|user| &user.attributes),
        Member::Group(number) => tenant.groups.get(number).map(|group| &group.attributes),
        Member::Other(_) => None,
    }
}

/// The same request, further on.
fn members_link(call: &Call, start: usize) -> String {
    let kept = call.query.iter().filter(|(key, _)| !key.eq_ignore_ascii_case("$skiptoken"));
    let kept: Vec<_> = kept.map(|(key, value)| format!("{key}={}&", encoded(value))).collect();
    format!("{}{}?{}$skiptoken={start}", call.origin, call.path, kept.concat())
}

pub(super) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
