//! The `OpenAPI` document, made from the table of routes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::problem::{MEDIA_TYPE, ProblemKind};
use super::query::{MAX_LIMIT, Parameter};
use super::route::{Gives, Lane, Need, Route, Takes, Verb};
use super::routes::ROUTES;
use super::shapes;

/// What can be asked of a running bmsync, as `OpenAPI` 3.1, with a newline at the end.
#[must_use]
pub fn openapi() -> String {
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "bmsync",
            "description": about(),
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths(),
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "A token of role viewer or operator." },
            },
            "schemas": shapes::schemas(),
        },
    });
    format!("{document:#}\n")
}

fn about() -> String {
    format!(
        "What a running bmsync can be asked. Paths under /v1 need a bearer token; a server without tokens answers there to \
         its own machine only. Errors are `{MEDIA_TYPE}`. Lists come in pages of at most {MAX_LIMIT} items; `next` is the \
         `after` of the page that follows, null on the last."
    )
}

fn paths() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in &ROUTES {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.verb.key()] = operation(route);
    }
    Value::Object(paths)
}

impl Verb {
    const fn key(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
        }
    }
}

fn operation(route: &Route) -> Value {
    let Route { verb, path, need, lane, query, takes, gives, fails, about, run: _ } = route;
    let mut operation = json!({ "operationId": operation_id(*verb, path), "summary": about });
    operation["security"] = match need {
        Need::Nobody => json!([]),
        Need::Role(role) => {
            operation["x-role"] = role.word().into();
            json!([{ "token": [] }])
        }
    };
    let parameters: Vec<Value> =
        path_parameter(path).into_iter().chain(query.known().iter().map(|known| known.describe())).collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = request_body(*takes) {
        operation["requestBody"] = body;
    }
    operation["responses"] = responses(*gives, problems(*verb, *need, *lane, *takes, query.known(), fails));
    operation
}

/// `GET /v1/employees/{id}` is `getV1EmployeesId`.
fn operation_id(verb: Verb, path: &str) -> String {
    let parts = path.split(|sign: char| !sign.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.fold(verb.key().to_owned(), |mut id, part| {
        let (first, rest) = part.split_at(1);
        id.push_str(&first.to_ascii_uppercase());
        id.push_str(rest);
        id
    })
}

fn path_parameter(path: &str) -> Option<Value> {
    let (_, rest) = path.split_once('{')?;
    let name = rest.trim_end_matches('}');
    let schema = if name == "id" { json!({ "type": "integer", "minimum": 1 }) } else { json!({ "type": "string" }) };
    Some(json!({ "name": name, "in": "path", "required": true, "schema": schema }))
}

fn request_body(takes: Takes) -> Option<Value> {
    let body = |media: &str, required: bool, schema: Value| {
        let mut content = Map::new();
        content.insert(media.to_owned(), json!({ "schema": schema }));
        Some(json!({ "required": required, "content": content }))
    };
    match takes {
        Takes::Nothing => None,
        Takes::Manifests => body("application/yaml", false, json!({ "type": "string" })),
        Takes::Plan => body("application/json", true, shapes::named("Plan")),
        Takes::Approval => body("application/json", false, shapes::named("Approval")),
        Takes::Notifications => body("application/json", false, json!({ "type": "object" })),
    }
}

/// Every problem that a route may answer with.
fn problems(
    verb: Verb,
    need: Need,
    lane: Lane,
    takes: Takes,
    query: &[Parameter],
    fails: &[ProblemKind],
) -> Vec<ProblemKind> {
    let mut found = fails.to_vec();
    found.push(ProblemKind::Internal);
    if need != Need::Nobody {
        found.extend([ProblemKind::BadRequest, ProblemKind::Unauthorized, ProblemKind::Forbidden]);
        found.push(ProblemKind::Unavailable);
    }
    if lane != Lane::Open {
        found.extend([ProblemKind::Busy, ProblemKind::Slow]);
    }
    if verb == Verb::Post {
        found.extend([ProblemKind::TooLarge, ProblemKind::RequestTimeout]);
    }
    if takes != Takes::Nothing || !query.is_empty() {
        found.push(ProblemKind::BadRequest);
    }
    found
}

fn responses(gives: Gives, problems: Vec<ProblemKind>) -> Value {
    let mut responses: BTreeMap<String, Value> = BTreeMap::new();
    for (status, about, media, schema) in successes(gives) {
        let mut response = json!({ "description": about });
        if let Some(media) = media {
            let mut content = Map::new();
            content.insert(media.to_owned(), json!({ "schema": schema }));
            response["content"] = Value::Object(content);
        }
        responses.insert(status.to_owned(), response);
    }
    for kind in problems {
        responses.entry(kind.status().as_str().to_owned()).or_insert_with(|| failure(kind));
    }
    json!(responses)
}

type Success = (&'static str, &'static str, Option<&'static str>, Value);

fn successes(gives: Gives) -> Vec<Success> {
    const JSON: Option<&str> = Some("application/json");
    let text = || json!({ "type": "string" });
    match gives {
        Gives::Json(name) => vec![("200", "Done.", JSON, shapes::named(name))],
        Gives::Page(name) => vec![("200", "A page.", JSON, shapes::page(name))],
        Gives::Accepted(name) => vec![("202", "It will be done.", JSON, shapes::named(name))],
        Gives::Text(media) => vec![("200", "Done.", Some(media), text())],
        Gives::Person => vec![
            ("200", "Somebody signed in.", Some("text/html; charset=utf-8"), text()),
            ("303", "The browser goes on to sign in.", None, Value::Null),
            ("400", "Nobody signed in; the page says why.", Some("text/html; charset=utf-8"), text()),
        ],
        Gives::Handshake => vec![
            ("200", "The token of the handshake.", Some("text/plain; charset=utf-8"), text()),
            ("202", "Received.", None, Value::Null),
        ],
    }
}

fn failure(kind: ProblemKind) -> Value {
    let mut content = Map::new();
    content.insert(MEDIA_TYPE.to_owned(), json!({ "schema": shapes::named("Problem") }));
    json!({ "description": kind.title(), "content": content })
}
