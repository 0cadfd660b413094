//! The control API as requests under `/control`. What they do is in `control`.

use serde_json::{Map, Value, json};

use super::bms::{BmsControlError, Company};
use super::change::Deletion;
use super::control::{ControlError, found, not_found, what};
use super::file;
use super::news::LifecycleEvent;
use super::object::ObjectId;
use super::properties::Resource;
use super::reply::{Call, Reply};
use super::settings::Faults;
use super::state::State;

/// Answers a request under `/control`.
pub(super) fn respond(state: &mut State, call: &Call) -> Reply {
    match request(state, call) {
        Ok(Value::Null) => Reply::empty(204),
        Ok(value) => Reply::json(200, &value),
        Err(error) => {
            let status = match &error {
                ControlError::NotFound { .. }
                | ControlError::NoSuchRequest { .. }
                | ControlError::Bms(BmsControlError::NotFound { .. }) => 404,
                ControlError::Gone { .. } | ControlError::Taken { .. } => 409,
                ControlError::Content(_)
                | ControlError::Fault(_)
                | ControlError::Trouble(_)
                | ControlError::Bms(BmsControlError::Content(_) | BmsControlError::Fault(_))
                | ControlError::NotJson(_) => 400,
            };
            Reply::json(status, &json!({ "error": { "message": error.to_string() } }))
        }
    }
}

fn request(state: &mut State, call: &Call) -> Result<Value, ControlError> {
    let segments: Vec<&str> = call.segments.iter().skip(1).map(String::as_str).collect();
    match (call.method.as_str(), segments.as_slice()) {
        ("GET", ["world"]) => Ok(state.world.to_json()),
        ("GET", ["stats"]) => Ok(state.stats.to_json()),
        ("GET", ["faults"]) => Ok(faults_json(&state.faults)),
        ("PUT", ["faults"]) => set_faults(state, Faults::default(), call),
        ("PATCH", ["faults"]) => set_faults(state, state.faults.clone(), call),
        ("POST", ["reset"]) => {
            state.reset();
            Ok(Value::Null)
        }
        (_, ["subscriptions", rest @ ..]) => subscription_request(state, call, rest),
        (_, ["bms", rest @ ..]) => bms_request(state, call, rest),
        ("GET", ["sign-ins"]) => Ok(state.sign_ins()),
        ("POST", ["forward"]) => forward(state, call),
        ("GET", ["itglue"]) => Ok(state.it_glue.to_json()),
        ("GET", ["itglue", "stats"]) => Ok(json!(state.it_glue.counts())),
        ("POST", ["itglue", "organizations"]) => {
            state.it_glue.put_organization(json_body(call)?)?;
            Ok(Value::Null)
        }
        ("POST", ["itglue", "contacts"]) => Ok(json!({ "id": state.it_glue.put_contact(json_body(call)?)? })),
        ("PUT", ["itglue", "troubles"]) => set_troubles(state, call),
        ("POST", ["devicecodes", code]) => answer_device(state, code, call),
        ("PUT", ["tenants", tenant, "applications", id]) => done(state.admit(tenant, id, json_body(call)?)),
        ("DELETE", ["tenants", tenant, "applications", id]) => done(state.expel(tenant, id)),
        ("POST", ["tenants", tenant, "users", id, "revoke"]) => done(state.revoke(tenant, id)),
        (_, ["tenants", tenant, "users", rest @ ..]) => object_request(state, call, tenant, Resource::Users, rest),
        (_, ["tenants", tenant, "groups", rest @ ..]) => object_request(state, call, tenant, Resource::Groups, rest),
        _ => no_such_request(call),
    }
}

fn done(result: Result<(), ControlError>) -> Result<Value, ControlError> {
    result.map(|()| Value::Null)
}

fn forward(state: &mut State, call: &Call) -> Result<Value, ControlError> {
    let body = json_body(call)?;
    match body["seconds"].as_u64().and_then(|seconds| u32::try_from(seconds).ok()) {
        Some(seconds) => state.forward(seconds.into()),
        None => file::wrong("seconds", "wants a number of seconds")?,
    }
    Ok(Value::Null)
}

/// `{"user": "adele@contoso.com"}` accepts, `{"decline": true}` declines.
fn answer_device(state: &mut State, code: &str, call: &Call) -> Result<Value, ControlError> {
    let body = json_body(call)?;
    let user = body["user"].as_str();
    if user.is_none() && body["decline"] != true {
        return Ok(file::wrong("user", "wants a user's name, or `decline`: true")?);
    }
    done(found(state.answer_device(code, user), "device code", code))
}

fn subscription_request(state: &mut State, call: &Call, rest: &[&str]) -> Result<Value, ControlError> {
    match (call.method.as_str(), rest) {
        ("GET", []) => return Ok(state.subscriptions_json()),
        ("DELETE", [id]) => state.expire_subscription(id)?,
        ("POST", [id, "forge"]) => state.forge_notification(id)?,
        ("POST", [id, "lifecycle"]) => state.send_lifecycle(id, lifecycle_event(call)?)?,
        _ => return no_such_request(call),
    }
    Ok(Value::Null)
}

fn lifecycle_event(call: &Call) -> Result<LifecycleEvent, ControlError> {
    let body = json_body(call)?;
    let name = body["lifecycleEvent"].as_str().unwrap_or_default();
    let known = LifecycleEvent::ALL.into_iter().find(|event| event.name() == name);
    let names = LifecycleEvent::ALL.map(LifecycleEvent::name).join(", ");
    Ok(known.map_or_else(|| file::wrong("lifecycleEvent", format!("wants one of {names}")), Ok)?)
}

fn bms_request(state: &mut State, call: &Call, rest: &[&str]) -> Result<Value, ControlError> {
    let now = state.login.now();
    let Some(company) = &mut state.world.bms else { return not_found("bms", "in the directory file") };
    company.at(now);
    let number = |id: &str| id.parse().or_else(|_| not_found("number", id));
    match (call.method.as_str(), rest) {
        ("GET", []) => return Ok(company.to_json()),
        ("GET", ["stats"]) => return Ok(company.stats()),
        ("GET", ["faults"]) => return Ok(json!(company.faults())),
        ("PUT", ["faults"]) => {
            company.clear_faults();
            set_bms_faults(company, call)?;
        }
        ("PATCH", ["faults"]) => set_bms_faults(company, call)?,
        ("POST", ["expire-tokens"]) => company.expire_tokens(),
        ("POST", ["employees", id, "archive"]) => company.archive(number(id)?)?,
        ("POST", [kind]) => return Ok(json!({ "id": company.put(kind, json_body(call)?)? })),
        ("GET", [kind, id]) => return Ok(company.get(kind, number(id)?)?),
        ("PATCH", [kind, id]) => company.change(kind, number(id)?, json_body(call)?)?,
        _ => return no_such_request(call),
    }
    Ok(Value::Null)
}

fn set_bms_faults(company: &mut Company, call: &Call) -> Result<(), ControlError> {
    for (name, setting) in file::object("faults", json_body(call)?)? {
        let setting = setting.as_str().map_or_else(|| setting.to_string(), str::to_owned);
        company.set_fault(&format!("{name}={setting}")).map_err(BmsControlError::Fault)?;
    }
    Ok(())
}

fn no_such_request(call: &Call) -> Result<Value, ControlError> {
    Err(ControlError::NoSuchRequest { method: call.method.clone(), path: call.path.clone() })
}

fn object_request(
    state: &mut State,
    call: &Call,
    tenant: &str,
    resource: Resource,
    rest: &[&str],
) -> Result<Value, ControlError> {
    match (call.method.as_str(), rest, resource) {
        ("GET", [id], _) => return shown(state, tenant, resource, id),
        ("PUT", [id], _) => state.put(tenant, resource, id, json_body(call)?)?,
        ("PATCH", [id], _) => state.patch(tenant, resource, id, json_body(call)?)?,
        ("DELETE", [id], _) => state.delete(tenant, resource, id, deletion(call))?,
        ("POST", [id, "restore"], _) => state.restore(tenant, resource, id)?,
        ("PUT", [group, "members", member], Resource::Groups) => {
            state.add_member(tenant, group, member, call.option("type"))?;
        }
        ("DELETE", [group, "members", member], Resource::Groups) => state.remove_member(tenant, group, member)?,
        _ => return no_such_request(call),
    }
    Ok(Value::Null)
}

fn deletion(call: &Call) -> Deletion {
    if call.option("hard") == Some("true") { Deletion::Hard } else { Deletion::Soft }
}

fn shown(state: &mut State, tenant: &str, resource: Resource, id: &str) -> Result<Value, ControlError> {
    let tenant = state.tenant_mut(tenant)?;
    let number = tenant.table(resource).number(&ObjectId::parse(id));
    let object = number.and_then(|number| Some((number, tenant.table(resource).get(number)?)));
    let json = object.and_then(|(number, object)| match resource {
        Resource::Users => object.to_json().map(Value::Object),
        Resource::Groups => tenant.group_json(number, object),
    });
    json.map_or_else(|| not_found(what(resource), id), Ok)
}

fn json_body(call: &Call) -> Result<Value, ControlError> {
    serde_json::from_slice(&call.body).map_err(ControlError::NotJson)
}

/// In place of those that are on: `{"cut-after": "next1", "throttle": "0.05:30"}`.
fn set_troubles(state: &mut State, call: &Call) -> Result<Value, ControlError> {
    state.it_glue.clear_troubles();
    for (name, setting) in file::object("troubles", json_body(call)?)? {
        let setting = setting.as_str().map_or_else(|| setting.to_string(), str::to_owned);
        state.it_glue.set_trouble(&format!("{name}={setting}"))?;
    }
    Ok(Value::Null)
}

fn faults_json(faults: &Faults) -> Value {
    faults.iter().map(|(fault, setting)| (fault.name().to_owned(), json!(setting))).collect::<Map<_, _>>().into()
}

fn set_faults(state: &mut State, mut faults: Faults, call: &Call) -> Result<Value, ControlError> {
    for (name, setting) in file::object("faults", json_body(call)?)? {
        let setting = setting.as_str().map_or_else(|| setting.to_string(), str::to_owned);
        faults.set(&format!("{name}={setting}"))?;
    }
    state.faults = faults;
    Ok(faults_json(&state.faults))
}
