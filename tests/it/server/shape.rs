//! The `OpenAPI` document: as committed, and true of what the server answers.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::http::local;
use super::world::World;

fn document() -> Value {
    serde_json::from_str(&bmsync::server::openapi()).unwrap()
}

#[test]
fn the_committed_document_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/openapi.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let current = bmsync::server::openapi();
    if let Some(path) = std::env::var_os("BMSYNC_WRITE_OPENAPI") {
        std::fs::write(path, &current).unwrap();
    }
    if committed != current {
        let diff = similar::TextDiff::from_lines(&committed, &current).unified_diff().to_string();
        let shown = diff.lines().take(40).collect::<Vec<_>>().join("\n");
        panic!(
            "schemas/openapi.json is not what `GET /openapi.json` answers; save that there, or run this test with BMSYNC_WRITE_OPENAPI=schemas/openapi.json.\n{shown}"
        );
    }
}

#[tokio::test]
async fn it_is_served() {
    let server = local(World::new()).await;
    let reply = server.get("/openapi.json").await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.text(), bmsync::server::openapi());
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    let ids: Vec<&Value> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|methods| methods.as_object().unwrap().values())
        .map(|operation| &operation["operationId"])
        .collect();
    let mut unique = ids.clone();
    unique.sort_by_key(ToString::to_string);
    unique.dedup();
    assert_eq!(ids.len(), unique.len());
}

/// What is in a value that its schema does not know, or the other way round. Knows as much of JSON Schema as the
/// document uses, and takes objects for closed: a new key must be described.
fn mismatch(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return mismatch(document, document.pointer(&reference[1..]).unwrap(), value, at);
    }
    for (key, wants_one) in [("anyOf", true), ("oneOf", true), ("allOf", false)] {
        if let Some(branches) = schema[key].as_array() {
            let found: Vec<String> =
                branches.iter().filter_map(|branch| mismatch(document, branch, value, at)).collect();
            let is_fine = if wants_one { found.len() < branches.len() } else { found.is_empty() };
            return (!is_fine).then(|| found.join(" / "));
        }
    }
    if let Some(constant) = schema.get("const") {
        return (constant != value).then(|| format!("{at} is {value}"));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        return Some(format!("{at} is {value}, no word of {}", schema["enum"]));
    }
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    if !types.contains(&json!(name)) {
        return Some(format!("{at} is a {name}, not {}", schema["type"]));
    }
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(number, item)| mismatch(document, &schema["items"], item, &format!("{at}/{number}"))),
        Value::Object(members) => {
            let missing = schema["required"].as_array().into_iter().flatten();
            let mut missing = missing.filter(|key| !members.contains_key(key.as_str().unwrap()));
            if let Some(key) = missing.next() {
                return Some(format!("{at} has no {key}"));
            }
            members.iter().find_map(|(key, member)| match schema["properties"].get(key) {
                Some(schema) => mismatch(document, schema, member, &format!("{at}/{key}")),
                None => Some(format!("{at} has {key}, which is not described")),
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// `CausedChange` is two objects in one: their keys are described together.
fn merged(mut document: Value) -> Value {
    let schemas = &mut document["components"]["schemas"];
    let mut change = schemas["Change"].clone();
    change["properties"]["cause"] = schemas["CausedChange"]["allOf"][1]["properties"]["cause"].clone();
    change["required"].as_array_mut().unwrap().push(json!("cause"));
    schemas["CausedChange"] = change;
    document
}

#[tokio::test]
async fn what_is_answered_is_what_is_described() {
    let world = World::new();
    let server = local(Arc::clone(&world) as _).await;
    let document = merged(document());
    let saved = server.post("/v1/plan", "").await.text().to_owned();
    let asked = [
        ("get", "/readyz", "/readyz", ""),
        ("post", "/v1/plan", "/v1/plan", ""),
        ("post", "/v1/plan", "/v1/plan", super::world::MANIFESTS),
        ("post", "/v1/plan", "/v1/plan", "kind: Pod"),
        ("post", "/v1/sync", "/v1/sync", ""),
        ("post", "/v1/sync/{tenant}", "/v1/sync/contoso", ""),
        ("post", "/v1/sync/{tenant}", "/v1/sync/none", ""),
        ("get", "/v1/approve/{tenant}", "/v1/approve/contoso", ""),
        ("post", "/v1/approve/{tenant}", "/v1/approve/contoso", ""),
        ("post", "/v1/approve/{tenant}", "/v1/approve/contoso", r#"{"digest":"x"}"#),
        ("post", "/v1/apply", "/v1/apply", saved.as_str()),
        ("post", "/v1/apply", "/v1/apply", "{}"),
        ("get", "/v1/employees", "/v1/employees", ""),
        ("get", "/v1/employees/{id}", "/v1/employees/7", ""),
        ("get", "/v1/contacts", "/v1/contacts?limit=2", ""),
        ("get", "/v1/contacts/{id}", "/v1/contacts/1", ""),
        ("get", "/v1/contacts/{id}", "/v1/contacts/x", ""),
        ("get", "/v1/tenants", "/v1/tenants", ""),
        ("get", "/v1/tenants/{tenant}", "/v1/tenants/contoso", ""),
        ("get", "/v1/rules", "/v1/rules", ""),
        ("get", "/v1/rules/{rule}", "/v1/rules/board", ""),
        ("get", "/v1/itglue", "/v1/itglue?limit=2", ""),
        ("get", "/v1/itglue/status", "/v1/itglue/status", ""),
        ("get", "/v1/events", "/v1/events", ""),
        ("get", "/v1/events/{id}", "/v1/events/1", ""),
        ("get", "/v1/explain", "/v1/explain?user=adele@contoso.com", ""),
        ("get", "/v1/explain", "/v1/explain?user=gone@contoso.com", ""),
    ];
    for (method, path, target, body) in asked {
        let reply = server.ask(&method.to_uppercase(), target, &[], body.as_bytes()).await;
        let described = &document["paths"][path][method]["responses"][reply.status.to_string()]["content"];
        let media = reply.header("content-type").unwrap();
        let schema = &described[media]["schema"];
        assert!(schema.is_object(), "{method} {target}: {} {media} is not described", reply.status);
        assert_eq!(mismatch(&document, schema, &reply.json(), ""), None, "{method} {target}");
    }
}
