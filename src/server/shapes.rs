//! The JSON that the server gives and takes, as JSON Schemas, made from the closed sets of the vocabulary. Keys are only
//! ever added to what it gives.

use serde_json::{Map, Value, json};

use super::problem::ProblemKind;
use crate::controller::Cause;
use crate::manifest::Code as ManifestCode;
use crate::manifest::config::Delivery;
use crate::model::{Field, Kind, Status};
use crate::outbox::FindingCode;
use crate::plan::explain::{Presence, Verdict};
use crate::plan::{Action, Code, Hand, Hold, Provenance};

/// Every schema by its name.
pub fn schemas() -> Value {
    let all = [
        ("Readiness", object([("ready", boolean()), ("waitingFor", list(text()))])),
        ("SyncAccepted", object([("tenant", or_null(text()))])),
        ("SignInBegun", object([("attempt", text()), ("url", or_null(text())), ("message", or_null(text()))])),
        ("SignInProgress", sign_in_progress()),
        ("SignedIn", signed_in()),
        ("Disconnected", disconnected()),
        ("Approval", optional([("digest", digest())])),
        ("Held", held()),
        ("Report", object([("revision", count()), ("written", count()), ("failures", list(text()))])),
        ("Plan", plan()),
        ("PlanTenant", plan_tenant()),
        ("Summary", summary()),
        ("Change", change()),
        ("CausedChange", caused_change()),
        ("FieldChange", field_change()),
        ("Preserved", preserved()),
        ("Blocked", blocked()),
        ("UserRef", object([("tenantId", text()), ("id", text()), ("userPrincipalName", or_null(text()))])),
        ("RecordRef", object([("kind", kind()), ("id", number())])),
        ("Source", object([("tenantId", text()), ("userId", text())])),
        ("References", object([("tickets", count()), ("invoices", count())])),
        ("Employee", record(Kind::Employee)),
        ("Contact", record(Kind::Contact)),
        ("Tenant", tenant()),
        ("Rule", rule()),
        ("ToDo", to_do()),
        ("Condition", condition()),
        ("ItGlueFinding", it_glue_finding()),
        ("ItGlueStatus", it_glue_status()),
        ("Event", event()),
        ("Explanation", explanation()),
        ("RuleVerdict", rule_verdict()),
        ("ExplainedField", explained_field()),
        ("Diagnostic", diagnostic()),
        ("Problem", problem()),
    ];
    Value::Object(all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect())
}

/// A page of items of that schema.
pub fn page(item: &str) -> Value {
    object([("items", list(named(item))), ("next", or_null(text()))])
}

/// The schema of that name.
pub fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn boolean() -> Value {
    json!({ "type": "boolean" })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn number() -> Value {
    json!({ "type": "integer", "minimum": 1 })
}

fn instant() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn digest() -> Value {
    json!({ "type": "string", "pattern": "^sha256:[0-9a-f]+$" })
}

fn commit() -> Value {
    json!({ "type": "string", "pattern": "^[0-9a-f]+$" })
}

/// What a field of a record holds: only `portalAccess` is a boolean.
fn value() -> Value {
    json!({ "type": ["string", "boolean", "null"] })
}

fn words(words: impl IntoIterator<Item = &'static str>) -> Value {
    json!({ "type": "string", "enum": words.into_iter().collect::<Vec<_>>() })
}

fn list(item: Value) -> Value {
    let mut schema = json!({ "type": "array" });
    schema["items"] = item;
    schema
}

fn or_null(schema: Value) -> Value {
    json!({ "anyOf": Value::Array(vec![schema, json!({ "type": "null" })]) })
}

/// An object that always has these keys.
fn object<const N: usize>(keys: [(&str, Value); N]) -> Value {
    let required: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
    let required = json!(required);
    let mut schema = optional(keys);
    schema["required"] = required;
    schema
}

/// The same object, which may also have this key.
fn perhaps(mut object: Value, key: &str, schema: Value) -> Value {
    object["properties"][key] = schema;
    object
}

/// An object that may have these keys.
fn optional<const N: usize>(keys: [(&str, Value); N]) -> Value {
    let properties: Map<String, Value> = keys.into_iter().map(|(key, schema)| (key.to_owned(), schema)).collect();
    json!({ "type": "object", "properties": properties })
}

fn kind() -> Value {
    words(Kind::ALL.map(Kind::word))
}

fn sign_in_progress() -> Value {
    object([
        ("state", words(["waiting", "signedIn", "failed"])),
        ("welcome", or_null(named("SignedIn"))),
        ("message", or_null(text())),
        ("hint", or_null(text())),
    ])
}

fn disconnected() -> Value {
    object([("tenantId", text()), ("forgotten", boolean()), ("account", or_null(text()))])
}

fn signed_in() -> Value {
    let permission = object([
        ("name", text()),
        ("gives", text()),
        ("needed", boolean()),
        ("found", words(["readable", "denied", "unclear"])),
        ("message", or_null(text())),
    ]);
    object([
        ("tenant", text()),
        ("tenantId", text()),
        ("application", text()),
        ("account", or_null(text())),
        ("kept", boolean()),
        ("permissions", list(permission)),
    ])
}

fn it_glue_finding() -> Value {
    object([
        ("contact", number()),
        ("account", or_null(text())),
        ("email", or_null(text())),
        ("code", words(FindingCode::ALL.map(FindingCode::word))),
        ("message", text()),
        ("fields", list(text())),
        ("itGlueContacts", list(number())),
        ("since", instant()),
    ])
}

fn it_glue_status() -> Value {
    object([
        ("name", text()),
        ("mode", words([Delivery::Verify, Delivery::Write].map(Delivery::word))),
        ("waiting", count()),
        ("oldest", or_null(instant())),
        ("lastSuccess", or_null(instant())),
        ("findings", object(FindingCode::ALL.map(|code| (code.word(), count())))),
        ("conditions", list(named("Condition"))),
    ])
}

fn held() -> Value {
    object([
        ("tenantId", text()),
        ("digest", digest()),
        ("approvedUntil", or_null(instant())),
        ("changes", list(named("Change"))),
    ])
}

fn plan() -> Value {
    let plan = object([
        ("formatVersion", json!({ "const": crate::report::json::FORMAT_VERSION })),
        ("createdAt", instant()),
        ("configDigest", digest()),
        ("stateRevision", count()),
        ("tenants", list(named("PlanTenant"))),
        ("summary", named("Summary")),
        ("changes", list(named("CausedChange"))),
        ("preserved", list(named("Preserved"))),
        ("blocked", list(named("Blocked"))),
    ]);
    perhaps(plan, "configCommit", commit())
}

fn plan_tenant() -> Value {
    object([
        ("name", or_null(text())),
        ("tenantId", text()),
        ("state", words(["complete", "failed", "suspended", "undeclared"])),
        ("users", count()),
        ("message", or_null(text())),
        ("groups", count()),
        ("readAt", or_null(instant())),
        ("digest", or_null(digest())),
    ])
}

fn summary() -> Value {
    object(
        [
            "create",
            "merge",
            "update",
            "archive",
            "restore",
            "deactivate",
            "reactivate",
            "unchanged",
            "touched",
            "preserved",
            "blocked",
            "held",
        ]
        .map(|key| (key, count())),
    )
}

fn to_do() -> Value {
    object([
        ("action", words(Action::ALL.map(Action::word))),
        ("kind", kind()),
        ("id", or_null(number())),
        ("user", object([("tenantId", text()), ("userId", text())])),
        ("userPrincipalName", or_null(text())),
        ("steps", list(text())),
        ("seenBy", words(["read", "person"])),
    ])
}

fn by_hand() -> Value {
    object([("what", words([Hand::Part, Hand::All, Hand::After].map(Hand::word))), ("steps", list(text()))])
}

fn change() -> Value {
    let change = object([
        ("action", words(Action::ALL.map(Action::word))),
        ("kind", kind()),
        ("id", or_null(number())),
        ("user", named("UserRef")),
        ("rule", or_null(text())),
        ("reason", text()),
        ("held", or_null(words(Hold::ALL.map(Hold::word)))),
        ("fields", list(named("FieldChange"))),
    ]);
    perhaps(change, "byHand", by_hand())
}

fn caused_change() -> Value {
    let cause = or_null(words([Cause::Manifests, Cause::Pending].map(Cause::word)));
    json!({ "allOf": [named("Change"), object([("cause", cause)])] })
}

fn provenance() -> Value {
    words([Provenance::Directory, Provenance::Rule, Provenance::Record, Provenance::Default].map(Provenance::word))
}

fn slot() -> Value {
    words(std::iter::once("status").chain(Field::ALL.map(Field::word)))
}

fn field_change() -> Value {
    object([("name", slot()), ("before", value()), ("after", value()), ("from", provenance())])
}

fn preserved() -> Value {
    let field = object([("name", slot()), ("actual", value()), ("desired", value())]);
    object([("kind", kind()), ("id", number()), ("user", named("UserRef")), ("fields", list(field))])
}

fn blocked() -> Value {
    object([
        ("user", named("UserRef")),
        ("rule", text()),
        ("code", words(Code::ALL.map(Code::word))),
        ("message", text()),
        ("candidates", list(named("RecordRef"))),
    ])
}

fn record(kind: Kind) -> Value {
    let status = words([Status::Active, Status::Inactive, Status::Archived].map(Status::word));
    let mut schema = object([("kind", json!({ "const": kind.word() })), ("id", number()), ("status", status)]);
    let fields = Field::of(kind).iter().map(|field| {
        let is_flag = *field == Field::PortalAccess;
        (field.word(), if is_flag { boolean() } else { or_null(text()) })
    });
    let rest = [
        ("source", or_null(named("Source"))),
        ("references", named("References")),
        ("archivedFrom", or_null(named("Source"))),
    ];
    for (key, field) in fields.chain(rest) {
        schema["properties"][key] = field;
        if let Some(required) = schema["required"].as_array_mut() {
            required.push(key.into());
        }
    }
    schema
}

fn tenant() -> Value {
    let phases = ["connecting", "synchronizing", "watching", "backingOff", "disconnected", "suspended"];
    object([
        ("name", text()),
        ("tenantId", text()),
        ("phase", words(phases)),
        ("users", count()),
        ("groups", count()),
        ("blocked", count()),
        ("held", count()),
        ("lastSuccess", or_null(instant())),
        ("failures", count()),
        ("conditions", list(named("Condition"))),
    ])
}

fn rule() -> Value {
    object([
        ("name", text()),
        ("tenantId", text()),
        ("groupId", text()),
        ("order", count()),
        ("record", kind()),
        ("conditions", list(named("Condition"))),
    ])
}

fn condition() -> Value {
    object([
        ("type", text()),
        ("status", words(["True", "False", "Unknown"])),
        ("reason", text()),
        ("message", text()),
        ("lastTransitionTime", instant()),
    ])
}

fn event() -> Value {
    object([
        ("id", number()),
        ("at", instant()),
        ("revision", count()),
        ("action", words(Action::ALL.map(Action::word).into_iter().chain(["import"]))),
        ("kind", kind()),
        ("recordId", number()),
        ("user", or_null(named("UserRef"))),
        ("rule", or_null(text())),
        ("reason", text()),
        ("configDigest", or_null(digest())),
        ("configCommit", or_null(commit())),
        ("before", or_null(person())),
        ("after", person()),
    ])
}

fn person() -> Value {
    json!({ "oneOf": [named("Employee"), named("Contact")] })
}

fn explanation() -> Value {
    let presences = [Presence::Present, Presence::Disabled, Presence::Gone, Presence::Unknown];
    object([
        ("user", named("UserRef")),
        ("displayName", or_null(text())),
        ("tenant", or_null(text())),
        ("presence", words(presences.map(Presence::word))),
        ("rules", list(named("RuleVerdict"))),
        ("fields", list(named("ExplainedField"))),
        ("record", or_null(person())),
        ("changes", list(named("Change"))),
        ("blocked", or_null(named("Blocked"))),
        ("preserved", or_null(named("Preserved"))),
        ("touched", boolean()),
    ])
}

fn rule_verdict() -> Value {
    let verdicts = [Verdict::Wins, Verdict::Loses, Verdict::Suspended, Verdict::NoMatch, Verdict::Broken];
    object([
        ("rule", text()),
        ("order", count()),
        ("groupId", text()),
        ("groupName", or_null(text())),
        ("record", kind()),
        ("verdict", words(verdicts.map(Verdict::word))),
        ("why", text()),
    ])
}

fn explained_field() -> Value {
    let field = words(Field::ALL.map(Field::word));
    object([("name", field), ("actual", value()), ("desired", value()), ("from", provenance())])
}

fn diagnostic() -> Value {
    let codes: Vec<String> = ManifestCode::ALL.iter().map(ToString::to_string).collect();
    object([
        ("file", text()),
        ("line", number()),
        ("column", number()),
        ("severity", words(["error", "warning"])),
        ("code", json!({ "type": "string", "enum": codes })),
        ("message", text()),
        ("hint", or_null(text())),
    ])
}

fn problem() -> Value {
    let mut schema = object([
        ("type", words(ProblemKind::ALL.map(ProblemKind::uri))),
        ("title", text()),
        ("status", json!({ "type": "integer", "minimum": 400, "maximum": 599 })),
        ("detail", text()),
    ]);
    let more = [
        ("parameter", text()),
        ("diagnostics", list(named("Diagnostic"))),
        ("ready", boolean()),
        ("waitingFor", list(text())),
    ];
    for (key, member) in more {
        schema["properties"][key] = member;
    }
    schema
}
