//! What must hold across values and documents: a table of named checks. Each looks at the documents as written, says
//! nothing of values that are already known to be wrong, and changes nothing.

use std::collections::BTreeMap;

use super::documents::{Documents, or};
use super::nouns::{DomainOrId, is_domain};
use super::problem::{Code, Problem, Sink};
use super::schema::{Manifest, MappingRuleManifest, MappingRuleSpec, RecordWord, TenantManifest, TenantSpec};
use super::word::{meant, quoted};
use super::written::{Span, Written};
use crate::model::{Id, Text};

/// Says where a place is, for hints that point to a second one.
pub(super) type Locate<'a> = &'a dyn Fn(Span) -> String;

/// A named check.
pub(super) struct Check {
    /// What it finds; other codes only where one cause shows in two ways.
    pub finds: Code,
    /// How it finds it.
    pub run: fn(&Documents, Locate<'_>, &Sink),
}

/// Every check.
pub(super) const CHECKS: [Check; 12] = [
    Check { finds: Code::DuplicateName, run: duplicate_names },
    Check { finds: Code::CredentialConflict, run: credentials },
    Check { finds: Code::InvalidValue, run: tenant_ids },
    Check { finds: Code::DuplicateTenant, run: duplicate_tenants },
    Check { finds: Code::TenantIdIsDomain, run: tenant_id_is_domain },
    Check { finds: Code::UndeclaredTenant, run: undeclared_tenants },
    Check { finds: Code::DuplicateGroup, run: duplicate_groups },
    Check { finds: Code::WrongBlock, run: blocks },
    Check { finds: Code::MissingDefaults, run: missing_defaults },
    Check {
        finds: Code::DuplicateDefaults,
        run: |documents, locate, sink| {
            at_most_one(&documents.defaults, Code::DuplicateDefaults, "EmployeeDefaults", locate, sink);
        },
    },
    Check {
        finds: Code::DuplicatePolicy,
        run: |documents, locate, sink| {
            at_most_one(&documents.policies, Code::DuplicatePolicy, "SyncPolicy", locate, sink);
        },
    },
    Check { finds: Code::RuleCannotWin, run: super::advice::advise },
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

fn duplicate_names(documents: &Documents, locate: Locate<'_>, sink: &Sink) {
    let Documents { tenants, rules, defaults, policies, count: _, hides_tenant: _ } = documents;
    unique_names(tenants, "Tenant", locate, sink);
    unique_names(rules, "MappingRule", locate, sink);
    unique_names(defaults, "EmployeeDefaults", locate, sink);
    unique_names(policies, "SyncPolicy", locate, sink);
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
    let repeat = |(key, span): (K, Span)| match firsts.get(&key) {
        Some(first) => Some((key, span, *first)),
        None => {
            firsts.insert(key, span);
            None
        }
    };
    places.into_iter().filter_map(repeat).collect()
}

fn credentials(documents: &Documents, _: Locate<'_>, sink: &Sink) {
    for (tenant, spec) in tenants(documents) {
        let problem = match (&spec.application_key, &spec.certificate) {
            (Some(_), Some(certificate)) => {
                let message = "`applicationKey` and `certificate` exclude each other";
                Problem::new(certificate.span, Code::CredentialConflict, message).hint("keep one of them")
            }
            (None, None) => {
                let message = "`spec` needs `applicationKey` or `certificate`";
                Problem::new(tenant.spec.span, Code::MissingKey, message).hint("like `applicationKey: { env: NAME }`")
            }
            (Some(_), None) | (None, Some(_)) => continue,
        };
        sink.report(problem);
    }
}

fn tenant_ids(documents: &Documents, _: Locate<'_>, sink: &Sink) {
    for (tenant, spec) in tenants(documents) {
        let Some(domain) = spec.domain.get() else { continue };
        let problem = match (&domain.0, &spec.tenant_id) {
            (DomainOrId::Domain(_), None) => {
                let message = "`spec` needs `tenantId`, because `domain` is not the ID";
                Problem::new(tenant.spec.span, Code::MissingKey, message)
                    .hint("copy the Tenant ID from Entra > Overview")
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
    for (_, spec) in rules(documents) {
        let Some(written) = spec.tenant_id.get().map(|tenant| &tenant.0) else { continue };
        if Id::new(written).is_guid() {
            continue;
        }
        let named = tenants(documents).find(|(tenant, spec)| {
            spec.domain_name().is_some_and(|domain| domain.eq_ignore_ascii_case(written))
                || tenant.name() == Some(written)
        });
        let hint = match named.and_then(|(tenant, spec)| Some((tenant.name()?, spec.id()?.0))) {
            Some((name, id)) => format!("tenant `{name}` has the ID {id}"),
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

fn undeclared_tenants(documents: &Documents, _: Locate<'_>, sink: &Sink) {
    if !documents.knows_every_tenant() {
        return;
    }
    let declared: BTreeMap<String, &Text> =
        tenants(documents).filter_map(|(tenant, spec)| Some((spec.id()?.0.to_string(), tenant.name()?))).collect();
    let ids: Vec<&Id> = tenants(documents).filter_map(|(_, spec)| Some(spec.id()?.0)).collect();
    for (_, spec) in rules(documents) {
        let Some(id) = spec.tenant().filter(|id| !ids.contains(&id)) else { continue };
        let id = id.to_string();
        let near = meant(&id, declared.keys().map(String::as_str)).filter(|near| differs_little(near, &id));
        let hint = match near.and_then(|near| declared.get(near).map(|name| (near, name))) {
            Some((near, name)) => format!("did you mean {near}, which is tenant `{name}`?"),
            None => "declare it with a `Tenant` manifest".to_owned(),
        };
        let message = format!("no tenant with the ID {id} is declared");
        sink.report(Problem::new(spec.tenant_id.span, Code::UndeclaredTenant, message).hint(hint));
    }
}

fn differs_little(one: &str, other: &str) -> bool {
    strsim::osa_distance(one, other) <= 4
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
            let message = format!("a rule for {block}s cannot have the block `{}`", other(block));
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

fn at_most_one<W, S>(documents: &[Manifest<W, S>], code: Code, kind: &str, locate: Locate<'_>, sink: &Sink) {
    let Some((first, more)) = documents.split_first() else { return };
    for document in more {
        let message = format!("there is already a `{kind}`, and there can be only one");
        let hint = format!("the first is at {}", locate(first.kind.span));
        sink.report(Problem::new(document.kind.span, code, message).hint(hint));
    }
}

/// Whether an optional switch is on.
pub(super) fn is_on(switch: Option<&Written<bool>>) -> bool {
    or(switch, false)
}
