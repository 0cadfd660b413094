//! The sled database of a state: the log, the buckets and how they become durable. Synchronous; one caller at a time.

use std::path::PathBuf;

use ::sled::{Batch, Db};

use super::disk::{Sync, open_sled, sled_error};
use super::fold::{self, BATCH, Changed, FoldError, Mark, describe};
use super::folder::{Folder, Witness, io};
use super::frame::{self, Flaw};
use super::segment::{self, End, Head, PREFIX, Sealed, Segment};
use super::spare::Spare;
use super::unfold;
use crate::actual::Actual;
use crate::applied::Event;
use crate::ledger::{Commit, LedgerError, Stashed};
use crate::model::Revision;

/// The tree of the stash.
const STASH: &str = "stash";

/// One step of folding holds about so many records in memory.
const STEP: usize = 50_000;

/// Changes that lie apart rewrite a bucket each. So many single ones are waited for per bucket that folding adds less to
/// each than it cost itself, whatever the size of the state. Opening replays them.
const SEGMENTS_PER_BUCKET: u64 = 8;

/// How far the log may be ahead of the buckets, beyond a share of what they hold, before it is folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slack {
    /// In segments: opening replays them.
    pub segments: u64,
    /// In bytes.
    pub bytes: u64,
}

impl Default for Slack {
    fn default() -> Self {
        Self { segments: 1024, bytes: 4 << 20 }
    }
}

/// An open database.
pub struct Database {
    path: PathBuf,
    slack: Slack,
    pub(super) db: Db,
    sync: Sync,
    head: Head,
    mark: Mark,
    /// How often what is kept was changed.
    pub(super) kept: u64,
    /// Bytes of log after the mark.
    ahead: u64,
    /// As it was before it was opened, until it has been read whole.
    spare: Option<Spare>,
    /// The newest commit, if it is all that is to be folded: then it need not be read again for that.
    fresh: Option<Commit>,
}

impl Database {
    /// Opens it: drops what a killed commit left, and checks that the newest reported commit is there. One that
    /// cannot be opened is left as it was found.
    pub fn open(folder: &Folder, slack: Slack) -> Result<Self, LedgerError> {
        let spare = Spare::take(folder.path()).map_err(|error| io(folder.path(), "open", error))?;
        match Self::look(folder, slack) {
            Ok(database) => Ok(Self { spare: Some(spare), ..database }),
            Err(error) => Err(put_back(folder, spare, error)),
        }
    }

    fn look(folder: &Folder, slack: Slack) -> Result<Self, LedgerError> {
        let path = folder.path().to_owned();
        let db = open_sled(folder)?;
        let sync = Sync::new(&path)?;
        let (head, mark) = (Head::default(), Mark::default());
        let mut database = Self { path, slack, db, sync, head, mark, kept: 0, ahead: 0, spare: None, fresh: None };
        database.recover()?;
        database.confront(folder)?;
        Ok(database)
    }

    /// Gives it up because of an error; one that was never read whole goes back to how it was found.
    pub fn give_up(mut self, folder: &Folder, error: LedgerError) -> LedgerError {
        let spare = self.spare.take();
        drop(self);
        match spare {
            Some(spare) => put_back(folder, spare, error),
            None => error,
        }
    }

    fn recover(&mut self) -> Result<(), LedgerError> {
        self.mark = Mark::read(&self.db).map_err(|error| self.fold_error("open", error))?;
        let mut torn = Vec::new();
        for pair in self.db.scan_prefix([PREFIX]).rev() {
            let (key, value) = pair.map_err(|error| self.sled_error("open", error))?;
            let segment = Segment::unseal(&key, &value).map_err(|flaw| self.damaged(&key, flaw))?;
            match segment.end {
                End::Open => torn.push(key),
                End::Closed => {
                    self.head = segment.head(&value);
                    break;
                }
            }
        }
        self.drop_torn(&torn)?;
        self.ahead = self.measure_log()?;
        self.kept = self.kept_changes()?;
        Ok(())
    }

    fn drop_torn(&self, torn: &[::sled::IVec]) -> Result<(), LedgerError> {
        if !torn.is_empty() {
            tracing::info!(segments = torn.len(), "dropping what a killed process left of a commit");
        }
        for keys in torn.chunks(BATCH) {
            let mut batch = Batch::default();
            for key in keys {
                batch.remove(key);
            }
            self.db.apply_batch(batch).map_err(|error| self.sled_error("open", error))?;
        }
        Ok(())
    }

    fn measure_log(&self) -> Result<u64, LedgerError> {
        let mut bytes = 0;
        for pair in self.db.range(self.mark.head.next_key()..self.head.next_key()) {
            bytes += pair.map_err(|error| self.sled_error("open", error))?.1.len() as u64;
        }
        Ok(bytes)
    }

    /// sled gives up the end of a log that it cannot read; what was reported is known from elsewhere.
    fn confront(&self, folder: &Folder) -> Result<(), LedgerError> {
        let reported = folder.witness()?;
        let found = self.witness();
        if found.revision < reported.revision {
            return Err(self.lost(reported.revision));
        }
        if found.revision == reported.revision && found.chain != reported.chain {
            return Err(self.flaw("the log is not the one that was reported".to_owned()));
        }
        if self.mark.head.segments > self.head.segments {
            return Err(self.flaw("the log is shorter than what was folded of it".to_owned()));
        }
        if found.kept < reported.kept {
            let (found, reported) = (found.kept, reported.kept);
            return Err(
                self.flaw(format!("what is kept ends at change {found}, but {reported} was reported as written"))
            );
        }
        folder.bear(found)
    }

    fn lost(&self, reported: Revision) -> LedgerError {
        let found = self.head.revision;
        self.flaw(format!("the log ends at revision {found}, but revision {reported} was reported as written"))
    }

    pub(super) const fn witness(&self) -> Witness {
        Witness { revision: self.head.revision, chain: self.head.chain, kept: self.kept }
    }

    /// Everything as of the newest commit.
    pub fn load(&mut self) -> Result<Actual, LedgerError> {
        let mut actual = Actual::default();
        unfold::load(&self.db, &self.mark, &mut actual).map_err(|error| self.fold_error("read", error))?;
        self.replay(self.mark.head, |segment| {
            Commit::from(segment.content).put_into(&mut actual);
            Ok(Step::On)
        })?;
        actual.revision = self.head.revision;
        self.spare = None;
        Ok(actual)
    }

    /// Hands out the segments after a head, each checked to follow the one before, up to the newest commit.
    fn replay(
        &self,
        from: Head,
        mut take: impl FnMut(Segment) -> Result<Step, LedgerError>,
    ) -> Result<Head, LedgerError> {
        let mut head = from;
        for pair in self.db.range(from.next_key()..self.head.next_key()) {
            let (key, value) = pair.map_err(|error| self.sled_error("read", error))?;
            let segment = Segment::unseal(&key, &value).map_err(|flaw| self.damaged(&key, flaw))?;
            if segment.after != head {
                return Err(self.damaged(&key, "does not follow the one before"));
            }
            head = segment.head(&value);
            if take(segment)? == Step::Stop {
                return Ok(head);
            }
        }
        if head == self.head { Ok(head) } else { Err(self.flaw("segments of the log are missing".to_owned())) }
    }

    /// Appends a commit durably.
    pub fn commit(&mut self, folder: &Folder, expected: Revision, commit: Commit) -> Result<Revision, LedgerError> {
        let found = self.head.revision;
        if found != expected {
            return Err(LedgerError::Stale { expected, found });
        }
        let (sealed, head) = segment::split(self.head, &commit).map_err(|flaw| self.unwritable(flaw))?;
        self.let_go_of_the_copy();
        self.append(&sealed)?;
        self.fresh = (self.mark.head == self.head).then_some(commit);
        self.head = head;
        self.ahead += sealed.iter().map(|segment| segment.value.len() as u64).sum::<u64>();
        folder.bear(self.witness())?;
        Ok(head.revision)
    }

    /// The closing segment is written last and alone: with it the commit has happened, without it, not.
    fn append(&mut self, sealed: &[Sealed]) -> Result<(), LedgerError> {
        let Some((closing, others)) = sealed.split_last() else { return Ok(()) };
        for segments in others.chunks(BATCH / 4) {
            self.put(segments)?;
        }
        if !others.is_empty() {
            self.make_durable()?;
        }
        self.put(std::slice::from_ref(closing))?;
        self.make_durable()
    }

    fn put(&self, segments: &[Sealed]) -> Result<(), LedgerError> {
        let mut batch = Batch::default();
        for Sealed { key, value } in segments {
            batch.insert(key.as_slice(), value.as_slice());
        }
        self.db.apply_batch(batch).map_err(|error| self.sled_error("write", error))
    }

    /// From here on the copy from before the opening is older than what may be on the disk.
    pub(super) fn let_go_of_the_copy(&mut self) {
        self.spare = None;
    }

    pub(super) fn make_durable(&mut self) -> Result<(), LedgerError> {
        self.db.flush().map_err(|error| self.sled_error("write", error))?;
        self.sync.all().map_err(|error| io(&self.path, "write", error))
    }

    /// Folds the log into the buckets when it has become long; the cost is a share of what was committed.
    pub fn fold_if_due(&mut self) -> Result<(), LedgerError> {
        let fresh = self.fresh.take();
        let segments = self.head.segments - self.mark.head.segments;
        let long = segments > self.slack.segments + SEGMENTS_PER_BUCKET * self.mark.buckets;
        let due = long || self.ahead > self.slack.bytes + self.mark.bytes / 2;
        match (due, fresh) {
            (false, _) => Ok(()),
            (true, Some(commit)) => self.fold_in(&commit),
            (true, None) => self.fold(),
        }
    }

    /// Folds a commit that is all there is to fold, from memory.
    fn fold_in(&mut self, commit: &Commit) -> Result<(), LedgerError> {
        let (mut mark, records) = (self.mark, commit.records());
        let written = fold::write(&self.db, &mut mark, self.head, records, &commit.accounts);
        written.map_err(|error| self.fold_error("write", error))?;
        self.make_durable()?;
        self.mark = mark;
        self.ahead = 0;
        Ok(())
    }

    fn fold(&mut self) -> Result<(), LedgerError> {
        while self.mark.head != self.head {
            let mut changed = Changed::default();
            let head = self.replay(self.mark.head, |segment| {
                changed.add(segment);
                Ok(if changed.count() < STEP { Step::On } else { Step::Stop })
            })?;
            let mut mark = self.mark;
            changed.write(&self.db, &mut mark, head).map_err(|error| self.fold_error("write", error))?;
            self.make_durable()?;
            self.mark = mark;
        }
        self.ahead = 0;
        Ok(())
    }

    /// Events after one, oldest first.
    pub fn events(&self, after: u64, limit: usize) -> Result<Vec<Event>, LedgerError> {
        let mut events = Vec::new();
        if after >= self.head.event || limit == 0 {
            return Ok(events);
        }
        let from = self.segment_of(after + 1)?;
        self.replay(from, |segment| {
            events.extend(segment.content.events.into_iter().filter(|event| event.id > after));
            Ok(if events.len() < limit { Step::On } else { Step::Stop })
        })?;
        events.truncate(limit);
        Ok(events)
    }

    /// The head before the segment that holds the event.
    fn segment_of(&self, event: u64) -> Result<Head, LedgerError> {
        let before = self.db.range(segment::key(0, 0)..=segment::key(event, u64::MAX)).next_back();
        let Some(pair) = before else { return Err(self.flaw("segments of the log are missing".to_owned())) };
        let (key, value) = pair.map_err(|error| self.sled_error("read", error))?;
        let segment = Segment::unseal(&key, &value).map_err(|flaw| self.damaged(&key, flaw))?;
        Ok(segment.after)
    }

    /// ID of the newest event.
    #[must_use]
    pub const fn last_event(&self) -> u64 {
        self.head.event
    }

    /// Writes into the stash: a tree of its own, so that one batch is all or nothing.
    pub fn stash(&self, entries: Vec<Stashed>) -> Result<(), LedgerError> {
        let tree = self.db.open_tree(STASH).map_err(|error| self.sled_error("write", error))?;
        let mut batch = Batch::default();
        for (key, value) in entries {
            match value {
                Some(value) => {
                    let sealed = frame::seal_bytes(key.as_bytes(), &value).map_err(|flaw| self.unwritable(flaw))?;
                    batch.insert(key.as_bytes(), sealed);
                }
                None => batch.remove(key.as_bytes()),
            }
        }
        tree.apply_batch(batch).map_err(|error| self.sled_error("write", error))
    }

    /// Reads from the stash; what is damaged is as good as lost.
    pub fn stashed(&self, key: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        let tree = self.db.open_tree(STASH).map_err(|error| self.sled_error("read", error))?;
        let found = tree.get(key.as_bytes()).map_err(|error| self.sled_error("read", error))?;
        Ok(found.and_then(|sealed| frame::unseal_bytes(key.as_bytes(), &sealed).ok()))
    }

    fn fold_error(&self, attempt: &'static str, error: FoldError) -> LedgerError {
        match error {
            FoldError::Sled(error) => self.sled_error(attempt, error),
            FoldError::Flaw(detail) => self.flaw(detail),
        }
    }

    pub(super) fn sled_error(&self, attempt: &'static str, error: ::sled::Error) -> LedgerError {
        sled_error(&self.path, attempt, error)
    }

    fn damaged(&self, key: &[u8], flaw: Flaw) -> LedgerError {
        self.flaw(describe(key, flaw))
    }

    pub(super) fn unwritable(&self, flaw: Flaw) -> LedgerError {
        io(&self.path, "write", std::io::Error::other(format!("the commit {flaw}")))
    }

    pub(super) fn flaw(&self, detail: String) -> LedgerError {
        LedgerError::Damaged { path: self.path.display().to_string(), detail }
    }
}

/// Puts a database that is damaged, or for which there is no room, back to how it was found. One that somebody else
/// uses is left alone.
fn put_back(folder: &Folder, spare: Spare, error: LedgerError) -> LedgerError {
    if !matches!(error, LedgerError::Damaged { .. } | LedgerError::Io { .. }) {
        return error;
    }
    match spare.restore() {
        Ok(()) => error,
        Err(refused) => io(folder.path(), "put back the files of", refused),
    }
}

/// Whether a replay goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    On,
    Stop,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Account, Text};

    /// Large enough for several segments: the text does not compress.
    fn commit(seed: u64) -> Commit {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut name =
            || Text::from(std::iter::repeat_with(|| random.alphanumeric()).take(100_000).collect::<String>());
        Commit {
            accounts: (1..=9).map(|id| Account { id, name: name(), locations: vec![] }).collect(),
            ..Commit::default()
        }
    }

    fn open(path: &std::path::Path) -> (Folder, Database) {
        let folder = Folder::open(path).unwrap();
        let database = Database::open(&folder, Slack::default()).unwrap();
        (folder, database)
    }

    #[test]
    fn a_commit_without_its_closing_segment_has_not_happened() {
        let path = tempfile::tempdir().unwrap();
        let (folder, mut database) = open(path.path());
        database.commit(&folder, Revision(0), commit(1)).unwrap();
        let before = database.load().unwrap();
        let (sealed, _head) = segment::split(database.head, &commit(2)).unwrap();
        assert!(sealed.len() > 3, "{} segments", sealed.len());
        database.put(&sealed[..sealed.len() - 1]).unwrap();
        database.make_durable().unwrap();
        drop((folder, database));
        let (folder, mut database) = open(path.path());
        let found = database.load().unwrap();
        assert_eq!((found.revision, found.sorted_accounts()), (Revision(1), before.sorted_accounts()));
        assert_eq!(database.db.scan_prefix([PREFIX]).count() as u64, database.head.segments, "the rest is dropped");
        database.commit(&folder, Revision(1), commit(3)).unwrap();
        let expected = commit(3);
        assert_eq!(database.load().unwrap().sorted_accounts(), expected.accounts.iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_fold_that_was_killed_is_done_again() {
        let path = tempfile::tempdir().unwrap();
        let (folder, mut database) = open(path.path());
        database.commit(&folder, Revision(0), commit(1)).unwrap();
        database.fold().unwrap();
        database.commit(&folder, Revision(1), commit(2)).unwrap();
        let expected = database.load().unwrap();
        let mut changed = Changed::default();
        database
            .replay(database.mark.head, |segment| {
                changed.add(segment);
                Ok(Step::On)
            })
            .unwrap();
        let mut mark = database.mark;
        changed.write(&database.db, &mut mark, database.mark.head).map_err(|_| "cannot write").unwrap();
        drop((folder, database));
        let (_folder, mut database) = open(path.path());
        assert_eq!(database.load().unwrap().sorted_accounts(), expected.sorted_accounts());
        database.fold().unwrap();
        assert_eq!(database.mark.head, database.head);
        assert_eq!(database.load().unwrap().sorted_accounts(), expected.sorted_accounts());
    }
}
