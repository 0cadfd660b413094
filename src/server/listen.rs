//! Connections: accepted so many at a time, each with its limits, and let go in an orderly way. Knows HTTP as far as
//! framing goes, and nothing of what is asked.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::files::Files;
use super::gate::Peer;
use super::limits::Limits;
use super::patient::Patient;

/// After an accept that failed for want of something, for example of file handles.
const PAUSE: Duration = Duration::from_millis(100);

/// What a connection comes through.
#[derive(Clone)]
pub struct Entrance {
    /// What answers.
    pub router: Router,
    /// What it may cost.
    pub limits: Limits,
    /// Speaks TLS.
    pub acceptor: Option<TlsAcceptor>,
}

/// Serves until `shutdown` completes, and then for the farewell.
pub async fn run(
    listener: TcpListener,
    entrance: Entrance,
    files: Arc<Files>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let slots = Arc::new(Semaphore::new(entrance.limits.connections));
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut looks = tokio::time::interval(entrance.limits.file_interval);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            _ = looks.tick() => look(&files),
            () = files.asked() => look(&files),
            (slot, stream, peer) = accept(&listener, &slots) => {
                connections.spawn(connection(entrance.clone(), stream, peer, slot, stopping.clone()));
            }
        }
    }
    drop((listener, stopping));
    let _ = stop.send(());
    let farewell = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(entrance.limits.farewell, farewell).await.is_err() {
        tracing::warn!("requests that were still under way are broken off");
        connections.shutdown().await;
    }
}

/// Takes a slot, then a connection: whoever comes when all slots are taken waits in the system's queue.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (OwnedSemaphorePermit, TcpStream, SocketAddr) {
    loop {
        // The semaphore is never closed.
        let Ok(slot) = Arc::clone(slots).acquire_owned().await else { return std::future::pending().await };
        match listener.accept().await {
            Ok((stream, peer)) => return (slot, stream, peer),
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Looks at the files of tokens and certificate, beside the threads that answer.
fn look(files: &Arc<Files>) {
    let files = Arc::clone(files);
    tokio::task::spawn_blocking(move || files.look());
}

async fn connection(
    entrance: Entrance,
    stream: TcpStream,
    peer: SocketAddr,
    slot: OwnedSemaphorePermit,
    mut stopping: watch::Receiver<()>,
) {
    let _ = stream.set_nodelay(true);
    let stream = Patient::new(stream, entrance.limits.write_timeout);
    match entrance.acceptor.clone() {
        None => converse(entrance, stream, peer, stopping).await,
        Some(acceptor) => {
            let shaken = tokio::time::timeout(entrance.limits.handshake_timeout, acceptor.accept(stream));
            let shaken = tokio::select! {
                shaken = shaken => shaken,
                _ = stopping.changed() => return,
            };
            match shaken {
                Ok(Ok(stream)) => converse(entrance, stream, peer, stopping).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS handshake"),
                Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
            }
        }
    }
    drop(slot);
}

/// Answers the requests of one connection.
async fn converse<T>(entrance: Entrance, stream: T, peer: SocketAddr, mut stopping: watch::Receiver<()>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Entrance { router, limits, acceptor: _ } = entrance;
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.call(request)
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.header_bytes)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(conversation);
    let ended = tokio::select! {
        ended = conversation.as_mut() => ended,
        _ = stopping.changed() => {
            conversation.as_mut().graceful_shutdown();
            conversation.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}
