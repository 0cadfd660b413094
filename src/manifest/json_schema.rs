//! The JSON Schemas of the manifests, generated from the types, for editors and for whoever writes manifests with
//! programs.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::schema::{
    EmployeeDefaultsManifest, ItGlueManifest, KaseyaBmsManifest, MappingRuleManifest, SyncPolicyManifest,
    TenantManifest,
};

/// Every schema, as the name of its file and its text with a newline at the end: one per kind, and `manifest.json`, the
/// union of all.
#[must_use]
pub fn schemas() -> Vec<(&'static str, String)> {
    vec![
        ("tenant.json", of::<TenantManifest>("Tenant")),
        ("mapping-rule.json", of::<MappingRuleManifest>("MappingRule")),
        ("employee-defaults.json", of::<EmployeeDefaultsManifest>("EmployeeDefaults")),
        ("sync-policy.json", of::<SyncPolicyManifest>("SyncPolicy")),
        ("it-glue.json", of::<ItGlueManifest>("ItGlue")),
        ("kaseya-bms.json", of::<KaseyaBmsManifest>("KaseyaBms")),
        ("manifest.json", union()),
    ]
}

/// The schema of a kind, whatever the case and the hyphens: `MappingRule`, `mappingrule`, `mapping-rule`; `manifest` is
/// the union.
#[must_use]
pub fn schema(kind: &str) -> Option<String> {
    let bare = |name: &str| name.replace('-', "").to_ascii_lowercase();
    let wanted = bare(kind.trim_end_matches(".json"));
    schemas().into_iter().find(|(name, _)| bare(name.trim_end_matches(".json")) == wanted).map(|(_, text)| text)
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().for_deserialize().with_transform(NoNull).into_generator()
}

fn of<T: JsonSchema>(title: &str) -> String {
    let mut schema = generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    if let Some(description) = schema.pointer(&format!("/$defs/{title}Spec/description")).cloned() {
        schema.insert("description".to_owned(), description);
    }
    let mut ordered = Schema::default();
    for key in ["$schema", "title", "description"] {
        if let Some(value) = schema.remove(key) {
            ordered.insert(key.to_owned(), value);
        }
    }
    ordered.ensure_object().extend(schema.ensure_object().clone());
    text(&ordered)
}

fn union() -> String {
    let mut generator = generator();
    let kinds = [
        generator.subschema_for::<TenantManifest>(),
        generator.subschema_for::<MappingRuleManifest>(),
        generator.subschema_for::<EmployeeDefaultsManifest>(),
        generator.subschema_for::<SyncPolicyManifest>(),
        generator.subschema_for::<ItGlueManifest>(),
        generator.subschema_for::<KaseyaBmsManifest>(),
    ];
    let mut schema = json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "bmsync manifest",
        "description": "One document of a bmsync manifest; `kind` says which.",
        "oneOf": kinds,
        "$defs": generator.take_definitions(true),
    });
    NoNull.transform(&mut schema);
    text(&schema)
}

fn text(schema: &Schema) -> String {
    format!("{:#}\n", schema.as_value())
}

/// An optional key may be left out; it is not null. A choice of one is no choice.
#[derive(Clone, Debug)]
struct NoNull;

impl Transform for NoNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some([only]) = schema.get("oneOf").and_then(|branches| branches.as_array()).map(Vec::as_slice)
            && let Some(word) = only.get("const").cloned()
        {
            schema.remove("oneOf");
            schema.insert("const".to_owned(), word);
        }
        if let Some(types) = schema.get_mut("type").and_then(|types| types.as_array_mut()) {
            types.retain(|name| name != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                schema.insert("type".to_owned(), only);
            }
        }
        let null = serde_json::json!({ "type": "null" });
        if let Some(either) = schema.get_mut("anyOf").and_then(|either| either.as_array_mut()) {
            either.retain(|branch| *branch != null);
            if let [only] = either.as_slice()
                && let Some(only) = only.as_object().cloned()
            {
                schema.remove("anyOf");
                for (key, value) in only {
                    schema.insert(key, value);
                }
            }
        }
    }
}
