//! Conditions of tenants and rules, with the moment at which each last changed.

use std::collections::HashMap;

use jiff::Timestamp;

use super::connection::Connection;
use super::core::Core;
use super::credentials::summary;
use super::delivering::Delivery;
use super::{Condition, Phase, RuleStatus, TenantStatus, Truth};
use crate::desired::project;
use crate::directory::TenantDirectory;
use crate::display::counted;
use crate::manifest::config::{Rule, Tenant};
use crate::model::Text;
use crate::plan::{Hold, unseen};
use crate::source::Job;
use crate::source::expiry::{Expiring, Outlook};
use crate::store::Standing;

/// Remembers when conditions changed.
#[derive(Debug, Default)]
pub(super) struct Conditions(HashMap<(String, &'static str), (Truth, Timestamp)>);

/// A condition before it is known since when it holds.
struct Finding {
    kind: &'static str,
    status: Truth,
    reason: &'static str,
    message: String,
}

/// What conditions of a tenant are judged by, beside its connection.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub core: &'a Core,
    /// Why the newest manifests are not in force.
    pub problem: Option<&'a str>,
    /// What the tenant signs in with, and when that ends.
    pub expiring: &'a [Expiring],
    /// How things stand with a live BMS.
    pub standing: Option<&'a Standing>,
}

impl Conditions {
    fn note(&mut self, object: &str, finding: Finding, now: Timestamp) -> Condition {
        let Finding { kind, status, reason, message } = finding;
        let known = self.0.entry((object.to_owned(), kind)).or_insert((status, now));
        if known.0 != status {
            *known = (status, now);
        }
        Condition {
            kind: Text::const_new(kind),
            status,
            reason: Text::const_new(reason),
            message,
            last_transition_time: known.1,
        }
    }

    /// Whether IT Glue can be used, and says what BMS says.
    pub fn it_glue(&mut self, delivery: &Delivery, now: Timestamp) -> Vec<Condition> {
        let findings = [reached(delivery), in_step(delivery)];
        findings.into_iter().map(|finding| self.note("itglue", finding, now)).collect()
    }

    /// Notes what a look that planned nobody may have changed of a tenant: how it is reached. Costs the same however many
    /// of its changes are open.
    pub fn observe(&mut self, tenant: &Tenant, connection: &Connection, expiring: &[Expiring], now: Timestamp) {
        let object = of_tenant(tenant);
        for finding in reach(connection, expiring, now).into_iter().flatten() {
            self.note(&object, finding, now);
        }
    }

    /// Notes that the newest manifests are, or are not, in force for this tenant.
    pub fn observe_manifests(&mut self, tenant: &Tenant, problem: Option<&str>, now: Timestamp) {
        self.note(&of_tenant(tenant), manifests(problem), now);
    }

    /// What is known of a tenant.
    pub fn tenant(
        &mut self,
        tenant: &Tenant,
        connection: &Connection,
        known: Known<'_>,
        now: Timestamp,
    ) -> TenantStatus {
        let Known { core, problem, expiring, standing } = known;
        let known = core.observed.directory.tenant(&tenant.id);
        let (mut blocked, mut held) = (0, 0);
        for open in core.open.of(&tenant.id) {
            blocked += u64::from(open.blocked.is_some());
            held += open.held.len() as u64;
        }
        let object = of_tenant(tenant);
        let doubt = known.and_then(|known| doubt(tenant, known));
        let [connected, credentials, synchronized] = reach(connection, expiring, now);
        let (bms, guards) = (standing.map(|standing| bms_reachable(standing, core)), Some(nothing_held(held, doubt)));
        let findings = [bms, connected, credentials, guards, Some(manifests(problem)), synchronized];
        TenantStatus {
            name: tenant.name.clone(),
            tenant_id: tenant.id.clone(),
            phase: connection.phase(),
            users: known.map_or(0, |known| known.user_count() as u64),
            groups: known.map_or(0, |known| known.group_count() as u64),
            blocked,
            held,
            last_success: connection.last_success(),
            failures: connection.failures(),
            conditions: findings.into_iter().flatten().map(|finding| self.note(&object, finding, now)).collect(),
        }
    }

    /// What is known of all rules.
    pub fn rules(&mut self, core: &Core, now: Timestamp) -> Vec<RuleStatus> {
        let desired = project(&core.config, &core.observed.directory);
        let broken = |rule: &Rule| {
            let tenant = desired.tenant(&rule.tenant)?;
            tenant.reach.broken().iter().find(|broken| broken.rule.name == rule.name).map(|broken| broken.why)
        };
        let of = |rule: &Rule| {
            let is_read = desired.tenant(&rule.tenant).is_some();
            ready(rule, is_read, broken(rule).map(crate::desired::reach::BrokenGroup::text))
        };
        let findings: Vec<(&Rule, Finding)> = core.config.rules.iter().map(|rule| (rule, of(rule))).collect();
        findings.into_iter().map(|(rule, finding)| self.rule(rule, finding, now)).collect()
    }

    fn rule(&mut self, rule: &Rule, finding: Finding, now: Timestamp) -> RuleStatus {
        RuleStatus {
            name: rule.name.clone(),
            tenant_id: rule.tenant.clone(),
            group_id: rule.group.clone(),
            order: rule.order,
            record: rule.kind,
            conditions: vec![self.note(&format!("rule/{}", rule.name), finding, now)],
        }
    }
}

/// `Connected` of IT Glue.
fn reached(delivery: &Delivery) -> Finding {
    let (status, reason, message) = match (&delivery.problem, delivery.last_success) {
        (Some((reason, message)), _) => (Truth::False, *reason, message.clone()),
        (None, Some(_)) => (Truth::True, "Answering", "IT Glue answers".to_owned()),
        (None, None) => (Truth::Unknown, "NothingAsked", "nothing was asked of IT Glue yet".to_owned()),
    };
    Finding { kind: "Connected", status, reason, message }
}

/// Whether IT Glue says what BMS says, as far as that is known.
fn in_step(delivery: &Delivery) -> Finding {
    let found: u64 = delivery.found.values().sum();
    let (status, reason, message) = match (found, delivery.waiting) {
        (1.., _) => {
            (Truth::False, "Findings", format!("{} of contacts: `bmsync get itglue`", counted(found, "finding")))
        }
        (0, 1..) => (Truth::Unknown, "Delivering", format!("{} to be brought", counted(delivery.waiting, "contact"))),
        (0, 0) => (Truth::True, "InStep", "nothing was found and nothing waits".to_owned()),
    };
    Finding { kind: "InStep", status, reason, message }
}

/// How a tenant is reached.
fn reach(connection: &Connection, expiring: &[Expiring], now: Timestamp) -> [Option<Finding>; 3] {
    [Some(connected(connection)), credentials_current(expiring, now), Some(synchronized(connection))]
}

fn of_tenant(tenant: &Tenant) -> String {
    format!("tenant/{}", tenant.id)
}

fn connected(connection: &Connection) -> Finding {
    let (status, reason) = match connection.phase() {
        Phase::Connecting | Phase::Synchronizing if connection.last_error().is_some() => (Truth::False, "Reconnecting"),
        Phase::Connecting | Phase::Synchronizing if connection.last_success().is_none() => {
            (Truth::Unknown, "Connecting")
        }
        Phase::Connecting | Phase::Synchronizing | Phase::Watching => (Truth::True, "Watching"),
        Phase::BackingOff => (Truth::False, "BackingOff"),
        Phase::Disconnected => (Truth::False, connection.awaits().map_or("Disconnected", awaited)),
        Phase::Suspended => (Truth::Unknown, "Suspended"),
    };
    Finding { kind: "Connected", status, reason, message: connection.last_error().unwrap_or_default().to_owned() }
}

/// The reason that says whose job it is.
const fn awaited(job: Job) -> &'static str {
    match job {
        Job::Operator => "OperatorMustAct",
        Job::TenantAdmin => "TenantAdminMustAct",
        Job::User => "SignInRequired",
        Job::Wait => "Disconnected",
    }
}

/// Whether a live BMS is read, and what waits for it.
fn bms_reachable(standing: &Standing, core: &Core) -> Finding {
    let Standing { read_at, trouble, .. } = standing;
    let (waiting, _, last) = core.open.waiting();
    let waits = match (waiting, last) {
        (0, _) | (_, None) => String::new(),
        (users, Some(until)) => format!("; the changes of {users} users wait until {until}"),
    };
    let (status, reason, message) = match (read_at, trouble) {
        (None, None) => (Truth::Unknown, "NotReadYet", String::from("BMS has not been read yet")),
        (None, Some(trouble)) => (Truth::False, "NeverRead", trouble.clone()),
        (Some(at), Some(trouble)) => (Truth::False, "Unreachable", format!("last read at {at}: {trouble}{waits}")),
        (Some(at), None) => (Truth::True, "Read", format!("read at {at}{waits}")),
    };
    Finding { kind: "BmsReachable", status, reason, message }
}

/// Nothing where no end is known, as of a client secret that only its owner can look up.
fn credentials_current(expiring: &[Expiring], now: Timestamp) -> Option<Finding> {
    let (outlook, message) = summary(expiring, now)?;
    let (status, reason) = match outlook {
        Outlook::Good => (Truth::True, "Current"),
        Outlook::Near => (Truth::False, "ExpiresSoon"),
        Outlook::Over => (Truth::False, "Expired"),
    };
    Some(Finding { kind: "CredentialsCurrent", status, reason, message })
}

fn synchronized(connection: &Connection) -> Finding {
    let (status, reason, message) = match (connection.phase(), connection.last_success(), connection.last_error()) {
        (Phase::Suspended, _, _) => (Truth::Unknown, "Suspended", String::from("the manifest suspends the tenant")),
        (_, None, None) => (Truth::Unknown, "NotReadYet", String::from("the directory has not been read yet")),
        (_, None, Some(error)) => (Truth::False, "NeverRead", error.to_owned()),
        (_, Some(last), Some(error)) => (Truth::False, "ReadFailed", format!("last read at {last}: {error}")),
        (_, Some(last), None) => (Truth::True, "UpToDate", format!("read at {last}")),
    };
    Finding { kind: "Synchronized", status, reason, message }
}

/// Why the absences of a tenant are not believed, by its condition's reason.
fn doubt(tenant: &Tenant, known: &TenantDirectory) -> Option<(&'static str, String)> {
    let suspicion = || known.suspicion.clone().map(|why| (Hold::SourceUnhealthy.word(), why));
    unseen(tenant, known).map(|why| (Hold::PermissionsShrank.word(), why)).or_else(suspicion)
}

fn nothing_held(held: u64, doubt: Option<(&'static str, String)>) -> Finding {
    let (status, reason, message) = match (held, doubt) {
        (0, _) => (Truth::True, "NothingHeld", String::new()),
        (held, None) => (Truth::False, "Held", format!("{held} changes wait for a person")),
        (held, Some((reason, why))) => (Truth::False, reason, format!("{held} changes are held: {why}")),
    };
    Finding { kind: "GuardsClear", status, reason, message }
}

/// Whether what decides over the tenant is the newest that was written.
fn manifests(problem: Option<&str>) -> Finding {
    let (status, reason, message) = match problem {
        None => (Truth::True, "InForce", String::new()),
        Some(problem) => (Truth::False, "LastGoodInForce", problem.to_owned()),
    };
    Finding { kind: "ManifestsValid", status, reason, message }
}

fn ready(rule: &Rule, is_read: bool, broken: Option<&str>) -> Finding {
    let (status, reason, message) = match (rule.suspend, is_read, broken) {
        (true, _, _) => (Truth::Unknown, "Suspended", String::from("the rule leaves its users alone")),
        (false, false, _) => (Truth::Unknown, "TenantNotRead", String::from("its tenant has not been read")),
        (false, true, Some(why)) => (Truth::False, "Broken", format!("{why}: removals of its tenant are held")),
        (false, true, None) => (Truth::True, "GroupFound", String::new()),
    };
    Finding { kind: "Ready", status, reason, message }
}
