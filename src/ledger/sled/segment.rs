//! The log: what a commit is on disk, in segments that follow each other without gaps. Knows nothing of files.
//!
//! A commit is one segment, or several of which only the last closes it. Segments after the last closing one are the
//! rest of a commit that was killed: they are not part of the log. Every segment carries the digest of the log before
//! it, so a segment that is missing, doubled or from elsewhere is seen. Closed segments are never changed.
//!
//! After a segment may stand of which commits of the manifests its events are ([`Commits`]). Where none is known nothing
//! stands there, so states without commits are what they always were, and a bmsync that knows no commits reads both.

use serde::{Deserialize, Serialize};

use super::frame::{self, Flaw};
use crate::applied::Event;
use crate::ledger::Commit;
use crate::model::{Account, Digest, Record, Revision, Text};

/// A segment is closed when its content is about this long before compression: small enough that sled keeps it in its
/// log, large enough that a million records are some thousand keys.
const FILL: usize = 192 << 10;

/// First byte of the key of a segment.
pub const PREFIX: u8 = b's';

/// Where the log ends: what the next segment must follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Of the newest commit.
    pub revision: Revision,
    /// Of the newest event.
    pub event: u64,
    /// How many segments there are; the number of the next one.
    pub segments: u64,
    /// Digest of the log.
    pub chain: Digest,
}

/// A piece of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The head that it follows.
    pub after: Head,
    /// The revision that it is part of.
    pub revision: Revision,
    /// Whether the commit is complete with it.
    pub end: End,
    /// What it writes; event IDs are in order, without gaps.
    pub content: Content,
}

/// A part of a [`Commit`], as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub events: Vec<Event>,
    pub touched: Vec<Record>,
    pub accounts: Vec<Account>,
}

impl From<Content> for Commit {
    fn from(Content { events, touched, accounts }: Content) -> Self {
        Self { events, touched, accounts }
    }
}

/// Whether a commit goes on after a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// More segments follow.
    Open,
    /// The commit is complete.
    Closed,
}

/// A segment as it is stored.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// Under this key.
    pub key: Vec<u8>,
    /// The sealed value.
    pub value: Vec<u8>,
}

impl Head {
    /// Key of the segment that follows. Event first: so the segment of an event is found by one lookup.
    #[must_use]
    pub fn next_key(&self) -> Vec<u8> {
        key(self.event.saturating_add(1), self.segments)
    }

    /// The head after a segment of so many events, given its sealed value.
    fn followed_by(&self, revision: Revision, events: u64, value: &[u8]) -> Self {
        let Self { revision: _, event, segments, chain } = self;
        let chain = Digest::of([&chain.0[..], value]);
        Self { revision, event: event + events, segments: segments + 1, chain }
    }
}

/// Key of a segment by its first event and its number; both only grow, so keys are in the order of the log.
#[must_use]
pub fn key(event: u64, number: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(17);
    key.push(PREFIX);
    key.extend_from_slice(&event.to_be_bytes());
    key.extend_from_slice(&number.to_be_bytes());
    key
}

impl Segment {
    /// Reads the segment of that key.
    pub fn unseal(key: &[u8], value: &[u8]) -> Result<Self, Flaw> {
        let plain = frame::unseal_bytes(key, value)?;
        let undecodable = |_| "cannot be decoded";
        let (mut segment, rest) = postcard::take_from_bytes::<Self>(&plain).map_err(undecodable)?;
        if !rest.is_empty() {
            postcard::from_bytes::<Commits>(rest).map_err(undecodable)?.put_into(&mut segment.content.events);
        }
        if segment.after.next_key() != key {
            return Err("is not where it belongs");
        }
        Ok(segment)
    }

    /// Where the log ends with this segment, given its sealed value.
    #[must_use]
    pub fn head(&self, value: &[u8]) -> Head {
        let Self { after, revision, end: _, content } = self;
        after.followed_by(*revision, content.events.len() as u64, value)
    }
}

/// The segments of a commit after a head, and the head after them.
pub fn split(head: Head, commit: &Commit) -> Result<(Vec<Sealed>, Head), Flaw> {
    let revision = Revision(head.revision.0 + 1);
    let (from, to) = (Cut::default(), Cut::default());
    let mut writer = Writer { commit, sealed: Vec::new(), head, revision, filled: 0, from, to };
    let Commit { events, touched, accounts } = commit;
    for event in events {
        writer.make_room(weight(&event.after) + event.before.as_ref().map_or(0, weight))?;
        writer.to.events += 1;
    }
    for record in touched {
        writer.make_room(weight(record))?;
        writer.to.touched += 1;
    }
    for account in accounts {
        writer.make_room(16 + account.name.len() + account.locations.iter().map(Text::len).sum::<usize>())?;
        writer.to.accounts += 1;
    }
    writer.close(End::Closed)?;
    Ok((writer.sealed, writer.head))
}

/// Up to where a commit is in segments.
#[derive(Clone, Copy, Debug, Default)]
struct Cut {
    events: usize,
    touched: usize,
    accounts: usize,
}

struct Writer<'a> {
    commit: &'a Commit,
    sealed: Vec<Sealed>,
    head: Head,
    revision: Revision,
    filled: usize,
    /// The open segment is what lies between these.
    from: Cut,
    to: Cut,
}

/// A [`Segment`] that is written: the same bytes, of what lies elsewhere.
#[derive(Serialize)]
struct Piece<'a> {
    after: Head,
    revision: Revision,
    end: End,
    content: Slices<'a>,
}

/// A [`Content`] that is written.
#[derive(Serialize)]
struct Slices<'a> {
    events: &'a [Event],
    touched: &'a [Record],
    accounts: &'a [Account],
}

impl Piece<'_> {
    /// As it is stored, before compression.
    fn plain(&self) -> Result<Vec<u8>, Flaw> {
        let unencodable = |_| "cannot be encoded";
        let plain = postcard::to_extend(self, Vec::with_capacity(FILL + FILL / 8)).map_err(unencodable)?;
        match Commits::of(self.content.events) {
            None => Ok(plain),
            Some(commits) => postcard::to_extend(&commits, plain).map_err(unencodable),
        }
    }

    /// Where the log ends with it, given its sealed value.
    fn head(&self, value: &[u8]) -> Head {
        let Self { after, revision, end: _, content } = self;
        after.followed_by(*revision, content.events.len() as u64, value)
    }
}

/// Of which commits of the manifests the events of a segment are: so many in a row of each.
#[derive(Debug, Serialize, Deserialize)]
struct Commits(Vec<(u64, Option<Text>)>);

impl Commits {
    /// Those of the events; none where no event has one.
    fn of(events: &[Event]) -> Option<Self> {
        events.iter().any(|event| event.config_commit.is_some()).then(|| {
            let runs = events.chunk_by(|one, next| one.config_commit == next.config_commit);
            Self(runs.map(|run| (run.len() as u64, run[0].config_commit.clone())).collect())
        })
    }

    fn put_into(self, events: &mut [Event]) {
        let mut events = events.iter_mut();
        for (count, commit) in self.0 {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            events.by_ref().take(count).for_each(|event| event.config_commit.clone_from(&commit));
        }
    }
}

impl Writer<'_> {
    fn make_room(&mut self, more: usize) -> Result<(), Flaw> {
        if self.filled > 0 && self.filled + more > FILL {
            self.close(End::Open)?;
        }
        self.filled += more;
        Ok(())
    }

    fn close(&mut self, end: End) -> Result<(), Flaw> {
        let Commit { events, touched, accounts } = self.commit;
        let (from, to) = (self.from, self.to);
        let content = Slices {
            events: &events[from.events..to.events],
            touched: &touched[from.touched..to.touched],
            accounts: &accounts[from.accounts..to.accounts],
        };
        let piece = Piece { after: self.head, revision: self.revision, end, content };
        let key = self.head.next_key();
        let value = frame::seal_bytes(&key, &piece.plain()?)?;
        self.head = piece.head(&value);
        self.sealed.push(Sealed { key, value });
        self.from = to;
        self.filled = 0;
        Ok(())
    }
}

/// About how long a record is once encoded; it only decides where a segment ends.
fn weight(record: &Record) -> usize {
    64 + record.fields.iter().map(|(_, value)| value.len() + 1).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, Field, Fields, Id, Kind, Link, RecordKey, References, Seen, Status, UserKey};

    fn record() -> Record {
        let mut fields = Fields::default();
        for field in Field::ALL {
            fields.set(field, Some(field.word()));
        }
        let tenant = Id::new("84841066-274d-4ec0-a5c1-276be684bdd3");
        let user = UserKey { tenant, user: Id::new("u") };
        let seen = Seen::Present { content: Digest([1; 16]), rule: Digest([2; 16]), enabled: true };
        Record {
            key: RecordKey { kind: Kind::Contact, id: 300 },
            status: Status::Archived,
            fields,
            link: Some(Link { user: user.clone(), user_principal_name: Some("u@x".into()), seen }),
            archived_from: Some(user),
            references: References { tickets: 1, invoices: 2 },
        }
    }

    fn event(id: u64, commit: Option<&str>) -> Event {
        Event {
            id,
            at: jiff::Timestamp::UNIX_EPOCH,
            revision: Revision(1),
            action: "import".into(),
            user: None,
            user_principal_name: None,
            rule: Some("r".into()),
            reason: "because".into(),
            config_digest: None,
            config_commit: commit.map(Text::from),
            before: None,
            after: record(),
        }
    }

    fn segments(events: Vec<Event>) -> Vec<Sealed> {
        split(Head::default(), &Commit { events, ..Commit::default() }).unwrap().0
    }

    #[test]
    fn commits_of_the_manifests_come_back_and_cost_nothing_where_there_are_none() {
        let events: Vec<Event> = [Some("a1"), Some("a1"), None, Some("b2")]
            .into_iter()
            .zip(1..)
            .map(|(commit, id)| event(id, commit))
            .collect();
        let sealed = segments(events.clone());
        assert_eq!(Segment::unseal(&sealed[0].key, &sealed[0].value).unwrap().content.events, events);

        let bare = segments(vec![event(1, None)]);
        let known: Segment = frame::unseal(&bare[0].key, &bare[0].value).unwrap();
        let plain = frame::unseal_bytes(&bare[0].key, &bare[0].value).unwrap();
        assert_eq!(postcard::to_stdvec(&known).unwrap(), plain, "nothing follows the segment");
    }

    #[test]
    fn what_is_written_of_a_commit_is_what_a_segment_is() {
        let account = Account { id: 1, name: "A".into(), locations: vec!["Main".into()] };
        let commit = Commit { events: vec![event(1, None)], touched: vec![record()], accounts: vec![account] };
        let (sealed, head) = split(Head::default(), &commit).unwrap();
        let Commit { events, touched, accounts } = commit;
        let content = Content { events, touched, accounts };
        let segment = Segment { after: Head::default(), revision: Revision(1), end: End::Closed, content };
        let plain = frame::unseal_bytes(&sealed[0].key, &sealed[0].value).unwrap();
        assert_eq!(plain, postcard::to_stdvec(&segment).unwrap());
        assert_eq!(head, segment.head(&sealed[0].value));
    }

    #[test]
    fn a_bmsync_that_knows_no_commits_reads_the_same_events() {
        let sealed = segments(vec![event(1, Some("a1"))]);
        let older: Segment = frame::unseal(&sealed[0].key, &sealed[0].value).unwrap();
        assert_eq!(older.content.events, [event(1, None)]);
    }

    /// What is on disk must stay readable. When this fails, the model has changed what it means: raise
    /// [`frame::FORMAT`] and read the old format too.
    #[test]
    fn the_format_on_disk_is_what_it_was() {
        let account = Account { id: 1, name: "A".into(), locations: vec!["Main".into()] };
        let content = Content { events: vec![event(1, None)], touched: vec![record()], accounts: vec![account] };
        let segment = Segment { after: Head::default(), revision: Revision(1), end: End::Closed, content };
        let bytes = postcard::to_stdvec(&segment).unwrap();
        assert_eq!(
            (bytes.len(), Digest::of([&bytes[..]]).to_string()),
            (558, "35077f40fd49b46df93f0b5171a89c3a".to_owned())
        );
    }
}
