//! `bmsync confirm KIND ID`: a person says that something on the work list was done that BMS does not show.

use serde_json::json;

use crate::display::safe;
use crate::model::{Kind, RecordKey};

use super::args::{ConfirmArgs, Format, Global, RecordKind};
use super::bms;
use super::error::{Error, Exit};
use super::manifests;
use super::output::Output;
use super::state;

/// Takes it off the work list.
pub async fn run(args: &ConfirmArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let kind = match args.kind {
        RecordKind::Employee => Kind::Employee,
        RecordKind::Contact => Kind::Contact,
    };
    let key = RecordKey { kind, id: args.id };
    let config = manifests::load(global, output)?;
    let nothing = || Error::new(format!("nothing is on the work list for {key}")).hint("see `bmsync get worklist`");
    let (Some(bms), Some(ledger)) = (&config.bms, state::alone(global)?) else { return Err(nothing()) };
    let done = bms::live(bms, ledger, None).await?.confirm(key).await?.ok_or_else(nothing)?;
    output.data(match global.output {
        Format::Json => format!("{:#}\n", json!({ "kind": key.kind, "id": key.id, "steps": done.steps })),
        Format::Text | Format::Markdown | Format::Yaml | Format::Csv => {
            format!("Confirmed for {key}: {}.\n", safe(&done.steps.join("; ")))
        }
    })?;
    Ok(Exit::Done)
}
