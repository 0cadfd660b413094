//! The directory file: YAML or JSON that says what a world holds, and how it is read. Its shape is in
//! `docs/simulator.md`. Knows nothing of HTTP.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use thiserror::Error;

use super::applications::{application, consent, optional_texts, registration};
use super::bms::Company;
use super::itglue::ItGlue;
use super::object::{Attributes, Member, Object, ObjectId, Presence};
use super::properties::Resource;
use super::world::{Tenant, World};

/// The directory file of the demo: three tenants with more than two hundred people.
pub const EXAMPLE: &str = include_str!("example.yaml");
/// What BMS holds when the demo begins, in the import format.
pub const EXAMPLE_RECORDS: &str = include_str!("example-records.jsonl");

/// Why a directory file cannot be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// The file could not be read.
    #[error("cannot read the directory file {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is neither YAML nor JSON.
    #[error("the directory file is not YAML")]
    Syntax(#[source] serde_yaml::Error),
    /// It does not say what a directory file says.
    #[error("{at}: {message}")]
    Content {
        /// Where, like `tenants[0].users[3].jobTitle`.
        at: String,
        /// What is wrong.
        message: String,
    },
}

pub(super) fn wrong<T>(at: &str, message: impl Into<String>) -> Result<T, FileError> {
    Err(FileError::Content { at: at.to_owned(), message: message.into() })
}

impl World {
    /// Reads a directory file.
    ///
    /// # Errors
    /// When it cannot be read, is not YAML, or is no directory.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
        Self::from_yaml(&std::fs::read_to_string(path).map_err(unreadable)?)
    }

    /// The world that a directory file describes; JSON will do too.
    ///
    /// # Errors
    /// When it is not YAML, or is no directory.
    pub fn from_yaml(text: &str) -> Result<Self, FileError> {
        match serde_json::from_str(text) {
            Ok(value) => Self::from_value(value),
            Err(_) => Self::from_value(serde_yaml::from_str(text).map_err(FileError::Syntax)?),
        }
    }

    /// The world of the demo, [`EXAMPLE`].
    ///
    /// # Errors
    /// Never, as a test shows.
    pub fn example() -> Result<Self, FileError> {
        Self::from_yaml(EXAMPLE)
    }

    fn from_value(value: Value) -> Result<Self, FileError> {
        let mut map = object("the directory file", value)?;
        let tenants = list("tenants", map.remove("tenants"))?;
        let applications = each("applications", map.remove("applications"), registration)?;
        let it_glue = map.remove("itGlue").map(ItGlue::from_json).transpose()?;
        let bms = map.remove("bms").map(Company::from_json).transpose()?;
        nothing_left("the directory file", &map)?;
        let tenants =
            numbered("tenants", tenants).map(|(at, value)| tenant(&at, value)).collect::<Result<Vec<_>, _>>()?;
        match tenants.iter().enumerate().find(|(at, tenant)| tenants[..*at].iter().any(|other| other.id == tenant.id)) {
            Some((at, tenant)) => wrong(&format!("tenants[{at}]"), format!("tenant {} is there twice", tenant.id)),
            None => Ok(Self { tenants, applications, it_glue, bms }),
        }
    }
}

fn tenant(at: &str, value: Value) -> Result<Tenant, FileError> {
    let mut map = object(at, value)?;
    let (id, domain) = (text(at, &mut map, "id")?, text(at, &mut map, "domain")?);
    let applications = match map.remove("applications") {
        None => None,
        Some(value) => Some(each(&format!("{at}.applications"), Some(value), application)?),
    };
    let mut tenant = Tenant::new(&id, &domain, applications);
    tenant.domains.extend(texts(&format!("{at}.domains"), map.remove("domains"))?);
    if map.contains_key("name") {
        tenant.name = text(at, &mut map, "name")?;
    }
    tenant.admins = optional_texts(at, &mut map, "admins")?;
    tenant.consents = each(&format!("{at}.consents"), map.remove("consents"), consent)?;
    for (at, value) in numbered(&format!("{at}.users"), list(at, map.remove("users"))?) {
        insert(&at, &mut tenant, Resource::Users, object(&at, value)?)?;
    }
    groups(&format!("{at}.groups"), &mut tenant, list(at, map.remove("groups"))?)?;
    nothing_left(at, &map)?;
    Ok(tenant)
}

/// Members may be groups that stand further down, so they come after all groups.
fn groups(at: &str, tenant: &mut Tenant, values: Vec<Value>) -> Result<(), FileError> {
    let mut waiting = Vec::new();
    for (at, value) in numbered(at, values) {
        let mut map = object(&at, value)?;
        let members = list(&format!("{at}.members"), map.remove("members"))?;
        insert(&at, tenant, Resource::Groups, map)?;
        waiting.push((format!("{at}.members"), members));
    }
    for (group, (at, members)) in waiting.into_iter().enumerate() {
        tenant.members.push(Vec::new());
        let mut seen = HashSet::new();
        for (at, value) in numbered(&at, members) {
            let member = member(&at, tenant, value)?;
            if seen.insert(member) {
                tenant.members[group].push(member);
            }
        }
    }
    Ok(())
}

fn insert(at: &str, tenant: &mut Tenant, resource: Resource, mut map: Map<String, Value>) -> Result<(), FileError> {
    let id = ObjectId::parse(&text(at, &mut map, "id")?);
    let presence = match map.remove("deleted") {
        None | Some(Value::Null) => Presence::Live,
        Some(Value::String(word)) if word == "soft" => Presence::SoftDeleted,
        Some(other) => return wrong(&format!("{at}.deleted"), format!("only `soft` is known, not {other}")),
    };
    check_attributes(at, resource, &map)?;
    if tenant.member(&id).is_some() {
        return wrong(at, format!("the id {id} is there twice"));
    }
    tenant.table_mut(resource).insert(Object { id, attributes: Attributes::from_map(map), presence });
    Ok(())
}

/// Whether every attribute is one of the schema, with a value of its type.
pub(super) fn check_attributes(at: &str, resource: Resource, map: &Map<String, Value>) -> Result<(), FileError> {
    for (name, value) in map {
        let at = format!("{at}.{name}");
        match resource.type_of(name) {
            Some(kind) if kind.admits(value) => {}
            Some(kind) => return wrong(&at, format!("wants {}, not {value}", kind.wanted())),
            None if name.starts_with("extension_") => {}
            None => return wrong(&at, unknown(resource, name)),
        }
    }
    Ok(())
}

fn unknown(resource: Resource, name: &str) -> String {
    let hint = resource.nearly(name).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    format!("a {} has no such attribute in Microsoft Graph{hint}", resource.type_name())
}

pub(super) fn member(at: &str, tenant: &mut Tenant, value: Value) -> Result<Member, FileError> {
    let (id, kind) = if let Some(id) = value.as_str() {
        (id.to_owned(), None)
    } else {
        let mut map = object(at, value)?;
        let id = text(at, &mut map, "id")?;
        let kind = text(at, &mut map, "type")?;
        nothing_left(at, &map)?;
        (id, Some(kind))
    };
    let id = ObjectId::parse(&id);
    let known = tenant.member(&id);
    if known.is_some_and(|member| tenant.is_purged(member)) {
        return wrong(at, format!("{id} was deleted for good"));
    }
    match (known, kind) {
        (Some(member), _) => Ok(member),
        (None, Some(kind)) => Ok(tenant.member_or_other(&id, &kind)),
        (None, None) => wrong(
            at,
            format!("{id} is neither a user nor a group of this tenant; write {{ id: …, type: device }} for others"),
        ),
    }
}

pub(super) fn object(at: &str, value: Value) -> Result<Map<String, Value>, FileError> {
    match value {
        Value::Object(map) => Ok(map),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            wrong(at, format!("wants keys and values, not {value}"))
        }
    }
}

fn list(at: &str, value: Option<Value>) -> Result<Vec<Value>, FileError> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) => Ok(values),
        Some(other) => wrong(at, format!("wants a list, not {other}")),
    }
}

pub(super) fn each<T>(
    at: &str,
    value: Option<Value>,
    make: impl Fn(&str, Value) -> Result<T, FileError>,
) -> Result<Vec<T>, FileError> {
    numbered(at, list(at, value)?).map(|(at, value)| make(&at, value)).collect()
}

pub(super) fn texts(at: &str, value: Option<Value>) -> Result<Vec<String>, FileError> {
    each(at, value, |at, value| match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => wrong(at, format!("wants text, not {value}")),
    })
}

pub(super) fn text(at: &str, map: &mut Map<String, Value>, key: &str) -> Result<String, FileError> {
    match map.remove(key) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(other) => wrong(&format!("{at}.{key}"), format!("wants text (put it in quotes), not {other}")),
        None => wrong(at, format!("`{key}` is missing")),
    }
}

fn numbered(at: &str, values: Vec<Value>) -> impl Iterator<Item = (String, Value)> {
    let at = at.to_owned();
    values.into_iter().enumerate().map(move |(number, value)| (format!("{at}[{number}]"), value))
}

pub(super) fn nothing_left(at: &str, map: &Map<String, Value>) -> Result<(), FileError> {
    match map.keys().next() {
        Some(key) => wrong(&format!("{at}.{key}"), "unknown key"),
        None => Ok(()),
    }
}
