//! A simulated Microsoft Graph and login service on loopback, for demos, documentation, benchmarks and tests.
//!
//! It imports nothing from the rest of the crate and shares no wire types with the client: two encodings make a test,
//! one makes a mirror. `docs/simulator.md` has the directory file, the faults and the control API.

mod applications;
mod bms;
mod change;
mod control;
mod delivery;
mod delta;
mod dump;
mod faults;
mod file;
mod generated;
mod graph;
mod http;
mod itglue;
mod listing;
mod login;
mod news;
mod notice;
mod object;
mod outbox;
mod properties;
mod registration;
mod render;
mod reply;
mod requests;
mod rounds;
mod settings;
mod state;
mod stats;
mod subscribe;
mod subscription;
mod trouble;
mod world;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use delivery::{Delivering, Webhooks};

pub use bms::{BmsAnswer, BmsControlError, BmsFault, BmsFaultError, BmsFaults, BmsRequest, Company};
pub use change::Deletion;
pub use control::{Control, ControlError};
pub use faults::{Fault, FaultError};
pub use file::{EXAMPLE, EXAMPLE_RECORDS, FileError};
pub use itglue::{ItGlue, ItGlueAnswer, ItGlueRequest, Trouble, TroubleError, Troubles};

pub use generated::{GENERATED_DOMAIN, GENERATED_TENANT};
pub use news::LifecycleEvent;
pub use settings::Faults;
pub use stats::{Class, Stats};
pub use world::World;

/// How a simulator serves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens: on loopback only. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Objects (and members) on a delta page.
    pub page_size: usize,
    /// How long an access token is valid.
    pub token_lifetime: Duration,
    /// How often a device may ask for its token.
    pub device_interval: Duration,
    /// Decides when faults of a probability strike, and orders.
    pub seed: u64,
    /// Faults that are on from the start.
    pub faults: Faults,
    /// How long after a change its notification is sent.
    pub notify_after: Duration,
    /// How long after a failed delivery the next try is made; it doubles with each further one.
    pub notify_retry: Duration,
    /// How long a webhook may take to answer its validation.
    pub validation_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            page_size: 200,
            token_lifetime: Duration::from_secs(3599),
            device_interval: Duration::from_secs(5),
            seed: 0,
            faults: Faults::default(),
            notify_after: Duration::from_millis(100),
            notify_retry: Duration::from_millis(500),
            validation_timeout: Duration::from_secs(10),
        }
    }
}

/// Why a simulator cannot serve.
#[derive(Debug, Error)]
pub enum SimulatorError {
    /// It was told to listen where others could reach it.
    #[error("cannot listen on {address}: the simulator serves loopback only, like 127.0.0.1:8400")]
    NotLoopback {
        /// Where it was told to listen.
        address: SocketAddr,
    },
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where it was told to listen.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The client that calls webhooks cannot be made.
    #[error("cannot make a client for webhooks")]
    Client(#[source] reqwest::Error),
    /// The operating system gives no randomness.
    #[error("cannot make a key to sign tokens with")]
    Key,
    /// The directory file cannot be used.
    #[error("cannot serve the directory file")]
    File(#[from] FileError),
    /// A fault cannot be set.
    #[error("cannot set a fault")]
    Fault(#[from] FaultError),
}

/// The simulator.
#[derive(Debug)]
pub struct Simulator;

impl Simulator {
    /// Serves a world in the background of the current tokio runtime, until the result is stopped or dropped.
    ///
    /// # Errors
    /// When the address is not on loopback or cannot be had, or no HTTP client can be made.
    pub async fn start(world: World, options: Options) -> Result<Running, SimulatorError> {
        let address = options.listen;
        if !address.ip().is_loopback() {
            return Err(SimulatorError::NotLoopback { address });
        }
        let unavailable = |source| SimulatorError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(unavailable)?;
        let address = listener.local_addr().map_err(unavailable)?;
        let webhooks = Webhooks::new(options.validation_timeout).map_err(SimulatorError::Client)?;
        let key = login::SigningKey::generate().ok_or(SimulatorError::Key)?;
        let control = Control(Arc::new(Mutex::new(state::State::new(world, options, key))));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving =
            axum::serve(listener, http::router(control.clone(), webhooks.clone())).with_graceful_shutdown(async {
                let _ = stopped.await;
            });
        let task = tokio::spawn(async move { serving.await });
        let delivering = Delivering::start(control.clone(), webhooks);
        Ok(Running { address, control, stop: Some(stop), task, _delivering: delivering })
    }
}

/// A simulator that is serving. It ends when this is dropped.
pub struct Running {
    address: SocketAddr,
    control: Control,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<std::io::Result<()>>,
    /// Notifications are delivered as long as this lives.
    _delivering: Delivering,
}

/// How long requests under way may still take when the simulator is stopped.
const FAREWELL: Duration = Duration::from_secs(2);

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The root of both services: what `endpoints.login` and `endpoints.graph` of a tenant say.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The control API, in process.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Stops listening and waits a little for the requests under way.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        if tokio::time::timeout(FAREWELL, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

/// What is served on the command line.
#[derive(Clone, Debug)]
pub enum Serve {
    /// The world of the demo.
    Example,
    /// A directory file.
    File(PathBuf),
    /// A made-up world.
    Generated {
        /// The same seed gives the same world.
        seed: u64,
        /// How many users.
        users: usize,
        /// How many groups.
        groups: usize,
    },
}

impl Serve {
    /// The world that is meant.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn world(&self) -> Result<World, FileError> {
        match self {
            Self::Example => World::example(),
            Self::File(path) => World::read(path),
            Self::Generated { seed, users, groups } => Ok(World::generate(*seed, *users, *groups)),
        }
    }
}

/// Serves until `shutdown` is done; `ready` is called once it listens.
///
/// # Errors
/// When the file cannot be used, or the address is not on loopback or cannot be had.
pub async fn serve(
    what: &Serve,
    options: Options,
    ready: impl FnOnce(&Running),
    shutdown: impl Future<Output = ()>,
) -> Result<(), SimulatorError> {
    let running = Simulator::start(what.world()?, options).await?;
    ready(&running);
    shutdown.await;
    running.stop().await;
    Ok(())
}

/// Whether a host, with or without a port, is this machine talking to itself.
fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_known_by_its_names() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:8400", "127.9.9.9", "[::1]:8400"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["example.com", "127.0.0.1.example.com", "10.0.0.1:80", "localhost.example", ""] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
