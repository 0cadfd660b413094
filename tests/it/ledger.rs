//! What a ledger is: one set of checks for every implementation, and what only one on a disk must stand.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bmsync::actual::Actual;
use bmsync::applied::Event;
use bmsync::ledger::memory::MemoryLedger;
use bmsync::ledger::sled::{Slack, SledLedger};
use bmsync::ledger::{Commit, Keep, Ledger, LedgerError};
use bmsync::model::{Account, Field, Fields, Kind, Record, RecordKey, References, Revision, Status, Text};
use jiff::Timestamp;

/// Folds after almost every commit, so that folding is part of what is tested.
const EAGER: Slack = Slack { segments: 3, bytes: 1 << 10 };

fn record(kind: Kind, id: u64, phone: &str) -> Record {
    Record {
        key: RecordKey { kind, id },
        status: Status::Active,
        fields: Fields::default().with(Field::Phone, phone).with(Field::Email, &format!("{kind}{id}@example.com")),
        link: None,
        archived_from: None,
        references: References::default(),
    }
}

fn event(id: u64, revision: u64, before: Option<Record>, after: Record) -> Event {
    Event {
        id,
        at: Timestamp::UNIX_EPOCH,
        revision: Revision(revision),
        action: Text::from("import"),
        user: None,
        user_principal_name: None,
        rule: None,
        reason: Text::from("test"),
        config_digest: None,
        config_commit: None,
        before,
        after,
    }
}

/// Everything that can be seen of a state, in order.
fn seen(actual: &Actual) -> (Revision, Vec<Record>, Vec<Account>) {
    let records = actual.sorted_records().into_iter().cloned().collect();
    (actual.revision, records, actual.sorted_accounts().into_iter().cloned().collect())
}

/// Commit number `number` of a fixed history: most are small, every fourth spans several segments.
fn commit(number: u64, last_event: u64, actual: &Actual) -> Commit {
    let large = number.is_multiple_of(4);
    let writes = if large { 150 } else { 1 + number % 3 };
    let mut random = fastrand::Rng::with_seed(number);
    let mut events = Vec::new();
    for slot in 0..writes {
        let phone: String =
            std::iter::repeat_with(|| random.alphanumeric()).take(if large { 2000 } else { 12 }).collect();
        let kind = Kind::ALL[usize::try_from(slot % 2).unwrap()];
        let id = if large { 1 + slot } else { 1 + random.u64(0..2000) };
        if events.iter().any(|event: &Event| event.after.key == (RecordKey { kind, id })) {
            continue;
        }
        let after = record(kind, id, &phone);
        let before = actual.record(after.key).cloned();
        events.push(event(last_event + 1 + events.len() as u64, number, before, after));
    }
    let touched = actual.record(RecordKey { kind: Kind::Employee, id: 1 }).cloned().into_iter();
    let touched = touched.filter(|record| events.iter().all(|event| event.after.key != record.key)).collect();
    let account = Account { id: number, name: format!("Account {number}").into(), locations: vec!["Main".into()] };
    Commit { events, touched, accounts: vec![account] }
}

async fn commit_to(ledger: &dyn Ledger, number: u64) -> Result<Revision, LedgerError> {
    let actual = ledger.load().await?;
    let last = ledger.last_event().await?;
    ledger.commit(Revision(number - 1), commit(number, last, &actual)).await
}

async fn starts_empty(ledger: &dyn Ledger) {
    assert_eq!(seen(&ledger.load().await.unwrap()), (Revision(0), vec![], vec![]));
    assert_eq!(ledger.last_event().await.unwrap(), 0);
    assert_eq!(ledger.events(0, 10).await.unwrap(), vec![]);
}

async fn keeps_what_was_committed(ledger: &dyn Ledger) {
    let first = record(Kind::Employee, 1, "1");
    let second = record(Kind::Employee, 1, "2");
    let touched = record(Kind::Contact, 900, "3");
    let account = Account { id: 5, name: "Northwind".into(), locations: vec!["Main".into(), "Warehouse".into()] };
    let commit = Commit { events: vec![event(1, 1, None, first.clone())], ..Commit::default() };
    assert_eq!(ledger.commit(Revision(0), commit).await.unwrap(), Revision(1));
    let commit = Commit {
        events: vec![event(2, 2, Some(first), second.clone())],
        touched: vec![touched.clone()],
        accounts: vec![account.clone()],
    };
    assert_eq!(ledger.commit(Revision(1), commit).await.unwrap(), Revision(2));
    assert_eq!(seen(&ledger.load().await.unwrap()), (Revision(2), vec![second, touched], vec![account]));
}

async fn refuses_a_stale_commit(ledger: &dyn Ledger) {
    let before = seen(&ledger.load().await.unwrap());
    for wrong in [before.0.0 - 1, before.0.0 + 1] {
        let commit = Commit { touched: vec![record(Kind::Employee, 77, "x")], ..Commit::default() };
        let refused = ledger.commit(Revision(wrong), commit).await.unwrap_err();
        assert!(matches!(refused, LedgerError::Stale { expected, found } if expected.0 == wrong && found == before.0));
    }
    assert_eq!(seen(&ledger.load().await.unwrap()), before);
}

async fn hands_out_events_in_pages(ledger: &dyn Ledger) {
    let from = ledger.load().await.unwrap().revision.0;
    for number in from + 1..=from + 15 {
        commit_to(ledger, number).await.unwrap();
    }
    let all = ledger.events(0, usize::MAX).await.unwrap();
    assert_eq!(all.len() as u64, ledger.last_event().await.unwrap());
    assert!(all.iter().zip(1..).all(|(event, id)| event.id == id));
    for limit in [1, 7, 100] {
        let mut paged = Vec::new();
        while let Some(page) =
            Some(ledger.events(paged.len() as u64, limit).await.unwrap()).filter(|page| !page.is_empty())
        {
            assert!(page.len() <= limit);
            paged.extend(page);
            if paged.len() > 200 && limit == 1 {
                break;
            }
        }
        assert_eq!(paged, all[..paged.len()]);
        assert!(limit == 1 || paged.len() == all.len());
    }
    assert_eq!(ledger.events(u64::MAX, 5).await.unwrap(), vec![]);
    assert_eq!(ledger.events(0, 0).await.unwrap(), vec![]);
}

fn keep(key: &str, before: Option<&str>, after: Option<&str>) -> Keep {
    let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
    Keep { key: key.to_owned(), before: bytes(before), after: bytes(after) }
}

async fn kept(ledger: &dyn Ledger, prefix: &str) -> Vec<(String, String)> {
    let kept = ledger.kept(prefix).await.unwrap();
    kept.into_iter().map(|(key, value)| (key, String::from_utf8(value).unwrap())).collect()
}

async fn keeps_beside_the_records(ledger: &dyn Ledger) {
    let before = seen(&ledger.load().await.unwrap());
    assert_eq!(kept(ledger, "").await, vec![]);
    ledger
        .keep(vec![keep("b/2", None, Some("two")), keep("b/1", None, Some("one")), keep("a", None, Some(""))])
        .await
        .unwrap();
    let pairs =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
    assert_eq!(kept(ledger, "b/").await, pairs(&[("b/1", "one"), ("b/2", "two")]));
    // One change that was decided from another value, and nothing happens.
    for wrong in [keep("b/1", None, Some("x")), keep("b/1", Some("on"), None), keep("c", Some(""), None)] {
        let moved = ledger.keep(vec![keep("b/2", Some("two"), None), wrong.clone()]).await.unwrap_err();
        assert!(matches!(moved, LedgerError::Moved { key } if key == wrong.key));
    }
    ledger.keep(vec![keep("b/1", Some("one"), Some("1")), keep("b/2", Some("two"), None)]).await.unwrap();
    assert_eq!(kept(ledger, "").await, pairs(&[("a", ""), ("b/1", "1")]));
    ledger.keep(vec![]).await.unwrap();
    assert_eq!(seen(&ledger.load().await.unwrap()), before, "it is beside the records");
}

/// What a ledger is.
async fn conforms(ledger: &dyn Ledger) {
    starts_empty(ledger).await;
    keeps_what_was_committed(ledger).await;
    refuses_a_stale_commit(ledger).await;
    hands_out_events_in_pages(ledger).await;
    keeps_beside_the_records(ledger).await;
}

#[tokio::test]
async fn the_memory_ledger_conforms() {
    conforms(&MemoryLedger::new()).await;
}

#[tokio::test]
async fn the_sled_ledger_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conforms(&SledLedger::open(&folder.path().join("a/b")).unwrap()).await;
}

#[tokio::test]
async fn the_sled_ledger_conforms_while_it_folds() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SledLedger::with_slack(folder.path(), EAGER).unwrap();
    conforms(&ledger).await;
    let (state, events) = (seen(&ledger.load().await.unwrap()), ledger.events(0, usize::MAX).await.unwrap());
    drop(ledger);
    let ledger = SledLedger::open(folder.path()).unwrap();
    assert_eq!(seen(&ledger.load().await.unwrap()), state);
    assert_eq!(ledger.events(0, usize::MAX).await.unwrap(), events);
}

const CHILD: &str = "BMSYNC_TEST_COMMIT_TO";

/// Not a test of its own: the process that [`survives_being_killed`] kills.
#[tokio::test]
async fn commits_until_killed() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let ledger = SledLedger::with_slack(Path::new(&path), EAGER).unwrap();
    let mut actual = ledger.load().await.unwrap();
    let mut last = ledger.last_event().await.unwrap();
    loop {
        let number = actual.revision.0 + 1;
        let next = commit(number, last, &actual);
        last += next.events.len() as u64;
        play(&mut actual, next.clone());
        ledger.commit(Revision(number - 1), next).await.unwrap();
        println!("ack {number}");
    }
}

fn play(actual: &mut Actual, commit: Commit) {
    commit.put_into(actual);
    actual.revision = Revision(actual.revision.0 + 1);
}

/// Runs the committing process until it has reported some commits and a moment more; gives the last one reported.
fn run_and_kill(path: &Path, random: &mut fastrand::Rng) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ledger::commits_until_killed", "--nocapture", "--test-threads=1"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acks = lines
        .map_while(Result::ok)
        .filter_map(|line| line.split_once("ack ").and_then(|(_, number)| number.trim().parse::<u64>().ok()));
    let wanted = random.usize(1..12);
    let mut reported = acks.by_ref().take(wanted).last().expect("the process commits");
    std::thread::sleep(Duration::from_micros(random.u64(0..8000)));
    child.kill().unwrap();
    reported = acks.last().unwrap_or(reported);
    child.wait().unwrap();
    reported
}

#[tokio::test]
async fn survives_being_killed() {
    let mut random = fastrand::Rng::with_seed(20_261_123);
    let mut kills = 0;
    for _state in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let mut expected = Actual::default();
        let mut history: Vec<Event> = Vec::new();
        for _kill in 0..8 {
            let reported = run_and_kill(folder.path(), &mut random);
            kills += 1;
            let ledger = SledLedger::with_slack(folder.path(), EAGER).unwrap();
            let found = ledger.load().await.unwrap();
            let allowed = reported..=reported + 1;
            assert!(allowed.contains(&found.revision.0), "reported {reported}, found {}, kill {kills}", found.revision);
            for number in expected.revision.0 + 1..=found.revision.0 {
                let next = commit(number, history.len() as u64, &expected);
                history.extend(next.events.iter().cloned());
                play(&mut expected, next);
            }
            assert!(seen(&found) == seen(&expected), "torn at revision {}, kill {kills}", found.revision);
            assert!(ledger.events(0, usize::MAX).await.unwrap() == history, "events after kill {kills}");
        }
    }
}

/// A state with a little of everything in it; gives what is in it.
async fn furnish(path: &Path, slack: Slack) -> ((Revision, Vec<Record>, Vec<Account>), Vec<Event>) {
    let ledger = SledLedger::with_slack(path, slack).unwrap();
    for number in 1..=9 {
        commit_to(&ledger, number).await.unwrap();
    }
    (seen(&ledger.load().await.unwrap()), ledger.events(0, usize::MAX).await.unwrap())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

async fn read(path: &Path) -> Result<((Revision, Vec<Record>, Vec<Account>), Vec<Event>), LedgerError> {
    let ledger = SledLedger::open(path)?;
    Ok((seen(&ledger.load().await?), ledger.events(0, usize::MAX).await?))
}

/// Whatever is changed on the disk: the state is the one that was written, or an error that says it is damaged.
#[tokio::test]
async fn damage_is_seen_and_never_taken_for_a_state() {
    for slack in [EAGER, Slack::default()] {
        let folder = tempfile::tempdir().unwrap();
        let whole = folder.path().join("whole");
        let expected = furnish(&whole, slack).await;
        let bytes = std::fs::read(whole.join("db")).unwrap();
        let written: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        let mut random = fastrand::Rng::with_seed(7);
        let mut seen_damage = 0;
        for round in 0..24 {
            let path = folder.path().join(format!("damaged{round}"));
            copy(&whole, &path);
            let mut damaged = bytes.clone();
            let at = written[random.usize(0..written.len())];
            match round % 3 {
                0 => damaged[at] ^= 1 << random.u8(0..8),
                1 => damaged.truncate(at),
                _zero => damaged[at..].iter_mut().take(4096).for_each(|byte| *byte = 0),
            }
            std::fs::write(path.join("db"), damaged).unwrap();
            match read(&path).await {
                Ok(found) => assert!(found == expected, "round {round} at {at}: another state"),
                Err(LedgerError::Damaged { .. } | LedgerError::Io { .. }) => seen_damage += 1,
                Err(other) => panic!("round {round} at {at}: {other}"),
            }
            std::fs::remove_dir_all(path).unwrap();
        }
        assert!(seen_damage > 8, "only {seen_damage} of 24 were seen");
    }
}

#[tokio::test]
async fn a_state_without_its_end_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let older = folder.path().join("older");
    let newer = folder.path().join("newer");
    furnish(&older, Slack::default()).await;
    copy(&older, &newer);
    commit_to(&SledLedger::open(&newer).unwrap(), 10).await.unwrap();
    std::fs::copy(newer.join("bmsync-state"), older.join("bmsync-state")).unwrap();
    let message = read(&older).await.unwrap_err().to_string();
    let expected = "is damaged: the log ends at revision 9, but revision 10 was reported as written";
    assert!(message.ends_with(expected), "{message}");
    std::fs::write(newer.join("bmsync-state"), "bmsync state, format 1\nrevision 1\n").unwrap();
    let message = read(&newer).await.unwrap_err().to_string();
    assert!(message.ends_with("bmsync-state does not say which commit is the newest"), "{message}");
    std::fs::remove_file(folder.path().join("newer/db")).unwrap();
    assert!(read(&newer).await.is_err());
}

/// A sign-in that was reported as kept is not silently the one before, when the database has lost its end.
#[tokio::test]
async fn what_was_kept_last_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let (older, newer) = (folder.path().join("older"), folder.path().join("newer"));
    furnish(&older, Slack::default()).await;
    SledLedger::open(&older).unwrap().keep(vec![keep("grant/x", None, Some("one"))]).await.unwrap();
    copy(&older, &newer);
    let ledger = SledLedger::open(&newer).unwrap();
    ledger.keep(vec![keep("grant/x", Some("one"), Some("two"))]).await.unwrap();
    drop(ledger);
    assert_eq!(kept(&SledLedger::open(&newer).unwrap(), "").await, [("grant/x".to_owned(), "two".to_owned())]);
    std::fs::copy(newer.join("bmsync-state"), older.join("bmsync-state")).unwrap();
    let message = read(&older).await.unwrap_err().to_string();
    assert!(message.ends_with("is damaged: what is kept ends at change 1, but 2 was reported as written"), "{message}");
}

fn files(path: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.map(|path| (path.clone(), std::fs::read(path).unwrap_or_default())).collect();
    files.sort();
    files
}

#[tokio::test]
async fn what_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("foreign");
    drop(sled::open(&foreign).unwrap());
    let notes = folder.path().join("notes");
    std::fs::create_dir(&notes).unwrap();
    std::fs::write(notes.join("todo.txt"), "buy milk").unwrap();
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("bmsync-state"), "something else").unwrap();
    for path in [foreign, notes, other] {
        let before = files(&path);
        let refused = SledLedger::open(&path).err().unwrap();
        assert_eq!(refused.to_string(), format!("{} is not a bmsync state", path.display()));
        assert_eq!(files(&path), before);
    }
    let newer = folder.path().join("newer");
    furnish(&newer, Slack::default()).await;
    let marker = std::fs::read_to_string(newer.join("bmsync-state")).unwrap();
    std::fs::write(newer.join("bmsync-state"), marker.replace("format 1", "format 2")).unwrap();
    let before = files(&newer);
    let refused = SledLedger::open(&newer).err().unwrap();
    let expected =
        format!("the state at {} has format 2, newer than 1, the newest that this bmsync knows", newer.display());
    assert_eq!(refused.to_string(), expected);
    assert_eq!(files(&newer), before);
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert!(matches!(SledLedger::open(&file).err().unwrap(), LedgerError::Foreign { .. }));
    assert_eq!(std::fs::read(&file).unwrap(), b"x");
}

#[tokio::test]
async fn a_state_is_used_by_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let first = SledLedger::open(&path).unwrap();
    let refused = SledLedger::open(&path).err().unwrap().to_string();
    let id = std::process::id();
    let expected = format!("the state at {} is in use by another bmsync (process {id}, since 2", path.display());
    assert!(refused.starts_with(&expected), "{refused}");
    commit_to(&first, 1).await.unwrap();
    drop(first);
    std::fs::write(path.join("holder"), "process 1, since long ago").unwrap();
    assert_eq!(SledLedger::open(&path).unwrap().load().await.unwrap().revision, Revision(1));
}

#[cfg(unix)]
#[tokio::test]
async fn a_state_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/state");
    drop(SledLedger::open(&path).unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
}

/// The commits that a full disk cut off are not reported, and those that were reported are there.
#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_is_an_error_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let script =
        "trap '' XFSZ; ulimit -f 20000; exec \"$0\" --exact ledger::commits_until_killed --nocapture --test-threads=1";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, &path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "the disk was never full");
    let reported = text.lines().filter_map(|line| line.split_once("ack ")?.1.trim().parse::<u64>().ok()).next_back();
    let reported = reported.unwrap_or_else(|| panic!("nothing was written: {text}"));
    // After a write that failed the database is opened again, which may need the room that there is not.
    assert!(text.contains("attempt: \"write\"") || text.contains("attempt: \"open\""), "{text}");
    let (found, events) = read(&path).await.unwrap();
    assert!((reported..=reported + 1).contains(&found.0.0), "reported {reported}, found {}", found.0);
    assert!(events.iter().zip(1..).all(|(event, id)| event.id == id));
}
