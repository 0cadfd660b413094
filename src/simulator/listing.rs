//! Lists of users and groups, who is signed in, and the tenant itself. Who may ask was decided before.
//! Knows no HTTP library.

use serde_json::{Map, Value, json};

use super::graph::{further, page_size};
use super::properties::Resource;
use super::render::{self, Onward};
use super::reply::{Call, Reply};
use super::state::{Grant, State};
use super::world::Tenant;

/// Options of lists that only work on the other store, which is not served.
const ADVANCED: [&str; 4] = ["$filter", "$search", "$orderby", "$expand"];

impl State {
    /// `GET /v1.0/users` and `/v1.0/groups`.
    pub(super) fn list(&mut self, grant: &Grant, resource: Resource, call: &Call) -> Result<Reply, Reply> {
        let select = self.select(resource, call)?;
        if let Some(option) = ADVANCED.into_iter().find(|option| call.option(option).is_some()) {
            return Err(self.refuse(400, "Request_UnsupportedQuery", &format!("{option} is not supported here.")));
        }
        let Some(size) = page_size(call) else {
            return Err(self.refuse(400, "Request_BadRequest", "$top must be between 1 and 999."));
        };
        let start: usize = call.option("$skiptoken").and_then(|token| token.parse().ok()).unwrap_or(0);
        let table = self.world.tenants[grant.tenant].table(resource);
        let mut rest = table.live_numbers().skip(start);
        let numbers: Vec<u32> = rest.by_ref().take(size).collect();
        let onward = match rest.next() {
            Some(_) => Onward::Next(further(call, start + size)),
            None => Onward::Nowhere,
        };
        let items = numbers.into_iter().filter_map(|number| table.get(number));
        let context = format!("{}/v1.0/$metadata#{}", call.origin, resource.path());
        Ok(Reply::graph(200, render::page(&context, &onward, items.map(|object| render::item(&select, object)))))
    }

    /// `GET /v1.0/me`.
    pub(super) fn me(&mut self, grant: &Grant, call: &Call) -> Result<Reply, Reply> {
        let select = self.select(Resource::Users, call)?;
        let user = grant.user.and_then(|number| self.world.tenants[grant.tenant].users.get(number));
        let Some(user) = user else {
            let message = "/me request is only valid with delegated authentication flow.";
            return Err(self.refuse(400, "BadRequest", message));
        };
        let context = format!("{}/v1.0/$metadata#users/$entity", call.origin);
        Ok(Reply::graph(200, render::single(&context, &select, user)))
    }

    /// `GET /v1.0/organization`, and the tenant by its ID.
    pub(super) fn organization(&mut self, grant: &Grant, call: &Call) -> Result<Reply, Reply> {
        let mut shown = organization(&self.world.tenants[grant.tenant]);
        let wanted = call.segments.get(2).cloned();
        if let Some(other) = wanted.as_deref().filter(|id| shown.get("id").and_then(Value::as_str) != Some(*id)) {
            return Err(self.not_found(other));
        }
        if let Some(written) = call.option("$select") {
            let names: Vec<&str> = written.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
            if let Some(unknown) = names.iter().find(|name| !shown.contains_key(**name)) {
                let message =
                    format!("Could not find a property named '{unknown}' on type 'microsoft.graph.organization'.");
                return Err(self.refuse(400, "Request_BadRequest", &message));
            }
            shown.retain(|name, _| name == "id" || names.contains(&name.as_str()));
        }
        let context = format!("{}/v1.0/$metadata#organization", call.origin);
        let answer = if wanted.is_none() {
            json!({ "@odata.context": context, "value": [shown] })
        } else {
            shown.insert("@odata.context".to_owned(), json!(format!("{context}/$entity")));
            Value::Object(shown)
        };
        Ok(Reply::graph(200, answer.to_string()))
    }
}

fn organization(tenant: &Tenant) -> Map<String, Value> {
    let last = tenant.domains.len().saturating_sub(1);
    let domains = tenant.domains.iter().enumerate().map(|(at, name)| {
        json!({ "capabilities": "Email, OfficeCommunicationsOnline", "isDefault": at == last, "isInitial": at == 0, "name": name, "type": "Managed" })
    });
    Map::from_iter([
        ("id".to_owned(), json!(tenant.id)),
        ("displayName".to_owned(), json!(tenant.name)),
        ("createdDateTime".to_owned(), json!("2019-04-02T08:15:30Z")),
        ("countryLetterCode".to_owned(), json!("US")),
        ("tenantType".to_owned(), json!("AAD")),
        ("verifiedDomains".to_owned(), domains.collect()),
    ])
}
