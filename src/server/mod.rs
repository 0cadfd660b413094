//! The HTTP side of a running bmsync: what [`Operations`] can be asked, over a socket.
//!
//! A connection comes in through `listen` (limits, TLS), each request through `gate` (who asks) and `router` (whether
//! they may, how much, how long) to a handler of the table in `routes`. It decides nothing and knows no rules.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use thiserror::Error;
use tokio::net::TcpListener;

mod auth;

mod body;

mod candidate;

mod connecting;
mod files;

mod gate;

mod health;

mod limits;

mod lists;

mod listen;

mod openapi;

mod orders;

mod patient;

mod planning;

mod problem;

mod query;

mod route;

mod router;

mod routes;

mod shapes;

mod tls;

mod webhook;

pub use auth::{Access, AccessError, AccessOptions, OPERATOR_VARIABLE, Role, TokenFault, VIEWER_VARIABLE};
pub use limits::Limits;
pub use openapi::openapi;
pub use problem::{MEDIA_TYPE as PROBLEM_MEDIA_TYPE, ProblemKind};
pub use tls::{TlsError, TlsFiles};

use crate::controller::Operations;
use crate::controller::metrics::Metrics;
use files::Files;
use tls::Certificates;

/// How a server serves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Who may ask.
    pub access: Access,
    /// Bounds on what a request may cost.
    pub limits: Limits,
    /// The certificate; without one the server speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Where answers are counted.
    pub metrics: Option<Arc<Metrics>>,
}

/// Why a server cannot serve.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where it was told to listen.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A server that has its address, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    limits: Limits,
    files: Arc<Files>,
    metrics: Option<Arc<Metrics>>,
}

/// Has a server look at its files again: tokens and certificate.
#[derive(Clone, Debug)]
pub struct Reread(Arc<Files>);

impl Reread {
    /// Looks now.
    pub fn look(&self) {
        self.0.ask();
    }
}

impl Server {
    /// Takes the address and reads the certificate. Port 0 takes any free one.
    ///
    /// # Errors
    /// When the address cannot be had, or the certificate cannot be used.
    pub async fn bind(address: SocketAddr, options: Options) -> Result<Self, ServeError> {
        let Options { access, limits, tls, metrics } = options;
        let certificates = tls.map(Certificates::load).transpose()?.map(Arc::new);
        let refused = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let files = Arc::new(Files::new(access, certificates));
        Ok(Self { listener, address, limits, files, metrics })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The root of what it serves, as a client on this machine would write it.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.files.certificates().is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// What an admin should know about who can reach it; `None` when there is nothing to say.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        let is_near = self.address.ip().to_canonical().is_loopback();
        match (is_near, self.files.access().is_local(), self.files.certificates().is_some()) {
            (true, _, _) | (false, false, true) => None,
            (false, true, _) => Some("no token is configured, so /v1 answers this machine only; see --tokens"),
            (false, false, false) => Some(
                "tokens travel in plain text; give --tls-cert and --tls-key, or let a proxy on this machine speak TLS",
            ),
        }
    }

    /// What has the server look at its files before their time.
    #[must_use]
    pub fn reread(&self) -> Reread {
        Reread(Arc::clone(&self.files))
    }

    /// Answers requests until `shutdown` completes, then lets those under way finish for a limited time.
    ///
    /// # Errors
    /// When TLS cannot be set up. A connection that fails is no error.
    pub async fn serve(
        self,
        operations: Arc<dyn Operations>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let Self { listener, address: _, limits, files, metrics } = self;
        let router = router::router(operations, gate::Gate { files: Arc::clone(&files), metrics }, &limits);
        let acceptor = files.certificates().map(Certificates::config).transpose()?.map(Arc::new);
        let entrance = listen::Entrance { router, limits, acceptor: acceptor.map(Into::into) };
        listen::run(listener, entrance, files, shutdown).await;
        Ok(())
    }
}

/// Listens on an address and serves until `shutdown` completes: [`Server::bind`] and [`Server::serve`] in one.
///
/// # Errors
/// As those of the two.
pub async fn serve(
    address: SocketAddr,
    options: Options,
    operations: Arc<dyn Operations>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    Server::bind(address, options).await?.serve(operations, shutdown).await
}
