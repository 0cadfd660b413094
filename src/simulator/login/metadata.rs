//! What the login service tells of itself: `openid-configuration` and its keys.

use serde_json::json;

use crate::simulator::reply::{Call, Reply};
use crate::simulator::state::State;
use crate::simulator::stats::Class;

use super::place::Place;

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`.
pub(in crate::simulator) fn configuration(state: &mut State, call: &Call) -> Reply {
    let (name, issuer) = match state.place(call) {
        Ok(Place::Tenant(tenant)) => (state.world.tenants[tenant].id.clone(), state.world.tenants[tenant].id.clone()),
        Ok(Place::Any) => (call.segments.first().cloned().unwrap_or_default(), "{tenantid}".to_owned()),
        Err(refusal) => return state.refused(&refusal.under("invalid_tenant"), Class::OpenId, call),
    };
    let base = format!("{}/{name}", call.origin);
    Reply::json(
        200,
        &json!({
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": format!("{base}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": format!("{}/{issuer}/v2.0", call.origin),
            "request_uri_parameter_supported": false,
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "ver", "email"],
            "tenant_region_scope": null,
            "cloud_instance_name": "loopback",
            "msgraph_host": call.origin.trim_start_matches("http://"),
        }),
    )
}

/// `GET /{tenant}/discovery/v2.0/keys`.
pub(in crate::simulator) fn keys(state: &mut State, call: &Call) -> Reply {
    match state.place(call) {
        Ok(Place::Tenant(_) | Place::Any) => Reply::json(200, &json!({ "keys": [state.login.key.to_jwk()] })),
        Err(refusal) => state.refused(&refusal.under("invalid_tenant"), Class::Keys, call),
    }
}
