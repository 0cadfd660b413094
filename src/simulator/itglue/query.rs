//! Lists of the simulated IT Glue: filters, order and pages as its documentation has them.

use serde_json::{Value, json};

use super::contact::Contact;
use super::{Answered, ItGlue, ItGlueRequest, Refused, refuse};

/// The integration types that the filter takes.
const INTEGRATIONS: [&str; 6] = ["manage", "autotask", "tigerpaw", "kaseya-bms", "pulseway-psa", "vorex"];

/// On a page, unless another size is asked for.
const PAGE: usize = 50;

/// On a page at the most.
const LARGEST: usize = 1_000;

impl ItGlueRequest {
    /// The filters: name and value.
    fn filters(&self) -> impl Iterator<Item = (&str, &str)> {
        let inner = |key: &'_ str| key.strip_prefix("filter[").and_then(|key| key.strip_suffix(']')).map(str::to_owned);
        self.query.iter().filter(move |(key, _)| inner(key).is_some()).map(|(key, value)| {
            let name = key.trim_start_matches("filter[").trim_end_matches(']');
            (name, value.as_str())
        })
    }

    fn number(&self, key: &str, usual: usize) -> Result<usize, Refused> {
        let found = self.query.iter().find(|(known, _)| known == key);
        let number = found.map_or(Some(usual), |(_, value)| value.parse().ok().filter(|number| *number > 0));
        number.ok_or_else(|| Refused(400, format!("{key} is not a number")))
    }

    /// A page of what was found.
    fn page(&self, found: &[Value]) -> Answered {
        let size = self.number("page[size]", PAGE)?;
        if size > LARGEST {
            return refuse(400, "page[size] must not exceed 1000");
        }
        let (number, total) = (self.number("page[number]", 1)?, found.len());
        let pages = total.div_ceil(size).max(1);
        let data: Vec<Value> = found.iter().skip((number - 1) * size).take(size).cloned().collect();
        let meta = json!({
            "current-page": number,
            "next-page": (number < pages).then_some(number + 1),
            "prev-page": (number > 1).then(|| number - 1),
            "total-pages": pages,
            "total-count": total,
        });
        Ok((200, json!({ "data": data, "meta": meta, "links": {} })))
    }
}

impl ItGlue {
    pub(super) fn list_organizations(&self, request: &ItGlueRequest) -> Answered {
        let mut found = Vec::new();
        for (id, organization) in &self.organizations {
            let mut fits = true;
            for (name, value) in request.filters() {
                fits &= match name {
                    "id" => among(value, &id.to_string()),
                    "name" => value.eq_ignore_ascii_case(&organization.name),
                    _ => return refuse(400, format!("{name} is not a filter")),
                };
            }
            if fits {
                found.push(organization_json(*id, &organization.name));
            }
        }
        request.page(&found)
    }

    pub(super) fn one_organization(&self, id: &str) -> Answered {
        let id = self.known(id)?;
        Ok((200, json!({ "data": organization_json(id, &self.organizations[&id].name) })))
    }

    pub(super) fn list_locations(&self, id: &str, request: &ItGlueRequest) -> Answered {
        let id = self.known(id)?;
        let location = |(at, name): (&u64, &String)| json!({ "id": at.to_string(), "type": "locations", "attributes": { "organization-id": id, "name": name } });
        request.page(&self.organizations[&id].locations.iter().map(location).collect::<Vec<_>>())
    }

    pub(super) fn list_types(&self, request: &ItGlueRequest) -> Answered {
        let types = self
            .types
            .iter()
            .map(|(id, name)| json!({ "id": id.to_string(), "type": "contact-types", "attributes": { "name": name } }));
        request.page(&types.collect::<Vec<_>>())
    }

    pub(super) fn one_contact(&self, id: &str) -> Answered {
        let found = id.parse().ok().and_then(|id: u64| self.contacts.get(&id));
        found.map_or_else(
            || refuse(404, "Resource not found"),
            |contact| Ok((200, json!({ "data": self.shown(contact) }))),
        )
    }

    pub(super) fn list_contacts(&self, within: Option<u64>, request: &ItGlueRequest) -> Answered {
        let filters: Vec<(&str, &str)> = request.filters().collect();
        let named = |name: &str| filters.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        match named("psa_integration_type") {
            Some(kind) if !INTEGRATIONS.contains(&kind) => return refuse(400, "psa_integration_type is not known"),
            None if named("psa_id").is_some() => return refuse(400, "psa_id needs psa_integration_type"),
            Some(_) | None => {}
        }
        let mut found = Vec::new();
        for contact in self.contacts.values().filter(|one| within.is_none_or(|within| one.organization == within)) {
            let mut fits = true;
            for (name, value) in &filters {
                fits &= fits_filter(contact, name, value)?;
            }
            if fits {
                found.push(self.shown(contact));
            }
        }
        request.page(&found)
    }
}

fn fits_filter(contact: &Contact, name: &str, value: &str) -> Result<bool, Refused> {
    let is = |held: Option<&str>| held.is_some_and(|held| held.eq_ignore_ascii_case(value));
    let is_number = |held: Option<u64>| held.is_some_and(|held| among(value, &held.to_string()));
    Ok(match name {
        "id" => is_number(Some(contact.id)),
        "first_name" => is(contact.first.as_deref()),
        "last_name" => is(contact.last.as_deref()),
        "title" => is(contact.title.as_deref()),
        "contact_type_id" => is_number(contact.kind),
        "organization_id" => is_number(Some(contact.organization)),
        "important" => contact.important.is_some_and(|important| important.to_string() == value),
        "primary_email" => is(contact.primary_email()),
        "psa_integration_type" => is(contact.psa.as_ref().map(|(kind, _)| kind.as_str())),
        "psa_id" => is(contact.psa.as_ref().map(|(_, id)| id.as_str())),
        _ => return refuse(400, format!("{name} is not a filter")),
    })
}

/// Several IDs may stand in one filter, with commas between them.
fn among(wanted: &str, id: &str) -> bool {
    wanted.split(',').any(|one| one.trim() == id)
}

fn organization_json(id: u64, name: &str) -> Value {
    json!({ "id": id.to_string(), "type": "organizations", "attributes": { "name": name, "short-name": name } })
}
