//! What the faults do that are no matter of delta rounds or sign-in: a reply in place of the real one, or the real one
//! spoiled.

use serde_json::json;

use super::faults::Fault;
use super::reply::{Call, Delivery, Reply};
use super::state::State;
use super::stats::Class;

/// The faults that keep a request from being looked at.
pub(super) fn instead(state: &mut State, class: Class, call: &Call) -> Option<Reply> {
    let redirect = state.strikes(Fault::Redirect, class, call);
    if let Some(strike) = redirect {
        return Some(Reply::empty(302).with("location", format!("{}{}", strike.origin(), call.path)));
    }
    if let Some(strike) = state.strikes(Fault::Throttle, class, call) {
        return Some(throttled(state, call, strike.number()));
    }
    if let Some(strike) = state.strikes(Fault::Unavailable, class, call) {
        let page =
            "<html><head><title>Service Unavailable</title></head><body><h2>Service Unavailable</h2></body></html>";
        return Some(Reply::new(503, "text/html", page).with("retry-after", strike.number().to_string()));
    }
    if state.strikes(Fault::ServerError, class, call).is_some() {
        return Some(Reply::error(500, "InternalServerError", "Something went wrong.", &mut state.secrets));
    }
    let gateways = [(Fault::BadGateway, 502), (Fault::GatewayTimeout, 504)];
    gateways
        .into_iter()
        .find(|(fault, _)| state.strikes(*fault, class, call).is_some())
        .map(|(_, status)| Reply::empty(status))
}

fn throttled(state: &mut State, call: &Call, seconds: f64) -> Reply {
    let grant = call.credentials("Bearer").and_then(|token| state.tokens.get(token));
    let (application, tenant) = grant.map_or_else(Default::default, |grant| {
        (grant.application.clone(), state.world.tenants[grant.tenant].id.clone())
    });
    Reply::error(429, "TooManyRequests", "Slow down and try again.", &mut state.secrets)
        .with("retry-after", seconds.to_string())
        .with("x-ms-throttle-scope", format!("Tenant_Application/ReadWrite/{application}/{tenant}"))
        .with("x-ms-throttle-information", "ResourceUnitLimitExceeded")
        .with("x-ms-throttle-limit-percentage", "1.2")
}

/// The faults that spoil a good reply.
pub(super) fn spoil(state: &mut State, class: Class, call: &Call, reply: Reply) -> Reply {
    if !reply.is_ok() {
        return reply;
    }
    if state.strikes(Fault::NotJson, class, call).is_some() {
        return Reply::new(200, "text/html", "<html><body>Please sign in to this network.</body></html>");
    }
    if state.strikes(Fault::WrongContent, class, call).is_some() {
        let error = json!({ "error": { "code": "UnknownError", "message": "" } });
        return Reply::graph(200, error.to_string());
    }
    let mut reply = reply;
    if state.strikes(Fault::TruncatedJson, class, call).is_some() {
        reply.body.truncate(reply.body.len() / 2);
    }
    if state.strikes(Fault::Cut, class, call).is_some() {
        reply.delivery = Delivery::Cut;
    } else if let Some(strike) = state.strikes(Fault::HugePage, class, call) {
        reply.delivery = Delivery::Padded(strike.count());
    }
    reply
}
