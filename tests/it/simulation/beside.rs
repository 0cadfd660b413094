//! IT Glue beside a simulated world: asked over a wire on which requests and answers get lost, and what must hold of it when
//! everything has settled: it says what BMS says, and nobody is there twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bmsync::actual::Actual;
use bmsync::controller::{ItGlueStatus, OpenSink, Refusal};
use bmsync::http::{Fate, Lost, Reply, Request, Wire};
use bmsync::ledger::Ledger;
use bmsync::manifest::config::{Delivery, IT_GLUE_REQUESTS, ItGlue, NameOrId, SecretRef};
use bmsync::model::{Field, Kind, Record, Status, same_name};
use bmsync::outbox::itglue::ItGlueSink;
use bmsync::outbox::{FindingCode, Sink, findings};
use bmsync::simulator::{ItGlue as Service, ItGlueRequest};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::stage::Stage;

/// An empty IT Glue.
pub fn service() -> Service {
    Service::from_json(json!({ "contactTypes": ["Former employee"] })).expect("the block is right")
}

pub fn declared() -> ItGlue {
    ItGlue {
        name: "it-glue".into(),
        root: "https://api.itglue.example".into(),
        api_key: SecretRef::Env("CARGO_PKG_NAME".into()),
        mode: Delivery::Write,
        organizations: BTreeMap::new(),
        inactive_type: Some(NameOrId::Name("Former employee".into())),
        requests: IT_GLUE_REQUESTS,
    }
}

pub fn open(stage: &Arc<Stage>) -> OpenSink {
    let stage = Arc::clone(stage);
    Arc::new(move |it_glue, meter| {
        let wire = Arc::new(Line(Arc::clone(&stage)));
        Ok(Arc::new(ItGlueSink::new(it_glue, wire, meter, stage.clock())) as Arc<dyn Sink>)
    })
}

/// The way to it.
struct Line(Arc<Stage>);

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Line")
    }
}

fn lost(fate: Fate) -> Lost {
    Lost { fate, what: "the connection broke".to_owned(), cause: None }
}

#[async_trait]
impl Wire for Line {
    async fn exchange(&self, request: Request) -> Result<Reply, Lost> {
        let stage = &self.0;
        if stage.goes_wrong("IT Glue out of reach") {
            return Err(lost(Fate::Unsent));
        }
        if stage.goes_wrong("lost request to IT Glue") {
            return Err(lost(Fate::Unknown));
        }
        if stage.goes_wrong("throttled by IT Glue") {
            let wait = stage.dice(|rng| rng.u64(1..90)).to_string();
            return Ok(Reply { status: 429, retry_after: Some(wait), body: Vec::new() });
        }
        if stage.goes_wrong("slow IT Glue") {
            let wait = stage.dice(|rng| rng.u64(1..50));
            tokio::time::sleep(Duration::from_secs(wait)).await;
        }
        let reply = self.answered(request);
        if stage.goes_wrong("lost answer of IT Glue") {
            return Err(lost(Fate::Unknown));
        }
        Ok(reply)
    }
}

impl Line {
    fn answered(&self, request: Request) -> Reply {
        let Request { method, path, query, credentials, content } = request;
        let asked = ItGlueRequest {
            method: method.name().to_owned(),
            path,
            query,
            key: credentials.map(|(_, key)| key.expose_secret().to_owned()),
            content_type: content.as_ref().map(|content| content.kind.to_owned()),
            body: content.map(|content| content.bytes.expose_secret().to_vec()).unwrap_or_default(),
        };
        let accounts = self.0.world().accounts;
        let service = self.0.it_glue.as_ref().expect("it is asked");
        let mut service = service.lock().expect("nobody panicked while holding it");
        for (id, account) in accounts {
            let known = service.to_json()["organizations"].clone();
            let is_known = known.as_array().into_iter().flatten().any(|one| one["id"] == id);
            if !is_known {
                service.put_organization(json!({ "id": id, "name": account.name })).expect("an organization");
            }
        }
        let answer = service.answer(self.0.elapsed(), &asked);
        assert_ne!(answer.status, 429, "the limit was not kept");
        Reply { status: answer.status, retry_after: None, body: answer.body }
    }
}

/// What must hold.
pub async fn hold(
    service: &Mutex<Service>,
    status: Result<ItGlueStatus, Refusal>,
    ledger: &dyn Ledger,
    actual: &Actual,
) -> Result<(), String> {
    let status = status.map_err(|error| error.to_string())?;
    let nobody_asked = status.last_success.is_none() && actual.records().any(|record| record.key.kind == Kind::Contact);
    if status.waiting > 0 || nobody_asked {
        return Err(format!("contacts still wait for IT Glue: {status:#?}"));
    }
    let held = service.lock().expect("nobody panicked while holding it").to_json();
    let contacts = held["contacts"].as_array().expect("a list");
    let organizations = held["organizations"].as_array().expect("a list");
    let owned = ledger.kept("outbox/itglue/owner/").await.expect("memory");
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let owners: BTreeMap<u64, u64> = owned
        .iter()
        .map(|(key, value)| (number(&key[key.len() - 20..]), number(std::str::from_utf8(value).expect("text"))))
        .collect();
    nobody_is_there_twice(contacts, &owners)?;
    let found = findings(ledger).await.expect("memory");
    for one in &found {
        let allowed = [
            FindingCode::SharedEmail,
            FindingCode::NoEmail,
            FindingCode::Homonym,
            FindingCode::OrganizationMissing,
            FindingCode::OrganizationAmbiguous,
        ];
        let record = actual.records().find(|record| record.key.kind == Kind::Contact && record.key.id == one.contact);
        let is_nameless = record.is_some_and(|record| record.fields.get(Field::FirstName).is_none());
        let is_excused = is_nameless && one.finding.code == FindingCode::Refused;
        if !allowed.contains(&one.finding.code) && !is_excused {
            return Err(format!("{one:#?}\n{contacts:#?}"));
        }
    }
    let excused: BTreeSet<u64> = found.iter().map(|one| one.contact).collect();
    for record in actual.records().filter(|record| record.key.kind == Kind::Contact) {
        if !excused.contains(&record.key.id) {
            // Who came from another account is left as it was in the organization of that one.
            let account = record.fields.get(Field::Account).unwrap_or_default();
            let homes: Vec<&Value> =
                organizations.iter().filter(|one| one["name"] == account).map(|one| &one["id"]).collect();
            let neighbours: Vec<Value> =
                contacts.iter().filter(|contact| homes.contains(&&contact["organization"])).cloned().collect();
            it_says_what_bms_says(record, &neighbours, &owners, &held["contactTypes"][0]["id"])?;
        }
    }
    Ok(())
}

/// Contacts of one organization with one email are different people, of whom bmsync knows which is which.
fn nobody_is_there_twice(contacts: &[Value], owners: &BTreeMap<u64, u64>) -> Result<(), String> {
    let mut known: BTreeMap<(String, String), Vec<&Value>> = BTreeMap::new();
    for contact in contacts {
        let email = contact["primaryEmail"].as_str().unwrap_or_default().to_lowercase();
        known.entry((contact["organization"].to_string(), email)).or_default().push(contact);
    }
    for same in known.into_values().filter(|same| same.len() > 1) {
        let of: BTreeSet<Option<&u64>> =
            same.iter().map(|one| owners.get(&one["id"].as_u64().expect("an ID"))).collect();
        if of.len() < same.len() || of.contains(&None) {
            return Err(format!("somebody is in IT Glue twice: {same:#?}"));
        }
    }
    Ok(())
}

fn it_says_what_bms_says(
    record: &Record,
    contacts: &[Value],
    owners: &BTreeMap<u64, u64>,
    former: &Value,
) -> Result<(), String> {
    let owned = |contact: &&Value| owners.get(&contact["id"].as_u64().expect("an ID")) == Some(&record.key.id);
    let there: Vec<&Value> = contacts.iter().filter(owned).collect();
    let value = |field| record.fields.get(field);
    let told = |what: &str| Err(format!("{what}: {record:#?}\n{contacts:#?}"));
    match (record.status, there.as_slice()) {
        (Status::Active, [one]) => {
            let texts = [(Field::FirstName, "firstName"), (Field::LastName, "lastName"), (Field::JobTitle, "title")];
            let differs = texts.iter().any(|(field, key)| value(*field).is_some_and(|wanted| one[key] != wanted));
            let email = one["primaryEmail"].as_str().unwrap_or_default();
            if differs || one["type"] == *former || !value(Field::Email).is_some_and(|mine| same_name(mine, email)) {
                return told("IT Glue says something else than BMS");
            }
        }
        (Status::Active, _) => return told("an active contact is not in IT Glue once"),
        (Status::Inactive | Status::Archived, [one]) if one["type"] != *former => {
            return told("a contact that is not active looks active in IT Glue");
        }
        (Status::Inactive | Status::Archived, _) => {}
    }
    Ok(())
}
