//! A BMS, a simulated IT Glue and an outbox between them, in virtual time. Knows nothing of what a test wants to see.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bmsync::http::{Fate, Lost, Reply, Request, Wire};
use bmsync::interchange::import::{Format, parse};
use bmsync::ledger::Ledger;
use bmsync::ledger::memory::MemoryLedger;
use bmsync::manifest::config::{Delivery, ItGlue, NameOrId, SecretRef};
use bmsync::outbox::itglue::ItGlueSink;
use bmsync::outbox::{Did, Found, Outbox, Pace, Step, Target, findings};
use bmsync::simulator::{ItGlue as Simulated, ItGlueRequest};
use bmsync::store::Store;
use bmsync::store::local::LocalStore;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::time::Instant;

/// The only organization that most tests need.
pub const NORTHWIND: u64 = 41_207;

/// IT Glue, asked without a network; it can be asked from several places.
#[derive(Clone)]
pub struct Service {
    pub held: Arc<Mutex<Simulated>>,
    began: Instant,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Service")
    }
}

impl Service {
    pub fn new(block: Value) -> Self {
        let held = Simulated::from_json(block).expect("the block is right");
        Self { held: Arc::new(Mutex::new(held)), began: Instant::now() }
    }

    pub fn with<T>(&self, work: impl FnOnce(&mut Simulated) -> T) -> T {
        work(&mut self.held.lock().expect("nobody panicked"))
    }

    pub fn trouble(&self, text: &str) {
        self.with(|held| held.set_trouble(text)).expect("there is such a trouble");
    }

    pub fn contacts(&self) -> Vec<Value> {
        self.with(|held| held.to_json()["contacts"].as_array().expect("a list").clone())
    }

    /// The contact with that email; there is one.
    pub fn contact(&self, email: &str) -> Value {
        let found: Vec<Value> = self.contacts().into_iter().filter(|one| one["primaryEmail"] == email).collect();
        assert_eq!(found.len(), 1, "{email}: {:#?}", self.contacts());
        found[0].clone()
    }

    pub fn count(&self, what: &str) -> u64 {
        self.with(|held| held.counts().get(what).copied().unwrap_or(0))
    }

    pub fn requests(&self) -> u64 {
        self.with(|held| {
            held.counts().iter().filter(|(key, _)| key.starts_with("status")).map(|(_, count)| count).sum()
        })
    }
}

#[async_trait]
impl Wire for Service {
    async fn exchange(&self, request: Request) -> Result<Reply, Lost> {
        let Request { method, path, query, credentials, content } = request;
        let asked = ItGlueRequest {
            method: method.name().to_owned(),
            path,
            query,
            key: credentials.map(|(_, key)| key.expose_secret().to_owned()),
            content_type: content.as_ref().map(|content| content.kind.to_owned()),
            body: content.map(|content| content.bytes.expose_secret().to_vec()).unwrap_or_default(),
        };
        let answer = self.with(|held| held.answer(self.began.elapsed(), &asked));
        tokio::time::sleep(answer.delay).await;
        if answer.lost {
            return Err(Lost { fate: Fate::Unknown, what: "the connection broke".to_owned(), cause: None });
        }
        let retry_after = answer.retry_after.map(|seconds| seconds.to_string());
        Ok(Reply { status: answer.status, retry_after, body: answer.body })
    }
}

/// The organizations of most tests.
pub fn organizations() -> Value {
    json!({
        "apiKey": "bmsync",
        "contactTypes": ["Approver", "Former employee"],
        "organizations": [
            { "id": NORTHWIND, "name": "Northwind Traders", "locations": ["Main", "Warehouse"] },
            { "id": 50, "name": "Fabrikam" },
        ],
    })
}

pub fn it_glue(mode: Delivery) -> ItGlue {
    ItGlue {
        name: "it-glue".into(),
        root: "https://api.itglue.example".into(),
        api_key: SecretRef::Env("CARGO_PKG_NAME".into()),
        mode,
        organizations: std::collections::BTreeMap::new(),
        inactive_type: Some(NameOrId::Name("Former employee".into())),
        requests: 3_000,
    }
}

pub struct Stage {
    pub ledger: Arc<dyn Ledger>,
    pub store: Arc<LocalStore>,
    pub service: Service,
    pub declared: ItGlue,
    began: Instant,
}

pub fn clock(began: Instant) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
    Arc::new(move || {
        let base: Timestamp = "2026-03-01T00:00:00Z".parse().expect("an instant");
        base + SignedDuration::try_from(began.elapsed()).expect("a simulated time")
    })
}

impl Stage {
    pub async fn new(mode: Delivery, block: Value) -> Self {
        Self::on(Arc::new(MemoryLedger::new()), it_glue(mode), Service::new(block)).await
    }

    pub async fn on(ledger: Arc<dyn Ledger>, declared: ItGlue, service: Service) -> Self {
        let began = Instant::now();
        let store = LocalStore::open(Arc::clone(&ledger), clock(began)).await.expect("a store");
        Self { ledger, store: Arc::new(store), service, declared, began }
    }

    pub fn now(&self) -> Timestamp {
        clock(self.began)()
    }

    /// What BMS is told to hold: rows of the import format.
    pub async fn bms(&self, rows: &[Value]) {
        let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
        let rows = parse(lines.join("\n").as_bytes(), "rows", Format::JsonLines, None).expect("rows");
        self.store.import(rows).await.expect("an import");
    }

    pub async fn outbox(&self) -> Outbox {
        let sink = ItGlueSink::new(&self.declared, Arc::new(self.service.clone()), Arc::new(()), clock(self.began));
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let pace = Pace::new(Duration::from_hours(24));
        let target = Target::of(&self.declared);
        Outbox::open(Arc::clone(&self.ledger), store, Arc::new(sink), &target, pace).await.expect("an outbox")
    }

    /// Delivers until nothing is due for an hour; what was done.
    pub async fn settle(&self, outbox: &mut Outbox) -> Vec<(Did, u64)> {
        let mut done = std::collections::BTreeMap::new();
        for _ in 0..2_000 {
            match outbox.step(self.now()).await.expect("the state is fine") {
                Step::Worked(some) => {
                    for (did, count) in some {
                        *done.entry(did).or_default() += count;
                    }
                }
                Step::Failed(_, wait) => tokio::time::sleep(wait).await,
                Step::Idle(next) => {
                    let wait = next.map(|next| Duration::try_from(next.duration_since(self.now())).unwrap_or_default());
                    match wait.filter(|wait| *wait < Duration::from_hours(1)) {
                        Some(wait) => tokio::time::sleep(wait).await,
                        None => return done.into_iter().collect(),
                    }
                }
            }
        }
        panic!("it never settles");
    }

    pub async fn deliver(&self) -> Vec<(Did, u64)> {
        let mut outbox = self.outbox().await;
        self.settle(&mut outbox).await
    }

    /// The findings: the contact's ID in BMS and the word.
    pub async fn found(&self) -> Vec<(u64, &'static str)> {
        let found = findings(&*self.ledger).await.expect("findings");
        found.iter().map(|found| (found.contact, found.finding.code.word())).collect()
    }

    pub async fn finding(&self, id: u64) -> Found {
        let found = findings(&*self.ledger).await.expect("findings");
        found.into_iter().find(|found| found.contact == id).expect("a finding")
    }
}

pub fn account(id: u64, name: &str) -> Value {
    json!({ "kind": "account", "id": id, "name": name, "locations": ["Main", "Warehouse"] })
}

/// A contact of Northwind Traders.
pub fn person(id: u64, first: &str, last: &str) -> Value {
    json!({
        "kind": "contact", "id": id, "status": "active", "account": "Northwind Traders", "location": "Main",
        "email": format!("{}@northwind.example", first.to_lowercase()), "firstName": first, "lastName": last,
        "phone": format!("+1 425 555 {id:04}"), "jobTitle": "Buyer", "portalAccess": false, "username": null,
        "securityRole": null, "source": null, "references": { "tickets": 0, "invoices": 0 },
    })
}

/// The same with other values.
pub fn with(mut row: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().expect("an object") {
        row[key] = value.clone();
    }
    row
}

/// What IT Glue has when somebody typed the person in by hand.
pub fn typed(first: &str, last: &str) -> Value {
    json!({ "organization": NORTHWIND, "firstName": first, "lastName": last, "title": "Buyer",
        "emails": [format!("{}@northwind.example", first.to_lowercase())] })
}
