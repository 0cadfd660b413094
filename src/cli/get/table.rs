//! The columns of each listing.

use serde_json::Value;

use crate::applied::Event;
use crate::cli::table::Table;
use crate::display::safe;
use crate::manifest::config::{Rule, Tenant};
use crate::model::{Field, Kind, Record};
use crate::plan::{SeenBy, ToDo};

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

/// What a person has to do.
pub fn to_do(list: &[ToDo]) -> Table {
    let mut table = Table::new(&["RECORD", "USER", "ACTION", "SEEN BY", "STEPS"]);
    for ToDo { action, kind, id, user, user_principal_name, steps, seen_by } in list {
        let record = id.map_or_else(|| format!("new {kind}"), |id| format!("{kind} {id}"));
        let user = user_principal_name.as_ref().map_or_else(|| user.user.to_string(), ToString::to_string);
        let seen_by = match seen_by {
            SeenBy::Read => "the next read",
            SeenBy::Person => "bmsync confirm",
        };
        let mut steps = steps.iter();
        let first = steps.next().cloned().unwrap_or_default();
        table.row([record, user, action.to_string(), seen_by.to_owned(), first]);
        for step in steps {
            table.row([String::new(), String::new(), String::new(), String::new(), step.clone()]);
        }
    }
    table
}

/// Events, oldest first.
pub fn events(events: &[Event]) -> Table {
    let titles = ["ID", "AT", "REVISION", "ACTION", "RECORD", "USER", "RULE", "REASON"];
    if events.iter().all(|event| event.config_commit.is_none()) {
        let mut table = Table::new(&titles);
        for event in events {
            table.row(event_cells(event));
        }
        return table;
    }
    let mut table = Table::new(&[&titles[..], &["COMMIT"]].concat());
    for event in events {
        table.row(event_cells(event).into_iter().chain([commit(event)]));
    }
    table
}

/// As much of the commit as a person needs to find it.
fn commit(event: &Event) -> String {
    event.config_commit.iter().flat_map(|commit| commit.chars()).take(12).collect()
}

/// An event in a line of its own, without a line feed.
pub fn event_line(event: &Event) -> String {
    let [id, at, _, action, record, user, rule, reason] = event_cells(event).map(|cell| safe(&cell).into_owned());
    let commit = safe(&commit(event)).into_owned();
    let rule = match (rule.is_empty(), commit.is_empty()) {
        (true, _) => rule,
        (false, true) => format!(" (rule {rule})"),
        (false, false) => format!(" (rule {rule}, commit {commit})"),
    };
    let user = if user.is_empty() { user } else { format!(" of {user}") };
    format!("{at} {id} {action} {record}{user}{rule}: {reason}")
}

fn event_cells(event: &Event) -> [String; 8] {
    let user = event.user.as_ref().map(|user| user.user.to_string());
    let user = event.user_principal_name.as_ref().map(ToString::to_string).or(user);
    [
        event.id.to_string(),
        event.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        event.revision.to_string(),
        event.action.to_string(),
        event.after.key.to_string(),
        user.unwrap_or_default(),
        event.rule.as_ref().map(ToString::to_string).unwrap_or_default(),
        event.reason.to_string(),
    ]
}

/// Declared tenants, each with what is told of who signed in, until when, and what is to be done.
pub fn tenants<'a>(tenants: impl Iterator<Item = (&'a Tenant, [String; 3])>) -> Table {
    let titles = ["NAME", "TENANT ID", "DOMAIN", "SIGN-IN", "NESTED GROUPS", "SUSPENDED"];
    let mut table = Table::new(&[&titles[..], &["SIGNED IN", "GOOD UNTIL", "NEXT STEP"]].concat());
    for (tenant, signed_in) in tenants {
        let declared = [
            tenant.name.to_string(),
            tenant.id.to_string(),
            tenant.domain.to_string(),
            sign_in_word(tenant.sign_in).into(),
            yes(tenant.nested_groups),
            yes(tenant.suspend),
        ];
        table.row(declared.into_iter().chain(signed_in));
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

/// Tenants as a server tells of them.
pub fn tenant_statuses(tenants: &[Value]) -> Table {
    let titles = ["NAME", "TENANT ID", "PHASE", "USERS", "GROUPS", "BLOCKED", "HELD", "LAST SUCCESS", "CONDITIONS"];
    let mut table = Table::new(&titles);
    for tenant in tenants {
        let keys = ["name", "tenantId", "phase", "users", "groups", "blocked", "held", "lastSuccess"];
        let last = |cell: &String| cell.split('.').next().unwrap_or_default().trim_end_matches('Z').to_owned();
        let mut cells = keys.map(|key| told(&tenant[key]));
        if !cells[7].is_empty() {
            cells[7] = last(&cells[7]) + "Z";
        }
        table.row(cells.into_iter().chain([conditions(tenant)]));
    }
    table
}

/// Rules as a server tells of them.
pub fn rule_statuses(rules: &[Value]) -> Table {
    let mut table = Table::new(&["NAME", "TENANT ID", "ORDER", "RECORD", "GROUP ID", "CONDITIONS"]);
    for rule in rules {
        let keys = ["name", "tenantId", "order", "record", "groupId"];
        table.row(keys.map(|key| told(&rule[key])).into_iter().chain([conditions(rule)]));
    }
    table
}

/// What was found in IT Glue.
pub fn findings(found: &[Value]) -> Table {
    let mut table = Table::new(&["CONTACT", "ACCOUNT", "EMAIL", "FINDING", "FIELDS", "MESSAGE"]);
    for one in found {
        let fields = one["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        let fields = fields.iter().map(told).collect::<Vec<_>>().join(", ");
        let [contact, account, email, code] = ["contact", "account", "email", "code"].map(|key| told(&one[key]));
        table.row([contact, account, email, code, fields, told(&one["message"])]);
    }
    table
}

/// A leaf as a cell.
fn told(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// `Connected`, and where it is not true why: `Connected=False (BackingOff)`.
fn conditions(of: &Value) -> String {
    let list = of["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let shown = |condition: &Value| {
        let (kind, status, reason) = (told(&condition["type"]), told(&condition["status"]), told(&condition["reason"]));
        if status == "True" { kind } else { format!("{kind}={status} ({reason})") }
    };
    list.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn yes(is: bool) -> String {
    String::from(if is { "yes" } else { "no" })
}
