//! What must hold across values and documents: a table of named checks. Each looks at the documents as written, says
//! nothing of values that are already known to be wrong, and changes nothing.

use std::collections::BTreeMap;

use super::documents::{Documents, or};
use super::nouns::{DomainOrId, SecretReference, is_domain};
use super::problem::{Code, Problem, Sink};
use super::schema::{Manifest, MappingRuleManifest, MappingRuleSpec, RecordWord, TenantManifest, TenantSpec};
use super::word::quoted;
use super::written::{Span, Written};
use crate::model::{Id, Text};

/// Undeclared tenants that are compared with the declared ones for a near miss.
const COMPARED: usize = 20;

/// Says where a place is, for hints that point to a second one.
pub(super) type Locate<'a> = &'a dyn Fn(Span) -> String;

/// A check; its name says what it looks for.
type Check = fn(&Documents, Locate<'_>, &Sink);

/// Every check.
pub(super) const CHECKS: [Check; 14] = [
    duplicate_names,
    credentials,
    tenant_ids,
    duplicate_tenants,
    tenant_id_is_domain,
    undeclared_tenants,
    duplicate_groups,
    blocks,
    missing_defaults,
    duplicate_defaults,
    duplicate_policies,
    duplicate_it_glues,
    duplicate_bms,
    super::advice::advise,
];

/// The rules' specs, of those that have one.
pub(super) fn rules(documents: &Documents) -> impl Iterator<Item = (&MappingRuleManifest, &MappingRuleSpec)> {
    documents.rules.iter().filter_map(|rule| Some((rule, rule.spec.get()?)))
}

/// The tenants' specs, of those that have one.
pub(super) fn tenants(documents: &Documents) -> impl Iterator<Item = (&TenantManifest, &TenantSpec)> {
    documents.tenants.iter().filter_map(|tenant| Some((tenant, tenant.spec.get()?)))
}

impl MappingRuleSpec {
    /// The tenant's ID, where it is an ID.
    pub(super) fn tenant(&self) -> Option<Id> {
        self.tenant_id.get().map(|tenant| Id::new(&tenant.0)).filter(Id::is_guid)
    }
}

impl TenantSpec {
    /// The ways to prove the application that are written, by their keys.
    pub(super) fn credentials(&self) -> Vec<(&'static str, &Written<SecretReference>)> {
        let keys = [
            ("applicationKey", &self.application_key),
            ("certificate", &self.certificate),
            ("federatedToken", &self.federated_token),
        ];
        keys.into_iter().filter_map(|(key, written)| Some((key, written.as_ref()?))).collect()
    }
}

fn duplicate_names(documents: &Documents, locate: Locate<'_>, sink: &Sink) {
    let Documents { tenants, rules, defaults, policies, it_glues, bms, count: _, hides_tenant: _, hides_rule: _ } =
        documents;
    unique_names(tenants, "Tenant", locate, sink);
    unique_names(rules, "MappingRule", locate, sink);
    unique_names(defaults, "EmployeeDefaults", locate, sink);
    unique_names(policies, "SyncPolicy", locate, sink);
    unique_names(it_glues, "ItGlue", locate, sink);
    unique_names(bms, "KaseyaBms", locate, sink);
}

fn unique_names<W, S>(documents: &[Manifest<W, S>], kind: &str, locate: Locate<'_>, sink: &Sink) {
    let named = documents.iter().filter_map(|document| Some((document.name()?.clone(), document.name_span())));
    for (name, span, first) in repeated(named) {
        let message = format!("another {kind} is already named `{name}`");
        sink.report(
            Problem::new(span, Code::DuplicateName, message).hint(format!("the first is at {}", locate(first))),
        );
    }
}

/// The repetitions of keys, each with its own place and the first one's.
fn repeated<K: Ord + Clone>(places: impl IntoIterator<Item = (K, Span)>) -> Vec<(K, Span, Span)> {
    let mut firsts: BTreeMap<K, Span> = BTreeMap::new();
    let repeat = |(key, span): (K, Span)| {
        let first = *firsts.entry(key.clone()).or_insert(span);
        (first != span).then_some((key, span, first))
    };
    places.into_iter().filter_map(repeat).collect()
}

fn credentials(documents: &Documents, _: Locate<'_>, sink: &Sink) {
    for (tenant, spec) in tenants(documents) {
        let written = spec.credentials();
        let problem = match written.as_slice() {
            [] => {
                let message = "`spec` needs `applicationKey`, `certificate` or `federatedToken`";
                Problem::new(tenant.spec.span, Code::MissingKey, message).hint("like `applicationKey: { env: NAME }`")
            }
            [_] => continue,
            [(first, _), (second, written), ..] => {
                let message = format!("`{first}` and `{second}` exclude each other");
                Problem::new(written.span, Code::CredentialConflict, message).hint("keep one of them")
            }
        };
        sink.report(problem);
    }
}

fn tenant_ids(documents: &Documents, _: Locate<'_>, sink: &Sink) {
    for (tenant, spec) in tenants(documents) {
        let Some(domain) = spec.domain.get() else { continue };
        let problem = match (&domain.0, &spec.tenant_id) {
            (DomainOrId::Domain(name), None) => {
                let message = "`spec` needs `tenantId`, because `domain` is not the ID";
                let hint = format!("`bmsync tenant-id {name}` finds it, and so does Entra > Overview");
                Problem::new(tenant.spec.span, Code::MissingKey, message).hint(hint)
            }
            (DomainOrId::Id(id), Some(written)) if written.get().is_some_and(|other| other.0 != *id) => {
                let message = "`tenantId` and `domain` are two different IDs";
                Problem::new(written.span, Code::InvalidValue, message).hint("leave out `tenantId`, or correct one")
            }
            (DomainOrId::Id(_) | DomainOrId::Domain(_), _) => continue,
        };
        sink.report(problem);
    }
}

fn duplicate_tenants(documents: &Documents, locate: Locate<'_>, sink: &Sink) {
    let ids = tenants(documents).filter_map(|(_, spec)| spec.id().map(|(id, span)| (id.clone(), span)));
    for (id, span, first) in repeated(ids) {
        let message = format!("tenant {id} is already declared");
        sink.report(
            Problem::new(span, Code::DuplicateTenant, message).hint(format!("the first is at {}", locate(first))),
        );
    }
}

fn tenant_id_is_domain(documents: &Documents, _: Locate<'_>, sink: &Sink) {
    let known = known_tenants(documents);
    for (_, spec) in rules(documents) {
        let Some(written) = spec.tenant_id.get().map(|tenant| &tenant.0).filter(|id| !Id::new(id).is_guid()) else {
            continue;
        };
        let hint = match known.get(written.to_ascii_lowercase().as_str()) {
            Some((name, id)) => format!("tenant `{name}` has the ID {id}"),
            None if is_domain(written) => format!("`bmsync tenant-id {}` finds it", written.to_ascii_lowercase()),
            None => "copy the Tenant ID from Entra > Overview".to_owned(),
        };
        let problem = if is_domain(written) {
            let message = format!("`tenantId` wants the tenant's ID, but {} is a domain name", quoted(written));
            Problem::new(spec.tenant_id.span, Code::TenantIdIsDomain, message)
        } else {
            Problem::new(
                spec.tenant_id.span,
                Code::InvalidValue,
                format!("`tenantId` is not an ID: {}", quoted(written)),
            )
        };
        sink.report(problem.hint(hint));
    }
}

/// Name and ID of the tenants, by domain name and by name.
fn known_tenants(documents: &Documents) -> BTreeMap<&str, (&Text, &Id)> {
    let known = tenants(documents).filter_map(|(tenant, spec)| Some((tenant.name()?, spec)));
    let known = known.flat_map(|(name, spec)| {
        let words = [Some(name.as_str()), spec.domain_name().map(Text::as_str)];
        words.into_iter().flatten().filter_map(move |word| Some((word, (name, spec.id()?.0))))
    });
    known.collect()
}

fn undeclared_tenants(documents: &Documents, _: Locate<'_>, sink: &Sink) {
    if !documents.knows_every_tenant() {
        return;
    }
    let declared: BTreeMap<&Id, Option<&Text>> =
        tenants(documents).filter_map(|(tenant, spec)| Some((spec.id()?.0, tenant.name()))).collect();
    let undeclared = rules(documents).filter_map(|(_, spec)| Some((spec.tenant()?, spec.tenant_id.span)));
    let undeclared = undeclared.filter(|(id, _)| !declared.contains_key(id));
    for (count, (id, span)) in undeclared.enumerate() {
        let near = declared.iter().find(|(other, _)| count < COMPARED && is_near(&id, other));
        let hint = match near {
            Some((near, Some(name))) => format!("did you mean {near}, which is tenant `{name}`?"),
            Some((near, None)) => format!("did you mean {near}?"),
            None => "declare it with a `Tenant` manifest".to_owned(),
        };
        let message = format!("no tenant with the ID {id} is declared");
        sink.report(Problem::new(span, Code::UndeclaredTenant, message).hint(hint));
    }
}

fn is_near(one: &Id, other: &Id) -> bool {
    strsim::osa_distance(&one.to_string(), &other.to_string()) <= 4
}

fn duplicate_groups(documents: &Documents, locate: Locate<'_>, sink: &Sink) {
    let groups = rules(documents).filter_map(|(_, spec)| {
        let group = spec.group_id.get()?.0.clone();
        Some(((spec.tenant()?, group), spec.group_id.span))
    });
    for ((_, group), span, first) in repeated(groups) {
        let message = format!("another rule of this tenant already names the group {group}");
        sink.report(
            Problem::new(span, Code::DuplicateGroup, message).hint(format!("the first is at {}", locate(first))),
        );
    }
}

fn blocks(documents: &Documents, _: Locate<'_>, sink: &Sink) {
    for (_, spec) in rules(documents) {
        let wrong = |block: &str, span: Span| {
            let message = format!("a rule for {block}s takes no `{}` block", other(block));
            Problem::new(span, Code::WrongBlock, message).hint(format!("use `{block}`, or change `record`"))
        };
        let problem = match (spec.record.get(), &spec.employee, &spec.contact) {
            (Some(RecordWord::Employee), _, Some(contact)) => wrong("employee", contact.span),
            (Some(RecordWord::Contact), Some(employee), _) => wrong("contact", employee.span),
            (Some(RecordWord::Contact), None, None) => {
                let message = "a rule for contacts needs `contact` with an `account`";
                Problem::new(spec.record.span, Code::MissingKey, message)
                    .hint("like `contact: { account: Northwind Traders }`")
            }
            (Some(RecordWord::Employee), _, None) | (Some(RecordWord::Contact), None, Some(_)) | (None, _, _) => {
                continue;
            }
        };
        sink.report(problem);
    }
}

fn other(block: &str) -> &'static str {
    if block == "employee" { "contact" } else { "employee" }
}

fn missing_defaults(documents: &Documents, _: Locate<'_>, sink: &Sink) {
    let makes_employees = |spec: &&MappingRuleSpec| spec.record.get() == Some(&RecordWord::Employee);
    let Some(rule) = rules(documents).map(|(_, spec)| spec).find(makes_employees) else { return };
    if documents.defaults.is_empty() {
        let message = "a rule makes employees, but there is no `EmployeeDefaults`";
        let problem = Problem::new(rule.record.span, Code::MissingDefaults, message);
        sink.report(problem.hint("declare one: it fills the blanks of every employee"));
    }
}

fn duplicate_defaults(documents: &Documents, locate: Locate<'_>, sink: &Sink) {
    at_most_one(&documents.defaults, Code::DuplicateDefaults, "EmployeeDefaults", locate, sink);
}

fn duplicate_policies(documents: &Documents, locate: Locate<'_>, sink: &Sink) {
    at_most_one(&documents.policies, Code::DuplicatePolicy, "SyncPolicy", locate, sink);
}

fn duplicate_it_glues(documents: &Documents, locate: Locate<'_>, sink: &Sink) {
    at_most_one(&documents.it_glues, Code::DuplicateItGlue, "ItGlue", locate, sink);
}

fn duplicate_bms(documents: &Documents, locate: Locate<'_>, sink: &Sink) {
    at_most_one(&documents.bms, Code::DuplicateBms, "KaseyaBms", locate, sink);
}

fn at_most_one<W, S>(documents: &[Manifest<W, S>], code: Code, kind: &str, locate: Locate<'_>, sink: &Sink) {
    let Some((first, more)) = documents.split_first() else { return };
    for document in more {
        let message = format!("there can be only one `{kind}`");
        let hint = format!("the first is at {}", locate(first.kind.span));
        sink.report(Problem::new(document.kind.span, code, message).hint(hint));
    }
}

/// Whether an optional switch is on.
pub(super) fn is_on(switch: Option<&Written<bool>>) -> bool {
    or(switch, false)
}
