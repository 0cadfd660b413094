//! Why what is absent from a tenant may be there all the same, for a person to read.

use crate::desired::reach::Reach;
use crate::directory::TenantDirectory;
use crate::manifest::config::{SignIn, Tenant};

/// What bmsync may not read any more, and who ends that how; nothing while it may read what it could.
#[must_use]
pub fn unseen(tenant: &Tenant, known: &TenantDirectory) -> Option<String> {
    let missing = known.sight.missing();
    if missing.is_empty() {
        return None;
    }
    let (names, it) = (missing.join(", "), if missing.len() == 1 { "it" } else { "them" });
    let hidden = if known.sight.is_blanked() {
        "so who is absent and what is blank may only be hidden: removals and updates wait"
    } else {
        "so who is absent may only be hidden: removals wait"
    };
    let sign_in = match tenant.sign_in {
        SignIn::Application => String::new(),
        SignIn::Delegated => format!(" and somebody signs in again (`bmsync connect {}`)", tenant.name),
    };
    Some(format!(
        "the token of {} no longer has {names}, {hidden} until an administrator of the tenant grants {it} again (Entra > \
         App registrations > the application > API permissions > Grant admin consent){sign_in}, or a person approves \
         them (`bmsync approve {}`)",
        tenant.name, tenant.name
    ))
}

/// Everything that speaks against what is absent.
pub(super) fn doubts(tenant: &Tenant, reach: &Reach<'_>, known: &TenantDirectory) -> Option<String> {
    let broken = reach.broken().iter().map(|broken| {
        format!("rule `{}` is broken: {} (group {})", broken.rule.name, broken.why.text(), broken.rule.group)
    });
    let texts: Vec<String> = unseen(tenant, known).into_iter().chain(known.suspicion.clone()).chain(broken).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}
