//! Files to import: rows or errors that fit to be shown; what is stored comes back from the export, and from a CSV.

use std::sync::Arc;

use bmsync::actual::Actual;
use bmsync::interchange::import::{Format, parse};
use bmsync::interchange::row::{Row, RowKind};
use bmsync::interchange::{csv, export, record};
use bmsync::ledger::memory::MemoryLedger;
use bmsync::model::Kind;
use bmsync::store::local::ImportError;
use tokio::runtime::{Builder, Runtime};

use super::play::{Target, is_plain, play};
use crate::store::open;

const WORDS: &[&str] = &[
    "kind",
    "employee",
    "contact",
    "account",
    "id",
    "status",
    "active",
    "inactive",
    "archived",
    "username",
    "email",
    "firstName",
    "portalAccess",
    "true",
    "source",
    "source.tenantId",
    "source.userId",
    "tenantId",
    "userId",
    "references",
    "references.tickets",
    "archivedFrom",
    "archivedFrom.userId",
    "name",
    "locations",
    "Main;Warehouse",
    "null",
    "\n",
    ",",
    "\"\"",
    ";",
];

/// What becomes of rows: the state, or how many words were said of them.
fn stored(runtime: &Runtime, rows: Vec<Row>) -> Result<Actual, String> {
    runtime.block_on(async {
        let store = open(Arc::new(MemoryLedger::new())).await;
        match store.import(rows).await {
            Ok(_) => Ok(store.view(Clone::clone).await.expect("it is open")),
            Err(ImportError::Rows(errors)) => Err(shape(&errors.to_string())),
            Err(other) => panic!("{other:?}"),
        }
    })
}

/// A message without what is particular to it.
fn shape(message: &str) -> String {
    is_plain(message);
    assert!(
        message.lines().all(|line| line.chars().count() < 1000) && message.len() < 100_000,
        "{} bytes of errors",
        message.len()
    );
    let line = message.lines().next().unwrap_or_default();
    let common: String = line.split('`').step_by(2).collect();
    common.chars().filter(|sign| !sign.is_ascii_digit()).take(60).collect()
}

fn lines(actual: &Actual) -> String {
    let mut out = Vec::new();
    export::write(actual, &mut out).expect("memory takes everything");
    String::from_utf8(out).expect("text")
}

/// Stores what was stored once more, from its own export and from a table of each kind.
fn comes_back(runtime: &Runtime, actual: &Actual) {
    let text = lines(actual);
    let read = |bytes: &[u8], format, kind| parse(bytes, "again", format, kind).expect("it was written by us");
    let rows = read(text.as_bytes(), Format::JsonLines, None);
    assert_eq!(lines(&stored(runtime, rows).expect("it was stored before")), text);
    let lines_of = text.split_inclusive('\n');
    let accounts: String = lines_of.filter(|line| line.starts_with("{\"kind\":\"account\"")).collect();
    let mut rows = read(accounts.as_bytes(), Format::JsonLines, None);
    for kind in [Kind::Employee, Kind::Contact] {
        let records: Vec<_> = actual.sorted_records().into_iter().filter(|record| record.key.kind == kind).collect();
        for one in &records {
            assert_eq!(record::record(&record::read(&record::record(one)).expect("a record")), record::record(one));
        }
        let mut table = Vec::new();
        csv::write(kind, records.into_iter(), &mut table).expect("memory takes everything");
        rows.extend(read(&table, Format::Csv, Some(RowKind::Person(kind))));
    }
    assert_eq!(lines(&stored(runtime, rows).expect("it was stored before")), text, "through CSV");
}

fn judge(runtime: &Runtime, bytes: &[u8], format: Format, kind: Option<RowKind>) -> String {
    let rows = match parse(bytes, "rows", format, kind) {
        Ok(rows) => rows,
        Err(errors) => return shape(&errors.to_string()),
    };
    let count = rows.len();
    match stored(runtime, rows) {
        Ok(actual) => {
            comes_back(runtime, &actual);
            format!("stored {count}")
        }
        Err(message) => message,
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime")
}

#[test]
fn any_lines() {
    let target = Target { test: "fuzz::import::any_lines", corpus: "import-jsonl", words: WORDS, inputs: 800 };
    let runtime = runtime();
    play(&target, |bytes| judge(&runtime, bytes, Format::JsonLines, None));
}

#[test]
fn any_json() {
    let target = Target { test: "fuzz::import::any_json", corpus: "import-json", words: WORDS, inputs: 400 };
    let runtime = runtime();
    play(&target, |bytes| judge(&runtime, bytes, Format::Json, None));
}

#[test]
fn any_table() {
    let target = Target { test: "fuzz::import::any_table", corpus: "import-csv", words: WORDS, inputs: 800 };
    let runtime = runtime();
    play(&target, |bytes| judge(&runtime, bytes, Format::Csv, Some(RowKind::Person(Kind::Employee))));
}
