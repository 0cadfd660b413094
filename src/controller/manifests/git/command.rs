//! Runs git: with nothing of our environment but what it needs, no configuration but ours, a time limit and a limit of
//! what it may say, and nothing left behind. Knows nothing of manifests.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::failure::Failure;
use super::remote::{Credentials, Remote};

/// What is kept of what git complains about.
const MAX_STDERR: usize = 16 * 1024;

/// What git inherits, where it is set: where programs, keys, certificates and proxies are. Never a secret of ours.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "SYSTEMROOT",
    "USERPROFILE",
];

/// Configuration that overrules every other: no hooks, no submodules, no redirects, nothing in the background.
const CONFIGURED: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.symlinks=false",
    "core.fsmonitor=false",
    "core.askPass=",
    "credential.helper=",
    "protocol.allow=never",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "http.followRedirects=false",
    "gc.autoDetach=false",
    "maintenance.autoDetach=false",
    "gc.pruneExpire=now",
    "advice.detachedHead=false",
];

/// Answers git's question for a password from two variables that only git gets, so that no list of processes shows it.
const HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$BMSYNC_GIT_USER\" \
                      \"$BMSYNC_GIT_PASSWORD\"; }; f";

/// The git program, for one copy of one repository.
#[derive(Debug)]
pub(super) struct Git {
    pub(super) program: PathBuf,
    pub(super) copy: PathBuf,
    pub(super) remote: Remote,
    pub(super) time_limit: Duration,
}

/// A question to git.
#[derive(Debug)]
pub(super) struct Question<'a> {
    /// What is given on stdin.
    pub(super) input: &'a [u8],
    /// More bytes than these on stdout are a failure.
    pub(super) limit: usize,
}

/// A short answer.
pub(super) const BRIEF: Question<'static> = Question { input: b"", limit: 64 * 1024 };

impl Git {
    /// Runs git and gives what it printed.
    pub(super) async fn run(&self, words: &[&str], question: Question<'_>) -> Result<Vec<u8>, Failure> {
        let mut group = Group(self.command(words).spawn().map_err(|error| not_started(&error))?);
        timeout(self.time_limit, group.converse(question, &self.secrets()))
            .await
            .unwrap_or(Err(Failure::TimedOut(self.time_limit)))
    }

    fn command(&self, words: &[&str]) -> Command {
        let Self { program, copy, remote, time_limit: _ } = self;
        let mut command = Command::new(program);
        command.env_clear();
        command.envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.env("LC_ALL", "C").env("GIT_DIR", copy).env("GIT_TERMINAL_PROMPT", "0");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_ATTR_NOSYSTEM", "1");
        command.env("GIT_ALLOW_PROTOCOL", remote.protocol).env("GIT_SSH_COMMAND", ssh_command());
        for setting in CONFIGURED {
            command.args(["-c", setting]);
        }
        if let Some(credentials) = &remote.credentials {
            command.arg("-c").arg(format!("credential.{}.helper={HELPER}", credentials.origin));
            command.env("BMSYNC_GIT_USER", credentials.user.expose_secret());
            command.env("BMSYNC_GIT_PASSWORD", credentials.password.expose_secret());
        }
        command.args(words).current_dir(copy.parent().unwrap_or_else(|| Path::new("/")));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        command
    }

    fn secrets(&self) -> Vec<&str> {
        let Some(Credentials { origin: _, user, password }) = &self.remote.credentials else { return Vec::new() };
        match password.expose_secret() {
            // Some services take a token in the place of the user.
            "" => vec![user.expose_secret()],
            password => vec![password],
        }
    }
}

/// The operator's own way of calling SSH, or one that asks nobody.
fn ssh_command() -> OsString {
    std::env::var_os("GIT_SSH_COMMAND").unwrap_or_else(|| "ssh -oBatchMode=yes".into())
}

fn not_started(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::NotFound { Failure::Missing } else { Failure::Disk(error.to_string()) }
}

/// A running git with everything it has started; whatever still runs of it when this goes is ended.
struct Group(Child);

impl Group {
    async fn converse(&mut self, question: Question<'_>, secrets: &[&str]) -> Result<Vec<u8>, Failure> {
        let Question { input, limit } = question;
        let (stdin, stdout, stderr) = (self.0.stdin.take(), self.0.stdout.take(), self.0.stderr.take());
        let answer = async { read_all(stdout, limit).await.ok_or(Failure::TooMuch(limit)) };
        let complaint = async { Ok(read_start(stderr).await) };
        let (answer, complaint, ()) = tokio::try_join!(answer, complaint, async {
            ask(stdin, input).await;
            Ok(())
        })?;
        let status: io::Result<ExitStatus> = self.0.wait().await;
        match status {
            Ok(status) if status.success() => Ok(answer),
            Ok(_) => Err(Failure::said(&complaint, secrets)),
            Err(error) => Err(Failure::Other(error.to_string())),
        }
    }
}

#[cfg(unix)]
impl Drop for Group {
    /// As long as git was not waited for, its number is nobody else's.
    fn drop(&mut self) {
        let number = self.0.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(number) = number {
            let _ = rustix::process::kill_process_group(number, rustix::process::Signal::KILL);
        }
    }
}

/// A git that does not listen to the end has its reasons, and tells them on stderr.
async fn ask(stdin: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
    }
}

/// Everything, or nothing when it is more than the limit.
async fn read_all(from: Option<impl AsyncRead + Unpin>, limit: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        let _ = from.take(limit as u64 + 1).read_to_end(&mut bytes).await;
    }
    (bytes.len() <= limit).then_some(bytes)
}

/// The beginning is kept; the rest is read all the same, or git would wait for ever.
async fn read_start(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut from) = from else { return kept };
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        let room = MAX_STDERR.saturating_sub(kept.len());
        kept.extend_from_slice(&chunk[..read.min(room)]);
    }
    kept
}
