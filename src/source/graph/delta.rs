//! A delta round: pages followed from link to link until the deltaLink. It knows nothing of tries and tokens.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::debug;

use super::client::{Graph, Place};
use super::error::{Stop, protocol};
use super::permission::Permission;
use super::retry::Pace;
use super::stage::{Gathered, Stage};
use super::wire::{GROUP_SELECT, GroupEntry, Onward, USER_SELECT, UserEntry};
use crate::display::counted;
use crate::http::origin::{Foreign, Link};
use crate::model::Digest;
use crate::source::{Job, Progress, SourceError, SourceErrorClass};

/// Pages of one round; at 200 objects each that is twenty million.
const MAX_PAGES: usize = 100_000;

/// A collection that has a delta function.
pub(super) trait Collection: DeserializeOwned + Send {
    /// Its name, in addresses and messages.
    const NAME: &'static str;
    /// The permission that reads it.
    const PERMISSION: Permission;
    /// The attributes that are asked for.
    const SELECT: &'static str;

    /// Adds objects to what was gathered.
    fn gather(objects: Vec<Self>, gathered: &mut Gathered);
}

impl Collection for UserEntry {
    const NAME: &'static str = "users";
    const PERMISSION: Permission = Permission::USERS;
    const SELECT: &'static str = USER_SELECT;

    fn gather(users: Vec<Self>, gathered: &mut Gathered) {
        gathered.add_users(users);
    }
}

impl Collection for GroupEntry {
    const NAME: &'static str = "groups";
    const PERMISSION: Permission = Permission::GROUPS;
    const SELECT: &'static str = GROUP_SELECT;

    fn gather(groups: Vec<Self>, gathered: &mut Gathered) {
        gathered.add_groups(groups);
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

impl<'a> Reading<'a> {
    /// Nothing gathered yet.
    pub fn new(stage: Stage, progress: &'a dyn Progress) -> Self {
        Self { began: Instant::now(), gathered: Mutex::new(Gathered::new(stage)), progress }
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
