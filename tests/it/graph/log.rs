//! What a log tells, and what it never does.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use bmsync::directory::TenantDirectory;
use bmsync::source::Source as _;

use super::server::Reply;
use super::world::{SECRET, USERS, World, last, next, status, with};

/// Lines of a log, kept in memory.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Takes down everything that this thread says until the result is dropped.
    pub(super) fn listen(&self) -> impl Drop + use<> {
        let writer = self.clone();
        // With a single subscriber, `tracing` may take what another test's thread first says for said to nobody.
        let second = tracing::Dispatch::new(tracing_subscriber::registry());
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        Listening(Some((tracing::subscriber::set_default(subscriber), second)))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Ends with its value.
struct Listening(Option<(tracing::subscriber::DefaultGuard, tracing::Dispatch)>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.take();
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().map_err(|_| std::io::Error::other("poisoned"))?.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_most_talkative_log_has_no_token_no_secret_and_no_link() {
    let log = Log::default();
    let guard = log.listen();
    let world = World::new([
        (USERS, vec![next("", "/v1.0/users/delta?$skiptoken=sk1p")]),
        (
            "/v1.0/users/delta?$skiptoken=sk1p",
            vec![status(503, ""), status(401, ""), last("", "/v1.0/users/delta?$deltatoken=d3lta")],
        ),
        (
            "/v1.0/users/delta?$deltatoken=d3lta",
            vec![with(status(410, ""), "location: /?$deltatoken=d3lta"), Reply::Close],
        ),
    ])
    .await;
    let source = world.source();
    let mut directory = TenantDirectory::default();
    source.refresh(&mut directory, &()).await.unwrap();
    source.refresh(&mut directory, &()).await.unwrap();
    let error = source.refresh(&mut directory, &()).await.unwrap_err();
    drop(guard);
    let mut told = log.text();
    for wanted in ["page read", "trying again", "directory read", "signed in", "mode=\"full\""] {
        assert!(told.contains(wanted), "{wanted} is missing in {told}");
    }
    write!(told, "{error:?} {error} {:?} {source:?} {directory:?}", error.source).unwrap();
    for hidden in [SECRET, "s3cret", "t0ken", "sk1p", "d3lta", "skiptoken", "deltatoken"] {
        assert!(!told.contains(hidden), "{hidden} is in {told}");
    }
}
