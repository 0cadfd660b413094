//! `bmsync disconnect TENANT`: forgets the sign-in of a tenant, and says where the grant itself is revoked.

use serde_json::json;

use crate::display::safe;
use crate::model::Id;
use crate::remote::Remote;
use crate::vault::{self, Forgotten};

use super::args::{DisconnectArgs, Format, Global};
use super::asked;
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
    let (tenant, forgotten) = match server::remote(global)? {
        Some(remote) => there(&remote, args).await?,
        None => here(args, global, output).await?,
    };
    output.data(match global.output {
        Format::Json => document(&tenant, &forgotten),
        Format::Text | Format::Markdown | Format::Yaml | Format::Csv => told(&args.tenant, &forgotten),
    })?;
    if forgotten != Was::Nothing {
        output.note(REVOKE);
    }
    Ok(Exit::Done)
}

/// What was forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Was {
    Nothing,
    /// Of that account, if it is known.
    SignIn(Option<String>),
}

async fn here(args: &DisconnectArgs, global: &Global, output: &Output) -> Result<(Id, Was), Error> {
    let tenant = tenant(&args.tenant, global, output)?;
    let forgotten = match state::alone(global)? {
        Some(ledger) => vault::forget(&*ledger, &tenant).await?,
        None => Forgotten::Nothing,
    };
    let was = match forgotten {
        Forgotten::Nothing => Was::Nothing,
        Forgotten::Gone(kept) => Was::SignIn(kept.and_then(|kept| kept.account).map(|account| account.to_string())),
    };
    Ok((tenant, was))
}

async fn there(remote: &Remote, args: &DisconnectArgs) -> Result<(Id, Was), Error> {
    let ended = remote.disconnect(&args.tenant).await;
    let ended = ended.map_err(|error| asked::cannot("have it forget the sign-in", remote, &error))?;
    let was = if ended.forgotten { Was::SignIn(ended.account) } else { Was::Nothing };
    Ok((Id::new(&ended.tenant_id), was))
}

/// The tenant that is meant. One that is no longer declared is meant by its ID, so the manifests are not asked for that.
fn tenant(wanted: &str, global: &Global, output: &Output) -> Result<Id, Error> {
    let id = Id::new(wanted);
    if id.is_guid() {
        return Ok(id);
    }
    Ok(manifests::tenant(&manifests::load(global, output)?, wanted)?.id.clone())
}

fn told(wanted: &str, was: &Was) -> String {
    let tenant = safe(wanted);
    match was {
        Was::Nothing => format!("No sign-in of tenant {tenant} is kept.\n"),
        Was::SignIn(Some(account)) => format!("Forgotten: the sign-in of {} at tenant {tenant}.\n", safe(account)),
        Was::SignIn(None) => format!("Forgotten: the sign-in at tenant {tenant}.\n"),
    }
}

fn document(tenant: &Id, was: &Was) -> String {
    let (gone, account) = match was {
        Was::Nothing => (false, None),
        Was::SignIn(account) => (true, account.as_deref()),
    };
    format!("{:#}\n", json!({ "tenantId": tenant, "forgotten": gone, "account": account }))
}
