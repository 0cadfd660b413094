//! Tenants and rules as JSON, anything as CSV or as lines.

use serde_json::{Map, Value, json};

use crate::display::safe;
use crate::interchange::csv::guard;
use crate::manifest::config::{EmailSource, Rule, SignIn, Tenant};
use crate::model::Field;
use crate::plan::ToDo;
use crate::report::palette::{Palette, Tone};

/// What a person has to do, as JSON.
pub fn to_do(to_do: &ToDo) -> Value {
    serde_json::to_value(to_do).unwrap_or_default()
}

/// The tenant as JSON; where its secret is found is nobody's business.
pub fn tenant(tenant: &Tenant) -> Value {
    let Tenant {
        name,
        id,
        domain,
        application_id,
        credential: _,
        sign_in,
        login_root,
        graph_root,
        nested_groups,
        suspend,
    } = tenant;
    json!({
        "name": name.as_str(),
        "tenantId": id.to_string(),
        "domain": domain.as_str(),
        "applicationId": application_id.as_str(),
        "signIn": sign_in_word(*sign_in),
        "endpoints": { "login": login_root.as_str(), "graph": graph_root.as_str() },
        "nestedGroups": nested_groups,
        "suspend": suspend,
    })
}

/// The word in manifests.
pub const fn sign_in_word(sign_in: SignIn) -> &'static str {
    match sign_in {
        SignIn::Delegated => "delegated",
        SignIn::Application => "application",
    }
}

/// The rule as JSON.
pub fn rule(rule: &Rule) -> Value {
    let Rule { name, tenant, group, order, kind, email, values, suspend } = rule;
    let values: Map<String, Value> = values
        .iter()
        .map(|(field, value)| {
            let value = if field == Field::PortalAccess { Value::Bool(value == "true") } else { value.into() };
            (field.word().to_owned(), value)
        })
        .collect();
    json!({
        "name": name.as_str(),
        "tenantId": tenant.to_string(),
        "groupId": group.to_string(),
        "order": order,
        "record": kind.word(),
        "email": email_word(*email),
        "values": values,
        "suspend": suspend,
    })
}

const fn email_word(email: EmailSource) -> &'static str {
    match email {
        EmailSource::Auto => "auto",
        EmailSource::UserPrincipalName => "userPrincipalName",
        EmailSource::Mail => "mail",
    }
}

/// The value with its conditions as keys by their type, in place of a list of them.
pub fn unfolded(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(conditions) = value.get_mut("conditions") {
        let list = conditions.as_array().map(Vec::as_slice).unwrap_or_default();
        let named = list.iter().filter_map(|condition| Some((condition["type"].as_str()?.to_owned(), condition)));
        let rest = |condition: &Value| {
            let keys = condition.as_object().into_iter().flatten().filter(|(key, _)| *key != "type");
            Value::Object(keys.map(|(key, value)| (key.clone(), value.clone())).collect())
        };
        *conditions = Value::Object(named.map(|(name, condition)| (name, rest(condition))).collect());
    }
    value
}

/// Values as CSV: a column per key, nested keys with dots, in the order in which they first come.
pub fn csv(values: &[Value]) -> Result<Vec<u8>, csv::Error> {
    let rows: Vec<Vec<(String, String)>> = values.iter().map(flat).collect();
    let mut columns: Vec<&str> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for (key, _) in rows.iter().flatten() {
        if known.insert(key.as_str()) {
            columns.push(key);
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&columns)?;
    for row in &rows {
        let cells: std::collections::HashMap<&str, &str> =
            row.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        writer.write_record(columns.iter().map(|column| guard(cells.get(column).copied().unwrap_or_default())))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// The leaves of a value, by dotted key.
fn flat(value: &Value) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    leaf("", value, &mut leaves);
    leaves
}

fn leaf(key: &str, value: &Value, leaves: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (inner, value) in map {
                let key = if key.is_empty() { inner.clone() } else { format!("{key}.{inner}") };
                leaf(&key, value, leaves);
            }
        }
        Value::Null => leaves.push((key.to_owned(), String::new())),
        Value::String(text) => leaves.push((key.to_owned(), text.clone())),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => leaves.push((key.to_owned(), value.to_string())),
    }
}

/// One value as lines `key: value`, safe.
pub fn lines(value: &Value, palette: Palette) -> String {
    flat(value)
        .into_iter()
        .map(|(key, value)| {
            let key = safe(&key).into_owned() + ":";
            format!("{} {}\n", palette.paint(Tone::Strong, key), safe(&value))
        })
        .collect::<Vec<_>>()
        .concat()
}
