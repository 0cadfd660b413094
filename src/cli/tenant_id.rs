//! `bmsync tenant-id DOMAIN`: which tenant a domain name belongs to, asked of the login service, without any sign-in.

use serde_json::json;

use crate::source::graph::{Http, tenant_id};

use super::args::{Format, Global, TenantIdArgs};
use super::error::{Error, Exit};
use super::output::Output;

/// Asks and tells.
pub async fn run(args: &TenantIdArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let TenantIdArgs { domain, cloud, login } = args;
    let domain = domain.trim().to_lowercase();
    let (root, _) = cloud.cloud().roots();
    let root = login.as_deref().unwrap_or(root);
    let found = tenant_id(&Http::new(), root, &domain).await;
    let id = found.map_err(|error| {
        let told = Error::new("cannot find the tenant").because(&error);
        error.hint.into_iter().fold(told, Error::hint)
    })?;
    match global.output {
        Format::Json => {
            let word = cloud.cloud().word();
            output.data(format!("{:#}\n", json!({ "domain": domain, "tenantId": id.to_string(), "cloud": word })))?;
        }
        Format::Text | Format::Markdown | Format::Yaml | Format::Csv => {
            output.data(format!("{id}\n"))?;
            output.note(format!("in the manifest of the tenant, and in its rules:\n  tenantId: {id}"));
        }
    }
    Ok(Exit::Done)
}
