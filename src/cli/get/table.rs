//! The columns of each listing.

use crate::applied::Event;
use crate::cli::table::Table;
use crate::manifest::config::{Rule, Tenant};
use crate::model::{Field, Kind, Record};

use super::shape::sign_in_word;

/// Records of one kind.
pub fn records(kind: Kind, records: &[&Record]) -> Table {
    let fields: &[(&'static str, Field)] = match kind {
        Kind::Employee => &[
            ("USERNAME", Field::Username),
            ("EMAIL", Field::Email),
            ("DEPARTMENT", Field::Department),
            ("SECURITY ROLE", Field::SecurityRole),
        ],
        Kind::Contact => &[
            ("EMAIL", Field::Email),
            ("ACCOUNT", Field::Account),
            ("LOCATION", Field::Location),
            ("PORTAL", Field::PortalAccess),
        ],
    };
    let titles: Vec<&'static str> =
        ["ID", "STATUS", "NAME"].into_iter().chain(fields.iter().map(|(title, _)| *title)).chain(["SOURCE"]).collect();
    let mut table = Table::new(&titles);
    for record in records {
        let first = [record.key.id.to_string(), record.status.to_string(), name(record)];
        let rest = fields.iter().map(|(_, field)| value(record, *field));
        let source = record.link.as_ref().map_or_else(String::new, |link| {
            link.user_principal_name.as_ref().map_or_else(|| link.user.user.to_string(), ToString::to_string)
        });
        table.row(first.into_iter().chain(rest).chain([source]));
    }
    table
}

fn name(record: &Record) -> String {
    let names = [Field::FirstName, Field::LastName].into_iter().filter_map(|field| record.fields.get(field));
    names.collect::<Vec<_>>().join(" ")
}

fn value(record: &Record, field: Field) -> String {
    if field == Field::PortalAccess {
        return yes(record.fields.portal_access());
    }
    record.fields.get(field).unwrap_or_default().to_owned()
}

/// Events, oldest first.
pub fn events(events: &[Event]) -> Table {
    let mut table = Table::new(&["ID", "AT", "REVISION", "ACTION", "RECORD", "USER", "RULE", "REASON"]);
    for event in events {
        let user = event.user.as_ref().map(|user| user.user.to_string());
        let user = event.user_principal_name.as_ref().map(ToString::to_string).or(user);
        table.row([
            event.id.to_string(),
            event.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            event.revision.to_string(),
            event.action.to_string(),
            event.after.key.to_string(),
            user.unwrap_or_default(),
            event.rule.as_ref().map(ToString::to_string).unwrap_or_default(),
            event.reason.to_string(),
        ]);
    }
    table
}

/// Declared tenants.
pub fn tenants(tenants: &[&Tenant]) -> Table {
    let mut table = Table::new(&["NAME", "TENANT ID", "DOMAIN", "SIGN-IN", "NESTED GROUPS", "SUSPENDED"]);
    for tenant in tenants {
        table.row([
            tenant.name.to_string(),
            tenant.id.to_string(),
            tenant.domain.to_string(),
            sign_in_word(tenant.sign_in).into(),
            yes(tenant.nested_groups),
            yes(tenant.suspend),
        ]);
    }
    table
}

/// Declared rules.
pub fn rules(rules: &[&Rule], tenant: impl Fn(&Rule) -> String) -> Table {
    let mut table = Table::new(&["NAME", "TENANT", "ORDER", "RECORD", "GROUP ID", "ACCOUNT", "SUSPENDED"]);
    for rule in rules {
        table.row([
            rule.name.to_string(),
            tenant(rule),
            rule.order.to_string(),
            rule.kind.to_string(),
            rule.group.to_string(),
            rule.account().unwrap_or_default().to_owned(),
            yes(rule.suspend),
        ]);
    }
    table
}

fn yes(is: bool) -> String {
    String::from(if is { "yes" } else { "no" })
}
