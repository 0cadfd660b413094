//! `bmsync import FILE…`: loads what BMS already holds.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use crate::display::{count, counted};
use crate::interchange::import::{Format as FileFormat, parse};
use crate::interchange::row::{Row, RowErrors, RowKind};
use crate::model::Kind;
use crate::store::kaseya::home;
use crate::store::local::{ImportError, ImportReport, LocalStore};

use super::args::{Format, Global, ImportArgs, ImportKind};
use super::bms;
use super::error::{Error, Exit};
use super::manifests;
use super::output::Output;
use super::state::State;

/// Reads all files, then stores them in one commit.
pub async fn run(args: &ImportArgs, global: &Global, output: &Output) -> Result<Exit, Error> {
    let rows = read_all(args, output)?;
    let report = import(rows, global, output).await?.map_err(|error| refused(error, output))?;
    output.data(match global.output {
        Format::Json => format!("{:#}\n", report_json(report)),
        Format::Text | Format::Markdown | Format::Yaml | Format::Csv => report_text(report),
    })?;
    Ok(Exit::Done)
}

/// Stores the rows: all that they say, or of a live BMS what it does not show.
async fn import(rows: Vec<Row>, global: &Global, output: &Output) -> Result<Result<ImportReport, ImportError>, Error> {
    let ledger = State::Create.open(global, output)?;
    if home(&*ledger).await?.is_none() {
        let store = LocalStore::open(ledger, Arc::new(Timestamp::now)).await?;
        return Ok(store.import(rows).await);
    }
    let config = manifests::load(global, output)?;
    let Some(bms) = &config.bms else {
        return Err(Error::new("cannot import: this state belongs to a live BMS that the manifests do not declare"));
    };
    let store = bms::live(bms, ledger, None).await?;
    Ok(store.import(rows).await)
}

/// The rows of all files; every bad line of every file is told.
fn read_all(args: &ImportArgs, output: &Output) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    let mut errors = RowErrors::default();
    for path in &args.files {
        match read(path, args.kind.map(row_kind))? {
            Ok(read) => rows.extend(read),
            Err(wrong) => errors.extend(wrong),
        }
    }
    if errors.is_empty() { Ok(rows) } else { Err(bad_rows(&errors, output)) }
}

fn read(path: &Path, kind: Option<RowKind>) -> Result<Result<Vec<Row>, RowErrors>, Error> {
    if path == Path::new("-") {
        return Ok(parse(stdin().lock(), "standard input", FileFormat::JsonLines, kind));
    }
    let name = path.display().to_string();
    let format = FileFormat::of(path).ok_or_else(|| {
        Error::usage(format!("cannot tell the format of {name}")).hint("it must end in .jsonl, .ndjson, .json or .csv")
    })?;
    let file = File::open(path).map_err(|error| Error::new(format!("cannot read {name}")).because(&error))?;
    Ok(parse(&mut BufReader::new(file) as &mut dyn BufRead, &name, format, kind))
}

const fn row_kind(kind: ImportKind) -> RowKind {
    match kind {
        ImportKind::Account => RowKind::Account,
        ImportKind::Employee => RowKind::Person(Kind::Employee),
        ImportKind::Contact => RowKind::Person(Kind::Contact),
    }
}

fn refused(error: ImportError, output: &Output) -> Error {
    match error {
        ImportError::Rows(errors) => bad_rows(&errors, output),
        ImportError::Store(error) => error.into(),
    }
}

/// Tells every bad line, then that nothing was stored.
fn bad_rows(errors: &RowErrors, output: &Output) -> Error {
    let RowErrors { shown, hidden } = errors;
    for error in shown {
        output.error(&Error::new(error.to_string()));
    }
    let lines = counted(shown.len() as u64 + hidden, "bad line");
    Error::new(format!("nothing was imported, because of {lines}"))
        .hint("correct the lines named above and import again")
}

fn report_text(report: ImportReport) -> String {
    let ImportReport { revision, created, updated, unchanged, logins_dropped } = report;
    let dropped = match logins_dropped {
        0 => String::new(),
        rows => format!(
            " {} gave a username or security role to a contact without portal access; these were not kept.",
            counted(rows, "row")
        ),
    };
    format!(
        "Imported: {} new, {} changed, {} already so.{dropped} BMS state is at revision {revision}.\n",
        count(created),
        count(updated),
        count(unchanged)
    )
}

fn report_json(report: ImportReport) -> serde_json::Value {
    let ImportReport { revision, created, updated, unchanged, logins_dropped } = report;
    json!({
        "stateRevision": revision.0,
        "created": created,
        "updated": updated,
        "unchanged": unchanged,
        "loginsDropped": logins_dropped,
    })
}
