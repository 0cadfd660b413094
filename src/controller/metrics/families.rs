//! Every metric that there is: its name, its labels and what it means. Knows nothing of when they change.

use prometheus_client::metrics::histogram::Histogram;

use super::series::{Count, Level, Register, Series, Sum, TENANT};

/// Seconds of a round: a quiet one takes two requests, a full read of a large tenant minutes.
const ROUND: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0];
/// Seconds until a change is in BMS; 180 is what a change took before bmsync.
const FRESHNESS: [f64; 13] = [0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0];
/// Seconds in a queue, or of work.
const QUEUE: [f64; 10] = [0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0];
/// Seconds of an HTTP request.
const HTTP: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// What is known of the tenants; each is described where it is made.
#[derive(Debug)]
pub(super) struct TenantFamilies {
    pub rounds: Series<Count, 2>,
    pub round_duration: Series<Histogram, 1>,
    pub last_success: Series<Level, 1>,
    pub changes: Series<Count, 2>,
    pub refused: Series<Count, 1>,
    pub freshness: Series<Histogram, 1>,
    pub blocked: Series<Level, 2>,
    pub held: Series<Level, 2>,
    pub preserved: Series<Level, 1>,
    pub owned: Series<Level, 2>,
    pub objects: Series<Level, 2>,
    pub age: Series<Level, 1>,
    pub full_reads: Series<Count, 1>,
    pub corrections: Series<Count, 1>,
    pub phase: Series<Level, 2>,
    pub failures: Series<Level, 1>,
    pub failing: Series<Level, 2>,
    pub requests: Series<Count, 2>,
    pub throttled: Series<Count, 1>,
    pub waited: Series<Sum, 1>,
    pub retries: Series<Count, 1>,
    pub expiry: Series<Level, 2>,
    pub credential_expiry: Series<Level, 2>,
}

impl TenantFamilies {
    #[rustfmt::skip] // A table: one metric per entry, name and labels on one line.
    pub fn new(make: &mut Register) -> Self {
        Self {
            rounds: make.counter("bmsync_rounds_total", [TENANT, "result"],
                "Rounds by result: quiet (nothing to write), changed, refused (the store refused some changes), failed"),
            round_duration: make.histogram("bmsync_round_duration_seconds", [TENANT], || Histogram::new(ROUND),
                "How long a round took, from its first request to its commit"),
            last_success: make.gauge("bmsync_last_success_timestamp_seconds", [TENANT],
                "When a round last ended without failing, as seconds since 1970; 0 when none has since the start"),
            changes: make.counter("bmsync_changes_total", [TENANT, "action"],
                "Changes of records that were written, by action"),
            refused: make.counter("bmsync_refused_changes_total", [TENANT],
                "Changes that the store refused when they were to be written"),
            freshness: make.histogram("bmsync_freshness_seconds", [TENANT], || Histogram::new(FRESHNESS),
                "From the moment a change was noticed to its commit"),
            blocked: make.gauge("bmsync_blocked_users", [TENANT, "code"],
                "Users that are blocked, by the code that docs/reference/blocked.md explains"),
            held: make.gauge("bmsync_held_changes", [TENANT, "reason"],
                "Changes that are held back until a person approves them, by reason"),
            preserved: make.gauge("bmsync_preserved_records", [TENANT],
                "Records whose local edits are left standing"),
            owned: make.gauge("bmsync_owned_records", [TENANT, "status"],
                "Records that belong to a directory user, by status"),
            objects: make.gauge("bmsync_directory_objects", [TENANT, "kind"],
                "Objects that are known of the directory, by kind: user, group"),
            age: make.gauge("bmsync_directory_age_seconds", [TENANT],
                "Time since the directory was last read to its end; absent while it never was"),
            full_reads: make.counter("bmsync_full_reads_total", [TENANT],
                "Full reads of the directory that reached their end"),
            corrections: make.counter("bmsync_full_read_corrections_total", [TENANT],
                "Users and groups that a full read found different from what the deltas had said"),
            phase: make.gauge("bmsync_connection_phase", [TENANT, "phase"],
                "1 for the phase that the connection is in, else 0: connecting, synchronizing, watching, backingOff, \
                 disconnected, suspended"),
            failures: make.gauge("bmsync_consecutive_failures", [TENANT],
                "Reads that failed in a row"),
            failing: make.gauge("bmsync_failing", [TENANT, "class"],
                "1 for the class of the last failure while there is no success after it, else 0: transient, person (a \
                 secret, a consent or a manifest must be changed), protocol (an answer was not what it must be)"),
            requests: make.counter("bmsync_graph_requests_total", [TENANT, "status"],
                "Requests to Microsoft Graph by HTTP status; none when there was no answer"),
            throttled: make.counter("bmsync_graph_throttled_total", [TENANT],
                "Answers of Microsoft Graph and the login service that asked for patience"),
            waited: make.sum("bmsync_graph_throttled_seconds_total", [TENANT],
                "Time waited because the service asked for patience"),
            retries: make.counter("bmsync_graph_retries_total", [TENANT],
                "Requests that were tried once more"),
            expiry: make.gauge("bmsync_subscription_expiry_timestamp_seconds", [TENANT, "resource"],
                "When a subscription to change notifications ends, as seconds since 1970; absent where there is none"),
            credential_expiry: make.gauge("bmsync_credential_expiry_timestamp_seconds", [TENANT, "credential"],
                "When what the tenant signs in with ends, as seconds since 1970, by credential: grant (a person's sign-in, \
                 90 days after it was last used), certificate, secret; absent where that is not known"),
        }
    }
}

/// What is known of the process; each is described where it is made.
#[derive(Debug)]
pub(super) struct ProcessFamilies {
    pub notifications: Series<Count, 1>,
    pub queue_depth: Series<Level, 1>,
    pub queue_adds: Series<Count, 1>,
    pub queue_waited: Series<Histogram, 1>,
    pub queue_worked: Series<Histogram, 1>,
    pub queue_unfinished: Series<Level, 1>,
    pub queue_longest: Series<Level, 1>,
    pub queue_retries: Series<Count, 1>,
    pub manifests_valid: Series<Level, 0>,
    pub manifest_errors: Series<Level, 1>,
    pub manifests_loaded: Series<Level, 0>,
    pub configuration: Series<Level, 2>,
    pub requests: Series<Count, 3>,
    pub request_duration: Series<Histogram, 2>,
    pub revision: Series<Level, 0>,
    pub bms_calls: Series<Level, 1>,
    pub bms_calls_left: Series<Level, 1>,
    pub bms_read: Series<Level, 0>,
    pub bms_waiting: Series<Level, 0>,
    pub bms_failures: Series<Level, 0>,
    pub worklist: Series<Level, 0>,
    pub size: Series<Level, 0>,
    pub it_glue_waiting: Series<Level, 0>,
    pub it_glue_oldest: Series<Level, 0>,
    pub it_glue_connected: Series<Level, 0>,
    pub it_glue_findings: Series<Level, 1>,
    pub it_glue_deliveries: Series<Count, 1>,
    pub it_glue_requests: Series<Count, 1>,
    pub it_glue_throttled: Series<Sum, 0>,
    pub build: Series<Level, 1>,
    pub started: Series<Level, 0>,
}

impl ProcessFamilies {
    #[rustfmt::skip] // A table: one metric per entry, name and labels on one line.
    pub fn new(make: &mut Register) -> Self {
        Self {
            notifications: make.counter("bmsync_notifications_total", ["result"],
                "Notifications that arrived: genuine, forged (the clientState is wrong), unknown (no such subscription)"),
            queue_depth: make.gauge("workqueue_depth", ["name"],
                "Items that wait in the queue"),
            queue_adds: make.counter("workqueue_adds_total", ["name"],
                "Items that were put into the queue; one that waits already counts once"),
            queue_waited: make.histogram("workqueue_queue_duration_seconds", ["name"], || Histogram::new(QUEUE),
                "How long an item waited in the queue"),
            queue_worked: make.histogram("workqueue_work_duration_seconds", ["name"], || Histogram::new(QUEUE),
                "How long the work on an item took"),
            queue_unfinished: make.gauge("workqueue_unfinished_work_seconds", ["name"],
                "How long the work that is under way has taken so far, all items together; one that grows and grows is \
                 stuck"),
            queue_longest: make.gauge("workqueue_longest_running_processor_seconds", ["name"],
                "How long the longest work that is under way has taken so far"),
            queue_retries: make.counter("workqueue_retries_total", ["name"],
                "Items that were put back because the work on them failed"),
            manifests_valid: make.gauge("bmsync_manifests_valid", [],
                "1 when the manifests as they are now are in force, 0 when they are wrong and older ones are in force"),
            manifest_errors: make.gauge("bmsync_manifest_errors", ["file"],
                "Errors by file while the manifests are wrong; files beyond the first twenty as (others)"),
            manifests_loaded: make.gauge("bmsync_manifests_last_load_timestamp_seconds", [],
                "When valid manifests were last loaded, as seconds since 1970"),
            configuration: make.gauge("bmsync_configuration_info", ["digest", "commit"],
                "1; the labels name the configuration in force and the commit it comes from, empty without git"),
            requests: make.counter("bmsync_http_requests_total", ["route", "method", "status"],
                "HTTP requests that were answered, by route and status"),
            request_duration: make.histogram("bmsync_http_request_duration_seconds", ["route", "method"],
                || Histogram::new(HTTP),
                "How long answering an HTTP request took"),
            bms_calls: make.gauge("bmsync_bms_calls", ["operation"],
                "Calls of a live BMS in the last hour, by operation; each has a limit of its own"),
            bms_calls_left: make.gauge("bmsync_bms_calls_left", ["operation"],
                "Calls that the limit of the hour leaves, by operation"),
            bms_read: make.gauge("bmsync_bms_last_read_timestamp_seconds", [],
                "When a live BMS was last read, as seconds since 1970; absent while it never was"),
            bms_waiting: make.gauge("bmsync_bms_waiting_users", [],
                "Users whose changes wait, because a live BMS takes only so many calls in an hour"),
            bms_failures: make.gauge("bmsync_bms_consecutive_failures", [],
                "Reads of a live BMS that failed in a row"),
            worklist: make.gauge("bmsync_worklist_items", [],
                "What a person has to do to records of a live BMS that were written as far as its API allows"),
            revision: make.gauge("bmsync_state_revision", [],
                "Revision of the state: goes up by one with each commit"),
            size: make.gauge("bmsync_state_size_bytes", [],
                "Size of the state on disk"),
            it_glue_waiting: make.gauge("bmsync_itglue_waiting_contacts", [],
                "Contacts that are due to be brought to IT Glue, or compared with it; absent without an ItGlue. At most some \
                 thousand are taken in at a time, more wait in the events"),
            it_glue_oldest: make.gauge("bmsync_itglue_oldest_wait_seconds", [],
                "How long the contact has waited that waits longest"),
            it_glue_connected: make.gauge("bmsync_itglue_connected", [],
                "1 when IT Glue answered at last, 0 while it cannot be used"),
            it_glue_findings: make.gauge("bmsync_itglue_findings", ["code"],
                "Findings that stand, by the code that docs/itglue.md explains"),
            it_glue_deliveries: make.counter("bmsync_itglue_deliveries_total", ["result"],
                "Contacts that were brought or compared: matched, created, updated, left (a finding says why)"),
            it_glue_requests: make.counter("bmsync_itglue_requests_total", ["status"],
                "Requests to IT Glue by HTTP status; none when there was no answer"),
            it_glue_throttled: make.sum("bmsync_itglue_throttled_seconds_total", [],
                "Time waited because IT Glue asked for patience"),
            build: make.gauge("bmsync_build_info", ["version"],
                "1; the label names the version that runs"),
            started: make.gauge("process_start_time_seconds", [],
                "When the process started, as seconds since 1970"),
        }
    }
}
