//! A record, or an account, as JSON with all its keys; YAML is the same shape.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::model::{Account, Field, Fields, Kind, Link, Record, RecordKey, References, Seen, Status, UserKey};

/// The record with all its keys, in their order.
#[must_use]
pub fn record(record: &Record) -> Value {
    let Record { key, status, fields, link, archived_from, references: References { tickets, invoices } } = record;
    let mut map = Map::new();
    map.insert("kind".to_owned(), key.kind.word().into());
    map.insert("id".to_owned(), key.id.into());
    map.insert("status".to_owned(), status.word().into());
    for field in Field::of(key.kind) {
        let value = match field {
            Field::PortalAccess => Value::Bool(fields.portal_access()),
            Field::Account
            | Field::Location
            | Field::Username
            | Field::Email
            | Field::FirstName
            | Field::LastName
            | Field::Phone
            | Field::JobTitle
            | Field::Department
            | Field::Manager
            | Field::EmploymentType
            | Field::EmployeeRole
            | Field::SecurityRole => fields.get(*field).map_or(Value::Null, Value::from),
        };
        map.insert(field.word().to_owned(), value);
    }
    map.insert("source".to_owned(), link.as_ref().map_or(Value::Null, |link| user(&link.user)));
    map.insert("references".to_owned(), json!({ "tickets": tickets, "invoices": invoices }));
    map.insert("archivedFrom".to_owned(), archived_from.as_ref().map_or(Value::Null, user));
    Value::Object(map)
}

/// A record out of the JSON that [`record`] gives; `None` when it is none. Of its owner only the identity is told.
#[must_use]
pub fn read(value: &Value) -> Option<Record> {
    let Told { kind, id, status, source, references, archived_from } = Told::deserialize(value).ok()?;
    let mut fields = Fields::default();
    for field in Field::of(kind) {
        let flag = value.get(field.word())?.as_bool().map(|flag| if flag { "true" } else { "false" });
        fields.set(*field, flag.or_else(|| value[field.word()].as_str()));
    }
    let link = source.map(|user| Link { user, user_principal_name: None, seen: Seen::Unknown });
    let count = |what: &str| references[what].as_u64().unwrap_or_default();
    let references = References { tickets: count("tickets"), invoices: count("invoices") };
    Some(Record { key: RecordKey { kind, id }, status, fields, link, archived_from, references })
}

/// What a record has beside its fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    kind: Kind,
    id: u64,
    status: Status,
    source: Option<UserKey>,
    #[serde(default)]
    references: Value,
    archived_from: Option<UserKey>,
}

/// The account with all its keys, in their order.
#[must_use]
pub fn account(account: &Account) -> Value {
    let Account { id, name, locations } = account;
    let locations: Vec<&str> = locations.iter().map(AsRef::as_ref).collect();
    json!({ "kind": "account", "id": id, "name": name.as_str(), "locations": locations })
}

/// Records as YAML: a list.
pub fn yaml(values: &[Value]) -> Result<String, serde_yaml::Error> {
    serde_yaml::to_string(values)
}

fn user(key: &UserKey) -> Value {
    let UserKey { tenant, user } = key;
    json!({ "tenantId": tenant.to_string(), "userId": user.to_string() })
}
