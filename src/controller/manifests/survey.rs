//! What a folder of manifests looks like from outside: names, sizes, times and identities, no content. Two surveys that
//! are equal saw the same files. The cost follows the number of manifests; nothing here knows what is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::manifest::folder::list;

/// A folder at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// The manifests; `None` for one that cannot be reached.
    files: BTreeMap<PathBuf, Option<Stamp>>,
    /// Where a change can show itself, with what was found there: a replaced folder has the same name, but is another.
    places: BTreeMap<PathBuf, Place>,
    /// The links and the folder itself, whose names alone matter in the folders that hold them.
    anchors: BTreeSet<PathBuf>,
    /// Why the folder could not be listed.
    trouble: Option<String>,
}

/// A folder to watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    interest: Interest,
    identity: Option<Identity>,
}

/// What matters in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interest {
    /// Whatever may be a manifest.
    Everything,
    /// The anchors alone: the folder itself may be as busy as `/tmp`.
    Anchors,
}

/// What tells one state of a file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    identity: Identity,
    /// The inode's own change: a new mode or owner, and whatever set the other times back.
    changed: (i64, i64),
}

/// Which file or folder it is, by whatever name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Survey {
    /// Looks at a folder, or at a single file.
    pub(super) fn of(root: &Path) -> Self {
        let mut survey = Self { anchors: anchors(root), ..Self::default() };
        for parent in survey.anchors.iter().filter_map(|anchor| anchor.parent()) {
            survey.places.insert(parent.to_owned(), Place::at(parent, Interest::Anchors));
        }
        match list(root) {
            Ok(listing) => {
                for folder in listing.folders {
                    let place = Place::at(&folder, Interest::Everything);
                    survey.places.insert(folder, place);
                }
                for file in listing.files {
                    survey.add(file);
                }
            }
            Err(diagnostic) => survey.trouble = Some(diagnostic.message),
        }
        survey
    }

    fn add(&mut self, file: PathBuf) {
        if file.is_symlink()
            && let Some(folder) = fs::canonicalize(&file).ok().and_then(|real| real.parent().map(Path::to_owned))
        {
            let place = Place::at(&folder, Interest::Everything);
            self.places.insert(folder, place);
        }
        let stamp = fs::metadata(&file).ok().map(|metadata| Stamp::of(&metadata));
        self.files.insert(file, stamp);
    }

    /// How many manifests there are.
    pub(super) fn files(&self) -> usize {
        self.files.len()
    }

    /// The folders to watch.
    pub(super) fn places(&self) -> impl Iterator<Item = &Path> {
        self.places.keys().map(PathBuf::as_path)
    }

    /// Whether a watch of the places of one is a watch of the places of the other.
    pub(super) fn has_places_of(&self, other: &Self) -> bool {
        self.places == other.places
    }

    /// Whether a change of that path may be a change of the manifests.
    pub(super) fn concerns(&self, path: &Path) -> bool {
        let around = path.parent().and_then(|parent| self.places.get(parent));
        self.anchors.contains(path)
            || self.places.contains_key(path)
            || around.is_some_and(|place| place.interest == Interest::Everything && may_matter(path))
    }

    /// The manifests that are in one and not in the other, or differ.
    pub(super) fn changed<'a>(&'a self, before: &'a Self) -> BTreeSet<&'a Path> {
        let names: BTreeSet<&Path> = self.files.keys().chain(before.files.keys()).map(PathBuf::as_path).collect();
        names.into_iter().filter(|name| self.files.get(*name) != before.files.get(*name)).collect()
    }
}

/// Names that start with a dot are no manifests, but Kubernetes points `..data` at another folder.
fn may_matter(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.') || name.starts_with("..")
}

/// The path itself, and every link on the way to it: whichever is pointed elsewhere changes the manifests.
fn anchors(root: &Path) -> BTreeSet<PathBuf> {
    let links = root.ancestors().filter(|path| path.is_symlink());
    std::iter::once(root).chain(links).map(Path::to_owned).collect()
}

impl Place {
    fn at(path: &Path, interest: Interest) -> Self {
        Self { interest, identity: fs::metadata(path).ok().map(|metadata| Identity::of(&metadata)) }
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            identity: Identity::of(metadata),
            changed: changed(metadata),
        }
    }
}

#[cfg(unix)]
impl Identity {
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

#[cfg(not(unix))]
impl Identity {
    fn of(_metadata: &Metadata) -> Self {
        Self { device: 0, inode: 0 }
    }
}

#[cfg(unix)]
fn changed(metadata: &Metadata) -> (i64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn changed(_metadata: &Metadata) -> (i64, i64) {
    (0, 0)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_same_files_look_the_same_and_every_change_shows() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a.yaml"), "a: 1").unwrap();
        fs::write(at(".a.yaml.swp"), "x").unwrap();
        let first = Survey::of(folder.path());
        fs::write(at(".a.yaml.swp"), "xx").unwrap();
        fs::write(at("readme.md"), "xx").unwrap();
        assert_eq!((first.files(), &first), (1, &Survey::of(folder.path())));

        let old = fs::metadata(at("a.yaml")).unwrap().modified().unwrap();
        fs::write(at("new"), "a: 2").unwrap();
        fs::File::options().write(true).open(at("new")).unwrap().set_modified(old).unwrap();
        fs::rename(at("new"), at("a.yaml")).unwrap();
        fs::write(at("b.yaml"), "b: 1").unwrap();
        let second = Survey::of(folder.path());
        let changed: Vec<_> = second.changed(&first).into_iter().map(Path::to_owned).collect();
        assert_eq!(changed, [at("a.yaml"), at("b.yaml")], "same size and time, another file; and a new one");
        fs::remove_file(at("b.yaml")).unwrap();
        assert_eq!(Survey::of(folder.path()).changed(&second).into_iter().collect::<Vec<_>>(), [at("b.yaml")]);
    }

    #[test]
    fn a_link_on_the_way_and_the_target_of_a_link_are_watched_but_not_their_neighbours() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("one/manifests")).unwrap();
        fs::create_dir_all(at("elsewhere")).unwrap();
        fs::write(at("elsewhere/a.yaml"), "a: 1").unwrap();
        symlink(at("elsewhere/a.yaml"), at("one/manifests/a.yaml")).unwrap();
        symlink("one", at("current")).unwrap();
        let survey = Survey::of(&at("current/manifests"));
        let places: Vec<_> = survey.places().collect();
        for place in ["", "current", "current/manifests", "elsewhere"] {
            assert!(places.iter().any(|path| **path == *at(place).components().as_path()), "{place} in {places:?}");
        }
        for matters in ["current", "current/manifests", "current/manifests/b.yaml", "elsewhere/a.yaml"] {
            assert!(survey.concerns(&at(matters)), "{matters}");
        }
        for busy in ["neighbour", "current/neighbour", "current/manifests/.a.yaml.swp", "nowhere/a.yaml"] {
            assert!(!survey.concerns(&at(busy)), "{busy}");
        }
        assert!(survey.concerns(&at("current/manifests/..data")));
    }

    #[test]
    fn a_missing_folder_differs_from_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Survey::of(&folder.path().join("m"));
        fs::create_dir(folder.path().join("m")).unwrap();
        assert_ne!(missing, Survey::of(&folder.path().join("m")));
    }
}
