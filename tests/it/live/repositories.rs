//! A git repository of which bmsync keeps a copy: followed, refused, forced, broken and gone.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bmsync::controller::manifests::git::{Failure, Reference, Remote, RemoteRefused, Repository};
use bmsync::controller::manifests::{Cause, InForce, LiveManifests, OpenError, Origin, Timing};
use bmsync::manifest::Code;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{Folder, codes, open, policy, seconds, until};

/// A repository in a temporary folder, with a place for the copy.
struct Origins(Folder);

impl Origins {
    fn new() -> Self {
        let origins = Self(Folder::new());
        fs::create_dir(origins.0.at("repo")).unwrap();
        origins.git(&["init", "--quiet", "--initial-branch=main"]);
        origins
    }

    /// Git without anything of whoever runs the tests.
    fn git(&self, words: &[&str]) -> String {
        let mut command = Command::new("git");
        command.current_dir(self.0.at("repo")).args(words);
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Adele").env(format!("GIT_{who}_EMAIL"), "adele@example.com");
        }
        let output = command.output().expect("these tests need git");
        assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Writes a file and commits everything; gives the commit.
    fn commit(&self, file: &str, text: &str) -> String {
        self.0.write(&format!("repo/{file}"), text);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn follow(&self, reference: &str) -> Repository {
        let remote = Remote::parse(self.0.at("repo").to_str().unwrap()).unwrap();
        Repository::new(remote, Reference::parse(reference).unwrap(), &self.0.at("cache"))
            .interval(Duration::from_hours(1))
    }

    async fn live(&self, reference: &str) -> LiveManifests {
        start(self.follow(reference)).await.unwrap()
    }
}

async fn start(repository: Repository) -> Result<LiveManifests, OpenError> {
    open(Origin::Git(Box::new(repository)), Timing::default()).await
}

fn failure_of(opened: Result<LiveManifests, OpenError>) -> Failure {
    match opened {
        Err(OpenError::Git(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

fn message(in_force: &InForce) -> String {
    in_force.problem.as_ref().map(bmsync::controller::manifests::Problem::message).unwrap_or_default()
}

#[tokio::test]
async fn a_new_commit_is_followed_and_named() {
    let origins = Origins::new();
    let first = origins.commit("manifests/policy.yaml", &policy(60));
    origins.commit("other.yaml", "not: a manifest");
    let second = origins.git(&["rev-parse", "HEAD"]);
    let repository = origins.follow("main").folder(Path::new("manifests")).unwrap().interval(Duration::from_secs(1));
    let live = start(repository).await.unwrap();
    assert_ne!(first, second);
    assert_eq!((seconds(&live.in_force()), live.in_force().commit.as_deref()), (60, Some(&*second)));
    let third = origins.commit("manifests/policy.yaml", &policy(61));
    let changed = until(&live, |now| seconds(now) == 61).await;
    assert_eq!(changed.commit.as_deref(), Some(&*third));
    let fourth = origins.commit("README.md", "The same meaning.");
    let same = until(&live, |now| now.commit.as_deref() == Some(&fourth)).await;
    assert!(Arc::ptr_eq(&same.config, &changed.config));
}

#[tokio::test]
async fn a_commit_that_does_not_validate_is_named_and_the_last_good_one_stays() {
    let origins = Origins::new();
    let good = origins.commit("a/policy.yaml", &policy(60));
    let live = origins.live("main").await;
    let bad = origins.commit("a/wrong.yaml", "kind: Tennant\n");
    live.reload();
    let wrong = until(&live, |now| now.problem.is_some()).await;
    assert_eq!((wrong.commit.as_deref(), seconds(&wrong)), (Some(&*good), 60));
    let problem = wrong.problem.clone().unwrap();
    assert_eq!(problem.file(), Some("a/wrong.yaml"));
    assert!(matches!(problem.cause, Cause::Invalid { commit: Some(commit), .. } if commit == bad));
    drop(live);
    assert!(!codes(start(origins.follow("main")).await).is_empty());
    fs::remove_file(origins.0.at("repo/a/wrong.yaml")).unwrap();
    let fixed = origins.commit("a/policy.yaml", &policy(61));
    assert_eq!(origins.live("main").await.in_force().commit.as_deref(), Some(&*fixed));
}

#[tokio::test]
async fn a_forced_push_is_followed_and_a_hangup_makes_it_look() {
    let origins = Origins::new();
    let base = origins.commit("policy.yaml", &policy(60));
    origins.commit("policy.yaml", &policy(61));
    let live = origins.live("main").await;
    origins.git(&["reset", "--quiet", "--hard", &base]);
    let forced = origins.commit("policy.yaml", &policy(62));
    #[cfg(unix)]
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP).unwrap();
    #[cfg(not(unix))]
    live.reload();
    let now = until(&live, |now| seconds(now) == 62).await;
    assert_eq!(now.commit.as_deref(), Some(&*forced));
    origins.git(&["reset", "--quiet", "--hard", &base]);
    live.reload();
    assert_eq!(until(&live, |now| seconds(now) == 60).await.commit.as_deref(), Some(&*base));
}

#[tokio::test]
async fn a_ref_that_is_unknown_or_deleted_is_told() {
    let origins = Origins::new();
    origins.commit("policy.yaml", &policy(60));
    assert_eq!(failure_of(start(origins.follow("prod")).await), Failure::UnknownRef("prod".into()));
    origins.git(&["branch", "prod"]);
    let live = origins.live("prod").await;
    origins.git(&["branch", "--quiet", "-D", "prod"]);
    live.reload();
    let broken = until(&live, |now| now.problem.is_some()).await;
    assert!(message(&broken).contains("no branch and no tag `prod`; check --ref"), "{}", message(&broken));
    assert_eq!(seconds(&broken), 60);
    origins.git(&["branch", "prod"]);
    live.reload();
    until(&live, |now| now.problem.is_none()).await;
}

#[tokio::test]
async fn a_tag_never_stands_in_for_the_branch_of_its_name() {
    let origins = Origins::new();
    let old = origins.commit("policy.yaml", &policy(60));
    origins.git(&["tag", "--annotate", "--message", "x", "main"]);
    origins.git(&["tag", "v1"]);
    let new = origins.commit("policy.yaml", &policy(61));
    for (reference, commit) in [("main", &new), ("v1", &old), ("refs/tags/main", &old), (old.as_str(), &old)] {
        let in_force = origins.live(reference).await.in_force();
        assert_eq!(in_force.commit.as_ref(), Some(commit), "{reference}");
    }
}

#[tokio::test]
async fn a_repository_that_vanishes_changes_nothing_not_even_over_a_restart() {
    let origins = Origins::new();
    let commit = origins.commit("policy.yaml", &policy(60));
    let live = origins.live("main").await;
    fs::rename(origins.0.at("repo"), origins.0.at("gone")).unwrap();
    live.reload();
    let gone = until(&live, |now| now.problem.is_some()).await;
    assert!(message(&gone).starts_with("there is no such repository: "), "{}", message(&gone));
    drop(live);

    let live = origins.live("main").await;
    let restarted = live.in_force();
    assert_eq!((restarted.commit.as_deref(), seconds(&restarted)), (Some(&*commit), 60));
    assert!(message(&restarted).starts_with("there is no such repository: "));
    assert!(matches!(failure_of(start(origins.follow("v1")).await), Failure::NoRepository(_)), "another ref's copy");

    fs::rename(origins.0.at("gone"), origins.0.at("repo")).unwrap();
    live.reload();
    until(&live, |now| now.problem.is_none()).await;
}

#[tokio::test]
async fn a_copy_that_is_locked_or_damaged_is_made_anew() {
    let origins = Origins::new();
    origins.commit("policy.yaml", &policy(60));
    let live = origins.live("main").await;
    let copy = fs::read_dir(origins.0.at("cache")).unwrap().next().unwrap().unwrap().path();
    fs::write(copy.join("shallow.lock"), "").unwrap();
    fs::remove_dir_all(copy.join("objects")).unwrap();
    origins.commit("policy.yaml", &policy(61));
    live.reload();
    until(&live, |now| now.problem.is_some()).await;
    live.reload();
    assert_eq!(until(&live, |now| now.problem.is_none()).await.config.policy.poll_interval.as_secs(), 61);
    drop(live);
    fs::remove_dir_all(copy.join("objects")).unwrap();
    origins.live("main").await;
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_filters_of_a_repository_do_nothing() {
    let origins = Origins::new();
    origins.0.write("secret", "apiVersion: hunter2\n");
    std::os::unix::fs::symlink(origins.0.at("secret"), origins.0.at("repo/link.yaml")).unwrap();
    std::os::unix::fs::symlink(origins.0.at(""), origins.0.at("repo/folder")).unwrap();
    origins.0.write("repo/.gitattributes", "*.yaml filter=evil ident text eol=crlf\n");
    origins.commit(".hidden.yaml", "nonsense: [");
    let Err(OpenError::Invalid(diagnostics)) = start(origins.follow("main")).await else { panic!() };
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    assert_eq!((diagnostics[0].code, diagnostics[0].file.as_str()), (Code::Unreadable, "link.yaml"));
    assert!(!format!("{diagnostics:?}").contains("hunter2"));
    fs::remove_file(origins.0.at("repo/link.yaml")).unwrap();
    origins.commit("policy.yaml", &policy(60));
    assert_eq!(seconds(&origins.live("main").await.in_force()), 60);
}

#[tokio::test]
async fn a_folder_that_the_repository_has_not_is_told() {
    let origins = Origins::new();
    origins.commit("a/policy.yaml", &policy(60));
    for folder in ["b", "a/policy.yaml"] {
        let opened = start(origins.follow("main").folder(Path::new(folder)).unwrap()).await;
        assert_eq!(codes(opened), [Code::FolderNotFound], "{folder}");
    }
}

#[tokio::test]
async fn a_hostile_address_is_refused_before_git_hears_of_it() {
    for address in ["--upload-pack=x", "ext::sh%20-c%20x", "file:///etc", "-x@host:y"] {
        assert_eq!(Remote::parse(address).unwrap_err(), RemoteRefused::NotARepository, "{address}");
    }
    assert_eq!(Reference::parse("--upload-pack=x"), Err(RemoteRefused::Ref));
}

#[tokio::test]
async fn a_git_that_is_missing_is_told() {
    let origins = Origins::new();
    let failure = failure_of(start(origins.follow("main").program("/nowhere/git", Duration::from_secs(9))).await);
    assert_eq!((&failure, failure.hint()), (&Failure::Missing, "install git, or give a folder with --manifests"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_git_that_hangs_is_ended_with_everything_it_started() {
    use std::os::unix::fs::PermissionsExt as _;
    let origins = Origins::new();
    let (script, started) = (origins.0.at("git"), origins.0.at("started"));
    origins.0.write("git", format!("#!/bin/sh\nsleep 600 &\necho $! >> {}\nwait\n", started.display()));
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let limit = Duration::from_secs(3);
    let failure = failure_of(start(origins.follow("main").program(script, limit)).await);
    assert_eq!(failure, Failure::TimedOut(limit));
    for number in fs::read_to_string(started).unwrap().lines() {
        let status = Path::new("/proc").join(number).join("cmdline");
        let gone = async {
            while fs::read(&status).is_ok_and(|cmdline| cmdline.starts_with(b"sleep")) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(super::PATIENCE, gone).await.expect("the grandchild has ended");
    }
}

/// Git asks for a password over HTTP and gets it, but neither the server's answer nor a redirect makes it show again.
#[tokio::test]
async fn credentials_go_to_the_server_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let request = String::from_utf8(request).unwrap();
            let body = "no s3cret-word for adele";
            let head =
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"s3cret-word\"\r\nConnection: close\r\n";
            let reply = format!("{head}Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(reply.as_bytes()).await.unwrap();
            if let Some(line) = request.lines().find(|line| line.to_lowercase().starts_with("authorization:")) {
                return line.to_owned();
            }
        }
    });
    let cache = Folder::new();
    let remote = Remote::parse(&format!("http://adele:s3cret-word@127.0.0.1:{port}/x.git")).unwrap();
    let repository = Repository::new(remote, Reference::parse("main").unwrap(), &cache.at("cache"));
    let told = format!("{repository:?}");
    let failure = failure_of(start(repository).await);
    let Failure::Denied(_) = &failure else { panic!("{failure:?}") };
    // `adele:s3cret-word` in base64.
    assert!(server.await.unwrap().ends_with("Basic YWRlbGU6czNjcmV0LXdvcmQ="));
    assert!(!format!("{told}{failure}{failure:?}").contains("s3cret-word"), "{failure}");
    let kept =
        fs::read_to_string(fs::read_dir(cache.at("cache")).unwrap().next().unwrap().unwrap().path().join("config"));
    assert!(!kept.unwrap().contains("s3cret-word"));
}
