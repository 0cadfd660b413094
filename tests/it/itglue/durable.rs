//! The outbox loses nothing and repeats harmlessly: killed at any moment, failing ledgers, changes meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use bmsync::actual::Actual;
use bmsync::applied::Event;
use bmsync::ledger::memory::MemoryLedger;
use bmsync::ledger::sled::SledLedger;
use bmsync::ledger::{Commit, Keep, Ledger, LedgerError, Stashed};
use bmsync::manifest::config::Delivery;
use bmsync::model::Revision;
use bmsync::outbox::{Did, Step};
use serde_json::{Value, json};

use super::stage::{Service, Stage, account, it_glue, organizations, person, with};

/// A ledger that dies before or after one of its writes.
struct Mortal {
    inner: Arc<MemoryLedger>,
    /// Writes that are still to go well.
    left: AtomicU32,
    /// Whether the last one happens all the same.
    happens: bool,
}

impl Mortal {
    fn dead() -> LedgerError {
        LedgerError::Io { path: "state".to_owned(), attempt: "write", source: "it died".into() }
    }
}

#[async_trait]
impl Ledger for Mortal {
    async fn load(&self) -> Result<Actual, LedgerError> {
        self.inner.load().await
    }

    async fn commit(&self, expected: Revision, commit: Commit) -> Result<Revision, LedgerError> {
        self.inner.commit(expected, commit).await
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, LedgerError> {
        self.inner.events(after, limit).await
    }

    async fn last_event(&self) -> Result<u64, LedgerError> {
        self.inner.last_event().await
    }

    async fn stash(&self, entries: Vec<Stashed>) -> Result<(), LedgerError> {
        self.inner.stash(entries).await
    }

    async fn stashed(&self, key: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        self.inner.stashed(key).await
    }

    async fn keep(&self, changes: Vec<Keep>) -> Result<(), LedgerError> {
        let left = self.left.load(Ordering::Relaxed);
        if left > 0 {
            self.left.store(left - 1, Ordering::Relaxed);
            return self.inner.keep(changes).await;
        }
        if self.happens {
            self.inner.keep(changes).await?;
        }
        Err(Self::dead())
    }

    async fn kept(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        self.inner.kept(prefix).await
    }
}

fn people(count: u64) -> Vec<Value> {
    (1..=count).map(|id| person(id, &format!("P{id}"), "Lindqvist")).collect()
}

#[tokio::test(start_paused = true)]
async fn it_may_die_at_any_write() {
    for happens in [false, true] {
        for survived in 0..12 {
            let disk = Arc::new(MemoryLedger::new());
            let service = Service::new(organizations());
            let stage =
                Stage::on(Arc::clone(&disk) as Arc<dyn Ledger>, it_glue(Delivery::Write), service.clone()).await;
            stage.bms(&[account(1, "Northwind Traders")]).await;
            stage.bms(&people(60)).await;
            let mortal = Mortal { inner: Arc::clone(&disk), left: AtomicU32::new(survived), happens };
            let mut doomed = Stage::on(Arc::new(mortal), it_glue(Delivery::Write), service.clone()).await;
            doomed.service = service.clone();
            die(&doomed).await;
            // Somebody changes BMS while nobody delivers.
            stage.bms(&[with(person(7, "P7", "Lindqvist"), &json!({ "jobTitle": "Chief" }))]).await;
            stage.deliver().await;
            let contacts = service.contacts();
            assert_eq!(contacts.len(), 60, "{survived} {happens}");
            assert_eq!(service.contact("p7@northwind.example")["title"], "Chief");
            assert_eq!(stage.found().await, []);
        }
    }
}

/// Delivers until the ledger dies.
async fn die(stage: &Stage) {
    let pace = bmsync::outbox::Pace::new(std::time::Duration::from_hours(24));
    let target = bmsync::outbox::Target::of(&stage.declared);
    let sink = bmsync::outbox::itglue::ItGlueSink::new(
        &stage.declared,
        Arc::new(stage.service.clone()),
        Arc::new(()),
        super::stage::clock(tokio::time::Instant::now()),
    );
    let store = Arc::clone(&stage.store) as Arc<dyn bmsync::store::Store>;
    let opened = bmsync::outbox::Outbox::open(Arc::clone(&stage.ledger), store, Arc::new(sink), &target, pace).await;
    let Ok(mut outbox) = opened else { return };
    for _ in 0..100 {
        match outbox.step(stage.now()).await {
            Err(_) | Ok(Step::Failed(..) | Step::Idle(_)) => return,
            Ok(Step::Worked(_)) => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn changes_of_one_contact_come_together() {
    let stage = Stage::new(Delivery::Write, organizations()).await;
    stage.bms(&[account(1, "Northwind Traders"), person(1, "Marta", "Lindqvist")]).await;
    let mut outbox = stage.outbox().await;
    stage.settle(&mut outbox).await;
    let written = stage.service.count("PATCH contacts");
    for title in ["Clerk", "Chief", "Director"] {
        stage.bms(&[with(person(1, "Marta", "Lindqvist"), &json!({ "jobTitle": title }))]).await;
    }
    assert_eq!(stage.settle(&mut outbox).await, [(Did::Updated, 1)]);
    assert_eq!(stage.service.count("PATCH contacts"), written + 1);
    assert_eq!(stage.service.contact("marta@northwind.example")["title"], "Director");
}

#[tokio::test(start_paused = true)]
async fn a_state_with_history_is_compared_once_and_then_followed() {
    let mut declared = it_glue(Delivery::Verify);
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let service = Service::new(organizations());
    let stage = Stage::on(Arc::clone(&ledger), declared.clone(), service.clone()).await;
    stage.bms(&[account(1, "Northwind Traders")]).await;
    stage.bms(&people(30)).await;
    stage.deliver().await;
    assert_eq!(stage.found().await.len(), 30);
    declared.mode = Delivery::Write;
    let stage = Stage::on(ledger, declared, service).await;
    assert_eq!(stage.deliver().await, [(Did::Created, 30)]);
    assert_eq!(stage.found().await, []);
}

#[tokio::test(start_paused = true)]
async fn another_it_glue_is_begun_anew() {
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
    let first = Stage::on(Arc::clone(&ledger), it_glue(Delivery::Write), Service::new(organizations())).await;
    first.bms(&[account(1, "Northwind Traders")]).await;
    first.bms(&people(3)).await;
    first.deliver().await;
    let mut declared = it_glue(Delivery::Write);
    declared.root = "https://api.eu.itglue.example".into();
    let second = Stage::on(ledger, declared, Service::new(organizations())).await;
    assert_eq!(second.deliver().await, [(Did::Created, 3)]);
    assert_eq!(second.service.contacts().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn it_is_kept_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::new(organizations());
    let open = || Arc::new(SledLedger::open(&folder.path().join("state")).unwrap()) as Arc<dyn Ledger>;
    {
        let stage = Stage::on(open(), it_glue(Delivery::Write), service.clone()).await;
        stage.bms(&[account(1, "Northwind Traders")]).await;
        stage.bms(&people(8)).await;
        service.trouble("unauthorized=always");
        let mut outbox = stage.outbox().await;
        assert!(matches!(outbox.step(stage.now()).await, Ok(Step::Failed(..))));
        assert_eq!(outbox.waiting().0, 8);
    }
    service.with(bmsync::simulator::ItGlue::clear_troubles);
    let stage = Stage::on(open(), it_glue(Delivery::Write), service.clone()).await;
    assert_eq!(stage.deliver().await, [(Did::Created, 8)]);
    assert_eq!(stage.deliver().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_fate_is_not_known_is_waited_for_and_then_looked_for() {
    let stage = Stage::new(Delivery::Write, organizations()).await;
    stage.bms(&[account(1, "Northwind Traders"), person(1, "Marta", "Lindqvist")]).await;
    stage.service.trouble("cut-after=next1");
    let mut outbox = stage.outbox().await;
    let before = stage.now();
    stage.settle(&mut outbox).await;
    assert_eq!(stage.service.count("POST organizations"), 1);
    assert_eq!(stage.service.contacts().len(), 1);
    // It was there at once, so it was found at once.
    assert!(stage.now().duration_since(before).as_secs() < 30);
    let stage = Stage::new(Delivery::Write, organizations()).await;
    stage.bms(&[account(1, "Northwind Traders"), person(1, "Marta", "Lindqvist")]).await;
    let mut outbox = stage.outbox().await;
    // The organization, the types, the locations, two looks at contacts, two at PSAs; then the create is cut off.
    stage.service.trouble("cut-before=next1after7");
    let before = stage.now();
    stage.settle(&mut outbox).await;
    assert_eq!(stage.service.contacts().len(), 1);
    assert!(stage.now().duration_since(before).as_secs() >= 60);
}
