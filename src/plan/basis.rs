//! From what a plan was made: the head of the plan, and a digest of what the directory said.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::desired::reach::Reach;
use crate::desired::{Age, Desired};
use crate::directory::Coverage;
use crate::manifest::config::Tenant;
use crate::model::{Id, Seen, Text, framed};

use super::doubts::doubts;
use super::{Observed, Scope, TenantHead, TenantState};

/// Sums up what the directory says of the users that matter, in any order: 256-bit digests added up.
#[derive(Clone, Debug, Default)]
pub(super) struct Imprint([u64; 4]);

impl Imprint {
    /// Starts with what the directory says of the rules' groups.
    pub fn of_rules(reach: &Reach<'_>) -> Self {
        let mut imprint = Self::default();
        for (rule, precedence) in reach.rules() {
            let age = match precedence.age {
                Age::Since(created) => created.to_string(),
                Age::Unknown => String::new(),
            };
            imprint.mix(&[b"rule", rule.group.to_string().as_bytes(), age.as_bytes()]);
        }
        for broken in reach.broken() {
            imprint.mix(&[b"broken", broken.rule.group.to_string().as_bytes(), broken.why.text().as_bytes()]);
        }
        imprint
    }

    /// Adds a user.
    pub fn add(&mut self, user: &Id, seen: Option<Seen>) {
        user.with_text(|user| match seen {
            None => self.mix(&[b"left alone", user.as_bytes()]),
            Some(Seen::Unknown) => self.mix(&[b"unknown", user.as_bytes()]),
            Some(Seen::Absent { kept }) => self.mix(&[b"absent", user.as_bytes(), &[u8::from(kept)]]),
            Some(Seen::Present { content, rule, enabled }) => {
                self.mix(&[b"present", user.as_bytes(), &content.0, &rule.0, &[u8::from(enabled)]]);
            }
        });
    }

    fn mix(&mut self, parts: &[&[u8]]) {
        let mut hash = Sha256::new();
        framed(parts.iter().copied(), |piece| hash.update(piece));
        let digest = hash.finalize();
        for (sum, chunk) in self.0.iter_mut().zip(digest.chunks_exact(8)) {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            *sum = sum.wrapping_add(u64::from_le_bytes(word));
        }
    }

    fn text(&self) -> String {
        self.0.iter().fold(String::from("sha256:"), |mut text, word| {
            let _ = write!(text, "{word:016x}");
            text
        })
    }
}

/// One entry per tenant that is declared or owns records, by ID.
pub(super) fn heads(
    desired: &Desired<'_>,
    observed: &Observed,
    scope: &Scope,
    mut imprints: BTreeMap<Id, Imprint>,
) -> Vec<TenantHead> {
    let declared = desired.config().tenants.iter().filter(|tenant| scope.covers(&tenant.id));
    let mut heads: Vec<TenantHead> = declared
        .map(|tenant| head(desired, observed, tenant, imprints.remove(&tenant.id)))
        .chain(undeclared(desired, observed, scope))
        .collect();
    heads.sort_by(|a, b| a.tenant.cmp(&b.tenant));
    heads
}

fn head(desired: &Desired<'_>, observed: &Observed, tenant: &Tenant, imprint: Option<Imprint>) -> TenantHead {
    let known = observed.directory.tenant(&tenant.id);
    let complete = desired.tenant(&tenant.id);
    let (state, message) = match (tenant.suspend, complete, known.map(|known| &known.coverage)) {
        (true, _, _) => (TenantState::Suspended, None),
        (false, Some(planned), _) => (TenantState::Complete, doubts(tenant, &planned.reach, planned.known)),
        (false, None, Some(Coverage::Failed(why))) => (TenantState::Failed, Some(why.clone())),
        (false, None, Some(Coverage::Partial | Coverage::Complete) | None) => {
            (TenantState::Failed, Some(String::from("the directory was not read to its end")))
        }
    };
    let complete = complete.map(|planned| planned.known);
    TenantHead {
        name: Some(tenant.name.clone()),
        tenant: tenant.id.clone(),
        state,
        users: complete.map_or(0, |known| known.user_count() as u64),
        groups: complete.map_or(0, |known| known.group_count() as u64),
        read_at: complete.and_then(|known| known.read_at),
        digest: imprint.map(|imprint| imprint.text()),
        message,
    }
}

fn undeclared<'a>(
    desired: &'a Desired<'_>,
    observed: &'a Observed,
    scope: &'a Scope,
) -> impl Iterator<Item = TenantHead> + 'a {
    let owning = observed.actual.owning_tenants();
    let foreign = owning.filter(|(id, _)| scope.covers(id) && desired.config().tenant(id).is_none());
    foreign.map(|(id, records)| TenantHead {
        name: None::<Text>,
        tenant: id.clone(),
        state: TenantState::Undeclared,
        users: 0,
        groups: 0,
        read_at: None,
        digest: None,
        message: Some(format!("no manifest declares this tenant: {records} records of its users are left alone")),
    })
}
