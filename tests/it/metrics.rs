//! What a running bmsync shows to Prometheus: the format, the conventions of its names, and what is remembered.

mod exposition;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bmsync::controller::Phase;
use bmsync::controller::metrics::{Authenticity, FileErrors, Metrics, Resource, RoundResult, Shape, reference};
use bmsync::model::{Revision, Status};
use bmsync::outbox::{Did, FindingCode};
use bmsync::plan::{Action, Code, Hold};
use bmsync::source::SourceErrorClass;
use bmsync::source::expiry::{Credential, Expiring};
use bmsync::store::standing::{Calls, Standing};
use jiff::Timestamp;

use exposition::{Family, read};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn metrics() -> Arc<Metrics> {
    let metrics = Arc::new(Metrics::new(at(0)));
    metrics.declare(["contoso", "fabrikam"]);
    metrics
}

/// Says something of everything, twice where that may differ from once.
fn record_everything(metrics: &Arc<Metrics>, tenant: &str) {
    metrics.round(tenant, RoundResult::Quiet, Duration::from_millis(120), at(10));
    metrics.round(tenant, RoundResult::Failed, Duration::from_hours(1), at(20));
    metrics.changes(tenant, Action::Create, 3);
    metrics.refused(tenant, 1);
    metrics.freshness(tenant, Duration::from_millis(1500));
    metrics.blocked(tenant, [(Code::EmailTaken, 1), (Code::MissingEmail, 4), (Code::EmailTaken, 1)]);
    metrics.held(tenant, [(Hold::MaxArchives, 7)]);
    metrics.preserved(tenant, 2);
    metrics.owned(tenant, [(Status::Active, 100), (Status::Inactive, 3)]);
    metrics.directory(tenant, 120, 9, at(10));
    metrics.full_read(tenant, 5);
    metrics.connection(tenant, Phase::BackingOff, 2, Some(SourceErrorClass::Person));
    metrics.subscription(tenant, Resource::Users, Some(at(3600)));
    metrics.credentials(tenant, &[Expiring { credential: Credential::Secret, at: at(7200) }]);
    let meter = metrics.meter(tenant);
    for status in [Some(200), Some(200), Some(429), Some(299), Some(999), None] {
        meter.request(status);
    }
    meter.throttled(Duration::from_millis(2500));
    meter.retried();
    metrics.notification(Authenticity::Forged);
    metrics.queue_added("tenants", 2);
    metrics.queue_taken("tenants", 1, Duration::from_millis(30));
    metrics.queue_began("tenants", "contoso", jiff::Timestamp::UNIX_EPOCH);
    metrics.queue_ended("tenants", "contoso", Duration::from_secs(2));
    metrics.queue_retried("tenants");
    metrics.manifests_valid("sha256:00", Some("4f2a"), at(1));
    metrics.http(Some("/v1/employees/{id}"), "GET", 200, Duration::from_millis(4));
    metrics.http(None, "BREW", 418, Duration::from_millis(1));
    metrics.it_glue_outbox(3, Some(at(5)), &[(FindingCode::Missing, 2)].into());
    metrics.it_glue_connected(true);
    metrics.it_glue_delivered(&[(Did::Created, 4)].into());
    let meter = metrics.it_glue_meter();
    meter.request(Some(201));
    meter.throttled(Duration::from_secs(30));
    metrics.state(Revision(42));
    metrics.bms(&Standing {
        read_at: Some(at(5)),
        waiting: 12,
        failures: 1,
        owed: 3,
        calls: vec![Calls { operation: "GET /v2/crm/contacts/summary", made: 4, left: 1496 }],
        ..Standing::default()
    });
    metrics.measure(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deploy"));
}

/// The value of the series `name{key="value",…}`.
fn value(families: &BTreeMap<String, Family>, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let mut samples = families.values().flat_map(|family| &family.samples);
    samples.find(|sample| sample.name == name && sample.labels == labels).map(|sample| sample.value)
}

#[test]
fn everything_that_is_recorded_is_shown_in_the_format() {
    let metrics = metrics();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("deeper")).unwrap();
    std::fs::write(folder.path().join("deeper/file"), [0; 4096]).unwrap();
    metrics.measure(folder.path());
    record_everything(&metrics, "contoso");
    metrics.manifests_invalid([FileErrors { file: "a \"b\\\n.yaml", errors: 2 }]);
    let page = read(&metrics.text_at(at(70)));
    let described: BTreeSet<&str> = metrics.descriptions().iter().map(|one| one.name).collect();
    assert_eq!(page.keys().map(String::as_str).collect::<BTreeSet<_>>(), described);
    let contoso = ("tenant", "contoso");
    for (name, labels, expected) in [
        ("bmsync_itglue_waiting_contacts", &[][..], 3.0),
        ("bmsync_itglue_oldest_wait_seconds", &[], 65.0),
        ("bmsync_itglue_findings", &[("code", "missing")], 2.0),
        ("bmsync_itglue_findings", &[("code", "duplicate")], 0.0),
        ("bmsync_itglue_deliveries_total", &[("result", "created")], 4.0),
        ("bmsync_itglue_requests_total", &[("status", "201")], 1.0),
        ("bmsync_itglue_throttled_seconds_total", &[], 30.0),
        ("bmsync_rounds_total", &[contoso, ("result", "quiet")][..], 1.0),
        ("bmsync_bms_calls_left", &[("operation", "GET /v2/crm/contacts/summary")], 1496.0),
        ("bmsync_bms_last_read_timestamp_seconds", &[], 1_800_000_005.0),
        ("bmsync_bms_waiting_users", &[], 12.0),
        ("bmsync_worklist_items", &[], 3.0),
        ("bmsync_rounds_total", &[("tenant", "fabrikam"), ("result", "quiet")], 0.0),
        ("bmsync_round_duration_seconds_count", &[contoso], 2.0),
        ("bmsync_round_duration_seconds_bucket", &[contoso, ("le", "0.25")], 1.0),
        ("bmsync_last_success_timestamp_seconds", &[contoso], 1_800_000_010.0),
        ("bmsync_last_success_timestamp_seconds", &[("tenant", "fabrikam")], 0.0),
        ("bmsync_changes_total", &[contoso, ("action", "create")], 3.0),
        ("bmsync_changes_total", &[contoso, ("action", "archive")], 0.0),
        ("bmsync_refused_changes_total", &[contoso], 1.0),
        ("bmsync_freshness_seconds_sum", &[contoso], 1.5),
        ("bmsync_freshness_seconds_bucket", &[contoso, ("le", "1.0")], 0.0),
        ("bmsync_freshness_seconds_bucket", &[contoso, ("le", "2.0")], 1.0),
        ("bmsync_blocked_users", &[contoso, ("code", "EmailTaken")], 2.0),
        ("bmsync_blocked_users", &[contoso, ("code", "MissingName")], 0.0),
        ("bmsync_held_changes", &[contoso, ("reason", "maxArchives")], 7.0),
        ("bmsync_preserved_records", &[contoso], 2.0),
        ("bmsync_owned_records", &[contoso, ("status", "active")], 100.0),
        ("bmsync_directory_objects", &[contoso, ("kind", "group")], 9.0),
        ("bmsync_directory_age_seconds", &[contoso], 60.0),
        ("bmsync_full_reads_total", &[contoso], 1.0),
        ("bmsync_full_read_corrections_total", &[contoso], 5.0),
        ("bmsync_connection_phase", &[contoso, ("phase", "backingOff")], 1.0),
        ("bmsync_connection_phase", &[contoso, ("phase", "connecting")], 0.0),
        ("bmsync_consecutive_failures", &[contoso], 2.0),
        ("bmsync_failing", &[contoso, ("class", "person")], 1.0),
        ("bmsync_failing", &[contoso, ("class", "transient")], 0.0),
        ("bmsync_graph_requests_total", &[contoso, ("status", "200")], 2.0),
        ("bmsync_graph_requests_total", &[contoso, ("status", "2xx")], 1.0),
        ("bmsync_graph_requests_total", &[contoso, ("status", "other")], 1.0),
        ("bmsync_graph_requests_total", &[contoso, ("status", "none")], 1.0),
        ("bmsync_graph_throttled_total", &[contoso], 1.0),
        ("bmsync_graph_throttled_seconds_total", &[contoso], 2.5),
        ("bmsync_graph_retries_total", &[contoso], 1.0),
        ("bmsync_subscription_expiry_timestamp_seconds", &[contoso, ("resource", "users")], 1_800_003_600.0),
        ("bmsync_credential_expiry_timestamp_seconds", &[contoso, ("credential", "secret")], 1_800_007_200.0),
        ("bmsync_notifications_total", &[("result", "forged")], 1.0),
        ("workqueue_depth", &[("name", "tenants")], 1.0),
        ("workqueue_adds_total", &[("name", "tenants")], 1.0),
        ("workqueue_queue_duration_seconds_sum", &[("name", "tenants")], 0.03),
        ("workqueue_work_duration_seconds_sum", &[("name", "tenants")], 2.0),
        ("workqueue_retries_total", &[("name", "tenants")], 1.0),
        ("bmsync_manifests_valid", &[], 0.0),
        ("bmsync_manifest_errors", &[("file", "a \"b\\\n.yaml")], 2.0),
        ("bmsync_manifests_last_load_timestamp_seconds", &[], 1_800_000_001.0),
        ("bmsync_configuration_info", &[("digest", "sha256:00"), ("commit", "4f2a")], 1.0),
        ("bmsync_http_requests_total", &[("route", "/v1/employees/{id}"), ("method", "GET"), ("status", "200")], 1.0),
        ("bmsync_http_requests_total", &[("route", "none"), ("method", "other"), ("status", "418")], 1.0),
        ("bmsync_http_request_duration_seconds_count", &[("route", "none"), ("method", "other")], 1.0),
        ("bmsync_state_revision", &[], 42.0),
        ("bmsync_state_size_bytes", &[], 4096.0),
        ("bmsync_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0),
        ("process_start_time_seconds", &[], 1_800_000_000.0),
    ] {
        assert_eq!(value(&page, name, labels), Some(expected), "{name}{labels:?}");
    }
}

#[test]
fn names_follow_the_conventions() {
    let metrics = metrics();
    record_everything(&metrics, "contoso");
    metrics.manifests_invalid([FileErrors { file: "a.yaml", errors: 2 }]);
    let page = read(&metrics.text());
    for description in metrics.descriptions() {
        let name = description.name;
        assert!(["bmsync_", "workqueue_", "process_"].iter().any(|prefix| name.starts_with(prefix)), "{name}");
        assert_eq!(name.ends_with("_total"), description.shape == Shape::Counter, "{name}");
        let bare = name.strip_suffix("_total").unwrap_or(name);
        assert!(name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'), "{name}");
        for unit in ["second", "byte", "milli", "minute", "percent", "ratio", "size", "duration", "timestamp", "age"] {
            let has = bare.split('_').any(|word| word.starts_with(unit));
            assert!(!has || reference::unit(name).is_some(), "{name} speaks of {unit} and has no base unit at its end");
        }
        for ending in ["_bucket", "_sum", "_count"] {
            assert!(!name.ends_with(ending), "{name} looks like a part of a histogram");
        }
        assert!(page[name].help.ends_with('.') && !page[name].help.ends_with(".."), "{name}: {}", page[name].help);
        assert_eq!(page[name].shape, description.shape.word(), "{name}");
    }
}

#[test]
fn every_label_is_a_known_one_and_shown_as_described() {
    let known = [
        "action",
        "class",
        "code",
        "commit",
        "credential",
        "digest",
        "file",
        "kind",
        "method",
        "name",
        "operation",
        "phase",
        "reason",
        "resource",
        "result",
        "route",
        "status",
        "tenant",
        "version",
    ];
    let metrics = metrics();
    record_everything(&metrics, "contoso");
    let page = read(&metrics.text());
    for description in metrics.descriptions() {
        for label in &description.labels {
            assert!(
                known.contains(label),
                "{} has the label {label}: can it take any number of values?",
                description.name
            );
        }
        let described: BTreeSet<&str> = description.labels.iter().copied().collect();
        for sample in page.get(description.name).into_iter().flat_map(|family| &family.samples) {
            let shown: BTreeSet<&str> = sample.labels.keys().map(String::as_str).filter(|key| *key != "le").collect();
            assert_eq!(shown, described, "{}", sample.name);
        }
    }
}

#[test]
fn strangers_cannot_make_series() {
    let metrics = metrics();
    let meter = metrics.meter("contoso");
    for number in 0..u16::MAX {
        meter.request(Some(number));
        metrics.http(None, &format!("M{number}"), number, Duration::ZERO);
        metrics.round(&format!("tenant{number}"), RoundResult::Quiet, Duration::ZERO, at(0));
    }
    let files: Vec<String> = (0..1000).map(|number| format!("{}{number:04}.yaml", "ä".repeat(4000))).collect();
    metrics.manifests_invalid(files.iter().map(|file| FileErrors { file, errors: 3 }));
    for number in 0..1000 {
        metrics.manifests_valid(&format!("sha256:{number}"), Some(&number.to_string()), at(number));
    }
    metrics.manifests_invalid(files.iter().map(|file| FileErrors { file, errors: 3 }));
    let text = metrics.text();
    let page = read(&text);
    let series = |name: &str| page[name].samples.len();
    assert!(series("bmsync_graph_requests_total") < 80, "{}", series("bmsync_graph_requests_total"));
    assert!(series("bmsync_http_requests_total") < 80, "{}", series("bmsync_http_requests_total"));
    assert_eq!((series("bmsync_manifest_errors"), series("bmsync_configuration_info")), (21, 1));
    assert_eq!(value(&page, "bmsync_manifest_errors", &[("file", "(others)")]), Some(980.0 * 3.0));
    assert!(!text.contains("tenant1"), "an undeclared tenant has series");
    assert!(text.lines().all(|line| line.len() < 600), "a name is not cut");
}

#[test]
fn a_tenant_that_is_no_longer_declared_leaves_no_series() {
    let metrics = metrics();
    for tenant in ["contoso", "fabrikam"] {
        record_everything(&metrics, tenant);
    }
    let meter = metrics.meter("fabrikam");
    let before = metrics.text_at(at(70));
    metrics.declare(["contoso"]);
    record_everything(&metrics, "fabrikam");
    meter.request(Some(200));
    meter.throttled(Duration::from_secs(1));
    meter.retried();
    let after = metrics.text_at(at(70));
    assert!(before.contains("fabrikam") && !after.contains("fabrikam"), "{after}");
    let of_contoso =
        |text: &str| text.lines().filter(|line| line.contains("contoso")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(of_contoso(&before), of_contoso(&after));
    metrics.declare(["contoso", "fabrikam"]);
    let page = read(&metrics.text_at(at(70)));
    let rounds = [("tenant", "fabrikam"), ("result", "quiet")];
    assert_eq!(value(&page, "bmsync_rounds_total", &rounds), Some(0.0), "it starts anew");
    assert_eq!(value(&page, "bmsync_directory_age_seconds", &[("tenant", "fabrikam")]), None);
}

#[test]
fn what_stands_is_replaced_and_what_ends_goes() {
    let metrics = metrics();
    record_everything(&metrics, "contoso");
    metrics.blocked("contoso", [(Code::MissingName, 1)]);
    metrics.held("contoso", []);
    metrics.connection("contoso", Phase::Watching, 0, None);
    metrics.subscription("contoso", Resource::Groups, Some(at(9)));
    metrics.subscription("contoso", Resource::Users, None);
    metrics.credentials("contoso", &[Expiring { credential: Credential::Certificate, at: at(9) }]);
    metrics.manifests_invalid([FileErrors { file: "a.yaml", errors: 1 }, FileErrors { file: "b.yaml", errors: 1 }]);
    metrics.manifests_invalid([FileErrors { file: "b.yaml", errors: 2 }]);
    let page = read(&metrics.text());
    let contoso = ("tenant", "contoso");
    for (name, labels, expected) in [
        ("bmsync_blocked_users", [contoso, ("code", "EmailTaken")], Some(0.0)),
        ("bmsync_blocked_users", [contoso, ("code", "MissingName")], Some(1.0)),
        ("bmsync_held_changes", [contoso, ("reason", "maxArchives")], Some(0.0)),
        ("bmsync_connection_phase", [contoso, ("phase", "backingOff")], Some(0.0)),
        ("bmsync_connection_phase", [contoso, ("phase", "watching")], Some(1.0)),
        ("bmsync_failing", [contoso, ("class", "person")], Some(0.0)),
        ("bmsync_subscription_expiry_timestamp_seconds", [contoso, ("resource", "users")], None),
        ("bmsync_credential_expiry_timestamp_seconds", [contoso, ("credential", "secret")], None),
        ("bmsync_credential_expiry_timestamp_seconds", [contoso, ("credential", "certificate")], Some(1_800_000_009.0)),
        ("bmsync_subscription_expiry_timestamp_seconds", [contoso, ("resource", "groups")], Some(1_800_000_009.0)),
    ] {
        assert_eq!(value(&page, name, &labels), expected, "{name}{labels:?}");
    }
    assert_eq!(value(&page, "bmsync_manifest_errors", &[("file", "a.yaml")]), None);
    assert_eq!(value(&page, "bmsync_manifest_errors", &[("file", "b.yaml")]), Some(2.0));
    metrics.manifests_valid("sha256:01", None, at(2));
    let page = read(&metrics.text());
    assert!(!page.contains_key("bmsync_manifest_errors"));
    assert_eq!(page["bmsync_configuration_info"].samples.len(), 1);
}

#[test]
fn exactly_one_phase_is_1() {
    let metrics = metrics();
    for phase in [
        Phase::Connecting,
        Phase::Synchronizing,
        Phase::Watching,
        Phase::BackingOff,
        Phase::Disconnected,
        Phase::Suspended,
    ] {
        metrics.connection("contoso", phase, 0, None);
        let page = read(&metrics.text());
        let samples = page["bmsync_connection_phase"].samples.iter().filter(|one| one.labels["tenant"] == "contoso");
        let on: Vec<&str> = samples.filter(|one| one.value > 0.0).map(|one| one.labels["phase"].as_str()).collect();
        let word = serde_json::to_value(phase).unwrap();
        assert_eq!(on, [word.as_str().unwrap()], "the word of the status");
    }
}

#[test]
fn the_reference_page_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/metrics.md");
    let (kept, fresh) = (std::fs::read_to_string(path).unwrap_or_default(), reference::page());
    let diff = similar::TextDiff::from_lines(kept.as_str(), &fresh);
    assert!(
        kept == fresh,
        "docs/reference/metrics.md is not fresh; to make it: cargo run -- reference metrics > docs/reference/metrics.md\n{}",
        diff.unified_diff().header("docs/reference/metrics.md", "bmsync reference metrics")
    );
}
