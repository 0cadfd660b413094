//! Being told to stop, or to look again, by the operating system.

/// Ctrl-C, or on Unix the polite signal of whoever started it. Without a way to be told, it serves until it is killed.
pub async fn told_to_stop() {
    #[cfg(unix)]
    let terminated = signalled(tokio::signal::unix::SignalKind::terminate());
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = terminated => {}
        () = interrupted => {}
    }
}

/// On Unix the signal that asks a service to read its configuration again.
pub async fn told_to_look() {
    #[cfg(unix)]
    signalled(tokio::signal::unix::SignalKind::hangup()).await;
    #[cfg(not(unix))]
    std::future::pending::<()>().await;
}

#[cfg(unix)]
async fn signalled(kind: tokio::signal::unix::SignalKind) {
    match tokio::signal::unix::signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}
