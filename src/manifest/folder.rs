//! The folder of manifests: the only part of this room that touches a disk. Reads bytes; does not know what is in them.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::diagnostic::Diagnostic;
use super::problem::Code;
use super::text::MAX_FILE_BYTES;
use super::{Content, Loaded, ManifestFile, load_from, no_documents};

/// Bytes of all files together.
pub const MAX_FOLDER_BYTES: usize = 256 * 1024 * 1024;

/// Files and folders that are looked at.
pub(crate) const MAX_ENTRIES: usize = 100_000;

/// Reads the manifests of a folder, or of one file. Never fails: what is wrong is in the diagnostics.
#[must_use]
pub fn load_folder(path: &Path) -> Loaded {
    match read_folder(path) {
        Ok(files) => load_from(&path.display().to_string(), &files),
        Err(diagnostic) => Loaded::failed(*diagnostic),
    }
}

/// Reads every `*.yaml` and `*.yml` of a folder, recursively, sorted by name. Names that start with `.` are skipped,
/// symbolic links are followed, and what is reached twice is read once. A path of a file stands for that file alone.
///
/// # Errors
/// A diagnostic when the folder cannot be read, has no such file, or holds more than [`MAX_FOLDER_BYTES`]. A single
/// file that cannot be read is no error here: [`load`](super::load) says so.
pub fn read_folder(path: &Path) -> Result<Vec<ManifestFile>, Box<Diagnostic>> {
    let paths = list(path)?.files;
    if paths.is_empty() {
        return Err(Box::new(no_documents(&path.display().to_string())));
    }
    let mut left = MAX_FOLDER_BYTES;
    let mut files = Vec::with_capacity(paths.len());
    for file in paths {
        let content = read_file(&file);
        if let Content::Bytes(bytes) = &content {
            left = left.checked_sub(bytes.len()).ok_or_else(|| too_large(path))?;
        }
        files.push(ManifestFile { name: file.display().to_string(), content });
    }
    Ok(files)
}

/// What a folder of manifests is made of, unread.
pub(crate) struct Listing {
    /// The manifests' paths, sorted.
    pub files: Vec<PathBuf>,
    /// The folders that were entered, by the way they were reached.
    pub folders: Vec<PathBuf>,
}

/// The manifests that [`read_folder`] would read.
pub(crate) fn list(path: &Path) -> Result<Listing, Box<Diagnostic>> {
    let metadata = fs::metadata(path).map_err(|error| not_found(path, &error))?;
    if metadata.is_dir() { walk(path) } else { Ok(Listing { files: vec![path.to_owned()], folders: Vec::new() }) }
}

fn not_found(path: &Path, error: &io::Error) -> Box<Diagnostic> {
    let message = if error.kind() == io::ErrorKind::NotFound {
        "there is no such folder".to_owned()
    } else {
        format!("the folder cannot be read: {}", reason(error))
    };
    let hint = "name the folder of the manifests with `--manifests`, or start with `bmsync init`";
    Box::new(Diagnostic::of_file(path.display().to_string(), Code::FolderNotFound, message, Some(hint)))
}

pub(crate) fn too_large(path: &Path) -> Box<Diagnostic> {
    let message = format!("more than {} MiB of manifests, or too many files", MAX_FOLDER_BYTES / 1024 / 1024);
    let hint = Some("is this the folder of the manifests?");
    Box::new(Diagnostic::of_file(path.display().to_string(), Code::TooLarge, message, hint))
}

/// A folder is entered once, however many links lead to it, so that loops end.
fn walk(root: &Path) -> Result<Listing, Box<Diagnostic>> {
    let mut found = Vec::new();
    let mut entered = Vec::new();
    let mut seen = HashSet::new();
    let mut folders = vec![root.to_owned()];
    let mut entries = 0;
    while let Some(folder) = folders.pop() {
        let listed = fs::canonicalize(&folder).and_then(|real| Ok((seen.insert(real), fs::read_dir(&folder)?)));
        let (is_new, listing) = listed.map_err(|error| not_found(&folder, &error))?;
        if !is_new {
            continue;
        }
        for entry in listing {
            let path = entry.map_err(|error| not_found(&folder, &error))?.path();
            entries += 1;
            if entries > MAX_ENTRIES {
                return Err(too_large(root));
            }
            match judge(&path) {
                Entry::Folder => folders.push(path),
                Entry::Manifest => found.push(path),
                Entry::Other => {}
            }
        }
        entered.push(folder);
    }
    found.sort_unstable();
    found.retain(|path| fs::canonicalize(path).map_or(true, |real| seen.insert(real)));
    Ok(Listing { files: found, folders: entered })
}

enum Entry {
    Folder,
    Manifest,
    Other,
}

fn judge(path: &Path) -> Entry {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    match fs::metadata(path) {
        _ if name.starts_with('.') => Entry::Other,
        Ok(metadata) if metadata.is_dir() => Entry::Folder,
        Ok(_) | Err(_) if is_yaml => Entry::Manifest,
        Ok(_) | Err(_) => Entry::Other,
    }
}

/// At most one byte more than a manifest may have. Only regular files: reading a pipe would wait.
fn read_file(path: &Path) -> Content {
    let read = || -> io::Result<Vec<u8>> {
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_or_else(|error| Content::Unreadable(reason(&error)), Content::Bytes)
}

fn reason(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound { "it does not exist".to_owned() } else { error.to_string() }
}
