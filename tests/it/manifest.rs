//! Manifests: what a person sees for every kind of mistake, and what comes of good ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bmsync::manifest::config::{Config, Limit};
use bmsync::manifest::{
    Code, Color, KINDS, Loaded, ManifestFile, SHOWN, Severity, load, load_folder, render_json, render_text, schema,
    schemas,
};
use bmsync::model::{Field, Kind};

mod folders;
mod hostile;
mod meaning;

const CONTOSO: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares with a file of the repository; where they differ, shows how, and how to accept what is new.
fn assert_same(path: &Path, actual: &str) {
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        return;
    }
    if std::env::var_os("BMSYNC_ACCEPT").is_some() {
        fs::write(path, actual).unwrap();
        return;
    }
    let diff = similar::TextDiff::from_lines(expected.as_str(), actual);
    let diff = diff.unified_diff().header("in the repository", "now").to_string();
    panic!("{} differs; if that is meant, run the test with BMSYNC_ACCEPT=1\n{diff}", path.display());
}

fn load_text(text: impl Into<Vec<u8>>) -> Loaded {
    load(&[ManifestFile::new("a.yaml", text)])
}

fn codes(loaded: &Loaded) -> Vec<Code> {
    loaded.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

fn text_of(loaded: &Loaded) -> String {
    render_text(&loaded.diagnostics, Color::Plain)
}

fn config_of(loaded: Loaded) -> Config {
    let text = text_of(&loaded);
    loaded.config.unwrap_or_else(|| panic!("{text}"))
}

/// Each folder of `tests/manifests` holds manifests, and `diagnostics.txt` and `diagnostics.json`: what a person and a
/// program are told of them.
#[test]
fn every_mistake_is_told_as_expected() {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(root("tests/manifests")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let mut loaded = load_folder(&folder);
        let prefix = format!("{}/", folder.display());
        for diagnostic in &mut loaded.diagnostics {
            diagnostic.file = diagnostic.file.replace(&prefix, "");
            diagnostic.hint = diagnostic.hint.take().map(|hint| hint.replace(&prefix, ""));
        }
        assert_eq!(loaded.config.is_none(), loaded.has_errors());
        let (text, json) = (text_of(&loaded), render_json(&loaded.diagnostics));
        assert!(!text.contains("s3cret") && !json.contains("s3cret"), "{text}");
        assert_same(&folder.join("diagnostics.txt"), &text);
        assert_same(&folder.join("diagnostics.json"), &json);
    }
}

#[test]
fn the_example_is_accepted() {
    let loaded = load_folder(&root("manifests"));
    assert_eq!(codes(&loaded), [Code::EqualOrder], "{}", text_of(&loaded));
    let config = config_of(loaded);
    assert_eq!((config.tenants.len(), config.rules.len()), (3, 9));
    for file in fs::read_dir(root("manifests")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(text.starts_with("# yaml-language-server: $schema=../schemas/manifest.json\n"));
    }
}

/// The same types, read by another YAML library: it must find the same documents good.
#[test]
fn the_example_reads_alike_with_serde_yaml() {
    use bmsync::manifest::schema::{EmployeeDefaultsManifest, MappingRuleManifest, SyncPolicyManifest, TenantManifest};
    use serde::Deserialize as _;
    use serde_yaml::with::singleton_map_recursive;
    let mut count = 0;
    for file in fs::read_dir(root("manifests")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for document in serde_yaml::Deserializer::from_str(&text) {
            let value = serde_yaml::Value::deserialize(document).unwrap();
            let read = match value["kind"].as_str().unwrap() {
                "Tenant" => singleton_map_recursive::deserialize::<TenantManifest, _>(value).map(|_| ()),
                "MappingRule" => serde_yaml::from_value::<MappingRuleManifest>(value).map(|_| ()),
                "EmployeeDefaults" => serde_yaml::from_value::<EmployeeDefaultsManifest>(value).map(|_| ()),
                "SyncPolicy" => serde_yaml::from_value::<SyncPolicyManifest>(value).map(|_| ()),
                kind => panic!("{kind}"),
            };
            read.unwrap();
            count += 1;
        }
    }
    assert_eq!(count, 14);
}

#[test]
fn schemas_are_fresh() {
    let folder = root("schemas");
    let mut names: Vec<&str> = Vec::new();
    for (name, text) in schemas() {
        assert_same(&folder.join(name), &text);
        names.push(name);
    }
    names.sort_unstable();
    let mut files: Vec<String> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, names);
    for kind in KINDS {
        assert!(schema(kind).unwrap().contains(&format!("\"title\": \"{kind}\"")));
        assert_eq!(schema(kind), schema(&kind.to_lowercase()));
    }
    assert_eq!(schema("Nothing"), None);
    assert!(schema("manifest").unwrap().contains("oneOf"));
}

/// Every key that the schemas require is missed when it is left out, and no other one is.
#[test]
fn the_schemas_and_the_reader_agree_on_what_is_required() {
    for (kind, good) in [("Tenant", tenant()), ("MappingRule", contact_rule()), ("EmployeeDefaults", defaults())] {
        let schema: serde_json::Value = serde_json::from_str(&schema(kind).unwrap()).unwrap();
        let spec = &schema["$defs"][format!("{kind}Spec")];
        let required: Vec<&str> =
            spec["required"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
        for key in spec["properties"].as_object().unwrap().keys() {
            let line = good.lines().find(|line| line.starts_with(&format!("  {key}:"))).unwrap_or_default();
            let without = good.replacen(line, "", usize::from(!line.is_empty()));
            if without == good {
                continue;
            }
            let missed = codes(&load_text(without)).contains(&Code::MissingKey);
            let either_or = ["tenantId", "applicationKey", "contact"].contains(&key.as_str());
            assert_eq!(missed, required.contains(&key.as_str()) || either_or, "{kind}.{key}");
        }
    }
}

fn tenant() -> String {
    format!(
        "apiVersion: bmsync/v1\nkind: Tenant\nmetadata: {{ name: contoso }}\nspec:\n  domain: contoso.onmicrosoft.com\n  \
         tenantId: {CONTOSO}\n  applicationId: 1f3c5d7e-0000-4000-8000-000000000001\n  applicationKey: {{ env: KEY }}\n"
    )
}

fn contact_rule() -> String {
    format!(
        "apiVersion: bmsync/v1\nkind: MappingRule\nmetadata: {{ name: portal }}\nspec:\n  tenantId: {CONTOSO}\n  \
         groupId: 02bd9fd6-8f93-4758-87c3-1fb73740a315\n  order: 20\n  record: contact\n  \
         contact: {{ account: Northwind Traders }}\n"
    )
}

fn employee_rule() -> String {
    contact_rule()
        .replace("portal", "staff")
        .replace("a315", "a316")
        .replace("order: 20", "order: 10")
        .replace("record: contact\n  contact: { account: Northwind Traders }", "record: employee")
}

fn defaults() -> String {
    "apiVersion: bmsync/v1\nkind: EmployeeDefaults\nmetadata: { name: defaults }\nspec:\n  department: Operations\n  \
     location: Headquarters\n  manager: jsmith\n  jobTitle: Technician\n  employmentType: Full Time\n  \
     employeeRole: Engineer\n  securityRole: User\n"
        .to_owned()
}

fn policy(spec: &str) -> String {
    format!("apiVersion: bmsync/v1\nkind: SyncPolicy\nmetadata: {{ name: policy }}\nspec: {spec}\n")
}

fn all() -> String {
    [tenant(), contact_rule(), employee_rule(), defaults(), policy("{}")].join("---\n")
}

/// The good documents with one line replaced.
fn with(line: &str, by: &str) -> Loaded {
    let text = all();
    assert!(text.contains(line), "{line}");
    load_text(text.replacen(line, by, 1))
}

#[test]
fn defaults_are_filled_in() {
    let config = config_of(load_text(all()));
    let tenant = &config.tenants[0];
    assert_eq!(tenant.login_root, "https://login.microsoftonline.com");
    assert_eq!(tenant.graph_root, "https://graph.microsoft.com");
    assert!(!tenant.nested_groups && !tenant.suspend);
    let [staff, portal] = &config.rules[..] else { panic!() };
    assert_eq!((portal.kind, staff.kind), (Kind::Contact, Kind::Employee));
    assert_eq!(portal.values.get(Field::PortalAccess), Some("true"));
    assert_eq!(portal.values.get(Field::SecurityRole), Some("External User"));
    assert_eq!(portal.values.get(Field::Location), None);
    assert_eq!(config.employee_defaults.get(Field::JobTitle), Some("Technician"));
    assert_eq!(config.policy, bmsync::manifest::config::Policy::default());
    assert!(config.digest.starts_with("sha256:") && config.digest.len() == 71);
}

#[test]
fn a_contact_without_portal_has_no_security_role() {
    let config = config_of(with("Northwind Traders }", "Northwind Traders, clientPortal: { enabled: false } }"));
    assert_eq!(config.rules[1].values.get(Field::SecurityRole), None);
    assert_eq!(config.rules[1].values.get(Field::PortalAccess), Some("false"));
}

#[test]
fn clouds_and_endpoints_decide_the_addresses() {
    for (cloud, login, graph) in [
        ("usGov", "https://login.microsoftonline.us", "https://graph.microsoft.us"),
        ("usGovDod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
        ("china", "https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"),
    ] {
        let tenant = &config_of(with("  applicationKey", &format!("  cloud: {cloud}\n  applicationKey"))).tenants[0];
        assert_eq!((tenant.login_root.as_str(), tenant.graph_root.as_str()), (login, graph));
    }
    for good in ["http://localhost:8400/", "http://127.9.9.9", "http://[::1]:1", "https://gateway.example.com/graph/"] {
        let tenant =
            &config_of(with("  applicationKey", &format!("  endpoints: {{ graph: \"{good}\" }}\n  applicationKey")))
                .tenants[0];
        assert_eq!(tenant.graph_root, good.trim_end_matches('/'));
        assert_eq!(tenant.login_root, "https://login.microsoftonline.com");
    }
    for bad in [
        "http://example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "ftp://localhost",
        "graph",
        "https://u@example.com",
        "https://example.com?a",
        "https://example.com#a",
        "https://graph.microsoft.com/v1.0/",
        "http://0.0.0.0",
        "file:///etc/passwd",
        "http://localhost@example.com",
        "",
    ] {
        let loaded = with("  applicationKey", &format!("  endpoints: {{ graph: \"{bad}\" }}\n  applicationKey"));
        assert_eq!(codes(&loaded), [Code::InvalidValue], "{bad}");
    }
}

#[test]
fn the_domain_may_be_the_id() {
    let config = config_of(with("domain: contoso.onmicrosoft.com\n  tenantId: ", "domain: "));
    assert_eq!((config.tenants[0].domain.as_str(), config.tenants[0].id.to_string().as_str()), (CONTOSO, CONTOSO));
    let upper = config_of(with(&format!("  tenantId: {CONTOSO}"), &format!("  tenantId: {}", CONTOSO.to_uppercase())));
    assert_eq!(upper.tenants[0].id.to_string(), CONTOSO);
}

#[test]
fn limits_and_durations_are_read() {
    let policy_of = |spec: &str| load_text(policy(spec));
    let policy =
        config_of(policy_of("{ guards: { maxDeactivations: 0, maxArchives: 12.5%, maxCreates: 100% } }")).policy;
    assert_eq!(policy.guards.max_deactivations, Some(Limit::Count(0)));
    assert_eq!(policy.guards.max_archives, Some(Limit::Percent(12.5)));
    assert_eq!(policy.guards.max_creates, Some(Limit::Percent(100.0)));
    let policy = config_of(policy_of("{ pollInterval: 90s, fullSyncInterval: 5m, reconnect: { after: 24h } }")).policy;
    assert_eq!((policy.poll_interval, policy.full_sync_interval), (Duration::from_secs(90), Duration::from_mins(5)));
    assert_eq!((policy.reconnect.after, policy.reconnect.failures), (Duration::from_hours(24), 5));
    for bad in ["1d", "1.5h", "-1s", "s", "0s", "99999999999999999999h", "9999h", "90 s", "90", "''", "٣s", "5µ"] {
        let loaded = policy_of(&format!("{{ pollInterval: {bad} }}"));
        assert_eq!(codes(&loaded), [Code::InvalidValue], "{bad}");
    }
    for bad in ["101%", "-1%", "'5'", "'%'", "1e1%", ".5%", "5.%", "nan%", "inf%", "10 %", "٣%"] {
        let loaded = policy_of(&format!("{{ guards: {{ maxCreates: {bad} }} }}"));
        assert_eq!(codes(&loaded), [Code::InvalidValue], "{bad}");
    }
    for bad in ["-1", "1.5", "010", "0x10", "1e3", "99999999999999999999", "true", "[]", "{}", "~"] {
        let loaded = policy_of(&format!("{{ guards: {{ maxCreates: {bad} }} }}"));
        assert_eq!(codes(&loaded), [Code::WrongType], "{bad}");
    }
}

#[test]
fn text_wants_text_and_booleans_are_true_and_false() {
    for bad in ["42", "true", "~", "1.5", "", "[a]", "{ a: b }"] {
        let loaded = with("account: Northwind Traders", &format!("account: {bad}"));
        assert!(codes(&loaded).contains(&Code::WrongType), "{bad}");
    }
    for good in ["NO", "yes", "1.2.3", "'42'", "!!str 42", "2026-01-01", "10%", "Ä & Ö"] {
        config_of(with("account: Northwind Traders", &format!("account: {good}")));
    }
    for bad in ["yes", "True", "1", "'true'", "on", "~"] {
        let loaded = with("  applicationKey", &format!("  suspend: {bad}\n  applicationKey"));
        assert_eq!(codes(&loaded), [Code::WrongType], "{bad}");
    }
}

#[test]
fn an_invalid_tenant_does_not_make_its_rules_undeclared() {
    for (good, bad) in [
        (format!("  tenantId: {CONTOSO}"), "  tenantId: nonsense".to_owned()),
        (format!("  tenantId: {CONTOSO}"), String::new()),
        ("kind: Tenant".to_owned(), "kind: Tennant".to_owned()),
        ("kind: Tenant".to_owned(), "kind: Tenant\nkind: Tenant\n  : [".to_owned()),
        ("metadata: { name: contoso }".to_owned(), "metadata: {}".to_owned()),
        ("  domain: contoso.onmicrosoft.com".to_owned(), "  domain: contoso".to_owned()),
    ] {
        let loaded = with(&good, &bad);
        assert!(loaded.has_errors(), "{bad}");
        assert!(!codes(&loaded).contains(&Code::UndeclaredTenant), "{bad}: {}", text_of(&loaded));
    }
    let loaded = with(&format!("  tenantId: {CONTOSO}"), "  tenantId: 84841066-274d-4ec0-a5c1-276be684bdd9");
    assert_eq!(codes(&loaded), [Code::UndeclaredTenant; 2]);
    assert!(text_of(&loaded).contains("which is tenant `contoso`?"));
}

#[test]
fn warnings_do_not_fail() {
    for (good, bad, code) in [
        ("  record: employee", "  record: employee\n  suspend: true", Code::RuleSuspended),
        ("  domain:", "  suspend: true\n  domain:", Code::RuleCannotWin),
        ("Traders }", "Traders, clientPortal: { enabled: false, securityRole: X } }", Code::UnusedSecurityRole),
        ("spec: {}", "spec: { guards: { maxArchives: 0% } }", Code::PercentFloor),
    ] {
        let loaded = with(good, bad);
        assert!(codes(&loaded).contains(&code), "{code}: {}", text_of(&loaded));
        assert!(loaded.diagnostics.iter().all(|diagnostic| diagnostic.severity == Severity::Warning));
        assert!(loaded.config.is_some());
    }
    let unused = load_text([tenant(), contact_rule(), defaults()].join("---\n"));
    assert_eq!(codes(&unused), [Code::UnusedDefaults]);
    let alone = load_text(tenant());
    assert_eq!(codes(&alone), [Code::TenantWithoutRules]);
    let keep = load_text([tenant(), policy("{ unmatched: keep }")].join("---\n"));
    assert_eq!(codes(&keep), []);
}

#[test]
fn mistyped_keys_are_one_mistake() {
    let loaded = with("  applicationKey", "  applicationkey");
    assert_eq!(codes(&loaded), [Code::UnknownKey]);
    let loaded = with("metadata: { name", "metadata: { nmae");
    assert_eq!(codes(&loaded), [Code::UnknownKey]);
    assert!(text_of(&loaded).contains("did you mean `name`?"));
}

#[test]
fn documents_after_a_broken_one_are_read() {
    let broken = "apiVersion: bmsync/v1\nkind: SyncPolicy\nmetadata: { name: a\nspec: {}\n";
    let wrong = policy("{ drift: no }");
    let loaded = load_text(["", broken, &wrong, broken, &tenant().replace("Tenant", "Tennant")].join("---\n"));
    assert_eq!(codes(&loaded), [Code::InvalidYaml, Code::UnknownWord, Code::InvalidYaml, Code::UnknownKind]);
    let lines: Vec<u32> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.line).collect();
    assert_eq!(lines, [5, 10, 15, 18], "{}", text_of(&loaded));
}

#[test]
fn places_are_exact_in_any_text() {
    for (text, line, column) in [
        ("apiVersion: bmsync/v1\r\nkind: Ä\r\n", 2, 7),
        ("\u{feff}kind: X\n", 1, 7),
        ("# ä€😀\n'ä€😀': 1\nkind: X", 2, 1),
        ("apiVersion: bmsync/v1\rkind: X\r", 2, 7),
        ("--- {kind: X}\n", 1, 12),
    ] {
        let loaded = load_text(text);
        let wanted = if text.contains('😀') { Code::UnknownKind } else { codes(&loaded)[0] };
        let found = loaded.diagnostics.iter().find(|diagnostic| diagnostic.code == wanted).unwrap();
        let line = if text.contains('😀') { 3 } else { line };
        let column = if text.contains('😀') { 7 } else { column };
        assert_eq!((found.line, found.column), (line, column), "{text:?} {}", text_of(&loaded));
    }
}

#[test]
fn aliases_work_within_a_document() {
    let text = all().replacen("domain: contoso.onmicrosoft.com", "domain: &id 84841066-274d-4ec0-a5c1-276be684bdd3", 1);
    config_of(load_text(text.replacen(&format!("tenantId: {CONTOSO}"), "tenantId: *id", 1)));
    let loaded = with("spec:\n", "spec:\n  <<: { suspend: true }\n");
    assert_eq!(codes(&loaded), [Code::UnknownKey]);
    assert!(text_of(&loaded).contains("merge keys are not read"));
    let loaded = load_text("apiVersion: &a { b: *a }\nkind: Tenant\n");
    assert_eq!(codes(&loaded), [Code::InvalidYaml]);
}

#[test]
fn nothing_at_all_is_an_error() {
    for text in ["", "# a comment\n", "---\n---\n", "---\n...\n", "~", "\u{feff}"] {
        assert_eq!(codes(&load_text(text)), [Code::NoDocuments], "{text:?}");
    }
    assert_eq!(codes(&load(&[])), [Code::NoDocuments]);
    config_of(load_text(format!("---\n---\n{}\n---\n# nothing\n", all())));
}

#[test]
fn many_diagnostics_are_counted_not_printed() {
    let text = (0..300).map(|n| policy(&format!("{{ k{n}: 1 }}"))).collect::<Vec<_>>().join("---\n");
    let loaded = load_text(text);
    let text = text_of(&loaded);
    assert_eq!(text.matches("error[").count(), SHOWN);
    assert!(text.contains(&format!("and {} more\n", loaded.diagnostics.len() - SHOWN)), "{text}");
    assert!(text.ends_with(&format!("{} errors\n", loaded.diagnostics.len())));
}

#[test]
fn terminals_are_given_no_control_characters() {
    let loaded = load(&[ManifestFile::new("a\u{1b}[31m.yaml", "kind: \"T\\e[31m\\u202E\"\n\"k\\0\": '\u{202e}x'\n")]);
    for color in [Color::Plain, Color::Ansi] {
        let text = render_text(&loaded.diagnostics, color);
        assert!(!text.contains('\u{202e}') && !text.contains('\0') && !text.contains("[31mT"), "{text:?}");
    }
    assert!(text_of(&loaded).contains("\\u{1b}[31m\\u{202e}"), "{}", text_of(&loaded));
    let loaded = with("account: Northwind Traders", "account: \"North\u{202e}wind\"");
    assert_eq!(codes(&loaded), [Code::InvalidValue]);
}

#[test]
fn json_has_exactly_the_keys_of_the_contract() {
    let loaded = with("  order: 20", "  ordre: 20");
    let json: serde_json::Value = serde_json::from_str(&render_json(&loaded.diagnostics)).unwrap();
    assert_eq!(
        json,
        serde_json::json!({ "diagnostics": [{
            "file": "a.yaml", "line": 16, "column": 3, "severity": "error", "code": "UnknownKey",
            "message": "unknown key `ordre` in `spec`", "hint": "did you mean `order`?",
        }] })
    );
}

/// The reference names every key and every code.
#[test]
fn the_reference_is_complete() {
    let reference = fs::read_to_string(root("docs/reference/manifests.md")).unwrap();
    for code in Code::ALL {
        assert!(reference.contains(&format!("| `{code}` |")), "{code}");
    }
    let schema: serde_json::Value = serde_json::from_str(&schema("manifest").unwrap()).unwrap();
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        let Some(properties) = definition["properties"].as_object() else { continue };
        for key in properties.keys() {
            assert!(reference.contains(&format!("`{key}`")), "{name}.{key}");
        }
    }
}
