//! Opening sled and forcing what it wrote to the disk; what its errors mean. Knows nothing of keys and values.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use ::sled::Db;

use super::folder::{Folder, in_use, io, sync_folder};
use crate::ledger::LedgerError;

/// sled spills pages larger than a quarter of this into files of their own; ours stay below.
const PAGES: usize = 4 << 20;
const CACHE_BYTES: u64 = 128 << 20;
/// How often sled tidies up, and writes what no commit has flushed yet: the stash, which may be lost.
const TIDY_MS: u64 = 2000;
/// sled lets go of its lock a moment after it is closed.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Forces sled's files to the disk: its own flush asks the kernel to write, which is no promise after a power loss.
pub struct Sync {
    file: File,
    blobs: PathBuf,
    /// Log position of the newest blob that is durable; their names are positions, which only grow.
    blob: i64,
}

impl Sync {
    /// Of the database in that folder; syncs what is there.
    pub fn new(path: &Path) -> Result<Self, LedgerError> {
        let file = File::options().read(true).write(true).open(path.join("db"));
        let file = file.map_err(|error| io(path, "open", error))?;
        let mut sync = Self { file, blobs: path.join("blobs"), blob: -1 };
        sync.all().and_then(|()| sync_folder(path)).map_err(|error| io(path, "open", error))?;
        Ok(sync)
    }

    /// Everything that was flushed is on the disk after this.
    pub fn all(&mut self) -> std::io::Result<()> {
        self.file.sync_data()?;
        let mut newest = self.blob;
        for entry in std::fs::read_dir(&self.blobs)? {
            let entry = entry?;
            let position = entry.file_name().to_str().and_then(|name| name.parse::<i64>().ok());
            let Some(position) = position.filter(|position| *position > self.blob) else { continue };
            match File::open(entry.path()) {
                Ok(file) => file.sync_all()?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            newest = newest.max(position);
        }
        if newest > self.blob {
            sync_folder(&self.blobs)?;
            self.blob = newest;
        }
        Ok(())
    }
}

/// Opens sled's part. The folder is ours already, so a lock that is still held is that of a database closed just now,
/// or of a program that is not bmsync.
pub fn open_sled(folder: &Folder) -> Result<Db, LedgerError> {
    let path = folder.path();
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        let config = ::sled::Config::new().path(path).segment_size(PAGES).cache_capacity(CACHE_BYTES);
        let config = config.flush_every_ms(Some(TIDY_MS));
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(error)) if is_lock(&error) && Instant::now() < until => thread::sleep(Duration::from_millis(10)),
            Ok(Err(error)) if is_lock(&error) => return Err(in_use(path)),
            Ok(Err(error)) => return Err(sled_error(path, "open", error)),
            Err(_panic) => {
                let detail = "its database cannot be read".to_owned();
                return Err(LedgerError::Damaged { path: path.display().to_string(), detail });
            }
        }
    }
}

fn is_lock(error: &::sled::Error) -> bool {
    matches!(error, ::sled::Error::Io(error) if error.to_string().starts_with("could not acquire lock"))
}

/// What sled says, as the ledger says it.
pub fn sled_error(path: &Path, attempt: &'static str, error: ::sled::Error) -> LedgerError {
    let damaged = |detail: String| LedgerError::Damaged { path: path.display().to_string(), detail };
    match error {
        ::sled::Error::Io(error) => io(path, attempt, as_it_was(error)),
        ::sled::Error::Corruption { at: None, bt: () } => {
            damaged("its database does not match its checksums".to_owned())
        }
        ::sled::Error::Corruption { at: Some(at), bt: () } => damaged(format!("its database is corrupted at {at:?}")),
        ::sled::Error::CollectionNotFound(_) => damaged("its database lacks a tree".to_owned()),
        ::sled::Error::Unsupported(what) | ::sled::Error::ReportableBug(what) => damaged(what),
    }
}

/// sled repeats an earlier error as a text of its innards; the kind is what a person can read.
fn as_it_was(error: std::io::Error) -> std::io::Error {
    match (error.raw_os_error(), error.kind()) {
        (None, kind) if kind != std::io::ErrorKind::Other => kind.into(),
        (Some(_) | None, _) => error,
    }
}
