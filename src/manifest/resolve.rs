//! From the documents as written to the configuration as meant: references resolved, defaults filled in. Only for documents
//! without errors; where something is missing after all there is no configuration.

use std::path::PathBuf;
use std::time::Duration;

use super::checks::is_on;
use super::config::{
    Bms, Config, Credential, Delivery, EmailSource, Guards, IT_GLUE_REQUESTS, ItGlue, NameOrId, Policy, Reconnect,
    Rule, SecretRef, SignIn, Tenant,
};
use super::digest::digest;
use super::documents::{Documents, or};
use super::nouns::{Line, Note, Root, SecretReference};
use super::quantities::{CallsPerHour, GuardLimit, Interval, RequestLimit};
use super::schema::{
    Cloud, ContactValues, EmployeeDefaultsManifest, EmployeeDefaultsSpec, EmployeeValues, Endpoints, GuardsBlock,
    ItGlueManifest, ItGlueSpec, KaseyaBmsManifest, KaseyaBmsSpec, MappingRuleManifest, MappingRuleSpec, ReconnectBlock,
    SyncPolicyManifest, SyncPolicySpec, TenantManifest, TenantSpec,
};
use super::written::Written;
use crate::model::{Field, Fields, Kind, Text};

/// Security role of client portal users, where a rule names none.
const PORTAL_ROLE: &str = "External User";

/// Calls of one endpoint that BMS allows in an hour.
const CALLS_PER_HOUR: u32 = 1_500;

/// Between full reads of BMS.
const FULL_READ_INTERVAL: Duration = Duration::from_hours(24);

/// The configuration that the documents declare.
pub(super) fn resolve(documents: &Documents) -> Option<Config> {
    let Documents { tenants, rules, defaults, policies, it_glues, bms, count: _, hides_tenant: _, hides_rule: _ } =
        documents;
    let mut tenants = tenants.iter().map(tenant).collect::<Option<Vec<Tenant>>>()?;
    tenants.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    let mut rules = rules.iter().map(rule).collect::<Option<Vec<Rule>>>()?;
    rules.sort_unstable_by(|a, b| (&a.tenant, a.order, &a.group).cmp(&(&b.tenant, b.order, &b.group)));
    let employee_defaults = match defaults.first() {
        Some(defaults) => employee_defaults(defaults)?,
        None => Fields::default(),
    };
    let policy = match policies.first() {
        Some(manifest) => policy(manifest)?,
        None => Policy::default(),
    };
    let it_glue = match it_glues.first() {
        Some(manifest) => Some(it_glue(manifest)?),
        None => None,
    };
    let bms = match bms.first() {
        Some(manifest) => Some(live_bms(manifest)?),
        None => None,
    };
    let mut config = Config { tenants, rules, employee_defaults, policy, bms, it_glue, digest: String::new() };
    config.digest = digest(&config);
    Some(config)
}

fn tenant(manifest: &TenantManifest) -> Option<Tenant> {
    let spec = manifest.spec.get()?;
    let TenantSpec {
        domain: _,
        tenant_id: _,
        application_id,
        application_key,
        certificate,
        federated_token,
        sign_in,
        cloud,
        endpoints,
        nested_groups,
        suspend,
    } = spec;
    let (login, graph) = or(cloud.as_ref(), Cloud::Global).roots();
    let Endpoints { login: own_login, graph: own_graph } =
        or(endpoints.as_ref(), Endpoints { login: None, graph: None });
    let id = spec.id()?.0.clone();
    Some(Tenant {
        name: manifest.name()?.clone(),
        domain: spec.domain_name().cloned().unwrap_or_else(|| Text::from(id.to_string())),
        id,
        application_id: Text::from(application_id.get()?.0.to_string()),
        credential: credential([application_key, certificate, federated_token].map(Option::as_ref))?,
        sign_in: or(sign_in.as_ref(), SignIn::Delegated),
        login_root: or(own_login.as_ref(), Root(Text::const_new(login))).0,
        graph_root: or(own_graph.as_ref(), Root(Text::const_new(graph))).0,
        nested_groups: is_on(nested_groups.as_ref()),
        suspend: is_on(suspend.as_ref()),
    })
}

/// Of the three ways to prove an application the one that is written.
fn credential(written: [Option<&Written<SecretReference>>; 3]) -> Option<Credential> {
    match written {
        [Some(key), None, None] => Some(Credential::Key(secret(key.get()?))),
        [None, Some(certificate), None] => Some(Credential::Certificate(secret(certificate.get()?))),
        [None, None, Some(token)] => Some(Credential::Federated(secret(token.get()?))),
        [..] => None,
    }
}

fn secret(reference: &SecretReference) -> SecretRef {
    match reference {
        SecretReference::Env(name) => SecretRef::Env(name.0.clone()),
        SecretReference::File(path) => SecretRef::File(PathBuf::from(path.0.as_str())),
    }
}

fn rule(manifest: &MappingRuleManifest) -> Option<Rule> {
    let spec = manifest.spec.get()?;
    let MappingRuleSpec { tenant_id: _, group_id, order, record, email, employee, contact, suspend } = spec;
    let kind = Kind::from(*record.get()?);
    let values = match kind {
        Kind::Employee => employee.as_ref().and_then(Written::get).map(employee_values).unwrap_or_default(),
        Kind::Contact => contact_values(contact.as_ref()?.get()?)?,
    };
    Some(Rule {
        name: manifest.name()?.clone(),
        tenant: spec.tenant()?,
        group: group_id.get()?.0.clone(),
        order: *order.get()?,
        kind,
        email: or(email.as_ref(), EmailSource::Auto),
        values,
        suspend: is_on(suspend.as_ref()),
    })
}

fn employee_values(values: &EmployeeValues) -> Fields {
    let EmployeeValues { department, location, manager, employment_type, employee_role, security_role } = values;
    let values = [
        (Field::Department, department),
        (Field::Location, location),
        (Field::Manager, manager),
        (Field::EmploymentType, employment_type),
        (Field::EmployeeRole, employee_role),
        (Field::SecurityRole, security_role),
    ];
    let mut fields = Fields::default();
    for (field, value) in values {
        fields.set(field, note(value.as_ref()));
    }
    fields
}

fn note(written: Option<&Written<Note>>) -> Option<&str> {
    written?.get()?.0.as_deref()
}

fn contact_values(values: &ContactValues) -> Option<Fields> {
    let ContactValues { account, location, client_portal } = values;
    let portal = client_portal.as_ref().and_then(Written::get);
    let enabled = or(portal.and_then(|portal| portal.enabled.as_ref()), true);
    let role = portal.and_then(|portal| portal.security_role.as_ref()?.get()).map_or(PORTAL_ROLE, |role| &role.0);
    let mut fields = Fields::default().with(Field::Account, &account.get()?.0);
    fields.set(Field::Location, note(location.as_ref()));
    fields.set(Field::PortalAccess, Some(if enabled { "true" } else { "false" }));
    fields.set(Field::SecurityRole, enabled.then_some(role));
    Some(fields)
}

fn employee_defaults(manifest: &EmployeeDefaultsManifest) -> Option<Fields> {
    let EmployeeDefaultsSpec {
        department,
        location,
        manager,
        job_title,
        employment_type,
        employee_role,
        security_role,
    } = manifest.spec.get()?;
    let values = [
        (Field::Department, department),
        (Field::Location, location),
        (Field::Manager, manager),
        (Field::JobTitle, job_title),
        (Field::EmploymentType, employment_type),
        (Field::EmployeeRole, employee_role),
        (Field::SecurityRole, security_role),
    ];
    values.into_iter().try_fold(Fields::default(), |fields, (field, value)| Some(fields.with(field, &value.get()?.0)))
}

fn policy(manifest: &SyncPolicyManifest) -> Option<Policy> {
    let SyncPolicySpec {
        drift,
        unmatched,
        disabled_accounts,
        guests,
        guards,
        poll_interval,
        full_sync_interval,
        reconnect,
    } = manifest.spec.get()?;
    let default = Policy::default();
    Some(Policy {
        drift: or(drift.as_ref(), default.drift),
        unmatched: or(unmatched.as_ref(), default.unmatched),
        disabled_accounts: or(disabled_accounts.as_ref(), default.disabled_accounts),
        guests: or(guests.as_ref(), default.guests),
        guards: guards.as_ref().and_then(Written::get).map_or(default.guards, self::guards),
        poll_interval: or(poll_interval.as_ref(), Interval(default.poll_interval)).0,
        full_sync_interval: or(full_sync_interval.as_ref(), Interval(default.full_sync_interval)).0,
        reconnect: reconnect.as_ref().and_then(Written::get).map_or(default.reconnect, self::reconnect),
    })
}

fn live_bms(manifest: &KaseyaBmsManifest) -> Option<Bms> {
    let KaseyaBmsSpec {
        server,
        company,
        username,
        password,
        totp,
        phone_type,
        email_type,
        calls_per_hour,
        full_read_interval,
    } = manifest.spec.get()?;
    let line = |written: &Option<Written<Line>>| written.as_ref().and_then(Written::get).map(|line| line.0.clone());
    Some(Bms {
        name: manifest.name()?.clone(),
        root: server.get()?.0.clone(),
        company: company.get()?.0.clone(),
        username: username.get()?.0.clone(),
        password: secret(password.get()?),
        totp: totp.as_ref().and_then(Written::get).map(secret),
        phone_type: line(phone_type),
        email_type: line(email_type),
        calls_per_hour: or(calls_per_hour.as_ref(), CallsPerHour(CALLS_PER_HOUR)).0,
        full_read_interval: or(full_read_interval.as_ref(), Interval(FULL_READ_INTERVAL)).0,
    })
}

fn guards(block: &GuardsBlock) -> Guards {
    let GuardsBlock { max_deactivations, max_archives, max_creates } = block;
    let default = Guards::default();
    let limit = |written: &Option<Written<GuardLimit>>, default| {
        written.as_ref().and_then(Written::get).map(|limit| limit.0).or(default)
    };
    Guards {
        max_deactivations: limit(max_deactivations, default.max_deactivations),
        max_archives: limit(max_archives, default.max_archives),
        max_creates: limit(max_creates, default.max_creates),
    }
}

fn reconnect(block: &ReconnectBlock) -> Reconnect {
    let ReconnectBlock { failures, after } = block;
    let default = Policy::default().reconnect;
    Reconnect {
        failures: failures.as_ref().and_then(Written::get).map_or(default.failures, |failures| failures.0),
        after: or(after.as_ref(), Interval(default.after)).0,
    }
}

fn it_glue(manifest: &ItGlueManifest) -> Option<ItGlue> {
    let ItGlueSpec { region, api_key, mode, organizations, inactive_contact_type, requests } = manifest.spec.get()?;
    let organizations = organizations.as_ref().and_then(Written::get).into_iter().flatten();
    let organizations = organizations.map(|(account, chosen): (&String, &Written<NameOrId>)| {
        Some((Text::from(account.trim()), chosen.get()?.clone()))
    });
    Some(ItGlue {
        name: manifest.name()?.clone(),
        root: region.get()?.0.clone(),
        api_key: secret(api_key.get()?),
        mode: or(mode.as_ref(), Delivery::Verify),
        organizations: organizations.collect::<Option<_>>()?,
        inactive_type: inactive_contact_type.as_ref().and_then(Written::get).cloned(),
        requests: or(requests.as_ref(), RequestLimit(IT_GLUE_REQUESTS)).0,
    })
}
