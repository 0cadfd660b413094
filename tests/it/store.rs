//! What a store is: one set of checks for every ledger below it, with and without faults, and random histories.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use bmsync::actual::Actual;
use bmsync::applied::{Batch, Event, Outcome, UserChanges};
use bmsync::interchange::import::{Format, parse};
use bmsync::interchange::row::Row;
use bmsync::ledger::memory::MemoryLedger;
use bmsync::ledger::sled::{Slack, SledLedger};
use bmsync::ledger::{Commit, Keep, Ledger, LedgerError, Stashed};
use bmsync::model::{Digest, Field, Id, Kind, Record, RecordKey, Revision, Seen, Status, UserKey};
use bmsync::plan::{Action, Change, FieldChange, Hand, LinkChange, Provenance, Slot, Touch, UserRef, status_of};
use bmsync::store::local::{ImportReport, LocalStore};
use bmsync::store::{Store, StoreError};
use jiff::Timestamp;
use proptest::prelude::*;

const EMPLOYEE: Kind = Kind::Employee;
const CONTACT: Kind = Kind::Contact;

pub async fn open(ledger: Arc<dyn Ledger>) -> LocalStore {
    LocalStore::open(ledger, Arc::new(|| Timestamp::UNIX_EPOCH)).await.unwrap()
}

pub fn rows(text: &str) -> Vec<Row> {
    parse(text.as_bytes(), "rows.jsonl", Format::JsonLines, None).unwrap()
}

async fn import(store: &LocalStore, text: &str) -> ImportReport {
    store.import(rows(text)).await.unwrap()
}

async fn actual(store: &LocalStore) -> Actual {
    let mut actual = Actual::default();
    store.read(&mut actual).await.unwrap();
    actual
}

fn user(name: &str) -> UserKey {
    UserKey { tenant: Id::new("contoso"), user: Id::new(name) }
}

const LINK: LinkChange = LinkChange::Set(Seen::Unknown);

type Edit<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

fn change(action: Action, record: (Kind, Option<u64>), name: &str, link: LinkChange, edits: &[Edit<'_>]) -> Change {
    let edits = edits.iter().copied().map(|(word, before, after)| FieldChange {
        slot: if word == "status" { Slot::Status } else { Slot::Field(Field::from_word(word).unwrap()) },
        before,
        after,
        from: Provenance::Directory,
    });
    Change {
        action,
        kind: record.0,
        id: record.1,
        user: UserRef { key: user(name), user_principal_name: Some(format!("{name}@contoso.com").into()) },
        rule: Some("rule".into()),
        reason: "because".into(),
        held: None,
        fields: edits.collect(),
        link,
        hand: Hand::Nothing,
    }
}

fn create(kind: Kind, name: &str, edits: &[(&str, &str)]) -> UserChanges {
    let edits: Vec<Edit<'_>> = edits.iter().map(|(word, after)| (*word, None, Some(*after))).collect();
    UserChanges { changes: vec![change(Action::Create, (kind, None), name, LINK, &edits)] }
}

fn update(id: u64, name: &str, edits: &[Edit<'_>]) -> UserChanges {
    UserChanges { changes: vec![change(Action::Update, (EMPLOYEE, Some(id)), name, LINK, edits)] }
}

async fn write(store: &LocalStore, users: Vec<UserChanges>) -> Vec<Outcome> {
    let revision = actual(store).await.revision;
    let applied = store.write(Batch { revision, users, ..Batch::default() }).await.unwrap();
    assert_eq!(applied.revision, actual(store).await.revision);
    applied.outcomes
}

fn done(keys: &[(Kind, u64)]) -> Outcome {
    Outcome::Done(keys.iter().map(|(kind, id)| RecordKey { kind: *kind, id: *id }).collect())
}

fn refused(reason: &str) -> Outcome {
    Outcome::Refused(reason.to_owned())
}

fn get(actual: &Actual, kind: Kind, id: u64) -> &Record {
    actual.record(RecordKey { kind, id }).unwrap()
}

async fn gives_ids_in_the_order_of_the_batch(ledger: Arc<dyn Ledger>) {
    let store = open(ledger).await;
    import(&store, r#"{"kind":"employee","id":40,"email":"old@x.com"}"#).await;
    let users = vec![
        create(EMPLOYEE, "b", &[("email", "b@x.com"), ("username", "b")]),
        create(CONTACT, "c", &[("email", "c@x.com"), ("portalAccess", "false")]),
        create(EMPLOYEE, "a", &[("email", "a@x.com"), ("username", "a")]),
    ];
    let outcomes = write(&store, users).await;
    assert_eq!(outcomes, [done(&[(EMPLOYEE, 41)]), done(&[(CONTACT, 1)]), done(&[(EMPLOYEE, 42)])]);
    let events = store.events(1, 10).await.unwrap();
    let found: Vec<_> = events.iter().map(|event| (event.id, event.action.as_str(), event.after.key.id)).collect();
    assert_eq!(found, [(2, "create", 41), (3, "create", 1), (4, "create", 42)]);
    assert!(events.iter().all(|event| event.revision == Revision(2) && event.before.is_none()));
    assert_eq!(events[0].user, Some(user("b")));
}

async fn refuses_a_batch_of_another_revision(ledger: Arc<dyn Ledger>) {
    let store = open(ledger).await;
    import(&store, r#"{"kind":"employee","email":"old@x.com"}"#).await;
    let batch = Batch { users: vec![create(EMPLOYEE, "a", &[("email", "a@x.com")])], ..Batch::default() };
    let refused = store.write(batch).await.unwrap_err();
    assert!(matches!(refused, StoreError::Stale { planned: Revision(0), found: Revision(1) }), "{refused}");
    assert_eq!(actual(&store).await.records().count(), 1);
}

const TWO: &str = r#"{"kind":"employee","id":1,"username":"ann","email":"ann@x.com","source":{"tenantId":"contoso","userId":"u1"}}
{"kind":"employee","id":2,"username":"bob","email":"bob@x.com","source":{"tenantId":"contoso","userId":"u2"}}
{"kind":"employee","id":3,"username":"cid","email":"cid@x.com","source":{"tenantId":"contoso","userId":"u3"}}"#;

async fn lets_names_be_swapped(ledger: Arc<dyn Ledger>) {
    let store = open(ledger).await;
    import(&store, TWO).await;
    let outcomes = write(
        &store,
        vec![
            update(1, "u1", &[("username", Some("ann"), Some("bob")), ("email", Some("ann@x.com"), Some("BOB@x.com"))]),
            update(2, "u2", &[("username", Some("bob"), Some("ann")), ("email", Some("bob@x.com"), Some("ann@x.com"))]),
        ],
    )
    .await;
    assert_eq!(outcomes, [done(&[(EMPLOYEE, 1)]), done(&[(EMPLOYEE, 2)])]);
    let actual = actual(&store).await;
    assert_eq!(get(&actual, EMPLOYEE, 1).fields.get(Field::Email), Some("BOB@x.com"));
}

async fn refuses_whoever_wanted_what_a_refused_user_would_have_freed(ledger: Arc<dyn Ledger>) {
    let store = open(ledger).await;
    import(&store, TWO).await;
    let outcomes = write(
        &store,
        vec![
            create(EMPLOYEE, "new", &[("username", "ann"), ("email", "new@x.com")]),
            update(1, "u1", &[("username", Some("ann"), Some("bob"))]),
            update(2, "u2", &[("username", Some("bob"), Some("cid"))]),
            update(3, "u3", &[("email", Some("cid@x.com"), Some("cid2@x.com"))]),
            create(EMPLOYEE, "free", &[("username", "free"), ("email", "free@x.com")]),
        ],
    )
    .await;
    let taken = |name: &str, by: u64| refused(&format!("the username {name} is taken by employee {by}"));
    let expected = [taken("ann", 1), taken("bob", 2), taken("cid", 3), done(&[(EMPLOYEE, 3)]), done(&[(EMPLOYEE, 4)])];
    assert_eq!(outcomes, expected);
    assert_eq!(get(&actual(&store).await, EMPLOYEE, 1).fields.get(Field::Username), Some("ann"));
}

async fn lets_only_the_first_of_a_batch_have_a_name(ledger: Arc<dyn Ledger>) {
    let store = open(ledger).await;
    let same = [("username", "same"), ("email", "same@x.com")];
    let login = [("portalAccess", "true"), ("username", "Same"), ("email", "other@x.com")];
    let outcomes = write(&store, vec![create(EMPLOYEE, "a", &same), create(CONTACT, "b", &login)]).await;
    let reason = "the username same is wanted by another user of the same batch";
    assert_eq!(outcomes, [done(&[(EMPLOYEE, 1)]), refused(reason)]);
}

async fn changes_kind_as_a_whole(ledger: Arc<dyn Ledger>) {
    let store = open(ledger).await;
    import(&store, TWO).await;
    let kind_change = |email: &str| UserChanges {
        changes: vec![
            change(
                Action::Archive,
                (EMPLOYEE, Some(1)),
                "u1",
                LinkChange::Archived,
                &[
                    ("status", Some("active"), Some("archived")),
                    ("username", Some("ann"), Some("ann_Archived")),
                    ("email", Some("ann@x.com"), Some("ann@x.com_Archived")),
                ],
            ),
            change(
                Action::Create,
                (CONTACT, None),
                "u1",
                LINK,
                &[("portalAccess", None, Some("true")), ("username", None, Some("ann")), ("email", None, Some(email))],
            ),
        ],
    };
    let outcomes = write(&store, vec![kind_change("bob@x.com")]).await;
    assert_eq!(outcomes, [refused("the email bob@x.com is taken by employee 2")]);
    assert_eq!(get(&actual(&store).await, EMPLOYEE, 1).status, Status::Active);
    let outcomes = write(&store, vec![kind_change("ann@x.com")]).await;
    assert_eq!(outcomes, [done(&[(EMPLOYEE, 1), (CONTACT, 1)])]);
    let after = actual(&store).await;
    let archived = get(&after, EMPLOYEE, 1);
    assert_eq!(
        (archived.status, &archived.link, &archived.archived_from),
        (Status::Archived, &None, &Some(user("u1")))
    );
    assert_eq!(after.owned_by(&user("u1")).unwrap().key, RecordKey { kind: CONTACT, id: 1 });
    let back = UserChanges {
        changes: vec![
            change(
                Action::Archive,
                (CONTACT, Some(1)),
                "u1",
                LinkChange::Archived,
                &[
                    ("status", Some("active"), Some("archived")),
                    ("username", Some("ann"), Some("ann_Archived2")),
                    ("email", Some("ann@x.com"), Some("ann@x.com_Archived2")),
                ],
            ),
            change(
                Action::Restore,
                (EMPLOYEE, Some(1)),
                "u1",
                LINK,
                &[
                    ("status", Some("archived"), Some("active")),
                    ("username", Some("ann_Archived"), Some("ann")),
                    ("email", Some("ann@x.com_Archived"), Some("ann@x.com")),
                ],
            ),
        ],
    };
    assert_eq!(write(&store, vec![back]).await, [done(&[(CONTACT, 1), (EMPLOYEE, 1)])]);
    assert_eq!(get(&actual(&store).await, EMPLOYEE, 1).archived_from, None);
}

async fn refuses_what_does_not_fit(ledger: Arc<dyn Ledger>) {
    let store = open(ledger).await;
    import(&store, TWO).await;
    let revision = actual(&store).await.revision;
    let update = |id, name: &str, edits: &[Edit<'_>]| update(id, name, edits);
    let outcomes = write(
        &store,
        vec![
            update(9, "u9", &[]),
            update(1, "u1", &[("username", Some("anna"), Some("x"))]),
            update(2, "u2", &[("account", None, Some("x"))]),
            create(EMPLOYEE, "u3", &[("username", "u3"), ("email", "u3@x.com")]),
        ],
    )
    .await;
    let expected = [
        refused("there is no employee 9"),
        refused("username holds `ann` and not `anna`"),
        refused("the field account is not one of employee"),
        refused("the user owns employee 3 already"),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(actual(&store).await.revision, revision, "nothing to write is no commit");
}

async fn moves_links_without_events(ledger: Arc<dyn Ledger>) {
    let store = open(ledger).await;
    import(&store, TWO).await;
    let seen = Seen::Present { content: Digest([1; 16]), rule: Digest([2; 16]), enabled: true };
    let touch = |name: &str, id| Touch {
        record: RecordKey { kind: EMPLOYEE, id },
        user: UserRef { key: user(name), user_principal_name: Some("ann@contoso.com".into()) },
        seen,
    };
    let touched = vec![touch("u1", 1), touch("u1", 2), touch("u9", 9)];
    let batch = Batch { revision: Revision(1), touched: touched.clone(), ..Batch::default() };
    assert_eq!(store.write(batch).await.unwrap().revision, Revision(2));
    assert_eq!(store.last_event().await.unwrap(), 3);
    let after = actual(&store).await;
    assert_eq!(get(&after, EMPLOYEE, 1).link.as_ref().unwrap().seen, seen);
    assert_eq!(get(&after, EMPLOYEE, 2).link.as_ref().unwrap().seen, Seen::Unknown, "another user's record");
    let again = Batch { revision: Revision(2), touched, ..Batch::default() };
    assert_eq!(store.write(again).await.unwrap().revision, Revision(2), "nothing moved");
    import(&store, r#"{"kind":"employee","id":1,"phone":"1","source":{"tenantId":"CONTOSO","userId":"U1"}}"#).await;
    let after = actual(&store).await;
    assert_eq!(get(&after, EMPLOYEE, 1).link.as_ref().unwrap().seen, seen, "the same source says nothing new");
}

async fn brings_readers_up_to_date(ledger: Arc<dyn Ledger>) {
    let store = open(ledger).await;
    let mut reader = Actual::default();
    for round in 0..5 {
        import(&store, &format!(r#"{{"kind":"employee","id":{},"phone":"{round}"}}"#, 1 + round % 2)).await;
        import(&store, &format!(r#"{{"kind":"account","name":"Account {round}"}}"#)).await;
        store.read(&mut reader).await.unwrap();
        assert!(same(&reader, &store.view(Clone::clone).await.unwrap()));
    }
}

fn same(one: &Actual, other: &Actual) -> bool {
    one.revision == other.revision
        && one.sorted_records() == other.sorted_records()
        && one.sorted_accounts() == other.sorted_accounts()
}

/// What a store is, over fresh ledgers of some kind.
async fn conforms(fresh: &(dyn Fn() -> Arc<dyn Ledger> + Send + Sync)) {
    gives_ids_in_the_order_of_the_batch(fresh()).await;
    refuses_a_batch_of_another_revision(fresh()).await;
    lets_names_be_swapped(fresh()).await;
    refuses_whoever_wanted_what_a_refused_user_would_have_freed(fresh()).await;
    lets_only_the_first_of_a_batch_have_a_name(fresh()).await;
    changes_kind_as_a_whole(fresh()).await;
    refuses_what_does_not_fit(fresh()).await;
    moves_links_without_events(fresh()).await;
    brings_readers_up_to_date(fresh()).await;
}

#[tokio::test]
async fn a_store_in_memory_conforms() {
    conforms(&|| Arc::new(MemoryLedger::new())).await;
}

#[tokio::test]
async fn a_store_on_sled_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicU8::new(0);
    let path = || folder.path().join(next.fetch_add(1, Ordering::Relaxed).to_string());
    conforms(&|| Arc::new(SledLedger::open(&path()).unwrap())).await;
}

/// A ledger whose next commit does what the fault says; then it is well again.
struct Faulty {
    ledger: MemoryLedger,
    fault: AtomicU8,
}

const WELL: u8 = 0;
const LOST: u8 = 1;
const HAPPENED: u8 = 2;

#[async_trait]
impl Ledger for Faulty {
    async fn load(&self) -> Result<Actual, LedgerError> {
        self.ledger.load().await
    }

    async fn commit(&self, expected: Revision, commit: Commit) -> Result<Revision, LedgerError> {
        let fault = self.fault.swap(WELL, Ordering::SeqCst);
        let attempt = "write";
        let broken = || LedgerError::Io { path: "x".to_owned(), attempt, source: Box::from("the disk is full") };
        match fault {
            WELL => self.ledger.commit(expected, commit).await,
            LOST => Err(broken()),
            HAPPENED => self.ledger.commit(expected, commit).await.and(Err(broken())),
            _unknown => unreachable!(),
        }
    }

    async fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, LedgerError> {
        self.ledger.events(after, limit).await
    }

    async fn last_event(&self) -> Result<u64, LedgerError> {
        self.ledger.last_event().await
    }

    async fn stash(&self, entries: Vec<Stashed>) -> Result<(), LedgerError> {
        self.ledger.stash(entries).await
    }

    async fn stashed(&self, key: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        self.ledger.stashed(key).await
    }

    async fn keep(&self, changes: Vec<Keep>) -> Result<(), LedgerError> {
        self.ledger.keep(changes).await
    }

    async fn kept(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        self.ledger.kept(prefix).await
    }
}

#[tokio::test]
async fn a_failed_commit_is_looked_at_and_not_guessed() {
    for fault in [LOST, HAPPENED] {
        let ledger = Arc::new(Faulty { ledger: MemoryLedger::new(), fault: AtomicU8::new(WELL) });
        let store = open(ledger.clone()).await;
        import(&store, TWO).await;
        ledger.fault.store(fault, Ordering::SeqCst);
        let batch = || Batch {
            revision: Revision(1),
            users: vec![create(EMPLOYEE, "a", &[("username", "a"), ("email", "a@x.com")])],
            ..Batch::default()
        };
        let failed = store.write(batch()).await.unwrap_err();
        assert!(matches!(failed, StoreError::Ledger(LedgerError::Io { .. })));
        let again = store.write(batch()).await;
        match fault {
            HAPPENED => assert!(matches!(again, Err(StoreError::Stale { found: Revision(2), .. }))),
            _lost => assert_eq!(again.unwrap().outcomes, [done(&[(EMPLOYEE, 4)])]),
        }
        assert!(same(&actual(&store).await, &ledger.load().await.unwrap()));
        assert_eq!(actual(&store).await.records().count(), 4);
        assert_eq!(write(&store, vec![create(EMPLOYEE, "b", &[("username", "b")])]).await, [done(&[(EMPLOYEE, 5)])]);
        let ids: Vec<u64> = store.events(0, 100).await.unwrap().iter().map(|event| event.id).collect();
        assert_eq!(ids, [1, 2, 3, 4, 5]);
    }
}

/// One step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Import { kind: Kind, id: u64, name: u8, status: Status, owner: Option<u8> },
    Create { kind: Kind, name: u8, user: u8 },
    Rename { kind: Kind, id: u64, name: u8 },
    Touch { user: u8, mark: u8 },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = || prop_oneof![Just(EMPLOYEE), Just(CONTACT)];
    let status = prop_oneof![3 => Just(Status::Active), 1 => Just(Status::Inactive), 1 => Just(Status::Archived)];
    prop_oneof![
        3 => (kind(), 1..6_u64, 0..8_u8, status, proptest::option::of(0..5_u8))
            .prop_map(|(kind, id, name, status, owner)| Step::Import { kind, id, name, status, owner }),
        3 => (kind(), 0..8_u8, 0..5_u8).prop_map(|(kind, name, user)| Step::Create { kind, name, user }),
        4 => (kind(), 1..6_u64, 0..8_u8).prop_map(|(kind, id, name)| Step::Rename { kind, id, name }),
        1 => (0..5_u8, 0..9_u8).prop_map(|(user, mark)| Step::Touch { user, mark }),
        1 => Just(Step::Reopen),
    ]
}

/// Applies a step as a batch or an import; refusals are fine, disagreement is not.
async fn take(store: &LocalStore, step: &Step) {
    let before = actual(store).await;
    let revision = before.revision;
    match step {
        Step::Import { kind, id, name, status, owner } => {
            let source =
                owner.map_or("null".to_owned(), |owner| format!(r#"{{"tenantId":"contoso","userId":"u{owner}"}}"#));
            let portal = if *kind == CONTACT { r#""portalAccess":true,"# } else { "" };
            let row = format!(
                r#"{{"kind":"{kind}","id":{id},"username":"n{name}","email":"n{name}@x.com",{portal}"status":"{status}","source":{source}}}"#
            );
            let _refused = store.import(rows(&row)).await;
        }
        Step::Create { kind, name, user } => {
            let (name, mail) = (format!("n{name}"), format!("N{name}@x.com"));
            let mut edits = vec![("username", name.as_str()), ("email", mail.as_str())];
            if *kind == CONTACT {
                edits.push(("portalAccess", "true"));
            }
            write(store, vec![create(*kind, &format!("u{user}"), &edits)]).await;
        }
        Step::Rename { kind, id, name } => {
            let Some(record) = before.record(RecordKey { kind: *kind, id: *id }) else { return };
            let Some(owner) = record.link.as_ref().map(|link| link.user.user.to_string()) else { return };
            let name = format!("n{name}");
            let edits = [("username", record.fields.get(Field::Username), Some(name.as_str()))];
            let change = change(Action::Update, (*kind, Some(*id)), &owner, LINK, &edits);
            write(store, vec![UserChanges { changes: vec![change] }]).await;
        }
        Step::Touch { user: owner, mark } => {
            let Some(record) = before.owned_by(&user(&format!("u{owner}"))) else { return };
            let user = UserRef { key: user(&format!("u{owner}")), user_principal_name: None };
            let seen = Seen::Present { content: Digest([*mark; 16]), rule: Digest([0; 16]), enabled: true };
            let touched = vec![Touch { record: record.key, user, seen }];
            store.write(Batch { revision, touched, ..Batch::default() }).await.unwrap();
        }
        Step::Reopen => {}
    }
}

/// A record without what moves without an event.
fn unseen(record: &Record) -> Record {
    let mut record = record.clone();
    if let Some(link) = record.link.as_mut() {
        link.seen = Seen::Unknown;
        link.user_principal_name = None;
    }
    record
}

/// Names are unique among what writes have set: nobody holds a name that a batch gave to another.
fn undo(mut actual: Actual, events: &[Event]) {
    for event in events.iter().rev() {
        let held = actual.record(event.after.key).expect("an event is of a record");
        assert_eq!(unseen(held), unseen(&event.after));
        match &event.before {
            Some(before) => actual.put(before.clone()),
            None => actual.forget(event.after.key),
        }
    }
    assert_eq!(actual.records().count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_in_memory_is_what_is_on_disk(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let slack = Slack { segments: 4, bytes: 1 << 9 };
            let mut store = open(Arc::new(SledLedger::with_slack(folder.path(), slack).unwrap())).await;
            let mut reader = Actual::default();
            for step in &steps {
                take(&store, step).await;
                store.read(&mut reader).await.unwrap();
                assert!(same(&reader, &store.view(Clone::clone).await.unwrap()));
                if matches!(step, Step::Reopen) {
                    drop(store);
                    store = open(Arc::new(SledLedger::with_slack(folder.path(), slack).unwrap())).await;
                }
            }
            drop(store);
            let store = open(Arc::new(SledLedger::open(folder.path()).unwrap())).await;
            assert!(same(&reader, &actual(&store).await));
            let events = store.events(0, usize::MAX).await.unwrap();
            assert!(events.iter().zip(1..).all(|(event, id)| event.id == id));
            undo(reader, &events);
        });
    }
}

#[test]
fn status_words_are_read_back() {
    assert_eq!(status_of("inactive"), Some(Status::Inactive));
}
