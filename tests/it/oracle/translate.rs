//! Worlds in the words of bmsync, and its plans in the words of the model. Decides nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bmsync::actual::Actual;
use bmsync::directory::{
    Attribute, Coverage, Directory, Flag, GroupPatch, Identity, Listed, Patch, Said, TenantDirectory,
};
use bmsync::manifest::config::{
    Config, Credential, DisabledAccounts, Drift, EmailSource, Guards, Guests, Limit, Policy, Reconnect, Rule,
    SecretRef, SignIn, Tenant, Unmatched,
};
use bmsync::model::{self, Field, Fields, Id, Text, UserKey};
use bmsync::plan::{self, Plan, Slot, TenantState};
use fastrand::Rng;
use serde_json::{Value, json};

use super::model::{Blocked, Change, Code, FieldChange, Preserved, Verdict};
use super::world::{self, EmailFrom, Key, Read, Status, User, Values, World, fields_of};

/// `u03` as a GUID; the order of short names is the order of GUIDs.
pub fn guid(short: &str) -> Id {
    let (letter, number) = short.split_at(1);
    Id::new(&format!("000000{:02X}-0000-4000-8000-0000000000{number:0>2}", letter.as_bytes()[0]))
}

fn short(id: &Id) -> String {
    let text = id.to_string();
    let letter = u8::from_str_radix(&text[6..8], 16).expect("a GUID of ours") as char;
    let number: u8 = text[34..].parse().expect("a GUID of ours");
    if letter == 'u' { format!("u{number:02}") } else { format!("{letter}{number}") }
}

pub fn key(key: &UserKey) -> Key {
    Key::new(&short(&key.tenant), &short(&key.user))
}

// ---- configuration -------------------------------------------------------------------------------------------------

pub fn config(world: &World) -> Config {
    let declared = world.tenants.iter().filter(|(_, tenant)| tenant.declared);
    let mut rules: Vec<Rule> = world.declared_rules().map(rule).collect();
    rules.sort_by(|a, b| (&a.tenant, a.order, &a.group).cmp(&(&b.tenant, b.order, &b.group)));
    Config {
        tenants: declared.map(|(id, declared)| tenant(id, declared)).collect(),
        rules,
        employee_defaults: fields(&world.defaults),
        policy: policy(&world.policy),
        it_glue: None,
        bms: None,
        digest: format!("sha256:{:064}", 0),
    }
}

fn tenant(id: &str, tenant: &world::Tenant) -> Tenant {
    Tenant {
        name: Text::from(id),
        id: guid(id),
        domain: "x.io".into(),
        application_id: "a".into(),
        credential: Credential::Key(SecretRef::Env("KEY".into())),
        sign_in: SignIn::Application,
        login_root: "http://127.0.0.1:1".into(),
        graph_root: "http://127.0.0.1:1".into(),
        nested_groups: tenant.nested,
        suspend: tenant.suspend,
    }
}

fn rule(rule: &world::Rule) -> Rule {
    Rule {
        name: Text::from(&rule.name),
        tenant: guid(&rule.tenant),
        group: guid(&rule.group),
        order: rule.order,
        kind: rule.kind,
        email: match rule.email {
            EmailFrom::Auto => EmailSource::Auto,
            EmailFrom::Upn => EmailSource::UserPrincipalName,
            EmailFrom::Mail => EmailSource::Mail,
        },
        values: fields(&rule.values),
        suspend: rule.suspend,
    }
}

fn policy(policy: &world::Policy) -> Policy {
    Policy {
        drift: if policy.enforce { Drift::Enforce } else { Drift::Preserve },
        unmatched: if policy.keep_unmatched { Unmatched::Keep } else { Unmatched::Deactivate },
        disabled_accounts: if policy.deactivate_disabled {
            DisabledAccounts::Deactivate
        } else {
            DisabledAccounts::Ignore
        },
        guests: if policy.exclude_guests { Guests::Exclude } else { Guests::Include },
        guards: Guards {
            max_deactivations: limit(policy.max_deactivations),
            max_archives: limit(policy.max_archives),
            max_creates: limit(policy.max_creates),
        },
        poll_interval: Duration::from_mins(1),
        full_sync_interval: Duration::from_hours(1),
        reconnect: Reconnect { failures: 5, after: Duration::from_mins(2) },
    }
}

fn limit(limit: world::Limit) -> Option<Limit> {
    match limit {
        world::Limit::None => None,
        world::Limit::Count(count) => Some(Limit::Count(count)),
        world::Limit::Percent(percent) => Some(Limit::Percent(f64::from(percent))),
    }
}

fn fields(values: &Values) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in values {
        fields.set(Field::from_word(name).expect("a field"), Some(value));
    }
    fields
}

// ---- directory -----------------------------------------------------------------------------------------------------

/// The directory of a world; users, groups and memberships arrive in an order of the dice.
pub fn directory(world: &World, rng: &mut Rng) -> Directory {
    let mut directory = Directory::default();
    for (id, tenant) in &world.tenants {
        if tenant.read != Read::Never {
            directory.insert(guid(id), tenant_directory(tenant, rng));
        }
    }
    directory
}

enum Arrival<'w> {
    User(&'w str, &'w User),
    Group(&'w str, &'w world::Group),
    Member(&'w str, &'w str),
}

/// The directory of one tenant.
pub fn tenant_directory(tenant: &world::Tenant, rng: &mut Rng) -> TenantDirectory {
    let mut arrivals: Vec<Arrival> = Vec::new();
    let existing = tenant.users.iter().filter(|(_, user)| !user.deleted);
    arrivals.extend(existing.map(|(id, user)| Arrival::User(id, user)));
    let groups = tenant.groups.iter().filter(|(_, group)| group.exists);
    arrivals.extend(groups.map(|(id, group)| Arrival::Group(id, group)));
    arrivals.extend(tenant.members.iter().map(|(group, member)| Arrival::Member(group, member)));
    rng.shuffle(&mut arrivals);
    let mut directory = TenantDirectory::default();
    directory.coverage = coverage(tenant.read);
    for arrival in arrivals {
        match arrival {
            Arrival::User(id, user) => directory.upsert_user(guid(id), said(user)),
            Arrival::Group(id, group) => directory.upsert_group(&guid(id), group_patch(group)),
            Arrival::Member(group, member) => _ = directory.add_member(&guid(group), &guid(member)),
        }
    }
    directory
}

fn coverage(read: Read) -> Coverage {
    match read {
        Read::Complete => Coverage::Complete,
        Read::Failed => Coverage::Failed("no".into()),
        Read::Partial | Read::Never => Coverage::Partial,
    }
}

pub fn said(user: &User) -> Said<'_> {
    let User { upn, given, surname, mail, job, user_type, department, .. } = user;
    let User { phones, other_mails, microsoft, enabled, .. } = user;
    let list = |values: &[String]| values.iter().cloned().map(Cow::Owned).collect::<Vec<_>>();
    let issuer = if *microsoft { "MicrosoftAccount" } else { "x.io" };
    let mut said = Said::default();
    for (attribute, value) in [
        (Attribute::UserPrincipalName, upn),
        (Attribute::GivenName, given),
        (Attribute::Surname, surname),
        (Attribute::Mail, mail),
        (Attribute::JobTitle, job),
        (Attribute::UserType, user_type),
        (Attribute::Department, department),
    ] {
        said.text(attribute, Some(value.as_str().into()).filter(|_| !value.is_empty()));
    }
    said.list(Listed::BusinessPhones, &list(phones));
    said.list(Listed::OtherMails, &list(other_mails));
    said.identities(&[Identity { issuer: Some(issuer.into()), ..Identity::default() }]);
    said.flag(Flag::AccountEnabled, *enabled);
    said
}

pub fn group_patch(group: &world::Group) -> GroupPatch {
    let created = group.created.map(|years| format!("20{years:02}-01-01T00:00:00Z").parse().expect("an instant"));
    GroupPatch {
        created: created.map_or(Patch::Clear, Patch::Set),
        security_enabled: group.security.map_or(Patch::Clear, Patch::Set),
        ..GroupPatch::default()
    }
}

// ---- records -------------------------------------------------------------------------------------------------------

/// Accounts and records as rows to import. A source is given where it is new: leaving it out keeps what was seen of it.
pub fn rows(world: &World) -> Vec<Value> {
    let account = |(id, account): (&u64, &world::Account)| json!({ "kind": "account", "id": id, "name": account.name, "locations": account.locations });
    world.accounts.iter().map(account).chain(world.records.iter().map(row)).collect()
}

fn row(record: &world::Record) -> Value {
    let source = |key: &Key| json!({ "tenantId": guid(&key.tenant), "userId": guid(&key.user) });
    let mut row = json!({
        "kind": record.kind.word(),
        "id": record.id,
        "status": record.status.word(),
        "references": { "tickets": u8::from(record.references), "invoices": 0 },
        "archivedFrom": record.archived_from.as_ref().map(source),
    });
    for &name in fields_of(record.kind) {
        row[name] = match (name, record.get(name)) {
            ("portalAccess", access) => json!(access == Some("true")),
            (_, value) => json!(value),
        };
    }
    match &record.link {
        None => row["source"] = Value::Null,
        Some(link) if link.seen == world::Seen::Unknown => row["source"] = source(&link.user),
        Some(_) => {}
    }
    row
}

/// A record of bmsync's as one of a world; what was seen of its owner is not known.
pub fn record(record: &model::Record) -> world::Record {
    let mut fields = Values::new();
    for name in fields_of(record.key.kind) {
        if let Some(value) = record.fields.get(Field::from_word(name).expect("a field")) {
            fields.insert(name, value.to_owned());
        }
    }
    let link = record.link.as_ref().map(|link| world::Link {
        user: key(&link.user),
        upn: link.user_principal_name.as_ref().map(ToString::to_string),
        seen: world::Seen::Unknown,
    });
    world::Record {
        kind: record.key.kind,
        id: record.key.id,
        status: record.status,
        fields,
        link,
        archived_from: record.archived_from.as_ref().map(key),
        references: record.references.any(),
    }
}

/// A record of a world as it would be printed; what was seen is compared through what the next plan says.
pub type Shown = (Status, Values, Option<(Key, Option<String>)>, Option<Key>, bool);

pub fn shown(record: &world::Record) -> Shown {
    let link = record.link.as_ref().map(|link| (link.user.clone(), link.upn.clone()));
    (record.status, record.fields.clone(), link, record.archived_from.clone(), record.references)
}

/// The same of bmsync's.
pub fn shown_by_bmsync(actual: &Actual) -> BTreeMap<(world::Kind, u64), Shown> {
    let records = actual.records().map(self::record);
    records.map(|record| ((record.kind, record.id), shown(&record))).collect()
}

// ---- plans ---------------------------------------------------------------------------------------------------------

/// A plan in the words of the model, without reasons and messages.
pub fn verdict(plan: &Plan) -> Verdict {
    let heads = plan.basis.tenants.iter().map(|head| (short(&head.tenant), state(head.state)));
    let touched: BTreeSet<_> =
        plan.touched.iter().map(|touch| (key(&touch.user.key), touch.record.kind, touch.record.id)).collect();
    Verdict {
        tenants: heads.collect(),
        changes: plan.changes.iter().map(change).collect(),
        preserved: plan.preserved.iter().map(preserved).collect(),
        blocked: plan.blocked.iter().map(blocked).collect(),
        touched,
        unchanged: plan.unchanged,
        ..Verdict::default()
    }
}

fn state(state: TenantState) -> &'static str {
    match state {
        TenantState::Complete => "complete",
        TenantState::Failed => "failed",
        TenantState::Suspended => "suspended",
        TenantState::Undeclared => "undeclared",
    }
}

fn owned(text: Option<&Text>) -> Option<String> {
    text.map(ToString::to_string)
}

fn change(change: &plan::Change) -> Change {
    let fields = change.fields.iter().map(|field| FieldChange {
        name: word(field.slot),
        before: field.before.map(str::to_owned),
        after: field.after.map(str::to_owned),
        from: field.from.word(),
    });
    Change {
        action: change.action.word(),
        kind: change.kind,
        id: change.id,
        user: key(&change.user.key),
        upn: owned(change.user.user_principal_name.as_ref()),
        rule: owned(change.rule.as_ref()),
        held: change.held.map(plan::Hold::word),
        fields: fields.collect(),
    }
}

fn word(slot: Slot) -> &'static str {
    slot.word()
}

fn preserved(preserved: &plan::Preserved) -> Preserved {
    let of =
        |field: &plan::PreservedField| (word(field.slot), owned(field.actual.as_ref()), owned(field.desired.as_ref()));
    Preserved {
        kind: preserved.record.kind,
        id: preserved.record.id,
        user: key(&preserved.user.key),
        fields: preserved.fields.iter().map(of).collect(),
    }
}

fn blocked(blocked: &plan::Blocked) -> Blocked {
    let code = match blocked.code {
        plan::Code::MissingEmail => Code::MissingEmail,
        plan::Code::MissingUsername => Code::MissingUsername,
        plan::Code::AccountNotFound => Code::AccountNotFound,
        plan::Code::LocationNotFound => Code::LocationNotFound,
        plan::Code::AmbiguousEmail => Code::AmbiguousEmail,
        plan::Code::MissingName => Code::MissingName,
        plan::Code::EmailTaken => Code::EmailTaken,
        plan::Code::UsernameTaken => Code::UsernameTaken,
    };
    Blocked { user: key(&blocked.user.key), rule: blocked.rule.to_string(), code }
}
