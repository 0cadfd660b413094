//! Creating and updating contacts of the simulated IT Glue. A request that names several is done as a whole or not at all.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::contact::Contact;
use super::{Answered, ItGlue, ItGlueRequest, Lists, Refused, refuse};

/// The only content type that bodies may have.
const CONTENT_TYPE: &str = "application/vnd.api+json";

/// What a body names, one after the other.
struct Named {
    resources: Vec<Map<String, Value>>,
    is_list: bool,
}

impl ItGlueRequest {
    /// The attributes of each resource in the body, their names in kebab-case.
    fn named(&self) -> Result<Named, Refused> {
        if !self.content_type.as_ref().is_some_and(|kind| kind.starts_with(CONTENT_TYPE)) {
            return refuse(415, "Content-Type must be application/vnd.api+json");
        }
        let body: Value = serde_json::from_slice(&self.body).map_err(|_| Refused(400, "not JSON".to_owned()))?;
        let (resources, is_list) = match &body["data"] {
            Value::Array(all) => (all.clone(), true),
            Value::Object(one) => (vec![Value::Object(one.clone())], false),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return refuse(400, "no data"),
        };
        let attributes = |resource: &Value| match (&resource["type"], &resource["attributes"]) {
            (Value::String(kind), Value::Object(map)) if kind == "contacts" => Ok(kebab(map)),
            _ => refuse(422, "data needs the type contacts and attributes"),
        };
        Ok(Named { resources: resources.iter().map(attributes).collect::<Result<_, _>>()?, is_list })
    }
}

fn kebab(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter().map(|(key, value)| (key.replace('_', "-"), value.clone())).collect()
}

impl ItGlue {
    pub(super) fn create(&mut self, now: Duration, within: Option<u64>, request: &ItGlueRequest) -> Answered {
        let Named { resources, is_list } = request.named()?;
        if is_list && within.is_none() {
            return refuse(400, "several contacts are created below an organization");
        }
        let mut made = Vec::new();
        for attributes in resources {
            let organization = within.or_else(|| attributes.get("organization-id")?.as_u64());
            let Some(organization) = organization.filter(|id| self.organizations.contains_key(id)) else {
                return refuse(422, "organization must exist");
            };
            let mut contact = Contact { organization, created: now, ..Contact::default() };
            self.set(&mut contact, now, &attributes)?;
            if contact.first.is_none() {
                return refuse(422, "first-name can't be blank");
            }
            made.push(contact);
        }
        let mut shown = Vec::new();
        for mut contact in made {
            contact.id = self.fresh();
            shown.push(self.shown(&contact));
            self.contacts.insert(contact.id, contact);
        }
        Ok((201, json!({ "data": if is_list { Value::Array(shown) } else { shown.remove(0) } })))
    }

    pub(super) fn update_one(&mut self, now: Duration, id: &str, request: &ItGlueRequest) -> Answered {
        let Named { mut resources, is_list: false } = request.named()? else {
            return refuse(400, "one contact takes one object");
        };
        let id = id.parse().map_err(|_| Refused(404, "Resource not found".to_owned()))?;
        let changed = self.changed(now, id, &resources.remove(0))?;
        let shown = self.shown(&changed);
        self.contacts.insert(id, changed);
        Ok((200, json!({ "data": shown })))
    }

    pub(super) fn update_many(&mut self, now: Duration, request: &ItGlueRequest) -> Answered {
        let Named { resources, is_list: true } = request.named()? else { return refuse(400, "data must be a list") };
        let mut changed = Vec::new();
        for attributes in &resources {
            let id = attributes.get("id").and_then(number);
            let id = id.ok_or_else(|| Refused(422, "each needs attributes.id".to_owned()))?;
            changed.push(self.changed(now, id, attributes)?);
        }
        let shown: Vec<Value> = changed.iter().map(|contact| self.shown(contact)).collect();
        self.contacts.extend(changed.into_iter().map(|contact| (contact.id, contact)));
        Ok((200, json!({ "data": shown })))
    }

    fn changed(&self, now: Duration, id: u64, attributes: &Map<String, Value>) -> Result<Contact, Refused> {
        let Some(contact) = self.contacts.get(&id) else { return refuse(404, "Resource not found") };
        if contact.psa.is_some() {
            return refuse(422, "Cannot update a resource that is synced with an external integration");
        }
        let mut contact = contact.clone();
        self.set(&mut contact, now, attributes)?;
        Ok(contact)
    }

    /// Sets what is given; what is left out stays.
    fn set(&self, contact: &mut Contact, now: Duration, attributes: &Map<String, Value>) -> Result<(), Refused> {
        for (name, value) in attributes {
            match name.as_str() {
                "first-name" => contact.first = text(name, value)?,
                "last-name" => contact.last = text(name, value)?,
                "title" => contact.title = text(name, value)?,
                "notes" => contact.notes = text(name, value)?,
                "important" => contact.important = value.as_bool(),
                "contact-type-id" => contact.kind = self.chosen(name, value, |id| self.types.contains_key(&id))?,
                "location-id" => {
                    let locations = &self.organizations[&contact.organization].locations;
                    contact.location = self.chosen(name, value, |id| locations.contains_key(&id))?;
                }
                "contact-emails" => contact.emails = self.list(&contact.emails, value, entry)?,
                "contact-phones" => contact.phones = self.list(&contact.phones, value, phone)?,
                "id" | "organization-id" => {}
                _ => return refuse(422, format!("{name} is not permitted")),
            }
        }
        contact.updated = now;
        Ok(())
    }

    fn chosen(&self, name: &str, value: &Value, exists: impl Fn(u64) -> bool) -> Result<Option<u64>, Refused> {
        match (value, number(value)) {
            (Value::Null, _) => Ok(None),
            (_, Some(id)) if exists(id) => Ok(Some(id)),
            _ => refuse(422, format!("{name} must exist in {}", self.organizations.len())),
        }
    }

    fn list(
        &self,
        before: &[Map<String, Value>],
        value: &Value,
        read: fn(&Value) -> Result<Map<String, Value>, Refused>,
    ) -> Result<Vec<Map<String, Value>>, Refused> {
        let Value::Array(sent) = value else { return refuse(422, "a list is wanted") };
        let sent: Vec<_> = sent.iter().map(read).collect::<Result<_, _>>()?;
        if sent.iter().filter(|one| one["primary"] == true).count() > 1 {
            return refuse(422, "only one can be primary");
        }
        let kept = before.iter().filter(|one| !sent.iter().any(|other| other["value"] == one["value"])).cloned();
        let mut kept: Vec<_> = match self.lists {
            Lists::Replace => Vec::new(),
            Lists::Merge => kept.collect(),
        };
        if sent.iter().any(|one| one["primary"] == true) {
            for one in &mut kept {
                one.insert("primary".to_owned(), false.into());
            }
        }
        Ok(sent.into_iter().chain(kept).collect())
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn text(name: &str, value: &Value) -> Result<Option<String>, Refused> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            refuse(422, format!("{name} must be text"))
        }
    }
}

fn entry(value: &Value) -> Result<Map<String, Value>, Refused> {
    let Value::Object(map) = value else { return refuse(422, "an object is wanted") };
    let map = kebab(map);
    let is_text = |key: &str| map.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    if !is_text("value") || !is_text("label-name") {
        return refuse(422, "value and label-name can't be blank");
    }
    let primary = map.get("primary") == Some(&Value::Bool(true));
    let mut entry = Map::new();
    entry.insert("value".to_owned(), map["value"].clone());
    entry.insert("primary".to_owned(), primary.into());
    entry.insert("label-name".to_owned(), map["label-name"].clone());
    Ok(entry)
}

/// Separators are stripped.
fn phone(value: &Value) -> Result<Map<String, Value>, Refused> {
    let mut entry = entry(value)?;
    let digits: String =
        entry["value"].as_str().unwrap_or_default().chars().filter(|letter| letter.is_alphanumeric()).collect();
    entry.insert("value".to_owned(), digits.into());
    entry.insert("extension".to_owned(), value.get("extension").cloned().unwrap_or_default());
    let kind = value.get("label-type").or_else(|| value.get("label_type"));
    entry.insert("label-type".to_owned(), kind.cloned().unwrap_or_else(|| "phone".into()));
    Ok(entry)
}
