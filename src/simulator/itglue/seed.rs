//! What a simulated IT Glue holds at first: the block `itGlue` of the directory file, and contacts that the control API
//! adds. Its shape is in `docs/simulator.md`.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::contact::Contact;
use super::{ItGlue, Lists, Organization};
use crate::simulator::file::{FileError, each, nothing_left, object, text, texts, wrong};

impl ItGlue {
    /// What the block says.
    ///
    /// # Errors
    /// When it says something else than such a block says.
    pub fn from_json(value: Value) -> Result<Self, FileError> {
        let mut map = object("itGlue", value)?;
        let mut made = Self { key: optional("itGlue", &mut map, "apiKey")?, ..Self::default() };
        made.lists = match optional("itGlue", &mut map, "lists")?.as_deref() {
            None | Some("replace") => Lists::Replace,
            Some("merge") => Lists::Merge,
            Some(other) => return wrong("itGlue.lists", format!("is replace or merge, not {other}")),
        };
        if let Some(limit) = map.remove("requests") {
            let limit = limit.as_u64().and_then(|limit| usize::try_from(limit).ok());
            made.limit = limit.map_or_else(|| wrong("itGlue.requests", "wants a number"), Ok)?;
        }
        for name in texts("itGlue.contactTypes", map.remove("contactTypes"))? {
            let id = made.fresh();
            made.types.insert(id, name);
        }
        for organization in each("itGlue.organizations", map.remove("organizations"), |_, value| Ok(value))? {
            made.put_organization(organization)?;
        }
        for contact in each("itGlue.contacts", map.remove("contacts"), |_, value| Ok(value))? {
            made.put_contact(contact)?;
        }
        for trouble in texts("itGlue.troubles", map.remove("troubles"))? {
            made.set_trouble(&trouble).or_else(|error| wrong("itGlue.troubles", error.to_string()))?;
        }
        nothing_left("itGlue", &map)?;
        Ok(made)
    }

    /// Adds an organization, or puts it in place of the one with its ID: `{"id": 41207, "name": "Northwind Traders",
    /// "locations": ["Main"]}`.
    ///
    /// # Errors
    /// When it is no such object.
    pub fn put_organization(&mut self, value: Value) -> Result<(), FileError> {
        let (id, (name, places)) = organization("itGlue.organizations", value)?;
        let mut locations = std::collections::BTreeMap::new();
        for place in places {
            locations.insert(self.fresh(), place);
        }
        self.organizations.insert(id, Organization { name, locations });
        Ok(())
    }

    /// Adds a contact as a person would by hand, or as a PSA does: `{"organization": 41207, "firstName": "Marta",
    /// "emails": ["marta@harbor.example"], "psa": {"type": "kaseya-bms", "id": "5120"}}`. The first email and the first
    /// phone are the primary ones. Gives its ID.
    ///
    /// # Errors
    /// When it is no such object, or of an organization or a type that is not there.
    pub fn put_contact(&mut self, value: Value) -> Result<u64, FileError> {
        let at = "itGlue.contacts";
        let mut map = object(at, value)?;
        let mut contact = Contact {
            first: optional(at, &mut map, "firstName")?,
            last: optional(at, &mut map, "lastName")?,
            title: optional(at, &mut map, "title")?,
            notes: optional(at, &mut map, "notes")?,
            created: Duration::ZERO,
            ..Contact::default()
        };
        let organization = map.remove("organization").and_then(|id| id.as_u64());
        let Some(organization) = organization.filter(|id| self.organizations.contains_key(id)) else {
            return wrong(at, "organization wants the ID of one that is there");
        };
        contact.organization = organization;
        if let Some(name) = optional(at, &mut map, "type")? {
            let found = self.types.iter().find(|(_, known)| **known == name).map(|(id, _)| *id);
            contact.kind = Some(found.map_or_else(|| wrong(at, format!("there is no contact type {name}")), Ok)?);
        }
        contact.emails = entries(texts(at, map.remove("emails"))?, &json!({ "label-name": "Work" }));
        let phone = json!({ "label-name": "Work", "extension": null, "label-type": "phone" });
        contact.phones = entries(texts(at, map.remove("phones"))?, &phone);
        if let Some(psa) = map.remove("psa") {
            let mut psa = object(at, psa)?;
            contact.psa = Some((text(at, &mut psa, "type")?, text(at, &mut psa, "id")?));
        }
        nothing_left(at, &map)?;
        contact.id = self.fresh();
        let id = contact.id;
        self.contacts.insert(id, contact);
        Ok(id)
    }
}

fn organization(at: &str, value: Value) -> Result<(u64, (String, Vec<String>)), FileError> {
    let mut map = object(at, value)?;
    let id = map.remove("id").and_then(|id| id.as_u64());
    let id = id.map_or_else(|| wrong(at, "id wants a number"), Ok)?;
    let name = text(at, &mut map, "name")?;
    let locations = texts(at, map.remove("locations"))?;
    nothing_left(at, &map)?;
    Ok((id, (name, locations)))
}

fn optional(at: &str, map: &mut Map<String, Value>, key: &str) -> Result<Option<String>, FileError> {
    if map.contains_key(key) { text(at, map, key).map(Some) } else { Ok(None) }
}

fn entries(values: Vec<String>, rest: &Value) -> Vec<Map<String, Value>> {
    let entry = |(at, value): (usize, String)| {
        let mut map = Map::new();
        map.insert("value".to_owned(), value.into());
        map.insert("primary".to_owned(), (at == 0).into());
        map.extend(rest.as_object().cloned().unwrap_or_default());
        map
    };
    values.into_iter().enumerate().map(entry).collect()
}
