//! Answers of any bytes: every question and every order ends in a value or in an error that fits to be shown, never in a
//! panic or an endless list; and a write is called refused only when BMS says so.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bmsync::http::{Lost, Reply, Request, Wire};
use bmsync::store::kaseya::api::{
    AddressEdit, Bms, BmsError, ContactSearch, Edit, Lookup, Memory, Moment, Rank, Settings,
};
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use super::stage::{PASSWORD, id, new_contact, secrets, settings, user};
use crate::fuzz::{Target, is_plain, play};

const WORDS: &[&str] = &[
    "success",
    "Success",
    "error",
    "result",
    "Result",
    "totalRecords",
    "code",
    "message",
    "subErrors",
    "id",
    "isActive",
    "emails",
    "phones",
    "emailAddress",
    "phone",
    "isDefault",
    "modifiedOn",
    "accountId",
    "locations",
    "accessToken",
    "accessTokenExpireOn",
    "customFieldId",
    "data",
    "isEnabled",
    "true",
    "false",
    "null",
    "[]",
    "{}",
    "2147483648",
    "0001-01-01T00:00:00",
    "2026-03-02T14:40:31",
    "quota",
    "in use",
    "401",
    "404",
    "429",
];

const TOKEN: &[u8] = br#"{"success":true,"result":{"accessToken":"t","accessTokenExpireOn":"2090-01-01T00:00:00Z"}}"#;

/// Answers everything with the same, but lets people in if told so.
#[derive(Clone)]
struct Says {
    status: u16,
    body: Vec<u8>,
    door: Door,
}

#[derive(Clone, Copy, PartialEq)]
enum Door {
    Open,
    Asked,
}

impl fmt::Debug for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Says")
    }
}

#[async_trait]
impl Wire for Says {
    async fn exchange(&self, request: Request) -> Result<Reply, Lost> {
        let lets_in = self.door == Door::Open && request.path.iter().any(|part| part == "authenticate");
        let body = if lets_in { TOKEN.to_vec() } else { self.body.clone() };
        let status = if lets_in { 200 } else { self.status };
        Ok(Reply { status, retry_after: None, body })
    }
}

fn client(says: Says) -> Bms {
    let credentials = Arc::new(secrets(PASSWORD, None));
    let settings = Settings { calls_per_hour: 100_000.try_into().unwrap(), ..settings() };
    let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
    Bms::new(Arc::new(says), user("bmsync-api"), credentials, settings, clock, Memory::default())
}

fn told<T>(answer: Result<T, BmsError>, done: impl FnOnce(T) -> String) -> String {
    match answer {
        Ok(value) => done(value),
        Err(error) => {
            let text = error.to_string();
            is_plain(&text);
            assert!(text.chars().count() < 1000, "{text}");
            let common: String = text.split(['`', ':']).next().unwrap_or_default().chars().take(50).collect();
            common.replace(|sign: char| sign.is_ascii_digit(), "")
        }
    }
}

async fn asked(bms: &Bms) -> Vec<String> {
    let since = Moment::parse("2026-03-02T14:40:31");
    let size = |count: usize| count.min(4).to_string();
    vec![
        told(bms.contacts(None).await, |list| size(list.items.len())),
        told(bms.contacts(since).await, |list| size(list.items.len())),
        told(bms.contact(id(5120)).await, |one| one.is_some().to_string()),
        told(bms.search_contacts(&ContactSearch::default()).await, |list| size(list.items.len())),
        told(bms.employees().await, |list| size(list.items.len())),
        told(bms.accounts().await, |list| size(list.items.len())),
        told(bms.locations(id(301)).await, |list| size(list.len())),
        told(bms.lookup(&Lookup::PhoneTypes).await, |list| size(list.len())),
        told(bms.tickets_of(id(5120)).await, |_| "a count".to_owned()),
        told(bms.user_info().await, |_| "somebody".to_owned()),
        told(bms.itglue().await, |bridge| format!("{bridge:?}")),
        told(bms.itglue_contact(id(5120)).await, |twin| twin.is_some().to_string()),
        told(bms.anchor(id(5120)).await, |anchor| anchor.is_some().to_string()),
    ]
}

async fn ordered(bms: &Bms) -> Vec<String> {
    let remove = [AddressEdit::Remove { value: "a@b.example".to_owned(), type_id: None }];
    let add = [AddressEdit::Add { address: new_contact("a@b.example").email.unwrap(), rank: Rank::Default }];
    vec![
        told(bms.create_contact(&new_contact("a@b.example")).await, |_| "made".to_owned()),
        told(bms.edit_contact(id(5120), &[Edit::FirstName(Some("Marta".to_owned()))]).await, |_| "edited".to_owned()),
        told(bms.edit_emails(id(5120), &remove).await, |()| "done".to_owned()),
        told(bms.edit_phones(id(5120), &add).await, |()| "done".to_owned()),
        told(bms.set_anchor(id(5120), "x").await, |()| "set".to_owned()),
    ]
}

fn judge(runtime: &Runtime, bytes: &[u8]) -> String {
    runtime.block_on(async {
        let says = |status, door| Says { status, body: bytes.to_vec(), door };
        let mut outcomes = asked(&client(says(200, Door::Open))).await;
        outcomes.extend(ordered(&client(says(200, Door::Open))).await);
        for status in [400, 403, 404, 500] {
            outcomes.push(told(client(says(status, Door::Open)).contact(id(1)).await, |one| one.is_some().to_string()));
        }
        outcomes.push(told(client(says(200, Door::Asked)).user_info().await, |_| "let in".to_owned()));
        outcomes.join(",")
    })
}

#[test]
fn any_bytes() {
    let target = Target { test: "bms::fuzzed::any_bytes", corpus: "bms", words: WORDS, inputs: 400 };
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    play(&target, |bytes| judge(&runtime, bytes));
}
