//! The folder of a state: whose it is, which format it has, who uses it, and the newest commit that was reported.
//! Knows nothing of what the database in it holds.
//!
//! ```text
//! bmsync-state   format, newest reported revision, its digest, changes of what is kept: two lines of text, rewritten in place
//! lock           locked by the kernel as long as a process uses the state; empty
//! holder         who that is, for the message that another one gets
//! db, conf, …    sled's
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::frame::FORMAT;
use crate::ledger::LedgerError;
use crate::model::{Digest, Revision};

const MARKER: &str = "bmsync-state";
const MARKER_NEW: &str = "bmsync-state.new";
/// A child process that is just being started holds its parent's locks until it runs its own program.
const PATIENCE: Duration = Duration::from_millis(300);
const LOCK: &str = "lock";
const HOLDER: &str = "holder";
/// No marker is longer: what is, is not ours.
const MARKER_LIMIT: u64 = 4096;

/// A state's folder, ours as long as this lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    marker: File,
    _lock: File,
}

/// What was reported as written: the newest commit, and how often what is kept beside the records was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// Revision of the commit.
    pub revision: Revision,
    /// Digest over the whole log.
    pub chain: Digest,
    /// Number of the newest change of what is kept.
    pub kept: u64,
}

impl Folder {
    /// Takes the folder, making it where there is none.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        // A file in the way would only be told as "file exists".
        if path.exists() && !path.is_dir() {
            return Err(LedgerError::Foreign { path: path.display().to_string() });
        }
        create(path).map_err(|error| io(path, "create", error))?;
        if Found::look(path)? == Found::Foreign {
            return Err(not_marked(path));
        }
        let lock = lock(path)?;
        hold(path)?;
        if !path.join(MARKER).exists() {
            mark(path).map_err(|error| io(path, "create", error))?;
        }
        let marker = OpenOptions::new().read(true).write(true).open(path.join(MARKER));
        let marker = marker.map_err(|error| io(path, "open", error))?;
        Ok(Self { path: path.to_owned(), marker, _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The newest commit that was reported.
    pub fn witness(&self) -> Result<Witness, LedgerError> {
        let mut text = Vec::new();
        let mut file = &self.marker;
        let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(MARKER_LIMIT).read_to_end(&mut text));
        read.map_err(|error| io(&self.path, "read", error))?;
        parse(&String::from_utf8_lossy(&text)).ok_or_else(|| LedgerError::Damaged {
            path: self.path.display().to_string(),
            detail: format!("{MARKER} does not say which commit is the newest"),
        })
    }

    /// Remembers a commit that is about to be reported.
    ///
    /// Not forced to the disk: after the death of the machine it may name an older commit than the database holds,
    /// which is no damage; a newer one would be.
    pub fn bear(&self, witness: Witness) -> Result<(), LedgerError> {
        let mut file = &self.marker;
        let written = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(print(witness).as_bytes()));
        written.map_err(|error| io(&self.path, "write", error))
    }
}

/// A folder with everything but our marker was ours; what else has none never was.
fn not_marked(path: &Path) -> LedgerError {
    let was_ours = [LOCK, HOLDER, "db"].iter().all(|name| path.join(name).exists());
    let path = path.display().to_string();
    if was_ours {
        return LedgerError::Damaged { path, detail: format!("{MARKER} is missing, or not what bmsync wrote") };
    }
    LedgerError::Foreign { path }
}

/// What is in the way.
#[derive(PartialEq, Eq)]
enum Found {
    Nothing,
    Ours,
    Foreign,
}

impl Found {
    fn look(path: &Path) -> Result<Self, LedgerError> {
        match File::open(path.join(MARKER)) {
            Ok(file) => known(path, file),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::without_marker(path),
            Err(error) => Err(io(path, "open", error)),
        }
    }

    /// A folder that was killed while it was made holds nothing but what precedes the marker.
    fn without_marker(path: &Path) -> Result<Self, LedgerError> {
        for entry in fs::read_dir(path).map_err(|error| io(path, "open", error))? {
            let name = entry.map_err(|error| io(path, "open", error))?.file_name();
            if ![LOCK, HOLDER, MARKER_NEW].iter().any(|known| name == *known) {
                return Ok(Self::Foreign);
            }
        }
        Ok(Self::Nothing)
    }
}

fn known(path: &Path, file: File) -> Result<Found, LedgerError> {
    let mut text = Vec::new();
    file.take(MARKER_LIMIT).read_to_end(&mut text).map_err(|error| io(path, "open", error))?;
    let text = String::from_utf8_lossy(&text);
    match format_of(&text) {
        None => Ok(Found::Foreign),
        Some(found) if found > FORMAT => {
            Err(LedgerError::Newer { path: path.display().to_string(), found, known: FORMAT })
        }
        Some(_) => Ok(Found::Ours),
    }
}

fn format_of(text: &str) -> Option<u32> {
    text.lines().next()?.strip_prefix("bmsync state, format ")?.parse().ok()
}

fn print(Witness { revision: Revision(revision), chain, kept }: Witness) -> String {
    // Where nothing was ever kept nothing is said of it.
    let kept = if kept == 0 { String::new() } else { format!(" kept {kept:020}") };
    let line = format!("revision {revision:020} {chain}{kept}");
    let check = Digest::of([line.as_bytes()]);
    format!("bmsync state, format {FORMAT}\n{line} {check}\n")
}

fn parse(text: &str) -> Option<Witness> {
    let line = text.lines().nth(1)?;
    let mut words = line.split(' ').skip(1);
    let revision = Revision(words.next()?.parse().ok()?);
    let chain = Digest(hex(words.next()?)?);
    let kept = if words.next()? == "kept" { words.next()?.parse().ok()? } else { 0 };
    let witness = Witness { revision, chain, kept };
    (print(witness).as_bytes() == text.as_bytes()).then_some(witness)
}

fn hex(text: &str) -> Option<[u8; 16]> {
    let mut out = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(out)
}

fn lock(path: &Path) -> Result<File, LedgerError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK));
    let file = file.map_err(|error| io(path, "open", error))?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::WouldBlock) => return Err(in_use(path)),
            Err(TryLockError::Error(error)) => return Err(io(path, "lock", error)),
        }
    }
}

/// Another process has the lock; the file says who, unless it has only just started or died.
pub fn in_use(path: &Path) -> LedgerError {
    let holder = fs::read_to_string(path.join(HOLDER)).unwrap_or_default();
    let holder: String = holder.trim().chars().filter(|sign| !sign.is_control()).take(200).collect();
    let holder = if holder.is_empty() { "it has not said which process".to_owned() } else { holder };
    LedgerError::InUse { path: path.display().to_string(), holder }
}

fn hold(path: &Path) -> Result<(), LedgerError> {
    note(path, "")
}

/// Notes beside the lock where the holder can be asked. Whoever calls this must hold the state.
///
/// # Errors
/// When it cannot be written.
pub fn announce(path: &Path, url: &str) -> Result<(), LedgerError> {
    note(path, &format!(", serving {url}"))
}

fn note(path: &Path, more: &str) -> Result<(), LedgerError> {
    let since = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    let text = format!("process {}, since {since}{more}", std::process::id());
    fs::write(path.join(HOLDER), text).map_err(|error| io(path, "open", error))
}

/// Writes the marker of an empty state, whole or not at all.
fn mark(path: &Path) -> std::io::Result<()> {
    let new = path.join(MARKER_NEW);
    let mut file = File::create(&new)?;
    file.write_all(print(Witness::default()).as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path.join(MARKER))?;
    sync_folder(path)
}

/// Makes the names in a folder durable.
#[cfg(unix)]
pub fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes the names in a folder durable: elsewhere the file system does.
#[cfg(not(unix))]
pub fn sync_folder(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Makes the folder, for its owner alone: it holds people's data.
#[cfg(unix)]
fn create(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> std::io::Result<()> {
    fs::create_dir_all(path)
}

/// What the operating system refused.
pub fn io(path: &Path, attempt: &'static str, error: std::io::Error) -> LedgerError {
    LedgerError::Io { path: path.display().to_string(), attempt, source: Box::new(error) }
}
