//! The documents of all files, sorted by kind, each as written. Knows the words of `kind`; judges nothing across documents.

use serde::Deserialize;

use super::nouns::DomainOrId;
use super::problem::{Code, Problem, Sink};
use super::reader::{Reader, Refusal};
use super::schema::{
    EmployeeDefaultsManifest, ItGlueManifest, KaseyaBmsManifest, Manifest, MappingRuleManifest, SyncPolicyManifest,
    TenantManifest, TenantSpec,
};
use super::tree::{Entry, Node, Value};
use super::word::{meant, one_of, quoted};
use super::written::{Span, Written};
use crate::model::{Id, Text};

/// The kinds that are read.
pub const KINDS: [&str; 6] = ["Tenant", "MappingRule", "EmployeeDefaults", "SyncPolicy", "KaseyaBms", "ItGlue"];

/// Everything that is declared.
#[derive(Debug, Default)]
pub(super) struct Documents {
    pub tenants: Vec<TenantManifest>,
    pub rules: Vec<MappingRuleManifest>,
    pub defaults: Vec<EmployeeDefaultsManifest>,
    pub policies: Vec<SyncPolicyManifest>,
    pub it_glues: Vec<ItGlueManifest>,
    pub bms: Vec<KaseyaBmsManifest>,
    /// How many were found, also those that could not be read.
    pub count: usize,
    /// Whether something that could not be read may declare a tenant.
    pub hides_tenant: bool,
    /// Whether something that could not be read may declare a rule.
    pub hides_rule: bool,
}

impl Documents {
    /// Adds a document.
    pub fn add(&mut self, root: &Node, sink: &Sink) {
        self.count += 1;
        let Value::Map(entries) = &root.value else {
            let problem = Problem::new(root.span, Code::WrongType, "a document is a mapping");
            sink.report(problem.hint("it starts with `apiVersion: bmsync/v1`"));
            return;
        };
        match kind_of(root, entries, sink) {
            Some("Tenant") => self.tenants.extend(read(root, sink)),
            Some("MappingRule") => self.rules.extend(read(root, sink)),
            Some("EmployeeDefaults") => self.defaults.extend(read(root, sink)),
            Some("SyncPolicy") => self.policies.extend(read(root, sink)),
            Some("ItGlue") => self.it_glues.extend(read(root, sink)),
            Some("KaseyaBms") => self.bms.extend(read(root, sink)),
            Some(_) => self.hides_rule = true,
            None => self.hides_tenant = true,
        }
    }

    /// Whether the ID of every tenant that is declared, however badly, is known.
    pub fn knows_every_tenant(&self) -> bool {
        let is_known = |tenant: &TenantManifest| tenant.spec.get().is_some_and(|spec| spec.id().is_some());
        !self.hides_tenant && self.tenants.iter().all(is_known)
    }
}

fn read<W, S>(root: &Node, sink: &Sink) -> Option<Manifest<W, S>>
where
    Manifest<W, S>: for<'de> Deserialize<'de>,
{
    match Manifest::deserialize(Reader::of_document(root, sink)) {
        Ok(manifest) => Some(manifest),
        Err(Refusal::Reported) => None,
        Err(Refusal::Said(said)) => {
            sink.report(Problem::new(root.span, Code::InvalidValue, said));
            None
        }
    }
}

/// The word of `kind`, or of the kind that was meant where nothing can be read but nothing is hidden either.
fn kind_of<'a>(root: &Node, entries: &'a [Entry], sink: &Sink) -> Option<&'a str> {
    let Some(entry) = entries.iter().find(|entry| entry.key == "kind") else {
        let span = entries.first().map_or(root.span, |entry| entry.key_span);
        let problem = Problem::new(span, Code::MissingKey, "the document needs `kind`");
        sink.report(problem.hint(format!("it is {}", one_of(&KINDS))));
        return None;
    };
    let Value::Text(kind) = &entry.value.value else {
        let problem = Problem::new(entry.key_span, Code::WrongType, "`kind` wants a word");
        sink.report(problem.hint(format!("it is {}", one_of(&KINDS))));
        return None;
    };
    if KINDS.contains(&kind.as_str()) {
        return Some(kind);
    }
    let guess = meant(kind, KINDS);
    let hint = guess.map_or_else(|| format!("it is {}", one_of(&KINDS)), |kind| format!("did you mean `{kind}`?"));
    sink.report(Problem::new(entry.value.span, Code::UnknownKind, format!("unknown kind {}", quoted(kind))).hint(hint));
    guess.filter(|kind| *kind != "Tenant").and(Some(""))
}

impl<W, S> Manifest<W, S> {
    /// Its name, unless that is missing or wrong.
    pub fn name(&self) -> Option<&Text> {
        self.metadata.get().and_then(|metadata| metadata.name.get()).map(|name| &name.0)
    }

    /// Where its name is; where it has none, where it should be.
    pub fn name_span(&self) -> Span {
        self.metadata.get().map_or(self.metadata.span, |metadata| metadata.name.span)
    }
}

impl TenantSpec {
    /// The tenant's ID, and where it is: `tenantId`, else `domain` where that is the ID.
    pub fn id(&self) -> Option<(&Id, Span)> {
        match &self.tenant_id {
            Some(written) => written.get().map(|id| (&id.0, written.span)),
            None => match self.domain.get().map(|domain| &domain.0) {
                Some(DomainOrId::Id(id)) => Some((id, self.domain.span)),
                Some(DomainOrId::Domain(_)) | None => None,
            },
        }
    }

    /// The tenant's domain name, where `domain` is one.
    pub fn domain_name(&self) -> Option<&Text> {
        match self.domain.get().map(|domain| &domain.0) {
            Some(DomainOrId::Domain(name)) => Some(name),
            Some(DomainOrId::Id(_)) | None => None,
        }
    }
}

/// An optional value, or what holds without it.
pub(super) fn or<T: Clone>(written: Option<&Written<T>>, default: T) -> T {
    written.and_then(Written::get).cloned().unwrap_or(default)
}
