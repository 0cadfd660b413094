//! `bmsync disconnect TENANT`: forgets the sign-in of a tenant, and says where the grant itself is revoked.

use serde_json::json;

use crate::display::safe;
use crate::model::Id;
use crate::vault::{self, Forgotten, Kept};

use super::asked;
use super::args::{DisconnectArgs, Format, Global};
use super::error::{Error, Exit};
use super::manifests;
use super::output::Output;
use super::server;
use super::state;

/// What a person still has to do elsewhere.
const REVOKE: &str = "the grant still exists in Entra ID until an administrator of the tenant revokes it: \
                      Entra admin center > Users > the account > Revoke sessions; and to withdraw the consent, \
                      Enterprise applications > the application > Permissions, or delete the application there";

/// Forgets it; has a server do it if one is meant.
pub async fn run(args: &DisconnectArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let exit = match server::remote(global)? {
        Some(remote) => asked::connect::disconnect(&remote, args, global, output).await?,
        None => return here(args, global, output).await,
    };
    output.note(REVOKE);
    Ok(exit)
}

async fn here(args: &DisconnectArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let tenant = tenant(&args.tenant, global, output)?;
    let forgotten = match state::alone(global)? {
        Some(ledger) => vault::forget(&*ledger, &tenant).await?,
        None => Forgotten::Nothing,
    };
    output.data(match global.output {
        Format::Json => document(&tenant, &forgotten),
        Format::Text | Format::Markdown | Format::Yaml | Format::Csv => told(&args.tenant, &forgotten),
    })?;
    if forgotten != Forgotten::Nothing {
        output.note(REVOKE);
    }
    Ok(Exit::Done)
}

/// The tenant that is meant. One that is no longer declared is meant by its ID, so the manifests are not asked for that.
fn tenant(wanted: &str, global: &Global, output: &Output) -> Result<Id, Error> {
    let id = Id::new(wanted);
    if id.is_guid() {
        return Ok(id);
    }
    Ok(manifests::tenant(&manifests::load(global, output)?, wanted)?.id.clone())
}

fn told(wanted: &str, forgotten: &Forgotten) -> String {
    let tenant = safe(wanted);
    match forgotten {
        Forgotten::Nothing => format!("No sign-in of tenant {tenant} is kept.\n"),
        Forgotten::Gone(Some(Kept { account: Some(account), .. })) => {
            format!("Forgotten: the sign-in of {} at tenant {tenant}.\n", safe(account))
        }
        Forgotten::Gone(_) => format!("Forgotten: the sign-in at tenant {tenant}.\n"),
    }
}

fn document(tenant: &Id, forgotten: &Forgotten) -> String {
    let (gone, account) = match forgotten {
        Forgotten::Nothing => (false, None),
        Forgotten::Gone(kept) => (true, kept.as_ref().and_then(|kept| kept.account.clone())),
    };
    format!("{:#}\n", json!({ "tenantId": tenant, "forgotten": gone, "account": account }))
}
