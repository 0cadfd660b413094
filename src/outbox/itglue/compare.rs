//! A contact of BMS beside one of IT Glue: what is different, and what would have to be sent. Pure.
//!
//! A blank value of BMS says nothing, so it erases nothing. Of the lists of emails and phones only the primary one is
//! BMS's; the others are kept as they are.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::document::{Contact, Entry};
use crate::model::{Field, Record, Status, same_name};
use crate::outbox::Memory;

/// The label of an email or a phone that bmsync adds.
const LABEL: &str = "Work";

/// What is known of the organization that values refer to.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    /// Its locations, by name.
    pub locations: BTreeMap<String, u64>,
    /// The contact type of contacts that are not active.
    pub inactive: Option<u64>,
}

/// What is different: the fields by their names, and the attributes that would make them alike.
#[derive(Clone, Debug, Default)]
pub(super) struct Difference {
    pub fields: Vec<&'static str>,
    pub attributes: Map<String, Value>,
}

impl Difference {
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    fn add(&mut self, field: &'static str, attribute: &str, value: Value) {
        self.fields.push(field);
        self.attributes.insert(attribute.to_owned(), value);
    }
}

/// What of a contact there is not as BMS has it.
pub(super) fn difference(record: &Record, memory: &Memory, there: &Contact, frame: &Frame) -> Difference {
    let mut found = Difference::default();
    match record.status {
        Status::Active => {
            let texts = [
                (Field::FirstName, "first-name", &there.first),
                (Field::LastName, "last-name", &there.last),
                (Field::JobTitle, "title", &there.title),
            ];
            for (field, attribute, held) in texts {
                let wanted = record.fields.get(field).filter(|wanted| Some(*wanted) != held.as_deref());
                if let Some(wanted) = wanted {
                    found.add(field.word(), attribute, wanted.into());
                }
            }
            let location = record.fields.get(Field::Location).and_then(|name| frame.locations.get(name));
            if let Some(id) = location.filter(|id| there.location != Some(**id)) {
                found.add(Field::Location.word(), "location-id", (*id).into());
            }
            if let Some(email) = record.fields.get(Field::Email)
                && let Some(list) = merged(&there.emails, email, memory.email.as_deref(), same_name)
            {
                found.add(Field::Email.word(), "contact-emails", list);
            }
            if let Some(phone) = record.fields.get(Field::Phone)
                && let Some(list) = merged(&there.phones, phone, memory.phone.as_deref(), same_number)
            {
                found.add(Field::Phone.word(), "contact-phones", phones(list));
            }
            if frame.inactive.is_some() && there.kind == frame.inactive {
                found.add("contactType", "contact-type-id", json!(memory.type_before));
            }
        }
        Status::Inactive | Status::Archived => {
            if let Some(inactive) = frame.inactive.filter(|inactive| there.kind != Some(*inactive)) {
                found.add("contactType", "contact-type-id", inactive.into());
            }
        }
    }
    found
}

/// What a contact is created with.
pub(super) fn creation(record: &Record, frame: &Frame) -> Map<String, Value> {
    let nobody = Contact {
        id: 0,
        organization: None,
        first: None,
        last: None,
        title: None,
        kind: None,
        location: None,
        emails: Vec::new(),
        phones: Vec::new(),
    };
    difference(record, &Memory::default(), &nobody, frame).attributes
}

/// What is remembered once BMS and IT Glue say the same.
pub(super) fn settled(record: &Record, memory: &Memory, there: &Contact, frame: &Frame) -> Memory {
    let value = |field| record.fields.get(field).map(str::to_owned);
    let known = Memory { contact: Some(there.id), creating: None, refused: None, ..memory.clone() };
    match record.status {
        Status::Active => Memory {
            email: value(Field::Email).or(known.email),
            phone: value(Field::Phone).or(known.phone),
            type_before: None,
            ..known
        },
        Status::Inactive | Status::Archived if there.kind == frame.inactive => known,
        Status::Inactive | Status::Archived => Memory { type_before: there.kind, ..known },
    }
}

/// The list in which the wanted value is the primary one; nothing where it is. It takes the place of the entry that
/// was there because of BMS; the other entries stay.
fn merged(list: &[Entry], wanted: &str, before: Option<&str>, same: fn(&str, &str) -> bool) -> Option<Value> {
    if list.iter().any(|entry| entry.primary && same(&entry.value, wanted)) {
        return None;
    }
    let at = |value: &str| list.iter().position(|entry| same(&entry.value, value));
    let own = at(wanted).or_else(|| at(before?));
    let mut entries: Vec<Value> = Vec::new();
    match own {
        Some(own) => entries.push(sent(&list[own], wanted, Rank::Primary)),
        None => entries.push(json!({ "value": wanted, "primary": true, "label-name": LABEL })),
    }
    let others = list.iter().enumerate().filter(|(at, entry)| Some(*at) != own && !same(&entry.value, wanted));
    entries.extend(others.map(|(_, entry)| sent(entry, &entry.value, Rank::Other)));
    Some(Value::Array(entries))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    Primary,
    Other,
}

/// An entry as it is sent back: what of it can be written.
fn sent(entry: &Entry, value: &str, rank: Rank) -> Value {
    let mut map = Map::new();
    map.insert("value".to_owned(), value.into());
    map.insert("primary".to_owned(), (rank == Rank::Primary).into());
    map.insert("label-name".to_owned(), entry.raw.get("label-name").cloned().unwrap_or_else(|| LABEL.into()));
    for key in ["extension", "label-type"] {
        map.extend(entry.raw.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    Value::Object(map)
}

/// New phones are phones, not faxes.
fn phones(mut list: Value) -> Value {
    for entry in list.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        entry.entry("label-type").or_insert_with(|| "phone".into());
    }
    list
}

/// Numbers are the same when their digits are: IT Glue keeps nothing else of them.
fn same_number(one: &str, other: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let (one_digits, other_digits) = (digits(one), digits(other));
    if one_digits.is_empty() { one.trim() == other.trim() } else { one_digits == other_digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: &str, primary: bool) -> Entry {
        let raw = json!({ "value": value, "primary": primary, "label-name": "Home", "extension": null });
        Entry { value: value.to_owned(), primary, raw: raw.as_object().unwrap().clone() }
    }

    fn values(list: &Value) -> Vec<(&str, bool)> {
        let list = list.as_array().unwrap().iter();
        list.map(|one| (one["value"].as_str().unwrap(), one["primary"].as_bool().unwrap())).collect()
    }

    #[test]
    fn the_others_of_a_list_stay() {
        let list = [entry("old@x", true), entry("home@y", false)];
        assert_eq!(merged(&list, "OLD@x", None, same_name), None);
        let renamed = merged(&list, "new@x", Some("old@x"), same_name).unwrap();
        assert_eq!(values(&renamed), [("new@x", true), ("home@y", false)]);
        assert_eq!(renamed[0]["label-name"], "Home");
        let added = merged(&list, "new@x", None, same_name).unwrap();
        assert_eq!(values(&added), [("new@x", true), ("old@x", false), ("home@y", false)]);
        let promoted = merged(&list, "home@y", Some("old@x"), same_name).unwrap();
        assert_eq!(values(&promoted), [("home@y", true), ("old@x", false)]);
    }

    #[test]
    fn numbers_are_compared_by_their_digits() {
        assert!(same_number("+46 8 555 01 42", "4685550142"));
        assert!(!same_number("4685550142", "4685550143"));
        assert!(!same_number("none", "unknown"));
    }
}
