//! The mirror of a tenant's directory in the ledger's stash: saved together with the delta links that it was folded up to.
//!
//! A cache: losing it costs one full read. It is a snapshot in portions and a log of what changed since. A round that
//! changed little appends little; when the log has grown to a share of the snapshot, a new snapshot takes its place.

use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::directory::{Changes, Coverage, DeltaLinks, Portion, Sight, TenantDirectory};
use crate::ledger::{Ledger, LedgerError};
use crate::manifest::config::Tenant;
use crate::model::Id;

/// Grows when what is read of a directory changes: an older mirror is then read anew.
const FORMAT: u32 = 3;
/// Users or members in one value of the stash. sled keeps up to 16 values on a page, and a page that is a good part of its
/// 4 MiB segments is moved from segment to segment for ever: 8 MB a second were written by a server that did nothing.
const PORTION: usize = 512;
/// Changes that the log may always hold, however small the snapshot is.
const SHORT_LOG: usize = 1000;

/// Where a tenant's mirror is, and how long its log has grown.
pub(super) struct Mirror {
    ledger: Arc<dyn Ledger>,
    tenant: Id,
    head: Head,
}

/// What is known of a mirror before it is read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Head {
    format: u32,
    graph_root: String,
    generation: u64,
    portions: u32,
    users: usize,
    logged: u32,
    changes: usize,
    links: Option<DeltaLinks>,
    read_at: Option<Timestamp>,
    full_at: Option<Timestamp>,
    suspicion: Option<String>,
    sight: Sight,
}

/// A mirror as it was found.
pub(super) struct Found {
    pub mirror: Mirror,
    pub directory: TenantDirectory,
    /// When everything was last read.
    pub full_at: Option<Timestamp>,
}

impl Mirror {
    /// Reads a tenant's mirror back. One that is missing, damaged, of another format or of another Graph is empty.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn open(ledger: Arc<dyn Ledger>, tenant: &Tenant) -> Result<Found, LedgerError> {
        let blank = Head { format: FORMAT, graph_root: tenant.graph_root.to_string(), ..Head::default() };
        let mut mirror = Self { ledger, tenant: tenant.id.clone(), head: blank };
        let head: Option<Head> = mirror.get(&mirror.head_key()).await?;
        let Some(head) = head.filter(|head| head.format == FORMAT && head.graph_root == mirror.head.graph_root) else {
            return Ok(Found { mirror, directory: TenantDirectory::default(), full_at: None });
        };
        mirror.head.generation = head.generation;
        match mirror.replay(&head).await? {
            None => Ok(Found { mirror, directory: TenantDirectory::default(), full_at: None }),
            Some(directory) => {
                let full_at = head.full_at;
                mirror.head = head;
                Ok(Found { mirror, directory, full_at })
            }
        }
    }

    /// The directory as the head describes it; `None` when a part of it is missing or damaged.
    async fn replay(&self, head: &Head) -> Result<Option<TenantDirectory>, LedgerError> {
        let mut directory = TenantDirectory::default();
        // One portion is read while the one before is taken in.
        let mut next = self.portion(head, 0).await?;
        for number in 0..head.portions {
            let Some(portion) = next else { return Ok(None) };
            let (following, ()) = tokio::join!(self.portion(head, number + 1), async { directory.absorb(portion) });
            next = following?;
        }
        for number in 0..head.logged {
            let changes: Option<Changes> = self.get(&self.key(head.generation, "log", number)).await?;
            let Some(changes) = changes else { return Ok(None) };
            directory.follow(changes);
        }
        directory.links.clone_from(&head.links);
        directory.read_at = head.read_at;
        directory.suspicion.clone_from(&head.suspicion);
        directory.sight.clone_from(&head.sight);
        directory.coverage = Coverage::Partial;
        Ok(Some(directory))
    }

    /// A portion of the snapshot; none where it is missing or damaged, or beyond the last.
    async fn portion(&self, head: &Head, number: u32) -> Result<Option<Portion>, LedgerError> {
        if number < head.portions { self.get(&self.key(head.generation, "portion", number)).await } else { Ok(None) }
    }

    /// Saves that everything was read: a snapshot of the live directory.
    pub async fn replace(&mut self, directory: &TenantDirectory) -> Result<(), LedgerError> {
        self.snapshot(directory, directory.read_at).await
    }

    /// Saves what changed, with the links up to which it was read, and what is doubted of the live directory.
    pub async fn append(&mut self, changes: &Changes, directory: &TenantDirectory) -> Result<(), LedgerError> {
        let mut head = self.head.clone();
        head.links = Some(changes.links.clone());
        head.read_at = Some(changes.read_at);
        head.suspicion.clone_from(&directory.suspicion);
        head.sight.clone_from(&directory.sight);
        let mut entries = Vec::new();
        if !changes.told.is_empty() {
            entries.push((self.key(head.generation, "log", head.logged), Some(encode(changes)?)));
            head.logged += 1;
            head.changes += changes.told.len();
        }
        entries.push((self.head_key(), Some(encode(&head)?)));
        self.ledger.stash(entries).await?;
        self.head = head;
        Ok(())
    }

    /// Whether the log has grown so long that a snapshot should take its place.
    pub fn is_due(&self) -> bool {
        self.head.changes > SHORT_LOG + self.head.users / 4
    }

    /// Puts a snapshot of the live directory in place of the old one and its log.
    pub async fn renew(&mut self, directory: &TenantDirectory) -> Result<(), LedgerError> {
        self.snapshot(directory, self.head.full_at).await
    }

    async fn snapshot(&mut self, directory: &TenantDirectory, full_at: Option<Timestamp>) -> Result<(), LedgerError> {
        let generation = self.head.generation + 1;
        let mut portions = 0;
        for portion in directory.portions(PORTION) {
            let entry = (self.key(generation, "portion", portions), Some(encode(&portion)?));
            self.ledger.stash(vec![entry]).await?;
            portions += 1;
        }
        let head = Head {
            format: FORMAT,
            graph_root: self.head.graph_root.clone(),
            generation,
            portions,
            users: directory.user_count(),
            logged: 0,
            changes: 0,
            links: directory.links.clone(),
            read_at: directory.read_at,
            full_at,
            suspicion: directory.suspicion.clone(),
            sight: directory.sight.clone(),
        };
        self.ledger.stash(vec![(self.head_key(), Some(encode(&head)?))]).await?;
        let old = std::mem::replace(&mut self.head, head);
        self.drop_generation(&old).await
    }

    async fn drop_generation(&self, old: &Head) -> Result<(), LedgerError> {
        let portions = (0..old.portions).map(|number| self.key(old.generation, "portion", number));
        let log = (0..old.logged).map(|number| self.key(old.generation, "log", number));
        let keys: Vec<String> = portions.chain(log).collect();
        for keys in keys.chunks(256) {
            self.ledger.stash(keys.iter().map(|key| (key.clone(), None)).collect()).await?;
        }
        Ok(())
    }

    fn head_key(&self) -> String {
        format!("mirror/{}", self.tenant)
    }

    fn key(&self, generation: u64, part: &str, number: u32) -> String {
        format!("mirror/{}/{generation}/{part}/{number}", self.tenant)
    }

    async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, LedgerError> {
        Ok(self.ledger.stashed(key).await?.and_then(|bytes| postcard::from_bytes(&bytes).ok()))
    }
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, LedgerError> {
    postcard::to_stdvec(value).map_err(|error| LedgerError::Io {
        path: String::from("the mirror"),
        attempt: "write",
        source: Box::new(error),
    })
}
