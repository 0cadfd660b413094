//! What IT Glue may answer: any bytes in the place of a document. A delivery ends with receipts or with an error that fits to
//! be shown; nothing panics, nothing goes on without end, and no key is told.

use std::sync::Arc;

use async_trait::async_trait;
use bmsync::actual::Actual;
use bmsync::http::{Lost, Reply, Request, Wire};
use bmsync::manifest::config::Delivery;
use bmsync::model::{Field, Fields, Kind, Record, RecordKey, References, Status};
use bmsync::outbox::itglue::ItGlueSink;
use bmsync::outbox::{Delivered, End, Item, Memory, Notes, Parcel, Sink, SinkError};
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use super::stage::it_glue;
use crate::fuzz::{Target, is_plain, play};

const WORDS: &[&str] = &[
    "data",
    "id",
    "type",
    "contacts",
    "attributes",
    "first-name",
    "last_name",
    "Marta",
    "Lindqvist",
    "marta@northwind.example",
    "contact-emails",
    "contact_phones",
    "value",
    "primary",
    "true",
    "label-name",
    "organization-id",
    "name",
    "Northwind Traders",
    "Former employee",
    "meta",
    "next-page",
    "total-count",
    "errors",
    "detail",
    "null",
    "[]",
    "18446744073709551615",
];

/// Answers everything with the same.
#[derive(Debug)]
struct Says {
    status: u16,
    body: Vec<u8>,
}

#[async_trait]
impl Wire for Says {
    async fn exchange(&self, _: Request) -> Result<Reply, Lost> {
        Ok(Reply { status: self.status, retry_after: Some("1".to_owned()), body: self.body.clone() })
    }
}

struct NoNotes;

#[async_trait]
impl Notes for NoNotes {
    async fn remember(&self, _: Vec<(u64, Memory)>) -> Result<(), SinkError> {
        Ok(())
    }

    async fn owners(&self, _: &[u64]) -> Result<std::collections::BTreeMap<u64, u64>, SinkError> {
        Ok(std::collections::BTreeMap::new())
    }
}

fn item(contact: Option<u64>) -> Item {
    let fields = Fields::default()
        .with(Field::Account, "Northwind Traders")
        .with(Field::Location, "Main")
        .with(Field::Email, "marta@northwind.example")
        .with(Field::FirstName, "Marta")
        .with(Field::LastName, "Lindqvist")
        .with(Field::Phone, "+46 8 555 01 42");
    let record = Record {
        key: RecordKey { kind: Kind::Contact, id: 1 },
        status: Status::Active,
        fields,
        link: None,
        archived_from: None,
        references: References::default(),
    };
    Item { record, memory: Memory { contact, ..Memory::default() } }
}

async fn delivered(status: u16, bytes: &[u8], contact: Option<u64>) -> String {
    let wire = Arc::new(Says { status, body: bytes.to_vec() });
    let sink = ItGlueSink::new(&it_glue(Delivery::Write), wire, Arc::new(()), Arc::new(|| Timestamp::UNIX_EPOCH));
    let mut actual = Actual::default();
    let item = item(contact);
    actual.put(item.record.clone());
    let parcel = Parcel { account: "Northwind Traders", actual: &actual, items: vec![item] };
    let Delivered { receipts, stopped } = sink.put(parcel, &NoNotes).await;
    assert!(receipts.len() <= 1 && (stopped.is_some() || receipts.len() == 1), "{receipts:?} {stopped:?}");
    if let Some(error) = stopped {
        let text = error.to_string();
        is_plain(&text);
        assert!(text.chars().count() < 1_000, "{text}");
        return text.chars().filter(|sign| !sign.is_ascii_digit()).take(40).collect();
    }
    match &receipts[0].end {
        End::Settled(did, finding) => {
            if let Some(finding) = finding {
                is_plain(&finding.message);
            }
            format!("{did:?} {:?}", finding.as_ref().map(|finding| finding.code))
        }
        End::Again(_) => "again".to_owned(),
    }
}

fn judge(runtime: &Runtime, bytes: &[u8]) -> String {
    runtime.block_on(async {
        let mut outcomes = Vec::new();
        for (status, contact) in [(200, None), (200, Some(730_155)), (422, None), (404, None), (500, None), (401, None)]
        {
            outcomes.push(delivered(status, bytes, contact).await);
        }
        outcomes.join(", ")
    })
}

#[test]
fn any_bytes() {
    let target = Target { test: "itglue::fuzzed::any_bytes", corpus: "itglue", words: WORDS, inputs: 400 };
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    play(&target, |bytes| judge(&runtime, bytes));
}
