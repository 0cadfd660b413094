//! What a running bmsync answers: reads of what it knows, plans of what it would do, and orders to look, approve, apply.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::approval::{self, Approval};
use super::connecting::{Begun, Way};
use super::core::Core;
use super::running::{Controller, Shared};
use super::think;
use super::{
    Cause, Disconnected, Held, ItGlueStatus, Notification, Operations, Readiness, Refusal, RuleStatus, ServedPlan,
    ServedReport, TenantStatus,
};
use crate::applied::Event;
use crate::approved::Consent;
use crate::ledger::Ledger;
use crate::manifest::config::{Config, Tenant};
use crate::model::{Digest, Id, Kind, Record, RecordKey};
use crate::plan::{Change, Explanation, Plan, Scope, ToDo};
use crate::report::{json, moved};
use crate::source::graph::connect::{Progress, Reply};
use crate::store::StoreError;
use crate::vault::{self, Forgotten};

/// Where approvals are kept, so that they outlive a restart.
const APPROVALS: &str = "approvals";

#[async_trait]
impl Operations for Controller {
    async fn plan(&self, candidate: Option<Config>, tenant: Option<&str>) -> Result<ServedPlan, Refusal> {
        let known = self.shared().core.lock().await.snapshot();
        let created_at = self.shared().now();
        let scope = scope(candidate.as_ref().unwrap_or(&known.config), tenant)?;
        Ok(think(|| match candidate {
            None => {
                let plan = known.plan(&scope);
                ServedPlan { causes: vec![None; plan.changes.len()], plan, created_at }
            }
            Some(candidate) => {
                let plan = known.plan_of(&candidate, &scope);
                let causes = causes(&plan, &known.plan(&scope));
                ServedPlan { plan, created_at, causes }
            }
        }))
    }

    fn config(&self) -> Arc<Config> {
        self.shared().config()
    }

    fn sync(&self, tenant: Option<&str>) -> Result<(), Refusal> {
        match tenant {
            None => self.nudge_all(),
            Some(wanted) => self.shared().nudge(&self.tenant(wanted)?.id),
        }
        Ok(())
    }

    async fn held(&self, tenant: &str) -> Result<Held, Refusal> {
        let tenant = self.tenant(tenant)?;
        Ok(held(&*self.shared().core.lock().await, &tenant, self.shared().now()))
    }

    async fn approve(&self, tenant: &str, digest: &str) -> Result<Held, Refusal> {
        let tenant = self.tenant(tenant)?;
        let now = self.shared().now();
        let mut core = self.shared().core.lock().await;
        let mut shown = held(&core, &tenant, now);
        if shown.digest != digest {
            let message = "what is held is no longer what was shown: look at it again, then approve that";
            return Err(Refusal::Conflict(message.to_owned()));
        }
        let approval = Approval::new(tenant.id.clone(), &shown.changes, now);
        shown.approved_until = Some(approval.until);
        let mut approvals = core.approvals.clone();
        approvals.retain(|known| known.tenant != tenant.id && known.until > now);
        approvals.push(approval);
        // What could not be kept does not count: the person is told that it failed.
        self.shared().keep_approvals(&approvals).await?;
        core.approvals = approvals;
        drop(core);
        self.shared().nudge(&tenant.id);
        Ok(shown)
    }

    async fn disconnect(&self, tenant: &str) -> Result<Disconnected, Refusal> {
        let tenant = self.tenant(tenant)?;
        let forgotten = vault::forget(&*self.shared().ledger, &tenant.id).await;
        let forgotten = forgotten.map_err(|error| Refusal::Unavailable(error.to_string()))?;
        // What was issued for it may still be good.
        self.shared().desk.sign_ins.end(&tenant.id).await;
        self.reconnect(&tenant.id);
        let (forgotten, account) = match forgotten {
            Forgotten::Nothing => (false, None),
            Forgotten::Gone(kept) => (true, kept.and_then(|kept| kept.account)),
        };
        Ok(Disconnected { tenant_id: tenant.id, forgotten, account })
    }

    async fn apply(&self, saved: serde_json::Value, consent: Consent) -> Result<ServedReport, Refusal> {
        let turn = self.shared().turn().await;
        let mut core = self.shared().core.lock().await;
        let scope = scope_of(&saved, &core.config);
        let made = think(|| core.plan(&scope));
        let fresh = json::value(&made, self.shared().now()).map_err(|error| Refusal::Unavailable(error.to_string()))?;
        let moves = moved::moved(&saved, &fresh);
        if !moves.is_empty() {
            let message = format!("the plan is stale, so nothing was changed; moved: {}", moves.join("; "));
            return Err(Refusal::Conflict(message));
        }
        let approved = core.take(made, consent);
        drop(core);
        let applied = self.shared().write(&turn, approved).await;
        let mut core = self.shared().core.lock().await;
        let report = match applied {
            Ok(Some(report)) => report,
            Ok(None) => {
                let revision = core.observed.actual.revision.0;
                return Ok(ServedReport { revision, written: 0, failures: Vec::new() });
            }
            Err(error) => {
                core.give_back(&Scope::All);
                return Err(error.into());
            }
        };
        core.settle(Some(&report), &Scope::All).await?;
        drop(core);
        let name = |failure: &crate::engine::Failure| {
            let known = failure.user.user_principal_name.as_deref();
            known.map_or_else(|| failure.user.key.to_string(), str::to_owned)
        };
        Ok(ServedReport {
            revision: report.applied.revision.0,
            written: report.written.values().sum(),
            failures: report.failures.iter().map(|failure| format!("{}: {}", name(failure), failure.message)).collect(),
        })
    }

    async fn records(&self, kind: Kind, after: u64, limit: usize) -> Result<Vec<Record>, Refusal> {
        let pick = move |actual: &crate::actual::Actual| actual.page(kind, after, limit).into_iter().cloned().collect();
        Ok(self.shared().store.book().view(pick).await?)
    }

    async fn record(&self, key: RecordKey) -> Result<Record, Refusal> {
        let found = self.shared().store.book().view(move |actual| actual.record(key).cloned()).await?;
        found.ok_or_else(|| Refusal::NotFound(format!("there is no {key}")))
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, Refusal> {
        Ok(self.shared().store.book().events(after, limit).await?)
    }

    async fn tenants(&self) -> Vec<TenantStatus> {
        let core = self.shared().core.lock().await;
        core.config.tenants.iter().map(|tenant| self.shared().status(&core, tenant)).collect()
    }

    async fn rules(&self) -> Vec<RuleStatus> {
        let core = self.shared().core.lock().await;
        self.shared().conditions().rules(&core, self.shared().now())
    }

    async fn worklist(&self) -> Result<Vec<ToDo>, Refusal> {
        let mut list: Vec<ToDo> = self.shared().core.lock().await.open.by_hand().cloned().collect();
        list.extend(self.shared().store.to_do().await?);
        Ok(list)
    }

    async fn explain(&self, user: &str) -> Result<Vec<Explanation>, Refusal> {
        let known = self.shared().core.lock().await.snapshot();
        let found = think(|| known.explain(user));
        if found.is_empty() {
            return Err(Refusal::NotFound(format!("no user and no record is called {user}")));
        }
        Ok(found)
    }

    async fn export(&self) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Vec::new();
        let written = self.shared().store.book().export(&mut bytes).await?;
        written.map_err(|error| Refusal::Unavailable(error.to_string()))?;
        Ok(bytes)
    }

    async fn connect(&self, tenant: &str, way: Way) -> Result<Begun, Refusal> {
        self.shared().begin(&self.tenant(tenant)?, way).await
    }

    fn connecting(&self, attempt: &str) -> Result<Progress, Refusal> {
        self.shared().progress(attempt)
    }

    async fn returned(&self, query: &str) -> Reply {
        self.shared().returned(query).await
    }

    fn notified(&self, notification: Notification) {
        self.shared().notified(&notification);
    }

    async fn it_glue(&self) -> Result<ItGlueStatus, Refusal> {
        self.shared().it_glue_status()
    }

    async fn it_glue_findings(&self, after: u64, limit: usize) -> Result<Vec<serde_json::Value>, Refusal> {
        self.shared().it_glue_findings(after, limit).await
    }

    fn readiness(&self) -> Readiness {
        let waiting_for = self.shared().unread();
        Readiness { ready: waiting_for.is_empty(), waiting_for }
    }

    fn metrics(&self) -> String {
        self.shared().metrics.text()
    }
}

impl Controller {
    fn tenant(&self, wanted: &str) -> Result<Tenant, Refusal> {
        self.shared().find(wanted).ok_or_else(|| unknown(wanted))
    }
}

impl Shared {
    /// Keeps approvals, so that they outlive a restart.
    async fn keep_approvals(&self, approvals: &[Approval]) -> Result<(), Refusal> {
        let bytes = serde_json::to_vec(approvals).map_err(|error| Refusal::Unavailable(error.to_string()))?;
        let kept = self.ledger.stash(vec![(APPROVALS.to_owned(), Some(bytes))]).await;
        kept.map_err(|error| Refusal::Unavailable(error.to_string()))
    }
}

/// The approvals that were kept.
pub(super) async fn kept_approvals(ledger: &dyn Ledger) -> Vec<Approval> {
    let bytes = ledger.stashed(APPROVALS).await.ok().flatten();
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Of whom a plan is wanted.
fn scope(config: &Config, tenant: Option<&str>) -> Result<Scope, Refusal> {
    let Some(wanted) = tenant else { return Ok(Scope::All) };
    let id = Id::new(wanted);
    let found = config.tenants.iter().find(|tenant| tenant.name == wanted || tenant.id == id);
    found.map(|tenant| Scope::Tenant(tenant.id.clone())).ok_or_else(|| unknown(wanted))
}

/// Of whom a saved plan is: of one tenant if it names only one and that is declared.
fn scope_of(saved: &serde_json::Value, config: &Config) -> Scope {
    let only = match saved["tenants"].as_array().map(Vec::as_slice) {
        Some([only]) => only["tenantId"].as_str().map(Id::new),
        Some(_) | None => None,
    };
    only.filter(|only| config.tenant(only).is_some()).map_or(Scope::All, Scope::Tenant)
}

fn unknown(wanted: &str) -> Refusal {
    Refusal::NotFound(format!("no tenant has the name or ID {}", crate::display::safe(wanted)))
}

fn held(core: &Core, tenant: &Tenant, now: Timestamp) -> Held {
    let changes: Vec<Change> = core.open.held().filter(|change| change.user.key.tenant == tenant.id).cloned().collect();
    let covering = core.approvals.iter().find(|known| changes.iter().all(|change| known.covers(change, now)));
    let approved_until = covering.filter(|_| !changes.is_empty()).map(|approval| approval.until);
    Held { tenant: tenant.id.clone(), digest: approval::digest(&changes), changes, approved_until }
}

/// For each change, whether only the candidate manifests cause it; letting go what a guard holds causes it too.
fn causes(plan: &Plan, pending: &Plan) -> Vec<Option<Cause>> {
    let known: HashMap<Digest, &Change> =
        pending.changes.iter().map(|change| (approval::fingerprint(change), change)).collect();
    let cause = |change: &Change| match known.get(&approval::fingerprint(change)) {
        Some(waiting) if waiting.held.is_none() || change.held.is_some() => Cause::Pending,
        Some(_) | None => Cause::Manifests,
    };
    plan.changes.iter().map(|change| Some(cause(change))).collect()
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale { .. } => Self::Conflict(error.to_string()),
            StoreError::Ledger(_) | StoreError::Foreign { .. } | StoreError::Bms { .. } => {
                Self::Unavailable(error.in_full())
            }
        }
    }
}
