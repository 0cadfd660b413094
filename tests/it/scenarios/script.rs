//! What a scenario's folder says: its steps, each with whole manifests and a whole directory, put together from the
//! shared ones and the patches. Knows the files, and nothing of plans.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// The names that stand for IDs, both ways.
#[derive(Debug)]
pub struct Names {
    ids: BTreeMap<String, String>,
}

impl Names {
    /// Puts the ID for every `$name`.
    pub fn expand(&self, text: &str) -> String {
        let mut parts = text.split('$');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            out += self.ids.get(name).unwrap_or_else(|| panic!("${name} is not in shared/names.yaml"));
            out += rest;
        }
        out
    }

    /// The name of an ID, or the ID itself.
    pub fn of(&self, id: &str) -> String {
        self.ids.iter().find(|(_, known)| *known == id).map_or_else(|| id.to_owned(), |(name, _)| name.clone())
    }
}

/// One round of a scenario.
#[derive(Debug)]
pub struct Step {
    /// Where it is written.
    pub folder: PathBuf,
    /// The documents in force.
    pub manifests: Vec<Value>,
    /// The directory file in force.
    pub directory: Value,
    /// Lines that are imported before the round.
    pub records: String,
    /// The expected plan; `None` for a step that only sets the stage.
    pub plan: Option<String>,
    /// Expected records after the round: only the keys that are given.
    pub after: Vec<Value>,
    /// Whether a person approves what is held.
    pub approve_held: bool,
    /// Whether the round leaves work for the next one, which only a few may.
    pub more_to_do: bool,
}

/// What every scenario starts from.
#[derive(Debug)]
pub struct Shared {
    folder: PathBuf,
    /// The names of IDs.
    pub names: Names,
    directory: Value,
}

impl Shared {
    /// Reads the folder `shared`.
    pub fn read(folder: PathBuf) -> Self {
        let names = Names { ids: serde_yaml::from_str(&text(&folder.join("names.yaml"))).unwrap() };
        let directory = yaml(&names.expand(&text(&folder.join("directory.yaml")))).remove(0);
        Self { folder, names, directory }
    }

    /// The steps of a scenario, in order.
    pub fn steps(&self, scenario: &Path) -> Vec<Step> {
        let mut manifests = self.manifests("contoso");
        let mut directory = serde_json::json!({ "tenants": [] });
        let mut steps = Vec::new();
        for number in 1.. {
            let folder = if number == 1 { scenario.to_owned() } else { scenario.join(format!("step-{number}")) };
            if number > 1 && !folder.is_dir() {
                break;
            }
            self.patch_directory(&mut directory, &mut manifests, &folder);
            for patch in yaml(&self.optional(&folder.join("manifests.yaml"))) {
                patch_document(&mut manifests, &patch);
            }
            let first = if number == 1 { self.optional(&self.folder.join("records.jsonl")) } else { String::new() };
            steps.push(Step {
                manifests: manifests.clone(),
                directory: directory.clone(),
                records: first + &self.optional(&folder.join("records.jsonl")),
                plan: fs::read_to_string(folder.join("plan.snap")).ok(),
                after: json_lines(&self.optional(&folder.join("after.jsonl"))),
                approve_held: folder.join("approve-held").exists(),
                more_to_do: folder.join("more-to-do").exists(),
                folder,
            });
        }
        steps
    }

    fn manifests(&self, tenant: &str) -> Vec<Value> {
        yaml(&self.optional(&self.folder.join("manifests").join(format!("{tenant}.yaml"))))
    }

    fn optional(&self, path: &Path) -> String {
        if path.exists() { self.names.expand(&text(path)) } else { String::new() }
    }

    /// Lays a step's directory over the one so far. A tenant that is named for the first time brings its groups and
    /// manifests, a person that is named for the first time what the shared directory says of it.
    fn patch_directory(&self, directory: &mut Value, manifests: &mut Vec<Value>, folder: &Path) {
        let Some(patch) = yaml(&self.optional(&folder.join("directory.yaml"))).pop() else { return };
        for tenant in list(&patch, "tenants") {
            let known = by_id(&self.directory, "tenants", id(tenant)).cloned().unwrap_or_default();
            if by_id(directory, "tenants", id(tenant)).is_none() {
                let bare = serde_json::json!({ "id": tenant["id"], "users": [], "groups": known["groups"] });
                directory["tenants"].as_array_mut().unwrap().push(bare);
                let name = self.names.of(id(tenant));
                manifests.extend(if name == "contoso" { Vec::new() } else { self.manifests(&name) });
            }
            let place = list(directory, "tenants").iter().position(|one| id(one) == id(tenant)).unwrap();
            let so_far = &mut directory["tenants"][place];
            for user in list(tenant, "users") {
                if by_id(so_far, "users", id(user)).is_none() {
                    let person = by_id(&known, "users", id(user)).cloned();
                    so_far["users"]
                        .as_array_mut()
                        .unwrap()
                        .push(person.unwrap_or(serde_json::json!({ "id": user["id"] })));
                }
            }
            merge(so_far, tenant);
        }
    }
}

/// Lays a document over the one of its kind and name; without a `spec` left it goes.
fn patch_document(manifests: &mut Vec<Value>, patch: &Value) {
    let same = |one: &Value| one["kind"] == patch["kind"] && one["metadata"]["name"] == patch["metadata"]["name"];
    let place = manifests.iter().position(same).unwrap_or_else(|| {
        manifests.push(serde_json::json!({ "apiVersion": "bmsync/v1" }));
        manifests.len() - 1
    });
    merge(&mut manifests[place], patch);
    if manifests[place].get("spec").is_none() {
        manifests.remove(place);
    }
}

/// JSON merge patch (null takes a key away), with lists of things that have an `id` merged by it.
fn merge(base: &mut Value, patch: &Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => merge_keys(base, patch),
        (Value::Array(base), Value::Array(patch))
            if patch.iter().all(|one| one.get("id").is_some()) && !patch.is_empty() =>
        {
            for one in patch {
                match base.iter_mut().find(|known| known.get("id") == one.get("id")) {
                    Some(known) => merge(known, one),
                    None => base.push(one.clone()),
                }
            }
        }
        (base, patch) => *base = patch.clone(),
    }
}

fn merge_keys(base: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, value) in patch {
        if value.is_null() {
            base.remove(key);
        } else if let (Some(known), true) = (base.get_mut(key), value.is_object() || value.is_array()) {
            merge(known, value);
        } else {
            base.insert(key.clone(), value.clone());
        }
    }
}

/// The elements of a list, none where there is none.
pub fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The `id` of a tenant, user or group.
pub fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap_or_else(|| panic!("no id in {value}"))
}

fn by_id<'a>(value: &'a Value, key: &str, wanted: &str) -> Option<&'a Value> {
    list(value, key).iter().find(|one| id(one) == wanted)
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml(text: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    let documents = serde_yaml::Deserializer::from_str(text).map(|one| Value::deserialize(one).unwrap());
    documents.filter(|one| !one.is_null()).collect()
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
