//! Why git could not bring the manifests: sorted by what a person has to do, without a secret in it.

use std::time::Duration;

use thiserror::Error;

use crate::display::safe;

/// What went wrong with git.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// There is no such program.
    #[error("git is not installed")]
    Missing,
    /// It was ended, with everything it had started.
    #[error("git took longer than {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It said more than anybody wants to hear.
    #[error("git answers with more than {0} bytes")]
    TooMuch(usize),
    /// The server wants other credentials, or shows another key than it should.
    #[error("the server refuses access: {0}")]
    Denied(String),
    /// The server is not there.
    #[error("the repository cannot be reached: {0}")]
    Offline(String),
    /// The server is there, but it has no such repository, or does not say so.
    #[error("there is no such repository: {0}")]
    NoRepository(String),
    /// The repository has no such branch or tag.
    #[error("the repository has no branch and no tag `{0}`")]
    UnknownRef(String),
    /// The copy beside the state cannot be kept.
    #[error("the copy of the repository cannot be kept: {0}")]
    Disk(String),
    /// Anything else, in git's words.
    #[error("git failed: {0}")]
    Other(String),
}

/// What becomes of words.
type Sort = fn(String) -> Failure;

/// What git says, and what it means: the first that is found counts.
const WORDS: &[(Sort, &[&str])] = &[
    (
        Failure::Denied,
        &[
            "authentication failed",
            "could not read username",
            "could not read password",
            "permission denied (",
            "host key verification failed",
            "the requested url returned error: 401",
            "the requested url returned error: 403",
            "dubious ownership",
        ],
    ),
    (
        Failure::NoRepository,
        &[
            "does not appear to be a git repository",
            "repository not found",
            "not found",
            "the requested url returned error: 404",
        ],
    ),
    (
        Failure::Offline,
        &[
            "could not resolve host",
            "failed to connect",
            "couldn't connect",
            "connection refused",
            "connection timed out",
            "the requested url returned error: 5",
            "ssl ",
            "certificate",
            "unable to access",
            "the remote end hung up",
        ],
    ),
];

impl Failure {
    /// What git said on stderr, sorted. `secrets` are blotted out, should a server repeat them.
    pub(super) fn said(stderr: &[u8], secrets: &[&str]) -> Self {
        let text = fit_to_show(&String::from_utf8_lossy(stderr), secrets);
        let lower = text.to_lowercase();
        let means = |(_, words): &&(Sort, &[&str])| words.iter().any(|word| lower.contains(word));
        WORDS.iter().find(means).map_or(Self::Other as Sort, |(failure, _)| *failure)(text)
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Missing => "install git, or give a folder with --manifests",
            Self::TimedOut(_) => "is the repository large, or the network slow? It is tried again",
            Self::TooMuch(_) => "is this the repository of the manifests?",
            Self::Denied(_) => "check the credentials or the deploy key, and for SSH the known host keys",
            Self::Offline(_) => "check the URL, the network and its proxy; it is tried again",
            Self::NoRepository(_) => "check the URL; a private repository may not show itself without credentials",
            Self::UnknownRef(_) => "check --ref",
            Self::Disk(_) => "check the space and the rights of the folder beside the state",
            Self::Other(_) => "the copy of the repository is made anew with the next attempt",
        }
    }

    /// Whether the copy itself may be what is broken: damaged, or locked by a git that was ended.
    pub(super) const fn casts_doubt_on_the_copy(&self) -> bool {
        match self {
            Self::TimedOut(_) | Self::TooMuch(_) | Self::Disk(_) | Self::Other(_) => true,
            Self::Missing | Self::Denied(_) | Self::Offline(_) | Self::NoRepository(_) | Self::UnknownRef(_) => false,
        }
    }
}

/// The lines that say something, as one.
fn fit_to_show(stderr: &str, secrets: &[&str]) -> String {
    let lines = stderr.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("hint:"));
    let mut text = lines.collect::<Vec<_>>().join("; ");
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "***");
    }
    if text.is_empty() { "it does not say why".to_owned() } else { safe(&text).into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_is_sorted_by_what_a_person_has_to_do() {
        let sorted = |text: &str| Failure::said(text.as_bytes(), &[]);
        assert!(matches!(sorted("fatal: Authentication failed for 'https://x/'"), Failure::Denied(_)));
        assert!(matches!(sorted("git@x: Permission denied (publickey).\nfatal: …"), Failure::Denied(_)));
        assert!(matches!(sorted("remote: Repository not found.\nfatal: …"), Failure::NoRepository(_)));
        let host = "fatal: unable to access 'https://x/': Could not resolve host: x";
        assert!(matches!(sorted(host), Failure::Offline(_)));
        assert!(matches!(sorted("fatal: Unable to create 'shallow.lock': File exists."), Failure::Other(_)));
    }

    #[test]
    fn neither_control_characters_nor_secrets_get_through() {
        let failure = Failure::said(b"remote: \x1b[2Jtoken s3cret is wrong\r\nhint: x\n", &["s3cret", ""]);
        assert_eq!(failure.to_string(), "git failed: remote: \\u{1b}[2Jtoken *** is wrong");
    }
}
