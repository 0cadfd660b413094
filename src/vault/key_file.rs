//! Key files: read with the care that ssh takes, made whole and durable, moved into place. Knows nothing of grants.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use secrecy::ExposeSecret as _;
use secrecy::zeroize::Zeroizing;

use super::error::{KeyFlaw, VaultError};
use super::key::Key;

/// No key file is longer.
const LONGEST: usize = 256;

/// Reads a key.
///
/// # Errors
/// When the file is not there, is open to others, or holds no key.
pub(super) fn read(path: &Path) -> Result<Key, VaultError> {
    let refused = |flaw| VaultError::KeyFile { path: path.to_owned(), flaw, source: None };
    let unreadable = |error: io::Error| {
        if error.kind() == io::ErrorKind::NotFound {
            return refused(KeyFlaw::Missing);
        }
        VaultError::KeyFile { path: path.to_owned(), flaw: KeyFlaw::Unreadable, source: Some(error) }
    };
    // Asked before opening: a named pipe would keep us waiting for its writer.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(refused(KeyFlaw::NotAFile));
    }
    let mut file = File::open(path).map_err(unreadable)?;
    if let Some(flaw) = too_open(&file.metadata().map_err(unreadable)?) {
        return Err(refused(flaw));
    }
    let mut text = Zeroizing::new([0; LONGEST]);
    let length = fill(&mut file, &mut *text).map_err(unreadable)?;
    let text = std::str::from_utf8(&text[..length]).map_err(|_| refused(KeyFlaw::NotAKey))?;
    Key::parse(text).map_err(|_| refused(KeyFlaw::NotAKey))
}

/// The key in a file; none where the file is not there.
///
/// # Errors
/// As [`read`].
pub(super) fn read_if_there(path: &Path) -> Result<Option<Key>, VaultError> {
    match read(path) {
        Err(VaultError::KeyFile { flaw: KeyFlaw::Missing, .. }) => Ok(None),
        read => read.map(Some),
    }
}

/// Makes a key in a file that is not there, for its owner alone, and reads it back. When this returns `Ok` the key
/// survives the death of the machine. A file that comes into being meanwhile is kept, and its key taken.
///
/// # Errors
/// When there is no randomness, or the file cannot be made.
pub(super) fn make(path: &Path) -> Result<Key, VaultError> {
    let key = Key::random().map_err(VaultError::Random)?;
    write_new(path, &key).map_err(|error| VaultError::KeyFile {
        path: path.to_owned(),
        flaw: KeyFlaw::Unmakeable,
        source: Some(error),
    })?;
    read(path)
}

fn write_new(path: &Path, key: &Key) -> io::Result<()> {
    let folder = folder(path);
    fs::create_dir_all(folder)?;
    // Made with mode 0600, and gone again if it is not put in place.
    let mut file = tempfile::Builder::new().prefix(".bmsync-key-").tempfile_in(folder)?;
    file.write_all(key.written().expose_secret().as_bytes())?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_file) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error),
    }
    sync(folder)
}

/// Puts a key file in the place of another, durably.
///
/// # Errors
/// When it cannot be moved.
pub(super) fn replace(from: &Path, to: &Path) -> Result<(), VaultError> {
    fs::rename(from, to).and_then(|()| sync(folder(to))).map_err(|error| VaultError::KeyFile {
        path: from.to_owned(),
        flaw: KeyFlaw::Unmovable,
        source: Some(error),
    })
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Reads what there is, up to the room there is.
fn fill(file: &mut File, room: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < room.len() {
        match file.read(&mut room[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Like ssh: nobody but the owner. The group may read a file that somebody else owns, for that is how a container is
/// handed a secret.
#[cfg(unix)]
fn too_open(file: &Metadata) -> Option<KeyFlaw> {
    use std::os::unix::fs::MetadataExt as _;
    let is_ours = file.uid() == rustix::process::geteuid().as_raw();
    let mode = file.mode() & 0o7777;
    let forbidden = if is_ours { 0o077 } else { 0o027 };
    (mode & forbidden != 0).then_some(KeyFlaw::TooOpen { mode })
}

#[cfg(not(unix))]
fn too_open(_file: &Metadata) -> Option<KeyFlaw> {
    None
}

/// Makes the names in a folder durable.
#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes the names in a folder durable: elsewhere the file system does.
#[cfg(not(unix))]
fn sync(_folder: &Path) -> io::Result<()> {
    Ok(())
}
