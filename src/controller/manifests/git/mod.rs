//! A git repository as the origin of manifests: bmsync keeps a shallow copy beside the state and reads the newest commit
//! of one ref from it. A repository that cannot be reached changes nothing.

mod command;

mod failure;

mod remote;

mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

pub use failure::Failure;
pub use remote::{Reference, Remote, RemoteRefused};

use super::reading::{Named, Reading};
use super::{Cause, Problem};
use crate::controller::connection::jittered;
use crate::store::local::Clock;
use command::{BRIEF, Git};

/// The tip that was fetched last.
const HEAD: &str = "refs/bmsync/head";

/// The commit whose manifests were in force last.
const GOOD: &str = "refs/bmsync/good";

/// Longer than this, git is ended.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// What is followed, and where the copy is kept.
#[derive(Clone, Debug)]
pub struct Repository {
    remote: Remote,
    reference: Reference,
    folder: String,
    cache: PathBuf,
    interval: Duration,
    program: PathBuf,
    time_limit: Duration,
}

impl Repository {
    /// Follows a ref of a repository, and keeps the copy in a folder of its own under `cache`, once a minute.
    #[must_use]
    pub fn new(remote: Remote, reference: Reference, cache: &Path) -> Self {
        let cache = std::path::absolute(cache).unwrap_or_else(|_| cache.to_owned());
        let (interval, program) = (Duration::from_mins(1), PathBuf::from("git"));
        Self { remote, reference, folder: String::new(), cache, interval, program, time_limit: TIME_LIMIT }
    }

    /// With the manifests in that folder of the repository.
    ///
    /// # Errors
    /// When the folder leads out of the repository.
    pub fn folder(self, folder: &Path) -> Result<Self, RemoteRefused> {
        Ok(Self { folder: remote::folder_in_repository(folder)?, ..self })
    }

    /// Looking so often, at most once a second.
    #[must_use]
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval: interval.max(Duration::from_secs(1)), ..self }
    }

    /// With another program in the place of `git`, and another time limit than a minute.
    #[must_use]
    pub fn program(self, program: impl Into<PathBuf>, time_limit: Duration) -> Self {
        Self { program: program.into(), time_limit, ..self }
    }
}

/// A copy of a repository that is kept up to date.
pub(super) struct Checkout {
    git: Git,
    reference: Reference,
    folder: String,
    interval: Duration,
    clock: Clock,
    next: Instant,
    /// What the ref was, and what was read of it; `None` when it must be read again.
    seen: Option<String>,
}

impl Checkout {
    pub(super) fn new(repository: Repository, clock: Clock) -> Self {
        let Repository { remote, reference, folder, cache, interval, program, time_limit } = repository;
        let copy = remote::copy_of(&cache, &remote, &reference);
        let git = Git { program, copy, remote, time_limit };
        Self { git, reference, folder, interval, clock, next: Instant::now(), seen: None }
    }

    /// The first reading: of the newest commit or, while it cannot be had, of the one that was good last.
    pub(super) async fn begin(&mut self) -> Result<(Reading, Option<Problem>), Failure> {
        let is_old = self.git.copy.join("HEAD").is_file();
        self.rest();
        let failure = match self.read_newest(None).await {
            Ok(reading) => return Ok((reading, None)),
            Err(failure) => failure,
        };
        if let Some(reading) = self.read_good().await {
            let cause = Cause::Unreachable { message: failure.to_string(), hint: failure.hint().to_owned() };
            return Ok((reading, Some(Problem { since: (self.clock)(), cause })));
        }
        self.doubt(&failure);
        if is_old && failure.casts_doubt_on_the_copy() {
            return Ok((self.read_newest(None).await?, None));
        }
        Err(failure)
    }

    /// The commit that was good when an earlier process ran.
    async fn read_good(&self) -> Option<Reading> {
        let commit = self.commit_of(GOOD).await.ok()?;
        self.read(commit).await.ok()
    }

    fn rest(&mut self) {
        self.next = Instant::now() + jittered(self.interval, fastrand::f64());
    }

    /// Resolves when it is time to look. Dropping the future loses nothing.
    pub(super) async fn due(&self) -> Timestamp {
        sleep_until(self.next).await;
        (self.clock)()
    }

    /// Reads the newest commit; nothing when it was read before.
    pub(super) async fn look(&mut self) -> Result<Option<Reading>, Failure> {
        let newest = self.newest().await;
        let look = match newest {
            Ok(newest) if newest == self.seen && newest.is_some() => Ok(None),
            Ok(newest) => self.read_newest(newest).await.map(Some),
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &look {
            self.doubt(failure);
        }
        self.rest();
        look
    }

    /// Remembers which commit is good, so that a restart without the repository has something to begin with.
    pub(super) async fn keep(&self, commit: &str) {
        if let Err(failure) = self.git.run(&["update-ref", GOOD, commit], BRIEF).await {
            tracing::warn!(%failure, "cannot remember the good commit");
        }
    }

    /// After a failure nothing is known of the copy, and where git was ended at its work, a new copy is made.
    fn doubt(&mut self, failure: &Failure) {
        self.seen = None;
        if failure.casts_doubt_on_the_copy() {
            let _ = fs::remove_dir_all(&self.git.copy);
        }
    }

    /// Fetches and reads. `newest` is what the ref is, where it was asked already.
    async fn read_newest(&mut self, newest: Option<String>) -> Result<Reading, Failure> {
        let newest = match newest {
            Some(newest) => Some(newest),
            None => self.newest().await?,
        };
        let (name, tip) = match (&self.reference, &newest) {
            (Reference::Commit(hash), _) => (hash.clone(), hash.clone()),
            (Reference::Name(_) | Reference::Full(_), Some(line)) => split(line),
            (Reference::Name(name) | Reference::Full(name), None) => return Err(Failure::UnknownRef(name.clone())),
        };
        self.make_copy().await?;
        if self.commit_of(&tip).await.is_err() || !matches!(self.reference, Reference::Commit(_)) {
            let refspec = format!("+{name}:{HEAD}");
            let words =
                ["fetch", "--quiet", "--depth=1", "--no-tags", "--force", "--", &self.git.remote.address, &refspec];
            self.git.run(&words, BRIEF).await?;
        }
        let commit = self.commit_of(if tip == name { &tip } else { HEAD }).await?;
        let reading = self.read(commit).await?;
        self.seen = newest;
        Ok(reading)
    }

    /// The name and the hash of what is followed, as the remote has it now: of a branch rather than of a tag, for who
    /// may push a tag may not be who may push to a protected branch. A commit stays what it is.
    async fn newest(&self) -> Result<Option<String>, Failure> {
        let names = match &self.reference {
            Reference::Commit(hash) => return Ok(Some(format!("{hash}\t{hash}"))),
            Reference::Full(name) => vec![name.clone()],
            Reference::Name(name) => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
        };
        self.make_copy().await?;
        let mut words = vec!["ls-remote", "--quiet", "--", self.git.remote.address.as_str()];
        words.extend(names.iter().map(String::as_str));
        let list = self.git.run(&words, BRIEF).await?;
        let list = String::from_utf8_lossy(&list).into_owned();
        let find = |name: &String| list.lines().find(|line| split(line).0 == *name).map(str::to_owned);
        Ok(names.iter().find_map(find))
    }

    /// An empty repository to fetch into, without any template: those may hold hooks.
    async fn make_copy(&self) -> Result<(), Failure> {
        let copy = &self.git.copy;
        if copy.join("HEAD").is_file() {
            return Ok(());
        }
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(copy).map_err(|error| Failure::Disk(error.to_string()))?;
        self.git.run(&["init", "--quiet", "--bare", "--template="], BRIEF).await.map(|_| ())
    }

    async fn commit_of(&self, name: &str) -> Result<String, Failure> {
        let commit = self.git.run(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")], BRIEF).await?;
        Ok(String::from_utf8_lossy(commit.trim_ascii()).into_owned())
    }

    async fn read(&self, commit: String) -> Result<Reading, Failure> {
        let (loaded, files) = tree::load(&self.git, &commit, &self.folder).await?;
        Ok(Reading { loaded, named: Named { files, changed: None, commit: Some(commit) } })
    }
}

/// A line of `ls-remote`, `<hash>\t<name>`, as name and hash.
fn split(line: &str) -> (String, String) {
    let (hash, name) = line.split_once('\t').unwrap_or((line, ""));
    (name.trim_end().to_owned(), hash.to_owned())
}
