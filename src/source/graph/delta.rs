//! A delta round: pages followed from link to link until the deltaLink, and what they tell gathered beside the live
//! directory. It knows nothing of tries and tokens.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::debug;

use super::client::{Graph, Place};
use super::error::{Stop, protocol};
use super::link::{Foreign, Link};
use super::retry::Pace;
use super::wire::{GROUP_SELECT, GroupEntry, Membership, Onward, USER_SELECT, UserEntry};
use jiff::Timestamp;

use crate::directory::{Changes, Coverage, DeltaLinks, News, Removal, TenantDirectory, Told};
use crate::display::counted;
use crate::model::{Digest, Id};
use crate::source::{Job, Progress, SourceError, SourceErrorClass};

/// Pages of one round; at 200 objects each that is twenty million.
const MAX_PAGES: usize = 100_000;

/// A collection that has a delta function.
pub(super) trait Collection: DeserializeOwned + Send {
    /// Its name, in addresses and messages.
    const NAME: &'static str;
    /// The least permission that reads it.
    const PERMISSION: &'static str;
    /// The attributes that are asked for.
    const SELECT: &'static str;

    /// Adds objects to what was gathered.
    fn gather(objects: Vec<Self>, gathered: &mut Gathered);
}

impl Collection for UserEntry {
    const NAME: &'static str = "users";
    const PERMISSION: &'static str = "User.Read.All";
    const SELECT: &'static str = USER_SELECT;

    fn gather(users: Vec<Self>, gathered: &mut Gathered) {
        gathered.users += users.len() as u64;
        gathered.things += users.len() as u64;
        match &mut gathered.stage {
            Stage::Whole(fold) => users.into_iter().for_each(|user| fold.user(user)),
            Stage::Log { users: log, groups: _ } => log.extend(users),
        }
    }
}

impl Collection for GroupEntry {
    const NAME: &'static str = "groups";
    const PERMISSION: &'static str = "GroupMember.Read.All";
    const SELECT: &'static str = GROUP_SELECT;

    fn gather(groups: Vec<Self>, gathered: &mut Gathered) {
        gathered.groups += groups.len() as u64;
        gathered.things += groups.iter().map(GroupEntry::weight).sum::<u64>();
        match &mut gathered.stage {
            Stage::Whole(fold) => groups.into_iter().for_each(|group| fold.group(group)),
            Stage::Log { users: _, groups: log } => log.extend(groups),
        }
    }
}

/// The address of a collection's first round.
pub(super) fn first<T: Collection>(graph: &Graph) -> Result<Link, SourceError> {
    let mut url = graph.origin.path(&["v1.0", T::NAME, "delta"]);
    url.set_query(Some(&format!("$select={}", T::SELECT)));
    graph.origin.admit(url.as_str()).map_err(|Foreign(to)| protocol(format!("the address of {} is {to}", T::NAME)))
}

/// Runs a round from a link on and gives the deltaLink that ends it.
pub(super) async fn round<T: Collection>(graph: &Graph, start: Link, reading: &Reading<'_>) -> Result<Link, Stop> {
    let mut followed = HashSet::from([digest(&start)]);
    let mut buffer = Vec::new();
    let mut link = start;
    for page in 1..=MAX_PAGES {
        let place = Place { collection: T::NAME, permission: T::PERMISSION, page };
        let read = graph.fetch::<T>(&link, place, &mut buffer).await?;
        debug!(collection = T::NAME, page, objects = read.objects.len(), bytes = buffer.len(), "page read");
        reading.take(read.objects);
        match read.onward {
            Onward::Delta(raw) => return Ok(admit(graph, &raw, place)?),
            Onward::Next(raw) => link = admit(graph, &raw, place)?,
        }
        reading.keep_pace(&graph.patience.pace(), place)?;
        if !followed.insert(digest(&link)) {
            return Err(protocol(format!("{place} leads back to a page that was read already")).into());
        }
    }
    Err(protocol(format!("{} have more than {MAX_PAGES} pages", T::NAME)).into())
}

fn digest(link: &Link) -> Digest {
    Digest::of([link.raw().as_bytes()])
}

fn admit(graph: &Graph, raw: &str, place: Place) -> Result<Link, SourceError> {
    let refused =
        |Foreign(to)| protocol(format!("{place} leads to {to} instead of {}, which is not followed", graph.origin));
    graph.origin.admit(raw).map_err(refused)
}

/// What two rounds side by side gather, and who is told how far they are.
pub(super) struct Reading<'a> {
    began: Instant,
    gathered: Mutex<Gathered>,
    progress: &'a dyn Progress,
}

/// What was gathered so far.
#[derive(Debug)]
pub(super) struct Gathered {
    /// Where it waits.
    pub stage: Stage,
    /// Users told of, repetitions included.
    pub users: u64,
    /// Groups told of, repetitions included.
    pub groups: u64,
    /// Pages of both.
    pub pages: u64,
    /// Users, groups and memberships told of, repetitions included.
    pub things: u64,
}

/// Where pages wait until both rounds are complete: a read that fails leaves the live directory untouched.
#[derive(Debug)]
pub(super) enum Stage {
    /// Folded into a new directory that will replace the live one.
    Whole(Box<Fold>),
    /// Kept as they came, to be folded into the live directory: costs what changed, not what there is.
    Log {
        /// Of `users/delta`.
        users: Vec<UserEntry>,
        /// Of `groups/delta`.
        groups: Vec<GroupEntry>,
    },
}

impl<'a> Reading<'a> {
    /// Nothing gathered yet.
    pub fn new(stage: Stage, progress: &'a dyn Progress) -> Self {
        let gathered = Mutex::new(Gathered { stage, users: 0, groups: 0, pages: 0, things: 0 });
        Self { began: Instant::now(), gathered, progress }
    }

    /// A read that brings ever less may not go on for ever: each request has its own limit, and this is the whole's. It
    /// grows with what was brought, so that a large directory has the time that it needs.
    ///
    /// # Errors
    /// When the pages come too slowly.
    fn keep_pace(&self, pace: &Pace, place: Place) -> Result<(), SourceError> {
        let things = self.lock().things;
        let each = pace.each.saturating_mul(u32::try_from(things).unwrap_or(u32::MAX));
        let (took, allowed) = (self.began.elapsed(), pace.read.saturating_add(each));
        if took <= allowed {
            return Ok(());
        }
        let (took, allowed) = (took.as_secs_f64(), allowed.as_secs_f64());
        Err(SourceError {
            class: SourceErrorClass::Transient,
            job: Job::Wait,
            code: None,
            message: format!(
                "{place}: the read brought {} in {took:.1} s, slower than bmsync waits for ({allowed:.1} s)",
                counted(things, "object")
            ),
            hint: Some(
                "check the network and any proxy in between, and whether the service throttles this tenant".into(),
            ),
            source: None,
        })
    }

    fn take<T: Collection>(&self, objects: Vec<T>) {
        let (users, groups, pages) = {
            let mut gathered = self.lock();
            T::gather(objects, &mut gathered);
            gathered.pages += 1;
            (gathered.users, gathered.groups, gathered.pages)
        };
        self.progress.read(users, groups, pages);
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was gathered.
    pub fn end(self) -> Gathered {
        self.gathered.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stage {
    /// For a full read.
    pub fn whole() -> Self {
        Self::Whole(Box::default())
    }

    /// For a read of changes.
    pub const fn log() -> Self {
        Self::Log { users: Vec::new(), groups: Vec::new() }
    }

    /// What both complete rounds say.
    pub fn news(self, links: DeltaLinks, read_at: Timestamp) -> News {
        match self {
            Self::Whole(fold) => {
                let mut directory = fold.end();
                directory.coverage = Coverage::Complete;
                directory.read_at = Some(read_at);
                directory.links = Some(links);
                News::Everything(Box::new(directory))
            }
            Self::Log { users, groups } => News::Changes(Changes { told: log(users, groups), read_at, links }),
        }
    }
}

/// What changed, users before groups. The memberships of users that are gone for good end last, because the group side
/// does not always report them.
fn log(users: Vec<UserEntry>, groups: Vec<GroupEntry>) -> Vec<Told> {
    let mut told = Vec::with_capacity(users.len() + groups.len());
    let mut purged: HashSet<Id> = HashSet::new();
    for user in users {
        told.push(match user.told() {
            (id, Ok(patch)) => {
                purged.remove(&id);
                Told::User(id, Box::new(patch))
            }
            (id, Err(Removal::Soft)) => Told::UserGone(id, Removal::Soft),
            (id, Err(Removal::Hard)) => {
                purged.insert(id.clone());
                Told::UserGone(id, Removal::Soft)
            }
        });
    }
    for group in groups {
        log_group(group, &mut told);
    }
    told.extend(purged.into_iter().map(|id| Told::UserGone(id, Removal::Hard)));
    told
}

fn log_group(group: GroupEntry, told: &mut Vec<Told>) {
    let (group, fate, members) = group.told();
    told.push(match fate {
        Ok(patch) => Told::Group(group.clone(), patch),
        Err(_) => Told::GroupGone(group.clone()),
    });
    for member in members {
        match member.told() {
            Membership::Joined(member) => told.push(Told::Joined { group: group.clone(), member }),
            Membership::Left(member) => told.push(Told::Left { group: group.clone(), member }),
            Membership::Ignored => {}
        }
    }
}

/// A directory that is being changed. Users and groups may come in any order: what one says of the other is settled at
/// the end.
#[derive(Debug, Default)]
pub(super) struct Fold {
    directory: TenantDirectory,
    purged: Vec<Id>,
}

impl Fold {
    fn user(&mut self, user: UserEntry) {
        let (id, fate) = user.told();
        match fate {
            Ok(patch) => self.directory.upsert_user(id, patch),
            Err(removal) => {
                self.directory.remove_user(&id, Removal::Soft);
                match removal {
                    Removal::Soft => {}
                    Removal::Hard => self.purged.push(id),
                }
            }
        }
    }

    fn group(&mut self, group: GroupEntry) {
        let (id, fate, members) = group.told();
        match fate {
            Ok(patch) => self.directory.upsert_group(&id, patch),
            Err(_) => self.directory.remove_group(&id),
        }
        for member in members {
            match member.told() {
                Membership::Joined(member) => {
                    self.directory.add_member(&id, &member);
                }
                Membership::Left(member) => {
                    self.directory.remove_member(&id, &member);
                }
                Membership::Ignored => {}
            }
        }
    }

    /// Drops the memberships of the users that are gone for good: the group side does not always report them.
    fn end(mut self) -> TenantDirectory {
        for id in self.purged {
            if self.directory.user(&id).is_none() {
                self.directory.remove_user(&id, Removal::Hard);
            }
        }
        self.directory
    }
}
