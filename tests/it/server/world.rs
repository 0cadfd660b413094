//! A value that can be asked what a running bmsync can be asked: a configuration, a directory and a state.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bmsync::actual::Actual;
use bmsync::applied::Event;
use bmsync::approved::Consent;
use bmsync::controller::connecting::{Begun, Way};
use bmsync::controller::{
    Cause, Condition, Disconnected, Held, ItGlueStatus, Lifecycle, Notification, Operations, Phase, Readiness, Refusal,
    RuleStatus, ServedPlan, ServedReport, TenantStatus, Truth,
};
use bmsync::directory::{Attribute, Coverage, Directory, GroupPatch, Patch, Said, TenantDirectory};
use bmsync::manifest::config::Config;
use bmsync::manifest::{ManifestFile, load};
use bmsync::model::{Field, Fields, Id, Kind, Link, Record, RecordKey, References, Revision, Seen, Status, UserKey};
use bmsync::outbox::{Finding, FindingCode, Found};
use bmsync::plan::explain::{explain, find};
use bmsync::plan::{Explanation, Observed, Plan, Scope, ToDo, plan};
use bmsync::source::graph::connect::{Progress, Reply};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use tokio::sync::Semaphore;

pub const TENANT: &str = "84841066-274d-4ec0-a5c1-276be684bdd3";
pub const GROUP: &str = "45b7d2e7-b882-4a80-ba97-10b7a63b8fa4";
pub const ADELE: &str = "00000000-0000-4000-8000-000000000001";
pub const GONE: &str = "00000000-0000-4000-8000-000000000002";

/// As many contacts as make several pages.
pub const CONTACTS: u64 = 25;

/// The manifests that are in force: one deactivation is more than the guard allows.
pub const MANIFESTS: &str = r"apiVersion: bmsync/v1
kind: Tenant
metadata: { name: contoso }
spec:
  domain: contoso.onmicrosoft.com
  tenantId: 84841066-274d-4ec0-a5c1-276be684bdd3
  applicationId: 1f3c5d7e-0000-4000-8000-000000000001
  applicationKey: { env: CONTOSO_APPLICATION_KEY }
---
apiVersion: bmsync/v1
kind: MappingRule
metadata: { name: technicians }
spec: { tenantId: 84841066-274d-4ec0-a5c1-276be684bdd3, groupId: 45b7d2e7-b882-4a80-ba97-10b7a63b8fa4, order: 10, record: employee }
---
apiVersion: bmsync/v1
kind: EmployeeDefaults
metadata: { name: defaults }
spec: { department: Operations, location: Headquarters, manager: jsmith, jobTitle: Technician, employmentType: Full Time,
  employeeRole: Engineer, securityRole: User }
---
apiVersion: bmsync/v1
kind: SyncPolicy
metadata: { name: policy }
spec: { guards: { maxDeactivations: 0 } }
";

/// What a notification said.
pub type Heard = (String, String, Option<Lifecycle>);

pub struct World {
    pub config: Arc<Config>,
    pub observed: Observed,
    pub is_ready: AtomicBool,
    pub synced: Mutex<Vec<Option<String>>>,
    pub heard: Mutex<Vec<Heard>>,
    pub approved: Mutex<Vec<String>>,
    /// How many plans are being made, and what lets each go on; closed, none waits.
    pub planning: AtomicUsize,
    pub brake: Semaphore,
}

pub fn config(manifests: &str) -> Config {
    let loaded = load(&[ManifestFile::new("manifests", manifests)]);
    loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

impl World {
    pub fn new() -> Arc<Self> {
        let world = Self::braked();
        world.brake.close();
        world
    }

    /// One in which each plan waits for the brake.
    pub fn braked() -> Arc<Self> {
        Arc::new(Self {
            config: Arc::new(config(MANIFESTS)),
            observed: Observed { directory: directory(), actual: actual(), ..Observed::default() },
            is_ready: AtomicBool::new(true),
            synced: Mutex::default(),
            heard: Mutex::default(),
            approved: Mutex::default(),
            planning: AtomicUsize::new(0),
            brake: Semaphore::new(0),
        })
    }

    pub fn plan_of(&self, config: &Config) -> Plan {
        self.plan_within(config, &Scope::All)
    }

    fn plan_within(&self, config: &Config, scope: &Scope) -> Plan {
        plan(config, &self.observed, scope)
    }

    fn named(&self, tenant: &str) -> Result<Id, Refusal> {
        let mut tenants = self.config.tenants.iter();
        let found = tenants.find(|known| known.name == tenant || known.id == Id::new(tenant));
        found.map(|tenant| tenant.id.clone()).ok_or_else(|| Refusal::NotFound(format!("there is no tenant `{tenant}`")))
    }
}

fn directory() -> Directory {
    let mut tenant = TenantDirectory::default();
    tenant.coverage = Coverage::Complete;
    tenant.upsert_group(&Id::new(GROUP), GroupPatch { security_enabled: Patch::Set(true), ..GroupPatch::default() });
    let mut user = Said::default();
    user.text(Attribute::UserPrincipalName, Some("adele@contoso.com".into()));
    user.text(Attribute::GivenName, Some("Adele".into()));
    user.text(Attribute::Surname, Some("Vance".into()));
    tenant.upsert_user(Id::new(ADELE), user);
    tenant.add_member(&Id::new(GROUP), &Id::new(ADELE));
    let mut directory = Directory::default();
    directory.insert(Id::new(TENANT), tenant);
    directory
}

fn actual() -> Actual {
    let mut actual = Actual::default();
    actual.revision = Revision(42);
    let user = UserKey { tenant: Id::new(TENANT), user: Id::new(GONE) };
    let link = Link { user, user_principal_name: Some("gone@contoso.com".into()), seen: Seen::Unknown };
    actual.put(Record { link: Some(link), ..record(Kind::Employee, 7) });
    (1..=CONTACTS).for_each(|id| actual.put(record(Kind::Contact, id)));
    actual
}

fn record(kind: Kind, id: u64) -> Record {
    Record {
        key: RecordKey { kind, id },
        status: Status::Active,
        fields: Fields::default().with(Field::Email, &format!("{kind}{id}@northwind.com")).with(Field::LastName, "Ng"),
        link: None,
        archived_from: None,
        references: References::default(),
    }
}

fn event(id: u64) -> Event {
    Event {
        id,
        at: Timestamp::UNIX_EPOCH,
        revision: Revision(id),
        action: "import".into(),
        user: None,
        user_principal_name: None,
        rule: None,
        reason: "import".into(),
        config_digest: None,
        config_commit: None,
        before: None,
        after: record(Kind::Contact, id),
    }
}

fn condition() -> Condition {
    Condition {
        kind: "Synchronized".into(),
        status: Truth::True,
        reason: "Complete".into(),
        message: "read to the end".into(),
        last_transition_time: Timestamp::UNIX_EPOCH,
    }
}

#[async_trait]
impl Operations for World {
    async fn it_glue(&self) -> Result<ItGlueStatus, Refusal> {
        Ok(ItGlueStatus {
            name: "it-glue".into(),
            mode: "verify",
            waiting: 3,
            oldest: Some(Timestamp::UNIX_EPOCH),
            last_success: None,
            findings: FindingCode::ALL.map(|code| (code.word(), 1)).into(),
            conditions: vec![condition()],
        })
    }

    async fn it_glue_findings(&self, after: u64, limit: usize) -> Result<Vec<serde_json::Value>, Refusal> {
        let found = |contact| Found {
            contact,
            since: Timestamp::UNIX_EPOCH,
            finding: Finding::new(FindingCode::Different, "not alike").of([9]).in_fields(&["email"]),
        };
        Ok((after + 1..=5).take(limit).map(|contact| found(contact).told(None)).collect())
    }

    async fn plan(&self, candidate: Option<Config>, tenant: Option<&str>) -> Result<ServedPlan, Refusal> {
        let scope = tenant.map(|tenant| self.named(tenant).map(Scope::Tenant)).transpose()?.unwrap_or(Scope::All);
        self.planning.fetch_add(1, Ordering::SeqCst);
        if let Ok(turn) = self.brake.acquire().await {
            turn.forget();
        }
        let own = self.plan_within(&self.config, &scope);
        let (plan, causes) = match candidate {
            None => (own.clone(), vec![None; own.changes.len()]),
            Some(config) => {
                let plan = self.plan_within(&config, &scope);
                let cause = |at: &bmsync::plan::Change| {
                    Some(if own.changes.contains(at) { Cause::Pending } else { Cause::Manifests })
                };
                let causes = plan.changes.iter().map(cause).collect();
                (plan, causes)
            }
        };
        Ok(ServedPlan { plan, created_at: Timestamp::UNIX_EPOCH, causes })
    }

    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config)
    }

    fn sync(&self, tenant: Option<&str>) -> Result<(), Refusal> {
        if let Some(tenant) = tenant {
            self.named(tenant)?;
        }
        self.synced.lock().unwrap().push(tenant.map(str::to_owned));
        Ok(())
    }

    async fn held(&self, tenant: &str) -> Result<Held, Refusal> {
        let tenant = self.named(tenant)?;
        let changes = self.plan_of(&self.config).changes.into_iter().filter(|change| change.held.is_some()).collect();
        Ok(Held { tenant, digest: "sha256:0123".to_owned(), changes, approved_until: None })
    }

    async fn approve(&self, tenant: &str, digest: &str) -> Result<Held, Refusal> {
        let held = self.held(tenant).await?;
        if held.digest != digest {
            return Err(Refusal::Conflict("something else is held back by now".to_owned()));
        }
        self.approved.lock().unwrap().push(digest.to_owned());
        Ok(Held { approved_until: Some(Timestamp::UNIX_EPOCH), ..held })
    }

    async fn apply(&self, saved: serde_json::Value, consent: Consent) -> Result<ServedReport, Refusal> {
        match saved.get("stateRevision").and_then(serde_json::Value::as_u64) {
            None => Err(Refusal::Invalid("this is not a saved plan".to_owned())),
            Some(42) => Ok(ServedReport {
                revision: 43,
                written: if consent == Consent::Given { 2 } else { 1 },
                failures: Vec::new(),
            }),
            Some(_) => Err(Refusal::Conflict("the state has moved on".to_owned())),
        }
    }

    async fn records(&self, kind: Kind, after: u64, limit: usize) -> Result<Vec<Record>, Refusal> {
        let records = self.observed.actual.sorted_records().into_iter();
        let wanted = records.filter(|record| record.key.kind == kind && record.key.id > after);
        Ok(wanted.take(limit).cloned().collect())
    }

    async fn record(&self, key: RecordKey) -> Result<Record, Refusal> {
        let found = self.observed.actual.record(key).cloned();
        found.ok_or_else(|| Refusal::NotFound(format!("there is no {key}")))
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, Refusal> {
        Ok((after.saturating_add(1)..=3).take(limit).map(event).collect())
    }

    async fn tenants(&self) -> Vec<TenantStatus> {
        let status = |tenant: &bmsync::manifest::config::Tenant| TenantStatus {
            name: tenant.name.clone(),
            tenant_id: tenant.id.clone(),
            phase: Phase::Watching,
            users: 1,
            groups: 1,
            blocked: 0,
            held: 1,
            last_success: Some(Timestamp::UNIX_EPOCH),
            failures: 0,
            conditions: vec![condition()],
        };
        self.config.tenants.iter().map(status).collect()
    }

    async fn worklist(&self) -> Result<Vec<ToDo>, Refusal> {
        Ok(Vec::new())
    }

    async fn rules(&self) -> Vec<RuleStatus> {
        let status = |name: &str, order: u64| RuleStatus {
            name: name.into(),
            tenant_id: Id::new(TENANT),
            group_id: Id::new(GROUP),
            order,
            record: Kind::Employee,
            conditions: vec![condition()],
        };
        vec![status("technicians", 10), status("board", 20), status("archive", 30)]
    }

    async fn explain(&self, user: &str) -> Result<Vec<Explanation>, Refusal> {
        assert_ne!(user, "panic", "asked to");
        let plan = self.plan_of(&self.config);
        let found = find(user, &self.observed);
        if found.is_empty() {
            return Err(Refusal::NotFound("no user is called that".to_owned()));
        }
        Ok(found.iter().map(|user| explain(user, &self.config, &self.observed, &plan)).collect())
    }

    async fn export(&self) -> Result<Vec<u8>, Refusal> {
        let mut out = Vec::new();
        bmsync::interchange::export::write(&self.observed.actual, &mut out)
            .map_err(|error| Refusal::Unavailable(error.to_string()))?;
        Ok(out)
    }

    async fn connect(&self, tenant: &str, way: Way) -> Result<Begun, Refusal> {
        self.named(tenant)?;
        let url = matches!(way, Way::Browser(_)).then(|| "https://login.example/authorize".parse().unwrap());
        Ok(Begun { attempt: "attempt-1".to_owned(), message: url.is_none().then(|| "enter X".to_owned()), url })
    }

    fn connecting(&self, attempt: &str) -> Result<Progress, Refusal> {
        let unknown = || Refusal::NotFound("there is no such sign-in".to_owned());
        (attempt == "attempt-1").then_some(Progress::Waiting).ok_or_else(unknown)
    }

    async fn disconnect(&self, tenant: &str) -> Result<Disconnected, Refusal> {
        Ok(Disconnected { tenant_id: self.named(tenant)?, forgotten: false, account: None })
    }

    async fn returned(&self, query: &str) -> Reply {
        Reply::Page { status: 200, html: format!("<p>{}</p>", query.len()) }
    }

    fn notified(&self, notification: Notification) {
        let Notification { subscription, client_state, lifecycle } = notification;
        self.heard.lock().unwrap().push((subscription, client_state.expose_secret().to_owned(), lifecycle));
    }

    fn readiness(&self) -> Readiness {
        let ready = self.is_ready.load(Ordering::SeqCst);
        let waiting_for = if ready { Vec::new() } else { vec!["tenant contoso was not read yet".to_owned()] };
        Readiness { ready, waiting_for }
    }

    fn metrics(&self) -> String {
        "# HELP bmsync_rounds_total Rounds.\n# TYPE bmsync_rounds_total counter\nbmsync_rounds_total 1\n".to_owned()
    }
}
