//! Checks of one tenant: a table of named checks, each with what it needs to have gone well before. They ask the tenant's
//! services, and change nothing.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use crate::actual::Actual;
use crate::manifest::config::{Config, Rule, SignIn, Tenant};
use crate::model::{Field, Kind};
use crate::source::graph::{Delegations, GraphSource, Http, Pace, Permission, look_at_secret, reach, tenant_id};
use crate::source::{Job, SourceError};

use super::finding::{Finding, Remedy, Verdict};

/// How long one check may take.
const LIMIT: Duration = Duration::from_secs(40);
/// A certificate that expires so soon is told.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Clocks that differ by so many seconds spoil sign-ins.
const TOO_FAR_S: u64 = 301;
/// Clocks that differ by so many seconds are worth a look.
const FAR_S: u64 = 31;

/// What all tenants are looked at with.
#[derive(Clone)]
pub struct Known {
    /// The manifests.
    pub config: Arc<Config>,
    /// What BMS holds, where a state could be looked into.
    pub actual: Option<Arc<Actual>>,
    /// What people let bmsync do.
    pub sign_ins: Arc<Delegations>,
    /// Where that is kept.
    pub kept: Kept,
    /// The connections.
    pub http: Http,
}

/// Where sign-ins of people are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In the state that is looked into, if there is one.
    Here,
    /// In a state that cannot be looked into, because another bmsync has it or it is damaged.
    Elsewhere,
}

/// A tenant that is looked at.
pub struct Patient {
    tenant: Tenant,
    known: Known,
    /// Nothing where its sign-in is in a state that another bmsync has.
    source: Option<Result<GraphSource, SourceError>>,
}

type Examination<'a> = Pin<Box<dyn Future<Output = Vec<Verdict>> + Send + 'a>>;

/// A check; its verdicts are of its name.
struct Check {
    name: &'static str,
    /// The checks without which this one says nothing.
    needs: &'static [&'static str],
    look: for<'a> fn(&'a Patient) -> Examination<'a>,
}

/// Every check, in the order in which they are made and told.
const CHECKS: [Check; 12] = [
    Check { name: "secret", needs: &[], look: |patient| Box::pin(async { vec![patient.secret()] }) },
    Check { name: "login", needs: &[], look: |patient| Box::pin(patient.login()) },
    Check { name: "graph", needs: &[], look: |patient| Box::pin(patient.graph()) },
    Check { name: "clock", needs: &["login"], look: |patient| Box::pin(patient.clock()) },
    Check { name: "tenant-id", needs: &["login"], look: |patient| Box::pin(patient.id_of_domain()) },
    Check { name: "sign-in", needs: &["secret", "login"], look: |patient| Box::pin(patient.sign_in()) },
    Check { name: "secret-end", needs: &["sign-in"], look: |patient| Box::pin(patient.secret_end()) },
    Check { name: "organization", needs: &["sign-in"], look: |patient| Box::pin(patient.organization()) },
    Check { name: "read-users", needs: &["sign-in"], look: |patient| Box::pin(patient.has(Permission::USERS)) },
    Check { name: "read-groups", needs: &["sign-in"], look: |patient| Box::pin(patient.has(Permission::GROUPS)) },
    Check { name: "groups", needs: &["read-groups"], look: |patient| Box::pin(patient.groups()) },
    Check { name: "accounts", needs: &[], look: |patient| Box::pin(async { patient.accounts() }) },
];

impl Patient {
    /// A tenant with what is known of the rest.
    pub fn new(tenant: Tenant, known: &Known) -> Self {
        let pace = Pace { tries: 2, budget: Duration::from_secs(15), ..Pace::new(fastrand::u64(..)) };
        let source = match (tenant.sign_in, known.kept) {
            (SignIn::Delegated, Kept::Elsewhere) => None,
            (SignIn::Delegated, Kept::Here) | (SignIn::Application, _) => {
                Some(GraphSource::new(&tenant, &known.http, pace, known.sign_ins.of(&tenant)))
            }
        };
        Self { tenant, known: known.clone(), source }
    }

    /// Makes every check.
    pub async fn examine(self) -> Vec<Finding> {
        let tenant = Some(self.tenant.name.to_string());
        if self.tenant.suspend {
            let verdict = Verdict::Unknown("its manifest suspends it: it is neither read nor planned".to_owned());
            return vec![Finding { check: "tenant", tenant, verdict }];
        }
        let mut findings: Vec<Finding> = Vec::new();
        let mut failed: BTreeSet<&'static str> = BTreeSet::new();
        for Check { name, needs, look } in CHECKS {
            let verdicts = match needs.iter().find(|needed| failed.contains(*needed)) {
                Some(needed) => {
                    failed.insert(name);
                    vec![Verdict::Unknown(format!("needs `{needed}`"))]
                }
                None => timeout(LIMIT, look(&self)).await.unwrap_or_else(|_| vec![late()]),
            };
            if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Bad(_))) {
                failed.insert(name);
            }
            let finding = |verdict| Finding { check: name, tenant: tenant.clone(), verdict };
            findings.extend(verdicts.into_iter().map(finding));
        }
        findings
    }

    fn secret(&self) -> Verdict {
        let now = Timestamp::now();
        let seen = match look_at_secret(&self.tenant, now) {
            Ok(seen) => seen,
            Err(error) => return Verdict::from(&error),
        };
        let (place, word) = (seen.place, self.tenant.credential.word());
        if let Some(mode) = seen.too_open {
            let message = format!("{place} has the mode {mode:04o}: others can read or change it");
            return Verdict::Worth(Remedy::new(message, "chmod 600, or 640 with a group of bmsync's own"));
        }
        let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        match seen.expires {
            Some(end) if end.duration_since(now) < SOON => {
                let hint = "upload a new certificate and put it there with its key; bmsync reads it anew each time";
                Verdict::Worth(Remedy::new(format!("the certificate in {place} expires on {}", day(end)), hint))
            }
            Some(end) => Verdict::Good(format!("{place} holds the {word}, good until {}", day(end))),
            None => Verdict::Good(format!("{place} holds the {word}")),
        }
    }

    async fn login(&self) -> Vec<Verdict> {
        self.reached(&self.tenant.login_root, "endpoints.login").await
    }

    async fn graph(&self) -> Vec<Verdict> {
        self.reached(&self.tenant.graph_root, "endpoints.graph").await
    }

    async fn reached(&self, root: &str, key: &str) -> Vec<Verdict> {
        vec![match reach(&self.known.http, root, key).await {
            Ok(_) => Verdict::Good(format!("{root} answers")),
            Err(error) => Verdict::from(&error),
        }]
    }

    async fn clock(&self) -> Vec<Verdict> {
        let ahead = match reach(&self.known.http, &self.tenant.login_root, "endpoints.login").await {
            Ok(reached) => reached.ahead_s,
            Err(error) => return vec![Verdict::from(&error)],
        };
        vec![ahead.map_or_else(|| Verdict::Unknown("the login service tells no time".to_owned()), skew)]
    }

    async fn id_of_domain(&self) -> Vec<Verdict> {
        let Tenant { id, domain, .. } = &self.tenant;
        vec![match tenant_id(&self.known.http, &self.tenant.login_root, domain).await {
            Ok(found) if found == *id => Verdict::Good(format!("{domain} is of tenant {id}")),
            Ok(found) => Verdict::Bad(Remedy::new(
                format!("{domain} is of tenant {found}, not of {id}"),
                "correct `tenantId` or `domain` in the manifest",
            )),
            Err(error) => Verdict::from(&error),
        }]
    }

    async fn sign_in(&self) -> Vec<Verdict> {
        vec![match &self.source {
            None => Verdict::Unknown(format!(
                "the sign-in is kept in the state, which cannot be looked into; a bmsync that has it open tells how it \
                 fares: `bmsync get tenants {} --server URL`",
                self.tenant.name
            )),
            Some(Ok(source)) => match source.probe().sign_in().await {
                Ok(()) => Verdict::Good("the login service gives a token".to_owned()),
                Err(error) => Verdict::from(&error),
            },
            Some(Err(error)) => Verdict::from(error),
        }]
    }

    /// Where the registration tells it; elsewhere it is only known in Entra, and there is nothing to say.
    async fn secret_end(&self) -> Vec<Verdict> {
        let Some(Ok(source)) = &self.source else { return Vec::new() };
        let Some(end) = source.secret_end().await else { return Vec::new() };
        let (now, day) = (Timestamp::now(), end.strftime("%Y-%m-%d"));
        let place = look_at_secret(&self.tenant, now).map_or_else(|_| "the secret".to_owned(), |seen| seen.place);
        let message = format!("the client secret in {place} is good until {day}");
        vec![if end.duration_since(now) < SOON {
            let hint = "make a new one under Certificates & secrets of the app registration, and put it there";
            Verdict::Worth(Remedy::new(message, hint))
        } else {
            Verdict::Good(message)
        }]
    }

    async fn organization(&self) -> Vec<Verdict> {
        let Some(Ok(source)) = &self.source else { return Vec::new() };
        let Tenant { id, domain, .. } = &self.tenant;
        vec![match source.probe().organization().await {
            Ok(None) => Verdict::Unknown("it needs Directory.Read.All to tell; `tenant-id` is what counts".to_owned()),
            Ok(Some(found)) if found.id != *id => Verdict::Bad(Remedy::new(
                format!("the token is of tenant {}, not of {id}", found.id),
                "correct `tenantId` in the manifest, or sign in to the right tenant",
            )),
            Ok(Some(found)) => {
                let is_its_own =
                    *domain == *id.to_string() || found.domains.iter().any(|name| name.eq_ignore_ascii_case(domain));
                if is_its_own {
                    Verdict::Good(format!("the token is of tenant {id}"))
                } else {
                    let message = format!("{domain} is none of the verified domains of tenant {id}");
                    Verdict::Worth(Remedy::new(message, "correct `domain` in the manifest"))
                }
            }
            Err(error) => Verdict::from(&error),
        }]
    }

    async fn has(&self, permission: Permission) -> Vec<Verdict> {
        let Some(Ok(source)) = &self.source else { return Vec::new() };
        vec![match source.probe().has(permission).await {
            Ok(()) => Verdict::Good("allowed, and the service answers".to_owned()),
            Err(error) => Verdict::from(&error),
        }]
    }

    async fn groups(&self) -> Vec<Verdict> {
        let Some(Ok(source)) = &self.source else { return Vec::new() };
        let mut verdicts = Vec::new();
        for Rule { name, group, .. } in self.rules() {
            let remedy = |message: String| {
                let hint = "copy the Object ID of a security group from Entra > Groups > the group > Overview";
                Verdict::Bad(Remedy::new(message, hint))
            };
            verdicts.push(match source.probe().group(group).await {
                Ok(None) => remedy(format!("there is no group {group} (rule {name})")),
                Ok(Some(found)) if !found.security_enabled => {
                    remedy(format!("group {group} is no security group (rule {name})"))
                }
                Ok(Some(found)) => {
                    let called = found.name.map_or_else(|| group.to_string(), |name| name.to_string());
                    Verdict::Good(format!("{called} is a security group (rule {name})"))
                }
                Err(error) => Verdict::from(&error),
            });
        }
        verdicts
    }

    fn accounts(&self) -> Vec<Verdict> {
        let rules = self.rules().filter(|rule| rule.kind == Kind::Contact);
        match &self.known.actual {
            Some(actual) => rules.map(|rule| account(rule, actual)).collect(),
            None => rules.take(1).map(|_| Verdict::Unknown("no state can be looked into".to_owned())).collect(),
        }
    }

    /// The rules that do something.
    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.known.config.rules_of(&self.tenant.id).filter(|rule| !rule.suspend)
    }
}

fn late() -> Verdict {
    let message = format!("it did not end within {} s", LIMIT.as_secs());
    Verdict::Bad(Remedy { job: Job::Wait, ..Remedy::new(message, "look again; if it stays so, look at the network") })
}

/// What the clocks of this machine and of the login service say about each other.
fn skew(ahead_s: i64) -> Verdict {
    let (off, way) = (ahead_s.unsigned_abs(), if ahead_s > 0 { "behind" } else { "ahead of" });
    let message = format!("this machine's clock is {off} s {way} the login service's");
    let remedy = |message| Remedy::new(message, "let this machine follow a time server (chrony, systemd-timesyncd)");
    match off {
        ..FAR_S => Verdict::Good("the same as the login service's, within 30 s".to_owned()),
        FAR_S..TOO_FAR_S => Verdict::Worth(remedy(message)),
        TOO_FAR_S.. => Verdict::Bad(remedy(message)),
    }
}

/// Whether account and location of a rule are in BMS.
fn account(rule: &Rule, actual: &Actual) -> Verdict {
    let name = rule.account().unwrap_or_default();
    let hint = "spell it as in BMS, or create it there and `bmsync import` the accounts";
    let bad = |what: String| Verdict::Bad(Remedy::new(format!("{what} (rule {})", rule.name), hint));
    let Some(account) = actual.account(name) else { return bad(format!("BMS has no account `{name}`")) };
    match rule.values.get(Field::Location) {
        Some(location) if !account.locations.iter().any(|known| known == location) => {
            bad(format!("account `{name}` has no location `{location}`"))
        }
        None if account.locations.is_empty() => bad(format!("account `{name}` has no location at all")),
        Some(_) | None => Verdict::Good(format!("`{name}` is in BMS (rule {})", rule.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_a_little_and_the_direction_is_told() {
        assert!(matches!(skew(-30), Verdict::Good(_)));
        let Verdict::Worth(slow) = skew(31) else { panic!("31 s are worth a look") };
        assert!(slow.message.contains("31 s behind"), "{slow:?}");
        let Verdict::Bad(fast) = skew(-301) else { panic!("301 s are too far") };
        assert!(fast.message.contains("301 s ahead of"), "{fast:?}");
    }

    #[test]
    fn every_check_comes_after_what_it_needs() {
        for (place, check) in CHECKS.iter().enumerate() {
            let earlier: Vec<&str> = CHECKS[..place].iter().map(|check| check.name).collect();
            assert!(check.needs.iter().all(|needed| earlier.contains(needed)), "{}", check.name);
        }
    }
}
