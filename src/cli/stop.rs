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

/// On Unix the signal that asks a service to look at everything again; heard from the beginning on, so that none is missed
/// between two looks.
pub struct Hangups {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangups {
    /// Listens from now on; needs a tokio runtime.
    #[cfg(unix)]
    pub fn listen() -> Self {
        Self { signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok() }
    }

    /// Listens from now on.
    #[cfg(not(unix))]
    pub const fn listen() -> Self {
        Self {}
    }

    /// Resolves when the signal came; never without signals.
    pub async fn heard(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
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
