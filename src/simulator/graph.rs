//! Graph's replies: who may ask, one object, the members of a group; delta rounds stand in their own file.
//! Knows no HTTP library.

use serde_json::{Map, json};

use super::faults::Fault;
use super::object::{Attributes, Member, Object, ObjectId};
use super::properties::{Resource, Select, SelectError};
use super::render::{self, Onward};
use super::reply::{Call, Reply};
use super::state::{Grant, State};
use super::stats::Class;
use super::world::{Application, Tenant};

pub(super) const READ_USERS: &[&str] = &["User.Read.All", "Directory.Read.All"];
/// Who are in a group whose members are hidden.
pub(super) const READ_HIDDEN: &[&str] = &["Member.Read.Hidden"];
const READ_ME: &[&str] = &["User.Read", "User.Read.All", "Directory.Read.All"];
const READ_ORGANIZATION: &[&str] = &["User.Read", "Organization.Read.All", "Directory.Read.All"];
const READ_APPLICATIONS: &[&str] = &["Application.Read.All", "Directory.Read.All"];
const READ_GROUPS: &[&str] = &["GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"];

/// Resource units of a request, as `x-ms-resource-unit` tells them.
pub(super) fn cost(class: Class, call: &Call) -> u32 {
    let base: u32 = match class {
        Class::UsersDelta | Class::GroupsDelta => 2,
        Class::Members => 3,
        Class::Users if call.segments.len() == 2 => 2,
        Class::Users
        | Class::Groups
        | Class::Subscriptions
        | Class::Me
        | Class::Organization
        | Class::Applications
        | Class::Token
        | Class::OpenId
        | Class::Keys
        | Class::Authorize
        | Class::AdminConsent
        | Class::DeviceCode
        | Class::DeviceLogin
        | Class::Other => 1,
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
            Class::Me => READ_ME,
            Class::Organization => READ_ORGANIZATION,
            Class::Applications => READ_APPLICATIONS,
            Class::UsersDelta
            | Class::Users
            | Class::Subscriptions
            | Class::Token
            | Class::OpenId
            | Class::Keys
            | Class::Authorize
            | Class::AdminConsent
            | Class::DeviceCode
            | Class::DeviceLogin
            | Class::Other => READ_USERS,
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
        let now = self.login.now();
        let grant = self.tokens.get(&token).filter(|grant| grant.expires > now).cloned();
        grant.ok_or_else(|| self.unauthorized("Lifetime validation failed, the token is expired."))
    }

    /// Whether one of these permissions was granted.
    pub(super) fn permitted(&mut self, grant: &Grant, wanted: &[&str], class: Class, call: &Call) -> Result<(), Reply> {
        let refused = self.strikes(Fault::NoRoles, class, call).is_some();
        if !refused && Application::has_one_of(grant.permissions.as_deref(), wanted) {
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
            Class::Users if call.segments.len() == 2 => self.list(grant, Resource::Users, call),
            Class::Groups if call.segments.len() == 2 => self.list(grant, Resource::Groups, call),
            Class::Me => self.me(grant, call),
            Class::Organization => self.organization(grant, call),
            Class::Applications => self.application(grant, call),
            Class::Users => self.single(grant, Resource::Users, class, call),
            Class::Groups => self.single(grant, Resource::Groups, class, call),
            Class::Members => self.members(grant, call),
            Class::Subscriptions
            | Class::Token
            | Class::OpenId
            | Class::Keys
            | Class::Authorize
            | Class::AdminConsent
            | Class::DeviceCode
            | Class::DeviceLogin
            | Class::Other => Err(self.not_found("")),
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

    /// A registration, in the tenant that it was made in: the first that lists it. The secrets themselves are never told.
    fn application(&mut self, grant: &Grant, call: &Call) -> Result<Reply, Reply> {
        let written = call.segments.get(1).map_or("", String::as_str);
        let wanted = written.strip_prefix("applications(appId='").and_then(|rest| rest.strip_suffix("')"));
        let lists = |tenant: &Tenant, id: &str| {
            let known = tenant.applications.iter().flatten();
            known.into_iter().any(|application| application.id.eq_ignore_ascii_case(id))
        };
        let home = wanted.and_then(|id| self.world.tenants.iter().position(|tenant| lists(tenant, id)));
        let registered = wanted.and_then(|id| self.registration(id)).filter(|_| home == Some(grant.tenant));
        let Some(registered) = registered else { return Err(self.not_found(written)) };
        let secrets = registered.secrets.iter().map(|secret| {
            let hint: String = secret.value.chars().take(3).collect();
            let ends = secret.expires.map_or_else(|| "2299-12-30T00:00:00Z".to_owned(), |end| end.to_string());
            json!({ "displayName": null, "endDateTime": ends, "hint": hint, "secretText": null })
        });
        let context = format!("{}/v1.0/$metadata#applications(passwordCredentials)/$entity", call.origin);
        let body = json!({ "@odata.context": context, "passwordCredentials": secrets.collect::<Vec<_>>() });
        Ok(Reply::graph(200, body.to_string()))
    }

    fn members(&mut self, grant: &Grant, call: &Call) -> Result<Reply, Reply> {
        let select = self.select(Resource::Users, call)?;
        let wanted = call.segments.get(2).map_or("", String::as_str);
        let tenant = &self.world.tenants[grant.tenant];
        let Some(group) = tenant.groups.live(&ObjectId::parse(wanted)) else { return Err(self.not_found(wanted)) };
        let size = page_size(call);
        let Some(size) = size else {
            return Err(self.refuse(400, "Request_BadRequest", "$top must be between 1 and 999."));
        };
        let start: usize = call.option("$skiptoken").and_then(|token| token.parse().ok()).unwrap_or(0);
        let shown = !tenant.hides_members(group) || Application::has_one_of(grant.permissions.as_deref(), READ_HIDDEN);
        let members = if shown { tenant.members_of(group) } else { &[] };
        let live: Vec<_> = members.iter().filter(|member| tenant.is_live(**member)).collect();
        let nothing = Attributes::from_map(Map::new());
        let page = live.iter().skip(start).take(size).filter_map(|member| {
            let (id, kind) = tenant.describe(**member)?;
            let shown = Application::has_one_of(grant.permissions.as_deref(), readers(**member));
            let attributes = attributes_of(tenant, **member).map(|known| if shown { known } else { &nothing });
            Some(render::listed(id, kind, attributes, &select.names))
        });
        let onward =
            if start + size < live.len() { Onward::Next(further(call, start + size)) } else { Onward::Nowhere };
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

/// The permissions that show more of a member than its type and ID.
fn readers(member: Member) -> &'static [&'static str] {
    match member {
        Member::User(_) => READ_USERS,
        Member::Group(_) => READ_GROUPS,
        Member::Other(_) => &["Directory.Read.All"],
    }
}

/// How many objects a page of a list has: what `$top` says, if it may.
pub(super) fn page_size(call: &Call) -> Option<usize> {
    let size = call.option("$top").map_or(Ok(100), str::parse).ok()?;
    (1..=999).contains(&size).then_some(size)
}

fn attributes_of(tenant: &Tenant, member: Member) -> Option<&Attributes> {
    match member {
        Member::User(number) => tenant.users.get(number).map(|user| &user.attributes),
        Member::Group(number) => tenant.groups.get(number).map(|group| &group.attributes),
        Member::Other(_) => None,
    }
}

/// The same request, further on.
pub(super) fn further(call: &Call, start: usize) -> String {
    let kept = call.query.iter().filter(|(key, _)| !key.eq_ignore_ascii_case("$skiptoken"));
    let kept: Vec<_> = kept.map(|(key, value)| format!("{key}={}&", encoded(value))).collect();
    format!("{}{}?{}$skiptoken={start}", call.origin, call.path, kept.concat())
}

pub(super) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
