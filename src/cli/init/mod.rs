//! `bmsync init [DIR]`: a configuration repository to start from. Never touches a file that exists.

use std::borrow::Cow;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::args::InitArgs;
use super::error::{Error, Exit};
use super::output::Output;
use crate::display::safe;

mod scaffold;

pub use scaffold::{ScaffoldFile, scaffold};

/// Makes the repository and says what came of it.
pub fn run(args: &InitArgs, output: &Output) -> Result<Exit, Error> {
    let made = make(&args.folder)?;
    output.data(text(&args.folder, &made))?;
    Ok(Exit::Done)
}

/// What became of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Written.
    Made,
    /// It was there and is as it was.
    Kept,
    /// It would have declared something beside manifests that are already there.
    Unwanted,
}

/// Writes the files that are not there yet.
///
/// # Errors
/// When a file cannot be written; those before it stay.
pub fn make(folder: &Path) -> Result<Vec<(Cow<'static, str>, Fate)>, Error> {
    let declared = has_manifests(&folder.join("manifests"));
    let mut made = Vec::new();
    for file in scaffold() {
        let fate = if declared && file.is_manifest() && !folder.join(&*file.path).exists() {
            Fate::Unwanted
        } else {
            let path = folder.join(&*file.path);
            write_new(&path, &file.content)
                .map_err(|error| Error::new(format!("cannot make {}", path.display())).because(&error))?
        };
        made.push((file.path, fate));
    }
    Ok(made)
}

/// Writes a file only if nothing has its name, not even a link that leads nowhere.
fn write_new(path: &Path, content: &str) -> io::Result<Fate> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(content.as_bytes()).map(|()| Fate::Made),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Fate::Kept),
        Err(error) => Err(error),
    }
}

/// Whether the folder already declares something: examples beside it would be declared too.
fn has_manifests(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        path.is_dir() || path.extension().is_some_and(|end| end == "yaml" || end == "yml")
    })
}

fn text(folder: &Path, made: &[(Cow<'static, str>, Fate)]) -> String {
    let mut text = String::new();
    for (fate, title) in [
        (Fate::Made, "Made"),
        (Fate::Kept, "Left as they are"),
        (Fate::Unwanted, "Not made, because manifests are already there"),
    ] {
        let paths: Vec<&str> = made.iter().filter(|(_, of)| *of == fate).map(|(path, _)| &**path).collect();
        if !paths.is_empty() {
            text.push_str(title);
            text.push_str(":\n");
            for path in paths {
                text.push_str(&["  ", path, "\n"].concat());
            }
        }
    }
    let folder = folder.display().to_string();
    let go = if folder == "." { String::new() } else { format!("cd {} and ", safe(&folder)) };
    text + &format!("Next: {go}read README.md, put your IDs into manifests/, then `bmsync validate`.\n")
}
