//! What a store is, whatever is behind it: the same checks for records in memory, in sled and in a live BMS, smooth and with
//! every single step lost or not answered.

use std::sync::Arc;

use bmsync::applied::{Batch, Outcome, UserChanges};
use bmsync::interchange::import::{Format, parse};
use bmsync::ledger::Ledger;
use bmsync::ledger::sled::SledLedger;
use bmsync::model::{Field, Kind, RecordKey, Seen, Status};
use bmsync::plan::{Action, Change, FieldChange, Hand, LinkChange, Provenance, Slot, Touch, UserRef};
use bmsync::simulator::Company;
use bmsync::store::local::LocalStore;
use bmsync::store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};

use super::stage::{Disk, Fate, Stage, actual, company, config, user};

const ACCOUNTS: &str = r#"{"kind":"account","id":301,"name":"Northwind","locations":["Main","Warehouse"]}"#;

/// What is behind a store.
#[derive(Clone, Copy, Debug)]
enum Behind {
    Memory,
    Sled,
    Bms,
}

struct Ground {
    behind: Behind,
    stage: Arc<Stage>,
    _folder: tempfile::TempDir,
    sled: Option<Arc<dyn Ledger>>,
}

impl Ground {
    async fn new(behind: Behind, company: &Company) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sled: Option<Arc<dyn Ledger>> = match behind {
            Behind::Sled => Some(Arc::new(SledLedger::open(&folder.path().join("state")).unwrap())),
            Behind::Memory | Behind::Bms => None,
        };
        let stage = Stage::of(company.clone(), config(""), &[], 1500);
        let ground = Self { behind, stage, _folder: folder, sled };
        if !matches!(behind, Behind::Bms) {
            let rows = parse(ACCOUNTS.as_bytes(), "rows.jsonl", Format::JsonLines, None).unwrap();
            ground.local().await.unwrap().import(rows).await.unwrap();
        }
        ground
    }

    async fn local(&self) -> Result<LocalStore, StoreError> {
        let platters = self.sled.clone().unwrap_or_else(|| self.stage.platters());
        LocalStore::open(Arc::new(Disk::over(&self.stage, platters)), Arc::new(|| Timestamp::UNIX_EPOCH)).await
    }

    /// A process opens its store and sees what there is.
    async fn open(&self) -> Result<Box<dyn Store>, StoreError> {
        let store: Box<dyn Store> = match self.behind {
            Behind::Memory | Behind::Sled => Box::new(self.local().await?),
            Behind::Bms => Box::new(self.stage.try_open().await?),
        };
        store.refresh().await?;
        Ok(store)
    }
}

fn change(
    action: Action,
    id: Option<u64>,
    number: u32,
    link: LinkChange,
    fields: &[(&str, Option<&str>, Option<&str>)],
) -> UserChanges {
    let fields = fields.iter().map(|(word, before, after)| FieldChange {
        slot: Slot::from_word(word).unwrap(),
        before: *before,
        after: *after,
        from: Provenance::Directory,
    });
    let user = UserRef { key: user(number), user_principal_name: None };
    let fields = fields.collect();
    UserChanges {
        changes: vec![Change {
            action,
            kind: Kind::Contact,
            id,
            user,
            rule: None,
            reason: "because".into(),
            held: None,
            fields,
            link,
            hand: Hand::Nothing,
        }],
    }
}

const LINK: LinkChange = LinkChange::Set(Seen::Unknown);

fn create(number: u32, email: &str) -> UserChanges {
    let fields = [
        ("status", None, Some("active")),
        ("account", None, Some("Northwind")),
        ("location", None, Some("Main")),
        ("email", None, Some(email)),
        ("firstName", None, Some("Adele")),
        ("phone", None, Some("+1 1")),
        ("jobTitle", None, Some("Buyer")),
        ("portalAccess", None, Some("false")),
    ];
    change(Action::Create, None, number, LINK, &fields)
}

async fn write(store: &dyn Store, users: Vec<UserChanges>) -> Vec<Outcome> {
    let revision = actual(store).await.revision;
    let applied = store.write(Batch { revision, users, ..Batch::default() }).await.unwrap();
    assert_eq!(applied.revision, actual(store).await.revision);
    applied.outcomes
}

fn made(outcome: &Outcome) -> u64 {
    let Outcome::Done(keys) = outcome else { panic!("{outcome:?}") };
    keys[0].id
}

async fn a_create_has_an_owner_an_event_and_an_id_of_its_own(store: &dyn Store) {
    let outcomes = write(store, vec![create(1, "a@x.com"), create(2, "b@x.com")]).await;
    let ids: Vec<u64> = outcomes.iter().map(made).collect();
    assert_ne!(ids[0], ids[1]);
    let record = actual(store).await.record(RecordKey { kind: Kind::Contact, id: ids[0] }).unwrap().clone();
    assert!(record.is_owned_by(&user(1)));
    assert_eq!((record.fields.get(Field::Email), record.fields.get(Field::JobTitle)), (Some("a@x.com"), Some("Buyer")));
    let events = store.book().events(0, 100).await.unwrap();
    let created: Vec<u64> =
        events.iter().filter(|event| event.action == "create").map(|event| event.after.key.id).collect();
    assert_eq!(created, ids);
    assert!(events.iter().zip(1..).all(|(event, number)| event.id == number));
}

async fn a_change_writes_what_differs_and_refuses_what_is_not_so(store: &dyn Store) {
    let id = made(&write(store, vec![create(1, "a@x.com")]).await[0]);
    let other = made(&write(store, vec![create(2, "b@x.com")]).await[0]);
    let users = vec![
        change(
            Action::Update,
            Some(id),
            1,
            LINK,
            &[("jobTitle", Some("Buyer"), Some("Lead")), ("phone", Some("+1 1"), Some("+1 2"))],
        ),
        change(Action::Update, Some(other), 2, LINK, &[("jobTitle", Some("Chef"), Some("Lead"))]),
    ];
    let outcomes = write(store, users).await;
    assert_eq!(made(&outcomes[0]), id);
    assert!(matches!(&outcomes[1], Outcome::Refused(why) if why.contains("Chef")), "{:?}", outcomes[1]);
    let now = actual(store).await;
    let title =
        |id| now.record(RecordKey { kind: Kind::Contact, id }).unwrap().fields.get(Field::JobTitle).map(str::to_owned);
    assert_eq!((title(id).as_deref(), title(other).as_deref()), (Some("Lead"), Some("Buyer")));
}

async fn a_name_is_given_once(store: &dyn Store) {
    write(store, vec![create(1, "a@x.com")]).await;
    let outcomes = write(store, vec![create(2, "A@x.com"), create(3, "c@x.com"), create(4, "C@x.com")]).await;
    let shown: Vec<bool> = outcomes.iter().map(|outcome| matches!(outcome, Outcome::Done(_))).collect();
    assert_eq!(shown, [false, true, false], "{outcomes:?}");
}

async fn a_name_that_is_freed_in_the_batch_can_be_had(store: &dyn Store) {
    let id = made(&write(store, vec![create(1, "a@x.com")]).await[0]);
    let renamed = change(Action::Update, Some(id), 1, LINK, &[("email", Some("a@x.com"), Some("new@x.com"))]);
    let outcomes = write(store, vec![create(2, "a@x.com"), renamed]).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done(_))), "{outcomes:?}");
}

async fn an_archived_record_belongs_to_nobody_and_its_email_is_free(store: &dyn Store) {
    let id = made(&write(store, vec![create(1, "a@x.com")]).await[0]);
    let fields = [("status", Some("active"), Some("archived")), ("email", Some("a@x.com"), Some("a@x.com_Archived"))];
    write(store, vec![change(Action::Archive, Some(id), 1, LinkChange::Archived, &fields)]).await;
    let archived = actual(store).await.record(RecordKey { kind: Kind::Contact, id }).unwrap().clone();
    assert_eq!((archived.status, archived.link, archived.archived_from), (Status::Archived, None, Some(user(1))));
    made(&write(store, vec![create(2, "a@x.com")]).await[0]);
    store.refresh().await.unwrap();
    let read = actual(store).await.record(RecordKey { kind: Kind::Contact, id }).unwrap().clone();
    assert_eq!(read.archived_from, Some(user(1)), "and stays so when it is read");
}

async fn a_touched_link_moves_without_an_event(store: &dyn Store) {
    let id = made(&write(store, vec![create(1, "a@x.com")]).await[0]);
    let before = store.book().last_event().await.unwrap();
    let record = RecordKey { kind: Kind::Contact, id };
    let seen = Seen::Absent { kept: true };
    let touched = vec![Touch { record, user: UserRef { key: user(1), user_principal_name: None }, seen }];
    let revision = actual(store).await.revision;
    store.write(Batch { revision, touched, ..Batch::default() }).await.unwrap();
    assert_eq!(actual(store).await.record(record).unwrap().link.as_ref().unwrap().seen, seen);
    assert_eq!(store.book().last_event().await.unwrap(), before);
}

async fn a_stale_batch_is_refused_whole(store: &dyn Store) {
    let revision = actual(store).await.revision;
    write(store, vec![create(1, "a@x.com")]).await;
    let late = store.write(Batch { revision, users: vec![create(2, "b@x.com")], ..Batch::default() }).await;
    assert!(matches!(late, Err(StoreError::Stale { .. })), "{late:?}");
    assert!(!actual(store).await.has_email("b@x.com"));
}

#[tokio::test]
async fn every_store_is_a_store() {
    let company = company("").await;
    macro_rules! check {
        ($($check:ident)*) => { $(
            for behind in [Behind::Memory, Behind::Sled, Behind::Bms] {
                println!("{} {behind:?}", stringify!($check));
                let ground = Ground::new(behind, &company).await;
                $check(&*ground.open().await.unwrap()).await;
            }
        )* };
    }
    check!(
        a_create_has_an_owner_an_event_and_an_id_of_its_own
        a_change_writes_what_differs_and_refuses_what_is_not_so
        a_name_is_given_once
        a_name_that_is_freed_in_the_batch_can_be_had
        an_archived_record_belongs_to_nobody_and_its_email_is_free
        a_touched_link_moves_without_an_event
        a_stale_batch_is_refused_whole
    );
}

/// Two users, one made and one renamed, until both are so: whatever is lost on the way.
async fn persist(ground: &Ground) -> Result<bool, StoreError> {
    let store = ground.open().await?;
    let now = actual(&*store).await;
    let mut users = Vec::new();
    match now.owned_by(&user(1)) {
        None => match now.records().find(|record| record.fields.get(Field::Email) == Some("a@x.com")) {
            None => users.push(create(1, "a@x.com")),
            Some(found) => {
                let title = found.fields.get(Field::JobTitle);
                let fields = [("jobTitle", title, Some("Buyer"))];
                let fields = if title == Some("Buyer") { &[][..] } else { &fields[..] };
                users.push(change(Action::Merge, Some(found.key.id), 1, LINK, fields));
            }
        },
        Some(record) if record.fields.get(Field::Phone) != Some("+1 2") => {
            let phone = record.fields.get(Field::Phone);
            users.push(change(Action::Update, Some(record.key.id), 1, LINK, &[("phone", phone, Some("+1 2"))]));
        }
        Some(_) => return Ok(true),
    }
    store.write(Batch { revision: now.revision, users, ..Batch::default() }).await?;
    Ok(false)
}

#[tokio::test(start_paused = true)]
async fn every_store_gets_there_when_any_step_is_lost() {
    let company = company("").await;
    for behind in [Behind::Memory, Behind::Sled, Behind::Bms] {
        let smooth = Ground::new(behind, &company).await;
        while !persist(&smooth).await.unwrap() {}
        let steps = smooth.stage.steps();
        assert!(steps >= 2, "{steps}");
        for (step, fate) in (0..steps).flat_map(|step| [Fate::Lost, Fate::AnswerLost].map(|fate| (step, fate))) {
            let ground = Ground::new(behind, &company).await;
            ground.stage.trap(step, fate);
            let mut there = false;
            for _ in 0..12 {
                there = persist(&ground).await.unwrap_or(false);
                ground.stage.pass(SignedDuration::from_mins(3));
                if there {
                    break;
                }
            }
            assert!(there, "{behind:?} after {fate:?} at step {step}");
            let now = actual(&*ground.open().await.unwrap()).await;
            assert_eq!(now.records().count(), 1, "{behind:?} after {fate:?} at step {step}");
        }
    }
}
