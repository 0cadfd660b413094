//! The login service: tokens by client credentials, its metadata, and its refusals in Microsoft's shape.
//! Knows no HTTP library. Tokens are random and say nothing.

use std::time::Instant;

use jiff::Timestamp;
use serde_json::json;

use super::faults::Fault;
use super::object::random_guid;
use super::reply::{Call, Reply};
use super::state::{Grant, State};
use super::stats::Class;
use super::world::Application;

/// Why a token is refused: the AADSTS number, `error`, the status, and what is said.
struct Refusal {
    code: u64,
    error: &'static str,
    status: u16,
    suberror: Option<&'static str>,
    message: String,
}

/// Number, `error`, status, suberror and message of the refusals that the simulator knows.
const KNOWN: &[(u64, &str, u16, &str, &str)] = &[
    (7_000_215, "invalid_client", 401, "", "Invalid client secret provided."),
    (7_000_222, "invalid_client", 401, "", "The provided client secret keys are expired."),
    (7_000_216, "invalid_client", 401, "", "A client secret or a client assertion is required."),
    (700_027, "invalid_client", 401, "", "The client assertion failed signature validation."),
    (7_000_229, "invalid_client", 401, "", "The application has no service principal in this tenant."),
    (700_016, "unauthorized_client", 400, "", "The application was not found in this tenant."),
    (7_000_112, "unauthorized_client", 400, "", "The application is disabled."),
    (
        65_001,
        "invalid_grant",
        400,
        "consent_required",
        "The user or administrator has not consented to use the application.",
    ),
    (50_057, "invalid_grant", 400, "", "The user account is disabled."),
    (50_076, "invalid_grant", 400, "basic_action", "You must use multi-factor authentication to access the resource."),
    (53_003, "invalid_grant", 400, "", "Access has been blocked by Conditional Access policies."),
    (70_008, "invalid_grant", 400, "", "The refresh token has expired."),
    (70_011, "invalid_scope", 400, "", "The provided scope is not valid."),
    (70_003, "unsupported_grant_type", 400, "", "The grant type is not supported."),
    (90_002, "invalid_request", 400, "", "The tenant was not found. Check that the tenant ID or domain is right."),
    (90_033, "temporarily_unavailable", 503, "", "A transient error has occurred. Please try again."),
    (500_011, "invalid_resource", 400, "", "The resource principal was not found in the tenant."),
    (900_144, "invalid_request", 400, "", "The request body must contain the parameter."),
    (
        9_001_023,
        "invalid_request",
        400,
        "",
        "The grant type is not supported over the /common or /organizations endpoints.",
    ),
];

impl Refusal {
    fn of(code: u64) -> Self {
        let unknown = (code, "invalid_request", 400, "", "The request was refused.");
        let (_, error, status, suberror, message) =
            KNOWN.iter().find(|(known, ..)| *known == code).copied().unwrap_or(unknown);
        let suberror = Some(suberror).filter(|text| !text.is_empty());
        Self { code, error, status, suberror, message: message.to_owned() }
    }

    fn naming(code: u64, what: &str) -> Self {
        let refusal = Self::of(code);
        Self { message: format!("{} ({what})", refusal.message), ..refusal }
    }
}

/// What a request for a token says.
struct Request {
    client_id: String,
    secret: Option<String>,
    has_assertion: bool,
    scope: String,
}

/// `POST /{tenant}/oauth2/v2.0/token`.
pub(super) fn token(state: &mut State, call: &Call) -> Reply {
    if call.method != "POST" {
        return state.refused(&Refusal::naming(900_144, "POST is wanted"));
    }
    let granted = match state.strikes(Fault::SignIn, Class::Token, call) {
        Some(strike) => Err(Refusal::of(strike.count() as u64)),
        None => grant(state, call),
    };
    match granted {
        Err(refusal) => state.refused(&refusal),
        Ok(grant) => {
            let lifetime = state.token_lifetime.as_secs();
            let token = state.issue(grant);
            let body = json!({ "token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token });
            Reply::json(200, &body).with("pragma", "no-cache")
        }
    }
}

fn grant(state: &State, call: &Call) -> Result<Grant, Refusal> {
    let tenant = tenant(state, call)?;
    let request = Request::read(call)?;
    let application = application(state, tenant, &request)?;
    check_scope(&request.scope)?;
    let expires = Instant::now() + state.token_lifetime;
    let roles = application.and_then(|application| application.roles.clone());
    Ok(Grant { tenant, application: request.client_id, roles, expires })
}

fn tenant(state: &State, call: &Call) -> Result<usize, Refusal> {
    let name = call.segments.first().map_or("", String::as_str);
    match (state.world.find(name), name) {
        (Some(tenant), _) => Ok(tenant),
        (None, "common" | "organizations" | "consumers") => Err(Refusal::of(9_001_023)),
        (None, _) => Err(Refusal::naming(90_002, name)),
    }
}

impl Request {
    fn read(call: &Call) -> Result<Self, Refusal> {
        let form = call.form();
        let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let wanted = |name: &str| field(name).ok_or_else(|| Refusal::naming(900_144, name));
        let basic = call.credentials("Basic").and_then(basic);
        let (id, secret) = basic.map_or((None, None), |(id, secret)| (Some(id), Some(secret)));
        let grant_type = wanted("grant_type")?;
        if grant_type != "client_credentials" {
            return Err(Refusal::naming(70_003, &grant_type));
        }
        Ok(Self {
            client_id: id.map_or_else(|| wanted("client_id"), Ok)?,
            secret: secret.or_else(|| field("client_secret")),
            has_assertion: field("client_assertion").is_some(),
            scope: wanted("scope")?,
        })
    }
}

fn application<'a>(state: &'a State, tenant: usize, request: &Request) -> Result<Option<&'a Application>, Refusal> {
    let Request { client_id, secret, has_assertion, scope: _ } = request;
    let application = match &state.world.tenants[tenant].applications {
        None => None,
        Some(known) => match known.iter().find(|known| known.id.eq_ignore_ascii_case(client_id)) {
            Some(application) => Some(application),
            None => return Err(Refusal::naming(700_016, client_id)),
        },
    };
    let key = application.and_then(|application| application.key.as_ref());
    match (secret, key) {
        (None, _) if *has_assertion => Err(Refusal::naming(700_027, "the simulator knows no certificates")),
        (None, _) => Err(Refusal::of(7_000_216)),
        (Some(secret), Some(key)) if secret != key => Err(Refusal::of(7_000_215)),
        (Some(_), Some(_) | None) => Ok(application),
    }
}

/// The roots of Graph in all clouds; a simulator on loopback stands for any of them.
const GRAPH_ROOTS: &[&str] = &[
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
    "00000003-0000-0000-c000-000000000000",
    "api://00000003-0000-0000-c000-000000000000",
];

fn check_scope(scope: &str) -> Result<(), Refusal> {
    let Some(resource) = scope.trim().strip_suffix("/.default").filter(|resource| !resource.contains(' ')) else {
        return Err(Refusal::naming(70_011, scope));
    };
    let resource = resource.trim_end_matches('/');
    let loopback = resource.strip_prefix("http://").is_some_and(super::is_loopback_host);
    if loopback || GRAPH_ROOTS.contains(&resource) { Ok(()) } else { Err(Refusal::naming(500_011, resource)) }
}

impl State {
    fn refused(&mut self, refusal: &Refusal) -> Reply {
        let Refusal { code, error, status, suberror, message } = refusal;
        let timestamp = Timestamp::now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let (trace, correlation) = (random_guid(&mut self.secrets), random_guid(&mut self.secrets));
        let description = format!(
            "AADSTS{code}: {message}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {timestamp}"
        );
        let mut body = json!({
            "error": error, "error_description": description, "error_codes": [code], "timestamp": timestamp,
            "trace_id": trace, "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        });
        if let Some(suberror) = suberror {
            body["suberror"] = json!(suberror);
        }
        Reply::json(*status, &body)
    }
}

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`.
pub(super) fn metadata(state: &mut State, call: &Call) -> Reply {
    let tenant = match tenant(state, call) {
        Ok(tenant) => state.world.tenants[tenant].id.clone(),
        Err(refusal) => return state.refused(&Refusal { error: "invalid_tenant", ..refusal }),
    };
    let base = format!("{}/{tenant}", call.origin);
    Reply::json(
        200,
        &json!({
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "jwks_uri": format!("{base}/discovery/v2.0/keys"),
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": format!("{base}/v2.0"),
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
            "tenant_region_scope": null,
            "cloud_instance_name": "loopback",
            "msgraph_host": call.origin.trim_start_matches("http://"),
        }),
    )
}

/// Client ID and secret of a `Basic` header, each form-encoded before they were joined.
fn basic(credentials: &str) -> Option<(String, String)> {
    let text = String::from_utf8(base64(credentials)?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    let text = text.replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(text.as_bytes()).map(|(key, _)| key.into_owned()).next().unwrap_or_default()
}

fn base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let digit = ALPHABET.iter().position(|known| *known == byte)?;
        held = held << 6 | u32::try_from(digit).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_decoded() {
        assert_eq!(basic("YXBwOnMlM0FlY3JldCtr"), Some(("app".to_owned(), "s:ecret k".to_owned())));
        assert_eq!(basic("not base64!"), None);
    }

    #[test]
    fn a_scope_is_of_graph_and_ends_in_default() {
        let code = |scope| check_scope(scope).err().map(|refusal| refusal.code);
        assert_eq!(code("https://graph.microsoft.com/.default"), None);
        assert_eq!(code("http://127.0.0.1:8400/.default"), None);
        assert_eq!(code("https://graph.microsoft.com/User.Read.All"), Some(70_011));
        assert_eq!(code("https://evil.example/.default"), Some(500_011));
    }
}
