//! A contact of the simulated IT Glue, as its API shows it and as the control API tells of it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::ItGlue;

/// A contact.
#[derive(Clone, Debug, Default)]
pub(super) struct Contact {
    pub(super) id: u64,
    pub(super) organization: u64,
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
    pub(super) title: Option<String>,
    pub(super) kind: Option<u64>,
    pub(super) location: Option<u64>,
    /// Null is not the same as false: the filter does not find it.
    pub(super) important: Option<bool>,
    pub(super) notes: Option<String>,
    pub(super) emails: Vec<Map<String, Value>>,
    pub(super) phones: Vec<Map<String, Value>>,
    /// The PSA that synchronizes it, and its ID there.
    pub(super) psa: Option<(String, String)>,
    pub(super) created: Duration,
    pub(super) updated: Duration,
}

impl Contact {
    pub(super) fn primary_email(&self) -> Option<&str> {
        self.emails.iter().find(|email| email["primary"] == true)?["value"].as_str()
    }

    pub(super) fn name(&self) -> String {
        let names = [self.first.as_deref(), self.last.as_deref()];
        names.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// For the control API: flat, and with what the API does not show.
    pub(super) fn told(&self) -> Value {
        let values = |list: &[Map<String, Value>]| list.iter().map(|one| one["value"].clone()).collect::<Vec<_>>();
        json!({
            "id": self.id,
            "organization": self.organization,
            "firstName": self.first,
            "lastName": self.last,
            "title": self.title,
            "type": self.kind,
            "location": self.location,
            "primaryEmail": self.primary_email(),
            "emails": values(&self.emails),
            "phones": values(&self.phones),
            "notes": self.notes,
            "psa": self.psa.as_ref().map(|(kind, id)| json!({ "type": kind, "id": id })),
        })
    }
}

impl ItGlue {
    /// A contact as the API shows it.
    pub(super) fn shown(&self, contact: &Contact) -> Value {
        let organization = self.organizations.get(&contact.organization);
        let location = contact.location.and_then(|id| organization?.locations.get(&id));
        let phones = contact.phones.iter().map(|phone| {
            let mut phone = phone.clone();
            phone.insert("formatted-value".to_owned(), formatted(phone["value"].as_str().unwrap_or_default()).into());
            Value::Object(phone)
        });
        json!({ "id": contact.id.to_string(), "type": "contacts", "attributes": {
            "organization-id": contact.organization,
            "organization-name": organization.map(|organization| &organization.name),
            "name": contact.name(),
            "first-name": contact.first,
            "last-name": contact.last,
            "title": contact.title,
            "contact-type-id": contact.kind,
            "contact-type-name": contact.kind.and_then(|id| self.types.get(&id)),
            "location-id": contact.location,
            "location-name": location,
            "important": contact.important,
            "notes": contact.notes,
            "restricted": false,
            "created-at": instant(contact.created),
            "updated-at": instant(contact.updated),
            "contact-emails": contact.emails,
            "contact-phones": phones.collect::<Vec<_>>(),
        } })
    }
}

fn instant(after: Duration) -> String {
    let began = Timestamp::constant(1_767_225_600, 0);
    let after = SignedDuration::try_from(after).unwrap_or_default();
    began.saturating_add(after).unwrap_or(Timestamp::MAX).strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// 468-555-0142.
fn formatted(digits: &str) -> String {
    match digits.len() {
        10 if digits.is_ascii() => format!("{}-{}-{}", &digits[..3], &digits[3..6], &digits[6..]),
        _ => digits.to_owned(),
    }
}
