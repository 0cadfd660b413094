//! A copy of the database, kept until it has been read whole: sled cuts off what it cannot read, so the very look that
//! finds a damage would change the evidence, and what a person might still save. Knows nothing of what is in the files.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::folder::sync_folder;

const COPY: &str = "before-opening";

/// The copy; it goes when this is dropped.
#[derive(Debug)]
pub struct Spare {
    path: PathBuf,
    copy: PathBuf,
}

impl Spare {
    /// Copies the database of a folder that is ours. A copy that a killed process left is of no use any more.
    pub fn take(path: &Path) -> io::Result<Self> {
        let spare = Self { path: path.to_owned(), copy: path.join(COPY) };
        if spare.copy.exists() {
            fs::remove_dir_all(&spare.copy)?;
        }
        fs::create_dir(&spare.copy)?;
        for name in files(path)? {
            fs::copy(path.join(&name), spare.copy.join(&name))?;
        }
        Ok(spare)
    }

    /// Puts everything back as it was. Files are replaced by name: one that sled still holds open is written in vain.
    pub fn restore(self) -> io::Result<()> {
        let kept = files(&self.copy)?;
        for name in files(&self.path)?.into_iter().filter(|name| !kept.contains(name)) {
            fs::remove_file(self.path.join(name))?;
        }
        for name in kept {
            let copy = self.copy.join(&name);
            File::open(&copy)?.sync_all()?;
            fs::rename(copy, self.path.join(name))?;
        }
        sync_folder(&self.path)
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        // What cannot be removed now is removed before the next opening.
        let _ = fs::remove_dir_all(&self.copy);
    }
}

/// The names of sled's files that an opening may change.
fn files(path: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        if name == "db" || name == "conf" || name.to_string_lossy().starts_with("snap.") {
            names.push(name);
        }
    }
    Ok(names)
}
