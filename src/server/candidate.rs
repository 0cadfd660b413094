//! Manifests out of a request. They decide what is planned, never where a secret goes: a tenant may be used only exactly
//! as the running configuration declares it.

use axum::body::Bytes;

use crate::manifest::config::{Config, Tenant};
use crate::manifest::{Code, Diagnostic, ManifestFile, load};

/// How diagnostics call the body of a request.
pub const BODY: &str = "manifests";

/// The configuration in a body.
///
/// # Errors
/// What is wrong with it; a tenant that is declared otherwise than here is an error too.
pub fn candidate(body: Bytes, declared: &Config) -> Result<Config, Vec<Diagnostic>> {
    let body: Vec<u8> = body.into();
    let file = ManifestFile::new(BODY, body);
    let mut loaded = load(std::slice::from_ref(&file));
    if let Some(config) = &loaded.config {
        let text = match &file.content {
            crate::manifest::Content::Bytes(bytes) => String::from_utf8_lossy(bytes),
            crate::manifest::Content::Unreadable(_) => "".into(),
        };
        loaded.diagnostics.extend(config.tenants.iter().filter_map(|tenant| foreign(tenant, declared, &text)));
    }
    match loaded.config.take() {
        Some(config) if !loaded.has_errors() => Ok(config),
        Some(_) | None => Err(loaded.diagnostics),
    }
}

/// What a tenant has that the server declares otherwise.
fn foreign(tenant: &Tenant, declared: &Config, text: &str) -> Option<Diagnostic> {
    let differs = declared.tenant(&tenant.id).map(|ours| differences(tenant, ours));
    let name = &tenant.name;
    let message = match differs {
        Some(differs) if differs.is_empty() => return None,
        Some(differs) => format!("tenant `{name}` is not as the server declares it: {} differs", differs.join(", ")),
        None => format!("tenant `{name}` is not declared by the server: it has no tenant {}", tenant.id),
    };
    let hint = "a plan made by a server uses its own tenants and secrets only; a new or changed tenant is planned once it \
                is deployed";
    let line = line_of(name, text);
    Some(Diagnostic { line, ..Diagnostic::of_file(BODY, Code::ForeignTenant, message, Some(hint)) })
}

/// The keys by which two declarations of one tenant reach different places, or with different proofs.
fn differences(theirs: &Tenant, ours: &Tenant) -> Vec<&'static str> {
    let Tenant {
        name: _,
        id,
        domain,
        application_id,
        credential,
        sign_in,
        login_root,
        graph_root,
        nested_groups: _,
        suspend: _,
    } = theirs;
    let checks = [
        ("tenantId", *id == ours.id),
        ("domain", *domain == ours.domain),
        ("applicationId", *application_id == ours.application_id),
        ("applicationKey, certificate or federatedToken", *credential == ours.credential),
        ("signIn", *sign_in == ours.sign_in),
        ("endpoints.login", *login_root == ours.login_root),
        ("endpoints.graph", *graph_root == ours.graph_root),
    ];
    checks.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect()
}

/// The line of the `name` in the document of that tenant, as far as it is written plainly; else the first.
fn line_of(name: &str, text: &str) -> u32 {
    let mut in_tenant = false;
    for (line, number) in text.lines().zip(1_u32..) {
        if line.starts_with("---") {
            in_tenant = false;
        }
        in_tenant |= line.trim_end() == "kind: Tenant";
        let named = line.split_once("name:").map(|(_, rest)| rest.trim_matches([' ', '}', '"', '\'']));
        if in_tenant && named == Some(name) {
            return number;
        }
    }
    1
}
