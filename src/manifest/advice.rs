//! Warnings: what is allowed and can be proven to be useless or surprising from the manifests alone. A warning never makes
//! manifests unusable.

use std::collections::{BTreeMap, BTreeSet};

use super::checks::{Locate, is_on, rules, tenants};
use super::config::{Delivery, Limit, Unmatched};
use super::documents::{Documents, or};
use super::nouns::SecretReference;
use super::problem::{Code, Problem, Sink};
use super::schema::{Cloud, Endpoints, GuardsBlock, RecordWord};
use super::written::{Span, Written};
use crate::model::{Id, Text};

/// Every warning.
pub(super) fn advise(documents: &Documents, locate: Locate<'_>, sink: &Sink) {
    suspended_rules(documents, sink);
    rules_of_suspended_tenants(documents, sink);
    equal_orders(documents, locate, sink);
    tenants_without_rules(documents, sink);
    shared_domains(documents, locate, sink);
    unused_defaults(documents, sink);
    unused_security_roles(documents, sink);
    percentages_of_nothing(documents, sink);
    fixed_tokens(documents, sink);
    other_clouds(documents, sink);
    unused_clouds(documents, sink);
    hidden_deactivations(documents, sink);
}

fn suspended_rules(documents: &Documents, sink: &Sink) {
    for (_, spec) in rules(documents) {
        let Some(suspend) = spec.suspend.as_ref().filter(|suspend| is_on(Some(suspend))) else { continue };
        let message = "this rule is suspended: users that it wins are left alone, other rules do not get them";
        sink.report(Problem::new(suspend.span, Code::RuleSuspended, message));
    }
}

fn rules_of_suspended_tenants(documents: &Documents, sink: &Sink) {
    let suspended: BTreeMap<&Id, &Text> = tenants(documents)
        .filter(|(_, spec)| is_on(spec.suspend.as_ref()))
        .filter_map(|(tenant, spec)| Some((spec.id()?.0, tenant.name()?)))
        .collect();
    for (_, spec) in rules(documents) {
        let Some(name) = spec.tenant().and_then(|id| suspended.get(&id).copied()) else { continue };
        let message = format!("this rule can never win: its tenant `{name}` is suspended");
        sink.report(Problem::new(spec.tenant_id.span, Code::RuleCannotWin, message));
    }
}

fn equal_orders(documents: &Documents, locate: Locate<'_>, sink: &Sink) {
    let mut firsts: BTreeMap<(Id, u64), Span> = BTreeMap::new();
    for (_, spec) in rules(documents) {
        let Some((tenant, order)) = spec.tenant().zip(spec.order.get().copied()) else { continue };
        if let Some(first) = firsts.get(&(tenant.clone(), order)) {
            let message = format!(
                "another rule of this tenant has the order {order}: for users in both groups the older group wins"
            );
            let hint = format!("the first is at {}; give them different orders", locate(*first));
            sink.report(Problem::new(spec.order.span, Code::EqualOrder, message).hint(hint));
        } else {
            firsts.insert((tenant, order), spec.order.span);
        }
    }
}

/// Said only where every rule has a declared tenant: one with a wrong `tenantId` may be the one that is missing.
fn tenants_without_rules(documents: &Documents, sink: &Sink) {
    let named: Option<BTreeSet<Id>> = documents.rules.iter().map(|rule| rule.spec.get()?.tenant()).collect();
    let declared: BTreeSet<&Id> = tenants(documents).filter_map(|(_, spec)| Some(spec.id()?.0)).collect();
    let Some(named) = named.filter(|named| named.iter().all(|id| declared.contains(id))) else { return };
    if documents.hides_tenant || documents.hides_rule || keeps_unmatched(documents) {
        return;
    }
    for (tenant, spec) in tenants(documents).filter(|(_, spec)| !is_on(spec.suspend.as_ref())) {
        let Some(name) = spec.id().filter(|(id, _)| !named.contains(id)).and(tenant.name()) else { continue };
        let message = format!(
            "tenant `{name}` has no rules: every record that it owns is deactivated, as far as the guards allow"
        );
        let problem = Problem::new(tenant.name_span(), Code::TenantWithoutRules, message);
        sink.report(problem.hint("suspend it, or add a `MappingRule`"));
    }
}

fn keeps_unmatched(documents: &Documents) -> bool {
    let mut policies = documents.policies.iter().filter_map(|policy| policy.spec.get());
    policies.any(|policy| or(policy.unmatched.as_ref(), Unmatched::Deactivate) == Unmatched::Keep)
}

fn shared_domains(documents: &Documents, locate: Locate<'_>, sink: &Sink) {
    let mut firsts: BTreeMap<&Text, Span> = BTreeMap::new();
    for (_, spec) in tenants(documents) {
        let Some(domain) = spec.domain_name() else { continue };
        if let Some(first) = firsts.get(domain) {
            let message = format!("another tenant has the domain `{domain}`, but a domain belongs to one tenant");
            let hint = format!("the first is at {}", locate(*first));
            sink.report(Problem::new(spec.domain.span, Code::SharedDomain, message).hint(hint));
        } else {
            firsts.insert(domain, spec.domain.span);
        }
    }
}

fn unused_defaults(documents: &Documents, sink: &Sink) {
    let may_make_employees = documents.hides_tenant
        || documents.rules.iter().any(|rule| {
            rule.spec.get().and_then(|spec| spec.record.get()).is_none_or(|record| *record == RecordWord::Employee)
        });
    if let Some(defaults) = documents.defaults.first().filter(|_| !may_make_employees) {
        let message = "no rule makes employees: these defaults do nothing";
        sink.report(Problem::new(defaults.kind.span, Code::UnusedDefaults, message));
    }
}

fn unused_security_roles(documents: &Documents, sink: &Sink) {
    let portals = rules(documents).filter_map(|(_, spec)| spec.contact.as_ref()?.get()?.client_portal.as_ref()?.get());
    for portal in portals {
        if let Some(role) = portal.security_role.as_ref().filter(|_| !or(portal.enabled.as_ref(), true)) {
            let message = "without portal access a contact has no security role: this one does nothing";
            sink.report(Problem::new(role.span, Code::UnusedSecurityRole, message));
        }
    }
}

fn percentages_of_nothing(documents: &Documents, sink: &Sink) {
    let policies = documents.policies.iter().filter_map(|policy| policy.spec.get());
    for guards in policies.filter_map(|policy| policy.guards.as_ref().and_then(Written::get)) {
        let GuardsBlock { max_deactivations, max_archives, max_creates } = guards;
        for written in [max_deactivations, max_archives, max_creates].into_iter().flatten() {
            if written.get().is_some_and(|limit| matches!(limit.0, Limit::Percent(share) if share <= 0.0)) {
                let message = "a percentage always allows 5: this does not hold back the first changes";
                sink.report(
                    Problem::new(written.span, Code::PercentFloor, message).hint("write 0 to hold back all of them"),
                );
            }
        }
    }
}

/// A token lives for minutes or hours, the environment of a process as long as the process.
fn fixed_tokens(documents: &Documents, sink: &Sink) {
    for token in tenants(documents).filter_map(|(_, spec)| spec.federated_token.as_ref()) {
        if matches!(token.get(), Some(SecretReference::Env(_))) {
            let message = "the environment of a running bmsync does not change, but this token soon expires";
            let hint = "name the file in which the token is renewed: `federatedToken: { file: … }`";
            sink.report(Problem::new(token.span, Code::FixedToken, message).hint(hint));
        }
    }
}

/// The clouds in which a tenant can be that has a first domain name of this ending.
const DOMAIN_ENDINGS: [(&str, &[Cloud]); 3] = [
    (".onmicrosoft.com", &[Cloud::Global]),
    (".onmicrosoft.us", &[Cloud::UsGov, Cloud::UsGovDod]),
    (".partner.onmschina.cn", &[Cloud::China]),
];

fn other_clouds(documents: &Documents, sink: &Sink) {
    for (_, spec) in tenants(documents).filter(|(_, spec)| spec.endpoints.is_none()) {
        let Some(domain) = spec.domain_name() else { continue };
        let cloud = or(spec.cloud.as_ref(), Cloud::default());
        let ending = DOMAIN_ENDINGS.iter().find(|(ending, _)| domain.ends_with(ending));
        if let Some((ending, clouds)) = ending.filter(|(_, clouds)| !clouds.contains(&cloud)) {
            let words: Vec<&str> = clouds.iter().map(|cloud| cloud.word()).collect();
            let message = format!("a domain name that ends in `{ending}` is of the cloud {}", words.join(" or "));
            let span = spec.cloud.as_ref().map_or(spec.domain.span, |cloud| cloud.span);
            sink.report(Problem::new(span, Code::CloudMismatch, message).hint("correct `cloud` or `domain`"));
        }
    }
}

fn unused_clouds(documents: &Documents, sink: &Sink) {
    for (_, spec) in tenants(documents) {
        let whole = |endpoints: &Endpoints| endpoints.login.is_some() && endpoints.graph.is_some();
        let replaced = spec.endpoints.as_ref().and_then(Written::get).is_some_and(whole);
        if let Some(cloud) = spec.cloud.as_ref().filter(|_| replaced) {
            let message = "`endpoints` gives both addresses: this cloud decides nothing";
            sink.report(Problem::new(cloud.span, Code::UnusedCloud, message));
        }
    }
}

fn hidden_deactivations(documents: &Documents, sink: &Sink) {
    for spec in documents.it_glues.iter().filter_map(|it_glue| it_glue.spec.get()) {
        let Some(mode) = spec.mode.as_ref().filter(|mode| mode.get() == Some(&Delivery::Write)) else { continue };
        if spec.inactive_contact_type.is_none() {
            let message = "without `inactiveContactType` IT Glue does not show that a contact was deactivated";
            let hint = "name the contact type that contacts have then, like `inactiveContactType: Former employee`";
            sink.report(Problem::new(mode.span, Code::HiddenDeactivations, message).hint(hint));
        }
    }
}
