//! JSON:API as IT Glue speaks it: documents, pages and contacts out of bytes that anybody may have sent. Attribute names may
//! stand in kebab-case or `snake_case`. Knows nothing of requests.

use serde_json::{Map, Value};

use crate::http::plain::plain;

/// Longest text of theirs that is repeated.
const QUOTED: usize = 300;

/// An answer: what it holds, and whether there is more.
#[derive(Clone, Debug)]
pub struct Document {
    /// The resources, one or many.
    pub data: Vec<Resource>,
    /// How many there are in all, where it is a list.
    pub total: Option<u64>,
    /// The page after it.
    pub next: Option<u64>,
}

/// An organization, a contact, a type or a location.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its ID.
    pub id: u64,
    attributes: Map<String, Value>,
}

/// A contact.
#[derive(Clone, Debug)]
pub struct Contact {
    /// Its ID.
    pub id: u64,
    /// Of its organization.
    pub organization: Option<u64>,
    /// First name.
    pub first: Option<String>,
    /// Last name.
    pub last: Option<String>,
    /// Job title.
    pub title: Option<String>,
    /// Of its contact type.
    pub kind: Option<u64>,
    /// Of its location.
    pub location: Option<u64>,
    /// Emails in their order.
    pub emails: Vec<Entry>,
    /// Phones in their order.
    pub phones: Vec<Entry>,
}

/// An email or a phone.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The address or the number.
    pub value: String,
    /// Whether it is the one that counts.
    pub primary: bool,
    /// As it came, names in kebab-case.
    pub raw: Map<String, Value>,
}

/// What is no such document.
#[derive(Debug, PartialEq, Eq)]
pub struct Garbled;

/// Reads an answer.
///
/// # Errors
/// When it is no document with data.
pub fn document(bytes: &[u8]) -> Result<Document, Garbled> {
    let mut value: Value = serde_json::from_slice(bytes).map_err(|_| Garbled)?;
    let resources = match value.get_mut("data").map(Value::take) {
        Some(Value::Array(all)) => all,
        Some(one @ Value::Object(_)) => vec![one],
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => return Err(Garbled),
    };
    let data = resources.into_iter().map(resource).collect::<Option<Vec<_>>>().ok_or(Garbled)?;
    let meta = |name: &str| value["meta"].get(name).or_else(|| value["meta"].get(name.replace('-', "_")));
    Ok(Document { data, total: meta("total-count").and_then(number), next: meta("next-page").and_then(number) })
}

/// What a refusal says, fit to be shown.
#[must_use]
pub fn detail(bytes: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let first = value.get("errors")?.get(0)?;
    let said = first.get("detail").or_else(|| first.get("title"))?.as_str()?;
    Some(plain(said, QUOTED)).filter(|said| !said.is_empty())
}

fn resource(value: Value) -> Option<Resource> {
    let id = number(value.get("id")?).filter(|id| *id > 0)?;
    match value {
        Value::Object(mut map) => match map.remove("attributes") {
            Some(Value::Object(attributes)) => Some(Resource { id, attributes: kebab(attributes) }),
            Some(_) | None => None,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}

fn kebab(map: Map<String, Value>) -> Map<String, Value> {
    map.into_iter().map(|(key, value)| (key.replace('_', "-"), value)).collect()
}

/// A number, or text that is one.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

impl Resource {
    /// An attribute that is text and not blank.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attributes.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
    }

    /// An attribute that is a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        number(self.attributes.get(name)?)
    }

    /// The same as a contact.
    #[must_use]
    pub fn contact(&self) -> Contact {
        let text = |name| self.text(name).map(str::to_owned);
        Contact {
            id: self.id,
            organization: self.number("organization-id"),
            first: text("first-name"),
            last: text("last-name"),
            title: text("title"),
            kind: self.number("contact-type-id"),
            location: self.number("location-id"),
            emails: self.entries("contact-emails"),
            phones: self.entries("contact-phones"),
        }
    }

    fn entries(&self, name: &str) -> Vec<Entry> {
        let list = self.attributes.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let entry = |value: &Value| {
            let raw = kebab(value.as_object()?.clone());
            let text = raw.get("value")?.as_str()?.to_owned();
            Some(Entry { primary: raw.get("primary") == Some(&Value::Bool(true)), value: text, raw })
        };
        list.iter().filter_map(entry).collect()
    }
}

impl Contact {
    /// The email that counts.
    #[must_use]
    pub fn primary_email(&self) -> Option<&str> {
        self.emails.iter().find(|email| email.primary).map(|email| email.value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_spelling_of_names_is_read() {
        let text = r#"{"data":{"id":"7","type":"contacts","attributes":{"first_name":" Marta ","location-id":"88",
            "contact_emails":[{"value":"m@x.example","primary":true,"label_name":"Work"}]}}}"#;
        let contact = document(text.as_bytes()).unwrap().data[0].contact();
        assert_eq!((contact.first.as_deref(), contact.location), (Some("Marta"), Some(88)));
        assert_eq!(contact.primary_email(), Some("m@x.example"));
        assert_eq!(contact.emails[0].raw["label-name"], "Work");
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in ["", "<html>", "[]", "{}", r#"{"data":null}"#, r#"{"data":[{"id":"x","attributes":{}}]}"#] {
            assert_eq!(document(text.as_bytes()).unwrap_err(), Garbled, "{text}");
        }
    }
}
