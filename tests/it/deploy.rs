//! What `docs/deploy/` offers: every file parses, fits together, and speaks of metrics and manifests that there are.

mod promql;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bmsync::controller::metrics::Metrics;
use bmsync::manifest::{self, Content, ManifestFile};
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy")
}

fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The documents of a YAML file.
fn documents(name: &str) -> Vec<Value> {
    let text = text(name);
    let documents = serde_yaml::Deserializer::from_str(&text);
    documents.map(|one| Value::deserialize(one).unwrap_or_else(|error| panic!("{name}: {error}"))).collect()
}

fn document(name: &str) -> Value {
    let mut documents = documents(name);
    assert_eq!(documents.len(), 1, "{name}");
    documents.remove(0)
}

/// The text at a JSON pointer.
fn word<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer} of {value:#}"))
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("no list at {pointer} of {value:#}"))
}

/// Every value of a key, however deep.
fn all<'a>(value: &'a Value, key: &str) -> Vec<&'a Value> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| (name == key).then_some(value).into_iter().chain(all(value, key)))
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| all(item, key)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[test]
fn every_yaml_file_parses() {
    let of = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = of(folder()).chain(of(folder().join("kubernetes")));
    let yaml: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")).collect();
    assert!(yaml.len() >= 10, "{yaml:?}");
    for path in yaml {
        for document in documents(path.to_str().unwrap()) {
            assert!(document.is_object(), "{}", path.display());
        }
    }
}

#[test]
fn alerts_speak_of_metrics_and_labels_that_there_are() {
    let alerts = document("alerts.yaml");
    let metrics = Metrics::new(Timestamp::UNIX_EPOCH);
    let rules = list(&alerts, "/groups/0/rules");
    let names: BTreeSet<&str> = rules.iter().map(|rule| word(rule, "/alert")).collect();
    assert_eq!(names.len(), rules.len(), "each name once");
    for rule in rules {
        let used = promql::check(word(rule, "/expr"), metrics.descriptions());
        assert!(["info", "warning", "critical"].contains(&word(rule, "/labels/severity")), "{rule}");
        let said = format!("{} {}", word(rule, "/annotations/summary"), rule["annotations"]["description"]);
        for label in said.split("$labels.").skip(1) {
            let label: String = label.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            assert!(
                used.labels.contains(&label),
                "{}: {label} is in no series of {}",
                word(rule, "/alert"),
                rule["expr"]
            );
        }
        for name in said.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')) {
            let known = metrics.descriptions().iter().any(|one| one.name == name);
            assert!(known || !name.starts_with("bmsync_"), "there is no {name}");
        }
    }
}

#[test]
fn the_dashboard_speaks_of_metrics_and_labels_that_there_are() {
    let board: Value = serde_json::from_str(&text("grafana-dashboard.json")).unwrap();
    let metrics = Metrics::new(Timestamp::UNIX_EPOCH);
    let panels = list(&board, "/panels");
    let mut used = BTreeSet::new();
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten()) {
        let expr = word(target, "/expr").replace("$__rate_interval", "5m");
        let found = promql::check(&expr, metrics.descriptions());
        for label in word(target, "/legendFormat").split("{{").skip(1) {
            let label = label.split_once("}}").unwrap().0.to_owned();
            assert!(found.labels.contains(&label), "{expr} has no {label}");
        }
        used.extend(found.metrics);
    }
    let unused: Vec<&str> =
        metrics.descriptions().iter().map(|one| one.name).filter(|name| !used.contains(*name)).collect();
    assert_eq!(unused, Vec::<&str>::new(), "what is measured is shown");
}

#[test]
fn the_panels_of_the_dashboard_do_not_overlap() {
    let board: Value = serde_json::from_str(&text("grafana-dashboard.json")).unwrap();
    let mut taken: BTreeMap<(u64, u64), &str> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for panel in list(&board, "/panels") {
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{panel}");
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        for y in place("y")..place("y") + place("h") {
            for x in place("x")..place("x") + place("w") {
                let title = word(panel, "/title");
                assert_eq!(taken.insert((x, y), title), None, "{title} lies on another");
            }
        }
    }
}

#[test]
fn the_config_map_holds_valid_manifests() {
    let map = document("kubernetes/manifests.yaml");
    let files: Vec<ManifestFile> = map["data"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, text)| ManifestFile {
            name: name.clone(),
            content: Content::Bytes(text.as_str().unwrap().as_bytes().to_vec()),
        })
        .collect();
    let loaded = manifest::load(&files);
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    assert_eq!(loaded.config.unwrap().tenants.len(), 1);
}

#[test]
fn the_parts_of_the_kubernetes_example_fit() {
    let kustomization = document("kubernetes/kustomization.yaml");
    let resources: Vec<Value> = list(&kustomization, "/resources")
        .iter()
        .flat_map(|name| documents(&format!("kubernetes/{}", name.as_str().unwrap())))
        .collect();
    let of_kind = |kind: &str| resources.iter().find(|one| one["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"));
    let set = of_kind("StatefulSet");
    let service = of_kind("Service");
    assert_eq!(set["spec"]["replicas"], 1, "the state belongs to one process");
    assert_eq!(set["spec"]["serviceName"], service["metadata"]["name"]);
    let labels = &set["spec"]["template"]["metadata"]["labels"];
    assert_eq!((&set["spec"]["selector"]["matchLabels"], &service["spec"]["selector"]), (labels, labels));
    let map = set.pointer("/spec/template/spec/volumes/0/configMap/name").unwrap();
    assert_eq!(map, &of_kind("ConfigMap")["metadata"]["name"]);
    let namespace = &of_kind("Namespace")["metadata"]["name"];
    let others = resources.iter().filter(|one| one["kind"] != "Namespace");
    assert!(others.clone().count() >= 4 && others.into_iter().all(|one| one["metadata"]["namespace"] == *namespace));
    let image = word(set, "/spec/template/spec/containers/0/image");
    assert_eq!(word(&kustomization, "/images/0/name"), image);
    let [claim, import] = &documents("kubernetes/import.yaml")[..] else { panic!("two documents") };
    let pushed = format!("{}:{}", word(&kustomization, "/images/0/newName"), word(&kustomization, "/images/0/newTag"));
    assert_eq!(word(import, "/spec/containers/0/image"), pushed);
    let template = &set["spec"]["volumeClaimTemplates"][0];
    let name = format!("{}-{}-0", word(template, "/metadata/name"), word(set, "/metadata/name"));
    assert_eq!((word(claim, "/metadata/name"), &claim["spec"]), (name.as_str(), &template["spec"]));
    assert_eq!(word(import, "/spec/volumes/0/persistentVolumeClaim/claimName"), name);
}

#[test]
fn the_pods_keep_to_the_restricted_standard() {
    let set = document("kubernetes/statefulset.yaml");
    let import = documents("kubernetes/import.yaml").pop().unwrap();
    for pod in [&set["spec"]["template"]["spec"], &import["spec"]] {
        let context = &pod["securityContext"];
        assert_eq!(context["runAsNonRoot"], true);
        assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
        assert_eq!(pod["automountServiceAccountToken"], false);
        let claims =
            set["spec"]["volumeClaimTemplates"].as_array().unwrap().iter().map(|claim| &claim["metadata"]["name"]);
        let volumes: Vec<&Value> = list(pod, "/volumes").iter().map(|volume| &volume["name"]).chain(claims).collect();
        for container in list(pod, "/containers") {
            let context = &container["securityContext"];
            assert_eq!(
                (&context["allowPrivilegeEscalation"], &context["readOnlyRootFilesystem"]),
                (&false.into(), &true.into())
            );
            assert_eq!(context["capabilities"]["drop"][0], "ALL");
            for mount in list(container, "/volumeMounts") {
                assert!(volumes.contains(&&mount["name"]), "no volume for {mount}");
            }
        }
        assert!(all(pod, "env").is_empty(), "secrets come as files");
    }
    let container = &set["spec"]["template"]["spec"]["containers"][0];
    for (probe, path) in [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"]["path"], path);
        assert_eq!(container[probe]["httpGet"]["port"], container["ports"][0]["name"]);
    }
}

#[test]
fn what_the_examples_mount_is_what_they_read() {
    let set = document("kubernetes/statefulset.yaml");
    let container = &set["spec"]["template"]["spec"]["containers"][0];
    let mounts: Vec<&str> = list(container, "/volumeMounts").iter().map(|mount| word(mount, "/mountPath")).collect();
    let paths = list(container, "/args").iter().filter_map(Value::as_str).filter(|arg| arg.starts_with('/'));
    let manifests = text("kubernetes/manifests.yaml");
    let keys = manifests.split("file: ").skip(1).map(|rest| rest.split(' ').next().unwrap());
    for path in paths.chain(keys) {
        assert!(mounts.iter().any(|mount| path.starts_with(mount)), "{path} is not mounted");
    }
    let unit = text("bmsync.service");
    for credential in unit.split("%d/").skip(1).map(|rest| rest.split_whitespace().next().unwrap()) {
        assert!(unit.contains(&format!("\nLoadCredential={credential}:")), "{credential} is not loaded");
    }
}

#[test]
fn ci_holds_no_secret_but_the_token() {
    for name in ["github-actions.yml", "azure-pipelines.yml"] {
        let pipeline = document(name);
        let text = text(name);
        assert!(text.contains("bmsync plan -f manifests --server \"$BMSYNC_SERVER\" -o markdown"), "{name}");
        for variables in all(&pipeline, "env") {
            for (variable, value) in variables.as_object().unwrap() {
                let value = value.as_str().unwrap();
                let secret =
                    value.contains("secrets.") || ["KEY", "TOKEN", "SECRET"].iter().any(|word| variable.contains(word));
                let allowed = ["BMSYNC_TOKEN", "GH_TOKEN", "SYSTEM_ACCESSTOKEN"].contains(&variable.as_str());
                assert!(!secret || allowed, "{name}: {variable}");
            }
        }
        for script in all(&pipeline, "run").into_iter().chain(all(&pipeline, "bash")) {
            assert!(
                !script.as_str().unwrap().contains("${{"),
                "{name}: an expression inside a script can be injected into"
            );
        }
    }
}

#[test]
fn every_file_is_explained() {
    let readme = text("README.md");
    for entry in fs::read_dir(folder()).unwrap().chain(fs::read_dir(folder().join("kubernetes")).unwrap()) {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || readme.contains(&name), "README.md says nothing of {name}");
    }
}
