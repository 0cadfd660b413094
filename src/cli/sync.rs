//! `bmsync sync [TENANT]`: has a running bmsync look again now.

use serde_json::json;

use crate::display::safe;

use super::args::{Format, Global, SyncArgs};
use super::asked::cannot;
use super::error::{Error, Exit};
use super::output::Output;
use super::server;

/// Tells the server to look.
pub async fn run(args: &SyncArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let remote = server::required(global)?;
    let tenant = args.tenant.as_deref();
    remote.sync(tenant).await.map_err(|error| cannot("have it look again", &remote, &error))?;
    match (global.output, tenant) {
        (Format::Json, tenant) => output.data(format!("{:#}\n", json!({ "tenant": tenant })))?,
        (Format::Text | Format::Markdown | Format::Yaml | Format::Csv, Some(tenant)) => {
            output.data(format!("It looks again at tenant {} now.\n", safe(tenant)))?;
        }
        (Format::Text | Format::Markdown | Format::Yaml | Format::Csv, None) => {
            output.data("It looks again at every tenant now.\n")?;
        }
    }
    Ok(Exit::Done)
}
