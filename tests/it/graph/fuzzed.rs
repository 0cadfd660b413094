//! What a directory service may answer: any bytes in the place of a page, a token or an error. A read succeeds and can be
//! repeated, or fails with words that hold no secret, and leaves no trace.

use std::error::Error as _;
use std::time::Duration;

use bmsync::directory::{Coverage, TenantDirectory};
use bmsync::source::graph::{GraphSource, Http};
use bmsync::source::{Source as _, SourceError};
use tokio::runtime::{Builder, Runtime};

use super::grants::Memory;
use super::server::Reply;
use super::world::{GROUPS, SECRET, TOKEN, USERS, World, last, shown, status, with};
use crate::fuzz::{Target, is_plain, play};

const WORDS: &[&str] = &[
    "value",
    "@odata.nextLink",
    "@odata.deltaLink",
    "{base}/users-delta-1",
    "{base}/v1.0/users/delta?$select=x",
    "@removed",
    "reason",
    "changed",
    "deleted",
    "members@delta",
    "@odata.type",
    "#microsoft.graph.user",
    "id",
    "userPrincipalName",
    "identities",
    "issuer",
    "MicrosoftAccount",
    "otherMails",
    "createdDateTime",
    "securityEnabled",
    "access_token",
    "token_type",
    "Bearer",
    "expires_in",
    "error",
    "error_description",
    "invalid_client",
    "AADSTS7000215",
    "code",
    "syncStateNotFound",
    "resyncRequired",
    "innerError",
    "users ",
    "token ",
    "429",
    "410",
    "403",
    "401",
    "503",
    "retry-after: 0",
    "location: {base}/v1.0/users/delta",
];

/// So many inputs share a runtime and a client; then their sockets are closed.
const SHARED: usize = 50;

/// Nothing of these may be told: the secret, the tokens, and what links carry.
const SECRETS: [&str; 3] = [SECRET, "t0ken.", "l1nk~state"];

/// What is played with the world of one input.
struct Stage {
    runtime: Runtime,
    http: Http,
    left: usize,
}

impl Stage {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let http = runtime.block_on(async { Http::new() });
        Self { runtime, http, left: SHARED }
    }

    /// Reads a directory that has this reply in it.
    fn judge(&mut self, target: &str, reply: Reply) -> String {
        if self.left == 0 {
            *self = Self::new();
        }
        self.left -= 1;
        self.runtime.block_on(judge(&self.http, target, reply))
    }
}

async fn judge(http: &Http, target: &str, reply: Reply) -> String {
    let mut world = World::new([(target, vec![reply])]).await;
    world.pace.budget = Duration::from_millis(100);
    let nobody = || Memory::default().delegation(&world.tenant.id);
    let source = || GraphSource::new(&world.tenant, http, world.pace, nobody()).expect("a source");
    let mut directory = TenantDirectory::default();
    if let Err(error) = source().refresh(&mut directory, &()).await {
        assert_eq!((&directory.coverage, directory.user_count(), directory.group_count()), (&Coverage::Partial, 0, 0));
        assert!(directory.links.is_none() && directory.read_at.is_none());
        return told(&error);
    }
    assert!(directory.coverage == Coverage::Complete && directory.links.is_some());
    let mut again = TenantDirectory::default();
    // A busy machine may run out of the little time that there is.
    if source().refresh(&mut again, &()).await.is_ok() {
        assert_eq!(shown(&again), shown(&directory), "the same answers make the same directory");
    }
    format!("{} users, {} groups", directory.user_count(), directory.group_count())
}

/// The error without what is particular to it.
fn told(error: &SourceError) -> String {
    let SourceError { class: _, job: _, code: _, message, hint, source } = error;
    let mut all = format!("{message}\n{}", hint.as_deref().unwrap_or_default());
    let mut cause = source.as_deref().map(|cause| cause as &dyn std::error::Error);
    while let Some(one) = cause {
        all = format!("{all}\n{one}");
        cause = one.source();
    }
    is_plain(&all);
    assert!(all.len() < 5000, "{} bytes", all.len());
    let debug = format!("{error:?}{:?}", error.source());
    for secret in SECRETS {
        assert!(!all.contains(secret) && !debug.contains(secret), "`{secret}` is told: {all}\n{debug}");
    }
    let common: String = message.split('`').step_by(2).collect();
    common.chars().filter(|sign| !sign.is_ascii_digit()).take(90).collect()
}

fn body(status: u16, bytes: &[u8]) -> Reply {
    Reply::Full { status, headers: "content-type: application/json\r\n".to_owned(), body: bytes.to_vec() }
}

fn target(test: &'static str, corpus: &'static str, inputs: u64) -> Target {
    Target { test, corpus, words: WORDS, inputs }
}

#[test]
fn any_page_of_users() {
    let mut stage = Stage::new();
    let target = target("graph::fuzzed::any_page_of_users", "graph-users", 300);
    play(&target, |bytes| stage.judge(USERS, body(200, bytes)));
}

#[test]
fn any_page_of_groups() {
    let mut stage = Stage::new();
    let target = target("graph::fuzzed::any_page_of_groups", "graph-groups", 300);
    play(&target, |bytes| stage.judge(GROUPS, body(200, bytes)));
}

#[test]
fn any_token() {
    let mut stage = Stage::new();
    let target = target("graph::fuzzed::any_token", "graph-token", 120);
    play(&target, |bytes| stage.judge(TOKEN, body(200, bytes)));
}

/// The first line of such an input says to what it is the answer, and with which status; the second is a header.
fn refusal(bytes: &[u8]) -> (&'static str, Reply) {
    let mut parts = bytes.splitn(3, |byte| *byte == b'\n');
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (first, header) = (text(), text());
    let (to, code) = first.split_once(' ').unwrap_or(("users", "400"));
    let target = if to == "token" { TOKEN } else { USERS };
    let code = code.trim().parse::<u16>().ok().filter(|code| (200..600).contains(code)).unwrap_or(400);
    let reply = body(code, parts.next().unwrap_or_default());
    (target, with(reply, header.trim_end_matches('\r')))
}

#[test]
fn any_refusal() {
    let mut stage = Stage::new();
    let target = target("graph::fuzzed::any_refusal", "graph-errors", 250);
    play(&target, |bytes| {
        let (target, reply) = refusal(bytes);
        stage.judge(target, reply)
    });
}

#[test]
fn a_stage_reads_what_is_right() {
    let mut stage = Stage::new();
    assert_eq!(stage.judge(USERS, last(r#"{"id":"u1"}"#, "/users-delta-1")), "1 users, 0 groups");
    assert!(stage.judge(USERS, status(403, "{}")).contains("users page "));
}
