//! `bmsync rekey`: seals every sign-in that is kept with a new key.

use serde_json::json;

use crate::display::{counted, safe};
use crate::vault::{NewKey, Rekeyed};

use super::args::{Format, Global, RekeyArgs};
use super::error::{Error, Exit};
use super::keys;
use super::output::Output;
use super::state;

/// Makes the new key, and seals everything with it.
pub async fn run(args: &RekeyArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let Some(ledger) = state::alone(global)? else {
        let path = global.state_path()?.display();
        return Err(Error::new(format!("there is no state at {path}, so nothing is sealed")));
    };
    let vault = keys::vault(ledger, global)?;
    let new = args.new_key_file.clone().map_or(NewKey::InPlace, NewKey::File);
    let done = vault.rekey(&new).await?;
    output.data(match global.output {
        Format::Json => document(&done),
        Format::Text | Format::Markdown | Format::Yaml | Format::Csv => told(&done),
    })?;
    output.note(next(&new, &done));
    Ok(Exit::Done)
}

fn told(Rekeyed { grants, key, path }: &Rekeyed) -> String {
    let sealed = counted(*grants as u64, "sign-in");
    format!("Sealed {sealed} with the new key {key} in {}.\n", safe(&path.display().to_string()))
}

fn next(new: &NewKey, Rekeyed { path, .. }: &Rekeyed) -> String {
    let path = path.display().to_string();
    let path = safe(&path);
    match new {
        NewKey::InPlace => {
            format!("back {path} up, apart from the state; backups of the state from before need the old key")
        }
        NewKey::File(_) => format!(
            "from now on give --key-file {path}; keep the old key as long as there are backups of the state from before"
        ),
    }
}

fn document(Rekeyed { grants, key, path }: &Rekeyed) -> String {
    let document = json!({ "signIns": grants, "key": key.to_string(), "keyFile": path });
    format!("{document:#}\n")
}
